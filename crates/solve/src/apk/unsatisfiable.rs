use std::fmt;

use package::Universe;

use super::pool::Dep;
use super::request::Request;
use super::solution::World;
use super::state::State;

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
    /// No chain was found.
    Undecided,
}

impl Unsatisfiable {
    pub(super) fn one(problem: Problem) -> Unsatisfiable {
        Unsatisfiable { problems: vec![problem] }
    }
}

impl fmt::Display for Unsatisfiable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot solve the packages asked for: they do not fit together")
    }
}

impl std::error::Error for Unsatisfiable {}

pub(super) fn explain(
    _universe: &Universe,
    _request: &Request,
    _world: &World<'_>,
    _state: &State<'_, '_>,
    _lines: &[Dep<'_>],
) -> Unsatisfiable {
    Unsatisfiable::one(Problem::Undecided)
}

impl diag::Explain for Unsatisfiable {
    fn kind(&self) -> diag::Kind {
        diag::Kind::Unsatisfiable
    }
}
