use std::fmt;

use diag::{Explain, Kind};

/// No set of packages fits the request, or apk's algorithm finds none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unsatisfiable {
    /// Why not; never empty.
    pub problems: Vec<Problem>,
}

/// One reason why a request cannot be met.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Problem {
    /// A line that is no dependency in apk's syntax.
    NotADependency {
        /// The line.
        ask: String,
        /// What is wrong.
        why: String,
    },
    /// A line with a tag that no repository has.
    UnknownTag {
        /// The line.
        ask: String,
        /// The tag.
        tag: String,
        /// The tags that there are.
        known: Vec<String>,
    },
    /// No index has the name, and no package provides it.
    Unknown {
        /// The line.
        ask: String,
        /// The name.
        name: String,
        /// Names that look alike.
        nearest: Vec<String>,
    },
    /// An index has the name, but no hash of the file: apk passes over such a record.
    NoHash {
        /// The line.
        ask: String,
        /// The name.
        name: String,
    },
    /// A chain from a line to what cannot be.
    Chain(Vec<Fact>),
}

/// A step of a derivation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fact {
    /// The user asked for something.
    Asked {
        /// The line.
        ask: String,
        /// Name and version that it means; "" where it means nothing.
        package: String,
    },
    /// A package needs something, or excludes it (`!name`).
    Needs {
        /// Name and version.
        package: String,
        /// The dependency as the index has it.
        requirement: String,
    },
    /// A package comes in by itself.
    ComesIn {
        /// Name and version.
        package: String,
        /// Its `install_if`.
        conditions: String,
    },
    /// No index has it, and nothing provides it.
    NotThere {
        /// The name.
        name: String,
    },
    /// It is there, but in other versions.
    OnlyVersions {
        /// The name.
        name: String,
        /// Versions and where they are.
        versions: Vec<String>,
    },
    /// It is only in repositories whose tag is not allowed here.
    OnlyTagged {
        /// The name.
        name: String,
        /// The tags.
        tags: Vec<String>,
    },
    /// It is there, but apk cannot install it: another architecture, or something that it does not
    /// understand.
    Uninstallable {
        /// The name.
        name: String,
        /// Versions and where they are.
        versions: Vec<String>,
    },
    /// Packages provide it without a version and without a priority; none is chosen by itself.
    Virtual {
        /// The name.
        name: String,
        /// Who provides it.
        providers: Vec<String>,
    },
    /// Two packages that provide the same name cannot both be installed.
    Excludes {
        /// Name and version of one.
        package: String,
        /// Name and version of the other; "" if it is one package that has the name twice.
        other: String,
        /// The name.
        name: String,
    },
    /// What was chosen for a name does not fit: apk decides each name once.
    Chosen {
        /// The name.
        name: String,
        /// Name and version of what was chosen; "" for nothing.
        package: String,
    },
    /// Whatever could be chosen was ruled out before.
    Disqualified {
        /// The name.
        name: String,
        /// The packages, each with its reason.
        packages: Vec<String>,
    },
    /// A package has a name that nothing was to have: nothing needed it when it was decided.
    LeftOut {
        /// Name and version.
        package: String,
        /// The name.
        name: String,
    },
    /// Every choice that is left contradicts an earlier one.
    RuledOut {
        /// Name and version.
        package: String,
    },
    /// Lines that the algorithm could not reconcile, where no shorter chain was found.
    Undecided {
        /// The lines.
        asks: Vec<String>,
    },
}

impl Unsatisfiable {
    pub(super) fn one(problem: Problem) -> Unsatisfiable {
        Unsatisfiable { problems: vec![problem] }
    }

    fn last_fact(&self) -> Option<&Fact> {
        match self.problems.first() {
            Some(Problem::Chain(facts)) => facts.last(),
            _ => None,
        }
    }
}

impl fmt::Display for Unsatisfiable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.problems.first() {
            Some(Problem::NotADependency { ask, why }) => {
                write!(f, "cannot read package `{ask}`: {why}")
            }
            Some(Problem::UnknownTag { ask, tag, .. }) => {
                write!(f, "cannot choose package `{ask}`: no repository has the tag `{tag}`")
            }
            Some(Problem::Unknown { ask, name, .. }) => {
                write!(f, "cannot find package `{ask}`: no index has the name `{name}`")
            }
            Some(Problem::NoHash { ask, name }) => {
                write!(
                    f,
                    "cannot choose package `{ask}`: the index has no hash of {name} that apk knows (`C:Q1…`)"
                )
            }
            Some(Problem::Chain(facts)) => match &facts[..] {
                [Fact::Asked { ask, .. }, last] => write!(f, "cannot choose package `{ask}`: {last}"),
                _ => f.write_str("cannot solve the packages asked for: they do not fit together"),
            },
            None => f.write_str("cannot solve the packages asked for"),
        }
    }
}

impl std::error::Error for Unsatisfiable {}

impl Explain for Unsatisfiable {
    fn kind(&self) -> Kind {
        match self.problems.first() {
            Some(Problem::NotADependency { .. } | Problem::UnknownTag { .. }) => Kind::Input,
            _ => Kind::Unsatisfiable,
        }
    }

    fn details(&self) -> Vec<String> {
        let mut out = Vec::new();
        for (i, problem) in self.problems.iter().enumerate() {
            match problem {
                // The message has it already.
                Problem::Chain(facts) if i == 0 && facts.len() == 2 => {}
                Problem::Chain(facts) => crate::put_chain(&mut out, facts),
                Problem::NoHash { name, .. } if i > 0 => {
                    out.push(format!("nor has the index a hash of {name} that apk knows"));
                }
                Problem::Unknown { ask, nearest, .. } if i > 0 => {
                    let near = if nearest.is_empty() { "" } else { "; did you mean " };
                    out.push(format!("nor is there `{ask}`{near}{}", nearest.join(", ")));
                }
                _ => {}
            }
        }
        out
    }

    fn hint(&self) -> Option<String> {
        Some(match (self.problems.first()?, self.last_fact()) {
            (Problem::NotADependency { .. }, _) => {
                "write name, name=1.2-r0, name~1.2, name>=1.2, name@tag or !name".to_owned()
            }
            (Problem::UnknownTag { known, .. }, _) if known.is_empty() => {
                "give the repository a tag: `@TAG URL`".to_owned()
            }
            (Problem::UnknownTag { known, .. }, _) => format!("the tags are {}", known.join(", ")),
            (Problem::NoHash { .. }, _) => {
                "have the repository's index made again, or take the package from another repository"
                    .to_owned()
            }
            (Problem::Unknown { nearest, .. }, _) if !nearest.is_empty() => {
                format!("did you mean {}?", nearest.join(", "))
            }
            (Problem::Unknown { .. }, _) | (_, Some(Fact::NotThere { .. })) => {
                "check the name and whether its repository is in `repositories:`".to_owned()
            }
            (_, Some(Fact::OnlyTagged { name, tags })) => {
                format!("allow the repository for it: add {name}@{} to the packages", tags.join(" or @"))
            }
            (_, Some(Fact::Virtual { providers, .. })) => format!("name one: {}", providers.join(", ")),
            (_, Some(Fact::OnlyVersions { .. })) => {
                "relax the version, or add the repository that has it".to_owned()
            }
            (_, Some(Fact::Uninstallable { .. })) => "choose another version or architecture".to_owned(),
            _ => {
                "remove or replace one of the packages named above, or name the version that fits".to_owned()
            }
        })
    }
}

impl fmt::Display for Fact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fact::Asked { ask, package } if package.is_empty() => write!(f, "you asked for `{ask}`"),
            Fact::Asked { ask, package } => write!(f, "you asked for `{ask}`, which is {package}"),
            Fact::Needs { package, requirement } => match requirement.strip_prefix('!') {
                Some(excluded) => write!(f, "{package} excludes {excluded}"),
                None => write!(f, "{package} needs {requirement}"),
            },
            Fact::ComesIn { package, conditions } => {
                write!(f, "{package} comes in by itself, since {conditions} are there")
            }
            Fact::NotThere { name } => write!(f, "no index has {name}, and no package provides it"),
            Fact::OnlyVersions { name, versions } => {
                write!(f, "{name} exists only as {}", versions.join(", "))
            }
            Fact::OnlyTagged { name, tags } => {
                write!(f, "{name} is only in repositories with the tag {}", tags.join(", "))
            }
            Fact::Uninstallable { name, versions } => {
                write!(f, "{name} cannot be installed here: {}", versions.join(", "))
            }
            Fact::Virtual { name, providers } if providers.len() == 1 => {
                write!(f, "only {} provides {name}, and without a version or priority", providers[0])
            }
            Fact::Virtual { name, providers } => {
                write!(f, "several packages provide {name} without a priority: {}", providers.join(", "))
            }
            Fact::Excludes { package, other, name } if other.is_empty() => {
                write!(f, "{package} provides {name} in two versions")
            }
            Fact::Excludes { package, other, name } => {
                write!(f, "{package} and {other} cannot both be installed: both provide {name}")
            }
            Fact::Chosen { name, package } if package.is_empty() => {
                write!(f, "nothing can be chosen for {name}")
            }
            Fact::Chosen { name, package } => write!(f, "for {name}, {package} was chosen"),
            Fact::Disqualified { name, packages } => {
                write!(f, "nothing is left for {name}: {}", packages.join("; "))
            }
            Fact::LeftOut { package, name } => {
                write!(f, "{package} has the name {name}, and apk had decided that nothing has it")
            }
            Fact::RuledOut { package } => write!(f, "what was chosen before rules out {package}"),
            Fact::Undecided { asks } => write!(f, "no choice reconciles {}", asks.join(", ")),
        }
    }
}
