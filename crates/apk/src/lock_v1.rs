//! apko's lock files, version v1, as `apko lock` writes them: JSON with the packages in install order,
//! each with the hashes of its parts, and the keys and index addresses that they were found with.
//!
//! Types only: whether a lock is trusted and what is made of it is its user's business. A v1 lock says
//! no SHA-256 of a whole file; its chain is the index's (`C:`, then `datahash`).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use oci::Digest;
use package::Sha1;
use serde::{Deserialize, Deserializer, Serialize};
use sha1::Digest as _;

use crate::head::HeadReader;
use crate::{ApkError, Limits};

/// A lock file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LockV1 {
    /// `v1`.
    pub version: String,
    /// For which recipe it was made; older locks do not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config: Option<LockedConfig>,
    /// What was found.
    pub contents: LockedContents,
}

/// The recipe of a lock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LockedConfig {
    /// Its file name.
    pub name: String,
    /// See [`config_checksum`].
    pub checksum: String,
}

/// What a lock holds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LockedContents {
    /// The keys that the indexes were verified with.
    #[serde(default, deserialize_with = "or_empty")]
    pub keyring: Vec<LockedKey>,
    /// Indexes for the build only.
    #[serde(default, deserialize_with = "or_empty")]
    pub build_repositories: Vec<LockedRepository>,
    /// Indexes that the image names, not used by the build.
    #[serde(default, deserialize_with = "or_empty")]
    pub runtime_repositories: Vec<LockedRepository>,
    /// Indexes for both.
    #[serde(default, deserialize_with = "or_empty")]
    pub repositories: Vec<LockedRepository>,
    /// All packages of all architectures, of each in install order.
    #[serde(default, deserialize_with = "or_empty")]
    pub packages: Vec<LockedPackage>,
}

/// A public key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LockedKey {
    /// What it is called: its address without the scheme, its path, or its file name.
    pub name: String,
    /// Where it came from.
    #[serde(default)]
    pub url: String,
    /// The PEM itself; older locks do not have it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub content: String,
}

impl LockedKey {
    /// The file name, as signatures call it.
    pub fn file_name(&self) -> &str {
        self.name.rsplit('/').next().unwrap_or(&self.name)
    }
}

/// An index.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LockedRepository {
    /// Its folder's address without the scheme.
    pub name: String,
    /// The address of the index itself.
    pub url: String,
    /// apk's word.
    pub architecture: String,
}

/// A package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LockedPackage {
    /// Its name.
    pub name: String,
    /// Where it lies.
    pub url: String,
    /// Its version.
    pub version: String,
    /// apk's word for the architecture that it is installed for.
    pub architecture: String,
    /// The part with the signatures; nothing in a package without.
    #[serde(default)]
    pub signature: LockedPart,
    /// The control part.
    #[serde(default)]
    pub control: LockedPart,
    /// The data.
    #[serde(default)]
    pub data: LockedPart,
    /// `C:` of the index.
    #[serde(default)]
    pub checksum: String,
}

/// A part of a package file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LockedPart {
    /// Its bytes in the file, both ends included: `bytes=0-1932`.
    pub range: String,
    /// Its hash: `sha1-` or `sha256-` and Base64.
    pub checksum: String,
}

impl LockedPackage {
    /// The hash of the control part, from `checksum` or the part's own.
    pub fn control_sha1(&self) -> Option<Sha1> {
        let own =
            || self.control.checksum.strip_prefix("sha1-").and_then(|b| Sha1::from_q1(&format!("Q1{b}")));
        Sha1::from_q1(&self.checksum).or_else(own)
    }

    /// The hash of the data part.
    pub fn data_sha256(&self) -> Option<Digest> {
        let bytes = STANDARD.decode(self.data.checksum.strip_prefix("sha256-")?).ok()?;
        Some(Digest::Sha256(bytes.try_into().ok()?))
    }

    /// The size of the file: the data goes to its end.
    pub fn size(&self) -> Option<u64> {
        let (_, last) = self.data.range.strip_prefix("bytes=")?.split_once('-')?;
        last.parse::<u64>().ok()?.checked_add(1)
    }
}

impl LockedPart {
    /// A part that lies at `from` in the file and has `len` bytes, with its hash as apko writes it.
    pub fn new(from: u64, len: u64, kind: &str, hash: &[u8]) -> LockedPart {
        let range = format!("bytes={from}-{}", (from + len).saturating_sub(1));
        LockedPart { range, checksum: format!("{kind}-{}", STANDARD.encode(hash)) }
    }
}

/// Where the parts of a package file lie, each with its hash, as a lock says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockedParts {
    /// The signatures; nothing where there are none.
    pub signature: LockedPart,
    /// The control part.
    pub control: LockedPart,
    /// The data, to the end of the file.
    pub data: LockedPart,
}

impl LockedParts {
    /// Measures a package file. Only what stands before the data is read; nothing is verified.
    ///
    /// # Errors
    /// It is no package, or a malformed one.
    pub fn of(package: &[u8], limits: &Limits) -> Result<LockedParts, ApkError> {
        let mut reader = HeadReader::new(limits, None);
        let Some((head, used)) = reader.push(package)? else { return Err(reader.unfinished()) };
        let control = head.signed.len();
        let signed = used - control;
        let sha1 = |bytes: &[u8]| sha1::Sha1::digest(bytes).to_vec();
        let part = |range: std::ops::Range<usize>, kind: &str, hash: &[u8]| {
            LockedPart::new(range.start as u64, range.len() as u64, kind, hash)
        };
        Ok(LockedParts {
            signature: match signed {
                0 => LockedPart::default(),
                _ => part(0..signed, "sha1", &sha1(&package[..signed])),
            },
            control: part(signed..used, "sha1", &sha1(&head.signed)),
            data: part(used..package.len(), "sha256", Digest::of(&package[used..]).as_bytes()),
        })
    }
}

/// Why text is no lock of version v1.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LockV1Error {
    /// It is not the JSON of a lock.
    #[error("cannot read the apko lock: {cause}")]
    Malformed {
        /// What the reader says, with line and column.
        cause: String,
    },
    /// It is of another version.
    #[error("cannot read the apko lock: it is of version `{found}`, and distil reads v1")]
    Version {
        /// What it says.
        found: String,
    },
    /// A package in it cannot be checked.
    #[error(
        "cannot use the apko lock: {name} {version} has no hash that is one of its control part and data"
    )]
    Unproven {
        /// The package.
        name: String,
        /// Its version.
        version: String,
    },
}

impl diag::Explain for LockV1Error {
    fn kind(&self) -> diag::Kind {
        diag::Kind::Input
    }

    fn hint(&self) -> Option<String> {
        Some("make it anew with `apko lock`, or with `distil lock`, whose locks hold more".into())
    }
}

/// Reads a lock.
///
/// # Errors
/// It is no lock of version v1, or has a package without the hashes that prove it.
pub fn parse_lock_v1(text: &[u8]) -> Result<LockV1, LockV1Error> {
    let malformed = |e: serde_json::Error| LockV1Error::Malformed { cause: e.to_string() };
    let lock: LockV1 = serde_json::from_slice(text).map_err(malformed)?;
    if lock.version != "v1" {
        return Err(LockV1Error::Version { found: lock.version });
    }
    let unproven = |p: &&LockedPackage| p.control_sha1().is_none() || p.data_sha256().is_none();
    if let Some(package) = lock.contents.packages.iter().find(unproven) {
        let (name, version) = (package.name.clone(), package.version.clone());
        return Err(LockV1Error::Unproven { name, version });
    }
    Ok(lock)
}

/// Writes a lock as apko does.
pub fn write_lock_v1(lock: &LockV1) -> String {
    let mut text = serde_json::to_string_pretty(lock).expect("strings and lists only");
    text.push('\n');
    text
}

/// What a lock says of its recipe: the SHA-256 over the bytes of the recipe and then of what it
/// includes, as they stand in the files.
pub fn config_checksum<'a>(files: impl IntoIterator<Item = &'a [u8]>) -> String {
    let mut hasher = oci::Hasher::sha256();
    files.into_iter().for_each(|bytes| hasher.update(bytes));
    format!("sha256-{}", STANDARD.encode(hasher.finish().as_bytes()))
}

/// Go writes an empty list as `null`.
fn or_empty<'de, D: Deserializer<'de>, T: Deserialize<'de>>(d: D) -> Result<Vec<T>, D::Error> {
    Ok(Option::deserialize(d)?.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_lock_is_refused_with_its_reason() {
        for (text, why) in [
            ("{", "EOF"),
            ("[]", "invalid length"),
            (r#"{"version":"v2","contents":{}}"#, "version `v2`"),
            (
                r#"{"version":"v1","contents":{"packages":[{"name":"a","url":"","version":"1","architecture":"x86_64"}]}}"#,
                "a 1 has no hash",
            ),
        ] {
            let error = parse_lock_v1(text.as_bytes()).unwrap_err().to_string();
            assert!(error.contains(why), "{error}");
        }
        let empty = parse_lock_v1(br#"{"version":"v1","contents":{"packages":null}}"#).unwrap();
        assert_eq!(empty.contents, LockedContents::default());
    }
}
