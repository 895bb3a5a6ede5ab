use std::io::Write;
use std::sync::OnceLock;

use apk::{ApkError, ControlFiles, ExpectApk, Limits, Proof, index, unpack};
use package::{Arch, Shelf};
use rootfs::PayloadIx;
use rootfs::payload::{Payload, Writer};
use store::Expect;
use testkit::ApkKey;
use trust::{RsaKey, RsaKeyring, apk_keys};

use super::{choice, halves, packages};

/// Little enough that no input can make a run slow.
fn limits() -> Limits {
    Limits {
        control_bytes: 256 << 10,
        data_bytes: 4 << 20,
        slack_bytes: 1 << 20,
        members: 4096,
        index_bytes: 1 << 20,
        index_text_bytes: 4 << 20,
        ..Limits::default()
    }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    out.write_all(bytes).expect("memory");
    out.finish().expect("memory")
}

/// A package as it comes; or, by the first byte, a data part around which the rest is made, so that
/// mutations are not all stopped by a checksum; or a control part. The two readers of its head agree,
/// what was unpacked is a sound payload, and what is noted of it survives its own encoding.
pub(crate) fn package(data: &[u8]) {
    let (which, rest) = choice(data);
    let made;
    let bytes = match which % 3 {
        0 => rest,
        1 => {
            made = testkit::ApkPackage::new("fuzz", "1").build_around(gzip(rest), &[]).bytes();
            &made
        }
        _ => {
            made = [gzip(rest), gzip(&[0; 1024])].concat();
            &made
        }
    };
    let mut out = Writer::new(Vec::new());
    let unpacked = unpack(bytes, &Proof::default(), &limits(), &mut out);
    let head = apk::read_control_files(bytes, &limits());
    let Ok(unpacked) = unpacked else { return };
    let head = head.expect("the head of what was unpacked");
    assert_eq!(
        (head.control, &head.info, &head.scripts),
        (unpacked.files.control, &unpacked.files.info, &unpacked.files.scripts)
    );
    let encoded = unpacked.files.encode();
    assert_eq!(ControlFiles::decode(&encoded).expect("what we encoded"), unpacked.files);
    let mut expect = ExpectApk::new(head.control, Some(bytes.len() as u64), &limits());
    bytes.chunks(7).for_each(|piece| expect.update(piece));
    expect.finish().expect("the chain that unpacking followed");
    // A member below a file shows only when all members are known.
    let Ok(payload) = out.finish() else { return };
    let payload_len = payload.len() as u64;
    let tree = Payload::read(&payload, payload_len, PayloadIx(0)).expect("a payload just written").tree;
    let installed =
        [apk::Installed { files: &unpacked.files, tree: &tree, size: 1, arch: "x86_64", tag: None }];
    let text = apk::write_installed(&installed, &|_, _| true);
    if let Ok(records) = apk::parse_installed(&text) {
        assert!(records.len() <= 1 || text.contains(&b'\n'));
    }
}

/// A script before installation and a trigger: each gets a verdict, and a verdict that leaves
/// something over names it.
pub(crate) fn scripts(data: &[u8]) {
    let (script, trigger) = halves(data);
    let files = ControlFiles {
        info: apk::parse_pkginfo(b"pkgname = fuzz\npkgver = 1\ntriggers = /bin /x/*\n").expect("our text"),
        scripts: vec![
            apk::Script::new(apk::ScriptKind::PreInstall, script),
            apk::Script::new(apk::ScriptKind::Trigger, trigger),
        ],
        control: package::Sha1([0; 20]),
        owners: Vec::new(),
        files: Vec::new(),
    };
    let subject = apk::scripts::Subject { files: &files, tree: None };
    let reports = apk::scripts::classify(&subject, &apk::scripts::Unknown);
    assert_eq!(reports.len(), 2);
    for report in &reports {
        assert_eq!(report.leftovers().is_empty(), report.is_accounted_for());
    }
    let _ = apk::scripts::actions(&reports);
}

/// What is noted of a package in a payload that may be damaged.
pub(crate) fn stored(data: &[u8]) {
    if let Ok(files) = ControlFiles::decode(data) {
        assert_eq!(ControlFiles::decode(&files.encode()).expect("what we encoded"), files);
    }
}

/// An index, as it comes or (after an odd byte) its text: what was read opens as a shelf.
pub(crate) fn index(data: &[u8]) {
    let (which, bytes) = choice(data);
    let shelf = if which % 2 == 0 {
        let signed = index::signed_part(bytes, &limits());
        signed.and_then(|s| index::read_index(s.bytes, &Arch::new("amd64"), &limits())).map(|i| i.shelf)
    } else {
        index::read_records(bytes, "x86_64", &limits())
    };
    if let Ok(shelf) = shelf {
        packages::walk(&Shelf::from_bytes(shelf).expect("a shelf just built opens"));
    }
}

/// Who signed the seeds; the fuzzer has not got the secret half.
pub(crate) fn key() -> &'static ApkKey {
    static KEY: OnceLock<ApkKey> = OnceLock::new();
    KEY.get_or_init(|| ApkKey::test_only(1))
}

/// All that the key of the seeds ever signed.
pub(crate) fn signed_index() -> &'static [u8] {
    static INDEX: OnceLock<Vec<u8>> = OnceLock::new();
    INDEX.get_or_init(|| {
        let dir = tempfile::tempdir().expect("a folder");
        let repository = testkit::ApkRepository::new(dir.path());
        let repository = repository.add(testkit::ApkPackage::new("foo", "1.0-r0").provides("so:x=1"));
        let published = repository.publish(key());
        std::fs::read(published.index("x86_64")).expect("an index just published")
    })
}

/// A signed index. A fuzzer cannot forge: what is accepted was signed as it stands.
pub(crate) fn signature(data: &[u8]) {
    static KEYS: OnceLock<RsaKeyring> = OnceLock::new();
    let keys = KEYS.get_or_init(|| {
        let key = RsaKey::from_pem(key().file_name(), key().public_pem().as_bytes());
        [key.expect("the key of the seeds")].into_iter().collect()
    });
    match index::verify(data, keys, &limits()) {
        Ok(verified) => assert!(signed_index().ends_with(verified.value()), "accepted what nobody signed"),
        Err(ApkError::Io(error)) => panic!("memory cannot fail: {error}"),
        Err(_) => {}
    }
}

/// Small texts, by the first byte: what was read is written so that it reads the same.
pub(crate) fn texts(data: &[u8]) {
    let (which, bytes) = choice(data);
    match which % 5 {
        0 => {
            if let Ok(info) = apk::parse_pkginfo(bytes) {
                assert_eq!(apk::parse_pkginfo(info.raw()).expect("the same bytes"), info);
            }
        }
        1 => {
            let _ = apk::parse_installed(bytes);
        }
        2 => {
            if let Ok(lock) = apk::lock_v1::parse_lock_v1(bytes) {
                let text = apk::lock_v1::write_lock_v1(&lock);
                assert_eq!(apk::lock_v1::parse_lock_v1(text.as_bytes()), Ok(lock));
            }
        }
        3 => {
            if let Ok(key) = RsaKey::from_pem("fuzz.rsa.pub", bytes) {
                let bits = key.bits();
                assert!((2048..=4096).contains(&bits), "{bits} bits");
            }
            let _ = apk_keys::named(&String::from_utf8_lossy(bytes));
        }
        _ => {
            let (list, program) = halves(bytes);
            let mut memory = rootfs::MemoryPayload::new(PayloadIx(0));
            let file = rootfs::Node::File(memory.add(b"x"));
            let program_at = rootfs::Entry::new("bin/busybox", file, 0o755, rootfs::Owner::Derived);
            let tree = rootfs::Tree::from_entries(vec![program_at]);
            for contents in [vec![list.to_vec(), Vec::new()], vec![program.to_vec()]] {
                let lists =
                    if contents.len() > 1 { vec![("l".into(), "/bin/busybox".into())] } else { Vec::new() };
                let program = lists.is_empty().then(|| "bin/busybox".into());
                let files = apk::BusyboxFiles { lists, program };
                let made = apk::busybox_links(&tree, &files, &contents, 0).unwrap_or_default();
                assert!(made.iter().all(|e| tree.get(&e.path).is_none()), "a link over what stands there");
            }
        }
    }
}
