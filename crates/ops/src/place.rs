//! Where a source of packages is.

use std::path::PathBuf;

use diag::{Diagnostic, Kind};
use fetch::Url;
use recipe::archives::Archive;

use crate::shop::Shop;

/// Where a source of packages is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Place {
    /// An archive of the table, found through its mirrors, and a path below it.
    Archive(Archive, String),
    /// A URL of the recipe; it may hold credentials, so it is never shown.
    Url(String),
    /// A directory of the user's.
    Directory(PathBuf),
}

impl Place {
    /// Its addresses, best first; none of a directory.
    pub(crate) fn bases(&self, shop: &Shop<'_>) -> Result<Vec<Url>, Diagnostic> {
        match self {
            Place::Archive(archive, path) => {
                let mirrors = shop.world.surroundings.outside()?.mirrors.of(*archive);
                let below = |base: Url| match path.is_empty() {
                    true => Some(base),
                    false => base.join(&format!("{}/", path.trim_matches('/'))).ok(),
                };
                Ok(mirrors.into_iter().filter_map(|m| below(m.base)).collect())
            }
            Place::Url(url) => Ok(crate::mirrors::base_url(url).into_iter().collect()),
            Place::Directory(_) => Ok(Vec::new()),
        }
    }
}

/// The id of a source at a URL: the archive that it counts as and the path below that, or host and path.
pub(crate) fn id_of(url: &str) -> String {
    match recipe::archives::archive_of(url) {
        Some((archive, rest)) => format!("{archive}/{rest}").trim_end_matches('/').to_owned(),
        None => {
            let shown = settings::split_login(url).0;
            shown.split_once("://").map_or(shown.as_str(), |(_, rest)| rest).trim_end_matches('/').to_owned()
        }
    }
}

/// Looks whether each id means one place. Locks and pins know a source by its id alone: what two directories
/// are both called would be read from one of them. One address may be written in several ways.
pub(crate) fn check_names<'a>(
    shop: &Shop<'_>,
    typed: &str,
    sources: impl Iterator<Item = (&'a str, &'a Place)> + Clone,
) -> Result<(), Diagnostic> {
    let is_directory = |place: &Place| matches!(place, Place::Directory(_));
    let shown = |place: &Place| match place {
        Place::Archive(archive, path) => format!("the archive {archive}, {path}"),
        Place::Url(url) => settings::split_login(url).0,
        Place::Directory(dir) => {
            dir.strip_prefix(&shop.world.working_dir).unwrap_or(dir).display().to_string()
        }
    };
    for (i, (id, place)) in sources.clone().enumerate() {
        let other = sources
            .clone()
            .take(i)
            .find(|(other, at)| *other == id && *at != place && (is_directory(at) || is_directory(place)));
        if let Some((_, other)) = other {
            let text = format!("cannot resolve {typed}: two sources of packages are called `{id}`");
            return Err(Diagnostic::new(Kind::Input, text)
                .detail(format!("one is {}", shown(other)))
                .detail(format!("one is {}", shown(place)))
                .hint(
                    "write another name for one of the directories: its path from the working directory, say",
                ));
        }
    }
    Ok(())
}
