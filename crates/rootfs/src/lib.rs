//! File trees as values: what a package unpacks to, what an image holds.
//!
//! Nothing here touches the host's file system or needs privileges: owners, modes, links and
//! devices are data, symbolic links are resolved inside the tree. The price is that a tree's
//! metadata is in memory (some 150 bytes an entry); contents never are.

pub mod actions;
mod below;
mod body;
mod capabilities;
mod cut;
mod diff;
mod entry;
mod explain;
mod layers;
mod merge;
#[cfg(test)]
mod merge_tests;
mod notation;
/// Paths of a tree: their one form, and symbolic links followed inside the tree.
pub mod path;
pub mod payload;
pub mod tar;
mod tree;

pub use below::{Clash, WHITEOUT, changes, flatten, stack};
pub use body::{Bodies, Body, MemoryPayload, PayloadIx, Payloads, ReadAt};
pub use capabilities::{CAPABILITY, CAPABILITY_NAMES, capabilities};
pub use cut::{Cut, Rootfs};
pub use diff::{Aspect, Difference, diff};
pub use entry::{Device, Entry, Node, Owner, Xattr};
pub use layers::{LayerGroup, SegmentPlan};
pub use merge::{MergeError, MergeRules, Part, merge};
pub use notation::{is_unseen, shown, typed};
pub use path::MAX_PATH;
pub use tree::Tree;
