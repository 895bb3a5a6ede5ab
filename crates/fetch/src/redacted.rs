use std::fmt;

use url::Url;

/// A URL as it may be shown: without user information, and without the query, in which redirects to
/// storage services carry tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redacted(String);

impl Redacted {
    /// What may be shown of `url`.
    pub fn of(url: &Url) -> Redacted {
        let mut shown = url.clone();
        // Both fail only for URLs that cannot have user information to begin with.
        let _ = shown.set_username("");
        let _ = shown.set_password(None);
        shown.set_fragment(None);
        let had_query = shown.query().is_some();
        shown.set_query(None);
        Redacted(if had_query { format!("{shown}?…") } else { shown.to_string() })
    }
}

impl fmt::Display for Redacted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_no_secret() {
        let shown = |u: &str| Redacted::of(&Url::parse(u).unwrap()).to_string();
        assert_eq!(shown("https://u:p@h.example/a/b?token=x#f"), "https://h.example/a/b?…");
        assert_eq!(shown("http://h.example:8080/a"), "http://h.example:8080/a");
        assert_eq!(shown("file:///srv/mirror"), "file:///srv/mirror");
    }
}
