//! What can be typed to look into images.

use std::ffi::OsString;
use std::fmt::Write;
use std::path::PathBuf;

use clap::Args;
use clap::builder::{OsStringValueParser, TypedValueParser};

/// A path as it is typed: bytes that are no UTF-8 become `\xE9`, which is how paths are shown and what every verb that
/// takes one understands.
fn path_text() -> impl TypedValueParser<Value = String> {
    OsStringValueParser::new().try_map(|typed: OsString| {
        if typed.is_empty() {
            // As `"$UNSET"` of a script is; all of the image is asked for as `/`.
            return Err("it is empty; the root is `/`");
        }
        let mut out = String::new();
        for chunk in typed.as_encoded_bytes().utf8_chunks() {
            out.push_str(chunk.valid());
            for byte in chunk.invalid() {
                // Writing to a string does not fail.
                let _ = write!(out, "\\x{byte:02X}");
            }
        }
        Ok(out)
    })
}

/// Which image.
#[derive(Debug, Args)]
pub(crate) struct ImageArgs {
    /// REGISTRY/REPOSITORY:TAG, oci:DIR[:TAG], oci-archive:FILE, docker-archive:FILE, docker-daemon:NAME, or the name of
    /// an image in the local store
    #[arg(value_name = "IMAGE")]
    pub(crate) image: String,
    /// Of an image of several platforms this one, as linux/arm64 [default: this machine's]
    #[arg(long, value_name = "OS/ARCH")]
    pub(crate) platform: Option<String>,
}

/// Show what an image is: config, layers, packages, size, who made it
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  distil inspect base                          an image of the local store\n  \
                  distil inspect docker-daemon:debian:13 --packages   with every package\n  \
                  distil inspect oci:out:app --platform linux/arm64   another platform\n  \
                  distil inspect base --json | jq .size"
)]
pub(crate) struct InspectArgs {
    #[command(flatten)]
    pub(crate) image: ImageArgs,
    /// List every package, the largest first
    #[arg(long)]
    pub(crate) packages: bool,
}

/// List the files of an image with owner package, size and layer
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  distil tree base --depth 2                   directories with their sums\n  \
                  distil tree base /usr/lib --sort size        one directory, the largest first\n  \
                  distil tree base /tmp --long                 with mode, owner and time\n  \
                  distil tree base --filter '*.so*'            only what a glob fits\n  \
                  distil tree base --package libc6             only the files of a package\n  \
                  distil tree docker-daemon:app --unowned      what no package owns"
)]
pub(crate) struct TreeArgs {
    #[command(flatten)]
    pub(crate) image: ImageArgs,
    /// Below this path only
    #[arg(value_name = "PATH", value_parser = path_text())]
    pub(crate) path: Option<String>,
    /// Only what this glob fits: `*.so*` anywhere, `/usr/lib/**` from the root; may be given several times
    #[arg(long, value_name = "GLOB", value_parser = path_text())]
    pub(crate) filter: Vec<String>,
    /// Only the files of this package; may be given several times
    #[arg(long, value_name = "NAME")]
    pub(crate) package: Vec<String>,
    /// As it is with its N lowest layers: what those above delete, hide or add is not seen
    #[arg(long, value_name = "N")]
    pub(crate) up_to_layer: Option<usize>,
    /// Only what is from this layer; the lowest is 1; may be given several times
    #[arg(long, value_name = "N")]
    pub(crate) layer: Vec<usize>,
    /// Only these: file, directory, symlink, hardlink, device or fifo; commas or several times
    #[arg(long = "type", value_name = "TYPE", value_enum, value_delimiter = ',')]
    pub(crate) kind: Vec<KindWord>,
    /// Only what no package owns, no rule made and no recipe brought
    #[arg(long)]
    pub(crate) unowned: bool,
    /// The order within a directory
    #[arg(long, value_name = "ORDER", value_enum, default_value_t)]
    pub(crate) sort: SortWord,
    /// Show mode, numeric owner and group, and time as `ls -l` does
    #[arg(short, long)]
    pub(crate) long: bool,
    /// Only so many levels; what is deeper counts in the sums
    #[arg(long, value_name = "N")]
    pub(crate) depth: Option<usize>,
}

/// What a path is.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
pub(crate) enum KindWord {
    /// Regular files
    File,
    /// Directories
    Directory,
    /// Symbolic links
    Symlink,
    /// Further names of files
    Hardlink,
    /// Devices
    Device,
    /// Named pipes
    Fifo,
}

/// An order of files.
#[derive(Debug, Clone, Copy, Default, clap::ValueEnum)]
pub(crate) enum SortWord {
    /// By name
    #[default]
    Name,
    /// The largest first
    Size,
    /// The newest first
    Time,
}

/// Say why a path or a package is in an image
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  distil why base /usr/lib/x86_64-linux-gnu/libc.so.6\n  \
                  distil why base libc6                        a package: from the recipe to it\n  \
                  distil why docker-daemon:debian:13 /bin/sh   links are followed and shown\n\n\
                  Exit code 3 where the image has no such path or package.")]
pub(crate) struct WhyArgs {
    #[command(flatten)]
    pub(crate) image: ImageArgs,
    /// A path from the root, the name of a file, or the name of a package
    #[arg(value_name = "PATH|PACKAGE", value_parser = path_text())]
    pub(crate) what: String,
    /// As it is with its N lowest layers: what those above delete, hide or add is not seen
    #[arg(long, value_name = "N")]
    pub(crate) up_to_layer: Option<usize>,
}

/// Compare two images: config, packages, files
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  distil diff app:1 app:2\n  \
                  distil diff docker-daemon:debian:13 base --packages\n  \
                  distil diff app:1 app:2 --markdown >> $GITHUB_STEP_SUMMARY\n  \
                  distil diff app:1 --platform linux/amd64 --platform linux/arm64   two platforms of one image\n  \
                  distil diff oci:a oci:b --exit-code          exit with 1 if they differ")]
pub(crate) struct DiffArgs {
    /// The first image
    #[arg(value_name = "A")]
    pub(crate) from: String,
    /// The second image [default: the first, where two platforms are given]
    #[arg(value_name = "B")]
    pub(crate) to: Option<String>,
    /// Of images of several platforms this one, as linux/arm64; given twice, the first is A's and the second is B's
    /// [default: this machine's]
    #[arg(long, value_name = "OS/ARCH", value_delimiter = ',')]
    pub(crate) platform: Vec<String>,
    /// Print Markdown, no longer than the comment of a pull request may be
    #[arg(long, conflicts_with = "json")]
    pub(crate) markdown: bool,
    /// Only config and packages: no files
    #[arg(long)]
    pub(crate) packages: bool,
    /// Compare the times of files, too
    #[arg(long)]
    pub(crate) times: bool,
    /// Exit with 1 if the images differ
    #[arg(long)]
    pub(crate) exit_code: bool,
}

/// Take a file or a directory out of an image
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  distil extract base /etc/passwd                  to standard output\n  \
                  distil extract base /etc/os-release -o os-release   to a file\n  \
                  distil extract base /usr/share/zoneinfo -o tz       a directory, to a new directory\n  \
                  distil extract base /etc | tar -t                   a directory, as a tar\n  \
                  distil extract app:1 /etc/key --up-to-layer 2       a file that layer 3 deleted"
)]
pub(crate) struct ExtractArgs {
    #[command(flatten)]
    pub(crate) image: ImageArgs,
    /// The path in the image; links are followed inside the image only
    #[arg(value_name = "PATH", value_parser = path_text())]
    pub(crate) path: String,
    /// A file, a new or empty directory, or `-` for standard output [default: -]
    #[arg(short, long, value_name = "FILE|DIR|-")]
    pub(crate) output: Option<PathBuf>,
    /// As it is with its N lowest layers: what those above delete, hide or add is not seen
    #[arg(long, value_name = "N")]
    pub(crate) up_to_layer: Option<usize>,
}

/// Tell how an image came to be: its layers, what each brought and what made it
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  distil history base\n  distil history docker-daemon:app --files    every path that a layer changed"
)]
pub(crate) struct HistoryArgs {
    #[command(flatten)]
    pub(crate) image: ImageArgs,
    /// List every path that a layer changed
    #[arg(long)]
    pub(crate) files: bool,
}
