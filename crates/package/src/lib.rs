//! The vocabulary of packages: names, architectures, version orders, requirements, pins, closures,
//! and the [`Universe`] of all records of all indexes. Knows no file format and does no I/O.
//!
//! Both package worlds (Debian's and apk's) become this common data; below `ops/ecosystem.rs`
//! nothing asks which one it is. The price: a field that one world lacks is empty there.

mod apk_relation;
mod arch;
pub mod base_accounts;
mod closure;
mod edge;
mod identity;
mod requirement;
pub mod shelf;
mod universe;
pub mod version;

pub use apk_relation::{Dependency, DependencyError, Op, parse_dependencies, parse_dependency};
pub use arch::{Arch, ArchError};
pub use closure::{Cause, Closure, LeftOut, Pin, Reason};
pub use edge::{CutEdge, HiddenEdge};
pub use identity::{Identity, Sha1};
pub use requirement::{
    Alternative, ArchQualifier, Bound, Comparison, Relation, RelationError, parse_alternative,
    parse_relations,
};
pub use shelf::{MultiArch, Priority, Record, RecordDraft, Shelf, ShelfBuilder, ShelfError, World};
pub use universe::{RecordId, ShelfSource, Standing, Universe};
