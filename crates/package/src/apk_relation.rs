use std::cmp::Ordering;
use std::fmt;

use crate::Sha1;
use crate::version::apk;

/// A dependency in apk's syntax: `[!]name[@tag][op version]` (apk-package(5), apk-world(5)).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dependency<'a> {
    /// Package or provided name (`so:libc.so.6`).
    pub name: &'a str,
    /// `!`: nothing that satisfies the rest may be installed.
    pub conflict: bool,
    /// The operator.
    pub op: Op,
    /// What stands after the operator; "" without one.
    pub version: &'a str,
    /// Only the requests of users have one: repositories of this tag may serve it too.
    pub tag: Option<&'a str>,
}

/// apk's operators.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Op {
    /// No bound on the version.
    Any,
    /// `<`.
    Less,
    /// `<=`.
    LessEqual,
    /// `=`.
    Equal,
    /// `>=`.
    GreaterEqual,
    /// `>`.
    Greater,
    /// `~`: the version, or one that goes on after it.
    Fuzzy,
    /// `<~`.
    LessFuzzy,
    /// `>~`.
    GreaterFuzzy,
    /// `><`: the package whose control segment has this hash (`Q1…`).
    Identity,
}

impl Op {
    /// apk's spelling.
    pub fn as_str(self) -> &'static str {
        match self {
            Op::Any => "",
            Op::Less => "<",
            Op::LessEqual => "<=",
            Op::Equal => "=",
            Op::GreaterEqual => ">=",
            Op::Greater => ">",
            Op::Fuzzy => "~",
            Op::LessFuzzy => "<~",
            Op::GreaterFuzzy => ">~",
            Op::Identity => "><",
        }
    }

    const ALL: [Op; 10] = [
        Op::Any,
        Op::Less,
        Op::LessEqual,
        Op::Equal,
        Op::GreaterEqual,
        Op::Greater,
        Op::Fuzzy,
        Op::LessFuzzy,
        Op::GreaterFuzzy,
        Op::Identity,
    ];

    /// Its number in the bytes of a shelf.
    pub(crate) fn code(self) -> u32 {
        self as u32
    }

    pub(crate) fn of_code(code: u32) -> Op {
        Op::ALL.get(code as usize).copied().unwrap_or(Op::Any)
    }

    /// The meaning of a run of `<`, `>`, `=` and `~`: apk takes them in any order.
    fn of(run: &str) -> Op {
        let has = |c| run.as_bytes().contains(&c);
        match (has(b'<'), has(b'>'), has(b'='), has(b'~')) {
            (true, true, true, _) | (true, true, _, true) => Op::Any,
            (true, true, ..) => Op::Identity,
            (true, _, _, true) => Op::LessFuzzy,
            (_, true, _, true) => Op::GreaterFuzzy,
            (_, _, _, true) => Op::Fuzzy,
            (true, _, true, _) => Op::LessEqual,
            (_, true, true, _) => Op::GreaterEqual,
            (true, ..) => Op::Less,
            (_, true, ..) => Op::Greater,
            _ => Op::Equal,
        }
    }

    /// Does `version` stand in this relation to `bound`? [`Op::Identity`] is not about versions:
    /// see [`Dependency::admits`].
    pub fn admits(self, version: &str, bound: &str) -> bool {
        match self {
            Op::Any => true,
            Op::Identity => false,
            _ if self.is_fuzzy() => self.fits(apk::compare_fuzzy(version, bound)),
            _ => self.fits(apk::compare(version, bound)),
        }
    }

    /// Is the bound only the beginning of a version, as [`apk::compare_fuzzy`] has it?
    pub fn is_fuzzy(self) -> bool {
        matches!(self, Op::Fuzzy | Op::LessFuzzy | Op::GreaterFuzzy)
    }

    /// Does a version fit that stands in this order to the bound?
    pub fn fits(self, order: Ordering) -> bool {
        match self {
            Op::Any => true,
            Op::Less => order.is_lt(),
            Op::LessEqual | Op::LessFuzzy => order.is_le(),
            Op::Equal | Op::Fuzzy => order.is_eq(),
            Op::GreaterEqual | Op::GreaterFuzzy => order.is_ge(),
            Op::Greater => order.is_gt(),
            Op::Identity => false,
        }
    }
}

/// Text that is no dependency in apk's syntax.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not an apk dependency: {why}")]
pub struct DependencyError {
    /// The word.
    pub text: String,
    /// What is wrong.
    pub why: &'static str,
}

/// Reads one dependency.
///
/// The tag stands after the name, as apk has it (`name@tag=1.0`), or at the end, as apko has it
/// (`name=1.0@tag`). Whether the version is one is asked by [`Dependency::has_valid_version`]: apk
/// keeps a record whose dependencies it cannot read, but never installs it.
pub fn parse_dependency(text: &str) -> Result<Dependency<'_>, DependencyError> {
    let fail = |why| DependencyError { text: text.to_owned(), why };
    let (conflict, rest) = text.strip_prefix('!').map_or((false, text), |rest| (true, rest));
    let (head, op, mut version) = match position(rest, is_comparer) {
        None => (rest, Op::Any, ""),
        Some(at) => {
            let (head, bound) = rest.split_at(at);
            let end = position(bound, |b| !is_comparer(b)).unwrap_or(bound.len());
            let (run, version) = bound.split_at(end);
            (head, Op::of(run), version)
        }
    };
    let (name, mut tag) = split_tag(head);
    if tag.is_none() {
        (version, tag) = split_tag(version);
    }
    // Elsewhere `!` is part of a name: Alpine has `cmd:kdevelop!`.
    if name.is_empty() || name.starts_with('!') || position(name, is_strange).is_some() {
        return Err(fail("expected one name"));
    }
    let is_wrong = |b| is_strange(b) || is_comparer(b) || b == b'@';
    if tag.is_some_and(|t| t.is_empty() || position(t, is_wrong).is_some()) {
        return Err(fail("after `@` stands the tag of a repository"));
    }
    if head.len() != rest.len() && (version.is_empty() || position(version, is_strange).is_some()) {
        return Err(fail("after the operator stands a version"));
    }
    let version = if op == Op::Any { "" } else { version };
    Ok(Dependency { name, conflict, op, version, tag })
}

fn split_tag(text: &str) -> (&str, Option<&str>) {
    match position(text, |b| b == b'@') {
        None => (text, None),
        Some(at) => (&text[..at], Some(&text[at + 1..])),
    }
}

// By bytes: an index has a hundred thousand of these.
fn position(text: &str, is_it: impl Fn(u8) -> bool) -> Option<usize> {
    text.as_bytes().iter().position(|b| is_it(*b))
}

fn is_comparer(b: u8) -> bool {
    matches!(b, b'<' | b'>' | b'=' | b'~')
}

fn is_strange(b: u8) -> bool {
    b <= b' ' || b == 0x7f
}

fn is_separator(b: u8) -> bool {
    b == b' ' || b == b'\n'
}

/// Reads a field: dependencies separated by spaces (or line ends).
pub fn parse_dependencies(field: &str) -> impl Iterator<Item = Result<Dependency<'_>, DependencyError>> {
    let mut rest = field;
    std::iter::from_fn(move || {
        let start = position(rest, |b| !is_separator(b))?;
        rest = &rest[start..];
        let end = position(rest, is_separator).unwrap_or(rest.len());
        let word;
        (word, rest) = rest.split_at(end);
        Some(parse_dependency(word))
    })
}

impl Dependency<'_> {
    /// Is the version one that apk accepts? An identity is not a version, and none needs no check.
    pub fn has_valid_version(&self) -> bool {
        matches!(self.op, Op::Any | Op::Identity) || apk::is_valid(self.version)
    }

    /// Does a package or provision of this version meet the bound? Says nothing of the name, and
    /// nothing of `!`. `identity` is the package's own, for `><`.
    pub fn admits(&self, version: &str, identity: Option<Sha1>) -> bool {
        match self.op {
            Op::Identity => {
                let wanted = Sha1::from_q1(self.version);
                wanted.is_some() && wanted == identity
            }
            op => op.admits(version, self.version),
        }
    }
}

impl fmt::Display for Dependency<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", if self.conflict { "!" } else { "" }, self.name)?;
        if let Some(tag) = self.tag {
            write!(f, "@{tag}")?;
        }
        write!(f, "{}{}", self.op.as_str(), self.version)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_and_writes_apk_syntax() {
        for text in [
            "musl",
            "!busybox",
            "so:libc.so.6",
            "a@edge",
            "a@edge=1.0-r0",
            "python3~3.11",
            "x<2",
            "x<=2",
            "x>=2",
            "x>2_rc1",
            "x<~2",
            "x>~2",
            "!x<1.2",
            "cmd:[=1.0-r0",
            "cmd:kdevelop!=23.08.4-r0",
            "a><Q1iXZbqGzYyYGCLBqIoXyRuNTFHVY=",
        ] {
            let read = parse_dependency(text).unwrap();
            assert_eq!(read.to_string(), text);
            assert_eq!(read.conflict, text.starts_with('!'));
        }
        // Other spellings of the same, and apko's place for the tag.
        for (text, same) in [("a=~1", "a~1"), ("a=<1", "a<=1"), ("a=>1", "a>=1"), ("a=1@e", "a@e=1")] {
            assert_eq!(parse_dependency(text).unwrap().to_string(), same);
        }
        for bad in ["", "!", "=1", "a=", "a b", "a@", "a@=1", "a=1@", "a=1@b~2", "!!a", "a=1 2"] {
            assert!(parse_dependency(bad).is_err(), "{bad}");
        }
        let field: Vec<String> = parse_dependencies("a  !b\nc=1 ").map(|d| d.unwrap().to_string()).collect();
        assert_eq!(field, ["a", "!b", "c=1"]);
    }

    #[test]
    fn an_identity_names_one_package() {
        let sha1 = Sha1::from_q1("Q1iXZbqGzYyYGCLBqIoXyRuNTFHVY=").unwrap();
        let by_hash = parse_dependency("a><Q1iXZbqGzYyYGCLBqIoXyRuNTFHVY=").unwrap();
        assert!(by_hash.has_valid_version() && by_hash.admits("1", Some(sha1)));
        assert!(!by_hash.admits("1", None) && !by_hash.admits("1", Some(Sha1([0; 20]))));
        assert!(!parse_dependency("a><1").unwrap().admits("1", None));
    }
}
