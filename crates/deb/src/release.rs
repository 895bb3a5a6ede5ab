//! The release file of an archive's suite: what it is, when it was made, and which index has which
//! digest (wiki.debian.org/DebianRepository/Format, "Release files").
//!
//! Strict where leniency would be a hole: a field or a path that stands twice, sizes that disagree
//! between the hash sections, and archives that offer only MD5 or SHA-1 are refused.

use std::collections::BTreeMap;

use diag::{Explain, Kind};
use oci::{Algorithm, Digest};

use crate::date;

/// What a release file says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Release {
    /// `Origin`.
    pub origin: String,
    /// `Label`.
    pub label: String,
    /// `Suite`.
    pub suite: String,
    /// `Codename`.
    pub codename: String,
    /// `Version`, "" where there is none.
    pub version: String,
    /// `Date`, in seconds since 1970.
    pub date: Option<i64>,
    /// `Valid-Until`, in seconds since 1970.
    pub valid_until: Option<i64>,
    /// `Acquire-By-Hash: yes`.
    pub acquire_by_hash: bool,
    /// `NotAutomatic: yes`.
    pub not_automatic: bool,
    /// `ButAutomaticUpgrades: yes`.
    pub but_automatic_upgrades: bool,
    /// `Components`.
    pub components: Vec<String>,
    /// `Architectures`.
    pub architectures: Vec<String>,
    /// `No-Support-for-Architecture-all: Packages`: the `all` records stand in each arch's index.
    pub all_in_arch_indexes: bool,
    /// The files that it vouches for, by path relative to the release file.
    pub files: BTreeMap<String, ReleaseFile>,
}

/// One file that a release file vouches for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReleaseFile {
    /// Size in bytes.
    pub size: u64,
    /// SHA-256, if given.
    pub sha256: Option<Digest>,
    /// SHA-512, if given.
    pub sha512: Option<Digest>,
}

impl ReleaseFile {
    /// The strongest digest given.
    pub fn strongest(&self) -> Option<Digest> {
        self.sha512.or(self.sha256)
    }
}

/// How an index is compressed, by the end of its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Compression {
    /// Not at all.
    None,
    /// `.gz`.
    Gzip,
    /// `.xz`.
    Xz,
}

impl Compression {
    /// By the end of a path; what else a path may end with is taken as plain.
    pub fn of(path: &str) -> Compression {
        match path.rsplit_once('.') {
            Some((_, "xz")) => Compression::Xz,
            Some((_, "gz")) => Compression::Gzip,
            _ => Compression::None,
        }
    }
}

/// One index of packages that a release offers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexFile {
    /// Path of the offered form, relative to the release file.
    pub path: String,
    /// Its compression.
    pub compression: Compression,
    /// Its size in bytes as it is sent.
    pub size: u64,
    /// The digest of the bytes as they are sent.
    pub digest: Digest,
    /// Size once decompressed, where the release says it; a bound against bombs.
    pub plain_size: Option<u64>,
}

/// A release file that is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReleaseError {
    /// A line that is neither field, continuation nor comment.
    #[error("cannot read release file: line {line}: {why}")]
    Syntax {
        /// From 1.
        line: usize,
        /// What is wrong.
        why: &'static str,
    },
    /// A field stands twice.
    #[error("cannot read release file: line {line}: the field `{field}` stands twice")]
    Duplicate {
        /// From 1.
        line: usize,
        /// Its name as written.
        field: String,
    },
    /// A path stands twice in one section, or with two sizes.
    #[error("cannot read release file: line {line}: `{path}` {why}")]
    File {
        /// From 1.
        line: usize,
        /// The path.
        path: String,
        /// What is wrong.
        why: &'static str,
    },
    /// A date that is not in the form that release files use.
    #[error("cannot read release file: {field} `{text}` is not a date")]
    Date {
        /// `Date` or `Valid-Until`.
        field: &'static str,
        /// What stands there.
        text: String,
    },
    /// Only MD5 or SHA-1.
    #[error("cannot trust release file: it offers only weak hashes ({offered})")]
    WeakOnly {
        /// The sections that it has.
        offered: String,
    },
    /// No hash section at all.
    #[error("cannot use release file: it lists no files")]
    NoFiles,
}

impl Explain for ReleaseError {
    fn kind(&self) -> Kind {
        match self {
            ReleaseError::WeakOnly { .. } => Kind::Trust,
            _ => Kind::Input,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            ReleaseError::WeakOnly { .. } => Some(
                "ask the archive's owner to publish SHA256 or SHA512; MD5 and SHA-1 can be forged".into(),
            ),
            ReleaseError::NoFiles => Some("check that the URL names an apt repository".into()),
            _ => Some("the archive publishes a malformed file; tell its owner, or use another mirror".into()),
        }
    }
}

/// Reads a release file (the signed text of `InRelease`, or `Release`).
pub fn parse_release(text: &[u8]) -> Result<Release, ReleaseError> {
    let mut release = Release::default();
    let mut seen: Vec<String> = Vec::new();
    let mut section = None;
    let mut ended = false;
    for (i, line) in text.split(|b| *b == b'\n').enumerate() {
        let syntax = |why| ReleaseError::Syntax { line: i + 1, why };
        let line = std::str::from_utf8(line).map_err(|_| syntax("it is not UTF-8"))?;
        let line = line.strip_suffix('\r').unwrap_or(line);
        if line.bytes().any(|b| b < b' ' && b != b'\t') {
            return Err(syntax("it has a control character"));
        }
        if line.trim().is_empty() {
            // The paragraph ends; nothing may follow it, or two readers could see two releases.
            ended = !seen.is_empty();
            continue;
        }
        if ended {
            return Err(syntax("a second paragraph begins; a release file has one"));
        }
        if line.starts_with([' ', '\t']) {
            match section {
                None if seen.is_empty() => {
                    return Err(syntax("it continues a field, but there is none before it"));
                }
                None => {}
                Some(hash) => release.take_file(hash, line.trim(), i + 1)?,
            }
            continue;
        }
        let (field, value) = line.split_once(':').ok_or_else(|| syntax("it has no colon"))?;
        if field.is_empty() || field.contains([' ', '\t']) {
            return Err(syntax("a field's name is one word"));
        }
        let lower = field.to_ascii_lowercase();
        if seen.contains(&lower) {
            return Err(ReleaseError::Duplicate { line: i + 1, field: field.to_owned() });
        }
        section = Hash::of_field(&lower);
        if section.is_some() && !value.trim().is_empty() {
            return Err(syntax("a list of files begins on the next line"));
        }
        release.take_field(&lower, value.trim())?;
        seen.push(lower);
    }
    release.refuse_weak(&seen)?;
    Ok(release)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Hash {
    Sha256,
    Sha512,
    /// Read past: MD5 and SHA-1.
    Weak,
}

impl Hash {
    fn of_field(lower: &str) -> Option<Hash> {
        match lower {
            "sha256" => Some(Hash::Sha256),
            "sha512" => Some(Hash::Sha512),
            "md5sum" | "sha1" => Some(Hash::Weak),
            _ => None,
        }
    }
}

impl Release {
    fn take_field(&mut self, lower: &str, value: &str) -> Result<(), ReleaseError> {
        let words = || value.split_whitespace().map(str::to_owned).collect();
        let time = |field| match date::parse(value) {
            Some(seconds) => Ok(Some(seconds)),
            None => Err(ReleaseError::Date { field, text: value.to_owned() }),
        };
        match lower {
            "origin" => self.origin = value.to_owned(),
            "label" => self.label = value.to_owned(),
            "suite" => self.suite = value.to_owned(),
            "codename" => self.codename = value.to_owned(),
            "version" => self.version = value.to_owned(),
            "date" => self.date = time("Date")?,
            "valid-until" => self.valid_until = time("Valid-Until")?,
            "acquire-by-hash" => self.acquire_by_hash = is_yes(value),
            "notautomatic" => self.not_automatic = is_yes(value),
            "butautomaticupgrades" => self.but_automatic_upgrades = is_yes(value),
            "components" => self.components = words(),
            "architectures" => self.architectures = words(),
            "no-support-for-architecture-all" => {
                self.all_in_arch_indexes = value.split_whitespace().any(|w| w == "Packages");
            }
            _ => {}
        }
        Ok(())
    }

    fn take_file(&mut self, hash: Hash, text: &str, line: usize) -> Result<(), ReleaseError> {
        let syntax = |why| ReleaseError::Syntax { line, why };
        let mut words = text.split_ascii_whitespace();
        let (Some(hex), Some(size), Some(path), None) =
            (words.next(), words.next(), words.next(), words.next())
        else {
            return Err(syntax("expected a hash, a size and a path"));
        };
        let algorithm = match hash {
            Hash::Weak => return Ok(()),
            Hash::Sha256 => Algorithm::Sha256,
            Hash::Sha512 => Algorithm::Sha512,
        };
        let digest = Digest::from_hex(algorithm, hex).map_err(|_| syntax("the hash is malformed"))?;
        let plain = !size.is_empty() && size.bytes().all(|b| b.is_ascii_digit());
        let size =
            size.parse::<u64>().ok().filter(|_| plain).ok_or_else(|| syntax("the size is not a number"))?;
        let fail = |why| ReleaseError::File { line, path: path.to_owned(), why };
        if !is_inside(path) {
            return Err(fail("leaves the archive"));
        }
        let entry =
            self.files.entry(path.to_owned()).or_insert(ReleaseFile { size, sha256: None, sha512: None });
        if entry.size != size {
            return Err(fail("stands with two sizes"));
        }
        let slot = if algorithm == Algorithm::Sha256 { &mut entry.sha256 } else { &mut entry.sha512 };
        if slot.is_some_and(|old| old != digest) {
            return Err(fail("stands twice in one list, with two hashes"));
        }
        *slot = Some(digest);
        Ok(())
    }

    fn refuse_weak(&self, seen: &[String]) -> Result<(), ReleaseError> {
        let offered: Vec<&str> =
            seen.iter().map(String::as_str).filter(|f| Hash::of_field(f).is_some()).collect();
        match offered.as_slice() {
            [] => Err(ReleaseError::NoFiles),
            lists if lists.iter().all(|f| Hash::of_field(f) == Some(Hash::Weak)) => {
                Err(ReleaseError::WeakOnly { offered: lists.join(", ") })
            }
            _ => Ok(()),
        }
    }

    /// apt's default pin for it: 500; 1 if NotAutomatic; 100 if ButAutomaticUpgrades too (apt_preferences(5)).
    pub fn default_priority(&self) -> i32 {
        match (self.not_automatic, self.but_automatic_upgrades) {
            (false, _) => 500,
            (true, true) => 100,
            (true, false) => 1,
        }
    }

    /// Where a file of the release also lies under its digest, so that a mirror that is being
    /// updated serves a consistent set: `dir/by-hash/SHA256/HEX`.
    pub fn by_hash(&self, path: &str, digest: &Digest) -> Option<String> {
        if !self.acquire_by_hash {
            return None;
        }
        let name = match digest.algorithm() {
            Algorithm::Sha256 => "SHA256",
            Algorithm::Sha512 => "SHA512",
        };
        let directory = path.rsplit_once('/').map_or(String::new(), |(d, _)| format!("{d}/"));
        Some(format!("{directory}by-hash/{name}/{}", digest.hex()))
    }

    /// The indexes to read for a component and an architecture, best compression of each; also that
    /// of `all` where the archive keeps those records apart. Empty if the release has none.
    pub fn package_indexes(&self, component: &str, arch: &str) -> Vec<IndexFile> {
        // `Components: updates/main` beside `main/binary-amd64`: the prefix is the suite's, not the path's.
        let component = component.rsplit_once('/').map_or(component, |(_, last)| last);
        let mut arches = vec![arch];
        if arch != "all" && !self.all_in_arch_indexes && self.architectures.iter().any(|a| a == "all") {
            arches.push("all");
        }
        arches.iter().filter_map(|a| self.index_file(&format!("{component}/binary-{a}/Packages"))).collect()
    }

    /// The index of a flat repository (`deb URL ./`), whose files stand beside the release file.
    pub fn flat_index(&self) -> Option<IndexFile> {
        self.index_file("Packages").or_else(|| self.index_file("./Packages"))
    }

    fn index_file(&self, plain: &str) -> Option<IndexFile> {
        let plain_size = self.files.get(plain).map(|f| f.size);
        [(".xz", Compression::Xz), (".gz", Compression::Gzip), ("", Compression::None)].iter().find_map(
            |(end, compression)| {
                let path = format!("{plain}{end}");
                let file = self.files.get(&path)?;
                let digest = file.strongest()?;
                Some(IndexFile { compression: *compression, size: file.size, digest, plain_size, path })
            },
        )
    }
}

impl trust::Names for Release {
    fn file(&self, path: &str) -> Option<trust::Expectation> {
        let file = self.files.get(path)?;
        Some(trust::Expectation { size: file.size, digest: file.strongest()? })
    }
}

/// Is a path relative, without `..` and control characters?
pub(crate) fn is_inside(path: &str) -> bool {
    !path.is_empty()
        && !path.starts_with('/')
        && !path.split('/').any(|part| part == "..")
        && !path.bytes().any(|b| b < b' ' || b == 0x7f || b == b'\\')
}

fn is_yes(value: &str) -> bool {
    // apt's StringToBool.
    ["yes", "true", "with", "on", "enable", "1"].iter().any(|w| value.eq_ignore_ascii_case(w))
}

#[cfg(test)]
#[path = "release_tests.rs"]
mod tests;
