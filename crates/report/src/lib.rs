//! One web page that shows what is in an image, to look at, to search and to send around: sizes, packages,
//! files, layers, config, what an intruder would find in it, and what changed since another image.
//!
//! The page is one file and asks nobody for anything: style, script and data stand in it, and its own
//! Content-Security-Policy forbids every request and every script but the one whose hash it names. What
//! matters is written as plain HTML here, so that it is read without script, printed and spoken; the script
//! adds what a list cannot do: a map of sizes, sorting, and a tree of a hundred thousand files, of which only
//! the rows in sight exist. No framework. The price: style and script are written by hand (`assets/`) and are
//! tested in a real browser only.
//!
//! Whoever reads images fills a [`Page`] with what they are made of and, where there are two, with what changed.
//! All that comes from an image is hostile: see [`shown`] and `escape.rs`. The same input gives the same
//! bytes: no clock, no order of a hash map.

mod columns;
mod compare;
mod document;
mod escape;
mod page;
mod sections;
mod size;
mod surface;

pub use compare::{Changes, ConfigChange, Mark, PackageChange, PathChange};
pub use document::page;
pub use escape::shown;
pub use page::{Before, Config, File, FileKind, Image, Layer, Package, Page, Role, RunAs};
pub use surface::{Category, Finding, Surface};
