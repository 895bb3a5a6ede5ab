use diag::{Diagnostic, Secret};

/// What a registry, or its token server, is shown to let us in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Proof {
    /// A name and a password (RFC 7617).
    Basic {
        /// The name.
        user: String,
        /// The password, or what stands for it.
        password: Secret,
    },
    /// An OAuth2 refresh token, which the token server gives access tokens for
    /// (`identitytoken` of Docker's config file).
    IdentityToken(Secret),
    /// A bearer token that the registry itself takes (`registrytoken`).
    RegistryToken(Secret),
}

/// A login, and who gave it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login {
    /// What is shown.
    pub secret: Proof,
    /// The file, helper or variable that it comes from, as errors name it.
    pub from: String,
}

impl Login {
    /// A name and a password.
    pub fn basic(user: impl Into<String>, password: Secret, from: impl Into<String>) -> Login {
        Login { secret: Proof::Basic { user: user.into(), password }, from: from.into() }
    }

    /// As errors name it; nothing secret.
    pub(crate) fn shown(&self) -> String {
        match &self.secret {
            Proof::Basic { user, .. } => format!("`{}` from {}", user.escape_debug(), self.from),
            Proof::IdentityToken(_) => format!("the identity token from {}", self.from),
            Proof::RegistryToken(_) => format!("the registry token from {}", self.from),
        }
    }
}

/// Who knows logins. Asked only when a registry wants one, and once for each repository.
pub trait Credentials: Send + Sync {
    /// The login for `repository` (`acme/app`) of `host` (`ghcr.io`, `localhost:5000`; Docker Hub is
    /// `docker.io`), if there is one. An error, such as a helper that failed, ends the request.
    fn login(&self, host: &str, repository: &str) -> Result<Option<Login>, Diagnostic>;
}

/// Knows none: everything is asked for anonymously.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoLogins;

impl Credentials for NoLogins {
    fn login(&self, _: &str, _: &str) -> Result<Option<Login>, Diagnostic> {
        Ok(None)
    }
}
