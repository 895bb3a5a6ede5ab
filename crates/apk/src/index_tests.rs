use super::*;
use package::Shelf;

fn shelf(text: &str) -> Shelf {
    Shelf::from_bytes(read_records(text.as_bytes(), "x86_64", &Limits::default()).unwrap()).unwrap()
}

const RECORD: &str = "C:Q1kqFQHSGzXGq3k7gQTqb+GxbmnOw=\nP:a\nV:1.0-r0\nA:x86_64\nS:1\nI:2\n";

#[test]
fn a_record_has_all_its_fields() {
    let text = format!(
        "{RECORD}o:b\nt:7\nc:abc\nk:9\nD:so:x !y<2\np:cmd:z=1\ni:a b=1\nr:old\nT:text\n\nP:n\nV:2\nA:noarch\nC:Q1kqFQHSGzXGq3k7gQTqb+GxbmnOw=\n"
    );
    let shelf = shelf(&text);
    let [a, n] = [0, 1].map(|row| shelf.records().nth(row).unwrap());
    assert_eq!((a.name(), a.version(), a.arch(), a.source()), ("a", "1.0-r0", "amd64", "b"));
    assert_eq!((a.size(), a.installed_size(), a.build_time(), a.provider_priority()), (1, 2, 7, 9));
    assert_eq!((a.depends(), a.provides(), a.install_if()), ("so:x !y<2", "cmd:z=1", "a b=1"));
    assert_eq!((a.path(), a.commit(), a.is_uninstallable()), ("x86_64/a-1.0-r0.apk", "abc", false));
    assert_eq!(a.identity(), Sha1::from_q1("Q1kqFQHSGzXGq3k7gQTqb+GxbmnOw=").map(Identity::ApkControl));
    assert_eq!((n.arch(), n.path()), ("all", "x86_64/n-2.apk"));
}

#[test]
fn what_only_a_newer_apk_understands_is_never_installed() {
    for (extra, fit) in [("x:small\n", true), ("q:1\n", true), ("X:large\n", false), ("D:a=\n", false)] {
        let shelf = shelf(&format!("{RECORD}{extra}"));
        assert_eq!(shelf.records().next().unwrap().is_uninstallable(), !fit, "{extra}");
    }
    let without = shelf("P:a\nV:1\n");
    assert!(without.records().next().unwrap().is_uninstallable(), "nothing ties a file to it");
}

#[test]
fn a_long_line_is_read_and_an_endless_one_refused() {
    let long = format!("{RECORD}D:{}\n", "so:libabcdefg.so.1 ".repeat(4000).trim_end());
    assert_eq!(shelf(&long).records().next().unwrap().depends().len(), 19 * 4000 - 1);
    let limits = Limits { line_bytes: 1000, ..Limits::default() };
    let error = read_records(long.as_bytes(), "x86_64", &limits).unwrap_err();
    assert_eq!(error.to_string(), "cannot read line 7 of the index: it is larger than 1000 bytes");
}

#[test]
fn what_is_no_index_is_said_to_be_what() {
    let limits = Limits::default();
    let said = |bytes: &[u8]| signed_part(bytes, &limits).unwrap_err().to_string();
    assert!(said(b"ADBd\0\0").contains("format 3 of apk (ADB)"), "{}", said(b"ADBd"));
    assert!(said(b"<html>").contains("no index of apk's (no gzip stream"));
    assert!(said(b"").contains("no index of apk's (the file is empty)"));
    let few = Limits { index_bytes: 3, ..Limits::default() };
    assert!(matches!(signed_part(b"\x1f\x8b\x08\0", &few), Err(ApkError::TooLarge { limit: 3, .. })));
    for (text, why) in [
        ("P:a\n\n", "line 1: the record has no version"),
        ("P:../a\nV:1\n\n", "line 1: the record's name"),
        ("P:a\nV:1/..\n", "line 1: the record's version"),
        ("P:a\nhello\n", "line 2: it is not `X:value`"),
        ("P:a\nS:x\n", "line 2: it is not a number"),
        ("P:a\nV:1\n\nP:\u{7f}\nV:2\n", "line 4: the record's name"),
    ] {
        let error = read_records(text.as_bytes(), "x86_64", &limits).unwrap_err().to_string();
        assert!(error.contains(why), "{error}");
    }
}
