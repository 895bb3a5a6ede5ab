//! What apko's flags mean in distil's requests.

use std::collections::BTreeMap;
use std::path::Path;

use diag::{Diagnostic, Kind};
use oci::Reference;
use ops::image_name::on_a_registry;
use ops::request::{Above, Appended, BuildRequest, Compat, LockMode, LockPlace, LockRequest};
use ops::target::Target;

use super::args::{ApkoBuild, ApkoPublish, ImageArgs, RecipeArgs};
use super::usage;
use crate::args::CompatWord;
use crate::options::MAX_EPOCH;
use crate::render::progress::Loudness;

/// The words of `--log-level` (those of Go's loggers).
pub(super) fn loudness(level: Option<&str>) -> Result<Option<Loudness>, Diagnostic> {
    match level.map(str::to_ascii_lowercase).as_deref() {
        None | Some("info") => Ok(None),
        Some("debug") => Ok(Some(Loudness::Verbose)),
        Some("warn" | "warning" | "error" | "fatal" | "panic") => Ok(Some(Loudness::Quiet)),
        Some(other) => {
            Err(usage(format!("cannot use --log-level {other}"), "use debug, info, warn or error"))
        }
    }
}

/// What is put on top of the recipe.
pub(super) fn above(args: &RecipeArgs) -> Above {
    Above {
        appended: Appended {
            packages: args.package_append.clone(),
            repositories: args.repository_append.clone(),
            build_repositories: args.build_repository_append.clone(),
            keyring: args.keyring_append.clone(),
            archs: args.arch.clone(),
            ..Appended::default()
        },
        include_paths: args.include_paths.clone(),
        apk: true,
        vcs: false,
    }
}

fn place(args: &RecipeArgs) -> LockPlace {
    LockPlace {
        file: args.lock.clone(),
        compat: match args.compat {
            CompatWord::Apk => Compat::Apk,
            CompatWord::Apko => Compat::Apko,
        },
        ignore_signatures: args.ignore_signatures,
        allow_rollback: args.allow_rollback,
        alike: true,
        ..LockPlace::default()
    }
}

/// `lock` moves the pins, as apko's does; the others look at what a build would take.
pub(super) fn lock(args: &RecipeArgs, looks_only: bool) -> LockRequest {
    LockRequest {
        recipe: args.file.clone(),
        above: above(args),
        lock: place(args),
        mode: if looks_only { LockMode::Keep } else { LockMode::Update },
        dry_run: looks_only,
    }
}

/// `is_dir` says what there is at a path of the user's.
pub(super) fn build(args: &ApkoBuild, is_dir: impl Fn(&Path) -> bool) -> Result<BuildRequest, Diagnostic> {
    let name = tagged(&args.tag)?;
    let target = match is_dir(&args.output) {
        true => Target::LayoutOfOne { dir: args.output.clone() },
        false if args.output.to_string_lossy().ends_with('/') => {
            let shown = args.output.display();
            return Err(Diagnostic::new(
                Kind::Usage,
                format!("cannot write to {shown}: there is no such directory"),
            )
            .hint("make it for an OCI layout, or name a file, which `docker load` reads"));
        }
        false => Target::ArchiveOfEach { file: args.output.clone(), reference: name.clone() },
    };
    image(&args.recipe, &args.image, vec![name], vec![target])
}

/// To registries, or with `--local` to the engine.
pub(super) fn publish(args: &ApkoPublish) -> Result<BuildRequest, Diagnostic> {
    let names = args.tags.iter().map(|tag| tagged(tag)).collect::<Result<Vec<_>, _>>()?;
    let target = |reference: &Reference| match args.local {
        true => Target::Daemon { reference: reference.clone() },
        // As apko has it, a name without a registry is one of Docker Hub.
        false => Target::Registry { reference: on_a_registry(reference.clone()) },
    };
    let targets = names.iter().map(target).collect();
    image(&args.recipe, &args.image, names, targets)
}

fn image(
    recipe: &RecipeArgs,
    image: &ImageArgs,
    names: Vec<Reference>,
    targets: Vec<Target>,
) -> Result<BuildRequest, Diagnostic> {
    check(image)?;
    let mut above = above(recipe);
    above.vcs = image.vcs;
    above.appended.annotations = annotations(&image.annotations)?;
    Ok(BuildRequest {
        recipes: vec![recipe.file.clone()],
        archs: Vec::new(),
        // apko knows no variants.
        variants: vec!["latest".to_owned()],
        above,
        names,
        targets,
        load: false,
        push: false,
        lock: LockPlace { apko: image.lockfile.clone(), vendor: image.vendor.clone(), ..place(recipe) },
        mode: LockMode::Keep,
        compression: None,
    })
}

/// What would be asked for and not be done.
fn check(image: &ImageArgs) -> Result<(), Diagnostic> {
    if image.format != "tar" {
        let text = format!("cannot write layers as {}: distil writes tar archives", image.format);
        return Err(usage(text, "leave --format away"));
    }
    if let Some(dir) = image.sbom_path.as_ref().filter(|_| image.sbom) {
        let text = format!("cannot write SBOMs into {}: this distil writes none yet", dir.display());
        return Err(usage(text, "leave --sbom-path away, or say --sbom=false"));
    }
    Ok(())
}

fn tagged(tag: &str) -> Result<Reference, Diagnostic> {
    tag.parse().map_err(|e: oci::ReferenceError| Diagnostic::new(Kind::Usage, e.to_string()))
}

/// `key:value`, by apko's rules.
fn annotations(given: &[String]) -> Result<BTreeMap<String, String>, Diagnostic> {
    let mut all = BTreeMap::new();
    for text in given {
        let bad = |why: &str| {
            let text = format!("cannot use the annotation `{text}`: {why}");
            usage(text, "write --annotations org.opencontainers.image.vendor:Acme")
        };
        let (key, value) = text.split_once(':').ok_or_else(|| bad("it has no colon"))?;
        let good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '.');
        if key.is_empty() || !key.chars().all(good) {
            return Err(bad("a key is of a-z, 0-9, `-` and `.`"));
        }
        if value.is_empty() {
            return Err(bad("its value is empty"));
        }
        if all.insert(key.to_owned(), value.to_owned()).is_some() {
            return Err(bad("the key is given twice"));
        }
    }
    Ok(all)
}

/// Seconds since the epoch of a time of RFC 3339.
pub(super) fn build_date(text: &str) -> Result<i64, Diagnostic> {
    let seconds = text.parse::<jiff::Timestamp>().ok().map(jiff::Timestamp::as_second);
    seconds.filter(|s| (0..=MAX_EPOCH).contains(s)).ok_or_else(|| {
        usage(format!("cannot use --build-date {text}: it is no time"), "write it as 2026-11-21T09:17:36Z")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times() {
        assert_eq!(build_date("1970-01-02T00:00:00Z").unwrap(), 86_400);
        assert_eq!(build_date("2023-01-10T22:47:06+01:00").unwrap(), 1_673_387_226);
        for bad in ["", "0", "yesterday", "2023-13-10T22:47:06Z", "1960-01-01T00:00:00Z"] {
            assert_eq!(build_date(bad).unwrap_err().kind, Kind::Usage, "{bad}");
        }
    }

    #[test]
    fn annotations_as_apko_reads_them() {
        let read = |list: &[&str]| annotations(&list.iter().map(|t| (*t).to_owned()).collect::<Vec<_>>());
        let good = read(&["org.example.url:https://a.example:1/b", "a:b"]).unwrap();
        assert_eq!(good["org.example.url"], "https://a.example:1/b");
        for bad in [&["novalue"][..], &["a:"], &[":b"], &["A:b"], &["a:b", "a:c"]] {
            assert!(read(bad).is_err(), "{bad:?}");
        }
    }
}
