//! apk's answer: the set that `apk add` chooses on an empty system, in apk's install order.
//!
//! The algorithm is that of apk-tools 3.0 (`src/solver.c`, by Timo Teräs: "up- and down-propagating,
//! forwarding checking, deductive"), written anew from how it behaves. Names are decided one by one,
//! and never twice:
//!
//! - A name that only one package provides in a version, or that several provide without one
//!   (a virtual name). A virtual provision is not chosen by itself unless it has a `provider_priority`
//!   or something else requires its package; then any number of packages may provide the name.
//! - A requirement on a name forbids all its providers that do not meet it; what all providers left
//!   depend on is required as well, and who provides what they all provide must be one of them
//!   (`state`, `reconsider`).
//! - Next to be decided is a name with one option left and all its requirers decided, then one with a
//!   provider that may be chosen by itself, then the rest; within these by a walk in depth from the
//!   request (`discover`).
//! - Of several providers: one that is still possible, then fewest conflicts, an allowed tag, the
//!   preferred tag, a kept version, the higher version of the name, the higher version of the package,
//!   `provider_priority`, the earlier repository (`choose`).
//! - A package whose `install_if` is met by what is decided comes in by itself.
//! - Repositories with a tag serve only lines with that tag and what these need.
//!
//! There is no going back: apk fails where another choice earlier would have led to an answer, and so
//! does this. In which order names look at
//! their options again hangs on the order of apk's hash table of names; ours has the same order, but
//! for names that share a bucket. How equal the answers are: docs/apk-parity.md.

mod apko;
mod choose;
mod discover;
mod explain;
mod grouped;
mod order;
mod pool;
mod reconsider;
mod request;
mod solution;
mod state;
mod trouble;
mod unsatisfiable;
mod validate;
mod words;

pub use request::{Compat, Preferred, Request};
pub use solution::{Solution, Solver, solve};
pub use unsatisfiable::{Fact, Problem, Unsatisfiable};
pub use validate::{Violation, validate};

#[cfg(test)]
mod tests;
