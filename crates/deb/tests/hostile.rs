//! Packages made to fool their reader, and sound ones of every shape.

use deb::{ControlFiles, DebError, Limits, ScriptKind, unpack};
use rootfs::payload::{Payload, Writer};
use rootfs::{Node, PayloadIx};
use testkit::{Compression, Package, hostile};

fn unpacked(deb: &[u8]) -> Result<(ControlFiles, Vec<u8>), DebError> {
    let mut out = Writer::new(Vec::new());
    let control = unpack(deb, &Limits::default(), &mut out)?;
    Ok((control, out.finish().map_err(DebError::Payload)?))
}

/// What each attack is told, in `hostile.txt`: an attack that begins to be refused for another
/// reason than it should shows there.
#[test]
fn every_hostile_package_is_refused_by_name() {
    let mut told = String::new();
    for attack in hostile::debs() {
        match unpacked(&attack.deb) {
            Ok(_) => told.push_str(&format!("{}: ACCEPTED, though it is {}\n", attack.name, attack.tries)),
            Err(error) => {
                let causes = diag::Diagnostic::from(error).to_string();
                // Long names are said, but not whole.
                let short: String = causes.replace('\0', "\\0").chars().take(160).collect();
                told.push_str(&format!("{}: {short}\n", attack.name));
            }
        }
    }
    let expected = include_str!("hostile.txt");
    assert!(told == expected, "hostile.txt differs; now:\n{told}");
}

#[test]
fn a_package_cut_anywhere_is_refused() {
    let deb = Package::new("foo", "1").file("/usr/bin/foo", b"hello").compression(Compression::Gzip).deb();
    assert!(unpacked(&deb).is_ok());
    for cut in 0..deb.len() - 1 {
        assert!(unpacked(&deb[..cut]).is_err(), "cut at {cut} of {}", deb.len());
    }
}

#[test]
fn a_flipped_bit_never_panics() {
    let deb = Package::new("foo", "1").file("/usr/bin/foo", b"hello").compression(Compression::Zstd).deb();
    let mut refused = 0;
    for at in (0..deb.len() * 8).step_by(13) {
        let mut bad = deb.clone();
        bad[at / 8] ^= 1 << (at % 8);
        refused += usize::from(unpacked(&bad).is_err());
    }
    assert!(refused > deb.len() / 13, "{refused}");
}

#[test]
fn unpacks_every_compression_alike() {
    let make = |c: Compression| {
        Package::new("foo", "1:2-3")
            .file("/usr/share/foo/data", b"data")
            .executable("/usr/bin/foo", b"#!/usr/bin/perl -w\nprint 1;\n")
            .file_with("/usr/bin/su", 0o4755, (0, 42), b"setuid")
            .symlink("/usr/bin/bar", "foo")
            .hardlink("/usr/bin/baz", "usr/bin/foo")
            .script("postinst", "#!/bin/sh\nset -e\n")
            .conffiles("/etc/foo\n")
            .triggers("activate-noawait ldconfig\n")
            .compression(c)
            .deb()
    };
    let all = [Compression::None, Compression::Gzip, Compression::Xz, Compression::Zstd];
    let payloads: Vec<_> = all.into_iter().map(|c| unpacked(&make(c)).unwrap()).collect();
    for other in &payloads[1..] {
        assert!(*other == payloads[0]);
    }
    let (control, bytes) = &payloads[0];
    assert_eq!(control.control.version(), "1:2-3");
    assert_eq!(control.script(ScriptKind::Postinst).unwrap().bytes, "#!/bin/sh\nset -e\n");
    let payload = Payload::read(bytes, bytes.len() as u64, PayloadIx(0)).unwrap();
    let kept = payload.extra(bytes, deb::CONTROL_PART).unwrap().unwrap();
    assert_eq!(ControlFiles::decode(&kept).unwrap(), *control);
    let tree = &payload.tree;
    assert_eq!(payload.fact_of("usr/bin/foo"), b"#!/usr/bin/perl -w");
    assert_eq!(payload.fact_of("usr/share/foo/data"), b"");
    let su = tree.get("usr/bin/su").unwrap();
    assert_eq!((su.mode, su.uid, su.gid), (0o4755, 0, 42));
    assert_eq!(tree.get("usr/bin/baz").unwrap().node, Node::Hardlink("usr/bin/foo".into()));
}

#[test]
fn a_bomb_is_refused_by_what_the_package_says_of_itself() {
    let body = vec![0; 40 << 20];
    let small = Package::new("foo", "1").file("/zeros", &body).field("Installed-Size", "10").deb();
    let error = unpacked(&small).unwrap_err();
    assert!(matches!(error, DebError::TooLarge { limit, .. } if limit < 20 << 20), "{error}");
    assert!(unpacked(&Package::new("foo", "1").file("/zeros", &body).deb()).is_ok());
}

/// A disk that is full after so many bytes is no fault of the package's, wherever it happens.
#[test]
fn a_full_disk_is_not_a_malformed_package() {
    struct Disk(usize);
    impl std::io::Write for Disk {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            match bytes.len().min(self.0) {
                0 if !bytes.is_empty() => Err(std::io::ErrorKind::StorageFull.into()),
                n => {
                    self.0 -= n;
                    Ok(n)
                }
            }
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let deb = Package::new("foo", "1").file("/usr/bin/foo", [b'x'; 5000]).file("/etc/foo", b"y").deb();
    let whole = unpacked(&deb).unwrap().1.len();
    for size in (0..whole).step_by(97) {
        let mut out = Writer::new(Disk(size));
        let unpacked = unpack(&deb[..], &Limits::default(), &mut out).map_err(diag::Diagnostic::from);
        let error =
            unpacked.and_then(|_| out.finish().map(drop).map_err(diag::Diagnostic::from)).unwrap_err();
        assert_eq!(error.kind, diag::Kind::Machine, "{size}: {error}");
    }
}
