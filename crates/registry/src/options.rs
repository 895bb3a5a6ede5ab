use std::sync::Arc;

use diag::{Reporter, Silent};

use crate::{Credentials, NoLogins};

/// What a client may do and how; decided by the caller, who alone reads settings and environment.
#[derive(Clone)]
pub struct Options {
    /// Hosts that may be spoken to without TLS, or whose certificate is not checked: `host` for all
    /// ports, or `host:port`. The loopback may always be spoken to without TLS.
    pub insecure: Vec<String>,
    /// Names that are found elsewhere; of those that fit, the longest prefix counts.
    pub rewrites: Vec<Rewrite>,
    /// Who knows logins.
    pub credentials: Arc<dyn Credentials>,
    /// How many parts of an image whoever copies it should move at once; the client starts no thread.
    pub parallel: usize,
    /// How many bytes go into one request of a chunked upload. Uploads are chunked only where a registry
    /// does not take a part in one request.
    pub chunk: u64,
    /// Told what is tried again, asked whether to go on.
    pub reporter: Arc<dyn Reporter>,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            insecure: Vec::new(),
            rewrites: Vec::new(),
            credentials: Arc::new(NoLogins),
            parallel: 4,
            chunk: 32 << 20,
            reporter: Arc::new(Silent),
        }
    }
}

/// Where images of some names are really, as in a `[[registry]]` of containers-registries.conf(5).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Rewrite {
    /// Names that begin so, by whole path components: `docker.io`, `docker.io/library`, `ghcr.io/acme/app`.
    pub prefix: String,
    /// What stands there instead, for reading and writing; nothing changes where it is absent.
    pub to: Option<String>,
    /// What stands there instead for reading, tried in order before the place itself. One that fails in
    /// whatever way is passed over.
    pub mirrors: Vec<String>,
}

impl Rewrite {
    /// What follows the prefix in `name`, if it fits.
    pub(crate) fn rest<'a>(&self, name: &'a str) -> Option<&'a str> {
        let rest = name.strip_prefix(self.prefix.trim_end_matches('/'))?;
        (rest.is_empty() || rest.starts_with('/')).then_some(rest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_fits_by_whole_components() {
        let rewrite = |prefix: &str| Rewrite { prefix: prefix.to_owned(), ..Rewrite::default() };
        assert_eq!(rewrite("docker.io").rest("docker.io/library/alpine"), Some("/library/alpine"));
        assert_eq!(rewrite("docker.io/library/").rest("docker.io/library/alpine"), Some("/alpine"));
        assert_eq!(rewrite("docker.io/lib").rest("docker.io/library/alpine"), None);
        assert_eq!(rewrite("ghcr.io/a/b").rest("ghcr.io/a/b"), Some(""));
    }
}
