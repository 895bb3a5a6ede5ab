use crate::Entry;

/// What a layer is made of, before it is written: runs of entries in tar order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LayerGroup {
    /// Said in the image's history, as `libc6 2.41-12+deb13u3` or `derived and own files`.
    pub title: String,
    /// Written one after the other; each is compressed by itself and found again by its content. A
    /// layer has every directory that something in it is in: Docker's overlay driver makes missing
    /// ones itself, root's and 0755, over those of the layers below.
    pub segments: Vec<SegmentPlan>,
}

/// The entries of one segment, in the order in which they are written. Parents come before
/// children within a layer, in this segment or an earlier one; the target of a hard link likewise.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SegmentPlan {
    /// The entries.
    pub entries: Vec<Entry>,
}
