use std::fmt;
use std::str::FromStr;

use crate::Digest;

/// The name of an image: `[REGISTRY/]REPOSITORY[:TAG][@DIGEST]` (distribution-spec "Pulling
/// manifests"; the grammar is that of distribution/reference).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Reference {
    /// `host[:port]`, where the name has one.
    pub registry: Option<String>,
    /// Path components, joined by `/`.
    pub repository: String,
    /// The tag.
    pub tag: Option<String>,
    /// The digest.
    pub digest: Option<Digest>,
}

impl Reference {
    /// The name without tag and digest.
    pub fn name(&self) -> String {
        match &self.registry {
            Some(registry) => format!("{registry}/{}", self.repository),
            None => self.repository.clone(),
        }
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name())?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        match &self.digest {
            Some(digest) => write!(f, "@{digest}"),
            None => Ok(()),
        }
    }
}

/// A text that is no image name, and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not an image name: {why}")]
pub struct ReferenceError {
    /// What was given.
    pub text: String,
    /// What is wrong with it.
    pub why: String,
}

impl FromStr for Reference {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Reference, ReferenceError> {
        let fail = |why: &str| ReferenceError { text: text.to_owned(), why: why.to_owned() };
        if let Some(bare) = after_login(text) {
            // What is said of it goes into logs, where a password has no place.
            return Err(ReferenceError {
                text: format!("...@{bare}"),
                why: "a name has no login in it".to_owned(),
            });
        }
        let (rest, digest) = match text.split_once('@') {
            Some((rest, digest)) => (rest, Some(digest.parse::<Digest>().map_err(|e| fail(&e.to_string()))?)),
            None => (text, None),
        };
        let (rest, tag) = match rest.rsplit_once(':') {
            Some((rest, tag)) if !tag.contains('/') => (rest, Some(tag)),
            _ => (rest, None),
        };
        if let Some(tag) = tag
            && !is_tag(tag)
        {
            return Err(fail(
                "a tag is 1 to 128 letters, digits, `_`, `.` and `-`, and begins with no `.` or `-`",
            ));
        }
        let (registry, repository) = match rest.split_once('/') {
            Some((host, path)) if host.contains(['.', ':']) || host == "localhost" => {
                (Some(host.to_owned()), path)
            }
            _ => (None, rest),
        };
        if repository.is_empty() || !repository.split('/').all(is_component) {
            return Err(fail(
                "a repository is lower-case letters and digits, with single `.`, `_`, `__` or dashes between them",
            ));
        }
        if repository.len() > 255 {
            return Err(fail("a repository name has at most 255 characters"));
        }
        Ok(Reference { registry, repository: repository.to_owned(), tag: tag.map(str::to_owned), digest })
    }
}

/// The name behind a login, as URLs have it: no digest has a slash.
fn after_login(text: &str) -> Option<&str> {
    let bare = text.rsplit_once('@')?.1;
    bare.contains('/').then_some(bare)
}

fn is_tag(tag: &str) -> bool {
    let word = |c: u8| c.is_ascii_alphanumeric() || c == b'_';
    tag.len() <= 128
        && tag.bytes().next().is_some_and(word)
        && tag.bytes().all(|c| word(c) || c == b'.' || c == b'-')
}

/// `alpha-numeric (separator alpha-numeric)*`, separator = `.` | `_` | `__` | `-`+.
fn is_component(text: &str) -> bool {
    let edge = |c: Option<u8>| c.is_some_and(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
    if !edge(text.bytes().next()) || !edge(text.bytes().last()) {
        return false;
    }
    text.split(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
        .all(|sep| matches!(sep, "" | "." | "_" | "__") || sep.bytes().all(|c| c == b'-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_forms_that_people_write() {
        for (text, registry, repository, tag) in [
            ("base", None, "base", None),
            ("base:nonroot", None, "base", Some("nonroot")),
            ("localhost/a/b:1", Some("localhost"), "a/b", Some("1")),
            ("127.0.0.1:5000/x", Some("127.0.0.1:5000"), "x", None),
            ("ghcr.io/acme/app-1__x.y:V1.0", Some("ghcr.io"), "acme/app-1__x.y", Some("V1.0")),
        ] {
            let r: Reference = text.parse().unwrap();
            assert_eq!(
                (r.registry.as_deref(), r.repository.as_str(), r.tag.as_deref()),
                (registry, repository, tag)
            );
            assert_eq!(r.to_string(), text);
        }
        for bad in ["", ":x", "Base", "a//b", "a:", "a:-x", "a@sha256:0", "-a", "a..b", "a___b", "a/"] {
            assert!(bad.parse::<Reference>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_password_is_not_repeated() {
        let error = "me:pass@word@ghcr.io/acme/app:1".parse::<Reference>().unwrap_err();
        assert_eq!(
            (error.text.as_str(), error.why.as_str()),
            ("...@ghcr.io/acme/app:1", "a name has no login in it")
        );
    }
}
