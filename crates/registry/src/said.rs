use serde::Deserialize;

/// What a registry says of an error (distribution-spec "Error codes"), fit to be shown: bounded, and
/// with control characters escaped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// `NAME_UNKNOWN`, `DENIED` …; empty where it said something else than the specification has.
    pub code: String,
    /// In its own words.
    pub message: String,
}

/// Longer texts are cut here, in characters.
const LONGEST: usize = 200;
/// How many errors are shown.
const MOST: usize = 3;
/// How much of an answer is looked at for an error, in bytes.
pub(crate) const LARGEST: u64 = 64 << 10;

#[derive(Deserialize)]
struct Body {
    #[serde(default)]
    errors: Vec<One>,
    #[serde(default)]
    error: Option<serde_json::Value>,
    #[serde(default)]
    error_description: Option<String>,
    #[serde(default)]
    message: Option<String>,
    #[serde(default)]
    details: Option<String>,
}

#[derive(Deserialize)]
struct One {
    #[serde(default)]
    code: serde_json::Value,
    #[serde(default)]
    message: Option<String>,
}

/// Reads the body of an error: the specification's JSON, OAuth2's (RFC 6749 section 5.2), or a short
/// plain text. Empty if there is nothing that helps a reader, as a page of HTML.
pub fn parse_errors(body: &[u8]) -> Vec<Said> {
    let said = |code: &str, message: &str| Said { code: shown(code), message: shown(message) };
    if let Ok(body) = serde_json::from_slice::<Body>(body) {
        let code = |value: &serde_json::Value| match value {
            serde_json::Value::String(text) => text.clone(),
            serde_json::Value::Null => String::new(),
            other => other.to_string(),
        };
        if !body.errors.is_empty() {
            let of = |e: &One| said(&code(&e.code), e.message.as_deref().unwrap_or_default());
            return body.errors.iter().take(MOST).map(of).collect();
        }
        let message = body.error_description.or(body.message).or(body.details).unwrap_or_default();
        let error = body.error.as_ref().map(code).unwrap_or_default();
        return if error.is_empty() && message.is_empty() {
            Vec::new()
        } else {
            vec![said(&error, &message)]
        };
    }
    match std::str::from_utf8(body).map(str::trim) {
        Ok(text) if !text.is_empty() && !text.starts_with(['<', '{', '[']) => vec![said("", text)],
        _ => Vec::new(),
    }
}

/// Cut to a length, and such that it cannot move a cursor or change a colour.
pub(crate) fn shown(text: &str) -> String {
    let mut out = String::new();
    for (n, c) in text.trim().chars().enumerate() {
        if n == LONGEST {
            out.push('…');
            break;
        }
        match c {
            '\n' | '\r' | '\t' => out.push(' '),
            // Also what turns the direction of writing (CVE-2021-42574).
            c if c.is_control()
                || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}') =>
            {
                out.extend(c.escape_unicode());
            }
            c => out.push(c),
        }
    }
    out
}

impl std::fmt::Display for Said {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (self.code.as_str(), self.message.as_str()) {
            ("", message) => f.write_str(message),
            (code, "") => f.write_str(code),
            (code, message) => write!(f, "{code}: {message}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(body: &str) -> Vec<String> {
        parse_errors(body.as_bytes()).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn reads_the_specifications_and_others() {
        let spec = r#"{"errors":[{"code":"NAME_UNKNOWN","message":"repository name not known","detail":{}},{"code":"X"}]}"#;
        assert_eq!(texts(spec), ["NAME_UNKNOWN: repository name not known", "X"]);
        assert_eq!(
            texts(r#"{"error":"invalid_grant","error_description":"bad token"}"#),
            ["invalid_grant: bad token"]
        );
        assert_eq!(
            texts(r#"{"details":"incorrect username or password"}"#),
            ["incorrect username or password"]
        );
        assert_eq!(texts(r#"{"errors":[{"code":403,"message":"no"}]}"#), ["403: no"]);
        assert_eq!(texts("Client sent an HTTP request to an HTTPS server.\n").len(), 1);
        for nothing in ["", "{}", "<html>x</html>", "[1]", "{\"errors\":[]}", "{broken"] {
            assert_eq!(texts(nothing), [""; 0], "{nothing}");
        }
    }

    #[test]
    fn shows_nothing_that_moves_a_terminal() {
        let evil = parse_errors(format!("\u{1b}[2J{}\u{202e}", "x".repeat(1000)).as_bytes());
        assert!(evil[0].message.starts_with("\\u{1b}[2Jx") && evil[0].message.chars().count() < 220);
        let bytes = b"{\"errors\":[{\"code\":\"A\\u0007\",\"message\":\"b\\nc\"}]}";
        assert_eq!(parse_errors(bytes)[0].to_string(), "A\\u{7}: b c");
    }
}
