use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use serde_json::ser::{PrettyFormatter, Serializer};
use serde_json::{Map, Value, json};

use super::read::read_object;
use super::{AuthFileError, KeptLogin, TOKEN_USER};
use crate::registry_name::Scope;

/// The content of an auth file with one more login under `key`; other spellings of the same place go, so that
/// no old login is left beside the new one. With no `login` the entry is empty, as Docker leaves it where
/// its store has the login. All else that stands in the file stays.
///
/// # Errors
/// `old` is no JSON, or its `auths` are none: nothing is thrown away that cannot be read.
pub fn with_login(
    old: &[u8],
    name: &str,
    key: &str,
    login: Option<&KeptLogin>,
) -> Result<Vec<u8>, AuthFileError> {
    let mut root = read_object(old, name)?;
    let auths = auths(&mut root, name)?;
    let place = Scope::read(key);
    auths.retain(|other, _| Scope::read(other) != place);
    auths.insert(key.to_owned(), login.map_or_else(|| json!({}), entry));
    Ok(written(&root))
}

/// An auth file that has lost logins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shortened {
    /// What is left of the file.
    pub bytes: Vec<u8>,
    /// The keys that went.
    pub gone: Vec<String>,
}

/// The content of an auth file without the logins of `place` (a host, or a path in one), or without any.
/// None where there was nothing to take away.
///
/// # Errors
/// As [`with_login`].
pub fn without_logins(
    old: &[u8],
    name: &str,
    place: Option<&str>,
) -> Result<Option<Shortened>, AuthFileError> {
    let mut root = read_object(old, name)?;
    let auths = auths(&mut root, name)?;
    let goes = |key: &str| place.is_none_or(|place| Scope::read(place) == Scope::read(key));
    let gone: Vec<String> = auths.keys().filter(|key| goes(key)).cloned().collect();
    if gone.is_empty() {
        return Ok(None);
    }
    auths.retain(|key, _| !goes(key));
    Ok(Some(Shortened { bytes: written(&root), gone }))
}

fn auths<'a>(
    root: &'a mut Map<String, Value>,
    name: &str,
) -> Result<&'a mut Map<String, Value>, AuthFileError> {
    let auths = root.entry("auths").or_insert(Value::Null);
    if auths.is_null() {
        *auths = json!({});
    }
    let problem = || AuthFileError {
        file: name.to_owned(),
        place: "auths".to_owned(),
        problem: "it is no JSON object".to_owned(),
    };
    auths.as_object_mut().ok_or_else(problem)
}

fn entry(login: &KeptLogin) -> Value {
    let auth = |user: &str, password: &str| STANDARD.encode(format!("{user}:{password}"));
    match login {
        KeptLogin::Basic { user, password } => json!({ "auth": auth(user, password.reveal()) }),
        // Podman passes an entry over that has no `auth`, whatever else it has.
        KeptLogin::IdentityToken(token) => {
            json!({ "auth": auth(TOKEN_USER, ""), "identitytoken": token.reveal() })
        }
        KeptLogin::RegistryToken(token) => json!({ "registrytoken": token.reveal() }),
    }
}

/// Indented with tabs, as Docker and Podman write it.
fn written(root: &Map<String, Value>) -> Vec<u8> {
    let mut out = Vec::new();
    let mut serializer = Serializer::with_formatter(&mut out, PrettyFormatter::with_indent(b"\t"));
    // Neither a map of texts nor memory can refuse.
    let _ = root.serialize(&mut serializer);
    out.push(b'\n');
    out
}

#[cfg(test)]
mod tests {
    use diag::Secret;

    use super::*;
    use crate::parse_auth_file;

    fn bob() -> KeptLogin {
        KeptLogin::Basic { user: "bob".to_owned(), password: Secret::new("p:w") }
    }

    #[test]
    fn what_is_written_is_read_again() {
        for login in [
            bob(),
            KeptLogin::IdentityToken(Secret::new("refresh")),
            KeptLogin::RegistryToken(Secret::new("jwt")),
        ] {
            let bytes = with_login(b"", "a", "ghcr.io", Some(&login)).unwrap();
            let file = parse_auth_file(&bytes, "a").unwrap();
            assert_eq!(file.login_for("ghcr.io", "x"), Some(("ghcr.io", &login)));
        }
    }

    #[test]
    fn everything_else_stays() {
        let old = r#"{"auths": {"ghcr.io": {"auth": "YTpi"}, "https://quay.io/v1/": {"auth": "YTpi", "email": "e"}},
            "credHelpers": {"x.example": "y"}, "HttpHeaders": {"User-Agent": "z"}, "detachKeys": "ctrl-e,e", "n": 12345678901234567890}"#;
        let new = with_login(old.as_bytes(), "a", "quay.io", Some(&bob())).unwrap();
        let (mut before, after): (Value, Value) =
            (serde_json::from_str(old).unwrap(), serde_json::from_slice(&new).unwrap());
        let auths = before["auths"].as_object_mut().unwrap();
        auths.remove("https://quay.io/v1/");
        auths.insert("quay.io".to_owned(), json!({ "auth": "Ym9iOnA6dw==" }));
        assert_eq!(before, after);
        assert!(
            new.starts_with(b"{\n\t\"HttpHeaders\": {\n\t\t\"User-Agent\": \"z\"\n"),
            "{}",
            String::from_utf8_lossy(&new)
        );
        let Shortened { bytes, gone } = without_logins(&new, "a", Some("https://quay.io")).unwrap().unwrap();
        assert_eq!(gone, ["quay.io"]);
        assert!(parse_auth_file(&bytes, "a").unwrap().has_key_for("ghcr.io"));
        assert_eq!(without_logins(&bytes, "a", Some("quay.io")).unwrap(), None);
        let Shortened { bytes, gone } = without_logins(&bytes, "a", None).unwrap().unwrap();
        assert_eq!(gone, ["ghcr.io"]);
        assert_eq!(parse_auth_file(&bytes, "a").unwrap().helper_for("x.example"), Some("y"));
    }

    #[test]
    fn a_path_of_a_host_is_another_place() {
        let old = with_login(b"{}", "a", "quay.io/acme", Some(&bob())).unwrap();
        let both = with_login(&old, "a", "quay.io", Some(&bob())).unwrap();
        let Shortened { bytes: left, gone } = without_logins(&both, "a", Some("quay.io")).unwrap().unwrap();
        assert_eq!(gone, ["quay.io"]);
        assert!(parse_auth_file(&left, "a").unwrap().has_key_for("quay.io/acme"));
        let marked = with_login(&left, "a", "quay.io/acme", None).unwrap();
        assert_eq!(parse_auth_file(&marked, "a").unwrap().login_for("quay.io", "acme/x"), None);
    }

    #[test]
    fn what_cannot_be_read_is_not_written_over() {
        for old in ["{", "[]", r#"{"auths": []}"#] {
            assert!(with_login(old.as_bytes(), "a", "k", Some(&bob())).is_err(), "{old}");
            assert!(without_logins(old.as_bytes(), "a", None).is_err(), "{old}");
        }
    }
}
