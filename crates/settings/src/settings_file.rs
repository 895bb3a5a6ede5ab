mod registries;

use std::collections::BTreeMap;
use std::path::PathBuf;

use diag::{Excerpt, Explain, Kind, nearest};

use crate::Uri;
use crate::yaml::{At, Node, Value, read_tree};

/// Our own settings file, `settings.yaml`. All keys may be left out.
///
/// ```yaml
/// mirrors: {debian: https://mirror.example/debian, alpine: [/srv/alpine, https://b.example]}
/// proxy: {http: http://cache.example:3142, no-proxy: [localhost, .corp.example]}
/// ca-certificates: [/etc/ssl/corp-ca.pem]
/// client-certificate: {certificate: me.pem, key: me.key}
/// credentials: [/home/me/.netrc]
/// cache-dir: /var/cache/distil
/// data-dir: /var/lib/distil
/// parallel: 8
/// registries:
///   registry.example:5000: {insecure: true}
///   ghcr.io: {ca-certificates: corp.pem, client-certificate: {certificate: me.pem, key: me.key}}
///   docker.io: {mirrors: [mirror.example/hub]}
///   docker.io/acme: {rewrite: registry.example/acme}
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settings {
    /// Where archives are found, by the archive's name, best first: URLs or local directories.
    pub mirrors: BTreeMap<String, Vec<Uri>>,
    /// Proxies.
    pub proxy: ProxySettings,
    /// PEM files with certificate authorities to trust beside the system's.
    pub ca_certificates: Vec<PathBuf>,
    /// The client's own certificate.
    pub client_certificate: Option<ClientCertificate>,
    /// Files with logins, in the form of netrc.
    pub credentials: Vec<PathBuf>,
    /// Where derived data is kept.
    pub cache_dir: Option<PathBuf>,
    /// Where images and locks are kept.
    pub data_dir: Option<PathBuf>,
    /// How many downloads run at once.
    pub parallel: Option<usize>,
    /// How registries are reached, in the order of the file.
    pub registries: Vec<RegistrySettings>,
}

/// How one registry, or a part of it, is reached.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RegistrySettings {
    /// What it is for: `host[:port][/path]`. Names of images that begin so, up to a slash.
    pub prefix: String,
    /// Plain http, and https without a sound certificate, are good enough.
    pub insecure: bool,
    /// PEM files with certificate authorities to trust for this host beside the others.
    pub ca_certificates: Vec<PathBuf>,
    /// The client's own certificate for this host.
    pub client_certificate: Option<ClientCertificate>,
    /// What is asked first when reading, in order: `host[:port][/path]` in place of the prefix.
    pub mirrors: Vec<String>,
    /// What stands in place of the prefix, for reading and writing.
    pub rewrite: Option<String>,
}

/// Proxies as they stand in the file; addresses may hold logins, which `Debug` does not show.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProxySettings {
    /// For http.
    pub http: Option<Uri>,
    /// For https.
    pub https: Option<Uri>,
    /// For both, where neither says otherwise.
    pub all: Option<Uri>,
    /// What is reached directly.
    pub no_proxy: Vec<String>,
}

/// Files of a certificate and its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientCertificate {
    /// The certificate chain, PEM.
    pub certificate: PathBuf,
    /// The private key, PEM.
    pub key: PathBuf,
}

/// A settings file that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("cannot read settings {file}: {}{problem}", of_line(excerpt.as_deref()))]
pub struct SettingsError {
    /// The file as the user named it.
    pub file: String,
    /// What is wrong.
    pub problem: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// Where.
    pub excerpt: Option<Box<Excerpt>>,
}

fn of_line(excerpt: Option<&Excerpt>) -> String {
    excerpt.map(|e| format!("line {}: ", e.line)).unwrap_or_default()
}

impl Explain for SettingsError {
    fn kind(&self) -> Kind {
        Kind::Input
    }
    fn hint(&self) -> Option<String> {
        self.hint.clone()
    }
    fn excerpt(&self) -> Option<Excerpt> {
        self.excerpt.as_deref().cloned()
    }
}

/// Reads our settings file; `name` is what errors call it. Paths stay as written: relative ones are
/// meant from the file's own directory.
pub fn parse_settings(bytes: &[u8], name: &str) -> Result<Settings, SettingsError> {
    let text = std::str::from_utf8(bytes).map_err(|e| SettingsError {
        file: name.to_owned(),
        problem: format!("it is not UTF-8 at byte {}", e.valid_up_to()),
        hint: None,
        excerpt: None,
    })?;
    let fault = |fault: Fault| fault.shown(name, text);
    let root = read_tree(text).map_err(|(at, problem)| fault(Fault { at, problem, hint: None }))?;
    read_settings(&root).map_err(fault)
}

struct Fault {
    at: At,
    problem: String,
    hint: Option<String>,
}

impl Fault {
    fn new(at: At, problem: impl Into<String>) -> Fault {
        Fault { at, problem: problem.into(), hint: None }
    }

    fn shown(self, file: &str, text: &str) -> SettingsError {
        let line = text.lines().nth(self.at.line.saturating_sub(1)).unwrap_or_default();
        // A URL in the line may hold a password.
        let line = if line.contains('@') { "" } else { line };
        let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX).max(1);
        let word = line.chars().skip(self.at.column.saturating_sub(1));
        let width = word.take_while(|c| !matches!(c, ':' | ' ' | ',' | ']' | '}')).count();
        let excerpt = Excerpt {
            file: file.to_owned(),
            line: number(self.at.line),
            column: number(self.at.column),
            width: number(width),
            text: line.to_owned(),
            label: None,
        };
        SettingsError {
            file: file.to_owned(),
            problem: self.problem,
            hint: self.hint,
            excerpt: Some(Box::new(excerpt)),
        }
    }
}

const KEYS: [&str; 9] = [
    "mirrors",
    "proxy",
    "ca-certificates",
    "client-certificate",
    "credentials",
    "cache-dir",
    "data-dir",
    "parallel",
    "registries",
];

fn read_settings(root: &Node) -> Result<Settings, Fault> {
    let mut out = Settings::default();
    for (key, at, node) in entries(root, "the settings")? {
        match key {
            "mirrors" => out.mirrors = read_mirrors(node)?,
            "proxy" => out.proxy = read_proxy(node)?,
            "ca-certificates" => out.ca_certificates = paths(node)?,
            "client-certificate" => out.client_certificate = Some(read_client(node)?),
            "credentials" => out.credentials = paths(node)?,
            "cache-dir" => out.cache_dir = Some(PathBuf::from(text(node)?)),
            "data-dir" => out.data_dir = Some(PathBuf::from(text(node)?)),
            "parallel" => out.parallel = Some(read_parallel(node)?),
            "registries" => out.registries = registries::read(node)?,
            _ => return Err(unknown(key, at, &KEYS)),
        }
    }
    Ok(out)
}

fn read_mirrors(node: &Node) -> Result<BTreeMap<String, Vec<Uri>>, Fault> {
    let mut out = BTreeMap::new();
    for (archive, _, node) in entries(node, "`mirrors`")? {
        let uris = texts(node)?.into_iter().map(Uri::read).collect();
        out.insert(archive.to_owned(), uris);
    }
    Ok(out)
}

fn read_proxy(node: &Node) -> Result<ProxySettings, Fault> {
    const KEYS: [&str; 4] = ["http", "https", "all", "no-proxy"];
    let mut out = ProxySettings::default();
    if let Value::Text(all) = &node.value {
        out.all = Some(Uri::read(all));
        return Ok(out);
    }
    for (key, at, node) in entries(node, "`proxy`")? {
        match key {
            "http" => out.http = Some(Uri::read(text(node)?)),
            "https" => out.https = Some(Uri::read(text(node)?)),
            "all" => out.all = Some(Uri::read(text(node)?)),
            "no-proxy" => out.no_proxy = texts(node)?.into_iter().map(str::to_owned).collect(),
            _ => return Err(unknown(key, at, &KEYS)),
        }
    }
    Ok(out)
}

fn read_client(node: &Node) -> Result<ClientCertificate, Fault> {
    const KEYS: [&str; 2] = ["certificate", "key"];
    let (mut certificate, mut private) = (None, None);
    for (key, at, node) in entries(node, "`client-certificate`")? {
        match key {
            "certificate" => certificate = Some(PathBuf::from(text(node)?)),
            "key" => private = Some(PathBuf::from(text(node)?)),
            _ => return Err(unknown(key, at, &KEYS)),
        }
    }
    match (certificate, private) {
        (Some(certificate), Some(key)) => Ok(ClientCertificate { certificate, key }),
        _ => Err(Fault::new(node.at, "`client-certificate` needs both `certificate` and `key`")),
    }
}

fn read_parallel(node: &Node) -> Result<usize, Fault> {
    let number = text(node)?.parse().ok().filter(|n| (1..=256).contains(n));
    number.ok_or_else(|| Fault::new(node.at, "`parallel` is a number from 1 to 256"))
}

fn unknown(key: &str, at: At, known: &[&str]) -> Fault {
    let close = nearest(key, known.iter().copied(), 1).first().map(|k| format!("did you mean `{k}`?"));
    let hint = close.unwrap_or_else(|| format!("known keys: {}", known.join(", ")));
    Fault { at, problem: format!("unknown key `{key}`"), hint: Some(hint) }
}

/// The entries of a mapping; nothing counts as an empty one.
fn entries<'a>(node: &'a Node, what: &str) -> Result<Vec<(&'a str, At, &'a Node)>, Fault> {
    match &node.value {
        Value::Nothing => Ok(Vec::new()),
        Value::Map(entries) => Ok(entries.iter().map(|(k, at, n)| (k.as_str(), *at, n)).collect()),
        _ => Err(Fault::new(node.at, format!("{what} must be a mapping"))),
    }
}

fn text(node: &Node) -> Result<&str, Fault> {
    match &node.value {
        Value::Text(text) if !text.is_empty() => Ok(text),
        _ => Err(Fault::new(node.at, "a text is expected here")),
    }
}

/// One text, or a list of them.
fn texts(node: &Node) -> Result<Vec<&str>, Fault> {
    match &node.value {
        Value::List(items) => items.iter().map(text).collect(),
        Value::Nothing => Ok(Vec::new()),
        _ => Ok(vec![text(node)?]),
    }
}

fn paths(node: &Node) -> Result<Vec<PathBuf>, Fault> {
    Ok(texts(node)?.into_iter().map(PathBuf::from).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Settings, SettingsError> {
        parse_settings(text.as_bytes(), "settings.yaml")
    }

    #[test]
    fn reads_every_key() {
        let text = "mirrors:\n  debian: https://u:hidden@mirror.example/debian\n  alpine: [/srv/alpine, https://b.example]\n\
            proxy: {http: http://p:3142, no-proxy: [localhost, .corp.example]}\nca-certificates: /etc/ssl/corp.pem\n\
            client-certificate: {certificate: me.pem, key: me.key}\ncredentials: [~/.netrc]\n\
            cache-dir: /c\ndata-dir: /d\nparallel: 4\n";
        let settings = read(text).unwrap();
        assert_eq!(settings.mirrors["debian"][0].to_string(), "https://mirror.example/debian");
        assert!(settings.mirrors["debian"][0].login.is_some());
        assert_eq!(settings.mirrors["alpine"].len(), 2);
        assert_eq!(settings.proxy.http.as_ref().unwrap().to_string(), "http://p:3142");
        assert_eq!(settings.proxy.no_proxy, ["localhost", ".corp.example"]);
        assert_eq!(settings.ca_certificates, [PathBuf::from("/etc/ssl/corp.pem")]);
        assert_eq!(settings.client_certificate.as_ref().unwrap().key, PathBuf::from("me.key"));
        assert_eq!((settings.parallel, &settings.cache_dir), (Some(4), &Some(PathBuf::from("/c"))));
        assert!(!format!("{settings:?}").contains("hidden"));
    }

    #[test]
    fn nothing_is_the_default() {
        for text in ["", "# only a comment\n", "~\n", "mirrors:\nproxy:\n", "---\n"] {
            assert_eq!(read(text).unwrap(), Settings::default(), "{text:?}");
        }
        assert_eq!(read("proxy: http://p").unwrap().proxy.all, Some(Uri::read("http://p")));
    }

    #[test]
    fn names_the_line_of_a_mistake() {
        let error = read("parallel: 2\nmirors: {}\n").unwrap_err();
        assert_eq!(error.to_string(), "cannot read settings settings.yaml: line 2: unknown key `mirors`");
        assert_eq!(error.hint().unwrap(), "did you mean `mirrors`?");
        let excerpt = error.excerpt().unwrap();
        assert_eq!((excerpt.column, excerpt.width, excerpt.text.as_str()), (1, 6, "mirors: {}"));
        for (text, line) in [
            ("parallel: many", 1),
            ("parallel: 0", 1),
            ("a: b\n  c: d", 2),
            ("cache-dir: [a]", 1),
            ("x: &a 1\ny: *a", 2),
            ("mirrors: x", 1),
            ("parallel: 1\nparallel: 2", 2),
            ("client-certificate: {key: a}", 1),
            ("cache-dir: !x a", 1),
            ("- a", 1),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.excerpt().unwrap().line >= line.min(1), "{text}: {error}");
        }
        assert!(parse_settings(b"\xff", "s").unwrap_err().to_string().contains("UTF-8"));
    }

    #[test]
    fn a_mistake_shows_no_password() {
        let error = read("proxy: {htp: http://u:hidden@p}").unwrap_err();
        assert!(!format!("{error} {error:?}").contains("hidden"));
    }
}
