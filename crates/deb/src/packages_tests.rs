use package::Shelf;

use super::*;

const HASH: &str = "704dae7df79a35ed1bd3a0a8d5d1b9ce7a4ecdef74ddff72114d9523d63710eb";

fn stanza(name: &str, more: &str) -> String {
    format!(
        "Package: {name}\nVersion: 1:2.3-4\nArchitecture: amd64\nFilename: pool/{name}.deb\nSize: 12\nSHA256: {HASH}\n{more}\n"
    )
}

fn read(text: &str) -> Result<Shelf, PackagesError> {
    read_packages(text.as_bytes(), Compression::None, 1 << 20, 1)
        .map(|bytes| Shelf::from_bytes(bytes).unwrap())
}

#[test]
fn reads_the_fields_that_solving_needs() {
    let text = stanza(
        "libc6",
        "Source: glibc (2.41-12)\nInstalled-Size: 13\nMaintainer: GNU\nDepends: libgcc-s1,\n libfoo (>= 2)\nMulti-Arch: same\n\
         Provides: libc, libc-api (= 7)\nEssential: yes\nprotected: yes\nPriority: required\nDescription: a: b\n  c\n",
    ) + "\n"
        + &stanza("a", "");
    let shelf = read(&text).unwrap();
    let r = shelf.record(shelf.rows_named("libc6").start);
    assert_eq!(
        (r.version(), r.arch(), r.source(), r.source_version()),
        ("1:2.3-4", "amd64", "glibc", "2.41-12")
    );
    assert_eq!((r.size(), r.installed_size(), r.path()), (12, 13 * 1024, "pool/libc6.deb"));
    assert_eq!(package::parse_relations(r.depends()).unwrap().len(), 2, "continuations belong to the value");
    assert_eq!((r.multi_arch(), r.is_essential(), r.is_protected()), (MultiArch::Same, true, true));
    assert_eq!(shelf.providers("libc-api").map(|(_, v)| v).collect::<Vec<_>>(), ["7"]);
    assert_eq!(r.sha256().unwrap().hex(), HASH);
    assert_eq!(shelf.record(0).name(), "a");
}

#[test]
fn reads_the_strongest_hash_and_refuses_weak_ones() {
    let hex512 = "ab".repeat(64);
    let only = stanza("a", "").replace(&format!("SHA256: {HASH}"), &format!("MD5sum: 00\nSHA512: {hex512}"));
    let shelf = read(&only).unwrap();
    assert_eq!(shelf.record(0).sha256(), None);
    assert!(matches!(shelf.record(0).identity(), Some(Identity::Whole(Digest::Sha512(_)))));
    let both = read(&stanza("a", &format!("SHA512: {hex512}\n"))).unwrap();
    assert_eq!(both.record(0).sha256().unwrap().hex(), HASH);
    let error = read(&stanza("a", "").replace("SHA256", "SHA1")).unwrap_err();
    assert_eq!(
        error.to_string(),
        "cannot read package index: line 7: the record before it has neither SHA256 nor SHA512"
    );
    assert_eq!(error.kind(), Kind::Trust);
}

#[test]
fn names_the_line_of_a_malformed_record() {
    let good = stanza("a", "") + "\n";
    for (more, message) in [
        (" x: y\n", "line 9: it is neither a field nor a continuation"),
        ("nonsense\n", "line 9: it is neither a field nor a continuation"),
        ("Package: x\nVersion: 1\npackage: y\n", "line 11: the field `Package` stands twice"),
        ("Package: x y\n", "line 9: `Package` is `x y`, which is not a package name"),
        ("Package: x\nVersion: 1 2\n", "line 10: `Version` is `1 2`, which is not a version"),
        (
            "Package: x\nFilename: ../x\n",
            "line 10: `Filename` is `../x`, which is not a path inside the archive",
        ),
        ("Package: x\nSize: -1\n", "line 10: `Size` is `-1`, which is not a number"),
        ("Package: x\nVersion: 1\n", "line 10: the record before it has no field `Architecture`"),
        (
            "Package: x\nVersion: 1\nArchitecture: all\nFilename: x\n",
            "line 12: the record before it has no field `Size`",
        ),
    ] {
        let error = read(&(good.clone() + more)).unwrap_err().to_string();
        assert_eq!(error, format!("cannot read package index: {message}"), "{more}");
    }
    let provides = read(&stanza("a", "Provides: b (\n")).unwrap_err().to_string();
    assert!(
        provides.ends_with("Provides: `b (` is not a package relation: the parenthesis is not closed"),
        "{provides}"
    );
}

#[test]
fn compressed_indexes_read_alike_at_every_seam() {
    let text: String = (0..40_000).map(|i| stanza(&format!("p{i:05}"), "Depends: x\n") + "\n").collect();
    assert!(text.len() > 4 * CHUNK, "several chunks");
    let plain = read_packages(text.as_bytes(), Compression::None, 1 << 30, 1).unwrap();
    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut gz, text.as_bytes()).unwrap();
    let gz = gz.finish().unwrap();
    assert_eq!(read_packages(&gz, Compression::Gzip, 1 << 30, 1).unwrap(), plain);
    let xz = liblzma::encode_all(text.as_bytes(), 0).unwrap();
    for threads in [1, 2] {
        assert_eq!(read_packages(&xz, Compression::Xz, 1 << 30, threads).unwrap(), plain);
    }
    let cut = read_packages(&xz[..xz.len() / 2], Compression::Xz, 1 << 30, 2);
    assert!(matches!(cut, Err(PackagesError::Decompress(_))), "{cut:?}");
    let mut flipped = gz.clone();
    flipped[gz.len() / 2] ^= 0x10;
    assert!(read_packages(&flipped, Compression::Gzip, 1 << 30, 1).is_err());
    let bomb = read_packages(&xz, Compression::Xz, 100_000, 2);
    assert!(matches!(bomb, Err(PackagesError::TooLarge { limit: 100_000 })));
}

#[test]
fn a_control_paragraph_makes_the_same_draft() {
    let draft =
        read_control(b"Package: x\nVersion: 1\nArchitecture: all\nDepends: y\nDescription: d\n").unwrap();
    assert_eq!((draft.name, draft.depends, draft.identity), ("x", "y", None));
    assert_eq!(read_control(b"Package: x\nVersion: 1\n").unwrap_err(), StanzaFault::Missing("Architecture"));
    assert_eq!(
        read_control(b"Package: x\nVersion: 1\nArchitecture: all\n\nPackage: y\n").unwrap_err(),
        StanzaFault::Line
    );
    assert_eq!(read_control(b"").unwrap_err(), StanzaFault::Missing("Package"));
}
