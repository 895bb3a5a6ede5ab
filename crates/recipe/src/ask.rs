use package::{Arch, ArchQualifier, Comparison, parse_relations};

use crate::World;

/// One package that the recipe asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ask {
    /// As the user wrote it.
    pub text: String,
    /// The package's name.
    pub name: String,
    /// After the colon of a name; none: the architecture of the image.
    pub arch: Option<Arch>,
    /// Which of its versions.
    pub want: Want,
}

/// Which version of a package is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Want {
    /// The best one.
    Any,
    /// One that the bound admits (`libc6 (>= 2.36)`; `name=version` is `=`).
    Bound {
        /// The operator.
        comparison: Comparison,
        /// The version.
        version: String,
    },
    /// The one of a suite, by suite or code name (`name/suite`).
    Suite(String),
    /// apk's own syntax after the name: `=1.2-r0`, `~1.2`, `>2@edge` …; the solver of that world reads it.
    Apk {
        /// Operator (in apk's one spelling: `=~` is `~`) and version, empty if there is only a tag.
        constraint: String,
        /// After the `@`.
        tag: Option<String>,
    },
}

/// A package line that is none: why, and what to write instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BadAsk {
    pub(crate) expected: &'static str,
    pub(crate) hint: String,
}

fn bad<T>(expected: &'static str, hint: impl Into<String>) -> Result<T, BadAsk> {
    Err(BadAsk { expected, hint: hint.into() })
}

impl Ask {
    /// Reads a package line in the syntax of its world.
    pub(crate) fn read(text: &str, world: World) -> Result<Ask, BadAsk> {
        match world {
            World::Deb => read_deb(text),
            World::Apk => read_apk(text),
        }
    }
}

/// A package's name (Policy 5.6.7), upper case too, as some third parties have it.
fn is_name(name: &str) -> bool {
    let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.' | '_');
    name.starts_with(|c: char| c.is_ascii_alphanumeric()) && name.chars().all(good)
}

/// Policy 7.1's `name:arch (op version)`, and apt-get's `name=version` and `name/suite`.
fn read_deb(text: &str) -> Result<Ask, BadAsk> {
    if text.contains([',', '|']) {
        return bad("one package", "write one package a line, and name the alternative that is meant");
    }
    let (head, want) = if text.contains('(') {
        return read_policy(text);
    } else if let Some((head, version)) = text.split_once('=') {
        (head, Want::Bound { comparison: Comparison::Equal, version: version.trim().to_owned() })
    } else if let Some((head, suite)) = text.split_once('/') {
        (head, Want::Suite(suite.trim().to_owned()))
    } else {
        (text, Want::Any)
    };
    let (name, arch) = match head.trim().split_once(':') {
        Some((name, word)) => (name, read_arch(word)?),
        None => (head.trim(), None),
    };
    let shape = "a package (`name`, `name (>= 1.2)`, `name=1.2-3`, `name/suite`, `name:arch`)";
    if !is_name(name) {
        let apk = text.contains(['@', '~', '<', '>']);
        let hint = match apk {
            true => "this is a deb recipe; bounds are written as `name (>= 1.2)`",
            false => "a name has lower-case letters, digits, `+`, `-` and `.`",
        };
        return bad(shape, hint);
    }
    match &want {
        Want::Bound { version, .. } if !is_version(version) => {
            return bad(shape, "write a version as `1.2.3-4`");
        }
        Want::Suite(suite) if suite.is_empty() || suite.contains(char::is_whitespace) => {
            return bad(shape, "write a suite or code name after the slash, as `trixie-backports`");
        }
        _ => {}
    }
    Ok(Ask { text: text.to_owned(), name: name.to_owned(), arch, want })
}

fn read_policy(text: &str) -> Result<Ask, BadAsk> {
    let relations = parse_relations(text).map_err(|e| BadAsk {
        expected: "a package relation of Debian Policy 7.1",
        hint: format!("{}; write it as `name (>= 1.2)`", e.why),
    })?;
    let [alternative] = relations.first().map_or(&[][..], |r| &r.alternatives[..]) else {
        return bad("one package", "write one package a line");
    };
    let arch = match alternative.qualifier {
        None | Some(ArchQualifier::Native) => None,
        Some(ArchQualifier::Any) => read_arch("any")?,
        Some(ArchQualifier::Arch(word)) => read_arch(word)?,
    };
    let want = match alternative.bound {
        Some(b) if !is_version(b.version) => {
            return bad("a package with a version", "write a version as `1.2.3-4`");
        }
        Some(b) => Want::Bound { comparison: b.comparison, version: b.version.to_owned() },
        None => Want::Any,
    };
    Ok(Ask { text: text.to_owned(), name: alternative.name.to_owned(), arch, want })
}

fn read_arch(word: &str) -> Result<Option<Arch>, BadAsk> {
    match word {
        "native" => Ok(None),
        // `all` is no architecture of its own: such packages are found under any.
        "all" => Ok(None),
        word => match Arch::from_any_word(word) {
            Ok(arch) => Ok(Some(arch)),
            Err(_) => bad(
                "a package of a known architecture",
                "after the colon stands a word as amd64, arm64 or armhf",
            ),
        },
    }
}

fn is_version(version: &str) -> bool {
    let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '+' | '-' | '~' | ':');
    !version.is_empty() && version.chars().all(good)
}

/// apk's `name`, `name=1.2-r0`, `name~1.2`, `name>1`, each with `@tag` after the name or at the end
/// (apk-world(5)).
fn read_apk(text: &str) -> Result<Ask, BadAsk> {
    let shape = "a package (`name`, `name=1.2-r0`, `name~1.2`, `name>1`, `name@tag`)";
    if text.contains('(') {
        return bad(shape, "this is an apk recipe; bounds are written as `name>=1.2`");
    }
    let dependency = match package::parse_dependency(text) {
        Ok(dependency) if !dependency.conflict => dependency,
        Ok(_) => return bad(shape, "one `!` is enough"),
        Err(error) => return bad(shape, error.why),
    };
    if !dependency.has_valid_version() {
        return bad(shape, "apk reads no such version; write it as `1.2.3-r4`");
    }
    let constraint = format!("{}{}", dependency.op.as_str(), dependency.version);
    let tag = dependency.tag.map(str::to_owned);
    let name = dependency.name.to_owned();
    let want = match (constraint.is_empty(), &tag) {
        (true, None) => Want::Any,
        _ => Want::Apk { constraint, tag },
    };
    Ok(Ask { text: text.to_owned(), name, arch: None, want })
}
