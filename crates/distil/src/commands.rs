//! One arm per command: options in, the verb of `ops`, its value out.

use std::time::{Duration, Instant};

use clap_complete::generate;
use diag::{Diagnostic, Kind};
use ops::World;
use serde_json::{Value, json};

use crate::args::{CacheArgs, CacheCommand, Cli, Command, LockArgs};
use crate::environment::Environment;
use crate::looking::Here;
use crate::render::{size, style, summary};
use crate::{Talk, exit, login, options, surroundings, transfers};

/// Runs the command; the number is the exit code of a success.
pub(crate) fn run(cli: &Cli, env: &Environment, talk: &Talk) -> Result<u8, Diagnostic> {
    let clock = Clock::start();
    match &cli.command {
        Command::Build(args) => {
            let request = options::build(args)?;
            let world = surroundings::world(&cli.global, env, talk)?;
            let report = ops::build::build(&world, &request)?;
            talk.say(&summary::build(&report, env, clock.took(), args.explain, talk.style));
            print_images(talk, &report)?;
        }
        Command::Lock(args) => return lock(args, cli, env, talk),
        Command::Update(args) => {
            let request = options::update(args);
            let world = surroundings::world(&cli.global, env, talk)?;
            let outcome = ops::lock::lock(&world, &request)?;
            talk.say(&summary::lock_lines(&outcome.report, env.now, talk.style));
            talk.data(|| json!({ "schema": 0, "lock": outcome.report }))?;
        }
        Command::Inspect(args) => return Here { cli, env, talk }.inspect(args),
        Command::Tree(args) => return Here { cli, env, talk }.tree(args),
        Command::Why(args) => return Here { cli, env, talk }.why(args),
        Command::Diff(args) => return Here { cli, env, talk }.diff(args),
        Command::Extract(args) => return Here { cli, env, talk }.extract(args),
        Command::History(args) => return Here { cli, env, talk }.history(args),
        Command::Login(args) if args.check => {
            return login::check(&surroundings::world(&cli.global, env, talk)?, args, talk);
        }
        Command::Login(args) => {
            let request = login::request(args, None, env, talk)?;
            return login::login(&surroundings::world(&cli.global, env, talk)?, &request, talk);
        }
        Command::Logout(args) => {
            return login::logout(&surroundings::world(&cli.global, env, talk)?, args, talk);
        }
        Command::Push(args) => transfers::push(args, &surroundings::world(&cli.global, env, talk)?, talk)?,
        Command::Pull(args) => transfers::pull(args, &surroundings::world(&cli.global, env, talk)?, talk)?,
        Command::Copy(args) => transfers::copy(args, &surroundings::world(&cli.global, env, talk)?, talk)?,
        Command::Append(args) => {
            transfers::append(args, &surroundings::world(&cli.global, env, talk)?, talk)?
        }
        Command::Rebase(args) => {
            transfers::rebase(args, &surroundings::world(&cli.global, env, talk)?, talk)?
        }
        Command::Tag(args) => transfers::tag(args, &surroundings::world(&cli.global, env, talk)?, talk)?,
        Command::Ls(args) => transfers::ls(args, &surroundings::world(&cli.global, env, talk)?, talk)?,
        Command::Rm(args) => transfers::rm(args, &surroundings::world(&cli.global, env, talk)?, talk)?,
        Command::Report(args) => return crate::report_args::run(args, cli, env, talk),
        Command::Apko(args) => return crate::apko::run(args, cli, env, talk),
        Command::Settings(_) => {
            let world = surroundings::world(&cli.global, env, talk)?;
            settings(&world, talk)?;
        }
        Command::Schema => print_as_is(&format!("{}\n", ops::schema::schema()))?,
        Command::Cache(args) => {
            let world = surroundings::world(&cli.global, env, talk)?;
            return cache(args, &world, talk);
        }
        Command::Completions { shell } => {
            let mut out = Vec::new();
            generate(*shell, &mut crate::command(), "distil", &mut out);
            print_as_is(&String::from_utf8_lossy(&out))?;
        }
        Command::Man { dir } => man(dir.as_deref())?,
    }
    Ok(exit::DONE)
}

/// The time a command took, for the summary.
pub(crate) struct Clock(Instant);

impl Clock {
    #[expect(clippy::disallowed_methods, reason = "the summary says how long it took; nothing depends on it")]
    pub(crate) fn start() -> Clock {
        Clock(Instant::now())
    }

    pub(crate) fn took(&self) -> Duration {
        self.0.elapsed()
    }
}

/// One line per image, or JSON.
pub(crate) fn print_images(talk: &Talk, report: &ops::report::BuildReport) -> Result<(), Diagnostic> {
    if talk.json {
        talk.data(|| {
            json!({
                "schema": 0,
                "images": report.images,
                "locks": report.locks,
                "written": report.written,
                "pushed": report.pushed,
                "loaded": transfers::loaded_json(&report.loaded),
                "unchanged": report.unchanged,
            })
        })?;
        return Ok(());
    }
    let mut out = String::new();
    for image in &report.images {
        for name in &image.names {
            out.push_str(&format!("{name}@{}\n", image.digest));
        }
    }
    for loaded in &report.loaded {
        out.push_str(&format!("{} {}\n", loaded.name, loaded.id));
    }
    print(&out)
}

fn lock(args: &LockArgs, cli: &Cli, env: &Environment, talk: &Talk) -> Result<u8, Diagnostic> {
    let request = options::lock(args);
    let world = surroundings::world(&cli.global, env, talk)?;
    if args.verify {
        let verified = ops::lock::verify(&world, &request)?;
        for line in &verified {
            talk.say_line(&format!("verified {line}"));
        }
        talk.data(|| json!({ "schema": 0, "verified": verified }))?;
        return Ok(exit::DONE);
    }
    let outcome = ops::lock::lock(&world, &request)?;
    talk.say(&summary::lock_lines(&outcome.report, env.now, talk.style));
    if args.explain {
        outcome.report.explain.iter().for_each(|row| talk.say(&summary::explain_line(row, talk.style)));
    }
    if talk.json {
        print_as_is(&format!("{}\n", outcome.json(args.variant.as_deref())?))?;
    }
    Ok(exit::DONE)
}

fn settings(world: &World, talk: &Talk) -> Result<(), Diagnostic> {
    let rows = ops::settings::settings(world)?;
    if talk.json {
        let map: serde_json::Map<String, Value> =
            rows.into_iter().map(|r| (r.name, json!({ "value": r.value, "from": r.from }))).collect();
        talk.data(|| json!({ "schema": 0, "settings": map }))?;
    } else {
        let text: String =
            rows.iter().map(|r| format!("{:<18} {}  ({})\n", r.name, r.value, r.from)).collect();
        print(&text)?;
    }
    Ok(())
}

fn cache(args: &CacheArgs, world: &World, talk: &Talk) -> Result<u8, Diagnostic> {
    match &args.what {
        CacheCommand::Info => {
            let rows = ops::cache::info(world)?;
            if talk.json {
                talk.data(|| json!({ "schema": 0, "cache": rows }))?;
            } else {
                let line = |r: &ops::cache::Row| {
                    format!("{:<12} {:>8} {:>10}\n", r.kind, r.objects, diag::bytes(r.bytes))
                };
                print(&rows.iter().map(line).collect::<String>())?;
            }
        }
        CacheCommand::Prune { older_than, all } => {
            let age = if *all { None } else { Some(options::age(older_than)?) };
            let freed = ops::cache::prune(world, age)?;
            talk.say_line(&format!(
                "deleted {}, {}",
                size::count(freed.objects, "object", "objects"),
                diag::bytes(freed.bytes)
            ));
            talk.data(|| json!({ "schema": 0, "deleted": freed.objects, "bytes": freed.bytes }))?;
        }
        CacheCommand::Verify => {
            let found = ops::cache::verify(world)?;
            talk.say_line(&format!(
                "checked {}, {} bad",
                size::count(found.checked, "object", "objects"),
                found.bad.len()
            ));
            talk.data(|| json!({ "schema": 0, "checked": found.checked, "bad": found.bad }))?;
            if !found.bad.is_empty() {
                for name in &found.bad {
                    talk.say_line(&format!("  deleted {name}; it is fetched or made again when wanted"));
                }
                return Ok(exit::code(Kind::Findings));
            }
        }
    }
    Ok(exit::DONE)
}

fn man(dir: Option<&std::path::Path>) -> Result<(), Diagnostic> {
    let page = |command: clap::Command| {
        let mut out = Vec::new();
        clap_mangen::Man::new(command).render(&mut out).map(|()| out)
    };
    let io = |what: &str, e: &std::io::Error| {
        Diagnostic::new(Kind::Machine, format!("cannot write manual pages into {what}: {e}"))
            .hint("name a directory that you may write to")
    };
    let Some(dir) = dir else {
        let out = page(crate::command()).map_err(|e| io("standard output", &e))?;
        return print_as_is(&String::from_utf8_lossy(&out));
    };
    #[expect(
        clippy::disallowed_methods,
        reason = "the user names the directory; nothing half-written matters here"
    )]
    std::fs::create_dir_all(dir).map_err(|e| io(&dir.display().to_string(), &e))?;
    clap_mangen::generate_to(crate::command(), dir).map_err(|e| io(&dir.display().to_string(), &e))
}

/// Data, line by line, for people and pipes; nothing in it commands the terminal.
pub(crate) fn print(text: &str) -> Result<(), Diagnostic> {
    print_as_is(&style::escaped_lines(text))
}

/// What is ours to the last byte: JSON, which has escapes of its own, and what we generate. A reader that went away is no failure of ours; a full disk is.
pub(crate) fn print_as_is(text: &str) -> Result<(), Diagnostic> {
    use std::io::{ErrorKind, Write};
    // Where the user wanted a file there, as docker-archive:/dev/stdout, a line more would damage it.
    let (name, mut out): (_, Box<dyn Write>) = match store::stdout_is_taken() {
        true => ("standard error", Box::new(std::io::stderr().lock())),
        false => ("standard output", Box::new(std::io::stdout().lock())),
    };
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(e) if e.kind() != ErrorKind::BrokenPipe => {
            Err(Diagnostic::new(Kind::Machine, format!("cannot write to {name}: {e}"))
                .hint("look at where it leads: a full disk, a closed file"))
        }
        _ => Ok(()),
    }
}

impl Talk {
    /// A JSON document, where the user asked for JSON.
    pub(crate) fn data(&self, value: impl FnOnce() -> Value) -> Result<(), Diagnostic> {
        if self.json { print_as_is(&format!("{}\n", value())) } else { Ok(()) }
    }
}
