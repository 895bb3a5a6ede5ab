//! File trees as values: what a package unpacks to, what an image holds.
//!
//! Nothing here touches the host's file system or needs privileges: owners, modes, links and
//! devices are data, symbolic links are resolved inside the tree. The price is that a tree's
//! metadata is in memory (some 150 bytes an entry); contents never are.

pub mod actions;
mod body;
mod entry;
mod layers;
mod tree;

pub use body::{Bodies, Body, PayloadIx};
pub use entry::{Device, Entry, Node, Owner, Xattr};
pub use layers::{LayerGroup, SegmentPlan};
pub use tree::Tree;
