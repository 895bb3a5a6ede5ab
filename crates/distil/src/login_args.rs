//! What can be typed after `distil login` and `distil logout`.

use clap::Args;

/// Keep a login for a registry, after showing it to the registry
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  distil login ghcr.io -u me                                  ask for the password\n  \
                  distil login registry.example:5000 -u ci --password-stdin < token   for scripts\n  \
                  distil login quay.io/acme -u acme+robot --password-stdin < token    for one path of a registry only\n  \
                  distil login ghcr.io --check                                which login is used, and is it good?\n\n\
                  The login is kept with the credential helper that Docker's or Podman's configuration names, else in their\n\
                  file (REGISTRY_AUTH_FILE names another). The user `<token>` means that the password is an identity token."
)]
pub(crate) struct LoginArgs {
    /// The registry, as ghcr.io or docker.io; or a path in it
    #[arg(value_name = "HOST")]
    pub(crate) registry: String,
    /// The user's name
    #[arg(short, long, value_name = "USER")]
    pub(crate) user: Option<String>,
    /// Read the password or token from standard input
    #[arg(long)]
    pub(crate) password_stdin: bool,
    /// Keep nothing: say which login is used and from where, and whether the registry accepts it
    #[arg(long, conflicts_with_all = ["user", "password_stdin"])]
    pub(crate) check: bool,
}

/// Take the login for a registry away
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  distil logout ghcr.io\n  distil logout --all     every login of Docker's and Podman's files and helpers"
)]
pub(crate) struct LogoutArgs {
    /// The registry, as ghcr.io or docker.io; or a path in it
    #[arg(value_name = "HOST", required_unless_present = "all", conflicts_with = "all")]
    pub(crate) registry: Option<String>,
    /// Take all logins away
    #[arg(long)]
    pub(crate) all: bool,
}
