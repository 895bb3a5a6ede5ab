use base64::Engine as _;
use diag::Secret;
use url::Url;

/// A name and a password for a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login {
    /// The user's name.
    pub user: String,
    /// The password or token.
    pub password: Secret,
}

impl Login {
    /// The value of `Authorization` (RFC 7617).
    pub(crate) fn basic(&self) -> String {
        let pair = format!("{}:{}", self.user, self.password.reveal());
        format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(pair))
    }
}

/// Who knows the login for a URL. Asked anew for every host that a redirect leads to, so that a login
/// only ever goes where the user said it belongs.
pub trait Credentials: Send + Sync {
    /// The login for `url`, if there is one.
    fn login(&self, url: &Url) -> Option<Login>;
}

impl<F: Fn(&Url) -> Option<Login> + Send + Sync> Credentials for F {
    fn login(&self, url: &Url) -> Option<Login> {
        self(url)
    }
}

/// Takes the user information out of a URL.
pub(crate) fn split_login(url: &mut Url) -> Option<Login> {
    if url.username().is_empty() && url.password().is_none() {
        return None;
    }
    let plain = |text: &str| percent_decoded(text);
    let login =
        Login { user: plain(url.username()), password: Secret::new(plain(url.password().unwrap_or(""))) };
    // Both fail only for URLs that cannot have user information.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    Some(login)
}

/// Undoes percent-encoding; what is not UTF-8 afterwards is replaced, and will then not be accepted
/// by any server, which is the right outcome.
pub(crate) fn percent_decoded(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.as_bytes();
    while let Some((&first, rest)) = bytes.split_first() {
        let hex = |c: u8| char::from(c).to_digit(16);
        let pair = (first == b'%').then(|| Some((hex(*rest.first()?)?, hex(*rest.get(1)?)?))).flatten();
        match pair.and_then(|(high, low)| u8::try_from(high << 4 | low).ok()) {
            Some(byte) => {
                out.push(byte);
                bytes = &rest[2..];
            }
            None => {
                out.push(first);
                bytes = rest;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_and_encodes() {
        let mut url = Url::parse("http://a%40b:p%3Aw%25@h.example/x").unwrap();
        let login = split_login(&mut url).unwrap();
        assert_eq!((login.user.as_str(), login.password.reveal()), ("a@b", "p:w%"));
        assert_eq!(url.as_str(), "http://h.example/x");
        assert_eq!(split_login(&mut url), None);
        // RFC 7617 section 2.
        let aladdin = Login { user: "Aladdin".into(), password: Secret::new("open sesame") };
        assert_eq!(aladdin.basic(), "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
        assert!(!format!("{aladdin:?}").contains("sesame"));
    }
}
