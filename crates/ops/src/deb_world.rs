//! Debian's side of the verbs: suites and their signed indexes, apt's choice, maintainer scripts.

pub(crate) mod closure;
pub(crate) mod indexes;
pub(crate) mod links;
mod local_packages;
pub(crate) mod prove;
pub(crate) mod scripts;
pub(crate) mod sources;

pub(crate) use sources::Sources;
