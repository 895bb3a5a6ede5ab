//! What can be typed after `append` and `rebase`.

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

/// Put an image's own layers upon another base, without building it again
///
/// The old base's layers must be the image's first ones. Config values that the image took from its base become the
/// new base's; accounts and certificates that both have are joined, in a layer of their own; what only a build can
/// make again is refused, with the reason; so is a base without what a package of the image's own needs.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  distil rebase app:1 --old-base ghcr.io/acme/base:0 --new-base ghcr.io/acme/base:1 -o app:2\n  \
                  distil rebase ghcr.io/acme/app:1 --new-base ghcr.io/acme/base:1 -o ghcr.io/acme/app:1"
)]
pub(crate) struct RebaseArgs {
    /// The image
    #[arg(value_name = "IMAGE")]
    pub(crate) image: String,
    /// The base that it was made upon [default: what its org.opencontainers.image.base.* annotations name]
    #[arg(long, value_name = "REF")]
    pub(crate) old_base: Option<String>,
    /// The base that it is to stand upon
    #[arg(long, value_name = "REF")]
    pub(crate) new_base: String,
    /// Where the result goes
    #[arg(short, long, value_name = "DEST")]
    pub(crate) output: String,
    #[command(flatten)]
    pub(crate) which: crate::transfer_args::PlatformArgs,
}
