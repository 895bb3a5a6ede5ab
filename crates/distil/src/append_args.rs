//! What can be typed after `append`.

use std::path::PathBuf;

use clap::Args;

/// Put files or a tar archive on top of an image, as one more layer
///
/// Paths lead through the image's own links (/lib to usr/lib), directories that are there stay as they are, and
/// nothing else of the image changes. The same files give the same digest.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  distil append base --file target/release/app:/usr/bin/app -o app:1\n  \
                  distil append ghcr.io/acme/base:1 --file conf/:/etc/app --owner 65532 -o ghcr.io/acme/app:1\n  \
                  distil append base --tar build.tar.gz --platform linux/amd64 -o oci:out:1")]
pub(crate) struct AppendArgs {
    /// The image: a name of the local store, REGISTRY/REPOSITORY:TAG, or another place
    #[arg(value_name = "IMAGE")]
    pub(crate) image: String,
    /// A file or directory, and its path in the image; may be given several times
    #[arg(long = "file", value_name = "SRC:DST", required_unless_present = "tars")]
    pub(crate) files: Vec<String>,
    /// A tar archive, compressed or not; may be given several times
    #[arg(long = "tar", value_name = "FILE")]
    pub(crate) tars: Vec<PathBuf>,
    /// Whose everything is to be [default: root's, and of archives whose it was]
    #[arg(long, value_name = "UID[:GID]")]
    pub(crate) owner: Option<String>,
    /// How the layer is compressed: gzip[:LEVEL] or zstd[:LEVEL] [default: gzip:6]
    #[arg(long, value_name = "CODEC")]
    pub(crate) compression: Option<String>,
    /// Where the result goes: a name of the local store, REGISTRY/REPOSITORY:TAG, or another place
    #[arg(short, long, value_name = "DEST")]
    pub(crate) output: String,
    #[command(flatten)]
    pub(crate) which: crate::transfer_args::PlatformArgs,
}
