use std::fmt;

/// A place in a file of somebody else's that was passed over, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ignored {
    /// Line, from 1.
    pub line: usize,
    /// Why; never shows a secret.
    pub why: String,
}

impl Ignored {
    pub(crate) fn new(line: usize, why: impl Into<String>) -> Ignored {
        Ignored { line, why: why.into() }
    }
}

impl fmt::Display for Ignored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.why)
    }
}
