//! What only apk recipes have in `contents`.

use crate::place::without_user;
use crate::{LocalPath, Repository, Resolved};

/// A key for `/etc/apk/keys` of the image (apko's `runtime_keyring`): for the image's own package
/// manager, never for the packages that the image is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuntimeKey {
    /// The file's name; the signature of an index names it.
    pub name: String,
    /// A public key in PEM.
    pub content: String,
}

/// An image to build upon (apko's `baseimage`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseImage {
    /// An OCI layout.
    pub image: LocalPath,
    /// A directory with an index of its packages for each architecture: `ARCH/APKINDEX`.
    pub apkindex: LocalPath,
}

impl Resolved {
    /// The lines of the image's `/etc/apk/repositories`, in the recipe's order: of the distribution, of
    /// `repositories` and of `runtime_repositories`, each once. No user information.
    pub fn apk_repository_lines(&self) -> Vec<String> {
        let distribution =
            self.distribution.iter().flat_map(|d| d.apk_repositories()).map(|(archive, path)| {
                format!("{}/{path}", archive.default_url()).trim_end_matches('/').to_owned()
            });
        let written = self.repositories.iter().chain(&self.runtime_repositories);
        let mut lines: Vec<String> = Vec::new();
        for line in distribution.chain(written.filter_map(Repository::apk_line)) {
            if !lines.contains(&line) {
                lines.push(line);
            }
        }
        lines
    }

    /// The repositories from which packages come, after those of the distribution: `repositories`, then
    /// `build_repositories`, each once and in the recipe's order.
    pub fn package_repositories(&self) -> Vec<&Repository> {
        let mut all: Vec<&Repository> = Vec::new();
        for repository in self.repositories.iter().chain(&self.build_repositories) {
            if !all.contains(&repository) {
                all.push(repository);
            }
        }
        all
    }

    /// What `vcs-url: URL@REVISION` says, without user information; none without a revision.
    pub fn vcs(&self) -> Option<(String, &str)> {
        split_vcs(self.vcs_url.as_deref()?)
    }
}

/// Cut at the last `@`, since `git@host` may stand before it.
pub(crate) fn split_vcs(url: &str) -> Option<(String, &str)> {
    let (url, revision) = url.rsplit_once('@')?;
    (!url.is_empty() && !revision.is_empty() && !revision.contains('/'))
        .then(|| (without_user(url), revision))
}
