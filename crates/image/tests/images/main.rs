//! Layers, layouts and archives, written and read back, by us and by others.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]
#![allow(clippy::disallowed_methods, reason = "tests ask the machine")]

mod archives;
mod copying;
mod layers;
mod others;
mod properties;
mod saved;
mod summed;
mod trees;
mod world;
