use std::fmt;

use diag::Secret;
use url::Url;

use crate::Ignored;

/// A name and a password. `Debug` shows the name only.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Login {
    /// The user's name.
    pub user: String,
    /// The password or token.
    pub password: Secret,
}

/// Logins by the place that they are for. Searched in order; the first that covers a URL is it.
/// `Debug` shows places and names, never a password.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Credentials {
    entries: Vec<Entry>,
}

#[derive(Clone, PartialEq, Eq)]
struct Entry {
    place: Place,
    login: Login,
}

/// Which URLs a login is for.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Place {
    schemes: Schemes,
    /// In lower case; none for `default`.
    host: Option<String>,
    port: Option<u16>,
    /// The URL's path begins with it.
    path: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Schemes {
    /// http and https.
    Any,
    /// This one.
    Only(String),
}

impl Credentials {
    /// The login for `url`.
    pub fn login_for(&self, url: &Url) -> Option<&Login> {
        self.entries.iter().find(|e| e.place.covers(url)).map(|e| &e.login)
    }

    /// Those of `self`, then those of `other`.
    pub fn then(mut self, other: Credentials) -> Credentials {
        self.entries.extend(other.entries);
        self
    }

    /// Adds the login that stood in `address` (see [`split_login`](crate::split_login)), for what lies
    /// below it.
    pub fn with(mut self, address: &Url, login: Login) -> Credentials {
        let place = Place {
            schemes: Schemes::Only(address.scheme().to_owned()),
            host: address.host_str().map(str::to_ascii_lowercase),
            port: address.port(),
            path: address.path().to_owned(),
        };
        self.entries.push(Entry { place, login });
        self
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = self.entries.iter().map(|e| (&e.place, &e.login.user));
        f.debug_list().entries(shown).finish()
    }
}

impl Place {
    fn covers(&self, url: &Url) -> bool {
        let scheme = match &self.schemes {
            Schemes::Any => matches!(url.scheme(), "http" | "https"),
            Schemes::Only(scheme) => url.scheme() == scheme,
        };
        let host = match (&self.host, url.host_str()) {
            (Some(wanted), Some(host)) => host.eq_ignore_ascii_case(wanted),
            (None, host) => host.is_some(),
            (Some(_), None) => false,
        };
        // As apt: a port in the entry must stand in the URL too.
        let port = self.port.is_none_or(|p| url.port() == Some(p));
        scheme && host && port && url.path().starts_with(&self.path)
    }

    /// Reads the word after `machine`: `[protocol://]hostname[:port][/path]`.
    fn read(word: &str, bare: &Schemes) -> Option<Place> {
        let (schemes, rest) = match word.split_once("://") {
            Some((scheme, rest)) => (Schemes::Only(scheme.to_ascii_lowercase()), rest),
            None => (bare.clone(), word),
        };
        let slash = rest.find('/').unwrap_or(rest.len());
        let (authority, path) = rest.split_at(slash);
        let (host, port) = split_port(authority)?;
        if host.is_empty() {
            return None;
        }
        // `https://host:443` and `https://host` are one to a parsed URL.
        let own = matches!((&schemes, port), (Schemes::Only(s), Some(p)) if default_port(s) == Some(p));
        let port = port.filter(|_| !own);
        Some(Place { schemes, host: Some(host.to_ascii_lowercase()), port, path: path.to_owned() })
    }
}

fn split_port(authority: &str) -> Option<(&str, Option<u16>)> {
    match authority.rsplit_once(':') {
        // The colons of an IPv6 address are inside its brackets.
        Some((host, port)) if !port.contains(']') => Some((host, Some(port.parse().ok()?))),
        _ => Some((authority, None)),
    }
}

fn default_port(scheme: &str) -> Option<u16> {
    match scheme {
        "http" => Some(80),
        "https" => Some(443),
        _ => None,
    }
}

/// Reads apt's `auth.conf` and the files of `auth.conf.d` (apt_auth.conf(5)). An entry without
/// protocol is for https only.
pub fn parse_apt_auth(bytes: &[u8]) -> (Credentials, Vec<Ignored>) {
    parse(bytes, &Schemes::Only("https".into()))
}

/// Reads a `.netrc` as curl and ftp do: an entry is for the host by http and https.
pub fn parse_netrc(bytes: &[u8]) -> (Credentials, Vec<Ignored>) {
    parse(bytes, &Schemes::Any)
}

fn parse(bytes: &[u8], bare: &Schemes) -> (Credentials, Vec<Ignored>) {
    let text = String::from_utf8_lossy(bytes);
    let mut reader =
        Reader { words: words(&text), out: Credentials::default(), ignored: Vec::new(), open: None };
    while let Some((line, word)) = reader.words.next() {
        match word {
            "machine" => reader.machine(line, bare),
            "default" => {
                reader.close();
                let everywhere = Place { schemes: Schemes::Any, host: None, port: None, path: String::new() };
                reader.open = Some(Entry { place: everywhere, login: Login::default() });
            }
            "login" => reader.value(line, |login, word| login.user = word.to_owned()),
            "password" => reader.value(line, |login, word| login.password = Secret::new(word)),
            "account" => reader.value(line, |_, _| {}),
            "macdef" => {
                reader.words.skip_macro(line);
                reader.ignored.push(Ignored::new(line, "macros are not run"));
            }
            // The word itself is not repeated: it may be half of a password with a blank in it.
            _ => reader.ignored.push(Ignored::new(line, "a word that netrc does not know")),
        }
    }
    reader.close();
    (reader.out, reader.ignored)
}

struct Reader<'a> {
    words: Words<'a>,
    out: Credentials,
    ignored: Vec<Ignored>,
    open: Option<Entry>,
}

impl Reader<'_> {
    fn machine(&mut self, line: usize, bare: &Schemes) {
        self.close();
        match self.words.next().map(|(_, word)| Place::read(word, bare)) {
            Some(Some(place)) => self.open = Some(Entry { place, login: Login::default() }),
            _ => self.ignored.push(Ignored::new(line, "`machine` without a host")),
        }
    }

    fn value(&mut self, line: usize, set: impl Fn(&mut Login, &str)) {
        match (self.words.next(), &mut self.open) {
            (Some((_, word)), Some(entry)) => set(&mut entry.login, word),
            (Some(_), None) => self.ignored.push(Ignored::new(line, "a login that belongs to no machine")),
            (None, _) => self.ignored.push(Ignored::new(line, "the last word lacks its value")),
        }
    }

    fn close(&mut self) {
        self.out.entries.extend(self.open.take().filter(|e| !e.login.user.is_empty()));
    }
}

/// Words separated by blanks, with their lines; from a word that begins with `#` the rest of the line
/// is a comment, where it stands first in its line.
struct Words<'a> {
    lines: std::iter::Enumerate<std::str::Lines<'a>>,
    line: usize,
    rest: std::str::SplitAsciiWhitespace<'a>,
}

fn words(text: &str) -> Words<'_> {
    Words { lines: text.lines().enumerate(), line: 0, rest: "".split_ascii_whitespace() }
}

impl<'a> Words<'a> {
    fn next(&mut self) -> Option<(usize, &'a str)> {
        loop {
            if let Some(word) = self.rest.next() {
                return Some((self.line, word));
            }
            let (index, text) = self.lines.next()?;
            self.line = index + 1;
            let comment = text.trim_start().starts_with('#');
            self.rest = if comment { "" } else { text }.split_ascii_whitespace();
        }
    }

    /// A macro ends with an empty line.
    fn skip_macro(&mut self, _: usize) {
        self.rest = "".split_ascii_whitespace();
        for (index, text) in self.lines.by_ref() {
            self.line = index + 1;
            if text.trim().is_empty() {
                break;
            }
        }
    }
}

/// A value of `HTTP_AUTH` that is not in its form.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("cannot read HTTP_AUTH: it must have the form basic:HOST:USER:PASSWORD")]
pub struct HttpAuthError;

impl diag::Explain for HttpAuthError {
    fn kind(&self) -> diag::Kind {
        diag::Kind::Usage
    }
    fn hint(&self) -> Option<String> {
        Some("several logins are separated by commas".into())
    }
}

/// Reads apko's `HTTP_AUTH`: `basic:HOST:USER:PASSWORD`, several separated by commas. A password may
/// have colons.
pub fn parse_http_auth(value: &str) -> Result<Credentials, HttpAuthError> {
    let mut out = Credentials::default();
    for part in value.split(',').filter(|p| !p.is_empty()) {
        let mut fields = part.splitn(4, ':');
        let (Some("basic"), Some(host), Some(user), Some(password)) =
            (fields.next(), fields.next(), fields.next(), fields.next())
        else {
            return Err(HttpAuthError);
        };
        if host.is_empty() {
            return Err(HttpAuthError);
        }
        let place = Place {
            schemes: Schemes::Any,
            host: Some(host.to_ascii_lowercase()),
            port: None,
            path: String::new(),
        };
        let login = Login { user: user.to_owned(), password: Secret::new(password) };
        out.entries.push(Entry { place, login });
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user<'a>(from: &'a Credentials, url: &str) -> Option<&'a str> {
        from.login_for(&Url::parse(url).unwrap()).map(|l| l.user.as_str())
    }

    /// The examples of apt_auth.conf(5), those that apply and those that do not.
    #[test]
    fn apt_matches_as_its_manual_says() {
        let url = "https://example.org/debian/dists/x";
        for (machine, applies) in [
            ("example.org", true),
            ("example.org/deb", true),
            ("example.org/debian", true),
            ("example.org/debian/", true),
            ("https://example.org", true),
            ("EXAMPLE.org", true),
            // Here apt says no, because its URL lacks the port; but it is the same server.
            ("example.org:443", true),
            ("example.org:8443", false),
            ("example.org/deb/", false),
            ("example.org/ubuntu", false),
            ("example.orga", false),
            ("example.net", false),
            ("http://example.org", false),
        ] {
            let (found, ignored) =
                parse_apt_auth(format!("machine {machine} login apt password debian").as_bytes());
            assert_eq!(user(&found, url).is_some(), applies, "{machine}");
            assert_eq!(ignored, []);
        }
        let (found, _) = parse_apt_auth(b"machine example.org:8080 login a password b");
        assert_eq!(user(&found, "https://example.org:8080/"), Some("a"));
        assert_eq!(user(&found, "http://example.org:8080/"), None);
    }

    #[test]
    fn reads_netrc_over_several_lines() {
        let text = "# mine\nmachine a.example\n\tlogin ann\n\tpassword p#1\nmachine b.example login bob password x \
                    account y\nmacdef init\ncd /pub\nbin\n\ndefault login anonymous password me@\n";
        let (found, ignored) = parse_netrc(text.as_bytes());
        assert_eq!(user(&found, "http://a.example/x"), Some("ann"));
        assert_eq!(user(&found, "https://b.example/"), Some("bob"));
        assert_eq!(user(&found, "http://c.example/"), Some("anonymous"));
        let ann = found.login_for(&Url::parse("http://a.example/").unwrap()).unwrap();
        assert_eq!(ann.password.reveal(), "p#1");
        assert_eq!(ignored.len(), 1, "{ignored:?}");
        assert!(!format!("{found:?}").contains("p#1") && format!("{found:?}").contains("ann"));
    }

    #[test]
    fn what_makes_no_sense_is_passed_over_without_showing_it() {
        let (found, ignored) = parse_netrc(b"login x machine a login u password with blank\nmachine\n");
        assert_eq!(user(&found, "http://a/"), Some("u"));
        assert_eq!(ignored.len(), 3, "{ignored:?}");
        assert!(!format!("{ignored:?}").contains("blank"));
        assert_eq!(parse_netrc(&[0xff, 0, b'm']).0, Credentials::default());
    }

    #[test]
    fn reads_http_auth() {
        let found = parse_http_auth("basic:a.example:me:p:w,basic:b.example:you:x").unwrap();
        let a = found.login_for(&Url::parse("https://a.example/x").unwrap()).unwrap();
        assert_eq!((a.user.as_str(), a.password.reveal()), ("me", "p:w"));
        assert_eq!(user(&found, "https://b.example/"), Some("you"));
        assert_eq!(user(&found, "https://sub.b.example/"), None);
        for bad in ["basic:a", "digest:a:b:c", "x", "basic::u:p"] {
            assert_eq!(parse_http_auth(bad), Err(HttpAuthError), "{bad}");
        }
    }

    #[test]
    fn a_login_of_an_address_is_for_what_lies_below() {
        let address = Url::parse("https://h.example/private/").unwrap();
        let found = Credentials::default().with(&address, Login { user: "u".into(), ..Login::default() });
        assert_eq!(user(&found, "https://h.example/private/x"), Some("u"));
        assert_eq!(user(&found, "https://h.example/public/x"), None);
        assert_eq!(user(&found, "http://h.example/private/x"), None);
    }
}
