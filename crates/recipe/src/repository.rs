use package::Arch;

use crate::archives::{KeySet, archive_of};
use crate::error::{Problem, RecipeError, shown};
use crate::keys;
use crate::node::{Node, Value};
use crate::place::without_user;
use crate::read::local;
use crate::walk::{self, Fields};
use crate::{LocalPath, Spanned};

/// A repository that the recipe adds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Repository {
    /// apt's.
    Deb(DebRepository),
    /// apk's, by its base URL.
    Apk(ApkRepository),
    /// A local directory of package files; unsigned, the user's own word.
    Local(LocalRepository),
}

impl Repository {
    /// The line of `/etc/apk/repositories`: `URL`, `@tag URL` or a directory; no user information. None
    /// for apt's.
    pub fn apk_line(&self) -> Option<String> {
        let (tag, place) = match self {
            Repository::Deb(_) => return None,
            Repository::Apk(apk) => (&apk.tag, without_user(&apk.url)),
            Repository::Local(local) => (&local.tag, local.directory.path.clone()),
        };
        Some(tag.as_ref().map_or(place.clone(), |tag| format!("@{tag} {place}")))
    }

    /// Key files and directories of the user's that it names.
    pub(crate) fn local_paths(&self) -> Vec<&LocalPath> {
        match self {
            Repository::Apk(_) => Vec::new(),
            Repository::Local(local) => vec![&local.directory],
            Repository::Deb(deb) => deb
                .signed_by
                .iter()
                .filter_map(|key| match key {
                    SignedBy::Keys(path) => Some(path),
                    SignedBy::Fingerprint(_) => None,
                })
                .collect(),
        }
    }
}

/// An apt repository: one suite of one archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DebRepository {
    /// Base URI, no trailing slash: `http://`, `https://` or `file:`. User information is kept, and
    /// never shown.
    pub uri: String,
    /// Suite or code name; ends with `/` for a flat repository, where it is a path.
    pub suite: String,
    /// Components, empty for a flat repository.
    pub components: Vec<String>,
    /// Only for these architectures (`arch=`).
    pub archs: Option<Vec<Arch>>,
    /// Whose signature is asked for; none: the distribution's keys, if the URI is under a host of the table.
    pub signed_by: Vec<SignedBy>,
    /// `[trusted=yes]`: no signature is asked for. Named in summary, lock and SBOM.
    pub trusted: bool,
    /// `check-valid-until=no`.
    pub ignore_valid_until: bool,
    /// Oldest Release file that is accepted, in seconds.
    pub max_age: Option<u64>,
    /// `by-hash=`: yes or no against what the Release file offers.
    pub by_hash: Option<bool>,
    /// apt's pin priority. None: never shadows a distribution package, unless a line names it.
    pub priority: Option<i32>,
}

impl DebRepository {
    /// Is it flat: without `dists/` and components?
    pub fn is_flat(&self) -> bool {
        self.suite.ends_with('/')
    }
}

/// Whose signature a repository must carry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SignedBy {
    /// A file of keys.
    Keys(LocalPath),
    /// A fingerprint, 40 hexadecimal digits in upper case.
    Fingerprint(String),
}

/// An apk repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApkRepository {
    /// `@tag` before it: only packages that name the tag come from it.
    pub tag: Option<String>,
    /// Base URL or local path, no trailing slash.
    pub url: String,
}

impl ApkRepository {
    /// The built-in keys that sign it, if it is under a host of the table; those of `keyring` count besides.
    pub fn builtin_keys(&self) -> Option<KeySet> {
        archive_of(&self.url).and_then(|(archive, _)| archive.apk_keys())
    }
}

/// A local directory of package files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalRepository {
    /// The directory.
    pub directory: LocalPath,
    /// `@tag` before it (apk).
    pub tag: Option<String>,
}

/// Reads an element of apko's other two lists of repositories: apk's, or a local directory.
pub(crate) fn read_apk(node: &Node, place: &str) -> Result<Repository, RecipeError> {
    match read(node, place)? {
        Repository::Deb(_) => {
            let text = walk::line(node, place).unwrap_or_default();
            Err(RecipeError::bad(&node.at, &text, "an apk repository")
                .hint("repositories of deb packages stand in `repositories`"))
        }
        repository => Ok(repository),
    }
}

/// Reads an element of `repositories`: a text or the map form.
pub(crate) fn read(node: &Node, place: &str) -> Result<Repository, RecipeError> {
    if let Value::Map(_) = node.value {
        return read_map(node).map(Repository::Deb);
    }
    let text = walk::line(node, place)?;
    let text = text.trim();
    let first = text.split_whitespace().next().unwrap_or("");
    match first {
        "deb" => Line { node, text }.read().map(Repository::Deb),
        "deb-src" => Err(RecipeError::bad(&node.at, text, "a repository of binary packages")
            .hint("images are made of binary packages: write `deb`")),
        _ if first.starts_with('@') => read_tagged(node, text),
        _ if text.contains("://") && text.contains(char::is_whitespace) => {
            Err(RecipeError::bad(&node.at, text, "a repository")
                .hint(format!("an apt repository is written `deb {}`", shown(text))))
        }
        _ => read_plain(node, text, None),
    }
}

fn read_tagged(node: &Node, text: &str) -> Result<Repository, RecipeError> {
    match text[1..].split_once(char::is_whitespace) {
        Some((tag, url)) if !tag.is_empty() && !url.trim().contains(char::is_whitespace) => {
            read_plain(node, url.trim(), Some(tag.to_owned()))
        }
        _ => Err(RecipeError::bad(&node.at, text, "a tagged repository").hint("write `@tag URL`")),
    }
}

/// A base URL of apk's, or a local directory.
fn read_plain(node: &Node, text: &str, tag: Option<String>) -> Result<Repository, RecipeError> {
    let text = if text.len() > 1 { text.trim_end_matches('/') } else { text };
    match text.split_once("://") {
        None => Ok(Repository::Local(LocalRepository { directory: local(node, text), tag })),
        Some(("http" | "https", rest)) if !rest.is_empty() => {
            walk::check_url(node, text)?;
            Ok(Repository::Apk(ApkRepository { tag, url: text.to_owned() }))
        }
        Some(("file", path)) => Ok(Repository::Local(LocalRepository { directory: local(node, path), tag })),
        Some(_) => Err(RecipeError::bad(&node.at, text, "a repository: http, https or a local directory")),
    }
}

fn read_map(node: &Node) -> Result<DebRepository, RecipeError> {
    let fields = Fields::of(node, &keys::REPOSITORY)?;
    let deb = fields.need("deb")?;
    let text = walk::line(deb, "`deb`")?;
    let text = text.trim();
    let bare = text.strip_prefix("deb ").map(str::trim_start).unwrap_or(text);
    let mut repository = Line { node: deb, text: bare }.read()?;
    if let Some(keys) = fields.find("signed-by") {
        if !repository.signed_by.is_empty() {
            return Err(RecipeError::clash(&keys.at, "`signed-by` is given twice: in the line and as a key"));
        }
        let names = match &keys.value {
            Value::List(_) => fields.each("signed-by", walk::line)?,
            _ => vec![Spanned::new(walk::line(keys, "`signed-by`")?, keys.at.clone())],
        };
        repository.signed_by = names.iter().map(|name| signed_by(keys, &name.value)).collect();
    }
    repository.priority = fields.read("priority", priority)?;
    repository.max_age = fields.read("max-age", duration)?.or(repository.max_age);
    Ok(repository)
}

/// A pin priority as apt_preferences(5) has it; 0 means nothing there.
fn priority(node: &Node, place: &str) -> Result<i32, RecipeError> {
    let text = walk::line(node, place)?;
    match text.parse::<i32>() {
        Ok(n) if (-32768..=32767).contains(&n) && n != 0 && !text.starts_with('+') => Ok(n),
        _ => Err(RecipeError::bad(&node.at, &text, "a priority")
            .hint("write apt's pin priority: 500 as a distribution's, 100 below it, 990 above it")),
    }
}

/// `7d`, `12h`, `30m`, `2w`, in seconds.
fn duration(node: &Node, place: &str) -> Result<u64, RecipeError> {
    let text = walk::line(node, place)?;
    let unit = match text.chars().last() {
        Some('m') => Some(60),
        Some('h') => Some(3600),
        Some('d') => Some(86_400),
        Some('w') => Some(604_800),
        _ => None,
    };
    let count =
        unit.and_then(|_| text[..text.len() - 1].parse::<u64>().ok()).filter(|n| (1..=100_000).contains(n));
    match (count, unit) {
        (Some(count), Some(unit)) if !text.starts_with('+') => Ok(count * unit),
        _ => {
            Err(RecipeError::bad(&node.at, &text, "a length of time")
                .hint("write `30m`, `12h`, `7d` or `2w`"))
        }
    }
}

fn signed_by(node: &Node, name: &str) -> SignedBy {
    let hex = name.trim_start_matches("0x");
    match hex.len() == 40 && hex.bytes().all(|b| b.is_ascii_hexdigit()) {
        true => SignedBy::Fingerprint(hex.to_ascii_uppercase()),
        false => SignedBy::Keys(local(node, name)),
    }
}

/// apt's one-line form (sources.list(5)): `deb [options] URI suite component…`.
struct Line<'a> {
    node: &'a Node,
    text: &'a str,
}

impl Line<'_> {
    fn read(&self) -> Result<DebRepository, RecipeError> {
        let rest = self
            .text
            .strip_prefix("deb")
            .filter(|r| r.starts_with([' ', '\t', '[']))
            .unwrap_or(self.text)
            .trim_start();
        let (options, rest) = match rest.strip_prefix('[') {
            None => ("", rest),
            Some(inner) => inner.split_once(']').ok_or_else(|| self.fail("its options have no `]`"))?,
        };
        let mut words = rest.split_whitespace();
        let (Some(uri), Some(suite)) = (words.next(), words.next()) else {
            return Err(self.fail("it has no suite"));
        };
        let components: Vec<String> = words.map(str::to_owned).collect();
        if suite.ends_with('/') != components.is_empty() {
            return Err(self.fail(match components.is_empty() {
                true => "after the suite stand components (a flat repository's path ends with `/`)",
                false => "a suite that ends with `/` is flat, and has no components",
            }));
        }
        let repository = DebRepository {
            uri: self.uri(uri)?,
            suite: suite.to_owned(),
            components,
            archs: None,
            signed_by: Vec::new(),
            trusted: false,
            ignore_valid_until: false,
            max_age: None,
            by_hash: None,
            priority: None,
        };
        options.split_whitespace().try_fold(repository, |r, option| self.option(r, option))
    }

    fn fail(&self, why: &str) -> RecipeError {
        let text = format!("`{}` is not an apt repository: {why}", shown(self.text));
        RecipeError::at(&self.node.at, Problem::Contradiction(text))
            .hint("write `deb [options] URI suite component…`")
    }

    /// The error for a part of the line, with the caret under that part where the source shows it.
    fn fault(&self, part: &str, expected: &str) -> RecipeError {
        let Ok(whole) = walk::scalar(self.node, "") else { return self.fail(expected) };
        let at = match whole.text.find(part) {
            Some(start) => self.node.at.within(&whole.text, start..start + part.len()),
            None => self.node.at.clone(),
        };
        RecipeError::bad(&at, part, expected)
    }

    fn uri(&self, uri: &str) -> Result<String, RecipeError> {
        let good = match uri.split_once(':') {
            Some(("http" | "https", rest)) => rest.len() > 2 && rest.starts_with("//"),
            Some(("file", rest)) => rest.starts_with('/'),
            _ => false,
        };
        if !good {
            return Err(self
                .fault(uri, "a URI of a repository")
                .hint("it begins with https://, http:// or file:/"));
        }
        walk::check_url(self.node, uri)?;
        Ok(uri.trim_end_matches('/').to_owned())
    }

    fn option(&self, mut r: DebRepository, option: &str) -> Result<DebRepository, RecipeError> {
        let Some((name, value)) = option.split_once('=') else {
            return Err(self
                .fault(option, "an option of a repository")
                .hint("options are written `name=value`"));
        };
        match name {
            "arch" => r.archs = Some(self.archs(option, value)?),
            "signed-by" => r.signed_by = value.split(',').map(|name| signed_by(self.node, name)).collect(),
            "trusted" => r.trusted = self.yes(option, value)?,
            "check-valid-until" => r.ignore_valid_until = !self.yes(option, value)?,
            "by-hash" => r.by_hash = Some(value == "force" || self.yes(option, value)?),
            "valid-until-max" => {
                let seconds = value.parse::<u64>().map_err(|_| self.fault(option, "a number of seconds"))?;
                r.max_age = Some(seconds);
            }
            // These say what apt downloads besides packages and how; there is nothing to choose here.
            "lang" | "target" | "pdiffs" => {}
            "allow-insecure" | "allow-weak" | "allow-downgrade-to-insecure" => {
                return Err(self
                    .fault(
                        option,
                        "possible: a repository is signed, or the recipe says otherwise in one word",
                    )
                    .hint("write `trusted=yes` to take it without a signature"));
            }
            _ => return Err(self.unknown(name, option)),
        }
        Ok(r)
    }

    fn unknown(&self, name: &str, option: &str) -> RecipeError {
        const KNOWN: [&str; 9] = [
            "arch",
            "signed-by",
            "trusted",
            "check-valid-until",
            "by-hash",
            "valid-until-max",
            "lang",
            "target",
            "pdiffs",
        ];
        let fault = self.fault(option, "an option of a repository that distil knows");
        match diag::nearest(name, KNOWN, 1).first() {
            Some(near) => fault.hint(format!("did you mean `{near}=`?")),
            None => fault.hint(format!("known are {}", KNOWN.join(", "))),
        }
    }

    fn yes(&self, option: &str, value: &str) -> Result<bool, RecipeError> {
        match value {
            "yes" | "true" | "1" => Ok(true),
            "no" | "false" | "0" => Ok(false),
            _ => Err(self.fault(option, "an option that is `yes` or `no`")),
        }
    }

    fn archs(&self, option: &str, value: &str) -> Result<Vec<Arch>, RecipeError> {
        value
            .split(',')
            .map(|word| {
                Arch::from_any_word(word)
                    .map_err(|_| self.fault(option, "a list of architectures, as `arch=amd64,arm64`"))
            })
            .collect()
    }
}
