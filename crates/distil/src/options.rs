//! What the typed words mean, given the surroundings: decided here, once.

use std::path::PathBuf;

use diag::{Diagnostic, Kind};
use engine::Importer;
use oci::Reference;
use ops::request::{Above, BuildRequest, Compat, LockMode, LockPlace, LockRequest};
use ops::target::Target;

use crate::args::{BuildArgs, CompatWord, LockArgs, LockChoice, UpdateArgs};
use crate::environment::Environment;

/// The recipe that `distil build` reads without an argument.
const DEFAULT_RECIPE: &str = "distil.yaml";

pub(crate) fn build(args: &BuildArgs) -> Result<BuildRequest, Diagnostic> {
    let recipes = match args.recipes.as_slice() {
        [] => vec![DEFAULT_RECIPE.to_owned()],
        some => some.to_vec(),
    };
    let names = args.tags.iter().map(|t| name(t)).collect::<Result<Vec<_>, _>>()?;
    let mut targets = args.output.iter().map(|o| o.parse::<Target>()).collect::<Result<Vec<_>, _>>()?;
    let into = load(&args.load)?;
    targets.extend(into.iter().flatten().map(|importer| Target::Importer { importer: importer.clone() }));
    if recipes.len() > 1 && !names.is_empty() {
        return Err(Diagnostic::new(Kind::Usage, "cannot name several images with one -t")
            .hint("build them one by one, or leave -t away: each is then named after its recipe"));
    }
    if let Some(local) = names.iter().find(|name| args.push && name.registry.is_none()) {
        return Err(Diagnostic::new(Kind::Usage, format!("cannot push {local}: its name says no registry"))
            .hint(format!("write -t REGISTRY/{local}; Docker Hub is docker.io")));
    }
    let mode = match (args.locked, args.frozen) {
        (_, true) => LockMode::Frozen,
        (true, false) => LockMode::Locked,
        (false, false) => LockMode::Keep,
    };
    Ok(BuildRequest {
        recipes,
        archs: args.choice.arch.clone(),
        variants: args.choice.variant.clone(),
        above: Above::default(),
        names,
        targets,
        load: into.contains(&None),
        push: args.push,
        lock: place(&args.lock),
        mode,
        compression: args.compression.clone(),
    })
}

/// What `--load` names, once for each time that it was given; none is Docker or Podman.
pub(crate) fn load(into: &[String]) -> Result<Vec<Option<Importer>>, Diagnostic> {
    let read = |into: &String| if into.is_empty() { Ok(None) } else { Ok(Some(into.parse()?)) };
    into.iter().map(read).collect()
}

pub(crate) fn lock(args: &LockArgs) -> LockRequest {
    LockRequest {
        recipe: recipe(args.recipe.as_deref()),
        above: Above::default(),
        lock: place(&args.lock),
        mode: LockMode::Keep,
        dry_run: args.dry_run,
    }
}

pub(crate) fn update(args: &UpdateArgs) -> LockRequest {
    LockRequest {
        recipe: recipe(args.recipe.as_deref()),
        above: Above::default(),
        lock: place(&args.lock),
        mode: LockMode::Update,
        dry_run: args.dry_run,
    }
}

fn recipe(given: Option<&str>) -> String {
    given.unwrap_or(DEFAULT_RECIPE).to_owned()
}

fn place(choice: &LockChoice) -> LockPlace {
    LockPlace {
        file: choice.lock.clone(),
        vendor: choice.vendor.clone(),
        allow_rollback: choice.allow_rollback,
        alike: false,
        compat: match choice.compat {
            CompatWord::Apk => Compat::Apk,
            CompatWord::Apko => Compat::Apko,
        },
        apko: None,
        ignore_signatures: false,
    }
}

fn name(text: &str) -> Result<Reference, Diagnostic> {
    text.parse().map_err(|e: oci::ReferenceError| Diagnostic::new(Kind::Usage, e.to_string()))
}

/// SOURCE_DATE_EPOCH (reproducible-builds.org): whole seconds, nothing else.
pub(crate) fn epoch(env: &Environment) -> Result<Option<i64>, Diagnostic> {
    let Some(text) = env.variable("SOURCE_DATE_EPOCH") else { return Ok(None) };
    text.parse().ok().filter(|e| (0..=MAX_EPOCH).contains(e)).map(Some).ok_or_else(|| {
        Diagnostic::new(Kind::Usage, format!("cannot use SOURCE_DATE_EPOCH `{text}`: it is not a time"))
            .hint("it is a whole number of seconds since 1970, as `date +%s` prints")
    })
}

/// 9999-12-31: the last second that RFC 3339 can write.
pub(crate) const MAX_EPOCH: i64 = 253_402_300_799;

/// An age such as `12h`, `30d` or `4w`, in seconds.
pub(crate) fn age(text: &str) -> Result<u64, Diagnostic> {
    let bad = || {
        Diagnostic::new(Kind::Usage, format!("cannot read the age `{text}`"))
            .hint("write a number and a unit: s, m, h, d or w, as 30d")
    };
    let unit = text.chars().last().ok_or_else(bad)?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3600,
        'd' => 86_400,
        'w' => 7 * 86_400,
        _ => return Err(bad()),
    };
    let number: u64 = text[..text.len() - unit.len_utf8()].parse().map_err(|_| bad())?;
    number.checked_mul(seconds).ok_or_else(bad)
}

/// The directories, from the flags, else the variables, else XDG.
pub(crate) struct Places {
    pub(crate) cache: PathBuf,
    pub(crate) data: PathBuf,
    pub(crate) config: PathBuf,
    /// The settings file was named, so it must be there.
    pub(crate) config_named: bool,
}

pub(crate) fn places(global: &crate::args::Global, env: &Environment) -> Places {
    let named = global.config.clone().or_else(|| env.path("DISTIL_CONFIG"));
    Places {
        cache: global
            .cache_dir
            .clone()
            .or_else(|| env.path("DISTIL_CACHE_DIR"))
            .unwrap_or_else(|| env.xdg("XDG_CACHE_HOME", ".cache").join("distil")),
        data: global
            .data_dir
            .clone()
            .or_else(|| env.path("DISTIL_DATA_DIR"))
            .unwrap_or_else(|| env.xdg("XDG_DATA_HOME", ".local/share").join("distil")),
        config_named: named.is_some(),
        config: named.unwrap_or_else(|| env.xdg("XDG_CONFIG_HOME", ".config").join("distil/settings.yaml")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages() {
        assert_eq!(age("30d").unwrap(), 2_592_000);
        assert_eq!(age("12h").unwrap(), 43_200);
        for bad in ["", "d", "30", "-1d", "30y", "99999999999999999999d", "1é"] {
            assert!(age(bad).is_err(), "{bad}");
        }
    }
}
