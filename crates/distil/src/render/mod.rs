//! How values look to people: text on a terminal, JSON for programs. Nothing here decides anything.

pub(crate) mod diagnostic;
pub(crate) mod progress;
pub(crate) mod size;
pub(crate) mod style;
pub(crate) mod summary;
