use super::*;
use crate::{Identity, Sha1};

fn sample() -> Vec<u8> {
    let mut builder = ShelfBuilder::new(World::Debian);
    let long = "x (>= 1), ".repeat(100);
    for (i, (name, version, provides)) in
        [("b", "2", ""), ("a", "1", "v (= 3), w"), ("b", "1", "v"), ("c", "1", "")].into_iter().enumerate()
    {
        let identity = match i {
            0 => Some(Identity::Whole(oci::Digest::Sha512([7; 64]))),
            1 => Some(Identity::ApkControl(Sha1([3; 20]))),
            2 => Some(Identity::Whole(oci::Digest::Sha256([9; 32]))),
            _ => None,
        };
        let draft = RecordDraft {
            name,
            version,
            provides,
            arch: "amd64",
            depends: if name == "c" { &long } else { "" },
            identity,
            sha256: (i == 0).then_some(oci::Digest::Sha256([1; 32])),
            size: 1 << 40,
            multi_arch: MultiArch::Same,
            essential: i == 3,
            priority: Priority::Optional,
            ..RecordDraft::default()
        };
        builder.push(&draft).unwrap();
    }
    builder.finish()
}

#[test]
fn gives_back_what_was_put_in() {
    let shelf = Shelf::from_bytes(sample()).unwrap();
    assert_eq!(shelf.names().collect::<Vec<_>>(), ["a", "b", "c"]);
    let versions: Vec<_> = shelf.rows_named("b").map(|r| shelf.record(r).version()).collect();
    assert_eq!(versions, ["2", "1"], "equal names keep the index's order");
    assert_eq!(shelf.rows_named("bb"), 0..0);
    let providers: Vec<_> = shelf.providers("v").map(|(r, v)| (shelf.record(r).name(), v)).collect();
    assert_eq!(providers, [("a", "3"), ("b", "")]);
    assert_eq!(shelf.providers("nobody").count(), 0);
    let (a, c) = (shelf.record(0), shelf.record(3));
    assert_eq!((a.size(), a.source(), a.source_version(), a.ordinal()), (1 << 40, "a", "1", 1));
    assert_eq!((c.depends().len(), c.is_essential(), c.priority()), (1000, true, Priority::Optional));
    let two = shelf.record(1);
    assert_eq!(two.identity(), Some(Identity::Whole(oci::Digest::Sha512([7; 64]))));
    assert_eq!(two.sha256(), Some(oci::Digest::Sha256([1; 32])));
    assert_eq!(a.identity(), Some(Identity::ApkControl(Sha1([3; 20]))));
}

#[test]
fn is_total_on_hostile_bytes() {
    for good in [sample(), apk_sample()] {
        flip_each(&good);
    }
}

fn flip_each(good: &[u8]) {
    let mut opened = 0;
    for at in 0..good.len() {
        for flip in [0x01, 0x80, 0xff] {
            let mut bad = good.to_vec();
            bad[at] ^= flip;
            opened += usize::from(read_all(bad));
        }
        read_all(good[..at].to_vec());
    }
    assert!(opened > good.len(), "flips in the heap still open; what they say is only different");
}

#[test]
fn a_header_alone_claims_no_records() {
    let mut bytes = MAGIC.to_vec();
    for word in [FORMAT, 1, u32::MAX, 0] {
        bytes.extend_from_slice(&word.to_le_bytes());
    }
    assert_eq!(Shelf::from_bytes(bytes).unwrap_err().why, "it has no column of names");
    let empty = Shelf::from_bytes(ShelfBuilder::new(World::Debian).finish()).unwrap();
    assert!(empty.is_empty() && empty.rows_named("a").is_empty());
}

fn read_all(bytes: Vec<u8>) -> bool {
    let Ok(shelf) = Shelf::from_bytes(bytes) else { return false };
    // A flipped row count is refused by the columns' lengths, so this loop stays short.
    for r in shelf.records() {
        let _ = (r.name(), r.depends(), r.identity(), r.sha256(), r.size(), r.priority(), r.multi_arch());
        let _ = (shelf.rows_named(r.name()).len(), shelf.providers(r.name()).count());
    }
    shelf.provided_names().map(str::len).sum::<usize>();
    let names = shelf.link_names();
    for row in 0..shelf.len().min(1 << 16) {
        let links = shelf.links().of(row);
        let all = [links.depends, links.provides, links.install_if];
        let _ = all.iter().flat_map(|l| l.iter()).map(|l| names.text(l.name).len()).sum::<usize>();
    }
    true
}

#[test]
fn an_apk_record_says_what_apk_asks() {
    let mut builder = ShelfBuilder::new(World::Apk);
    let draft = RecordDraft {
        name: "b",
        version: "1-r0",
        depends: "so:libc.musl-x86_64.so.1 !c<2",
        provides: "so:libb.so.1=1.2.3 cmd:b=1-r0 virtual",
        install_if: "a docs=1-r0",
        provider_priority: 10,
        build_time: 1_700_000_000,
        commit: "0123abcd",
        uninstallable: true,
        identity: Some(Identity::ApkControl(Sha1([3; 20]))),
        ..RecordDraft::default()
    };
    builder.push(&draft).unwrap();
    builder.push(&RecordDraft { name: "a", version: "2", ..RecordDraft::default() }).unwrap();
    assert!(builder.push(&RecordDraft { name: "x", provides: "=1", ..RecordDraft::default() }).is_err());
    let shelf = Shelf::from_bytes(builder.finish()).unwrap();
    assert_eq!(shelf.world(), World::Apk);
    let (a, b) = (shelf.record(0), shelf.record(1));
    assert_eq!((b.install_if(), b.provider_priority(), b.build_time()), ("a docs=1-r0", 10, 1_700_000_000));
    assert_eq!((b.commit(), b.is_uninstallable()), ("0123abcd", true));
    assert_eq!((a.provider_priority(), a.build_time(), a.is_uninstallable()), (0, 0, false));
    assert_eq!((b.pre_depends(), b.section(), b.sha256()), ("", "", None), "no columns for these");
    for (name, version) in [("so:libb.so.1", "1.2.3"), ("cmd:b", "1-r0"), ("virtual", "")] {
        assert_eq!(shelf.providers(name).collect::<Vec<_>>(), [(1, version)]);
    }
}

fn apk_sample() -> Vec<u8> {
    let mut builder = ShelfBuilder::new(World::Apk);
    let some = Some(Identity::ApkControl(Sha1([3; 20])));
    let b = RecordDraft {
        name: "b",
        version: "1-r0",
        depends: "so:x !a<2",
        provides: "so:b=1-r0 v",
        ..RecordDraft::default()
    };
    builder.push(&RecordDraft { identity: some, install_if: "a b=1-r0", ..b }).unwrap();
    builder.push(&RecordDraft { name: "nobody", ..b }).unwrap();
    let a =
        RecordDraft { name: "a", version: "2", depends: "b c=x d", identity: some, ..RecordDraft::default() };
    builder.push(&RecordDraft { install_if: "b@tag", ..a }).unwrap();
    builder.finish()
}

#[test]
fn apk_dependencies_are_there_by_number() {
    let shelf = Shelf::from_bytes(apk_sample()).unwrap();
    let (names, versions) = (shelf.link_names(), shelf.link_versions());
    let texts: Vec<_> = (0..names.len() as u32).map(|i| names.text(i)).collect();
    assert_eq!(texts, ["b", "so:x", "a", "so:b", "v", "c", "d"], "in the order of the index");
    assert_eq!((versions.text(0), names.text(7)), ("", ""));
    assert_eq!(names.hashes().next(), Some(word_hash("b")));
    let show = |list: LinkList<'_>| -> Vec<String> {
        let text = |l: Link| {
            let not = if l.conflict { "!" } else { "" };
            format!("{not}{}{}{}", names.text(l.name), l.op.as_str(), versions.text(l.version))
        };
        list.iter().map(text).collect()
    };
    let (a, b, nobody) = (shelf.links().of(0), shelf.links().of(1), shelf.links().of(2));
    assert_eq!((names.text(b.name), versions.text(b.version), b.is_broken), ("b", "1-r0", false));
    assert_eq!(show(b.depends), ["so:x", "!a<2"]);
    assert_eq!(show(b.provides), ["so:b=1-r0", "v"]);
    assert_eq!(show(b.install_if), ["a", "b=1-r0"]);
    assert_eq!((show(a.depends), a.is_broken), (vec!["b".into(), "c=x".into(), "d".into()], true));
    assert!(a.install_if.is_empty() && a.identity == b.identity && nobody.identity.is_none());
}
