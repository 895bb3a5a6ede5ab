use super::*;
use crate::{Body, Device, Entry, Node, Owner, PayloadIx, Xattr};

/// One header with its fields laid open, in ustar.
struct Raw {
    name: Vec<u8>,
    kind: u8,
    size: Vec<u8>,
    link: Vec<u8>,
    body: Vec<u8>,
}

fn raw(name: &str, kind: u8, body: &[u8]) -> Raw {
    let size = format!("{:011o}\0", body.len()).into_bytes();
    Raw { name: name.into(), kind, size, link: Vec::new(), body: body.to_vec() }
}

impl Raw {
    fn bytes(&self) -> Vec<u8> {
        let mut block = [0; BLOCK];
        block[..self.name.len()].copy_from_slice(&self.name);
        block[100..124].copy_from_slice(b"0000644\x000000000\x000000000\0");
        block[124..136].copy_from_slice(&self.size);
        block[136..148].copy_from_slice(b"00000000000\0");
        block[156] = self.kind;
        block[157..157 + self.link.len()].copy_from_slice(&self.link);
        block[257..265].copy_from_slice(b"ustar\x0000");
        let sum = write::sum(&block);
        block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        [&block[..], &self.body, &vec![0; padding(self.body.len() as u64)]].concat()
    }
}

fn pax(records: &[(&str, &str)]) -> Vec<u8> {
    let mut body = Vec::new();
    for (key, value) in records {
        pax::push_record(&mut body, key.as_bytes(), value.as_bytes());
    }
    raw("PaxHeader", b'x', &body).bytes()
}

fn archive(parts: &[Vec<u8>]) -> Vec<u8> {
    [parts.concat(), END.to_vec()].concat()
}

fn read(bytes: &[u8]) -> Result<Vec<(Member, Vec<u8>)>, TarError> {
    read_with(bytes, &Limits::default())
}

fn read_with(bytes: &[u8], limits: &Limits) -> Result<Vec<(Member, Vec<u8>)>, TarError> {
    let mut all = Vec::new();
    read_entries(bytes, limits, |member, body| {
        let mut content = Vec::new();
        body.read_to_end(&mut content)?;
        all.push((member, content));
        Ok::<(), TarError>(())
    })?;
    Ok(all)
}

fn refusal(bytes: &[u8]) -> String {
    read(bytes).expect_err("it should be refused").to_string()
}

#[test]
fn refuses_paths_that_leave_the_tree() {
    for (name, why) in [
        ("/etc/passwd", "absolute"),
        ("../etc/passwd", "climbs"),
        ("./a/../../b", "climbs"),
        ("", "empty"),
        ("a/..", "climbs"),
    ] {
        assert!(refusal(&archive(&[raw(name, b'0', b"x").bytes()])).contains(why), "{name}");
        let long = archive(&[pax(&[("path", name)]), raw("fine", b'0', b"x").bytes()]);
        if !name.is_empty() {
            assert!(refusal(&long).contains(why), "{name} in PAX");
        }
        let mut link = raw("fine", b'1', b"");
        link.link = name.into();
        assert!(refusal(&archive(&[link.bytes()])).contains(why), "link to {name}");
    }
    let nul = archive(&[pax(&[("path", "a\0b")]), raw("fine", b'0', b"x").bytes()]);
    assert!(refusal(&nul).contains("NUL"));
    let long = archive(&[pax(&[("path", &"x".repeat(5000))]), raw("fine", b'0', b"x").bytes()]);
    assert!(refusal(&long).contains("4096"));
    assert!(refusal(&archive(&[raw("dir/", b'0', b"").bytes()])).contains("ends with a slash"));
    assert!(refusal(&archive(&[raw("./", b'0', b"").bytes()])).contains("slash"));
    assert!(refusal(&archive(&[raw(".", b'0', b"").bytes()])).contains("root"));
}

#[test]
fn refuses_what_readers_see_differently() {
    let hidden = raw("hidden", b'0', b"").bytes();
    let file = |claimed: &str| {
        let mut file = raw("f", b'0', &hidden);
        file.size = claimed.as_bytes().to_vec();
        file.bytes()
    };
    // RUSTSEC-2025-0111: one reader takes the ustar size 0 and sees `hidden`, the other skips it.
    let size = hidden.len().to_string();
    let disagreement = archive(&[pax(&[("size", &size)]), file("00000000000\0")]);
    assert!(refusal(&disagreement).contains("sizes in its PAX and ustar headers differ"));
    let agreement = archive(&[pax(&[("size", &size)]), file("00000001000\0")]);
    assert_eq!(read(&agreement).unwrap().len(), 1);
    let twice = archive(&[pax(&[("size", "512"), ("size", "0")]), file("00000001000\0")]);
    assert!(refusal(&twice).contains("stands twice"));
    let two_headers = archive(&[pax(&[("uid", "1")]), pax(&[("gid", "1")]), file("00000001000\0")]);
    assert!(refusal(&two_headers).contains("two PAX headers"));
    let both =
        archive(&[pax(&[("path", "a")]), raw("././@LongLink", b'L', b"b\0").bytes(), file("00000001000\0")]);
    assert!(refusal(&both).contains("PAX and in a GNU header"));
    let global = archive(&[raw("g", b'g', b"10 uid=100\n").bytes(), file("00000001000\0")]);
    assert!(read(&global).is_err());
    let mut sized = raw("l", b'2', b"");
    (sized.link, sized.size) = (b"x".to_vec(), b"00000001000\0".to_vec());
    assert!(refusal(&archive(&[sized.bytes(), hidden.clone()])).contains("only a regular file"));
    for (kind, why) in [(b'S', "sparse"), (b'V', "unknown"), (b'M', "unknown"), (b'7', "unknown")] {
        assert!(refusal(&archive(&[raw("x", kind, b"").bytes()])).contains(why));
    }
}

#[test]
fn refuses_malformed_archives() {
    let good = archive(&[raw("f", b'0', b"hello").bytes()]);
    assert_eq!(read(&good).unwrap()[0].1, b"hello");
    let mut sum = good.clone();
    sum[0] = b'g';
    assert!(refusal(&sum).contains("checksum"));
    for len in [0, 1, 511, 512, 515, 1000, 1024] {
        assert!(read(&good[..len]).is_err(), "cut at {len}");
    }
    assert!(read(&good[..1536]).is_ok(), "GNU tar takes a lone zero block, and nobody sees anything else");
    assert!(refusal(&[&good[..], b"x"].concat()).contains("after its end"));
    assert!(read(&[&good[..], &[0; 9000]].concat()).is_ok());
    let limits = Limits { padding_bytes: 100, ..Limits::default() };
    assert!(read_with(&[&good[..], &[0; 9000]].concat(), &limits).is_err());
    let mut negative = raw("f", b'0', b"");
    negative.size = vec![0xff; 12];
    assert!(refusal(&archive(&[negative.bytes()])).contains("negative"));
    let mut old = raw("f", b'0', b"").bytes();
    old[257..265].fill(0);
    let sum = write::sum(old[..BLOCK].try_into().unwrap());
    old[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    assert!(refusal(&archive(&[old])).contains("neither ustar nor GNU"));
}

#[test]
fn keeps_to_its_limits() {
    let many = archive(&[raw("a", b'5', b"").bytes(), raw("b", b'5', b"").bytes()]);
    let two = Limits { members: 1, ..Limits::default() };
    assert!(matches!(read_with(&many, &two), Err(TarError::TooMuch { what: "members", .. })));
    let big = archive(&[raw("a", b'0', b"12345").bytes()]);
    let four = Limits { body_bytes: 4, ..Limits::default() };
    assert!(matches!(read_with(&big, &four), Err(TarError::TooMuch { .. })));
    // A header that claims much more than there is allocates nothing.
    let mut bomb = raw("x", b'x', b"");
    bomb.size = b"77777777777\0".to_vec();
    assert!(matches!(read(&archive(&[bomb.bytes()])), Err(TarError::TooMuch { .. })));
    let mut open = raw("a", b'5', b"").bytes();
    assert!(read(&open).is_err());
    let limits = Limits { open_end: true, ..Limits::default() };
    assert_eq!(read_with(&open, &limits).unwrap().len(), 1);
    open.extend_from_slice(&pax(&[("uid", "1")]));
    assert!(read_with(&open, &limits).is_err());
}

fn file(path: &str, size: u64) -> Entry {
    let body = Body { digest: oci::Digest::of(b""), size, payload: PayloadIx(0), offset: 0 };
    Entry::new(path, Node::File(body), 0o644, Owner::Derived)
}

#[test]
fn writes_one_spelling_and_reads_it_back() {
    let mut entries = vec![
        Entry::new("", Node::Dir, 0o755, Owner::Derived),
        Entry::new("tmp", Node::Dir, 0o1777, Owner::Derived),
        Entry { uid: 3_000_000_000, gid: 2_097_152, mtime: -7, ..file("owned", 5) },
        Entry { mtime: 1 << 40, ..file("late", 5) },
        file(&format!("{}/{}", "p".repeat(155), "n".repeat(100)), 5),
        file(&format!("{}/{}", "p".repeat(156), "n".repeat(100)), 5),
        file(&"n".repeat(101), 5),
        file("ünï", 5),
        Entry::new(b"raw\xff".to_vec(), Node::Symlink(b"\xfe".to_vec().into()), 0o777, Owner::Derived),
        Entry::new("long", Node::Symlink("t".repeat(101).into()), 0o777, Owner::Derived),
        Entry::new("hard", Node::Hardlink("late".into()), 0o644, Owner::Derived),
        Entry::new("null", Node::Special(Device::Char { major: 1, minor: 3 }), 0o666, Owner::Derived),
        Entry::new("sda", Node::Special(Device::Block { major: 8, minor: 1 << 22 }), 0o660, Owner::Derived),
        Entry::new("pipe", Node::Special(Device::Fifo), 0o600, Owner::Derived),
    ];
    entries[2].xattrs = vec![
        Xattr { name: "security.capability".into(), value: vec![1, 0, 0, 2, 0, 0x20, 0, 0, 0, 0, 10, b'='] },
        Xattr { name: "user.x".into(), value: vec![] },
    ];
    let mut writer = Writer::new(Vec::new());
    for entry in &entries {
        assert_eq!(header(entry), header(&entry.clone()));
        writer.append(entry, &mut &b"hello"[..]).unwrap();
    }
    let bytes = writer.finish().unwrap();
    let back = read(&bytes).unwrap();
    assert_eq!(back.len(), entries.len());
    for ((member, content), entry) in back.into_iter().zip(&entries) {
        let found = member.into_entry(
            Some(Body { digest: oci::Digest::of(b""), size: 5, payload: PayloadIx(0), offset: 0 }),
            Owner::Derived,
        );
        assert_eq!(&found, entry);
        assert_eq!(content, if matches!(entry.node, Node::File(_)) { &b"hello"[..] } else { b"" });
    }
}

#[test]
fn an_ordinary_header_is_one_block_without_names() {
    let bytes = header(&Entry { mtime: 1_700_000_000, ..file("usr/bin/true", 12) });
    assert_eq!(bytes.len(), BLOCK);
    assert_eq!(&bytes[..13], b"usr/bin/true\0");
    assert_eq!(&bytes[100..156], b"0000644\x000000000\x000000000\x0000000000014\x0014524770400\x00011525\0 ");
    assert_eq!(&bytes[257..345], [b"ustar\x0000".as_slice(), &[0; 64], b"0000000\x000000000\0"].concat());
}

#[test]
fn a_body_that_is_too_short_is_an_error() {
    let mut writer = Writer::new(Vec::new());
    assert!(writer.append(&file("f", 6), &mut &b"hello"[..]).is_err());
}

#[test]
fn noise_is_refused_without_a_panic() {
    let good = archive(&[
        pax(&[("path", "a/b"), ("SCHILY.xattr.user.x", "1")]),
        raw("f", b'0', b"hello").bytes(),
        raw("././@LongLink", b'L', b"long\0").bytes(),
        raw("g", b'5', b"").bytes(),
    ]);
    let mut state = 88_172_645_463_325_252u64;
    for _ in 0..20_000 {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let mut bytes = good.clone();
        let at = (state >> 8) as usize % bytes.len();
        bytes[at] = state as u8;
        if at % 512 < 500 && state & 0x100 != 0 {
            // With a right checksum, so that the fields behind it are reached.
            let block = at / 512 * 512;
            let header: &[u8; BLOCK] = bytes[block..block + BLOCK].try_into().unwrap();
            let sum = write::sum(header);
            bytes[block + 148..block + 156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        }
        for (member, content) in read(&bytes).unwrap_or_default() {
            assert_eq!(member.size, content.len() as u64);
        }
    }
}

fn foreign(bytes: &[u8]) -> Result<Vec<(Member, Vec<u8>)>, TarError> {
    read_with(bytes, &Limits { foreign: true, ..Limits::default() })
}

#[test]
fn takes_of_others_what_engines_take() {
    let mut link = raw("/opt/b", b'1', b"");
    (link.link, link.size) = (b"/opt/../opt/a".to_vec(), b"00000000005\0".to_vec());
    let parts = [
        raw("pax_global_header", b'g', b"52 comment=abc\n").bytes(),
        raw("/opt/a", b'0', b"12345").bytes(),
        link.bytes(),
        raw("./x/../old/", 0, b"").bytes(),
        pax(&[("nosuch", "1"), ("hdrcharset", "BINARY"), ("path", "/long")]),
        raw("short", b'7', b"1").bytes(),
    ];
    let all = foreign(&archive(&parts)).unwrap();
    let shown: Vec<(String, &Kind, &[u8])> =
        all.iter().map(|(m, body)| (m.path.to_string(), &m.kind, &body[..])).collect();
    let (file, dir, link) = (Kind::File, Kind::Dir, Kind::Hardlink("opt/a".into()));
    let wanted: [(&str, &Kind, &[u8]); 4] =
        [("opt/a", &file, b"12345"), ("opt/b", &link, b""), ("old", &dir, b""), ("long", &file, b"1")];
    assert_eq!(shown, wanted.map(|(path, kind, body)| (path.to_owned(), kind, body)));
    // Without an end, and with something behind it.
    assert_eq!(foreign(&parts[1]).unwrap().len(), 1);
    assert_eq!(foreign(&[&archive(&parts[1..2])[..], b"rubbish"].concat()).unwrap().len(), 1);
}

#[test]
fn takes_headers_of_before_posix() {
    let mut block = raw("old", b'0', b"x").bytes();
    block[257..512].fill(0);
    block[0] = 0xe9;
    let signed: i64 =
        (0..512).map(|n| if (148..156).contains(&n) { 32 } else { i64::from(block[n].cast_signed()) }).sum();
    block[148..156].copy_from_slice(format!("{signed:06o}\0 ").as_bytes());
    assert_eq!(foreign(&archive(&[block.clone()])).unwrap()[0].1, b"x");
    assert!(read(&archive(&[block])).is_err());
}

#[test]
fn others_do_not_climb_either() {
    for name in ["../etc/passwd", "/..", "a/../../b"] {
        let error = foreign(&archive(&[raw(name, b'0', b"").bytes()])).unwrap_err().to_string();
        assert!(error.contains("climbs"), "{name}: {error}");
    }
    let mut twice = pax(&[("size", "1")]);
    twice.extend(raw("f", b'0', b"12345").bytes());
    assert!(foreign(&archive(&[twice])).is_err());
}

/// `ab`, four bytes of nothing, `cd`, two bytes of nothing.
const HOLES: &[u8] = b"ab\0\0\0\0cd\0\0";

#[test]
fn fills_holes_in_every_form() {
    let mut gnu = raw("sparse", b'S', b"abcd").bytes();
    gnu[257..265].copy_from_slice(b"ustar  \0");
    for (n, field) in [0, 2, 6, 2].iter().enumerate() {
        gnu[386 + 12 * n..][..12].copy_from_slice(format!("{field:011o}\0").as_bytes());
    }
    gnu[483..495].copy_from_slice(b"00000000012\0");
    gnu[148..156].copy_from_slice(b"        ");
    let sum: u64 = gnu[..512].iter().map(|b| u64::from(*b)).sum();
    gnu[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    let first: &[(&str, &str)] = &[
        ("GNU.sparse.size", "10"),
        ("GNU.sparse.offset", "0"),
        ("GNU.sparse.numbytes", "2"),
        ("GNU.sparse.offset", "6"),
        ("GNU.sparse.numbytes", "2"),
    ];
    let second: &[(&str, &str)] =
        &[("GNU.sparse.size", "10"), ("GNU.sparse.name", "sparse"), ("GNU.sparse.map", "0,2,6,2")];
    let third: &[(&str, &str)] = &[
        ("GNU.sparse.major", "1"),
        ("GNU.sparse.minor", "0"),
        ("GNU.sparse.name", "sparse"),
        ("GNU.sparse.realsize", "10"),
    ];
    let mut map = b"2\n0\n2\n6\n2\n".to_vec();
    map.resize(BLOCK, 0);
    let forms = [
        gnu,
        [pax(first), raw("sparse", b'0', b"abcd").bytes()].concat(),
        [pax(second), raw("GNUSparseFile.0/sparse", b'0', b"abcd").bytes()].concat(),
        [pax(third), raw("GNUSparseFile.0/sparse", b'0', &[&map[..], b"abcd"].concat()).bytes()].concat(),
    ];
    for form in forms {
        let all = foreign(&archive(&[form.clone(), raw("next", b'0', b"n").bytes()])).unwrap();
        assert_eq!((all[0].0.path.to_string(), all[0].0.size), ("sparse".to_owned(), 10));
        assert_eq!((&all[0].1[..], &all[1].1[..]), (HOLES, &b"n"[..]));
        assert!(read(&archive(&[form])).is_err(), "ours have none");
    }
}

#[test]
fn holes_that_contradict_each_other_are_refused() {
    for map in ["0,2,1,2", "0,2,9,2", "0,2", "0,2,6,1", "0", "x,y", "0,18446744073709551615,6,2"] {
        let records = pax(&[("GNU.sparse.size", "10"), ("GNU.sparse.map", map)]);
        let form = [records, raw("sparse", b'0', b"abcd").bytes()].concat();
        assert!(foreign(&archive(&[form])).is_err(), "{map}");
    }
    let third: &[(&str, &str)] = &[("GNU.sparse.major", "1"), ("GNU.sparse.realsize", "10")];
    for map in ["2\n0\n2\n", "99999999999\n", "\n", "-1\n"] {
        let mut block = map.as_bytes().to_vec();
        block.resize(BLOCK, b'\0');
        let form = [pax(third), raw("s", b'0', &block).bytes()].concat();
        assert!(foreign(&archive(&[form])).is_err(), "{map:?}");
    }
}
