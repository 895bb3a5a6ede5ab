use deb::release::Compression;
use package::Shelf;
use package::version::debian;

use super::{choice, halves};

/// An index, plain or compressed: what was read opens as a shelf whose records can all be read.
pub(crate) fn packages(data: &[u8]) {
    let (which, bytes) = choice(data);
    let compression = match which % 3 {
        0 => Compression::None,
        1 => Compression::Gzip,
        _ => Compression::Xz,
    };
    if let Ok(shelf) = deb::packages::read_packages(bytes, compression, 4 << 20, 2) {
        let shelf = Shelf::from_bytes(shelf).expect("a shelf just built opens");
        walk(&shelf);
    }
}

/// Bytes that claim to be a shelf: a damaged cache must not take the process down.
pub(crate) fn shelf(data: &[u8]) {
    if let Ok(shelf) = Shelf::from_bytes(data.to_vec()) {
        walk(&shelf);
    }
}

/// Touches everything a shelf can say, at most so much of it.
pub(crate) fn walk(shelf: &Shelf) {
    for record in shelf.records().take(64) {
        let _ = (record.name(), record.version(), record.arch(), record.source(), record.source_version());
        let _ = (record.size(), record.installed_size(), record.identity(), record.sha256());
        let _ = (record.multi_arch(), record.is_essential(), record.priority());
        for field in record.requires().take(64) {
            let _ = package::parse_relations(field);
        }
    }
    for name in shelf.names().take(64) {
        let _ = shelf.rows_named(name);
        let _ = shelf.providers(name).count();
    }
}

/// A control paragraph, by both of its readers.
pub(crate) fn control(data: &[u8]) {
    let draft = deb::packages::read_control(data);
    let control = deb::Control::parse(data);
    if let (Ok(draft), Ok(control)) = (draft, control) {
        // Two readers of one paragraph must not see two packages.
        assert_eq!(draft.name, control.package().to_string(), "the package's name");
    }
    let _ = deb::ControlFiles::decode(data);
}

/// A release file.
pub(crate) fn release(data: &[u8]) {
    if let Ok(release) = deb::release::parse_release(data) {
        let again = deb::release::parse_release(data).expect("the same bytes");
        assert_eq!(format!("{release:?}"), format!("{again:?}"));
    }
}

/// Relations, and each alternative on its own.
pub(crate) fn relations(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let _ = package::parse_alternative(text);
    let _ = package::parse_relations(text);
}

/// dpkg's order is total: of three texts, swapped and chained.
pub(crate) fn versions(data: &[u8]) {
    let (a, rest) = halves(data);
    let (b, c) = halves(rest);
    let texts = [a, b, c].map(|t| String::from_utf8_lossy(t).into_owned());
    let [a, b, c] = texts.each_ref().map(String::as_str);
    assert!(debian::compare(a, a).is_eq());
    assert_eq!(debian::compare(a, b), debian::compare(b, a).reverse());
    if debian::compare(a, b).is_le() && debian::compare(b, c).is_le() {
        assert!(debian::compare(a, c).is_le(), "{a} <= {b} <= {c}");
    }
    let _ = debian::is_valid(a);
}

/// Lines of a `triggers` file.
pub(crate) fn triggers(data: &[u8]) {
    let _ = deb::parse_triggers(data);
}

/// Lines of sysusers.d.
pub(crate) fn sysusers(data: &[u8]) {
    let _ = deb::parse_sysusers(data);
}

/// Lines of tmpfiles.d.
pub(crate) fn tmpfiles(data: &[u8]) {
    let _ = deb::parse_tmpfiles(data);
}

/// A preinst and a postinst of one package: each gets a verdict, and a verdict that leaves something
/// over names it.
pub(crate) fn scripts(data: &[u8]) {
    let (preinst, postinst) = halves(data);
    let files = deb::ControlFiles {
        control: deb::Control::parse("Package: fuzz\nVersion: 1\nArchitecture: all\n").expect("a paragraph"),
        scripts: vec![
            deb::Script::new(deb::ScriptKind::Preinst, preinst),
            deb::Script::new(deb::ScriptKind::Postinst, postinst),
        ],
        md5sums: Default::default(),
        conffiles: Default::default(),
        triggers: Default::default(),
        templates: Default::default(),
    };
    let subject = deb::scripts::Subject { files: &files, tree: None, arch: "amd64" };
    let reports = deb::scripts::classify(&subject, &deb::scripts::Unknown);
    assert_eq!(reports.len(), 2);
    for report in &reports {
        assert_eq!(report.leftovers().is_empty(), report.is_accounted_for());
    }
    let _ = deb::scripts::actions(&reports);
}

/// A whole package, into memory, under limits that a small input cannot be worth.
pub(crate) fn deb(data: &[u8]) {
    let limits = deb::Limits {
        control_bytes: 1 << 20,
        data_bytes: 4 << 20,
        undeclared_bytes: 1 << 20,
        members: 4096,
        xz_memory: 16 << 20,
        zstd_window_log: 22,
        ..deb::Limits::default()
    };
    let mut out = rootfs::payload::Writer::new(Vec::new());
    let unpacked = deb::unpack(data, &limits, &mut out);
    let control = deb::read_control_files(data, &limits);
    if let Ok(whole) = unpacked {
        let control = control.expect("what reads as a whole has a control part");
        assert_eq!(whole.encode(), control.encode());
        // A member below a plain file shows only at the end.
        let Ok(bytes) = out.finish() else { return };
        let payload = rootfs::payload::Payload::read(&bytes, bytes.len() as u64, rootfs::PayloadIx(0));
        let payload = payload.expect("a payload just written opens");
        let part = payload.extra(&bytes, deb::CONTROL_PART).expect("from memory").expect("it is there");
        deb::ControlFiles::decode(&part).expect("what we encoded");
    }
}
