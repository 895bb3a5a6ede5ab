//! apk's side of the verbs (Alpine, Wolfi and their kin): repositories and their signed indexes, apk's
//! choice, scripts and triggers.

pub(crate) mod closure;
pub(crate) mod everywhere;
pub(crate) mod indexes;
pub(crate) mod keys;
pub(crate) mod links;
pub(crate) mod prove;
pub(crate) mod scripts;
pub(crate) mod signatures;
pub(crate) mod sources;

pub(crate) use sources::Repositories;
