use std::collections::HashMap;

use package::RecordId;

/// What is asked of a universe of apk packages.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// The architecture (Debian's word).
    pub arch: String,
    /// The package lines in the user's order, in apk's syntax: `name`, `name=1.2-r0`, `name~1.2`,
    /// `name@tag`, `!name`. As in apk, a later line of the same name replaces an earlier one.
    pub world: Vec<String>,
    /// What an earlier answer had: these versions are kept as apk keeps what is installed, as long as
    /// that leads to an answer. With [`Compat::Apko`] they are taken before others that meet a demand;
    /// asked again of the same indexes, the answer is the one that apko reads from its lock.
    pub prefer: Vec<Preferred>,
    /// Whose verdict is wanted.
    pub compat: Compat,
    /// Records that may not be chosen, each with the reason.
    pub barred: HashMap<RecordId, String>,
}

/// A package of an earlier answer.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Preferred {
    /// Package name.
    pub name: String,
    /// Its version.
    pub version: String,
}

/// Whose choice is made where apk and apko differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Compat {
    /// apk's own (apk-tools 3.0).
    #[default]
    Apk,
    /// apko's.
    Apko,
}

impl Request {
    /// Package lines, for one architecture.
    pub fn lines<'a>(arch: &str, world: impl IntoIterator<Item = &'a str>) -> Request {
        Request {
            arch: arch.to_owned(),
            world: world.into_iter().map(str::to_owned).collect(),
            ..Request::default()
        }
    }
}
