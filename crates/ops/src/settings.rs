//! `distil settings`: what was decided, and by whom.

use diag::Diagnostic;

use crate::World;

/// A decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// What it is about, as `cache-dir` or `mirror debian`.
    pub name: String,
    /// What was decided; no credentials.
    pub value: String,
    /// Who decided: a flag, a variable, a file, or `default`.
    pub from: String,
}

/// Everything that was decided.
///
/// # Errors
/// A settings file cannot be read.
pub fn settings(world: &World) -> Result<Vec<Row>, Diagnostic> {
    Ok(world.surroundings.outside()?.decided.clone())
}
