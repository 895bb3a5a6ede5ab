//! `distil apko`: apko's words become requests of `ops`, and nothing else is decided here.

pub(crate) mod args;
mod options;
mod show;

use std::path::Path;

use diag::{Diagnostic, Kind};
use ops::World;
use ops::report::BuildReport;
use ops::request::BuildRequest;
use serde_json::json;

use self::args::{ApkoArgs, ApkoBuild, ApkoCommand, ApkoLock, ApkoPublish, ImageArgs};
use crate::args::Cli;
use crate::commands::{Clock, print, print_images};
use crate::environment::Environment;
use crate::login_args::LoginArgs;
use crate::render::progress::Loudness;
use crate::render::{size, summary};
use crate::{Talk, exit, login, surroundings};

/// Runs one of apko's commands; the number is the exit code of a success.
pub(crate) fn run(args: &ApkoArgs, cli: &Cli, env: &Environment, talk: &Talk) -> Result<u8, Diagnostic> {
    let env = match &args.workdir {
        Some(dir) => &env.working_in(dir),
        None => env,
    };
    let talk = match options::loudness(args.log_level.as_deref())? {
        Some(loudness) if talk.loudness == Loudness::Normal => &talk.at(loudness),
        _ => talk,
    };
    let run = Run { cli, env, talk };
    match &args.what {
        ApkoCommand::Build(args) => run.build(args)?,
        ApkoCommand::Publish(args) => run.publish(args)?,
        ApkoCommand::Lock(args) => run.lock(args)?,
        ApkoCommand::ShowPackages(args) => {
            // A slip of the pen shows before anything is resolved.
            let format = show::Format::read(&args.format)?;
            let lists = ops::apko::packages(&run.world()?, &options::lock(&args.recipe, true))?;
            talk.data(|| json!({ "schema": 0, "packages": lists }))?;
            if !talk.json {
                show::packages(&lists, &format, talk)?;
            }
        }
        ApkoCommand::ShowConfig { recipe } => {
            let config = ops::apko::config(&run.world()?, &recipe.file, &options::above(recipe))?;
            match talk.json {
                true => talk.data(|| json!({ "schema": 0, "config": config }))?,
                false => print(&ops::apko::yaml(&config))?,
            }
        }
        ApkoCommand::Dot(args) => {
            let lists = ops::apko::packages(&run.world()?, &options::lock(&args.recipe, true))?;
            print(&show::graph(&args.recipe.file, &lists, args.spanning_tree))?;
        }
        ApkoCommand::Login(args) => {
            let words = LoginArgs {
                registry: args.server.clone(),
                user: args.username.clone(),
                password_stdin: args.password_stdin,
                check: false,
            };
            let request = login::request(&words, args.password.as_deref(), env, talk)?;
            return login::login(&run.world()?, &request, talk);
        }
        ApkoCommand::Clean { dry_run } => run.clean(*dry_run)?,
        ApkoCommand::Version => version(talk)?,
    }
    Ok(exit::DONE)
}

/// A command with its surroundings.
struct Run<'a> {
    cli: &'a Cli,
    env: &'a Environment,
    talk: &'a Talk,
}

impl Run<'_> {
    fn world(&self) -> Result<World, Diagnostic> {
        surroundings::world(&self.cli.global, self.env, self.talk)
    }

    /// SOURCE_DATE_EPOCH is stronger than `--build-date`, as with apko.
    fn world_for(&self, image: &ImageArgs) -> Result<World, Diagnostic> {
        let date = image.build_date.as_deref().map(options::build_date).transpose()?;
        let mut world = self.world()?;
        world.epoch = world.epoch.or(date);
        Ok(world)
    }

    fn build(&self, args: &ApkoBuild) -> Result<(), Diagnostic> {
        let request = options::build(args, |path| self.env.working_dir.join(path).is_dir())?;
        self.make(&args.image, &request).map(drop)
    }

    fn publish(&self, args: &ApkoPublish) -> Result<(), Diagnostic> {
        let request = options::publish(args)?;
        let report = self.make(&args.image, &request)?;
        let Some(file) = &args.image_refs else { return Ok(()) };
        if args.local {
            self.talk.say_line("note: --image-refs is of no effect: nothing is pushed");
            return Ok(());
        }
        let refs = image_refs(&report);
        Ok(store::write_atomically(&self.env.working_dir.join(file), refs.as_bytes())?)
    }

    fn make(&self, image: &ImageArgs, request: &BuildRequest) -> Result<BuildReport, Diagnostic> {
        let clock = Clock::start();
        let world = self.world_for(image)?;
        let report = ops::build::build(&world, request)?;
        self.talk.say(&summary::build(&report, self.env, clock.took(), false, self.talk.style));
        print_images(self.talk, &report)?;
        Ok(report)
    }

    fn lock(&self, args: &ApkoLock) -> Result<(), Diagnostic> {
        let request = options::lock(&args.recipe, false);
        let written = ops::apko::lock(&self.world()?, &request, args.output.as_deref())?;
        self.talk.say(&summary::lock_lines(&written.report, self.env.now, self.talk.style));
        let path = shown(&written.path, &self.env.working_dir);
        self.talk.say_line(&format!("  written  {path} (apko's lock)"));
        self.talk.data(|| json!({ "schema": 0, "lock": written.report, "apko": path }))
    }

    fn clean(&self, dry_run: bool) -> Result<(), Diagnostic> {
        let world = self.world()?;
        if dry_run {
            let rows = ops::cache::info(&world)?;
            let cached = rows.iter().filter(|r| r.kind != "images");
            let (objects, bytes) = cached.fold((0, 0), |(o, b), r| (o + r.objects, b + r.bytes));
            let text = format!("{}, {}", size::count(objects, "object", "objects"), diag::bytes(bytes));
            self.talk.say_line(&format!("would delete {text} in {}", world.cache_dir.display()));
            return self.talk.data(|| json!({ "schema": 0, "objects": objects, "bytes": bytes }));
        }
        let freed = ops::cache::prune(&world, None)?;
        let text =
            format!("{}, {}", size::count(freed.objects, "object", "objects"), diag::bytes(freed.bytes));
        self.talk.say_line(&format!("deleted {text} in {}", world.cache_dir.display()));
        self.talk.data(|| json!({ "schema": 0, "deleted": freed.objects, "bytes": freed.bytes }))
    }
}

/// What was pushed, by digest: each platform, then the index, a line each.
fn image_refs(report: &BuildReport) -> String {
    let mut lines = Vec::new();
    for pushed in &report.pushed {
        let name = pushed.to.trim_start_matches("docker://").split('@').next().unwrap_or_default();
        let repository = match name.rsplit_once(':') {
            Some((repository, tag)) if !tag.contains('/') => repository,
            _ => name,
        };
        let platforms = report.images.iter().flat_map(|image| &image.platforms).map(|p| p.manifest);
        lines.extend(platforms.chain([pushed.digest]).map(|digest| format!("{repository}@{digest}")));
    }
    lines.join("\n") + "\n"
}

fn version(talk: &Talk) -> Result<(), Diagnostic> {
    let version = env!("CARGO_PKG_VERSION");
    match talk.json {
        true => {
            talk.data(|| json!({ "schema": 0, "gitVersion": format!("v{version}"), "program": "distil" }))
        }
        false => print(&format!("distil {version}, with apko's command line\n")),
    }
}

/// A path as the user would write it.
fn shown(path: &Path, working_dir: &Path) -> String {
    path.strip_prefix(working_dir).unwrap_or(path).display().to_string()
}

/// A mistake in the words of the command line.
fn usage(text: impl Into<String>, hint: impl Into<String>) -> Diagnostic {
    Diagnostic::new(Kind::Usage, text).hint(hint)
}
