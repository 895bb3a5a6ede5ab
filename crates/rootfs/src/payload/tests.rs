use super::*;
use crate::tar::{Kind, Member};
use crate::{Bodies, Device, Entry, Node, Owner, PayloadIx, Payloads, Xattr};

fn member(path: &str, kind: Kind, size: u64) -> Member {
    let (path, vendor) = (path.into(), Vec::new());
    let (user, group, xattrs) = (Default::default(), Default::default(), Vec::new());
    Member { path, kind, mode: 0o644, uid: 1, gid: 2, user, group, mtime: 3, xattrs, size, vendor }
}

fn put(writer: &mut Writer<Vec<u8>>, path: &str, content: &str) -> EntryId {
    writer.append(member(path, Kind::File, content.len() as u64), &mut content.as_bytes()).unwrap()
}

fn other(writer: &mut Writer<Vec<u8>>, path: &str, kind: Kind) -> Result<EntryId, PayloadError> {
    writer.append(member(path, kind, 0), &mut std::io::empty())
}

#[test]
fn what_is_written_is_read_back() {
    let mut writer = Writer::new(Vec::new());
    other(&mut writer, "usr", Kind::Dir).unwrap();
    let b = put(&mut writer, "usr/b", "bee");
    writer.fact(b, b"ELF".to_vec());
    put(&mut writer, "usr/a", "");
    writer.extra("control", b"Package: x\n").unwrap();
    other(&mut writer, "usr/c", Kind::Hardlink("usr/b".into())).unwrap();
    other(&mut writer, "usr/d", Kind::Hardlink("usr/c".into())).unwrap();
    other(&mut writer, "usr/s", Kind::Symlink("b".into())).unwrap();
    other(&mut writer, "usr/t", Kind::Hardlink("usr/s".into())).unwrap();
    other(&mut writer, "null", Kind::Special(Device::Char { major: 1, minor: 3 })).unwrap();
    let mut capable = member("usr/e", Kind::File, 1);
    capable.xattrs = vec![Xattr { name: "security.capability".into(), value: vec![0, 1, 2] }];
    writer.append(capable, &mut &b"e"[..]).unwrap();
    writer.extra("a", b"").unwrap();
    let bytes = writer.finish().unwrap();
    let payload = Payload::read(&bytes, bytes.len() as u64, PayloadIx(0)).unwrap();
    let text = payload.tree.to_text();
    assert_eq!(
        text,
        "/null: char 1:3 0644 1:2\n/usr/: dir 0644 1:2\n/usr/a: file 0644 1:2 e3b0c442\n\
         /usr/b: file 0644 1:2 62cb81b5\n/usr/c: hardlink /usr/b\n/usr/d: hardlink /usr/b\n\
         /usr/e: file 0644 1:2 3f79bb7b security.capability=000102\n/usr/s: symlink 1:2 b\n/usr/t: symlink 1:2 b\n"
    );
    assert_eq!(payload.fact_of("usr/b"), b"ELF");
    assert_eq!(payload.fact_of("usr/a"), b"");
    assert_eq!(payload.extras().collect::<Vec<_>>(), ["a", "control"]);
    assert_eq!(payload.extra(&bytes, "control").unwrap().unwrap(), b"Package: x\n");
    assert_eq!(payload.extra(&bytes, "nothing").unwrap(), None);
    let Node::File(body) = payload.tree.get("usr/b").unwrap().node else { panic!("a file") };
    let mut payloads = Payloads::new();
    payloads.add(bytes);
    assert_eq!(payloads.read(&body).unwrap(), b"bee");
}

/// Engines set owner, mode and attributes of a link as of a file, so the last of a file's headers counts.
#[test]
fn every_name_of_a_file_says_the_same_of_it() {
    let mut writer = Writer::new(Vec::new());
    let mut ping = member("ping", Kind::File, 1);
    ping.xattrs = vec![Xattr { name: "security.capability".into(), value: vec![0, 1, 2] }];
    writer.append(ping, &mut &b"p"[..]).unwrap();
    let link = member("ping6", Kind::Hardlink("ping".into()), 0);
    writer.append(Member { mode: 0o600, uid: 7, gid: 8, ..link }, &mut std::io::empty()).unwrap();
    let bytes = writer.finish().unwrap();
    let tree = Payload::read(&bytes, bytes.len() as u64, PayloadIx(0)).unwrap().tree;
    let (file, link) = (tree.get("ping").unwrap(), tree.get("ping6").unwrap());
    assert!(matches!(&link.node, Node::Hardlink(to) if to == "ping"));
    assert_eq!((link.mode, link.uid, link.gid), (file.mode, file.uid, file.gid));
    assert_eq!(link.xattrs, file.xattrs);
}

#[test]
fn tricks_are_refused() {
    let mut writer = Writer::new(Vec::new());
    put(&mut writer, "f", "1");
    let again = writer.append(member("f", Kind::File, 1), &mut &b"2"[..]);
    assert!(matches!(again, Err(PayloadError::Twice { .. })));
    assert!(matches!(other(&mut writer, "f", Kind::Dir), Err(PayloadError::Twice { .. })));
    let gone = other(&mut writer, "l", Kind::Hardlink("nowhere".into()));
    assert!(matches!(gone, Err(PayloadError::DanglingLink { .. })));
    let short = writer.append(member("g", Kind::File, 5), &mut &b"2"[..]);
    assert!(matches!(short, Err(PayloadError::Io { .. })));
    other(&mut writer, "etc", Kind::Symlink("/tmp".into())).unwrap();
    put(&mut writer, "etc/x/passwd", "root");
    let error = writer.finish().unwrap_err();
    assert_eq!(error.to_string(), "cannot unpack /etc/x/passwd: /etc is not a directory in the same archive");
}

#[test]
fn damage_is_noticed_or_harmless_and_never_a_panic() {
    let mut writer = Writer::new(Vec::new());
    for n in 0..20 {
        let id = put(&mut writer, &format!("d/{n}"), "content");
        writer.fact(id, vec![n; 9]);
    }
    writer.extra("control", b"x").unwrap();
    let good = writer.finish().unwrap();
    for at in 0..good.len() {
        for bit in [1, 0x80] {
            let mut bad = good.clone();
            bad[at] ^= bit;
            if let Ok(payload) = Payload::read(&bad, bad.len() as u64, PayloadIx(0)) {
                (0..payload.tree.entries().len()).for_each(|n| drop(payload.fact(n).to_vec()));
                let names: Vec<String> = payload.extras().map(str::to_owned).collect();
                names.iter().for_each(|n| drop(payload.extra(&bad, n).unwrap()));
            }
        }
    }
    for len in 0..good.len() {
        assert!(Payload::read(&good[..len].to_vec(), len as u64, PayloadIx(0)).is_err());
    }
    let mut other_version = good.clone();
    let at = good.len() - 12;
    other_version[at] += 1;
    let read = Payload::read(&other_version, good.len() as u64, PayloadIx(0));
    assert!(matches!(read, Err(PayloadReadError::Version)));
}

#[test]
fn owners_and_numbers_are_the_readers() {
    let mut writer = Writer::new(Vec::new());
    put(&mut writer, "f", "1");
    let bytes = writer.finish().unwrap();
    let payload = Payload::read(&bytes, bytes.len() as u64, PayloadIx(7)).unwrap();
    let entry: &Entry = &payload.tree.entries()[0];
    assert_eq!(entry.owner, Owner::Package(7));
    assert!(matches!(entry.node, Node::File(body) if body.payload == PayloadIx(7)));
}
