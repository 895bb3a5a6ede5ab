//! What only apk recipes have in `contents`, and apko's rules for it.

use std::collections::BTreeMap;

use crate::error::RecipeError;
use crate::place::without_user;
use crate::recipe::Body;
use crate::resolve::values;
use crate::{LocalPath, Repository, Resolved, World};

/// Where the source is, and which of its states (OCI image spec, annotations.md).
pub(crate) const VCS_SOURCE: &str = "org.opencontainers.image.source";
pub(crate) const VCS_REVISION: &str = "org.opencontainers.image.revision";

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
        let written = self.repositories.iter().chain(&self.runtime_repositories);
        let mut lines: Vec<String> = Vec::new();
        for line in self.distribution_lines().into_iter().chain(written.filter_map(Repository::apk_line)) {
            if !lines.contains(&line) {
                lines.push(line);
            }
        }
        lines
    }

    /// The addresses of the distribution's apk repositories.
    pub fn distribution_lines(&self) -> Vec<String> {
        let repositories = self.distribution.iter().flat_map(|d| d.apk_repositories());
        let line = |(archive, path): (crate::archives::Archive, String)| {
            format!("{}/{path}", archive.default_url()).trim_end_matches('/').to_owned()
        };
        repositories.map(line).collect()
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

/// apko's rule: one file, one key.
pub(crate) fn runtime_keyring(body: &Body) -> Result<Vec<RuntimeKey>, RecipeError> {
    let mut all: Vec<RuntimeKey> = Vec::new();
    for key in &body.contents.runtime_keyring {
        match all.iter().find(|k| k.name == key.value.name) {
            Some(old) if *old != key.value => {
                let text = format!("two keys of `runtime_keyring` are called `{}`", key.value.name);
                return Err(RecipeError::clash(&key.at, text));
            }
            Some(_) => {}
            None => all.push(key.value.clone()),
        }
    }
    Ok(all)
}

/// apko's rule: upon a base image stand packages, and nothing else is said.
pub(crate) fn check_base_image(body: &Body) -> Result<(), RecipeError> {
    let Some(base) = &body.contents.base_image else { return Ok(()) };
    let said: [(&str, bool); 11] = [
        ("entrypoint", body.entrypoint.is_some()),
        ("cmd", body.cmd.is_some()),
        ("stop-signal", body.stop_signal.is_some()),
        ("work-dir", body.work_dir.is_some()),
        ("accounts", body.run_as.is_some() || !body.users.is_empty() || !body.groups.is_empty()),
        ("environment", !body.environment.is_empty()),
        ("paths", !body.paths.is_empty()),
        ("annotations", !body.annotations.is_empty()),
        ("layering", body.strategy.is_some() || body.budget.is_some()),
        ("files", !body.contents.files.is_empty()),
        ("certificates", !body.certificates.is_empty() || !body.providers.is_empty()),
    ];
    match said.iter().find(|(_, there)| *there) {
        Some((key, _)) => Err(RecipeError::clash(
            &base.at,
            format!("upon a `baseimage` go packages only, and the recipe has `{key}`"),
        )
        .hint(format!("take `{key}` out; what the base image says there stays as it is"))),
        None => Ok(()),
    }
}

/// With what `vcs-url` says, as apko's annotations have it.
pub(crate) fn annotations(body: &Body) -> BTreeMap<String, String> {
    let mut all = values(&body.annotations);
    let vcs = body.vcs_url.as_ref().and_then(|s| split_vcs(&s.value));
    if let Some((url, revision)) = vcs {
        all.insert(VCS_SOURCE.to_owned(), url);
        all.insert(VCS_REVISION.to_owned(), revision.to_owned());
    }
    all
}

/// apko has its annotations as labels, too.
pub(crate) fn labels(
    body: &Body,
    world: World,
    annotations: &BTreeMap<String, String>,
) -> BTreeMap<String, String> {
    let mut all = match world {
        World::Deb => BTreeMap::new(),
        World::Apk => annotations.clone(),
    };
    all.extend(values(&body.labels));
    all
}
