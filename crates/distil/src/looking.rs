//! The verbs that look into images: options in, the verb of `ops`, its value out.

use diag::{Diagnostic, Kind};
use ops::extract::Destination;
use ops::image_name::ImageName;
use ops::look::{FileKind, Subject};
use ops::tree::{Sort, TreeRequest};
use serde_json::json;

use crate::args::Cli;
use crate::commands::print;
use crate::environment::Environment;
use crate::inspect_args::{
    DiffArgs, ExtractArgs, HistoryArgs, ImageArgs, InspectArgs, KindWord, SortWord, TreeArgs, WhyArgs,
};
use crate::render::{difference, file_tree, inspection, reason, story};
use crate::{Talk, exit, surroundings};

/// Where a verb runs.
pub(crate) struct Here<'a> {
    pub(crate) cli: &'a Cli,
    pub(crate) env: &'a Environment,
    pub(crate) talk: &'a Talk,
}

impl Here<'_> {
    fn world(&self) -> Result<ops::World, Diagnostic> {
        surroundings::world(&self.cli.global, self.env, self.talk)
    }

    /// JSON where it is wanted, else the text.
    fn show<T: serde::Serialize>(&self, value: &T, text: impl FnOnce() -> String) -> Result<u8, Diagnostic> {
        if !self.cli.global.json {
            print(&text())?;
            return Ok(exit::DONE);
        }
        let mut document = serde_json::to_value(value)
            .map_err(|e| Diagnostic::new(Kind::Internal, format!("cannot write JSON: {e}")))?;
        if let Some(map) = document.as_object_mut() {
            map.insert("schema".to_owned(), json!(0));
        }
        self.talk.data(|| document)?;
        Ok(exit::DONE)
    }

    pub(crate) fn inspect(&self, args: &InspectArgs) -> Result<u8, Diagnostic> {
        let subject = subject(&args.image)?;
        let found = ops::inspect::inspect(&self.world()?, &subject)?;
        self.show(&found, || inspection::text(&found, args.packages))
    }

    pub(crate) fn tree(&self, args: &TreeArgs) -> Result<u8, Diagnostic> {
        let subject = Subject { up_to: args.up_to_layer, ..subject(&args.image)? };
        let request = TreeRequest {
            path: args.path.clone(),
            filter: args.filter.clone(),
            packages: args.package.clone(),
            layers: args.layer.clone(),
            kinds: args.kind.iter().map(|word| kind(*word)).collect(),
            unowned: args.unowned,
            sort: match args.sort {
                SortWord::Name => Sort::Name,
                SortWord::Size => Sort::Size,
                SortWord::Time => Sort::Time,
            },
            depth: args.depth,
        };
        let found = ops::tree::tree(&self.world()?, &subject, &request)?;
        let columns = file_tree::Columns { long: args.long, time: matches!(args.sort, SortWord::Time) };
        self.show(&found, || file_tree::text(&found, columns))
    }

    pub(crate) fn why(&self, args: &WhyArgs) -> Result<u8, Diagnostic> {
        let subject = Subject { up_to: args.up_to_layer, ..subject(&args.image)? };
        let found = ops::why::why(&self.world()?, &subject, &args.what)?;
        self.show(&found, || reason::text(&found))
    }

    pub(crate) fn diff(&self, args: &DiffArgs) -> Result<u8, Diagnostic> {
        let (from, to) = sides(args)?;
        let mut found = ops::diff::diff(&self.world()?, &from, &to, args.times)?;
        if args.packages {
            found.files.clear();
            found.same = found.config.is_empty() && found.packages.is_empty();
        }
        self.show(&found, || match args.markdown {
            true => difference::markdown(&found),
            false => difference::text(&found),
        })?;
        Ok(if args.exit_code && !found.same { exit::code(Kind::Findings) } else { exit::DONE })
    }

    pub(crate) fn extract(&self, args: &ExtractArgs) -> Result<u8, Diagnostic> {
        let subject = Subject { up_to: args.up_to_layer, ..subject(&args.image)? };
        let world = self.world()?;
        let place = args.output.as_ref().filter(|place| place.as_os_str() != "-");
        let mut out = Listened { out: std::io::stdout().lock(), left: false };
        let to = match place {
            Some(place) => Destination::Place(place.clone()),
            None if self.cli.global.json => {
                let text = "cannot extract to standard output with --json: both would be there";
                return Err(Diagnostic::new(Kind::Usage, text).hint("name a file or directory with -o"));
            }
            None => Destination::Stream(&mut out),
        };
        let done = ops::extract::extract(&world, &subject, &args.path, to);
        // Who has seen enough, as head(1), wants no more: that is no fault.
        if out.left {
            return Ok(exit::DONE);
        }
        drop(out);
        let done = done?;
        if let Some(place) = place {
            let place = place.display().to_string();
            self.talk.say_line(&story::extracted(&done, &place));
            self.talk.data(|| {
                json!({ "schema": 0, "path": done.path, "output": place, "entries": done.entries, "bytes": done.bytes })
            })?;
        }
        Ok(exit::DONE)
    }

    pub(crate) fn history(&self, args: &HistoryArgs) -> Result<u8, Diagnostic> {
        let subject = subject(&args.image)?;
        let mut found = ops::history::history(&self.world()?, &subject)?;
        if !args.files {
            found.steps.iter_mut().filter_map(|s| s.layer.as_mut()).for_each(|l| l.changes.clear());
        }
        self.show(&found, || story::text(&found, args.files))
    }
}

fn subject(args: &ImageArgs) -> Result<Subject, Diagnostic> {
    let image: ImageName =
        args.image.parse().map_err(|e: ops::image_name::ImageNameError| Diagnostic::from(e))?;
    let platform = args.platform.as_ref().map(|text| text.parse()).transpose();
    let platform = platform.map_err(|e: oci::PlatformError| {
        Diagnostic::new(Kind::Usage, e.to_string()).hint("write it as linux/amd64 or linux/arm/v7")
    })?;
    Ok(Subject { image, platform, up_to: None })
}

/// The two images of a comparison, each of its platform.
fn sides(args: &DiffArgs) -> Result<(Subject, Subject), Diagnostic> {
    let (first, second) = match args.platform.as_slice() {
        [] => (None, None),
        [both] => (Some(both), Some(both)),
        [first, second] => (Some(first), Some(second)),
        several => {
            let text = format!("cannot compare {} platforms: there are two images", several.len());
            return Err(
                Diagnostic::new(Kind::Usage, text).hint("give `--platform` twice at most: A's, then B's")
            );
        }
    };
    let to = match &args.to {
        Some(to) => to,
        None if args.platform.len() == 2 => &args.from,
        None => {
            let text = format!("cannot compare {}: there is nothing to compare it with", args.from);
            let hint = format!(
                "name a second image, or two platforms of this one: `distil diff {} --platform linux/amd64 --platform \
                 linux/arm64`",
                args.from
            );
            return Err(Diagnostic::new(Kind::Usage, text).hint(hint));
        }
    };
    let side = |image: &String, platform: Option<&String>| {
        subject(&ImageArgs { image: image.clone(), platform: platform.cloned() })
    };
    Ok((side(&args.from, first)?, side(to, second)?))
}

fn kind(word: KindWord) -> FileKind {
    match word {
        KindWord::File => FileKind::File,
        KindWord::Directory => FileKind::Directory,
        KindWord::Symlink => FileKind::Symlink,
        KindWord::Hardlink => FileKind::Hardlink,
        KindWord::Device => FileKind::Device,
        KindWord::Fifo => FileKind::Fifo,
    }
}

/// A stream that notes whether its reader went away.
struct Listened<W> {
    out: W,
    left: bool,
}

impl<W: std::io::Write> Listened<W> {
    fn noted<T>(&mut self, outcome: std::io::Result<T>) -> std::io::Result<T> {
        self.left |= matches!(&outcome, Err(e) if e.kind() == std::io::ErrorKind::BrokenPipe);
        outcome
    }
}

impl<W: std::io::Write> std::io::Write for Listened<W> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let outcome = self.out.write(bytes);
        self.noted(outcome)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        let outcome = self.out.flush();
        self.noted(outcome)
    }
}
