//! apt's answer: the set that `apt-get --no-install-recommends install` would choose on an empty
//! system, in an order in which it can be installed.
//!
//! The algorithm is that of apt 2.6 (`APT::Solver "internal"`, the default of apt-get in 3.0 too):
//! candidates by pin and version (`state`), depth-first marking (`mark`), repair by score
//! (`resolver`), and removal of what an abandoned attempt left (`sweep`). Where apt gives up, a
//! complete search (`complete`) has the last word. Where apt's own answer hangs on the order of a
//! hash table (packages of equal score during repair), ours hangs on the order of the indexes.
//! How equal the answers are: docs/apt-parity.md.

mod complete;
mod follow;
mod mark;
mod order;
mod pool;
mod prune;
mod request;
mod resolver;
mod solution;
mod state;
mod sweep;
mod unsatisfiable;
mod validate;

pub use prune::{Applied, Pruned, prune};
pub use request::{Ask, Preferred, Request};
pub(crate) use solution::pin;
pub use solution::{Chosen, Method, Solution, solve};
pub use unsatisfiable::{Fact, Problem, Unsatisfiable};
pub use validate::{Violation, validate};

#[cfg(test)]
mod tests;
