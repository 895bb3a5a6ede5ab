//! `push`, `pull`, `copy`, `tag`, `ls` and `rm`: words in, a verb of `ops`, its value out.

use diag::{Diagnostic, Kind};
use oci::Platform;
use ops::World;
use ops::append::AppendRequest;
use ops::copy::CopyRequest;
use ops::image_name::ImageName;
use ops::load::LoadRequest;
use ops::ls::Listed;
use ops::pull::PullRequest;
use ops::push::PushRequest;
use ops::rebase::RebaseRequest;
use ops::report::Loaded;
use ops::transfer::Moved;
use serde_json::{Value, json};

use crate::Talk;
use crate::append_args::{AppendArgs, RebaseArgs};
use crate::commands::{Clock, print};
use crate::render::size::{count, duration};
use crate::transfer_args::{CopyArgs, LsArgs, PlatformArgs, PullArgs, PushArgs, RmArgs, TagArgs};

pub(crate) fn push(args: &PushArgs, world: &World, talk: &Talk) -> Result<(), Diagnostic> {
    let clock = Clock::start();
    let request = PushRequest {
        name: ImageName::in_store(&args.name)?,
        to: args.dest.as_deref().map(str::parse).transpose()?,
        platform: platform(&args.which)?,
        reasons: args.reasons,
    };
    show(&ops::push::push(world, &request)?, "pushed", &clock, talk)
}

pub(crate) fn pull(args: &PullArgs, world: &World, talk: &Talk) -> Result<(), Diagnostic> {
    let clock = Clock::start();
    let request = PullRequest {
        name: args.name.parse()?,
        to: args.to.as_deref().map(ImageName::in_store).transpose()?,
        platform: platform(&args.which)?,
    };
    show(&ops::pull::pull(world, &request)?, "pulled", &clock, talk)
}

pub(crate) fn copy(args: &CopyArgs, world: &World, talk: &Talk) -> Result<(), Diagnostic> {
    let clock = Clock::start();
    let (from, platform) = (args.from.parse()?, platform(&args.which)?);
    let Some(to) = args.to.as_ref().filter(|_| args.load.is_empty()) else {
        let into = crate::options::load(&args.load)?;
        let request = LoadRequest { from, into, name: args.to.clone(), platform };
        return show_loaded(&ops::load::load(world, &request)?, &clock, talk);
    };
    let request = CopyRequest { from, to: to.parse()?, platform };
    show(&ops::copy::copy(world, &request)?, "copied", &clock, talk)
}

pub(crate) fn append(args: &AppendArgs, world: &World, talk: &Talk) -> Result<(), Diagnostic> {
    let clock = Clock::start();
    let request = AppendRequest {
        image: args.image.parse()?,
        files: args.files.iter().map(|text| source_and_path(text)).collect::<Result<_, _>>()?,
        tars: args.tars.clone(),
        owner: args.owner.as_deref().map(owner).transpose()?,
        platform: platform(&args.which)?,
        codec: codec(args.compression.as_deref())?,
        to: args.output.parse()?,
    };
    show(&ops::append::append(world, &request)?, "appended to", &clock, talk)
}

pub(crate) fn rebase(args: &RebaseArgs, world: &World, talk: &Talk) -> Result<(), Diagnostic> {
    let clock = Clock::start();
    let request = RebaseRequest {
        image: args.image.parse()?,
        old_base: args.old_base.as_deref().map(str::parse).transpose()?,
        new_base: args.new_base.parse()?,
        platform: platform(&args.which)?,
        to: args.output.parse()?,
    };
    show(&ops::rebase::rebase(world, &request)?, "rebased", &clock, talk)
}

/// `SRC:DST`; a colon in SRC is possible, since DST begins with a slash.
fn source_and_path(text: &str) -> Result<(String, String), Diagnostic> {
    match text.rfind(":/") {
        Some(at) if at > 0 => Ok((text[..at].to_owned(), text[at + 1..].to_owned())),
        _ => {
            Err(Diagnostic::new(Kind::Usage, format!("cannot append `{text}`: it has no path in the image"))
                .hint(format!(
                    "write --file {}:/opt/app, the whole path",
                    text.split(':').next().unwrap_or_default()
                )))
        }
    }
}

/// `UID[:GID]`; the group is the user's number without one.
fn owner(text: &str) -> Result<(u32, u32), Diagnostic> {
    let (uid, gid) = text.split_once(':').unwrap_or((text, text));
    match (uid.parse(), gid.parse()) {
        (Ok(uid), Ok(gid)) => Ok((uid, gid)),
        _ => Err(Diagnostic::new(Kind::Usage, format!("cannot use the owner `{text}`: images have numbers"))
            .hint("write --owner 65532 or --owner 65532:65532")),
    }
}

fn codec(text: Option<&str>) -> Result<image::Codec, Diagnostic> {
    let read =
        |text: &str| text.parse().map_err(|e: image::CodecError| Diagnostic::new(Kind::Usage, e.to_string()));
    text.map(read).transpose().map(Option::unwrap_or_default)
}

pub(crate) fn tag(args: &TagArgs, world: &World, talk: &Talk) -> Result<(), Diagnostic> {
    let tagged = ops::tag::tag(world, &args.from, &args.to)?;
    talk.say_line(&format!("{} is {} as well", tagged.from, tagged.to));
    if talk.json {
        return talk.data(|| json!({ "schema": 0, "tagged": tagged }));
    }
    print(&format!("{}\n", with_digest(&tagged.to, &tagged.digest.to_string())))
}

pub(crate) fn ls(args: &LsArgs, world: &World, talk: &Talk) -> Result<(), Diagnostic> {
    let place = args.place.as_deref().map(str::parse).transpose()?;
    let listed = ops::ls::ls(world, place.as_ref())?;
    if talk.json {
        return talk.data(|| json!({ "schema": 0, "images": listed }));
    }
    if listed.is_empty() {
        talk.say_line("there are no images yet");
    }
    print(&table(&listed))
}

pub(crate) fn rm(args: &RmArgs, world: &World, talk: &Talk) -> Result<(), Diagnostic> {
    let names = args.names.iter().map(|name| ImageName::in_store(name)).collect::<Result<Vec<_>, _>>()?;
    let removed = ops::rm::rm(world, &names)?;
    let freed = match removed.blobs {
        0 => String::new(),
        blobs => format!(
            ", and {} of {} that nobody needs any more",
            count(blobs, "blob", "blobs"),
            diag::bytes(removed.bytes)
        ),
    };
    talk.say_line(&format!("removed {}{freed}", count(removed.names.len() as u64, "name", "names")));
    if talk.json {
        return talk.data(|| json!({ "schema": 0, "removed": removed }));
    }
    print(&removed.names.iter().map(|name| format!("{name}\n")).collect::<String>())
}

fn platform(which: &PlatformArgs) -> Result<Option<Platform>, Diagnostic> {
    let read = |text: &String| {
        text.parse().map_err(|e: oci::PlatformError| {
            Diagnostic::new(Kind::Usage, format!("cannot choose a platform: {e}"))
                .hint("write it as --platform linux/amd64 or --platform linux/arm/v7")
        })
    };
    which.platform.as_ref().map(read).transpose()
}

/// A line of data, and what it took.
fn show(moved: &Moved, done: &str, clock: &Clock, talk: &Talk) -> Result<(), Diagnostic> {
    talk.say_line(&format!(
        "{done} {} -> {}: {} in {}",
        moved.from,
        moved.to,
        story(moved),
        duration(clock.took())
    ));
    if talk.json {
        return talk.data(|| json!({ "schema": 0, "images": [moved] }));
    }
    match &moved.id {
        Some(id) => print(&format!("{} {id}\n", moved.to)),
        None => print(&format!("{}\n", with_digest(&moved.to, &moved.digest.to_string()))),
    }
}

/// A line of data for each place, as `build --load` has it.
fn show_loaded(loaded: &[Loaded], clock: &Clock, talk: &Talk) -> Result<(), Diagnostic> {
    for l in loaded {
        talk.say_line(&format!("loaded {} into {} as {}", l.name, l.engine, l.id));
    }
    talk.say_line(&format!("done in {}", duration(clock.took())));
    if talk.json {
        return talk.data(|| json!({ "schema": 0, "loaded": loaded_json(loaded) }));
    }
    print(&loaded.iter().map(|l| format!("{} {}\n", l.name, l.id)).collect::<String>())
}

/// What an engine has now, as every verb that loads says it.
pub(crate) fn loaded_json(loaded: &[Loaded]) -> Vec<Value> {
    loaded.iter().map(|l| json!({ "name": l.name, "id": l.id, "engine": l.engine })).collect()
}

/// `NAME@DIGEST`, which any verb takes; the name may have the digest already, or be it.
fn with_digest(name: &str, digest: &str) -> String {
    match name.strip_suffix(digest) {
        Some("") => digest.to_owned(),
        Some(before) => format!("{}@{digest}", before.strip_suffix('@').unwrap_or(before)),
        None => format!("{name}@{digest}"),
    }
}

pub(crate) fn story(moved: &Moved) -> String {
    if moved.unchanged {
        return "it was there already".to_owned();
    }
    let mut parts = Vec::new();
    if moved.sent > 0 {
        parts.push(format!(
            "{} of {} went over",
            count(moved.sent, "blob", "blobs"),
            diag::bytes(moved.sent_bytes)
        ));
    } else if moved.sent_bytes > 0 {
        parts.push(format!("{} went over", diag::bytes(moved.sent_bytes)));
    }
    if moved.mounted > 0 {
        parts.push(format!("{} taken from another repository there", moved.mounted));
    }
    if moved.present > 0 {
        parts.push(format!("{} there already", moved.present));
    }
    if parts.is_empty() { "written".to_owned() } else { parts.join(", ") }
}

/// Columns as wide as they must be; what is not known is left out.
fn table(listed: &[Listed]) -> String {
    let row = |l: &Listed| {
        // What has no name is called by its digest, which is then to be typed.
        let short = |d: &oci::Digest| format!("{}:{}", d.algorithm().name(), &d.hex()[..12]);
        let shown = |d: &oci::Digest| if l.name.is_empty() { d.to_string() } else { short(d) };
        let digest = l.digest.as_ref().map(shown).unwrap_or_default();
        let size = l.size.map(diag::bytes).unwrap_or_default();
        let created =
            l.created.as_deref().map(|c| c.chars().take(10).collect::<String>()).unwrap_or_default();
        [l.name.clone(), digest, size, created, l.platforms.join(",")]
    };
    let rows: Vec<[String; 5]> = listed.iter().map(row).collect();
    let width = |column: usize| rows.iter().map(|r| r[column].chars().count()).max().unwrap_or_default();
    let widths: Vec<usize> = (0..5).map(width).collect();
    let line = |row: &[String; 5]| {
        let shown = row.iter().zip(&widths).filter(|(_, width)| **width > 0);
        let cells: Vec<String> = shown.map(|(cell, width)| format!("{cell:<width$}")).collect();
        format!("{}\n", cells.join("  ").trim_end())
    };
    rows.iter().map(line).collect()
}
