//! Globs of paths, as recipes have them.

use diag::{Diagnostic, Kind};
use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

/// Several globs that are tried at once.
pub(crate) struct Globs {
    set: GlobSet,
}

impl Globs {
    /// `*` stays in one directory, `**` goes through all. A glob without a slash fits a name anywhere.
    pub(crate) fn new(globs: &[String]) -> Result<Globs, Diagnostic> {
        let mut set = GlobSetBuilder::new();
        for text in globs {
            let wrong = |e: globset::Error| {
                Diagnostic::new(Kind::Usage, format!("cannot use the glob `{text}`: {}", e.kind()))
                    .hint("write globs as `/usr/lib/**` or `*.so*`; quote them from the shell")
            };
            let whole = match text.contains('/') {
                true => format!("/{}", text.trim_start_matches('/')),
                false => format!("/**/{text}"),
            };
            set.add(GlobBuilder::new(&whole).literal_separator(true).build().map_err(wrong)?);
        }
        let set = set.build().map_err(|e| {
            Diagnostic::new(Kind::Usage, format!("cannot use the globs: {e}")).hint("use fewer of them")
        })?;
        Ok(Globs { set })
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.set.is_empty()
    }

    /// Does one fit a path that begins with a slash?
    pub(crate) fn fit(&self, path: &str) -> bool {
        self.set.is_match(path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_fit_anywhere_and_paths_where_they_are() {
        let fits = |glob: &str, path: &str| Globs::new(&[glob.to_owned()]).unwrap().fit(path);
        assert!(fits("*.so*", "/usr/lib/libc.so.6") && fits("*.so*", "/x.so"));
        assert!(fits("/usr/lib/*", "/usr/lib/x") && !fits("/usr/lib/*", "/usr/lib/x/y"));
        assert!(fits("usr/**", "/usr/lib/x/y") && !fits("/lib/**", "/usr/lib/x"));
        assert!(Globs::new(&["[".to_owned()]).is_err());
    }
}
