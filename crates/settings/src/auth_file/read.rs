use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use diag::Secret;
use serde_json::{Map, Value};

use super::{AuthFile, AuthFileError, KeptLogin};

/// Tools write `auth` with and without padding.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Reads Docker's `config.json` or Podman's `auth.json`; `name` is what errors call it. An empty file has no
/// logins.
///
/// # Errors
/// It is no JSON, or a key that matters has the wrong form.
pub fn parse_auth_file(bytes: &[u8], name: &str) -> Result<AuthFile, AuthFileError> {
    let root = read_object(bytes, name)?;
    let fault = |(place, problem): Fault| AuthFileError { file: name.to_owned(), place, problem };
    read_auth_file(&root).map_err(fault)
}

/// Where and what.
type Fault = (String, String);

/// The document itself, an empty file being an empty one.
pub(super) fn read_object(bytes: &[u8], name: &str) -> Result<Map<String, Value>, AuthFileError> {
    if bytes.trim_ascii().is_empty() {
        return Ok(Map::new());
    }
    let fault = |place: String, problem: &str| AuthFileError {
        file: name.to_owned(),
        place,
        problem: problem.to_owned(),
    };
    // The parser's own words are not repeated: they may quote the file.
    let at = |e: &serde_json::Error| format!("line {}, column {}", e.line(), e.column());
    match serde_json::from_slice(bytes) {
        Ok(Value::Object(root)) => Ok(root),
        Ok(_) => Err(fault("line 1".to_owned(), "it is no JSON object")),
        Err(e) if e.is_eof() => Err(fault("its end".to_owned(), "the JSON is not whole")),
        Err(e) => Err(fault(at(&e), "it is no JSON")),
    }
}

fn read_auth_file(root: &Map<String, Value>) -> Result<AuthFile, Fault> {
    let mut out = AuthFile::default();
    for (key, entry) in object(root, "auths")?.into_iter().flatten() {
        let place = format!("auths.\"{key}\"");
        let login = match entry {
            Value::Null => None,
            Value::Object(entry) => read_login(entry, &place)?,
            _ => return Err((place, "it is no JSON object".to_owned())),
        };
        out.auths.insert(key.clone(), login);
    }
    for (key, helper) in object(root, "credHelpers")?.into_iter().flatten() {
        let place = || format!("credHelpers.\"{key}\"");
        let helper = helper.as_str().ok_or_else(|| (place(), "it is no text".to_owned()))?;
        out.helpers.insert(key.clone(), helper_name(helper, place)?);
    }
    if let Some(store) = text(root, "credsStore", "")?.filter(|s| !s.is_empty()) {
        out.store = Some(helper_name(store, || "credsStore".to_owned())?);
    }
    Ok(out)
}

/// It becomes the end of a program's name: a slash would make it a path to anywhere.
fn helper_name(name: &str, place: impl Fn() -> String) -> Result<String, Fault> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if !name.is_empty() && name.chars().all(plain) {
        return Ok(name.to_owned());
    }
    Err((place(), "it is no name of a credential helper".to_owned()))
}

fn read_login(entry: &Map<String, Value>, place: &str) -> Result<Option<KeptLogin>, Fault> {
    let word = |key: &str| Ok::<_, Fault>(text(entry, key, place)?.filter(|t| !t.is_empty()));
    if let Some(token) = word("registrytoken")? {
        return Ok(Some(KeptLogin::RegistryToken(Secret::new(token))));
    }
    if let Some(token) = word("identitytoken")? {
        return Ok(Some(KeptLogin::IdentityToken(Secret::new(token))));
    }
    if let Some(auth) = word("auth")? {
        return decode(auth).map(Some).map_err(|problem| (format!("{place}.auth"), problem.to_owned()));
    }
    match (word("username")?, word("password")?) {
        (Some(user), password) => {
            let password = Secret::new(password.unwrap_or_default());
            Ok(Some(KeptLogin::Basic { user: user.to_owned(), password }))
        }
        (None, Some(_)) => Err((place.to_owned(), "it has a password and no username".to_owned())),
        (None, None) => Ok(None),
    }
}

/// `user:password` in base64; Docker pads some passwords with NUL.
fn decode(auth: &str) -> Result<KeptLogin, &'static str> {
    let packed: String = auth.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    let bytes = BASE64.decode(packed).map_err(|_| "it is no base64")?;
    let text = String::from_utf8(bytes).map_err(|_| "inside the base64 is no UTF-8")?;
    let (user, password) =
        text.split_once(':').ok_or("inside the base64 is no colon between name and password")?;
    let password = Secret::new(password.trim_matches('\0'));
    Ok(KeptLogin::Basic { user: user.to_owned(), password })
}

fn object<'a>(root: &'a Map<String, Value>, key: &str) -> Result<Option<&'a Map<String, Value>>, Fault> {
    match root.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Object(inner)) => Ok(Some(inner)),
        Some(_) => Err((key.to_owned(), "it is no JSON object".to_owned())),
    }
}

fn text<'a>(from: &'a Map<String, Value>, key: &str, place: &str) -> Result<Option<&'a str>, Fault> {
    match from.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => {
            let dot = if place.is_empty() { "" } else { "." };
            Err((format!("{place}{dot}{key}"), "it is no text".to_owned()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> AuthFile {
        parse_auth_file(text.as_bytes(), "config.json").unwrap()
    }

    fn basic(user: &str, password: &str) -> KeptLogin {
        KeptLogin::Basic { user: user.to_owned(), password: Secret::new(password) }
    }

    #[test]
    fn reads_each_form_of_a_login() {
        let file = read(
            r#"{
            "auths": {
                "https://index.docker.io/v1/": {"auth": "YWxpY2U6czNjOnIzdAAA", "email": "a@b"},
                "ghcr.io": {"username": "bob", "password": "p"},
                "acr.example": {"auth": "MDAwOg==", "identitytoken": "refresh"},
                "bearer.example": {"registrytoken": "jwt"},
                "unpadded.example": {"auth": "YTpiYg"},
                "store.example": {}
            },
            "HttpHeaders": {"X": "y"}, "credsStore": "pass",
            "credHelpers": {"123.dkr.ecr.example": "ecr-login", "https://index.docker.io/v1/": "desktop"}
        }"#,
        );
        let login = |host: &str| file.login_for(host, "library/x").map(|(_, login)| login.clone());
        assert_eq!(login("docker.io"), Some(basic("alice", "s3c:r3t")));
        assert_eq!(login("registry-1.docker.io"), Some(basic("alice", "s3c:r3t")));
        assert_eq!(login("ghcr.io"), Some(basic("bob", "p")));
        assert_eq!(login("acr.example"), Some(KeptLogin::IdentityToken(Secret::new("refresh"))));
        assert_eq!(login("bearer.example"), Some(KeptLogin::RegistryToken(Secret::new("jwt"))));
        assert_eq!(login("unpadded.example"), Some(basic("a", "bb")));
        assert_eq!(login("store.example"), None);
        assert!(file.has_key_for("store.example") && !file.has_key_for("other.example"));
        assert_eq!(file.store(), Some("pass"));
        assert_eq!(file.helper_for("docker.io"), Some("desktop"));
        assert_eq!(file.helper_for("123.dkr.ecr.example"), Some("ecr-login"));
        assert_eq!(file.helper_for("ghcr.io"), None);
        assert_eq!(file.helpers(), ["desktop", "ecr-login", "pass"]);
        assert!(!format!("{file:?}").contains("s3c"));
    }

    #[test]
    fn the_longest_path_wins() {
        let file = read(
            r#"{"auths": {"quay.io/acme/app": {"auth": "YTox"}, "quay.io/acme": {"auth": "YToy"}, "quay.io": {"auth": "YToz"}, "https://quay.io": {"auth": "YTo0"}}}"#,
        );
        for (repository, key) in [
            ("acme/app", "quay.io/acme/app"),
            ("acme/app/deeper", "quay.io/acme/app"),
            ("acme/apple", "quay.io/acme"),
            ("other", "quay.io"),
        ] {
            assert_eq!(file.login_for("quay.io", repository).unwrap().0, key, "{repository}");
        }
    }

    #[test]
    fn nothing_is_no_login() {
        for text in ["", " \n", "{}", r#"{"auths": null}"#, r#"{"auths": {"a": null}, "credsStore": ""}"#] {
            let file = read(text);
            assert_eq!(file.login_for("a", "b"), None, "{text}");
            assert_eq!(file.store(), None);
        }
    }

    #[test]
    fn a_fault_names_its_place_and_no_secret() {
        for (text, words) in [
            ("{\n  \"auths\": {\"a\": hunter2}}", "line 2, column "),
            ("{\"auths\": {\"a\": {\"auth\": \"hunter2\"", "its end: the JSON is not whole"),
            ("[\"hunter2\"]", "line 1: it is no JSON object"),
            (r#"{"auths": ["hunter2"]}"#, "auths: it is no JSON object"),
            (r#"{"auths": {"ghcr.io": "hunter2"}}"#, r#"auths."ghcr.io": it is no JSON object"#),
            (r#"{"auths": {"ghcr.io": {"auth": "hunter2!"}}}"#, r#"auths."ghcr.io".auth: it is no base64"#),
            (r#"{"auths": {"ghcr.io": {"auth": "aHVudGVyMg=="}}}"#, "no colon between"),
            (r#"{"auths": {"ghcr.io": {"auth": "/////w=="}}}"#, "no UTF-8"),
            (r#"{"auths": {"ghcr.io": {"auth": 17}}}"#, r#"auths."ghcr.io".auth: it is no text"#),
            (r#"{"auths": {"ghcr.io": {"password": "hunter2"}}}"#, "no username"),
            (r#"{"credsStore": "../hunter2"}"#, "credsStore: it is no name"),
            (r#"{"credsStore": ["x"]}"#, "credsStore: it is no text"),
            (
                r#"{"credHelpers": {"a.example": "/bin/sh -c hunter2"}}"#,
                r#"credHelpers."a.example": it is no name"#,
            ),
            (r#"{"credHelpers": {"a.example": 1}}"#, r#"credHelpers."a.example": it is no text"#),
        ] {
            let error = parse_auth_file(text.as_bytes(), "/home/me/.docker/config.json").unwrap_err();
            let said = error.to_string();
            assert!(
                said.starts_with("cannot read the registry logins in /home/me/.docker/config.json: "),
                "{said}"
            );
            assert!(said.contains(words), "{text}: {said}");
            assert!(!format!("{said} {error:?}").contains("hunter2"), "{said}");
        }
    }
}
