use std::io::{self, Read};

use bstr::{BStr, BString, ByteSlice};

use super::BLOCK;
use super::number::{NumberError, parse_number, parse_signed};
use super::pax::{Records, Scope, parse_records};
use super::sparse::{GnuMap, Holes, Map, MapText, Run, Sparse, Step};
use crate::path::{PathError, normalise, normalise_foreign};
use crate::{Body, Device, Entry, MAX_PATH, Node, Owner, Xattr};

/// What a reader allows before it says no; the defaults fit any Debian package and most images.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Members.
    pub members: u64,
    /// Bytes of all bodies together.
    pub body_bytes: u64,
    /// Bytes of the PAX records or long names of one member.
    pub header_bytes: usize,
    /// Zero bytes after the end of the archive (tar pads to its record size).
    pub padding_bytes: u64,
    /// Accept an archive that just stops instead of ending with zero blocks, as the control and
    /// signature parts of apk packages do.
    pub open_end: bool,
    /// Refuse control characters (below U+0020, and U+007F) in paths. Package databases have a line a file,
    /// and dpkg and apk refuse such names for that; the user's own archives may have them.
    pub plain_paths: bool,
    /// Read what other tools' layers have and ours never: as Go's `archive/tar` reads it, by which Docker,
    /// containerd and Podman unpack. Leading slashes and `..` inside the tree are taken off, headers of before POSIX and
    /// sparse files are read, unknown PAX records and global headers are passed over, a link's size means no body, and
    /// what follows the end is not looked at. What no engine would unpack is refused still.
    pub foreign: bool,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            members: 1_000_000,
            body_bytes: 32 << 30,
            header_bytes: 1 << 20,
            padding_bytes: 1 << 20,
            open_end: false,
            plain_paths: false,
            foreign: false,
        }
    }
}

/// Why an archive is refused.
#[derive(Debug, thiserror::Error)]
pub enum TarError {
    /// The bytes could not be had.
    #[error("cannot read the tar archive: {0}")]
    Io(#[from] io::Error),
    /// It stops in the middle.
    #[error("cannot read the tar archive: it stops in the middle, at byte {at}")]
    Truncated {
        /// How many bytes there were.
        at: u64,
    },
    /// A header is malformed or says something that we refuse.
    #[error("cannot read the tar archive: the header at byte {at}: {why}")]
    Header {
        /// Where the header begins.
        at: u64,
        /// What is wrong.
        why: String,
    },
    /// A path or the target of a hard link is refused.
    #[error("cannot read the tar archive: member `{}`: {why}", shown(.path))]
    Path {
        /// As it stands in the archive.
        path: BString,
        /// What is wrong with it.
        why: PathError,
    },
    /// A member's fields contradict each other or are of a kind that we refuse.
    #[error("cannot read the tar archive: member `{}`: {why}", shown(.path))]
    Member {
        /// As it stands in the archive.
        path: BString,
        /// What is wrong with it.
        why: String,
    },
    /// More than the limits allow.
    #[error("cannot read the tar archive: more than {limit} {what}")]
    TooMuch {
        /// Of what.
        what: &'static str,
        /// The limit.
        limit: u64,
    },
    /// Something follows the end.
    #[error("cannot read the tar archive: there is something after its end, at byte {at}")]
    Trailing {
        /// Where.
        at: u64,
    },
}

/// A path as messages have it: what is wrong with one may be its length, or characters that move a cursor.
fn shown(path: &BString) -> String {
    let text = path.to_str_lossy();
    let (text, more) = match text.char_indices().nth(100) {
        Some((at, _)) => (&text[..at], "…"),
        None => (&*text, ""),
    };
    let escaped = |c: char| if c.is_control() { c.escape_debug().to_string() } else { c.to_string() };
    text.chars().map(escaped).collect::<String>() + more
}

/// What a member is. Its body, if it has one, comes from the [`Reader`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// A directory.
    Dir,
    /// A regular file.
    File,
    /// A symbolic link, target as written.
    Symlink(BString),
    /// Another name of an earlier member, in a tree's form.
    Hardlink(BString),
    /// A device or FIFO.
    Special(Device),
}

/// The header of a member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// In a tree's form; empty for the root.
    pub path: BString,
    /// What it is.
    pub kind: Kind,
    /// Permission bits, `07777`.
    pub mode: u32,
    /// Numeric owner.
    pub uid: u32,
    /// Numeric group.
    pub gid: u32,
    /// The owner's name, as it stands in the header; empty where it has none.
    pub user: BString,
    /// The group's.
    pub group: BString,
    /// Seconds since the epoch.
    pub mtime: i64,
    /// Extended attributes, sorted by name.
    pub xattrs: Vec<Xattr>,
    /// Length of the body; 0 but for [`Kind::File`].
    pub size: u64,
    /// PAX records of apk (`APK-TOOLS.*`); those of other vendors are passed over.
    pub vendor: Vec<(BString, Vec<u8>)>,
}

impl Member {
    /// The entry of a tree, given where the body is.
    ///
    /// # Panics
    /// If a file comes without its body: the caller's bug.
    pub fn into_entry(self, body: Option<Body>, owner: Owner) -> Entry {
        let node = match self.kind {
            Kind::Dir => Node::Dir,
            Kind::File => Node::File(body.expect("a file has a body")),
            Kind::Symlink(target) => Node::Symlink(target),
            Kind::Hardlink(target) => Node::Hardlink(target),
            Kind::Special(device) => Node::Special(device),
        };
        let (path, mode, uid, gid) = (self.path, self.mode, self.uid, self.gid);
        Entry { path, node, mode, uid, gid, mtime: self.mtime, xattrs: self.xattrs, owner }
    }
}

/// A strict, streaming reader of one tar archive: [`Reader::next`] gives a header, then the reader
/// itself ([`Read`]) gives the body, until the next `next`. Memory is bounded by [`Limits`].
///
/// Refused beside the malformed: climbing or absolute paths, NUL in a path, sparse files, unknown
/// types, PAX records that repeat or contradict the ustar header, anything after the end.
pub struct Reader<R> {
    input: R,
    limits: Limits,
    at: u64,
    members: u64,
    bodies: u64,
    body_left: u64,
    pad_left: u64,
    /// Of a sparse body: where its bytes belong.
    holes: Option<Holes>,
    ended: bool,
}

/// What stood before a member's own header.
#[derive(Default)]
struct Prelude {
    records: Option<Records>,
    long_path: Option<BString>,
    long_link: Option<BString>,
    sparse: Option<GnuMap>,
}

impl<R: Read> Reader<R> {
    /// Reads an archive from its first byte.
    pub fn new(input: R, limits: Limits) -> Reader<R> {
        Reader {
            input,
            limits,
            at: 0,
            members: 0,
            bodies: 0,
            body_left: 0,
            pad_left: 0,
            holes: None,
            ended: false,
        }
    }

    /// The next member's header, or none at the end, which is then checked: only zero bytes follow.
    /// What is left of the current body is passed over.
    #[expect(clippy::should_implement_trait, reason = "an iterator could not lend the body")]
    pub fn next(&mut self) -> Result<Option<Member>, TarError> {
        if self.ended {
            return Ok(None);
        }
        self.skip_body()?;
        let mut prelude = Prelude::default();
        loop {
            let at = self.at;
            let Some(block) = self.read_block()? else {
                return self.end_open(&prelude);
            };
            if block.iter().all(|&b| b == 0) {
                return self.end(&prelude);
            }
            let foreign = self.limits.foreign;
            let header = UstarHeader::parse(&block, foreign).map_err(|why| TarError::Header { at, why })?;
            match header.kind {
                b'x' | b'g' | b'L' | b'K' => self.read_prelude(&header, at, &mut prelude)?,
                b'S' if foreign => {
                    let mut gnu = GnuMap::read(&block).map_err(|why| TarError::Header { at, why })?;
                    while gnu.goes_on {
                        let more = self.read_block()?.ok_or(TarError::Truncated { at: self.at })?;
                        gnu.read_more(&more).map_err(|why| TarError::Header { at, why })?;
                    }
                    prelude.sparse = Some(gnu);
                    return self.member(header, prelude).map(Some);
                }
                _ => return self.member(header, prelude).map(Some),
            }
        }
    }

    /// How many bytes of the archive were read; right after [`next`](Reader::next), where the body begins.
    pub fn position(&self) -> u64 {
        self.at
    }

    fn read_prelude(&mut self, header: &UstarHeader, at: u64, prelude: &mut Prelude) -> Result<(), TarError> {
        let fail = |why: &str| TarError::Header { at, why: why.to_owned() };
        let limit = self.limits.header_bytes;
        let size = usize::try_from(header.size).ok().filter(|&s| s <= limit);
        let size =
            size.ok_or(TarError::TooMuch { what: "bytes in an extended header", limit: limit as u64 })?;
        let bytes = self.read_extended(size)?;
        match header.kind {
            b'x' if prelude.records.is_some() => return Err(fail("two PAX headers for one member")),
            b'x' => {
                let scope = if self.limits.foreign { Scope::Foreign } else { Scope::Member };
                let records = parse_records(&bytes, scope).map_err(|why| TarError::Header { at, why })?;
                prelude.records = Some(records);
            }
            b'g' if self.limits.foreign => {}
            b'g' => {
                parse_records(&bytes, Scope::Global).map_err(|why| TarError::Header { at, why })?;
            }
            kind => {
                let slot = if kind == b'L' { &mut prelude.long_path } else { &mut prelude.long_link };
                if slot.is_some() {
                    return Err(fail("two long names for one member"));
                }
                let name = bytes.trim_end_with(|c| c == '\0');
                if name.contains(&0) || bytes.len() > MAX_PATH + BLOCK {
                    return Err(fail("a long name with a NUL byte in it, or longer than 4096 bytes"));
                }
                *slot = Some(name.into());
            }
        }
        Ok(())
    }

    fn member(&mut self, header: UstarHeader, prelude: Prelude) -> Result<Member, TarError> {
        self.members += 1;
        if self.members > self.limits.members {
            return Err(TarError::TooMuch { what: "members", limit: self.limits.members });
        }
        let foreign = self.limits.foreign;
        let (mut member, stored, sparse) = header.into_member(prelude, foreign)?;
        if self.limits.plain_paths && member.path.iter().any(u8::is_ascii_control) {
            return Err(TarError::Path { path: member.path, why: PathError::Control });
        }
        self.body_left = stored;
        self.pad_left = super::padding(stored) as u64;
        self.holes = None;
        if let Some(sparse) = sparse {
            let runs = match sparse.map {
                Map::Known(runs) => runs,
                // PAX 1.0 has it before the bytes, in blocks of their own.
                Map::InBody => self.read_map(&member)?,
            };
            let holes =
                Holes::new(runs, sparse.size, self.body_left).map_err(|why| refuse(&member.path, why))?;
            (member.size, self.holes) = (sparse.size, Some(holes));
        }
        self.bodies = self.bodies.saturating_add(member.size.max(stored));
        if self.bodies > self.limits.body_bytes {
            return Err(TarError::TooMuch { what: "bytes of content", limit: self.limits.body_bytes });
        }
        Ok(member)
    }

    /// The map of a sparse file in GNU's form 1.0: decimal numbers, a line each, padded to blocks.
    fn read_map(&mut self, member: &Member) -> Result<Vec<Run>, TarError> {
        let mut text = MapText::default();
        loop {
            if self.body_left < BLOCK as u64 {
                return Err(refuse(&member.path, "its map of holes does not end"));
            }
            let block = self.read_block()?.ok_or(TarError::Truncated { at: self.at })?;
            self.body_left -= BLOCK as u64;
            let most = self.limits.header_bytes / 16;
            if let Some(runs) = text.push(&block, most).map_err(|why| refuse(&member.path, why))? {
                return Ok(runs);
            }
        }
    }

    fn read_extended(&mut self, size: usize) -> Result<Vec<u8>, TarError> {
        // Grows as bytes come, so that a header that only claims to be long costs nothing.
        let mut bytes = Vec::new();
        let whole = (size + super::padding(size as u64)) as u64;
        let got = (&mut self.input).take(whole).read_to_end(&mut bytes)? as u64;
        self.at += got;
        if got != whole {
            return Err(TarError::Truncated { at: self.at });
        }
        bytes.truncate(size);
        Ok(bytes)
    }

    fn skip_body(&mut self) -> Result<(), TarError> {
        let left = self.body_left + self.pad_left;
        let got = io::copy(&mut (&mut self.input).take(left), &mut io::sink())?;
        self.at += got;
        (self.body_left, self.pad_left) = (0, 0);
        if got == left { Ok(()) } else { Err(TarError::Truncated { at: self.at }) }
    }

    /// None where the input ends instead of a block.
    fn read_block(&mut self) -> Result<Option<[u8; BLOCK]>, TarError> {
        let mut block = [0; BLOCK];
        let mut have = 0;
        while have < BLOCK {
            match self.input.read(&mut block[have..]) {
                Ok(0) => break,
                Ok(n) => have += n,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(e.into()),
            }
        }
        self.at += have as u64;
        match have {
            0 => Ok(None),
            BLOCK => Ok(Some(block)),
            _ => Err(TarError::Truncated { at: self.at }),
        }
    }

    fn end_open(&mut self, prelude: &Prelude) -> Result<Option<Member>, TarError> {
        if !(self.limits.open_end || self.limits.foreign) || !prelude.is_empty() {
            return Err(TarError::Truncated { at: self.at });
        }
        self.ended = true;
        Ok(None)
    }

    fn end(&mut self, prelude: &Prelude) -> Result<Option<Member>, TarError> {
        if !prelude.is_empty() {
            return Err(TarError::Truncated { at: self.at });
        }
        if self.limits.foreign {
            self.ended = true;
            return Ok(None);
        }
        let mut buffer = [0; 4096];
        let mut passed = 0;
        loop {
            let got = match self.input.read(&mut buffer) {
                Ok(0) => break,
                Ok(n) => n,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
                Err(e) => return Err(e.into()),
            };
            if let Some(bad) = buffer[..got].iter().position(|&b| b != 0) {
                return Err(TarError::Trailing { at: self.at + bad as u64 });
            }
            self.at += got as u64;
            passed += got as u64;
            if passed > self.limits.padding_bytes {
                let limit = self.limits.padding_bytes;
                return Err(TarError::TooMuch { what: "bytes of padding after the end", limit });
            }
        }
        self.ended = true;
        Ok(None)
    }
}

impl<R: Read> Read for Reader<R> {
    /// The body of the current member. A body that is cut short is an error of kind
    /// `UnexpectedEof`, never a short file.
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = match self.holes.as_mut().map(|holes| holes.next(buffer.len())) {
            Some(Step::Zeros(n)) => {
                buffer[..n].fill(0);
                return Ok(n);
            }
            Some(Step::Bytes(n)) => n,
            None => buffer.len(),
        };
        let want = most.min(usize::try_from(self.body_left).unwrap_or(usize::MAX));
        if want == 0 {
            return Ok(0);
        }
        let got = self.input.read(&mut buffer[..want])?;
        if got == 0 {
            let error = TarError::Truncated { at: self.at };
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, error.to_string()));
        }
        self.at += got as u64;
        self.body_left -= got as u64;
        if let Some(holes) = &mut self.holes {
            holes.advance(got);
        }
        Ok(got)
    }
}

impl Prelude {
    fn is_empty(&self) -> bool {
        self.records.is_none() && self.long_path.is_none() && self.long_link.is_none()
    }
}

/// The fields of a 512-byte header.
struct UstarHeader {
    path: BString,
    link: BString,
    mode: u32,
    uid: u64,
    gid: u64,
    user: BString,
    group: BString,
    size: u64,
    mtime: i64,
    kind: u8,
    device: (u64, u64),
}

impl UstarHeader {
    fn parse(block: &[u8; BLOCK], foreign: bool) -> Result<UstarHeader, String> {
        check_sum(block, foreign)?;
        let posix = &block[257..263] == b"ustar\0";
        let old = !posix && &block[257..265] != b"ustar  \0";
        if old && !foreign {
            return Err("neither ustar nor GNU tar".to_owned());
        }
        // Before POSIX a header ended behind the target of a link.
        let name =
            |from: usize| if old { BString::default() } else { until_nul(&block[from..from + 32]).into() };
        let number = |name: &str, at: usize, len: usize| {
            parse_number(&block[at..at + len]).map_err(|e| format!("the field `{name}` is {}", said(e)))
        };
        let mut path = BString::from(until_nul(&block[..100]));
        let prefix = until_nul(&block[345..500]);
        // GNU's old format keeps times and sparse maps there.
        if posix && !prefix.is_empty() {
            path = [prefix, b"/", path.as_slice()].concat().into();
        }
        let kind = block[156];
        let device = match kind {
            b'3' | b'4' if !old => (number("devmajor", 329, 8)?, number("devminor", 337, 8)?),
            _ => (0, 0),
        };
        Ok(UstarHeader {
            path,
            link: until_nul(&block[157..257]).into(),
            mode: (number("mode", 100, 8)? & 0o7777) as u32,
            uid: number("uid", 108, 8)?,
            gid: number("gid", 116, 8)?,
            user: name(265),
            group: name(297),
            size: number("size", 124, 12)?,
            mtime: parse_signed(&block[136..148]).map_err(|e| format!("the field `mtime` is {}", said(e)))?,
            kind,
            device,
        })
    }

    /// The member, how many bytes of body follow its header, and where they belong if not one behind the other.
    fn into_member(self, prelude: Prelude, foreign: bool) -> Result<(Member, u64, Option<Sparse>), TarError> {
        let mut records = prelude.records.unwrap_or_default();
        let sparse = match prelude.sparse {
            Some(gnu) => Ok(Some(gnu.into())),
            None => records.sparse.take().map(|s| s.into_sparse(&mut records.path)).transpose(),
        };
        let raw = one_of(records.path, prelude.long_path).map(|p| p.unwrap_or_else(|| self.path.clone()));
        let raw = raw.map_err(|()| refuse(&self.path, "its path stands in a PAX and in a GNU header"))?;
        let tidied = if foreign { normalise_foreign } else { normalise };
        let path = tidied(&raw).map_err(|why| TarError::Path { path: raw.clone(), why })?;
        let sparse = sparse.map_err(|why| refuse(&raw, why))?;
        let link = one_of(records.link, prelude.long_link)
            .map_err(|()| refuse(&raw, "its link target stands in a PAX and in a GNU header"))?
            .unwrap_or_else(|| self.link.clone());
        let size = self.agreed_size(records.size).map_err(|why| refuse(&raw, why))?;
        let kind = self.kind(&raw, link, foreign)?;
        let stored = match kind {
            Kind::File => size,
            _ if size == 0 || foreign => 0,
            // dpkg and old GNU tar give hard links the size of their target, without a body;
            // other readers would expect one.
            _ => return Err(refuse(&raw, "only a regular file may have a size")),
        };
        if path.is_empty() && kind != Kind::Dir {
            return Err(refuse(&raw, "the root is not a directory"));
        }
        let owner = |pax: Option<u64>, ustar: u64, what| {
            u32::try_from(pax.unwrap_or(ustar)).map_err(|_| refuse(&raw, what))
        };
        let uid = owner(records.uid, self.uid, "its uid is larger than 32 bits")?;
        let gid = owner(records.gid, self.gid, "its gid is larger than 32 bits")?;
        let mtime = records.mtime.unwrap_or(self.mtime);
        let (user, group) = (records.user.unwrap_or(self.user), records.group.unwrap_or(self.group));
        let (mode, xattrs, vendor) = (self.mode, records.xattrs, records.vendor);
        let sparse = sparse.filter(|_| kind == Kind::File);
        let member = Member { path, kind, mode, uid, gid, user, group, mtime, xattrs, size: stored, vendor };
        Ok((member, stored, sparse))
    }

    /// RUSTSEC-2025-0111 and its kin: a PAX size beside another ustar size makes some readers take
    /// a body for headers. The ustar field may differ only where it cannot hold the number.
    fn agreed_size(&self, pax: Option<u64>) -> Result<u64, &'static str> {
        const OCTAL_MAX: u64 = 0o77_777_777_777;
        match pax {
            Some(size) if size == self.size => Ok(size),
            Some(size) if size > OCTAL_MAX && (self.size == 0 || self.size == OCTAL_MAX) => Ok(size),
            Some(_) => Err("the sizes in its PAX and ustar headers differ"),
            None => Ok(self.size),
        }
    }

    fn kind(&self, raw: &BString, link: BString, foreign: bool) -> Result<Kind, TarError> {
        let tidied = if foreign { normalise_foreign } else { normalise };
        let device =
            |value: u64| u32::try_from(value).map_err(|_| refuse(raw, "its device number is too large"));
        Ok(match self.kind {
            // Before POSIX directories were files whose names end so.
            0 if foreign && raw.ends_with(b"/") => Kind::Dir,
            // Some readers see a directory there, others a file.
            b'0' | 0 if !foreign && raw.ends_with(b"/") => {
                return Err(refuse(raw, "a file whose name ends with a slash"));
            }
            b'0' | 0 => Kind::File,
            // Contiguous, or with holes.
            b'7' | b'S' if foreign => Kind::File,
            b'1' => Kind::Hardlink(tidied(&link).map_err(|why| TarError::Path { path: link, why })?),
            b'2' if link.is_empty() || link.contains(&0) || link.len() > MAX_PATH => {
                return Err(refuse(
                    raw,
                    "the target of the symbolic link is empty, too long or has a NUL byte",
                ));
            }
            b'2' => Kind::Symlink(link),
            b'3' => {
                Kind::Special(Device::Char { major: device(self.device.0)?, minor: device(self.device.1)? })
            }
            b'4' => {
                Kind::Special(Device::Block { major: device(self.device.0)?, minor: device(self.device.1)? })
            }
            b'5' => Kind::Dir,
            b'6' => Kind::Special(Device::Fifo),
            b'S' => return Err(refuse(raw, "sparse files are not supported")),
            other => {
                let why = format!("its type `{}` is unknown", BStr::new(&[other]));
                return Err(TarError::Member { path: raw.clone(), why });
            }
        })
    }
}

/// Calls `each` with every member and a reader of its body (which need not be read).
pub fn read_entries<R: Read, E: From<TarError>>(
    input: R,
    limits: &Limits,
    mut each: impl FnMut(Member, &mut dyn Read) -> Result<(), E>,
) -> Result<(), E> {
    let mut reader = Reader::new(input, limits.clone());
    while let Some(member) = reader.next()? {
        each(member, &mut reader)?;
    }
    Ok(())
}

fn refuse(path: &BString, why: &str) -> TarError {
    TarError::Member { path: path.clone(), why: why.to_owned() }
}

fn one_of<T>(a: Option<T>, b: Option<T>) -> Result<Option<T>, ()> {
    if a.is_some() && b.is_some() { Err(()) } else { Ok(a.or(b)) }
}

fn said(error: NumberError) -> &'static str {
    match error {
        NumberError::Malformed => "not a number",
        NumberError::Negative => "negative",
        NumberError::TooLarge => "too large",
    }
}

fn until_nul(field: &[u8]) -> &[u8] {
    field.iter().position(|&b| b == 0).map_or(field, |end| &field[..end])
}

/// The sum of all bytes, with the field itself as spaces (POSIX.1-2017 pax, "ustar Interchange Format").
fn check_sum(block: &[u8; BLOCK], foreign: bool) -> Result<(), String> {
    let claimed = parse_signed(&block[148..156]).map_err(|_| "the checksum is not a number".to_owned())?;
    // Some old ones added the bytes as signed numbers.
    let signed = || -> i64 {
        let field = 148..156;
        let byte = |(n, b): (usize, &u8)| if field.contains(&n) { 32 } else { i64::from(b.cast_signed()) };
        block.iter().enumerate().map(byte).sum()
    };
    if u64::try_from(claimed) != Ok(super::write::sum(block)) && !(foreign && claimed == signed()) {
        return Err("the checksum is wrong".to_owned());
    }
    Ok(())
}
