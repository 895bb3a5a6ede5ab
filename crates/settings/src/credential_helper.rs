//! What is said to a credential helper and what it answers (docker-credential-helpers, "Development"): a program
//! `docker-credential-NAME` with one word, `get`, `store`, `erase` or `list`, and JSON or a server's name on
//! standard input. It complains on standard output, which therefore is never shown unless it failed.

use std::collections::BTreeMap;

use diag::Secret;
use serde::Deserialize;
use serde_json::json;

use crate::KeptLogin;

/// The name of a helper's program.
pub fn helper_program(name: &str) -> String {
    format!("docker-credential-{name}")
}

/// Why an answer of a helper is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HelperAnswerError {
    /// No JSON of the protocol. What it is instead may hold the secret.
    #[error("its answer is not that of a credential helper")]
    Malformed,
    /// A login without a secret.
    #[error("its answer has no secret in it")]
    Empty,
}

/// Reads the answer to `get`; none where it says that there is no login.
///
/// # Errors
/// It is not that of a helper.
pub fn parse_helper_answer(bytes: &[u8]) -> Result<Option<KeptLogin>, HelperAnswerError> {
    #[derive(Deserialize)]
    struct Answer {
        #[serde(rename = "Username", default)]
        user: String,
        #[serde(rename = "Secret", default)]
        secret: String,
    }
    let answer: Answer = serde_json::from_slice(bytes).map_err(|_| HelperAnswerError::Malformed)?;
    // Docker takes a helper that gives nothing for one that has nothing.
    if answer.secret.is_empty() && answer.user.is_empty() {
        return Ok(None);
    }
    if answer.secret.is_empty() {
        return Err(HelperAnswerError::Empty);
    }
    Ok(Some(KeptLogin::of_helper(&answer.user, Secret::new(answer.secret))))
}

/// Reads the answer to `list`: the servers that the helper has logins for, with the names of their users.
///
/// # Errors
/// It is not that of a helper.
pub fn parse_helper_list(bytes: &[u8]) -> Result<BTreeMap<String, String>, HelperAnswerError> {
    serde_json::from_slice(bytes).map_err(|_| HelperAnswerError::Malformed)
}

/// What `store` reads; none for what a helper cannot keep.
pub fn helper_store_request(server: &str, login: &KeptLogin) -> Option<Secret> {
    let (user, secret) = login.for_helper()?;
    let request = json!({ "ServerURL": server, "Username": user, "Secret": secret.reveal() });
    Some(Secret::new(request.to_string()))
}

/// Whether the words of a helper that failed mean that it has no such login: that is an answer, not a
/// failure. (Every helper made with Docker's library says these; AWS's and others' say the same.)
pub fn helper_has_none(said: &str) -> bool {
    let said = said.to_ascii_lowercase();
    ["credentials not found", "no credentials server url", "no credentials username"]
        .iter()
        .any(|words| said.contains(words))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_helpers_answer() {
        let answer =
            br#"{"ServerURL":"https://index.docker.io/v1/","Username":"david","Secret":"passw0rd1"}"#;
        let login = parse_helper_answer(answer).unwrap().unwrap();
        assert_eq!(
            login.for_helper().map(|(user, secret)| (user, secret.reveal())),
            Some(("david", "passw0rd1"))
        );
        assert!(!format!("{login:?}").contains("passw0rd1"));
        let token = parse_helper_answer(br#"{"Username":"<token>","Secret":"refresh"}"#).unwrap().unwrap();
        assert_eq!(token, KeptLogin::IdentityToken(Secret::new("refresh")));
        assert_eq!(parse_helper_answer(br#"{"Username":"","Secret":""}"#), Ok(None));
        assert_eq!(parse_helper_answer(br#"{"Username":"u"}"#), Err(HelperAnswerError::Empty));
        for bad in [&b"hunter2"[..], b"", b"[1]", br#"{"Secret": ["hunter2"]}"#] {
            assert_eq!(parse_helper_answer(bad), Err(HelperAnswerError::Malformed));
        }
        let listed = parse_helper_list(br#"{"https://a.example":"ann","b.example":"bob"}"#).unwrap();
        assert_eq!(listed.len(), 2);
        assert!(parse_helper_list(b"[]").is_err());
    }

    #[test]
    fn says_what_helpers_read() {
        let login = KeptLogin::Basic { user: "d".into(), password: Secret::new("p\"w") };
        let request = helper_store_request("ghcr.io", &login).unwrap();
        assert_eq!(request.reveal(), r#"{"Secret":"p\"w","ServerURL":"ghcr.io","Username":"d"}"#);
        assert!(helper_store_request("ghcr.io", &KeptLogin::RegistryToken(Secret::new("x"))).is_none());
        assert!(helper_has_none("credentials not found in native keychain\n"));
        assert!(!helper_has_none("gpg: decryption failed: No secret key"));
    }
}
