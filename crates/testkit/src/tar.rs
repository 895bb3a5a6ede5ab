//! A writer of tar archives in dpkg's dialect (GNU headers), in which any field can be made to lie.

/// One member with all its fields open. [`Entry::file`] and its siblings fill in what dpkg would.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The name, as bytes; dpkg's begin with `./`.
    pub path: Vec<u8>,
    /// The type byte: `b'0'` file, `b'1'` hard link, `b'2'` symbolic link, `b'3'`/`b'4'` devices,
    /// `b'5'` directory, `b'6'` FIFO, …
    pub kind: u8,
    /// Permission bits.
    pub mode: u32,
    /// Owner.
    pub uid: u64,
    /// Group.
    pub gid: u64,
    /// Seconds since 1970.
    pub mtime: u64,
    /// Target of a link.
    pub link: Vec<u8>,
    /// Contents.
    pub body: Vec<u8>,
    /// What the header says the size is, where it is not the truth.
    pub claimed_size: Option<u64>,
    /// Records of a PAX header before the member.
    pub pax: Vec<(Vec<u8>, Vec<u8>)>,
    /// Major and minor number of a device.
    pub device: (u32, u32),
    /// Names of owner and group that the header has; without them the writer's own rule counts.
    pub names: Option<[String; 2]>,
    /// The header's checksum is off by one.
    pub wrong_checksum: bool,
}

/// A member with nothing in it, owned by root, of the made-up world's date.
fn entry(path: impl AsRef<[u8]>, kind: u8, mode: u32) -> Entry {
    Entry {
        path: path.as_ref().to_vec(),
        kind,
        mode,
        uid: 0,
        gid: 0,
        mtime: 1_735_689_600,
        link: Vec::new(),
        body: Vec::new(),
        claimed_size: None,
        pax: Vec::new(),
        device: (0, 0),
        names: None,
        wrong_checksum: false,
    }
}

impl Entry {
    /// A plain file.
    pub fn file(path: impl AsRef<[u8]>, mode: u32, body: impl Into<Vec<u8>>) -> Entry {
        Entry { body: body.into(), ..entry(path, b'0', mode) }
    }

    /// A directory.
    pub fn dir(path: impl AsRef<[u8]>, mode: u32) -> Entry {
        entry(path, b'5', mode)
    }

    /// A symbolic link.
    pub fn symlink(path: impl AsRef<[u8]>, target: impl AsRef<[u8]>) -> Entry {
        Entry { link: target.as_ref().to_vec(), ..entry(path, b'2', 0o777) }
    }

    /// A hard link to an earlier member's name.
    pub fn hardlink(path: impl AsRef<[u8]>, target: impl AsRef<[u8]>) -> Entry {
        Entry { link: target.as_ref().to_vec(), ..entry(path, b'1', 0o644) }
    }

    /// A character device.
    pub fn char_device(path: impl AsRef<[u8]>, major: u32, minor: u32) -> Entry {
        Entry { device: (major, minor), ..entry(path, b'3', 0o600) }
    }

    /// A member of any type.
    pub fn special(path: impl AsRef<[u8]>, kind: u8) -> Entry {
        entry(path, kind, 0o644)
    }

    /// The same, owned by someone.
    pub fn owned(mut self, uid: u64, gid: u64) -> Entry {
        (self.uid, self.gid) = (uid, gid);
        self
    }

    /// The same, of another time.
    pub fn at(mut self, mtime: u64) -> Entry {
        self.mtime = mtime;
        self
    }

    /// The same, with one more PAX record.
    pub fn pax(mut self, key: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Entry {
        self.pax.push((key.as_ref().to_vec(), value.as_ref().to_vec()));
        self
    }

    /// The same, with a size field that says `size`.
    pub fn claims(mut self, size: u64) -> Entry {
        self.claimed_size = Some(size);
        self
    }

    fn write(&self, out: &mut Vec<u8>) {
        if !self.pax.is_empty() {
            let mut records = Vec::new();
            for (key, value) in &self.pax {
                records.extend_from_slice(&pax_record(key, value));
            }
            Entry { body: records, ..entry("./PaxHeaders/x", b'x', 0o644) }.write(out);
        }
        // As GNU tar and dpkg-deb do: an extra member for what does not fit the 100 bytes.
        for (kind, long) in [(b'K', &self.link), (b'L', &self.path)] {
            if long.len() > 100 {
                let body = [long.as_slice(), b"\0"].concat();
                Entry { body, mtime: 0, ..entry("././@LongLink", kind, 0o644) }.write(out);
            }
        }
        out.extend_from_slice(&self.header(b"ustar  \0", ["root"; 2], b""));
        out.extend_from_slice(&self.body);
        out.resize(out.len().next_multiple_of(512), 0);
    }

    /// The header in the dialect of that magic, with these names of owner and group.
    pub(crate) fn header(&self, magic: &[u8; 8], owners: [&str; 2], prefix: &[u8]) -> [u8; 512] {
        let mut h = [0; 512];
        let mut put = |at: usize, len: usize, bytes: &[u8]| {
            let n = bytes.len().min(len);
            h[at..at + n].copy_from_slice(&bytes[..n]);
        };
        put(0, 100, &self.path);
        put(100, 8, &octal(self.mode.into(), 8));
        put(108, 8, &octal(self.uid, 8));
        put(116, 8, &octal(self.gid, 8));
        put(124, 12, &octal(self.claimed_size.unwrap_or(self.body.len() as u64), 12));
        put(136, 12, &octal(self.mtime, 12));
        put(156, 1, &[self.kind]);
        put(157, 100, &self.link);
        put(257, 8, magic);
        put(265, 32, owners[0].as_bytes());
        put(297, 32, owners[1].as_bytes());
        put(329, 8, &octal(self.device.0.into(), 8));
        put(337, 8, &octal(self.device.1.into(), 8));
        put(345, 155, prefix);
        put(148, 8, b"        ");
        let sum: u32 = h.iter().map(|b| u32::from(*b)).sum::<u32>() + u32::from(self.wrong_checksum);
        h[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        h
    }
}

/// A number as octal digits and a NUL; where it does not fit, in GNU's base 256.
fn octal(value: u64, width: usize) -> Vec<u8> {
    let digits = format!("{value:0w$o}", w = width - 1);
    if digits.len() < width {
        return [digits.as_bytes(), b"\0"].concat();
    }
    let mut bytes = vec![0; width];
    bytes[width - 8..].copy_from_slice(&value.to_be_bytes());
    bytes[0] |= 0x80;
    bytes
}

/// `LEN KEY=VALUE\n`, where LEN counts itself.
pub(crate) fn pax_record(key: &[u8], value: &[u8]) -> Vec<u8> {
    let rest = key.len() + value.len() + 3;
    let mut len = rest + 1;
    while rest + len.to_string().len() != len {
        len += 1;
    }
    [len.to_string().as_bytes(), b" ", key, b"=", value, b"\n"].concat()
}

/// The archive of these members.
pub fn tar<'a>(entries: impl IntoIterator<Item = &'a Entry>) -> Vec<u8> {
    let mut out = Vec::new();
    for e in entries {
        e.write(&mut out);
    }
    out.resize(out.len() + 1024, 0);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pax_records_count_themselves() {
        assert_eq!(pax_record(b"size", b"1"), b"9 size=1\n");
        assert_eq!(pax_record(b"path", &[b'a'; 90]).len(), 99);
        assert!(pax_record(b"path", &[b'a'; 91]).starts_with(b"101 path="));
    }

    #[test]
    fn gnu_tar_lists_what_was_written() {
        let long = format!("./{}/x", "d".repeat(120));
        let bytes = tar(&[
            Entry::dir("./usr/", 0o755),
            Entry::file("./usr/a", 0o4755, "abc").owned(3_000_000, 8),
            Entry::symlink("./b", "usr/a"),
            Entry::hardlink("./c", "./usr/a"),
            Entry::file(&long, 0o600, ""),
            Entry::file("./x", 0o600, "").pax("path", "./from-pax"),
        ]);
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("t.tar");
        std::fs::write(&file, bytes).unwrap();
        let Ok(run) = std::process::Command::new("tar").env("TZ", "UTC").arg("-tvf").arg(&file).output()
        else {
            crate::skip!("no tar");
        };
        assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
        let listed = String::from_utf8(run.stdout).unwrap();
        let words: Vec<Vec<&str>> = listed.lines().map(|l| l.split_whitespace().collect()).collect();
        let names: Vec<String> = words.iter().map(|w| w[5..].join(" ")).collect();
        assert_eq!(
            names,
            ["./usr/", "./usr/a", "./b -> usr/a", "./c link to ./usr/a", long.as_str(), "./from-pax"]
        );
        assert_eq!(words[1][0], "-rwsr-xr-x");
    }
}
