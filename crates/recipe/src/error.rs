use std::fmt;

use diag::{Excerpt, Explain, Kind};

use crate::place::{At, Source, without_credentials};

/// A recipe that cannot be used.
#[derive(Debug)]
pub struct RecipeError(Box<Fault>);

#[derive(Debug)]
struct Fault {
    file: String,
    problem: Problem,
    at: Option<At>,
    label: Option<String>,
    hint: Option<String>,
}

/// What is wrong with a recipe.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// It is no YAML, or YAML of a kind that recipes do not use.
    #[error("{0}")]
    Syntax(String),
    /// A key that no recipe has there.
    #[error("unknown key `{key}` in {place}")]
    UnknownKey {
        /// The key.
        key: String,
        /// The mapping it stands in.
        place: String,
    },
    /// A key that only one of the package worlds has.
    #[error("`{key}` is for {world} packages, and this is a recipe of {other} packages")]
    OtherWorld {
        /// The key.
        key: &'static str,
        /// The world that has it.
        world: &'static str,
        /// The world of the recipe.
        other: &'static str,
    },
    /// One key twice in one mapping.
    #[error("`{key}` is given twice")]
    DuplicateKey {
        /// The key.
        key: String,
    },
    /// A list where a text is wanted, and the like.
    #[error("{place} must be {expected}, not {found}")]
    WrongType {
        /// The key.
        place: String,
        /// What is wanted.
        expected: String,
        /// What stands there.
        found: &'static str,
    },
    /// A value that the key cannot have.
    #[error("`{value}` is not {expected}")]
    BadValue {
        /// The value, as written.
        value: String,
        /// What is wanted.
        expected: String,
    },
    /// A key that must be there.
    #[error("{place} has no `{key}`")]
    Missing {
        /// The mapping.
        place: String,
        /// The key.
        key: &'static str,
    },
    /// Two things that do not go together.
    #[error("{0}")]
    Contradiction(String),
    /// An include that cannot be read.
    #[error("cannot include `{name}`")]
    Include {
        /// As written.
        name: String,
        /// Why.
        #[source]
        cause: std::io::Error,
    },
    /// Files that include each other.
    #[error("the includes go in a circle: {0}")]
    Circle(String),
    /// A name that neither the catalogue nor the recipe has.
    #[error("there is no {what} `{name}`")]
    Unknown {
        /// What sort of thing.
        what: &'static str,
        /// Its name.
        name: String,
    },
}

impl RecipeError {
    pub(crate) fn at(at: &At, problem: Problem) -> RecipeError {
        RecipeError(Box::new(Fault {
            file: at.file().to_owned(),
            problem,
            at: Some(at.clone()),
            label: None,
            hint: None,
        }))
    }

    pub(crate) fn in_file(source: &Source, problem: Problem) -> RecipeError {
        RecipeError::named(&source.name, problem)
    }

    pub(crate) fn named(file: &str, problem: Problem) -> RecipeError {
        RecipeError(Box::new(Fault { file: file.to_owned(), problem, at: None, label: None, hint: None }))
    }

    pub(crate) fn bad(at: &At, value: &str, expected: impl Into<String>) -> RecipeError {
        RecipeError::at(at, Problem::BadValue { value: shown(value), expected: expected.into() })
    }

    pub(crate) fn clash(at: &At, text: impl Into<String>) -> RecipeError {
        RecipeError::at(at, Problem::Contradiction(text.into()))
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> RecipeError {
        self.0.hint = Some(hint.into());
        self
    }

    pub(crate) fn label(mut self, label: impl Into<String>) -> RecipeError {
        self.0.label = Some(label.into());
        self
    }

    /// What is wrong.
    pub fn problem(&self) -> &Problem {
        &self.0.problem
    }
}

/// A value as a message shows it: one line, not endless, without control characters and passwords.
pub(crate) fn shown(value: &str) -> String {
    const MOST: usize = 100;
    let value = without_credentials(value);
    let mut text: String = value.chars().take(MOST).flat_map(char::escape_debug).collect();
    if value.chars().nth(MOST).is_some() {
        text.push('…');
    }
    text.replace("\\\"", "\"").replace("\\'", "'")
}

impl fmt::Display for RecipeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot read recipe {}: {}", self.0.file, self.0.problem)
    }
}

impl std::error::Error for RecipeError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        std::error::Error::source(&self.0.problem)
    }
}

impl Explain for RecipeError {
    fn kind(&self) -> Kind {
        Kind::Input
    }

    fn hint(&self) -> Option<String> {
        self.0.hint.clone()
    }

    fn excerpt(&self) -> Option<Excerpt> {
        self.0.at.as_ref().map(|at| at.excerpt(self.0.label.clone()))
    }
}
