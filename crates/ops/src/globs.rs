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
            let text = &with_bytes(text);
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

/// A glob in which a byte that is no UTF-8 stands as paths are shown, `\xE9`: to the set that is a backslash and three
/// letters.
fn with_bytes(glob: &str) -> String {
    let mut out = String::with_capacity(glob.len());
    let mut letters = glob.chars();
    while let Some(c) = letters.next() {
        out.push(c);
        if c != '\\' {
            continue;
        }
        let rest = letters.as_str();
        if let Some(digits) = rest.strip_prefix('x').and_then(|r| r.get(..2))
            && digits.chars().all(|d| d.is_ascii_hexdigit())
        {
            out.push_str(&format!("\\x{}", digits.to_ascii_uppercase()));
            letters = rest[3..].chars();
        } else {
            out.extend(letters.next());
        }
    }
    out
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
        // Bytes that are no UTF-8, as paths show them.
        assert!(fits(r"/n/lat\xe9", r"/n/lat\xE9") && !fits(r"/n/lat\xE9", r"/n/lat\xE8"));
        assert!(fits(r"\*", "/*") && !fits(r"\*", "/a") && fits(r"\\x41", r"/\x41"));
    }
}
