//! Images: trees into layers, layers into images, images in and out of layouts and archives.
//!
//! Why not a library: layers here are made of segments that are found again by their content, so
//! that a build recompresses only what changed, and their bytes depend on nothing but the tree
//! and the codec. The price is our own gzip framing and our own OCI reading and writing.

mod archive;
mod artifact;
mod assemble;
mod by_digest;
mod cache;
mod codec;
mod compress;
mod compressed;
mod copy;
pub mod docker_archive;
mod explain;
mod filling;
mod gzip;
mod hash_state;
mod index_file;
mod layer;
mod layout;
mod members;
mod memo;
pub mod oci_archive;
mod passing;
mod pipeline;
mod pour;
mod segment;
mod soundness;
mod steady;
mod summed;
mod transport;
mod validate;

pub use artifact::artifact;
pub use assemble::{Image, Upon, assemble, assemble_upon, index, publish};
pub use by_digest::ByDigest;
pub use cache::{CacheEntry, MemoryCache, NewCacheEntry, NoCache, SegmentCache};
pub use codec::{Codec, CodecError};
pub use compressed::Room;
pub use copy::{Copied, Copy, copy};
pub use docker_archive::DockerArchive;
pub use layer::{Layer, LayerError, LayerWriter};
pub use layout::{Layout, Pruned, REF_NAME, SetAside, entry_name};
pub use oci_archive::OciArchive;
pub use segment::{Segment, SegmentKey};
pub use steady::Steady;
pub use summed::Summed;
pub use transport::{
    BlobSink, Carried, Document, NewBlob, Sink, Source, TransportError, read_document, read_small,
};
pub use validate::{ValidImage, Validated, validate};
