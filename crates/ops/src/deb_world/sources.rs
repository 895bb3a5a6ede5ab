//! From a recipe's distribution and repositories to the suites whose indexes are read.

use diag::{Diagnostic, Kind};
use package::{Arch, Standing};
use recipe::archives::{Archive, KeySet, snapshot_path};
use recipe::{DebRepository, LocalPath, Repository, Resolved, SignedBy};
use trust::{Keyring, debian_keys};

use crate::place::{Place, check_names, id_of};
use crate::recipes::{Loaded, find};
use crate::shop::Shop;

/// One suite of one archive, or a local directory of packages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Source {
    /// Its id in locks and pins: `debian/trixie`, `apt.example.com/stable`, `./debs`.
    pub(crate) id: String,
    /// Where it is.
    pub(crate) place: Place,
    /// Suite or code name; a path with a trailing slash for a flat repository.
    pub(crate) suite: String,
    /// Components; empty for a flat repository.
    pub(crate) components: Vec<String>,
    /// Whose signatures count.
    pub(crate) keys: Keys,
    /// The user's word takes the place of a signature.
    pub(crate) trusted: bool,
    /// `check-valid-until=no`, or a pinned snapshot.
    pub(crate) ignore_valid_until: bool,
    /// The oldest index that is accepted, in seconds.
    pub(crate) max_age: Option<u64>,
    /// apt's pin, where the recipe gives one.
    pub(crate) priority: Option<i32>,
    /// Whether it may shadow the distribution.
    pub(crate) standing: Standing,
    /// Only for these architectures.
    pub(crate) archs: Option<Vec<Arch>>,
    /// `by-hash=` of the recipe.
    pub(crate) by_hash: Option<bool>,
    /// A moment of the past: exempt from the machine's record of dates.
    pub(crate) snapshot: bool,
}

/// Whose signatures count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Keys {
    /// The keys of a distribution that are part of the program.
    Builtin(KeySet),
    /// Key files of the user's, and fingerprints that must be among them.
    Files(Vec<LocalPath>, Vec<String>),
    /// None: the source is trusted by the user's word.
    None,
}

/// The sources of a recipe.
pub(crate) struct Sources {
    /// Those of all variants, each once.
    pub(crate) all: Vec<Source>,
    /// What each variant named itself, in the order of the variants.
    pub(crate) shares: Vec<Share>,
}

/// From where one variant takes packages. What another names is nothing to it.
pub(crate) struct Share {
    /// The variant's name, `latest` for the untagged one.
    pub(crate) variant: String,
    /// Its architectures.
    pub(crate) archs: Vec<Arch>,
    /// Its sources as places in [`Sources::all`], in the order in which apt would read its lines.
    pub(crate) list: Vec<usize>,
}

impl Sources {
    /// Those of all variants.
    pub(crate) fn of(shop: &Shop<'_>, recipe: &Loaded) -> Result<Sources, Diagnostic> {
        let mut out = Sources { all: Vec::new(), shares: Vec::new() };
        for variant in &recipe.variants {
            let mut list = Vec::new();
            for source in sources(shop, variant)? {
                let known = out.all.iter().position(|s| *s == source);
                let at = known.unwrap_or(out.all.len());
                out.all.extend(known.is_none().then_some(source));
                list.extend((!list.contains(&at)).then_some(at));
            }
            let name = Loaded::variant_name(variant).to_owned();
            out.shares.push(Share { variant: name, archs: variant.archs.clone(), list });
        }
        check_names(shop, &recipe.typed, out.all.iter().map(|s| (s.id.as_str(), &s.place)))?;
        out.check_alike(&recipe.typed)?;
        Ok(out)
    }

    /// A lock knows a source by its id: what has one id is read at one moment and believed by the same
    /// keys, whichever variant or line names it. Components and architectures may differ, as in apt's lines.
    fn check_alike(&self, typed: &str) -> Result<(), Diagnostic> {
        for (i, source) in self.all.iter().enumerate() {
            let named = self.all[..i].iter().filter(|other| other.id == source.id);
            for other in named {
                let what = if other.snapshot != source.snapshot
                    || (source.snapshot && other.place != source.place)
                {
                    "at two moments"
                } else if other.keys != source.keys {
                    "by different keys"
                } else {
                    continue;
                };
                let text = format!("cannot resolve {typed}: it wants {} {what}", source.id);
                return Err(Diagnostic::new(Kind::Input, text).hint(
                    "write one `snapshot:` and one `signed-by` for all variants, or a recipe for each",
                ));
            }
        }
        Ok(())
    }

    /// The source of a lock's suite, whichever variant names it.
    pub(crate) fn find(&self, id: &str) -> Option<&Source> {
        self.all.iter().find(|s| s.id == id)
    }

    /// For which of `archs` a source of [`Sources::all`] is named.
    pub(crate) fn archs_of<'a>(&self, source: usize, archs: &'a [Arch]) -> Vec<&'a Arch> {
        let only = &self.all[source].archs;
        let named =
            |arch: &Arch| self.shares.iter().any(|s| s.list.contains(&source) && s.archs.contains(arch));
        let wanted = |arch: &&Arch| only.as_ref().is_none_or(|only| only.contains(arch)) && named(arch);
        archs.iter().filter(wanted).collect()
    }
}

/// The sources of a variant, in the order in which apt would read its lines.
fn sources(shop: &Shop<'_>, resolved: &Resolved) -> Result<Vec<Source>, Diagnostic> {
    let mut out = distribution(resolved);
    for repository in &resolved.repositories {
        match repository {
            Repository::Deb(deb) => out.push(deb_source(deb, resolved)?),
            Repository::Local(local) => out.push(directory(shop, &local.directory)),
            Repository::Apk(_) => {
                return Err(Diagnostic::new(Kind::Input, "cannot resolve apk repositories in a deb recipe"));
            }
        }
    }
    Ok(out)
}

fn distribution(resolved: &Resolved) -> Vec<Source> {
    let Some(distribution) = &resolved.distribution else { return Vec::new() };
    let pinned = resolved.snapshot.as_ref();
    distribution
        .suites()
        .into_iter()
        .map(|s| Source {
            id: format!("{}/{}", s.archive, s.suite),
            place: pinned
                .and_then(|moment| snapshot_path(s.archive, moment))
                .map_or(Place::Archive(s.archive, String::new()), |p| {
                    Place::Archive(Archive::DebianSnapshot, p)
                }),
            suite: s.suite,
            components: s.components,
            keys: Keys::Builtin(s.keys),
            trusted: false,
            ignore_valid_until: pinned.is_some(),
            max_age: None,
            priority: None,
            standing: Standing::Distribution,
            archs: None,
            by_hash: None,
            snapshot: pinned.is_some(),
        })
        .collect()
}

fn deb_source(deb: &DebRepository, resolved: &Resolved) -> Result<Source, Diagnostic> {
    let archive = recipe::archives::archive_of(&deb.uri);
    let place = match &archive {
        Some((archive, rest)) => Place::Archive(*archive, rest.trim_matches('/').to_owned()),
        None => Place::Url(deb.uri.clone()),
    };
    let id = format!("{}/{}", id_of(&deb.uri), deb.suite);
    Ok(Source {
        keys: keys(deb, archive.as_ref().map(|(a, _)| *a), resolved, &id)?,
        id,
        place,
        suite: deb.suite.clone(),
        components: deb.components.clone(),
        trusted: deb.trusted,
        ignore_valid_until: deb.ignore_valid_until,
        max_age: deb.max_age,
        priority: deb.priority,
        standing: standing(deb, archive.is_some()),
        archs: deb.archs.clone(),
        by_hash: deb.by_hash,
        snapshot: matches!(archive, Some((Archive::DebianSnapshot, _))),
    })
}

/// Suites of the distribution's own archives are not third parties.
fn standing(deb: &DebRepository, of_the_table: bool) -> Standing {
    match (deb.priority, of_the_table) {
        (Some(_), _) => Standing::Ranked,
        (None, true) => Standing::Distribution,
        (None, false) => Standing::ThirdParty,
    }
}

fn keys(
    deb: &DebRepository,
    archive: Option<Archive>,
    resolved: &Resolved,
    id: &str,
) -> Result<Keys, Diagnostic> {
    if deb.trusted {
        return Ok(Keys::None);
    }
    if !deb.signed_by.is_empty() {
        let (mut files, mut fingerprints) = (Vec::new(), Vec::new());
        for by in &deb.signed_by {
            match by {
                SignedBy::Keys(path) => files.push(path.clone()),
                SignedBy::Fingerprint(f) => fingerprints.push(f.clone()),
            }
        }
        return Ok(Keys::Files(files, fingerprints));
    }
    let builtin = match archive {
        Some(Archive::Debian | Archive::DebianSecurity | Archive::DebianSnapshot) => resolved
            .distribution
            .as_ref()
            .and_then(|d| d.suites().first().map(|s| s.keys))
            .or(Some(KeySet::Debian13)),
        _ => None,
    };
    builtin.map(Keys::Builtin).ok_or_else(|| {
        Diagnostic::new(Kind::Trust, format!("cannot use {id}: the recipe names no key that signs it"))
            .hint("add signed-by with the archive's public key, or [trusted=yes] to take it unsigned")
    })
}

fn directory(shop: &Shop<'_>, path: &LocalPath) -> Source {
    Source {
        id: path.path.clone(),
        place: Place::Directory(find(shop, path)),
        suite: String::new(),
        components: Vec::new(),
        keys: Keys::None,
        trusted: true,
        ignore_valid_until: true,
        max_age: None,
        priority: None,
        standing: Standing::ThirdParty,
        archs: None,
        by_hash: None,
        snapshot: false,
    }
}

/// The built-in keys of a set.
pub(crate) fn builtin(set: KeySet) -> Keyring {
    match set {
        // bookworm's InRelease is signed by trixie's keys as well, and the other way round.
        KeySet::Debian12 | KeySet::Debian13 => debian_keys::all(),
        KeySet::Alpine | KeySet::Wolfi => Keyring::empty(),
    }
}
