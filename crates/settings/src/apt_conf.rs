use crate::Ignored;

/// apt's configuration: names and values, the later over the earlier (apt.conf(5)).
///
/// Only what a download needs has a method. What would weaken a check is named by
/// [`not_followed`](AptConf::not_followed) and followed by nobody. Commands
/// (`Proxy-Auto-Detect`, `Pre-Invoke`) are never run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AptConf {
    /// Names in lower case, in order; a list has one name several times, ending in `::`.
    values: Vec<(String, String)>,
    /// What made no sense.
    pub ignored: Vec<Ignored>,
}

/// A proxy for one host (`Acquire::http::Proxy::HOST`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostProxy {
    /// `http` or `https`.
    pub scheme: String,
    /// The host, in lower case.
    pub host: String,
    /// The proxy's address, or `DIRECT`.
    pub proxy: String,
}

impl AptConf {
    /// The configuration of `self`, then that of a file read after it.
    pub fn then(mut self, later: AptConf) -> AptConf {
        for (name, value) in later.values {
            self.set(name, value);
        }
        self.ignored.extend(later.ignored);
        self
    }

    /// The value of a name such as `Acquire::http::Proxy`, whatever its case.
    pub fn value(&self, name: &str) -> Option<&str> {
        let name = name.to_ascii_lowercase();
        self.values.iter().rev().find(|(n, _)| *n == name).map(|(_, v)| v.as_str())
    }

    /// The proxy for http; may hold a login, so it is not to be shown.
    pub fn http_proxy(&self) -> Option<&str> {
        self.value("acquire::http::proxy").filter(|v| !v.is_empty())
    }

    /// The proxy for https, which is that for http if there is none (apt-transport-https(1)).
    pub fn https_proxy(&self) -> Option<&str> {
        match self.value("acquire::https::proxy") {
            Some("") => None,
            Some(proxy) => Some(proxy),
            None => self.http_proxy(),
        }
    }

    /// Proxies for single hosts.
    pub fn host_proxies(&self) -> Vec<HostProxy> {
        let of = |scheme: &'static str| {
            let prefix = format!("acquire::{scheme}::proxy::");
            self.values.iter().filter_map(move |(name, proxy)| {
                let host = name.strip_prefix(&prefix).filter(|h| !h.is_empty())?;
                Some(HostProxy { scheme: scheme.into(), host: host.into(), proxy: proxy.clone() })
            })
        };
        of("http").chain(of("https")).collect()
    }

    /// Files with certificate authorities (`Acquire::https::CaInfo`, for all hosts or for one).
    pub fn ca_info(&self) -> Vec<&str> {
        let is = |n: &str| n.starts_with("acquire::https::") && n.ends_with("::cainfo");
        self.values.iter().filter(|(n, v)| is(n) && !v.is_empty()).map(|(_, v)| v.as_str()).collect()
    }

    /// Files of the client's certificate and its key (`Acquire::https::SslCert`, `SslKey`).
    pub fn client_certificate(&self) -> Option<(&str, &str)> {
        let certificate = self.value("acquire::https::sslcert")?;
        Some((certificate, self.value("acquire::https::sslkey").unwrap_or(certificate)))
    }

    /// Settings that would weaken a check, and that are not followed: their names.
    pub fn not_followed(&self) -> Vec<&str> {
        let off = |v: &str| {
            matches!(v.to_ascii_lowercase().as_str(), "false" | "no" | "0" | "off" | "without" | "disable")
        };
        let weakens = |name: &str, value: &str| match name.rsplit("::").next() {
            Some("verify-peer" | "verify-host" | "check-valid-until" | "check-date") => off(value),
            Some(
                "allowinsecurerepositories"
                | "allowweakrepositories"
                | "allowdowngradetoinsecurerepositories"
                | "allowunauthenticated",
            ) => !off(value),
            _ => false,
        };
        self.values.iter().filter(|(n, v)| weakens(n, v)).map(|(n, _)| n.as_str()).collect()
    }

    fn set(&mut self, name: String, value: String) {
        if !name.ends_with("::") {
            self.values.retain(|(n, _)| *n != name);
        }
        self.values.push((name, value));
    }

    /// `#clear NAME;` removes a name and all below it.
    fn clear(&mut self, name: &str) {
        let below = format!("{name}::");
        self.values.retain(|(n, _)| n != name && !n.starts_with(&below));
    }
}

/// Reads a fragment of apt's configuration: `apt.conf` or a file of `apt.conf.d`. Never fails; what
/// makes no sense is passed over. `#include` is not followed.
pub fn parse_apt_conf(bytes: &[u8]) -> AptConf {
    let text = String::from_utf8_lossy(bytes);
    let mut reader = Reader { out: AptConf::default(), scopes: Vec::new(), words: Vec::new() };
    for (line, token) in tokens(&text) {
        match token {
            Token::Word(word) => reader.words.push(word),
            Token::End => reader.statement(line),
            Token::Open => reader.open(line),
            Token::Close => reader.close(line),
        }
    }
    if !reader.words.is_empty() || !reader.scopes.is_empty() {
        let line = text.lines().count();
        reader.out.ignored.push(Ignored::new(line, "it ends in the middle of a statement"));
    }
    reader.out
}

struct Reader {
    out: AptConf,
    scopes: Vec<String>,
    words: Vec<String>,
}

/// Deeper nesting than any configuration has.
const DEEPEST: usize = 64;

impl Reader {
    fn full(&self, name: &str) -> String {
        let mut full = self.scopes.join("::");
        if !full.is_empty() {
            full.push_str("::");
        }
        full.push_str(&name.to_ascii_lowercase());
        full
    }

    fn statement(&mut self, line: usize) {
        let words = std::mem::take(&mut self.words);
        match words.as_slice() {
            [] => {}
            [clear, names @ ..] if clear == "#clear" => {
                for name in names {
                    let name = self.full(name);
                    self.out.clear(&name);
                }
            }
            [include, ..] if include == "#include" => {
                self.out.ignored.push(Ignored::new(line, "`#include` is not followed"));
            }
            // A value without a name is one of a list.
            [value] if !self.scopes.is_empty() => {
                let name = self.full("");
                self.out.set(name, value.clone());
            }
            [name, value] => {
                let name = self.full(name);
                self.out.set(name, value.clone());
            }
            _ => self.out.ignored.push(Ignored::new(line, "it is no `name \"value\";`")),
        }
    }

    fn open(&mut self, line: usize) {
        let words = std::mem::take(&mut self.words);
        if self.scopes.len() >= DEEPEST {
            self.out.ignored.push(Ignored::new(line, "it is nested too deeply"));
        }
        let name = words.first().map(String::as_str).unwrap_or_default();
        let name = name.trim_end_matches("::").to_ascii_lowercase();
        if let [_, value] = words.as_slice() {
            let full = self.full(&name);
            self.out.set(full, value.clone());
        }
        // Beyond the limit names are forgotten, but the braces still count.
        self.scopes.push(if self.scopes.len() < DEEPEST { name } else { String::new() });
    }

    fn close(&mut self, line: usize) {
        if !self.words.is_empty() {
            self.statement(line);
        }
        if self.scopes.pop().is_none() {
            self.out.ignored.push(Ignored::new(line, "a `}` too many"));
        }
    }
}

enum Token {
    Word(String),
    Open,
    Close,
    End,
}

fn tokens(text: &str) -> Vec<(usize, Token)> {
    let mut out = Vec::new();
    let mut line = 1;
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let length = match c {
            '\n' => {
                line += 1;
                1
            }
            c if c.is_whitespace() => c.len_utf8(),
            '{' | '}' | ';' => {
                out.push((
                    line,
                    if c == '{' {
                        Token::Open
                    } else if c == '}' {
                        Token::Close
                    } else {
                        Token::End
                    },
                ));
                1
            }
            _ if rest.starts_with("/*") => rest.find("*/").map_or(rest.len(), |end| end + 2),
            _ if is_comment(rest) => rest.find('\n').unwrap_or(rest.len()),
            '"' => {
                let end = rest[1..].find(['"', '\n']).map_or(rest.len(), |end| end + 1);
                out.push((line, Token::Word(rest[1..end].to_owned())));
                end + usize::from(rest[end..].starts_with('"'))
            }
            _ => {
                let stop = |c: char| c.is_whitespace() || matches!(c, '{' | '}' | ';' | '"');
                let end = rest.find(stop).unwrap_or(rest.len());
                out.push((line, Token::Word(rest[..end].to_owned())));
                end
            }
        };
        if rest.starts_with("/*") {
            line += rest[..length].matches('\n').count();
        }
        rest = &rest[length..];
    }
    out
}

fn is_comment(rest: &str) -> bool {
    let directive = rest.starts_with("#clear") || rest.starts_with("#include");
    rest.starts_with("//") || (rest.starts_with('#') && !directive)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_proxies_in_both_forms() {
        let conf = parse_apt_conf(
            br#"// a comment; with "quotes"
Acquire::http::Proxy "http://cache.example:3142";
# another
Acquire { https { CaInfo "/etc/ssl/corp.pem"; Verify-Peer "false"; };
  http::Proxy::Mirror.example DIRECT;
  /* over
     lines */ http { Proxy { other.example "http://p2"; }; Timeout 10 } ;
};
APT::NeverAutoRemove { "^a$"; "^b$"; };
Acquire::https::private.example::CaInfo "/etc/ssl/private.pem";
"#,
        );
        assert_eq!(conf.ignored, []);
        assert_eq!(conf.http_proxy(), Some("http://cache.example:3142"));
        assert_eq!(conf.https_proxy(), conf.http_proxy());
        let hosts: Vec<_> = conf.host_proxies().into_iter().map(|h| (h.host, h.proxy)).collect();
        assert_eq!(
            hosts,
            [("mirror.example".into(), "DIRECT".into()), ("other.example".into(), "http://p2".into())]
                as [(String, String); 2]
        );
        assert_eq!(conf.ca_info(), ["/etc/ssl/corp.pem", "/etc/ssl/private.pem"]);
        assert_eq!(conf.not_followed(), ["acquire::https::verify-peer"]);
        assert_eq!(conf.value("ACQUIRE::HTTP::Timeout"), Some("10"));
        let list: Vec<_> = conf.values.iter().filter(|(n, _)| n == "apt::neverautoremove::").collect();
        assert_eq!(list.len(), 2);
    }

    #[test]
    fn later_wins_and_clear_clears() {
        let first = parse_apt_conf(b"Acquire::http::Proxy \"http://a\"; Acquire::https::Proxy \"http://b\";");
        let later = parse_apt_conf(b"Acquire::http::Proxy \"http://c\"; Acquire::https::Proxy \"\";");
        let both = first.clone().then(later);
        assert_eq!((both.http_proxy(), both.https_proxy()), (Some("http://c"), None));
        let cleared = parse_apt_conf(
            b"Acquire::http::Proxy \"x\"; Acquire::http::Proxy::h \"y\";\n#clear Acquire::http;\n",
        );
        assert_eq!((cleared.http_proxy(), cleared.host_proxies()), (None, vec![]));
    }

    #[test]
    fn reads_anything() {
        for bytes in [
            &b"}"[..],
            b"{",
            b"\"",
            b"a",
            b"a b c;",
            b"/*",
            b"#include \"x\";",
            b"a \"b\nc;",
            b"\xff{;}",
            b"{{{{}",
        ] {
            let conf = parse_apt_conf(bytes);
            assert_eq!(conf.http_proxy(), None);
        }
        let deep = "a{".repeat(10_000) + &"}".repeat(10_000);
        assert!(!parse_apt_conf(deep.as_bytes()).ignored.is_empty());
    }
}
