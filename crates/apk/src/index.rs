//! APKINDEX.tar.gz: the signed list of a repository's packages (apk-index(5)).
//!
//! A gzip stream with signatures, then a gzip stream with a tar of `DESCRIPTION` and `APKINDEX`; the
//! signatures are over all bytes after the first stream.

use std::io::Read;

use bstr::{BString, ByteSlice};
use flate2::bufread::MultiGzDecoder;
use oci::Digest;
use package::{Arch, Identity, RecordDraft, Sha1, ShelfBuilder, World, parse_dependencies};
use rootfs::tar;
use trust::{RsaKeyring, RsaSignature, Verified, verify_rsa};

use crate::head::{Member, check_format};
use crate::limits::Capped;
use crate::member_signature::{holds_signatures, signatures_of};
use crate::{ApkError, Limits, Part};

/// An index taken apart, nothing believed yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signed<'a> {
    /// The signatures; empty for an index that is not signed.
    pub signatures: Vec<RsaSignature>,
    /// What they are over: the index itself.
    pub bytes: &'a [u8],
}

/// Takes the signatures off an index.
///
/// # Errors
/// It is no index of format 2, or larger than `limits` allow.
pub fn signed_part<'a>(bytes: &'a [u8], limits: &Limits) -> Result<Signed<'a>, ApkError> {
    match check_format(bytes) {
        _ if bytes.is_empty() => return Err(ApkError::NotIndex { why: "the file is empty" }),
        Err(ApkError::NotApk) => {
            return Err(ApkError::NotIndex { why: "no gzip stream at its beginning" });
        }
        Ok(()) if bytes.len() < 2 => return Err(ApkError::NotIndex { why: "it has one byte" }),
        other => other?,
    }
    if bytes.len() as u64 > limits.index_bytes {
        return Err(ApkError::TooLarge { what: Part::Index.to_string(), limit: limits.index_bytes });
    }
    let unsigned = Signed { signatures: Vec::new(), bytes };
    let mut first = Member::new(limits.signature_bytes);
    let (used, ended) = match first.push(bytes, Part::Signatures) {
        Ok(found) => found,
        // The records themselves: far more than signatures may take.
        Err(ApkError::TooLarge { .. }) if !holds_signatures(&first.unpacked) => return Ok(unsigned),
        Err(error) => return Err(error),
    };
    match signatures_of(&first.unpacked, limits)? {
        Some(_) if !ended => Err(ApkError::Truncated { part: Part::Signatures }),
        Some(signatures) => Ok(Signed { signatures, bytes: &bytes[used..] }),
        None => Ok(unsigned),
    }
}

/// Verifies an index: one good signature by a key of `keys` is enough. The receipt names the whole
/// file by its digest, and the keys.
///
/// # Errors
/// None is good ([`ApkError::Signature`]), or it is no index.
pub fn verify<'a>(
    bytes: &'a [u8],
    keys: &RsaKeyring,
    limits: &Limits,
) -> Result<Verified<&'a [u8]>, ApkError> {
    let signed = signed_part(bytes, limits)?;
    Ok(verify_rsa(signed.bytes, Digest::of(bytes), &signed.signatures, keys)?)
}

/// The records of an index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Index {
    /// `DESCRIPTION`: the repository's own words of its state, as `v3.19.1-21-g0a1b2c3`.
    pub description: BString,
    /// The records, as the bytes of a [`package::Shelf`].
    pub shelf: Vec<u8>,
}

/// Reads an index without its signatures ([`Signed::bytes`]). `arch` is the architecture of the folder
/// that it lies in: packages lie beside it, as `ARCH/NAME-VERSION.apk` of the repository.
///
/// A record with a field in capitals that is not known here is kept and marked uninstallable, as apk
/// does, and so is one whose dependencies cannot be read. Unknown fields in small letters are passed
/// over.
///
/// # Errors
/// It is damaged, a record says nothing sensible, or it is larger than `limits` allow.
pub fn read_index(signed: &[u8], arch: &Arch, limits: &Limits) -> Result<Index, ApkError> {
    let folder = arch.apk().map_err(|e| ApkError::Index { line: 0, why: e.to_string() })?;
    let unpacked = Capped::new(MultiGzDecoder::new(signed), limits.index_text_bytes);
    let tar_limits = tar::Limits {
        members: 64,
        body_bytes: limits.index_text_bytes,
        // apk itself ends the archive as it should; melange and apko do not.
        open_end: true,
        ..tar::Limits::default()
    };
    let failed = |e| ApkError::tar(Part::Index, e);
    let mut reader = tar::Reader::new(unpacked, tar_limits);
    let (mut description, mut shelf) = (BString::default(), None);
    while let Some(member) = reader.next().map_err(failed)? {
        let mut body = Vec::new();
        let wanted =
            member.kind == tar::Kind::File && [&b"APKINDEX"[..], b"DESCRIPTION"].contains(&&member.path[..]);
        if wanted {
            reader.read_to_end(&mut body).map_err(|e| failed(e.into()))?;
        }
        if member.path == "DESCRIPTION" {
            description = body.trim_ascii().into();
        } else if wanted && shelf.is_some() {
            let why = "it stands there twice";
            return Err(ApkError::Member { part: Part::Index, path: member.path, why });
        } else if wanted {
            shelf = Some(read_records(&body, folder, limits)?);
        }
    }
    let shelf = shelf.ok_or(ApkError::Missing { part: Part::Index, what: "APKINDEX" })?;
    Ok(Index { description, shelf })
}

/// Reads the text of `APKINDEX` alone: records of `X:value` lines, separated by blank lines. Gives the
/// bytes of a [`package::Shelf`]. `folder` is where the packages lie, an architecture in apk's word.
///
/// # Errors
/// As [`read_index`].
pub fn read_records(text: &[u8], folder: &str, limits: &Limits) -> Result<Vec<u8>, ApkError> {
    let mut shelf = ShelfBuilder::new(World::Apk);
    let mut record = Fields::default();
    let mut first_line = 1;
    let lines = text.lines();
    for (number, line) in (1..).zip(lines.chain([&b""[..]])) {
        if line.len() > limits.line_bytes {
            let limit = limits.line_bytes as u64;
            return Err(ApkError::TooLarge { what: format!("line {number} of the index"), limit });
        }
        if line.is_empty() {
            record.put(&mut shelf, folder).map_err(|why| ApkError::Index { line: first_line, why })?;
            (record, first_line) = (Fields::default(), number + 1);
            continue;
        }
        record.take(line).map_err(|why| ApkError::Index { line: number, why })?;
    }
    Ok(shelf.finish())
}

/// A record while it is read.
#[derive(Default)]
struct Fields<'a> {
    draft: RecordDraft<'a>,
    identity: Option<Sha1>,
    any: bool,
}

impl<'a> Fields<'a> {
    fn take(&mut self, line: &'a [u8]) -> Result<(), String> {
        let &[key, b':', ref value @ ..] = line else {
            return Err("it is not `X:value`".to_owned());
        };
        self.any = true;
        let draft = &mut self.draft;
        match key {
            b'P' => draft.name = text(value)?,
            b'V' => draft.version = text(value)?,
            b'A' => draft.arch = text(value)?,
            b'o' => draft.source = text(value)?,
            b'D' => draft.depends = text(value)?,
            b'p' => draft.provides = text(value)?,
            b'i' => draft.install_if = text(value)?,
            b'r' => draft.replaces = text(value)?,
            b'c' => draft.commit = text(value)?,
            b'S' => draft.size = number(value)?,
            b'I' => draft.installed_size = number(value)?,
            b't' => draft.build_time = number(value)?,
            b'k' => {
                draft.provider_priority =
                    u32::try_from(number(value)?).map_err(|_| "`k:` is too large".to_owned())?;
            }
            // Only SHA-1 (`Q1`) is an identity of format 2; another kind is of a future apk.
            b'C' => match Sha1::from_q1(text(value)?) {
                Some(sha1) => self.identity = Some(sha1),
                None => draft.uninstallable = true,
            },
            b'T' | b'U' | b'L' => {}
            future if future.is_ascii_uppercase() => draft.uninstallable = true,
            _ => {}
        }
        Ok(())
    }

    fn put(mut self, shelf: &mut ShelfBuilder, folder: &str) -> Result<(), String> {
        if !self.any {
            return Ok(());
        }
        let (name, version) = (self.draft.name, self.draft.version);
        for (what, value) in [("name (P:)", name), ("version (V:)", version)] {
            if value.is_empty() {
                return Err(format!("the record has no {what}"));
            }
            if value.contains(|c: char| c == '/' || c.is_control() || c.is_whitespace())
                || value.starts_with('.')
            {
                return Err(format!("the record's {what} is not one"));
            }
        }
        let path = format!("{folder}/{name}-{version}.apk");
        let draft = &mut self.draft;
        draft.identity = self.identity.map(Identity::ApkControl);
        // Without an identity nothing ties a file to the index.
        draft.uninstallable |= self.identity.is_none();
        let lists = [&mut draft.depends, &mut draft.provides, &mut draft.install_if, &mut draft.replaces];
        for list in lists {
            if parse_dependencies(list).any(|d| d.is_err()) {
                (*list, draft.uninstallable) = ("", true);
            }
        }
        let arch = debian_word(draft.arch, folder);
        shelf.push(&RecordDraft { path: &path, arch: &arch, ..*draft }).map_err(|e| e.to_string())
    }
}

/// The architecture in the word that all of distil uses.
fn debian_word(apk: &str, folder: &str) -> String {
    match apk {
        "noarch" | "all" => Arch::all().as_str().to_owned(),
        "" => debian_word(folder, folder),
        word => Arch::from_apk(word).map_or_else(|_| word.to_owned(), |a| a.as_str().to_owned()),
    }
}

fn text(value: &[u8]) -> Result<&str, String> {
    value.to_str().map_err(|_| "it is not UTF-8".to_owned())
}

fn number(value: &[u8]) -> Result<u64, String> {
    let number = value.to_str().ok().and_then(|t| t.parse().ok());
    number.ok_or_else(|| "it is not a number".to_owned())
}

#[cfg(test)]
#[path = "index_tests.rs"]
mod tests;
