//! `.SIGN.ALG.KEY`: the first part of a signed file.

use std::io::Read;

use bstr::ByteSlice;
use rootfs::tar;
use trust::{RsaHash, RsaSignature};

use crate::{ApkError, Limits, Part};

const PREFIX: &[u8] = b".SIGN.";

/// The signatures in an unpacked first part; none where its first member is no signature, which means
/// that the file is not signed and the part is the next one.
pub(crate) fn signatures_of(part: &[u8], limits: &Limits) -> Result<Option<Vec<RsaSignature>>, ApkError> {
    // The name field of the first header, before anything is believed of the rest.
    if !part.starts_with(PREFIX) {
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
