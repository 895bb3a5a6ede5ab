//! apko's own command line: its verbs, its flags, its spelling.

use std::path::PathBuf;

use clap::builder::BoolishValueParser;
use clap::{Args, Subcommand};

use crate::args::CompatWord;

/// apko's command line: `apko build …` becomes `distil apko build …`
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  distil apko build app.yaml acme/app:1.2 app.tar     what `docker load` reads\n  \
                  distil apko publish --local app.yaml acme/app:1.2   into the running Docker or Podman\n  \
                  distil apko lock app.yaml                           write app.lock.json and app.lock\n  \
                  distil apko show-packages app.yaml --format packagelock\n\n\
                  docs/apko.md says what is the same, and what differs and why."
)]
pub(crate) struct ApkoArgs {
    /// Work in this directory
    #[arg(short = 'C', long, global = true, value_name = "DIR")]
    pub(crate) workdir: Option<PathBuf>,
    /// debug says more, warn and error say less
    #[arg(long, global = true, value_name = "LEVEL")]
    pub(crate) log_level: Option<String>,
    #[command(subcommand)]
    pub(crate) what: ApkoCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ApkoCommand {
    Build(ApkoBuild),
    Publish(ApkoPublish),
    Lock(ApkoLock),
    ShowPackages(ShowPackages),
    /// Print a recipe as apko understands it: includes merged, defaults filled in
    #[command(after_help = "Examples:\n  distil apko show-config app.yaml")]
    ShowConfig {
        #[command(flatten)]
        recipe: RecipeArgs,
    },
    Dot(Dot),
    Login(ApkoLogin),
    /// Empty the cache
    #[command(after_help = "Examples:\n  distil apko clean --dry-run")]
    Clean {
        /// Only say how much there is
        #[arg(long)]
        dry_run: bool,
    },
    /// Print the version
    #[command(after_help = "Examples:\n  distil apko version")]
    Version,
}

/// Keep a login for a registry, as `distil login` does
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  distil apko login registry.example:5000 -u me --password-stdin < token")]
pub(crate) struct ApkoLogin {
    /// The registry
    #[arg(value_name = "SERVER")]
    pub(crate) server: String,
    /// The user's name
    #[arg(short, long, value_name = "USER")]
    pub(crate) username: Option<String>,
    /// The password, which everybody on this machine can then see in the list of processes
    #[arg(short, long, value_name = "PASSWORD", conflicts_with = "password_stdin")]
    pub(crate) password: Option<String>,
    /// Read the password from standard input
    #[arg(long)]
    pub(crate) password_stdin: bool,
}

/// The recipe, and what is put on top of it.
#[derive(Debug, Args)]
pub(crate) struct RecipeArgs {
    /// The recipe: apko's configuration file
    #[arg(value_name = "CONFIG")]
    pub(crate) file: String,
    /// Architectures in the place of the recipe's (x86_64, arm64 …, `all`, `host`); commas or several times
    #[arg(long, value_name = "ARCH", value_delimiter = ',')]
    pub(crate) arch: Vec<String>,
    /// One more key for the keyring
    #[arg(short, long, value_name = "KEY", value_delimiter = ',')]
    pub(crate) keyring_append: Vec<String>,
    /// One more repository, for the build and in the image
    #[arg(short, long, value_name = "REPOSITORY", value_delimiter = ',')]
    pub(crate) repository_append: Vec<String>,
    /// One more repository, for the build only
    #[arg(short, long, value_name = "REPOSITORY", value_delimiter = ',')]
    pub(crate) build_repository_append: Vec<String>,
    /// One more package
    #[arg(short, long, value_name = "PACKAGE", value_delimiter = ',')]
    pub(crate) package_append: Vec<String>,
    /// Where the recipe and what it includes are looked for besides
    #[arg(long, value_name = "DIR", value_delimiter = ',')]
    pub(crate) include_paths: Vec<PathBuf>,
    /// Choose packages as this program does where the two differ
    #[arg(long, value_name = "PROGRAM", value_enum, default_value_t)]
    pub(crate) compat: CompatWord,
    /// distil's lock [default: beside the recipe, .yaml replaced by .lock]
    #[arg(long = "lock", value_name = "FILE")]
    pub(crate) lock: Option<PathBuf>,
    /// Accept an index older than the one seen before
    #[arg(long)]
    pub(crate) allow_rollback: bool,
    /// Take an index without a good signature, and say so; one that a known key signed wrongly is refused all the same
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_value = "false",
          default_missing_value = "true", action = clap::ArgAction::Set, value_parser = BoolishValueParser::new())]
    pub(crate) ignore_signatures: bool,
}

/// What making an image takes besides.
#[derive(Debug, Args)]
pub(crate) struct ImageArgs {
    /// Take the packages from this lock of apko's
    #[arg(long, value_name = "FILE")]
    pub(crate) lockfile: Option<PathBuf>,
    /// A directory that holds the packages of the lock: filled by `distil lock --vendor`, a copy of a repository, or
    /// just the files
    #[arg(long, value_name = "DIR")]
    pub(crate) vendor: Option<PathBuf>,
    /// Annotations, as key:value; commas or several times
    #[arg(long, value_name = "KEY:VALUE", value_delimiter = ',')]
    pub(crate) annotations: Vec<String>,
    /// Name the git checkout that the recipe stands in, if the recipe names none
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_value = "true",
          default_missing_value = "true", action = clap::ArgAction::Set, value_parser = BoolishValueParser::new())]
    pub(crate) vcs: bool,
    /// The time of what we make, as 2026-11-21T09:17:36Z; SOURCE_DATE_EPOCH wins over it
    #[arg(long, value_name = "TIME")]
    pub(crate) build_date: Option<String>,
    /// Only `tar`
    #[arg(long, value_name = "FORMAT", default_value = "tar")]
    pub(crate) format: String,
    /// Of no effect: this distil writes no SBOM yet
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_value = "true",
          default_missing_value = "true", action = clap::ArgAction::Set, value_parser = BoolishValueParser::new())]
    pub(crate) sbom: bool,
    /// Refused, unless with --sbom=false: this distil writes no SBOM yet
    #[arg(long, value_name = "DIR")]
    pub(crate) sbom_path: Option<PathBuf>,
    /// Of no effect: this distil writes no SBOM yet
    #[arg(long, value_name = "FORMAT", value_delimiter = ',')]
    pub(crate) sbom_formats: Vec<String>,
}

/// Build an image into a file for `docker load`, or into a directory as an OCI layout
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  distil apko build app.yaml acme/app:1.2 app.tar --arch host\n  \
                  distil apko build app.yaml acme/app:1.2 layout/     an OCI layout, if that directory exists\n  \
                  distil apko build app.yaml acme/app:1.2 app.tar --lockfile app.lock.json")]
pub(crate) struct ApkoBuild {
    #[command(flatten)]
    pub(crate) recipe: RecipeArgs,
    /// The image's name and tag; in a file each platform is TAG-ARCHITECTURE
    #[arg(value_name = "TAG")]
    pub(crate) tag: String,
    /// A directory that exists becomes an OCI layout; anything else is a file that `docker load` reads
    #[arg(value_name = "OUTPUT")]
    pub(crate) output: PathBuf,
    #[command(flatten)]
    pub(crate) image: ImageArgs,
}

/// Build an image and push it to registries, or give it to Docker or Podman
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  distil apko publish app.yaml ghcr.io/acme/app:1.2 ghcr.io/acme/app:latest\n  \
                  distil apko publish --local app.yaml acme/app:1.2 acme/app:latest"
)]
pub(crate) struct ApkoPublish {
    #[command(flatten)]
    pub(crate) recipe: RecipeArgs,
    /// The image's names
    #[arg(value_name = "TAG", required = true)]
    pub(crate) tags: Vec<String>,
    /// Into the running Docker or Podman
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_value = "false",
          default_missing_value = "true", action = clap::ArgAction::Set, value_parser = BoolishValueParser::new())]
    pub(crate) local: bool,
    /// Where the names of what was pushed are written
    #[arg(long, value_name = "FILE")]
    pub(crate) image_refs: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) image: ImageArgs,
}

/// Move the pins to the newest packages: write apko's lock and distil's
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  distil apko lock app.yaml                      write app.lock.json and app.lock\n  \
                  distil apko lock app.yaml --output ci/app.lock.json --arch x86_64,aarch64"
)]
pub(crate) struct ApkoLock {
    #[command(flatten)]
    pub(crate) recipe: RecipeArgs,
    /// apko's lock [default: beside the recipe, .yaml replaced by .lock.json]
    #[arg(long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
}

/// Print the packages that a build would install
#[derive(Debug, Args)]
#[command(
    after_help = "Formats: name-version (Name Version), name=version, name-(version), packagelock (- Name=Version);\n\
                  each with -source for the address, or a text with {{ .Name }}, {{ .Version }} and {{ .Source }}.\n\n\
                  Examples:\n  distil apko show-packages app.yaml --arch x86_64\n  \
                  distil apko show-packages app.yaml --format packagelock-source"
)]
pub(crate) struct ShowPackages {
    #[command(flatten)]
    pub(crate) recipe: RecipeArgs,
    /// How a package is shown
    #[arg(long, value_name = "FORMAT", default_value = "name-version")]
    pub(crate) format: String,
}

/// Print who needs whom as a graph for Graphviz
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  distil apko dot app.yaml --arch x86_64 | dot -Tsvg > app.svg")]
pub(crate) struct Dot {
    #[command(flatten)]
    pub(crate) recipe: RecipeArgs,
    /// One edge to each package only
    #[arg(short = 'S', long)]
    pub(crate) spanning_tree: bool,
}
