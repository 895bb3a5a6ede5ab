use bstr::BStr;
use globset::{Glob, GlobBuilder, GlobSet, GlobSetBuilder};

/// Globs of absolute paths, as recipes write them: `*` stays within a directory, `**` does not.
#[derive(Debug, Clone)]
pub(crate) struct Globs {
    set: GlobSet,
    /// Of each glob of the set, the number of its text.
    numbers: Vec<usize>,
    texts: Vec<String>,
}

/// A text that is not a glob.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("cannot read the glob `{text}`: {why}")]
pub struct GlobError {
    /// The text.
    pub text: String,
    /// What is wrong.
    pub why: String,
}

impl diag::Explain for GlobError {
    fn kind(&self) -> diag::Kind {
        diag::Kind::Input
    }
    fn hint(&self) -> Option<String> {
        Some("write globs of absolute paths, as /usr/share/doc/acme/**".to_owned())
    }
}

impl Globs {
    pub(crate) fn new<T: AsRef<str>>(texts: &[T]) -> Result<Globs, GlobError> {
        let mut set = GlobSetBuilder::new();
        let mut numbers = Vec::new();
        let texts: Vec<String> = texts.iter().map(|t| t.as_ref().to_owned()).collect();
        for (n, text) in texts.iter().enumerate() {
            set.add(glob(text)?);
            numbers.push(n);
            // `/x/**` means the directory itself too: it has no use without its content.
            if let Some(directory) = text.strip_suffix("/**") {
                set.add(glob(directory)?);
                numbers.push(n);
            }
        }
        let set = set.build().map_err(|e| GlobError { text: texts.join(" "), why: e.to_string() })?;
        Ok(Globs { set, numbers, texts })
    }

    /// Which of the globs match a path, by their numbers, lowest first.
    pub(crate) fn which(&self, path: &BStr) -> Vec<usize> {
        let mut found: Vec<usize> = self
            .set
            .matches(as_path(path))
            .into_iter()
            .filter_map(|i| self.numbers.get(i).copied())
            .collect();
        found.sort_unstable();
        found.dedup();
        found
    }

    /// Does a path (relative to the root) match any?
    pub(crate) fn matches(&self, path: &BStr) -> bool {
        !self.texts.is_empty() && self.set.is_match(as_path(path))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.texts.is_empty()
    }

    /// The globs themselves.
    pub(crate) fn texts(&self) -> &[String] {
        &self.texts
    }
}

fn glob(text: &str) -> Result<Glob, GlobError> {
    let relative = text.trim_start_matches('/');
    let mut builder = GlobBuilder::new(relative);
    builder.literal_separator(true).backslash_escape(true);
    builder.build().map_err(|e| GlobError { text: text.to_owned(), why: e.kind().to_string() })
}

#[cfg(unix)]
pub(crate) fn as_path(path: &BStr) -> std::borrow::Cow<'_, std::path::Path> {
    use std::os::unix::ffi::OsStrExt;
    std::path::Path::new(std::ffi::OsStr::from_bytes(path)).into()
}

#[cfg(not(unix))]
pub(crate) fn as_path(path: &BStr) -> std::borrow::Cow<'_, std::path::Path> {
    std::path::PathBuf::from(path.to_string()).into()
}
