//! What stands before a package's data, taken apart while bytes come in.

use flate2::{Decompress, FlushDecompress, Status};
use package::Sha1;
use trust::RsaSignature;

use crate::member_signature::signatures_of;
use crate::{ApkError, ControlFiles, Limits, Part};

/// Signatures and control part of a package.
pub(crate) struct Head {
    pub(crate) signatures: Vec<RsaSignature>,
    /// The control part as it came: what the signatures are over.
    pub(crate) signed: Vec<u8>,
    pub(crate) files: ControlFiles,
}

/// Takes bytes in pieces of any size until the control part is whole. Holds the compressed and the
/// unpacked bytes of one part, both bounded.
pub(crate) struct HeadReader {
    limits: Limits,
    expected: Option<Sha1>,
    member: Member,
    signatures: Option<Vec<RsaSignature>>,
    begun: Vec<u8>,
    agreed: bool,
}

impl HeadReader {
    /// Without `expected`, what the control part is is not judged.
    pub(crate) fn new(limits: &Limits, expected: Option<Sha1>) -> HeadReader {
        let member = Member::new(limits.control_bytes);
        HeadReader {
            limits: limits.clone(),
            expected,
            member,
            signatures: None,
            begun: Vec::new(),
            agreed: false,
        }
    }

    /// Takes the next bytes; the head once it is whole, with the number of these bytes that belong to
    /// it.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> Result<Option<(Head, usize)>, ApkError> {
        self.check_magic(bytes)?;
        let mut taken = 0;
        while taken < bytes.len() {
            let part = if self.signatures.is_some() { Part::Control } else { Part::Signatures };
            let (used, ended) = self.member.push(&bytes[taken..], part)?;
            taken += used;
            if !ended {
                continue;
            }
            let member = std::mem::replace(&mut self.member, Member::new(self.limits.control_bytes));
            if self.signatures.is_none()
                && let Some(found) = signatures_of(&member.unpacked, &self.limits)?
            {
                let limit = self.limits.signature_bytes;
                if member.raw.len().max(member.unpacked.len()) as u64 > limit {
                    return Err(ApkError::TooLarge { what: Part::Signatures.to_string(), limit });
                }
                self.signatures = Some(found);
                continue;
            }
            return Ok(Some((self.head(member)?, taken)));
        }
        Ok(None)
    }

    /// Has the control part come, and is it the one that was expected?
    pub(crate) fn agreed(&self) -> bool {
        self.agreed
    }

    /// All bytes have come, and the head is not whole.
    pub(crate) fn unfinished(&self) -> ApkError {
        if self.begun.len() < 2 {
            return ApkError::NotApk;
        }
        let part = if self.signatures.is_some() { Part::Control } else { Part::Signatures };
        ApkError::Truncated { part }
    }

    /// Says of what is not a package at all what it is.
    fn check_magic(&mut self, bytes: &[u8]) -> Result<(), ApkError> {
        let wanted = 4 - self.begun.len();
        if wanted == 0 {
            return Ok(());
        }
        self.begun.extend_from_slice(&bytes[..bytes.len().min(wanted)]);
        check_format(&self.begun)
    }

    /// The hash comes first: only of bytes that are those expected it is said that they are malformed.
    fn head(&mut self, control: Member) -> Result<Head, ApkError> {
        let sha1_checked::CollisionResult::Ok(hash) = sha1_checked::Sha1::try_digest(&control.raw) else {
            return Err(ApkError::Collision);
        };
        let found = Sha1(hash.into());
        if let Some(expected) = self.expected.filter(|c| *c != found) {
            return Err(ApkError::ControlHash { expected, found });
        }
        self.agreed = self.expected.is_some();
        let mut files = ControlFiles::read(&control.unpacked, &self.limits)?;
        files.control = found;
        Ok(Head { signatures: self.signatures.take().unwrap_or_default(), signed: control.raw, files })
    }
}

/// Refuses what does not begin as a file of format 2 does; a shorter beginning is let pass.
pub(crate) fn check_format(begun: &[u8]) -> Result<(), ApkError> {
    if begun.starts_with(b"ADB") {
        return Err(ApkError::Format3);
    }
    let same = begun.len().min(2);
    if begun[..same] != [0x1f, 0x8b][..same] { Err(ApkError::NotApk) } else { Ok(()) }
}

/// A gzip stream (RFC 1952, one member) on its way in, kept both ways.
pub(crate) struct Member {
    inflate: Decompress,
    limit: u64,
    pub(crate) raw: Vec<u8>,
    pub(crate) unpacked: Vec<u8>,
}

impl Member {
    /// A stream of at most `limit` bytes, compressed or not.
    pub(crate) fn new(limit: u64) -> Member {
        Member { inflate: Decompress::new_gzip(15), limit, raw: Vec::new(), unpacked: Vec::new() }
    }

    /// Takes bytes up to the end of the stream: how many, and whether that is it.
    pub(crate) fn push(&mut self, bytes: &[u8], part: Part) -> Result<(usize, bool), ApkError> {
        let mut used = 0;
        loop {
            if self.unpacked.capacity() - self.unpacked.len() < 4096 {
                self.unpacked.reserve(64 << 10);
            }
            let (before, had) = (self.inflate.total_in(), self.unpacked.len());
            let rest = &bytes[used..];
            let status = self
                .inflate
                .decompress_vec(rest, &mut self.unpacked, FlushDecompress::None)
                .map_err(|e| ApkError::Gzip { part, cause: said(&e) })?;
            let took = (self.inflate.total_in() - before) as usize;
            self.raw.extend_from_slice(&rest[..took]);
            used += took;
            if self.raw.len() as u64 > self.limit || self.unpacked.len() as u64 > self.limit {
                return Err(ApkError::TooLarge { what: part.to_string(), limit: self.limit });
            }
            match status {
                Status::StreamEnd => return Ok((used, true)),
                // Room was left for output, so a stream that gives and takes nothing waits for bytes.
                _ if used == bytes.len() && self.unpacked.len() == had => return Ok((used, false)),
                Status::BufError if took == 0 && self.unpacked.len() == had => return Ok((used, false)),
                _ => {}
            }
        }
    }
}

fn said(error: &flate2::DecompressError) -> String {
    error.message().map_or_else(|| "the gzip stream is damaged".to_owned(), str::to_owned)
}
