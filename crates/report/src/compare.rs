//! What changed from one image to another. Who reads the images compares them, too, so that the page says what
//! every other report of the same program says.

use serde::Serialize;

use crate::escape::inert;

/// What happened to something that two images may have.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mark {
    /// Only the new image has it.
    Added,
    /// Only the old one had it.
    Removed,
    /// Both have it, not the same.
    #[default]
    Changed,
}

impl Mark {
    /// Of what is there before, after, or both.
    pub fn of<B, A>(before: Option<B>, after: Option<A>) -> Mark {
        match (before, after) {
            (None, _) => Mark::Added,
            (Some(_), None) => Mark::Removed,
            (Some(_), Some(_)) => Mark::Changed,
        }
    }

    /// One word.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Mark::Added => "added",
            Mark::Removed => "removed",
            Mark::Changed => "changed",
        }
    }

    /// One character, which tells without colour.
    pub(crate) fn sign(self) -> char {
        match self {
            Mark::Added => '+',
            Mark::Removed => '−',
            Mark::Changed => '~',
        }
    }

    /// The same on the keyboard, for the script.
    pub(crate) fn key(self) -> char {
        match self {
            Mark::Removed => '-',
            mark => mark.sign(),
        }
    }
}

/// A key of the config that is not the same in both.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ConfigChange {
    /// The key, as `user` or `env PATH`.
    pub key: String,
    /// Its value before.
    pub before: Option<String>,
    /// Its value now.
    pub after: Option<String>,
}

/// A package that is not the same in both.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PackageChange {
    /// Its name.
    pub name: String,
    /// Its version before.
    pub before: Option<String>,
    /// Its version now.
    pub after: Option<String>,
    /// Bytes of its files before.
    pub size_before: u64,
    /// Bytes of its files now.
    pub size_after: u64,
}

impl PackageChange {
    /// What happened.
    pub(crate) fn mark(&self) -> Mark {
        Mark::of(self.before.as_ref(), self.after.as_ref())
    }
}

/// A path that is not the same in both.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PathChange {
    /// What happened.
    pub mark: Mark,
    /// The path from the root; of a directory with a slash at its end.
    pub path: String,
    /// Bytes before, where it was a file.
    pub before: Option<u64>,
    /// Bytes now, where it is a file.
    pub after: Option<u64>,
    /// What changed, or what came or went; one short phrase each, as `mode 0644 → 4755`.
    pub said: Vec<String>,
}

/// All that changed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changes {
    /// By key.
    pub config: Vec<ConfigChange>,
    /// By name.
    pub packages: Vec<PackageChange>,
    /// How many packages are the same.
    pub same_packages: u64,
    /// By path.
    pub paths: Vec<PathChange>,
    /// How many paths are the same.
    pub same_paths: u64,
}

/// How many were added, removed and changed, in words.
pub(crate) fn tally(marks: impl Iterator<Item = Mark>) -> String {
    let mut counts = [0; 3];
    for mark in marks {
        counts[mark as usize] += 1;
    }
    let word = |mark: Mark| format!("{} {}", crate::size::number(counts[mark as usize]), mark.word());
    [Mark::Added, Mark::Removed, Mark::Changed].map(word).join(", ")
}

/// The changed paths as the script wants them: each as what it shares with the one before, and the rest; what is
/// said of many once.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct ChangeColumns {
    marks: String,
    shared: Vec<usize>,
    rest: Vec<String>,
    before: Vec<Option<u64>>,
    after: Vec<Option<u64>>,
    /// Which of `phrases`.
    said: Vec<usize>,
    phrases: Vec<Vec<String>>,
}

impl ChangeColumns {
    pub(crate) fn of(changes: &Changes) -> ChangeColumns {
        let mut out = ChangeColumns::default();
        let mut seen = std::collections::HashMap::new();
        let mut last = String::new();
        for change in &changes.paths {
            let path = inert(&change.path);
            let shared = shared_directories(&last, &path);
            out.marks.push(change.mark.key());
            // Counted in UTF-16, as the script's strings are.
            out.shared.push(path[..shared].encode_utf16().count());
            out.rest.push(path[shared..].to_owned());
            out.before.push(change.before);
            out.after.push(change.after);
            let at = *seen.entry(&change.said).or_insert_with(|| {
                out.phrases.push(change.said.iter().map(|text| inert(text)).collect());
                out.phrases.len() - 1
            });
            out.said.push(at);
            last = path;
        }
        out
    }
}

/// How many bytes at the beginning are the same, up to a slash.
fn shared_directories(a: &str, b: &str) -> usize {
    let same = a.bytes().zip(b.bytes()).take_while(|(x, y)| x == y).count();
    b.as_bytes()[..same].iter().rposition(|c| *c == b'/').map_or(0, |slash| slash + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(path: &str, said: &[&str]) -> PathChange {
        let said = said.iter().map(|text| (*text).to_owned()).collect();
        PathChange { path: path.to_owned(), said, ..PathChange::default() }
    }

    #[test]
    fn marks_are_counted() {
        let marks = [
            Mark::of(None::<()>, Some(1)),
            Mark::of(Some(1), Some(1)),
            Mark::of(Some(1), Some(2)),
            Mark::of(Some(1), None::<()>),
        ];
        assert_eq!(tally(marks.into_iter()), "1 added, 1 removed, 2 changed");
    }

    #[test]
    fn paths_in_columns_are_the_paths() {
        let paths = ["/usr/\u{1d4b3}/lib/a", "/usr/\u{1d4b3}/lib/ab", "/usr/\u{1d4b3}/lib/", "/usr/é"];
        let changes = Changes { paths: paths.map(|p| path(p, &[])).into(), ..Changes::default() };
        let columns = ChangeColumns::of(&changes);
        let mut last: Vec<u16> = Vec::new();
        for (i, expected) in paths.into_iter().enumerate() {
            let mut path = last[..columns.shared[i]].to_vec();
            path.extend(columns.rest[i].encode_utf16());
            assert_eq!(String::from_utf16(&path).unwrap(), expected);
            last = path;
        }
        assert_eq!(columns.shared, [0, 12, 12, 5], "{columns:?}");
    }

    #[test]
    fn what_is_said_of_many_stands_once() {
        let mode = ["mode 0644 → 4755"];
        let paths = vec![path("/a", &mode), path("/b", &["content", "owner\u{202e}"]), path("/c", &mode)];
        let columns = ChangeColumns::of(&Changes { paths, ..Changes::default() });
        assert_eq!(columns.said, [0, 1, 0]);
        assert_eq!(columns.phrases[1], ["content", "owner\\xE2\\x80\\xAE"]);
    }
}
