use std::fmt;

use crate::version::Order;

/// One clause of a dependency field: any of the alternatives satisfies it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Relation<'a> {
    /// At least one.
    pub alternatives: Vec<Alternative<'a>>,
}

/// `name[:arch] [(op version)]` (Debian Policy 7.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Alternative<'a> {
    /// Package or virtual name.
    pub name: &'a str,
    /// After the colon.
    pub qualifier: Option<ArchQualifier<'a>>,
    /// In parentheses.
    pub bound: Option<Bound<'a>>,
}

/// What stands after the colon of a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ArchQualifier<'a> {
    /// `:any`.
    Any,
    /// `:native`.
    Native,
    /// A certain architecture.
    Arch(&'a str),
}

/// A version bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bound<'a> {
    /// The operator.
    pub comparison: Comparison,
    /// The version.
    pub version: &'a str,
}

/// Policy's operators, and the fuzzy one of apk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// `<<` (apk `<`).
    Less,
    /// `<=`.
    LessEqual,
    /// `=`.
    Equal,
    /// `>=`.
    GreaterEqual,
    /// `>>` (apk `>`).
    Greater,
}

impl Comparison {
    /// Policy's spelling.
    pub fn as_str(self) -> &'static str {
        match self {
            Comparison::Less => "<<",
            Comparison::LessEqual => "<=",
            Comparison::Equal => "=",
            Comparison::GreaterEqual => ">=",
            Comparison::Greater => ">>",
        }
    }
}

impl Bound<'_> {
    /// Does `version` satisfy the bound, in `order`?
    pub fn admits(&self, version: &str, order: Order) -> bool {
        let o = order.compare(version, self.version);
        match self.comparison {
            Comparison::Less => o.is_lt(),
            Comparison::LessEqual => o.is_le(),
            Comparison::Equal => o.is_eq(),
            Comparison::GreaterEqual => o.is_ge(),
            Comparison::Greater => o.is_gt(),
        }
    }
}

/// A relationship field that does not follow Policy 7.1.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{clause}` is not a package relation: {why}")]
pub struct RelationError {
    /// The clause.
    pub clause: String,
    /// What is wrong.
    pub why: &'static str,
}

/// Reads a relationship field: clauses separated by commas, alternatives by bars.
///
/// Architecture lists (`[amd64]`) and build profiles do not occur in binary packages and are
/// refused. The old operators `<` and `>` mean `<=` and `>=`, as dpkg reads them. An empty clause
/// (a trailing comma) is passed over, as apt does.
pub fn parse_relations(field: &str) -> Result<Vec<Relation<'_>>, RelationError> {
    field
        .split(',')
        .map(str::trim)
        .filter(|clause| !clause.is_empty())
        .map(|clause| {
            let alternatives =
                clause.split('|').map(|a| parse_alternative(a.trim())).collect::<Result<_, _>>()?;
            Ok(Relation { alternatives })
        })
        .collect()
}

/// Reads `name[:arch] [(op version)]`, already trimmed.
pub fn parse_alternative(text: &str) -> Result<Alternative<'_>, RelationError> {
    let fail = |why| RelationError { clause: text.to_owned(), why };
    let (head, bound) = match text.split_once('(') {
        Some((head, rest)) => {
            let inner =
                rest.trim_end().strip_suffix(')').ok_or_else(|| fail("the parenthesis is not closed"))?;
            (
                head.trim(),
                Some(
                    parse_bound(inner.trim())
                        .ok_or_else(|| fail("the version is missing or not one word"))?,
                ),
            )
        }
        None => (text, None),
    };
    if head.contains(['[', '<', ' ', '\t', '\n']) {
        return Err(fail(
            "expected one name; architecture lists and build profiles belong to source packages",
        ));
    }
    let (name, qualifier) = match head.split_once(':') {
        Some((name, "any")) => (name, Some(ArchQualifier::Any)),
        Some((name, "native")) => (name, Some(ArchQualifier::Native)),
        Some((name, arch)) => (name, Some(ArchQualifier::Arch(arch))),
        None => (head, None),
    };
    let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.' | '_');
    if name.is_empty() || !name.chars().all(good) {
        return Err(fail("a package name is letters, digits, `+`, `-` and `.`"));
    }
    Ok(Alternative { name, qualifier, bound })
}

fn parse_bound(text: &str) -> Option<Bound<'_>> {
    let (comparison, rest) = [
        ("<<", Comparison::Less),
        ("<=", Comparison::LessEqual),
        (">=", Comparison::GreaterEqual),
        (">>", Comparison::Greater),
        ("=", Comparison::Equal),
        ("<", Comparison::LessEqual),
        (">", Comparison::GreaterEqual),
    ]
    .iter()
    .find_map(|(op, c)| text.strip_prefix(op).map(|rest| (*c, rest.trim())))?;
    (!rest.is_empty() && !rest.contains(char::is_whitespace)).then_some(Bound { comparison, version: rest })
}

impl fmt::Display for Alternative<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)?;
        match self.qualifier {
            Some(ArchQualifier::Any) => f.write_str(":any")?,
            Some(ArchQualifier::Native) => f.write_str(":native")?,
            Some(ArchQualifier::Arch(a)) => write!(f, ":{a}")?,
            None => {}
        }
        match self.bound {
            Some(b) => write!(f, " ({} {})", b.comparison.as_str(), b.version),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Relation<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, a) in self.alternatives.iter().enumerate() {
            if i > 0 {
                f.write_str(" | ")?;
            }
            write!(f, "{a}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_policy_7_1() {
        let field = "libc6 (>= 2.36), debconf (>= 0.5) | debconf-2.0, python3:any (<<3.14),";
        let relations = parse_relations(field).unwrap();
        let shown: Vec<String> = relations.iter().map(ToString::to_string).collect();
        assert_eq!(shown, ["libc6 (>= 2.36)", "debconf (>= 0.5) | debconf-2.0", "python3:any (<< 3.14)"]);
        for bad in ["a (", "a (>= )", "a b", "(>= 1)", "a [amd64]", "a (1)", "ä"] {
            assert!(parse_relations(bad).is_err(), "{bad}");
        }
    }
}
