//! What can be typed after `push`, `pull`, `copy`, `tag`, `ls` and `rm`.

use clap::Args;

/// Which of an image's platforms.
#[derive(Debug, Args)]
pub(crate) struct PlatformArgs {
    /// Only this platform (linux/amd64, linux/arm/v7 …)
    #[arg(long, value_name = "PLATFORM")]
    pub(crate) platform: Option<String>,
    /// All platforms, as the index has them; so it is without --platform
    #[arg(long, conflicts_with = "platform")]
    pub(crate) all_platforms: bool,
}

/// Push an image to a registry
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  distil push base ghcr.io/acme/base:1          an image of the local store\n  \
                  distil push ghcr.io/acme/app:1                one whose name says where it belongs\n  \
                  distil push oci:out:1 ghcr.io/acme/app:1      an image of a layout\n  \
                  distil push app ghcr.io/acme/app --platform linux/arm64"
)]
pub(crate) struct PushArgs {
    /// A name of the local store, or oci:DIR[:TAG], oci-archive:FILE, docker-archive:FILE, docker-daemon:NAME
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
    /// REGISTRY/REPOSITORY[:TAG] [default: NAME, where it begins with a registry]
    #[arg(value_name = "DEST")]
    pub(crate) dest: Option<String>,
    #[command(flatten)]
    pub(crate) which: PlatformArgs,
    /// Attach why each package and file is there, for `distil why`; it names lines of the recipe
    #[arg(long)]
    pub(crate) reasons: bool,
}

/// Pull an image into the local store
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  distil pull ghcr.io/acme/app:1                keeps its name\n  \
                  distil pull docker://alpine:3.22 alpine       from Docker Hub, called alpine:latest here\n  \
                  distil pull docker-daemon:acme/app:1          from the running Docker or Podman\n  \
                  distil pull ghcr.io/acme/app:1 --platform linux/amd64")]
pub(crate) struct PullArgs {
    /// REGISTRY/REPOSITORY[:TAG|@DIGEST], docker://…, or another place
    #[arg(value_name = "REF")]
    pub(crate) name: String,
    /// What the local store is to call it [default: as the registry does]
    #[arg(value_name = "NAME")]
    pub(crate) to: Option<String>,
    #[command(flatten)]
    pub(crate) which: PlatformArgs,
}

/// Copy an image from anywhere to anywhere
///
/// Index and manifest digests survive among registries, oci:, oci-archive: and the local store;
/// docker-archive:, docker-daemon: and --load take one platform and keep the config's digest and the diff ids.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  distil copy ghcr.io/acme/app:1 registry.acme.example/app:1\n  \
                  distil copy base oci:out:1                    the local store to a layout\n  \
                  distil copy docker-archive:saved.tar ghcr.io/acme/app:1\n  \
                  distil copy base docker-archive:base.tar --platform linux/amd64\n  \
                  distil copy ghcr.io/acme/app:1 --load         into the running Docker or Podman, under its own name\n  \
                  distil copy base acme/base:1 --load=kind      into kind, as acme/base:1")]
pub(crate) struct CopyArgs {
    /// The image: a name of the local store, REGISTRY/REPOSITORY:TAG, oci:DIR[:TAG], oci-archive:FILE[:TAG],
    /// docker-archive:FILE[:REF] or docker-daemon:NAME
    #[arg(value_name = "FROM")]
    pub(crate) from: String,
    /// Where to, in the same words; with --load the name there [default: as where it comes from]
    #[arg(value_name = "TO", required_unless_present = "load")]
    pub(crate) to: Option<String>,
    /// Load it into the running Docker or Podman, or into containerd[:NAMESPACE], kind[:CLUSTER] or k3d[:CLUSTER] by
    /// their own commands; may be given several times
    #[arg(long, value_name = "INTO", num_args = 0..=1, require_equals = true, default_missing_value = "")]
    pub(crate) load: Vec<String>,
    #[command(flatten)]
    pub(crate) which: PlatformArgs,
}

/// Give an image another name, in the local store or in its repository
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  distil tag base ghcr.io/acme/base:1                     in the local store, to be pushed\n  \
                  distil tag docker://ghcr.io/acme/app:1 stable           in the registry"
)]
pub(crate) struct TagArgs {
    /// A name of the local store, or docker://REGISTRY/REPOSITORY[:TAG|@DIGEST]
    #[arg(value_name = "NAME")]
    pub(crate) from: String,
    /// Its other name; of a registry's image the tag alone is enough
    #[arg(value_name = "NEW")]
    pub(crate) to: String,
}

/// List the images of the local store, or the tags of a repository
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  distil ls\n  distil ls base\n  \
                  distil ls ghcr.io/acme/app                    the tags of a repository\n  \
                  distil ls oci:out --json")]
pub(crate) struct LsArgs {
    /// A name of the local store, REGISTRY/REPOSITORY, oci:DIR, oci-archive:FILE or docker-archive:FILE
    #[arg(value_name = "PLACE")]
    pub(crate) place: Option<String>,
}

/// Remove images from the local store, or from a registry
///
/// With the last name that needs them, layers go as well. Registries are named with docker://, and may refuse.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  distil rm base:debug\n  distil rm ghcr.io/acme/app:1                  from the local store\n  \
                  distil rm docker://ghcr.io/acme/app:1         from the registry"
)]
pub(crate) struct RmArgs {
    /// Names of the local store, digests, or docker://REGISTRY/REPOSITORY[:TAG|@DIGEST]
    #[arg(value_name = "NAME", required = true)]
    pub(crate) names: Vec<String>,
}
