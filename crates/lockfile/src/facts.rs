use oci::{Algorithm, Digest, Platform};
use package::{Arch, Cause, Identity, Pin, Sha1};
use serde::{Deserialize, Serialize};

/// A suite as it was when the lock was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct SuitePin {
    /// The id that packages name: `debian/trixie`.
    pub id: String,
    /// Components; empty for flat repositories and directories.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub components: Vec<String>,
    /// The moment of the snapshot archive, where the recipe pins one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snapshot: Option<String>,
    /// SHA-256 of the signed document (`InRelease`) as it came; none where no signature is asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inrelease: Option<Digest>,
    /// Its `Date`, seconds since the epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub date: Option<i64>,
    /// Its `Valid-Until`, seconds since the epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_until: Option<i64>,
    /// Fingerprints of the certificates that signed it; apk: the file names of the keys.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub signed_by: Vec<String>,
    /// The user's word that takes the place of a signature.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unsigned: Option<String>,
    /// The indexes that were read.
    #[serde(default, rename = "index", skip_serializing_if = "Vec::is_empty")]
    pub indexes: Vec<IndexPin>,
}

/// A key of the recipe that was fetched from a URL: the user's word for it was given once, and from then
/// on it is this one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct KeyPin {
    /// Where it came from, without a login.
    pub url: String,
    /// What it was.
    pub digest: Digest,
}

/// An index of packages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct IndexPin {
    /// Path relative to the signed document; apk: to the repository.
    pub path: String,
    /// Bytes.
    pub size: u64,
    /// What the signed document says of it; apk: of the file, which is signed itself.
    pub digest: Digest,
    /// Its own date, seconds since the epoch, if it is signed itself (apk: that of the newest build in it).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub date: Option<i64>,
}

/// A package of one platform.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockedPin {
    /// The platform whose images it is in.
    pub platform: Platform,
    /// The package.
    pub pin: Pin,
    /// The variants that have it (`latest` is the untagged one); empty: all.
    pub variants: Vec<String>,
    /// Its maintainer scripts.
    pub scripts: Vec<ScriptFact>,
}

/// A maintainer script and what becomes of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScriptFact {
    /// `preinst`, `postinst` …
    pub kind: String,
    /// SHA-256 of the script.
    pub digest: Digest,
    /// `nothing to do`, `replaced`, or `not replaced`.
    pub verdict: String,
}

/// The spelling of a [`LockedPin`] in the file.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Row {
    name: String,
    version: String,
    arch: Arch,
    platform: String,
    repository: String,
    /// apk: the `@tag` of its repository.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tag: Option<String>,
    path: String,
    size: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sha256: Option<String>,
    /// Where the index says something else than the SHA-256 of the file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    identity: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    source: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    variants: Vec<String>,
    because: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    scripts: Vec<String>,
}

impl From<&LockedPin> for Row {
    fn from(locked: &LockedPin) -> Row {
        let pin = &locked.pin;
        let plain = matches!(pin.identity, Identity::Whole(d) if Some(d) == pin.sha256);
        Row {
            name: pin.name.clone(),
            version: pin.version.clone(),
            arch: pin.arch.clone(),
            platform: locked.platform.to_string(),
            repository: pin.repository.clone(),
            tag: pin.tag.clone(),
            path: pin.path.clone(),
            size: pin.size,
            sha256: pin.sha256.map(|d| d.hex()),
            identity: (!plain).then(|| spell_identity(&pin.identity)),
            source: pin.source.clone(),
            variants: locked.variants.clone(),
            because: pin.because.iter().map(spell_cause).collect(),
            scripts: locked
                .scripts
                .iter()
                .map(|s| format!("{} {}: {}", s.kind, s.digest.hex(), s.verdict))
                .collect(),
        }
    }
}

/// A key and what is wrong with its value.
pub(crate) type Wrong = (&'static str, &'static str);

impl Row {
    /// `package NAME`, for messages.
    pub(crate) fn subject(&self) -> String {
        format!("package {}", self.name.escape_debug())
    }

    /// What the row means.
    pub(crate) fn meaning(self) -> Result<LockedPin, Wrong> {
        self.check_words()?;
        let sha256 = match &self.sha256 {
            Some(hex) => {
                let digest = Digest::from_hex(Algorithm::Sha256, hex);
                Some(digest.map_err(|_| ("sha256", "is not 64 lower-case hexadecimal digits"))?)
            }
            None => None,
        };
        let identity = match (&self.identity, sha256) {
            (Some(text), _) => read_identity(text).ok_or(("identity", "is no digest"))?,
            (None, Some(digest)) => Identity::Whole(digest),
            (None, None) => return Err(("name", "comes without sha256 and identity")),
        };
        // Two sums of one kind are one: else what is taken would not be what the index names.
        if let (Identity::Whole(Digest::Sha256(named)), Some(Digest::Sha256(taken))) = (identity, sha256)
            && named != taken
        {
            return Err(("sha256", "is not that of its identity"));
        }
        let because = self.because.iter().map(|t| read_cause(t)).collect::<Option<Vec<_>>>();
        let scripts = self.scripts.iter().map(|t| read_script(t)).collect::<Option<Vec<_>>>();
        Ok(LockedPin {
            platform: self.platform.parse().map_err(|_| ("platform", "is not os/architecture[/variant]"))?,
            variants: self.variants,
            scripts: scripts.ok_or(("scripts", "has a line that is not `kind sha256: verdict`"))?,
            pin: Pin {
                because: because.ok_or(("because", "has a line that is no reason"))?,
                name: self.name,
                version: self.version,
                arch: self.arch,
                source: self.source,
                repository: self.repository,
                tag: self.tag,
                path: self.path,
                size: self.size,
                identity,
                sha256,
            },
        })
    }

    /// Names become file names in the image, paths are put behind a mirror's URL: no text of the lock
    /// may lead elsewhere.
    fn check_words(&self) -> Result<(), Wrong> {
        let word = "is no single word of letters, digits and `+-._:~`";
        for (key, text) in
            [("name", self.name.as_str()), ("version", &self.version), ("arch", self.arch.as_str())]
        {
            if !is_word(text) {
                return Err((key, word));
            }
        }
        // It stands in a line of the image's database.
        if self.tag.as_deref().is_some_and(|tag| !is_word(tag)) {
            return Err(("tag", word));
        }
        is_inside(&self.path).then_some(()).ok_or(("path", "is not relative to the archive"))
    }
}

impl SuitePin {
    /// Whether it can be meant.
    pub(crate) fn check(&self) -> Result<(), Wrong> {
        if self.id.is_empty() || self.id.contains(char::is_control) {
            return Err(("id", "is no name"));
        }
        // Indexes that are signed themselves, and then have dates, need no document that names them.
        let own = !self.signed_by.is_empty() && self.indexes.iter().all(|i| i.date.is_some());
        if self.inrelease.is_none() && self.unsigned.is_none() && (!own || self.indexes.is_empty()) {
            return Err(("id", "comes without inrelease and without the word that makes one needless"));
        }
        let inside = self.indexes.iter().all(|i| is_inside(&i.path));
        inside.then_some(()).ok_or(("path", "is not relative to the suite"))
    }
}

/// What package names and versions are made of, in any of the package worlds.
fn is_word(text: &str) -> bool {
    let letter = |b: u8| b.is_ascii_alphanumeric() || b"+-._:~".contains(&b);
    text.bytes().all(letter) && text.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// A path that does not leave the directory that it is put behind.
fn is_inside(path: &str) -> bool {
    !path.is_empty()
        && !path.starts_with('/')
        && !path.contains(char::is_control)
        && path.split('/').all(|part| part != "..")
}

fn spell_identity(identity: &Identity) -> String {
    match identity {
        Identity::Whole(digest) => digest.to_string(),
        Identity::ApkControl(sha1) => format!("apk-control:{}", sha1.hex()),
    }
}

fn read_identity(text: &str) -> Option<Identity> {
    match text.strip_prefix("apk-control:") {
        Some(hex) => Sha1::from_hex(hex).map(Identity::ApkControl),
        None => text.parse().ok().map(Identity::Whole),
    }
}

fn spell_cause(cause: &Cause) -> String {
    match cause {
        Cause::Asked(text) => format!("asked: {text}"),
        Cause::Needed { by, requirement } => format!("needed by {by}: {requirement}"),
        Cause::Hidden { by, reason } => format!("hidden need of {by}: {reason}"),
        Cause::InstallIf { by, condition } => format!("installed because of {by}: {condition}"),
    }
}

fn read_cause(text: &str) -> Option<Cause> {
    if let Some(asked) = text.strip_prefix("asked: ") {
        return Some(Cause::Asked(asked.to_owned()));
    }
    if let Some((by, requirement)) = text.strip_prefix("needed by ").and_then(|rest| rest.split_once(": ")) {
        return Some(Cause::Needed { by: by.to_owned(), requirement: requirement.to_owned() });
    }
    if let Some((by, condition)) =
        text.strip_prefix("installed because of ").and_then(|rest| rest.split_once(": "))
    {
        return Some(Cause::InstallIf { by: by.to_owned(), condition: condition.to_owned() });
    }
    let (by, reason) = text.strip_prefix("hidden need of ")?.split_once(": ")?;
    Some(Cause::Hidden { by: by.to_owned(), reason: reason.to_owned() })
}

fn read_script(text: &str) -> Option<ScriptFact> {
    let (head, verdict) = text.split_once(": ")?;
    let (kind, hex) = head.split_once(' ')?;
    let digest = Digest::from_hex(Algorithm::Sha256, hex).ok()?;
    Some(ScriptFact { kind: kind.to_owned(), digest, verdict: verdict.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_survive() {
        let (by, text) = ("a".to_owned(), "b: c".to_owned());
        for cause in [
            Cause::Asked(text.clone()),
            Cause::Needed { by: by.clone(), requirement: text.clone() },
            Cause::Hidden { by: by.clone(), reason: text.clone() },
            Cause::InstallIf { by, condition: text },
        ] {
            assert_eq!(read_cause(&spell_cause(&cause)), Some(cause));
        }
    }
}
