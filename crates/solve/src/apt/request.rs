use package::{Comparison, HiddenEdge};

/// What is asked of a universe.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// The architecture (Debian's word).
    pub arch: String,
    /// Further architectures whose packages may be asked for (`name:arch`).
    pub foreign: Vec<String>,
    /// The package lines, in the user's order.
    pub asks: Vec<Ask>,
    /// What an earlier answer had: these versions are kept, and these packages preferred among
    /// alternatives, as long as that leads to an answer.
    pub prefer: Vec<Preferred>,
    /// Dependencies that nobody declares; none for apt's own answer.
    pub hidden: Vec<HiddenEdge>,
}

/// One package line.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Ask {
    /// As the user wrote it.
    pub text: String,
    /// Package name, or a virtual name that one package provides.
    pub name: String,
    /// After the colon.
    pub arch: Option<String>,
    /// `(op version)`, and `=version` as [`Comparison::Equal`].
    pub bound: Option<(Comparison, String)>,
    /// After the slash: suite, codename or repository id; the choice of that source, as
    /// `apt-get install name/suite` makes it, dependencies included where they need it.
    pub suite: Option<String>,
}

impl Ask {
    /// Only a name.
    pub fn name(name: &str) -> Ask {
        Ask { text: name.to_owned(), name: name.to_owned(), ..Ask::default() }
    }
}

/// A package of an earlier answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preferred {
    /// Package name.
    pub name: String,
    /// Its architecture (`all` too).
    pub arch: String,
    /// Its version.
    pub version: String,
}

impl Request {
    /// Names only, for one architecture.
    pub fn names<'a>(arch: &str, names: impl IntoIterator<Item = &'a str>) -> Request {
        Request {
            arch: arch.to_owned(),
            asks: names.into_iter().map(Ask::name).collect(),
            ..Request::default()
        }
    }
}
