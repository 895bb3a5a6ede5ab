use std::collections::HashMap;
use std::io::{self, BufRead, BufReader, Cursor, Read, Write};

use bstr::BString;
use elf::FactReader;
use flate2::bufread::GzDecoder;
use oci::{Digest, Hasher};
use package::Sha1;
use rootfs::payload::{self, EntryId, PayloadError};
use rootfs::tar;
use sha1::Digest as _;
use trust::{Receipt, RsaKeyring, RsaVerifyError, verify_rsa};

use crate::head::{Head, HeadReader};
use crate::limits::Capped;
use crate::{ApkError, ControlFiles, Limits, ListedFile, NamedOwner, Part};

/// Part of a payload's cache key, beside the package's digest and [`payload::REVISION`]: counts up
/// when [`unpack`] would make another payload of the same package.
pub const REVISION: u32 = 3;

/// The name of the payload's part that holds [`ControlFiles::encode`].
pub const CONTROL_PART: &str = "apk";

/// What a package must agree with.
#[derive(Debug, Clone, Copy, Default)]
pub struct Proof<'a> {
    /// `C:` of a verified index. Without it, the package's own signature is all there is.
    pub control: Option<Sha1>,
    /// The keys that are trusted; without them no signature is looked at.
    pub keys: Option<&'a RsaKeyring>,
}

/// What was unpacked.
#[derive(Debug)]
pub struct Unpacked {
    /// What the package says of itself.
    pub files: ControlFiles,
    /// Whose good signature it carries, over the control part, if one of a trusted key.
    pub signed: Option<Receipt>,
}

/// Reads a package, front to back, into a payload: its files, what they are (see [`elf::fact_of`]),
/// and its control files as the part [`CONTROL_PART`]. The caller finishes the payload.
///
/// Checked on the way: the control part against `proof`; its own signatures, where keys are given (a
/// bad signature by a trusted key is refused always; an unknown key or none at all only where nothing
/// else vouches); the data against `datahash`; each file against the sum beside it. Devices and FIFOs
/// are refused: no package of Alpine's has one. Like apk, files whose names begin with a dot are
/// passed over where they stand in the root before all others.
///
/// # Errors
/// Each way of being malformed or untrue is its own [`ApkError`]; what was written so far is worthless
/// then. Where the data is not what `datahash` says, that is the error, whatever was seen first.
pub fn unpack<W: Write>(
    mut package: impl Read,
    proof: &Proof<'_>,
    limits: &Limits,
    out: &mut payload::Writer<W>,
) -> Result<Unpacked, ApkError> {
    let (head, rest) = read_head(&mut package, limits, proof.control)?;
    let signed = head.verify(proof)?;
    let mut files = head.files;
    let missing = ApkError::Missing { part: Part::Control, what: "datahash" };
    let expected = files.info.data_hash.ok_or(missing)?;
    let mut data = Data::new(Cursor::new(rest).chain(package));
    let cap = limits.data_cap(files.info.size);
    match unpack_data(&mut data, limits, cap, &mut files, out) {
        Ok(()) => data.check(expected)?,
        // Not readable to its end, so there is no hash to compare.
        Err(
            error @ (ApkError::Io(_)
            | ApkError::Truncated { .. }
            | ApkError::Garbage { .. }
            | ApkError::TooLarge { .. }),
        ) => return Err(error),
        Err(error) => {
            // A changed byte is seen as a broken tar, or as a file with another sum; what matters is
            // that the bytes are not those that were signed.
            data.check(expected)?;
            return Err(error);
        }
    }
    out.extra(CONTROL_PART, &files.encode()).map_err(refused)?;
    Ok(Unpacked { files, signed })
}

/// Reads only the control part and stops there; for a look at many packages. Nothing is verified.
///
/// # Errors
/// It is no package, or a malformed one.
pub fn read_control_files(mut package: impl Read, limits: &Limits) -> Result<ControlFiles, ApkError> {
    let (head, _) = read_head(&mut package, limits, None)?;
    Ok(head.files)
}

/// Whose good signature a package carries itself, over its control part; none where it has none, or only
/// by keys that are not among `keys`. Reads as far as that.
///
/// # Errors
/// It is no package, or a key of `keys` made no such signature.
pub fn own_signature(
    mut package: impl Read,
    keys: &RsaKeyring,
    limits: &Limits,
) -> Result<Option<Receipt>, ApkError> {
    let (head, _) = read_head(&mut package, limits, None)?;
    // The sum of the control part is judged elsewhere: here it is as good as expected.
    head.verify(&Proof { control: Some(head.files.control), keys: Some(keys) })
}

/// The head, and what was read past it.
fn read_head(
    package: &mut impl Read,
    limits: &Limits,
    control: Option<Sha1>,
) -> Result<(Head, Vec<u8>), ApkError> {
    let mut reader = HeadReader::new(limits, control);
    let mut buffer = vec![0; 16 << 10];
    loop {
        let got = match package.read(&mut buffer) {
            Ok(0) => return Err(reader.unfinished()),
            Ok(got) => got,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
            Err(e) => return Err(e.into()),
        };
        if let Some((head, used)) = reader.push(&buffer[..got])? {
            return Ok((head, buffer[used..got].to_vec()));
        }
    }
}

impl Head {
    fn verify(&self, proof: &Proof<'_>) -> Result<Option<Receipt>, ApkError> {
        let Some(keys) = proof.keys else { return Ok(None) };
        match verify_rsa(self.signed.as_slice(), Digest::of(&self.signed), &self.signatures, keys) {
            Ok(verified) => Ok(Some(verified.receipt().clone())),
            Err(RsaVerifyError::NotSigned | RsaVerifyError::UnknownKey { .. }) if proof.control.is_some() => {
                Ok(None)
            }
            Err(error) => Err(error.into()),
        }
    }
}

fn unpack_data<R: Read, W: Write>(
    data: &mut Data<R>,
    limits: &Limits,
    cap: u64,
    files: &mut ControlFiles,
    out: &mut payload::Writer<W>,
) -> Result<(), ApkError> {
    let tar_limits =
        tar::Limits { members: limits.members, body_bytes: cap, plain_paths: true, ..tar::Limits::default() };
    // Headers count too: a data part of nothing but headers is bounded by what it may hold at all.
    let most = cap.saturating_add(limits.slack_bytes);
    let mut reader = tar::Reader::new(Capped::new(&mut *data, most), tar_limits);
    let mut begun = false;
    let mut sums: HashMap<BString, Option<Sha1>> = HashMap::new();
    while let Some(member) = reader.next().map_err(|e| data_error(ApkError::tar(Part::Data, e)))? {
        begun |= !member.path.starts_with(b".") || member.path.contains(&b'/');
        if !begun || member.path.is_empty() {
            continue;
        }
        if let tar::Kind::Special(_) = member.kind {
            let why = "it is a device or FIFO";
            return Err(ApkError::Member { part: Part::Data, path: member.path, why });
        }
        files.owners.extend(named_owner(&member));
        if let Some(file) = unpack_member(member, &mut reader, limits, &sums, out)? {
            sums.insert(file.path.clone(), file.sha1);
            files.files.push(file);
        }
    }
    // The check at the end of a packed stream comes only with its last byte.
    io::copy(data, &mut io::sink()).map_err(|e| data_error(ApkError::io(Part::Data, e)))?;
    Ok(())
}

/// The names of a member's owner, unless they are root's or none.
fn named_owner(member: &tar::Member) -> Option<NamedOwner> {
    let roots = |name: &BString, id: u32| name.is_empty() || (name == "root" && id == 0);
    let (path, user, group) = (member.path.clone(), member.user.clone(), member.group.clone());
    // Another name of a file is the file's owner's.
    let linked = matches!(member.kind, tar::Kind::Hardlink(_));
    let at_roots = roots(&user, member.uid) && roots(&group, member.gid);
    let fine = [&user, &group].iter().all(|n| n.len() <= 64 && !n.contains(&0));
    (fine && !linked && !at_roots).then_some(NamedOwner { path, user, group })
}

/// Takes one member; what apk lists of it, unless it was there already.
fn unpack_member<R: Read, W: Write>(
    member: tar::Member,
    body: &mut tar::Reader<R>,
    limits: &Limits,
    sums: &HashMap<BString, Option<Sha1>>,
    out: &mut payload::Writer<W>,
) -> Result<Option<ListedFile>, ApkError> {
    let path = member.path.clone();
    let kind = member.kind.clone();
    let declared = declared_sum(&member)?;
    let seen_before = out.find(&path).is_some();
    let mut sum = SumReader { body, sha1: sha1::Sha1::new() };
    let mut facts = FactReader::new(&mut sum, limits.elf_bytes.min(member.size));
    let id: EntryId = out.append(member, &mut facts).map_err(refused)?;
    if let Some(fact) = facts.fact() {
        out.fact(id, fact);
    }
    let found = match &kind {
        tar::Kind::File => Some(Sha1(sum.sha1.finalize().into())),
        tar::Kind::Symlink(target) => Some(sha1_of(target)),
        _ => None,
    };
    if let (Some(declared), Some(found)) = (declared, found)
        && declared != found
    {
        return Err(ApkError::FileHash { path });
    }
    let sha1 = match &kind {
        // apk notes the target's sum for another name of it.
        tar::Kind::Hardlink(target) => sums.get(target).copied().flatten(),
        _ => declared,
    };
    Ok((!seen_before).then_some(ListedFile { path, sha1 }))
}

/// The sum that stands in a member's header, as hexadecimal digits.
fn declared_sum(member: &tar::Member) -> Result<Option<Sha1>, ApkError> {
    let record = member.vendor.iter().find(|(key, _)| key == "APK-TOOLS.checksum.SHA1");
    let Some((_, value)) = record else { return Ok(None) };
    let text = std::str::from_utf8(value).ok();
    let why = "its APK-TOOLS.checksum.SHA1 is not 40 hexadecimal digits";
    let malformed = || ApkError::Member { part: Part::Data, path: member.path.clone(), why };
    text.and_then(Sha1::from_hex).map(Some).ok_or_else(malformed)
}

fn sha1_of(bytes: &[u8]) -> Sha1 {
    Sha1(sha1::Sha1::digest(bytes).into())
}

/// Hashes a body on its way.
struct SumReader<R> {
    body: R,
    sha1: sha1::Sha1,
}

impl<R: Read> Read for SumReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let got = self.body.read(buffer)?;
        self.sha1.update(&buffer[..got]);
        Ok(got)
    }
}

/// The data part: gzip streams to the end of the file, whose packed bytes are hashed.
struct Data<R: Read> {
    /// None once the end was seen.
    stream: Option<GzDecoder<BufReader<Tap<R>>>>,
    input: Option<BufReader<Tap<R>>>,
}

struct Tap<R> {
    inner: R,
    hasher: Hasher,
}

impl<R: Read> Read for Tap<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let got = self.inner.read(buffer)?;
        self.hasher.update(&buffer[..got]);
        Ok(got)
    }
}

/// Travels inside an [`io::Error`]: bytes after the last stream that are none.
#[derive(Debug, thiserror::Error)]
#[error("there is something after its end")]
struct AfterEnd;

impl<R: Read> Data<R> {
    fn new(inner: R) -> Data<R> {
        let tap = Tap { inner, hasher: Hasher::sha256() };
        Data { stream: Some(GzDecoder::new(BufReader::with_capacity(1 << 16, tap))), input: None }
    }

    /// Reads what is left of the file and compares its hash.
    fn check(self, expected: Digest) -> Result<(), ApkError> {
        let input = self.input.or_else(|| self.stream.map(GzDecoder::into_inner));
        // Lost with an error of the stream: what cannot be hashed is not the data that was named.
        let Some(input) = input else { return Err(ApkError::Truncated { part: Part::Data }) };
        let mut tap = input.into_inner();
        io::copy(&mut tap, &mut io::sink()).map_err(|e| ApkError::io(Part::Data, e))?;
        let found = tap.hasher.finish();
        if found == expected {
            return Ok(());
        }
        Err(ApkError::DataHash { expected: Box::new(expected), found: Box::new(found) })
    }
}

impl<R: Read> Read for Data<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while let Some(stream) = &mut self.stream {
            let got = stream.read(buffer)?;
            if got > 0 || buffer.is_empty() {
                return Ok(got);
            }
            let Some(mut input) = self.stream.take().map(GzDecoder::into_inner) else { break };
            match input.fill_buf()?.first() {
                None => self.input = Some(input),
                Some(0x1f) => self.stream = Some(GzDecoder::new(input)),
                Some(_) => {
                    self.input = Some(input);
                    return Err(io::Error::other(AfterEnd));
                }
            }
        }
        Ok(0)
    }
}

/// Finds [`AfterEnd`] in an error that came through the readers.
fn data_error(error: ApkError) -> ApkError {
    match error {
        ApkError::Io(e) if e.get_ref().is_some_and(|inner| inner.is::<AfterEnd>()) => {
            ApkError::Garbage { part: Part::Data }
        }
        ApkError::Tar { why: tar::TarError::Truncated { .. }, .. } => {
            ApkError::Truncated { part: Part::Data }
        }
        other => other,
    }
}

fn refused(error: PayloadError) -> ApkError {
    match error {
        PayloadError::Unwritten { error, .. } => ApkError::Io(error),
        // The readers' own errors come back through the body that the payload read.
        PayloadError::Io { error, .. } => data_error(ApkError::io(Part::Data, error)),
        other => ApkError::Payload(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_that_cannot_be_hashed_is_not_the_data_that_was_named() {
        let lost: Data<&[u8]> = Data { stream: None, input: None };
        let empty = Digest::of(b"");
        assert!(matches!(lost.check(empty), Err(ApkError::Truncated { part: Part::Data })));
    }
}
