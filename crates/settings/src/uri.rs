use std::fmt;

use diag::Secret;

use crate::Login;

/// An address as it stands in a file, its user information apart. `Display` shows what may be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Uri {
    /// The address without user information.
    pub text: String,
    /// The login that stood in it.
    pub login: Option<Login>,
}

impl Uri {
    /// Takes the user information out of `text`.
    pub fn read(text: &str) -> Uri {
        let (text, login) = split_login(text);
        Uri { text, login }
    }

    /// What stands before the colon, in lower case: `http`, `file`, `mirror+file` …
    pub fn scheme(&self) -> String {
        self.text.split_once(':').map(|(scheme, _)| scheme.to_ascii_lowercase()).unwrap_or_default()
    }
}

impl fmt::Display for Uri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Takes the user information out of an address: `https://user:secret@host/path` becomes
/// `https://host/path` and a login. Percent-encoding in name and password is undone.
pub fn split_login(address: &str) -> (String, Option<Login>) {
    let whole = || (address.to_owned(), None);
    let Some((scheme, rest)) = address.split_once("://") else {
        return whole();
    };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let Some((user_info, host)) = authority.rsplit_once('@') else {
        return whole();
    };
    let (user, password) = user_info.split_once(':').unwrap_or((user_info, ""));
    let login = Login { user: decode(user), password: Secret::new(decode(password)) };
    (format!("{scheme}://{host}{path}"), Some(login))
}

fn decode(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let digit = |i: usize| after.get(i).and_then(|c| char::from(*c).to_digit(16));
        let byte = match (first, digit(0), digit(1)) {
            (b'%', Some(high), Some(low)) => u8::try_from(high << 4 | low).ok(),
            _ => None,
        };
        out.push(byte.unwrap_or(first));
        rest = if byte.is_some() { &after[2..] } else { after };
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_the_login_off() {
        let uri = Uri::read("https://me%40x:s%3Acret@host.example:8443/a@b?c@d");
        assert_eq!(uri.to_string(), "https://host.example:8443/a@b?c@d");
        let login = uri.login.clone().unwrap();
        assert_eq!((login.user.as_str(), login.password.reveal()), ("me@x", "s:cret"));
        assert!(!format!("{uri:?}").contains("cret"));
        for plain in ["http://h/a@b", "file:/srv", "cdrom:[x]/", "", "mirror+file:/etc/m.list"] {
            assert_eq!(Uri::read(plain), Uri { text: plain.into(), login: None });
        }
        assert_eq!(Uri::read("Mirror+File:/x").scheme(), "mirror+file");
    }
}
