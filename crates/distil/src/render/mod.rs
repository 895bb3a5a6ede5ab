//! How values look to people: text on a terminal, JSON for programs. Nothing here decides anything.

pub(crate) mod diagnostic;
pub(crate) mod difference;
pub(crate) mod file_tree;
pub(crate) mod inspection;
pub(crate) mod progress;
pub(crate) mod reason;
pub(crate) mod size;
pub(crate) mod story;
pub(crate) mod style;
pub(crate) mod summary;
