//! Logins of registries as Docker and Podman keep them: `config.json` (docker-config, "Docker CLI
//! configuration file properties") and `auth.json` (containers-auth.json(5)), which is the same with paths in its
//! keys. Read for the keys `auths`, `credsStore` and `credHelpers`; whatever else stands there is left alone
//! when a login is written.
//!
//! Faults name the place by its path in the document and never repeat what stands there, because it may be
//! a password.

mod edit;
mod read;

pub use edit::{Shortened, with_login, without_logins};
pub use read::parse_auth_file;

use std::collections::BTreeMap;

use diag::{Explain, Kind, Secret};

use crate::registry_name::{Scope, registry_host};

/// A login that a file or a helper has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeptLogin {
    /// A name and a password, or a token that is used like one.
    Basic {
        /// The name.
        user: String,
        /// The password.
        password: Secret,
    },
    /// A token that the registry's token service takes for one that is good for a while (OAuth 2
    /// refresh token).
    IdentityToken(Secret),
    /// A token that the registry takes as it is.
    RegistryToken(Secret),
}

impl KeptLogin {
    /// What a helper or a variable says: the name `<token>` means that the secret is an identity token
    /// (docker-credential-helpers, "Usage").
    pub fn of_helper(user: &str, secret: Secret) -> KeptLogin {
        match user {
            TOKEN_USER => KeptLogin::IdentityToken(secret),
            user => KeptLogin::Basic { user: user.to_owned(), password: secret },
        }
    }

    /// The name and the secret, as a helper keeps them; a registry token has no such form.
    pub fn for_helper(&self) -> Option<(&str, &Secret)> {
        match self {
            KeptLogin::Basic { user, password } => Some((user, password)),
            KeptLogin::IdentityToken(token) => Some((TOKEN_USER, token)),
            KeptLogin::RegistryToken(_) => None,
        }
    }
}

/// The name that says that the secret beside it is a token.
const TOKEN_USER: &str = "<token>";

/// What a file says of logins.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuthFile {
    /// By key, as written; none where an entry is empty, which Docker writes for what its store has.
    auths: BTreeMap<String, Option<KeptLogin>>,
    helpers: BTreeMap<String, String>,
    store: Option<String>,
}

impl AuthFile {
    /// The login for a repository and the key it stands under: the longest path that covers the
    /// repository wins, as Podman has it.
    pub fn login_for(&self, host: &str, repository: &str) -> Option<(&str, &KeptLogin)> {
        let entries = self.auths.iter().filter_map(|(key, login)| Some((key.as_str(), login.as_ref()?)));
        let covering = entries.filter(|(key, _)| Scope::read(key).covers(host, repository));
        // Of two spellings of one host, that which is the host itself.
        covering.max_by_key(|(key, _)| (Scope::read(key).path.len(), *key == host))
    }

    /// The helper that is asked for this host alone (`credHelpers`): the end of its program's name,
    /// after `docker-credential-`.
    pub fn helper_for(&self, host: &str) -> Option<&str> {
        let wanted = registry_host(host);
        let of_host = |key: &str| Scope::read(key) == Scope { host: wanted.clone(), path: String::new() };
        self.helpers.iter().find(|(key, _)| of_host(key)).map(|(_, helper)| helper.as_str())
    }

    /// The helper that is asked for every other host (`credsStore`).
    pub fn store(&self) -> Option<&str> {
        self.store.as_deref()
    }

    /// Whether a key of the file is for exactly this host, or path in one; an empty entry counts.
    pub fn has_key_for(&self, name: &str) -> bool {
        let wanted = Scope::read(name);
        self.auths.keys().any(|key| Scope::read(key) == wanted)
    }

    /// All helpers that the file names, each once.
    pub fn helpers(&self) -> Vec<&str> {
        let mut all: Vec<&str> = self.helpers.values().map(String::as_str).chain(self.store()).collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    /// The keys of `auths`, as written.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.auths.keys().map(String::as_str)
    }
}

/// A file of logins that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("cannot read the registry logins in {file}: {place}: {problem}")]
pub struct AuthFileError {
    /// The file as it was found.
    pub file: String,
    /// Line and column, or the path in the document.
    pub place: String,
    /// What is wrong there; never what stands there.
    pub problem: String,
}

impl Explain for AuthFileError {
    fn kind(&self) -> Kind {
        Kind::Input
    }

    fn hint(&self) -> Option<String> {
        Some(format!("correct {}, or take it away and log in again with `distil login`", self.file))
    }
}
