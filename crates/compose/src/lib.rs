//! Trees of packages and a recipe become one tree and an ordered list of layers.
//!
//! [`compose`] keeps this order, which is what makes an image explainable: **merge** the packages in
//! install order, apply what they ask for beyond their files, **cut** what no program reads,
//! **derive** the files that installation would have made (passwd, CA bundle, `ld.so.cache` …), add the
//! user's own files, check the **policy** of distroless images, and split the tree into **layer
//! groups**. Every path has an owner; what was cut and what was derived is listed with its rule.
//!
//! Nothing is downloaded, unpacked, run or compressed here, and nothing asks the machine: the same
//! input gives the same composition. The price is that whoever calls has read everything before:
//! the user's files, the objects' summaries.

mod account_uses;
mod accounts;
mod alternatives;
mod apk_rules;
mod asked;
mod certificates;
mod composition;
mod config;
pub mod cut;
mod der;
mod derive;
mod draft;
mod globs;
mod input;
mod java_keystore;
mod layers;
mod library_cache;
mod merge;
mod names;
mod own;
mod pam;
mod parts;
mod pem;
pub mod policy;
mod status;
mod steps;

mod story;
mod upon;

pub use apk_rules::ApkKeyError;
pub use asked::AskedError;
pub use composition::{Composition, CutTotal, Made, Note, Rule};
pub use draft::DraftError;
pub use globs::GlobError;
pub use input::{ApkKey, Base, ComposeInput, DebRecord, OwnBody, PackageTree, Record};
pub use story::{ComposeError, compose};
