use bstr::ByteSlice;

/// What `os-release` says (os-release(5)).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OsRelease {
    /// `ID`, as `debian`.
    pub id: String,
    /// `VERSION_ID`, as `13`.
    pub version: Option<String>,
    /// `PRETTY_NAME`, for people.
    pub pretty: Option<String>,
    /// `ID_LIKE`.
    pub like: Vec<String>,
}

/// Reads the file. Lines that are no assignment are passed over, as a shell's reader of it would fail only for
/// itself; of an assignment that stands twice the last counts.
pub fn parse_os_release(bytes: &[u8]) -> OsRelease {
    let mut release = OsRelease::default();
    for line in bytes.lines() {
        let Some((key, value)) = line.trim_ascii().split_once_str("=") else { continue };
        let value = unquoted(&value.to_str_lossy());
        match key {
            b"ID" => release.id = value,
            b"VERSION_ID" => release.version = Some(value),
            b"PRETTY_NAME" => release.pretty = Some(value),
            b"ID_LIKE" => release.like = value.split_whitespace().map(str::to_owned).collect(),
            _ => {}
        }
    }
    release
}

/// The value of a shell assignment: in quotes or not, with `\` before quotes, `$`, `\` and backticks.
fn unquoted(value: &str) -> String {
    let inner = ['"', '\''].iter().find_map(|q| value.strip_prefix(*q)?.strip_suffix(*q)).unwrap_or(value);
    let mut out = String::with_capacity(inner.len());
    let mut chars = inner.chars().peekable();
    while let Some(c) = chars.next() {
        match (c, chars.peek()) {
            ('\\', Some('"' | '\'' | '$' | '\\' | '`')) => out.extend(chars.next()),
            _ => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_distributions_write() {
        let text = b"# a comment\nPRETTY_NAME=\"Debian GNU/Linux 13 (trixie)\"\nVERSION_ID='13'\nID=debian\nID_LIKE=\"a b\"\nX=\"a\\\"b\"";
        let release = parse_os_release(text);
        assert_eq!(release.pretty.as_deref(), Some("Debian GNU/Linux 13 (trixie)"));
        assert_eq!((release.id.as_str(), release.version.as_deref()), ("debian", Some("13")));
        assert_eq!(release.like, ["a", "b"]);
        assert_eq!(unquoted("\"a\\\"b\\n\""), "a\"b\\n");
    }
}
