//! `.SIGN.ALG.KEY`: the first part of a signed file.

use std::io::Read;

use bstr::ByteSlice;
use rootfs::tar;
use trust::{RsaHash, RsaSignature};

use crate::{ApkError, Limits, Part};

const PREFIX: &[u8] = b".SIGN.";

/// Does an unpacked part, or the beginning of one, hold signatures? Its first member says so; a name
/// that is too long for a plain header comes behind another.
pub(crate) fn holds_signatures(part: &[u8]) -> bool {
    if part.starts_with(PREFIX) {
        return true;
    }
    let limits = tar::Limits { body_bytes: u64::MAX, open_end: true, ..tar::Limits::default() };
    let first = tar::Reader::new(part, limits).next();
    first.is_ok_and(|member| member.is_some_and(|m| m.path.starts_with(PREFIX)))
}

/// The signatures in an unpacked first part; none where it holds none, which means that the file is not
/// signed and the part is the next one.
pub(crate) fn signatures_of(part: &[u8], limits: &Limits) -> Result<Option<Vec<RsaSignature>>, ApkError> {
    if !holds_signatures(part) {
        return Ok(None);
    }
    let tar_limits = tar::Limits {
        members: 64,
        body_bytes: limits.signature_bytes,
        open_end: true,
        ..tar::Limits::default()
    };
    let failed = |e| ApkError::tar(Part::Signatures, e);
    let mut reader = tar::Reader::new(part, tar_limits);
    let mut signatures = Vec::new();
    while let Some(member) = reader.next().map_err(failed)? {
        let wrong = |why| ApkError::Member { part: Part::Signatures, path: member.path.clone(), why };
        if member.kind != tar::Kind::File {
            return Err(wrong("it is not a plain file"));
        }
        let named = member.path.strip_prefix(PREFIX).and_then(|rest| rest.split_once_str(".")?.into());
        let (hash, key): (&[u8], &[u8]) = named.ok_or_else(|| wrong("it is not named .SIGN.KIND.KEY"))?;
        let key = key.to_str().map_err(|_| wrong("the name of its key is not text"))?.to_owned();
        let hash = match hash {
            b"RSA" => Some(RsaHash::Sha1),
            b"RSA256" => Some(RsaHash::Sha256),
            b"RSA512" => Some(RsaHash::Sha512),
            _ => None,
        };
        let mut bytes = Vec::new();
        reader.read_to_end(&mut bytes).map_err(|e| failed(e.into()))?;
        signatures.push(RsaSignature { key, hash, bytes });
    }
    Ok(Some(signatures))
}

#[cfg(test)]
mod tests {
    use testkit::tar::{Entry, tar};

    use super::*;

    #[test]
    fn a_key_with_a_long_name_is_found() {
        let key = format!("{}.rsa.pub", "k".repeat(150));
        let part = tar(&[Entry::file(format!(".SIGN.RSA256.{key}"), 0o644, "sum")]);
        let found = signatures_of(&part, &Limits::default()).unwrap().unwrap();
        assert_eq!((found[0].key.as_str(), found[0].hash), (key.as_str(), Some(RsaHash::Sha256)));
        let control = tar(&[Entry::file(".PKGINFO", 0o644, "pkgname = a")]);
        assert_eq!(signatures_of(&control, &Limits::default()).unwrap(), None);
        let unnamed = tar(&[Entry::file(".SIGN.RSA", 0o644, "sum")]);
        assert!(matches!(signatures_of(&unnamed, &Limits::default()), Err(ApkError::Member { .. })));
    }
}
