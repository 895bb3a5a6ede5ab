use crate::tar::{Entry, pax_record};

/// Whose hand a package shows: the two makers write the same format differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Style {
    /// melange, Go's `archive/tar`: directories without a slash, PAX headers only where needed.
    #[default]
    Melange,
    /// Alpine's abuild, GNU tar with `--format=pax`: directories with a slash, a PAX header with
    /// `ctime` and `atime` before every member, the data padded to 10240 bytes.
    Abuild,
}

impl Style {
    /// Header and records of one member.
    fn member(self, entry: &Entry, out: &mut Vec<u8>) {
        let mut entry = entry.clone();
        if self == Style::Abuild && entry.kind == b'5' && !entry.path.ends_with(b"/") {
            entry.path.push(b'/');
        }
        let mut records = Vec::new();
        if self == Style::Abuild {
            records.extend([(b"ctime".to_vec(), b"0".to_vec()), (b"atime".to_vec(), b"0".to_vec())]);
        }
        let (prefix, name) = match entry.pax.is_empty() && self == Style::Melange {
            true => split(&entry.path),
            false => (Vec::new(), entry.path.clone()),
        };
        if name.len() > 100 || !name.is_ascii() {
            records.push((b"path".to_vec(), entry.path.clone()));
        }
        if entry.link.len() > 100 || !entry.link.is_ascii() {
            records.push((b"linkpath".to_vec(), entry.link.clone()));
        }
        records.append(&mut entry.pax);
        if !records.is_empty() {
            self.pax_header(&entry, &records, out);
        }
        entry.path = name;
        // apk believes the name of an owner before the number.
        let named = |id: u64| if id == 0 { "root" } else { "" };
        let owners = match &entry.names {
            Some([user, group]) => [user.as_str(), group],
            None => [named(entry.uid), named(entry.gid)],
        };
        write(&entry, &entry.header(b"ustar\x0000", owners, &prefix), out);
    }

    /// The member that carries PAX records for the next one.
    fn pax_header(self, of: &Entry, records: &[(Vec<u8>, Vec<u8>)], out: &mut Vec<u8>) {
        let path = of.path.strip_suffix(b"/").unwrap_or(&of.path);
        let at = path.iter().rposition(|b| *b == b'/');
        let (dir, base) = at.map_or((&b""[..], path), |at| (&path[..at], &path[at + 1..]));
        let (dir, folder, mode): (&[u8], &[u8], u32) = match self {
            Style::Melange if dir.is_empty() => (b"", b"PaxHeaders.0/", 0),
            Style::Melange => (dir, b"/PaxHeaders.0/", 0),
            Style::Abuild if dir.is_empty() => (b".", b"/PaxHeaders/", 0o644),
            Style::Abuild => (dir, b"/PaxHeaders/", 0o644),
        };
        let body: Vec<u8> = records.iter().flat_map(|(k, v)| pax_record(k, v)).collect();
        let header = Entry { kind: b'x', ..Entry::file([dir, folder, base].concat(), mode, body) };
        let header = header.at(if self == Style::Melange { 0 } else { of.mtime });
        write(&header, &header.header(b"ustar\x0000", ["", ""], b""), out);
    }

    /// The members without an end, as those of the first parts of a package are.
    pub(super) fn cut<'a>(self, entries: impl IntoIterator<Item = &'a Entry>) -> Vec<u8> {
        let mut out = Vec::new();
        for entry in entries {
            self.member(entry, &mut out);
        }
        out
    }

    /// The whole archive.
    pub(super) fn tar<'a>(self, entries: impl IntoIterator<Item = &'a Entry>) -> Vec<u8> {
        let mut out = self.cut(entries);
        out.resize(out.len() + 1024, 0);
        if self == Style::Abuild {
            out.resize(out.len().next_multiple_of(10_240), 0);
        }
        out
    }

    /// One gzip member, with the header that this maker's gzip writes.
    pub(super) fn gzip(self, bytes: &[u8]) -> Vec<u8> {
        let (system, level) = match self {
            Style::Melange => (255, flate2::Compression::default()),
            Style::Abuild => (3, flate2::Compression::best()),
        };
        let mut writer = flate2::GzBuilder::new().operating_system(system).write(Vec::new(), level);
        std::io::Write::write_all(&mut writer, bytes).expect("to memory");
        writer.finish().expect("to memory")
    }
}

fn write(entry: &Entry, header: &[u8; 512], out: &mut Vec<u8>) {
    out.extend_from_slice(header);
    out.extend_from_slice(&entry.body);
    out.resize(out.len().next_multiple_of(512), 0);
}

/// A name over 100 bytes as POSIX 1988 allows: directories in the prefix field, where that is enough.
fn split(path: &[u8]) -> (Vec<u8>, Vec<u8>) {
    if path.len() > 100 && path.is_ascii() {
        let at = path.iter().enumerate().find(|(i, b)| **b == b'/' && path.len() - i - 1 <= 100);
        if let Some((at, _)) = at.filter(|(i, _)| *i <= 155 && i + 1 < path.len()) {
            return (path[..at].to_vec(), path[at + 1..].to_vec());
        }
    }
    (Vec::new(), path.to_vec())
}

/// Makes the first header's checksum right again, after a change by hand.
pub(super) fn mend_checksum(tar: &mut [u8]) {
    tar[148..156].fill(b' ');
    let sum: u32 = tar[..512].iter().map(|b| u32::from(*b)).sum();
    tar[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
}

/// The members with the directories above them, as a walk over the tree finds them; of two names of
/// one file the first holds the bytes.
pub(super) fn in_order(entries: &[Entry], built: u64) -> Vec<Entry> {
    let mut all: Vec<Entry> = entries.to_vec();
    for entry in entries {
        for (end, _) in entry.path.iter().enumerate().filter(|(_, b)| **b == b'/') {
            if !all.iter().any(|e| e.path == entry.path[..end]) {
                all.push(Entry::dir(&entry.path[..end], 0o755).at(built));
            }
        }
    }
    all.sort_by(|a, b| a.path.split(|b| *b == b'/').cmp(b.path.split(|b| *b == b'/')));
    for at in 0..all.len() {
        if all[at].kind != b'1' {
            continue;
        }
        let Some(file) = all.iter().position(|e| e.kind == b'0' && e.path == all[at].link) else { continue };
        let (mode, uid, gid) = (all[file].mode, all[file].uid, all[file].gid);
        (all[at].mode, all[at].uid, all[at].gid) = (mode, uid, gid);
        if file > at {
            let (first, second) = (all[at].path.clone(), all[file].path.clone());
            all.swap(at, file);
            all[at].path = first.clone();
            all[file].path = second.clone();
            for link in all.iter_mut().filter(|e| e.kind == b'1' && (e.link == second || e.path == second)) {
                link.link.clone_from(&first);
            }
        }
    }
    all
}
