//! Shell scripts of packages, read as data and never run.
//!
//! A script is parsed and walked through as a shell would with the arguments of a first
//! installation; conditions with known answers are followed, others lead both ways. Commands
//! that change files literally become [`rootfs::actions`], commands of the system are covered
//! by rules that are data ([`rules`]), and what remains is named. Whose scripts they are, a
//! [`System`] says: Debian's and Alpine's have other programs, accounts and rules.
//!
//! The price: a script that computes what it does is named as not replaced, although it might have
//! done nothing.

mod applied;
mod assigned;
mod expand;
mod files;
mod grammar;
mod known;
mod options;
mod question;
mod reading;
mod report;
pub mod rules;
mod simple;
mod state;
mod system;
mod text;
mod walk;
#[cfg(test)]
mod walk_tests;
mod world;

pub use applied::Literal;
pub use files::{octal, read_group, read_user};
pub use options::Options;
pub use reading::{Answers, Outcome, Run, read};
pub use report::{Report, Verdict, actions};
pub use state::{Act, Answer, Asked, Leftover};
pub use system::{Scene, System};
pub use text::{Text, matches};
pub use walk::Walker;
pub use world::{Alone, InTree, Presence, Unknown, World};

/// Where programs are, in the order of Debian's default `PATH`, which is Alpine's too.
const PATH_DIRECTORIES: [&str; 6] = ["usr/local/sbin", "usr/local/bin", "usr/sbin", "usr/bin", "sbin", "bin"];
