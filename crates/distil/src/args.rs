//! What can be typed. Only its shape: what it means is decided in `options`.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::transfer_args;

/// Make distroless container images, from packages to proof.
#[derive(Debug, Parser)]
#[command(
    name = "distil",
    version,
    propagate_version = true,
    subcommand_required = true,
    arg_required_else_help = true,
    after_help = "Examples:\n  distil build base                   build the catalogue image `base` into the local store\n  \
                  distil build app.yaml --load        build a recipe and load it into Docker or Podman\n  \
                  distil lock app.yaml                pin the packages without building\n  \
                  distil update app.yaml              move the pins to the newest versions\n\n\
                  Exit codes: 0 done, 1 findings, 2 usage, 3 input, 4 network, 5 trust, 6 unsatisfiable,\n\
                  7 the machine, 70 a bug of distil."
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Flags of every command.
#[derive(Debug, Args)]
pub(crate) struct Global {
    /// Write the result as JSON on standard output
    #[arg(long, global = true, help_heading = "Global options")]
    pub(crate) json: bool,
    /// Say less: no summary, no progress
    #[arg(short, long, global = true, help_heading = "Global options")]
    pub(crate) quiet: bool,
    /// Say more
    #[arg(short, long, global = true, action = clap::ArgAction::Count, help_heading = "Global options")]
    pub(crate) verbose: u8,
    /// Open no socket; what is not in the cache is an error
    #[arg(long, global = true, help_heading = "Global options")]
    pub(crate) offline: bool,
    /// Find an archive at URL (archives: debian, debian-security, debian-snapshot, alpine, wolfi)
    #[arg(long, global = true, value_name = "ARCHIVE=URL", help_heading = "Global options")]
    pub(crate) mirror: Vec<String>,
    /// Speak to this registry without TLS, or check no certificate of it; may be given several times
    #[arg(long, global = true, value_name = "HOST[:PORT]", help_heading = "Global options")]
    pub(crate) insecure_registry: Vec<String>,
    /// Where downloads and derived objects are kept [env: DISTIL_CACHE_DIR]
    #[arg(long, global = true, value_name = "DIR", help_heading = "Global options")]
    pub(crate) cache_dir: Option<PathBuf>,
    /// Where images and the catalogue's locks are kept [env: DISTIL_DATA_DIR]
    #[arg(long, global = true, value_name = "DIR", help_heading = "Global options")]
    pub(crate) data_dir: Option<PathBuf>,
    /// The settings file [env: DISTIL_CONFIG]
    #[arg(long, global = true, value_name = "FILE", help_heading = "Global options")]
    pub(crate) config: Option<PathBuf>,
    /// How many threads work at once [default: one a processor]
    #[arg(long, global = true, value_name = "N", help_heading = "Global options")]
    pub(crate) threads: Option<usize>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Build(BuildArgs),
    Lock(LockArgs),
    Update(UpdateArgs),
    Inspect(crate::inspect_args::InspectArgs),
    Tree(crate::inspect_args::TreeArgs),
    Why(crate::inspect_args::WhyArgs),
    Diff(crate::inspect_args::DiffArgs),
    Extract(crate::inspect_args::ExtractArgs),
    History(crate::inspect_args::HistoryArgs),
    Login(crate::login_args::LoginArgs),
    Logout(crate::login_args::LogoutArgs),
    Push(transfer_args::PushArgs),
    Pull(transfer_args::PullArgs),
    Copy(transfer_args::CopyArgs),
    Append(crate::append_args::AppendArgs),
    Rebase(crate::append_args::RebaseArgs),
    Tag(transfer_args::TagArgs),
    Ls(transfer_args::LsArgs),
    Rm(transfer_args::RmArgs),
    Apko(Box<crate::apko::args::ApkoArgs>),
    Report(Box<crate::report_args::ReportArgs>),
    Settings(SettingsArgs),
    /// Print the JSON Schema of recipes
    #[command(after_help = "Examples:\n  distil schema > distil.schema.json")]
    Schema,
    Cache(CacheArgs),
    /// Print a completion script for a shell
    #[command(after_help = "Examples:\n  distil completions bash > /etc/bash_completion.d/distil")]
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Print a manual page, or write all of them into a directory
    #[command(after_help = "Examples:\n  distil man | man -l -\n  distil man --dir ./man1")]
    Man {
        /// Write distil.1 and a page for every command here
        #[arg(long, value_name = "DIR")]
        dir: Option<PathBuf>,
    },
}

/// Build images from recipes or from the catalogue
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  distil build                              build ./distil.yaml\n  \
                  distil build base                         the catalogue image `base`, every arch and variant\n  \
                  distil build static base cc --load        load the host's platform of each into Docker or Podman\n  \
                  distil build app.yaml -t acme/app:1.2 -o oci:out   write an OCI layout\n  \
                  distil build app.yaml -t ghcr.io/acme/app:1.2 --push   push it to a registry\n  \
                  distil build app.yaml --frozen            exactly the lock: no index, no network")]
pub(crate) struct BuildArgs {
    /// Recipe files, or names of the catalogue [default: distil.yaml]
    #[arg(value_name = "RECIPE|NAME")]
    pub(crate) recipes: Vec<String>,
    #[command(flatten)]
    pub(crate) choice: ChoiceArgs,
    /// Name the image; may be given several times
    #[arg(short, long = "tag", value_name = "REF")]
    pub(crate) tags: Vec<String>,
    /// Write it to docker://REF, oci:DIR[:TAG], oci-archive:FILE, docker-archive:FILE or docker-daemon:REF; may be given several times
    #[arg(short, long, value_name = "TARGET")]
    pub(crate) output: Vec<String>,
    /// Load the host's platform into the running Docker or Podman, or into containerd[:NAMESPACE], kind[:CLUSTER] or
    /// k3d[:CLUSTER] by their own commands; may be given several times
    #[arg(long, value_name = "INTO", num_args = 0..=1, require_equals = true, default_missing_value = "")]
    pub(crate) load: Vec<String>,
    /// Push it to the registries that its -t names name, with all its platforms
    #[arg(long, requires = "tags")]
    pub(crate) push: bool,
    #[command(flatten)]
    pub(crate) lock: LockChoice,
    /// Fail if the lock no longer fits the recipe
    #[arg(long)]
    pub(crate) locked: bool,
    /// Fail if the lock no longer fits; read no index and use no network
    #[arg(long)]
    pub(crate) frozen: bool,
    /// How layers are compressed: gzip[:LEVEL] or zstd[:LEVEL] [default: gzip:6]
    #[arg(long, value_name = "CODEC")]
    pub(crate) compression: Option<String>,
    /// Print which rules cut, added and made what
    #[arg(long)]
    pub(crate) explain: bool,
}

/// Which of a recipe's images.
#[derive(Debug, Args)]
pub(crate) struct ChoiceArgs {
    /// Only these architectures (amd64, arm64, arm/v7 …, or `host`); commas or several times
    #[arg(long, value_name = "ARCH", value_delimiter = ',')]
    pub(crate) arch: Vec<String>,
    /// Only these variants (`latest` is the untagged one); commas or several times
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub(crate) variant: Vec<String>,
}

/// Where the lock is, and what takes the mirror's place.
#[derive(Debug, Args)]
pub(crate) struct LockChoice {
    /// The lock file [default: beside the recipe, .yaml replaced by .lock]
    #[arg(long = "lock", value_name = "FILE")]
    pub(crate) lock: Option<PathBuf>,
    /// A directory that holds the packages of the lock: filled by `distil lock --vendor`, a copy of a repository, or
    /// just the files
    #[arg(long, value_name = "DIR")]
    pub(crate) vendor: Option<PathBuf>,
    /// Accept an index older than the one seen before
    #[arg(long)]
    pub(crate) allow_rollback: bool,
    /// apk packages: choose as this program does where the two differ
    #[arg(long, value_name = "PROGRAM", value_enum, default_value_t)]
    pub(crate) compat: CompatWord,
}

/// Whose choice of apk packages is wanted.
#[derive(Debug, Clone, Copy, Default, clap::ValueEnum)]
pub(crate) enum CompatWord {
    /// apk itself
    #[default]
    Apk,
    /// apko: repositories in the order of the alphabet, versions that all architectures have, and its solver's verdicts
    Apko,
}

/// Pin the packages of a recipe: write or complete its lock
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  distil lock app.yaml                 write app.lock, pins kept\n  \
                  distil lock app.yaml --verify        prove app.lock again from the signed indexes\n  \
                  distil lock base --dry-run --json    only solve, and print the pins\n  \
                  distil lock app.yaml --vendor deps   also keep packages and indexes in deps/")]
pub(crate) struct LockArgs {
    /// A recipe file, or a name of the catalogue [default: distil.yaml]
    #[arg(value_name = "RECIPE|NAME")]
    pub(crate) recipe: Option<String>,
    #[command(flatten)]
    pub(crate) lock: LockChoice,
    /// Only solve: download no package, write nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Prove the lock again from the signed indexes that it names
    #[arg(long, conflicts_with = "dry_run")]
    pub(crate) verify: bool,
    /// With --json: the pins of this variant [default: the untagged one]
    #[arg(long, value_name = "NAME")]
    pub(crate) variant: Option<String>,
    /// Print which rows of the tables applied
    #[arg(long)]
    pub(crate) explain: bool,
}

/// Move the pins of a lock to the newest packages
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  distil update app.yaml             move all pins, print what changed\n  \
                  distil update base                 refresh the catalogue's lock\n  \
                  distil update app.yaml --dry-run   only print what would change"
)]
pub(crate) struct UpdateArgs {
    /// A recipe file, or a name of the catalogue [default: distil.yaml]
    #[arg(value_name = "RECIPE|NAME")]
    pub(crate) recipe: Option<String>,
    #[command(flatten)]
    pub(crate) lock: LockChoice,
    /// Only print what would change
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// Show what distil decided: directories, mirrors, proxies, and from where
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  distil settings\n  distil settings --json")]
pub(crate) struct SettingsArgs {}

/// Look into the cache, shrink it, check it
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  distil cache info\n  distil cache prune --older-than 30d\n  distil cache verify"
)]
pub(crate) struct CacheArgs {
    #[command(subcommand)]
    pub(crate) what: CacheCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum CacheCommand {
    /// How much of what there is
    Info,
    /// Delete what no lock seen here needs, or what is older than --older-than
    Prune {
        /// Age, as 12h, 30d or 4w
        #[arg(long, value_name = "AGE", default_value = "30d")]
        older_than: String,
        /// Delete everything
        #[arg(long)]
        all: bool,
    },
    /// Hash every blob and check every derived object again; what fails is deleted
    Verify,
}
