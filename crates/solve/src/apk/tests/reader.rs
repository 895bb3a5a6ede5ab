//! A small reader of index texts, for tests only: crate `apk` has the real one.

use package::{
    Identity, RecordDraft, Sha1, Shelf, ShelfBuilder, ShelfSource, Universe, World, parse_dependency,
};

/// The shelf of an index text. Hashes of another length (apk's own tests have such) become some.
pub(super) fn shelf(text: &str) -> Shelf {
    let mut builder = ShelfBuilder::new(World::Apk);
    for stanza in text.split("\n\n").filter(|s| !s.trim().is_empty()) {
        let mut draft = RecordDraft::default();
        let mut provides = String::new();
        for line in stanza.lines() {
            let Some((field, value)) = line.split_once(':') else { continue };
            match field {
                "P" => draft.name = value,
                "V" => draft.version = value,
                "A" => draft.arch = arch(value),
                "D" => draft.depends = value,
                "p" => provides = format!("{provides} {value}"),
                "i" => draft.install_if = value,
                "o" => draft.source = value,
                "k" => draft.provider_priority = value.parse().unwrap(),
                "I" => draft.installed_size = value.parse().unwrap(),
                "S" => draft.size = value.parse().unwrap(),
                "C" => draft.identity = Some(identity(value)),
                "T" | "U" | "L" | "m" | "t" | "c" => {}
                _ => draft.uninstallable |= field.chars().all(char::is_uppercase),
            }
        }
        let words: Vec<&str> =
            provides.split_whitespace().take_while(|w| parse_dependency(w).is_ok()).collect();
        let provides = words.join(" ");
        draft.provides = &provides;
        builder.push(&draft).unwrap();
    }
    Shelf::from_bytes(builder.finish()).unwrap()
}

fn arch(word: &str) -> &str {
    match word {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        "noarch" => "all",
        other => other,
    }
}

/// As apk reads it: bits that are too many are not looked at, and two hashes that differ in nothing
/// else are one package.
fn identity(text: &str) -> Identity {
    const DIGITS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let end = text.trim_end_matches('=');
    let last = end.chars().last().and_then(|c| DIGITS.find(c)).unwrap();
    let exact = format!("{}{}=", &end[..end.len() - 1], DIGITS.as_bytes()[last & !3] as char);
    let made_up = || {
        let mut bytes = [0u8; 20];
        text.bytes().enumerate().for_each(|(i, b)| bytes[i % 20] = bytes[i % 20].wrapping_mul(31) ^ b);
        Sha1(bytes)
    };
    Identity::ApkControl(Sha1::from_q1(&exact).unwrap_or_else(made_up))
}

/// A universe of index texts, each perhaps with a tag.
pub(super) fn universe<'a>(indexes: impl IntoIterator<Item = (Option<&'a str>, &'a str)>) -> Universe {
    let mut universe = Universe::new();
    for (i, (tag, text)) in indexes.into_iter().enumerate() {
        let source = ShelfSource {
            tag: tag.map(str::to_owned),
            ..ShelfSource::distribution(format!("repository-{i}"))
        };
        universe.add(shelf(text), source);
    }
    universe
}

/// The text of an `APKINDEX.tar.gz`: gzip members with one tar over them all.
pub(super) fn index_text(path: &std::path::Path) -> String {
    let bytes = std::fs::read(path).unwrap();
    let mut tar = Vec::new();
    std::io::Read::read_to_end(&mut flate2::read::MultiGzDecoder::new(&bytes[..]), &mut tar).unwrap();
    let mut rest = &tar[..];
    loop {
        let size = std::str::from_utf8(&rest[124..136]).unwrap();
        let size = usize::from_str_radix(size.trim_matches(['\0', ' ']), 8).unwrap();
        if rest.starts_with(b"APKINDEX\0") {
            return String::from_utf8(rest[512..512 + size].to_vec()).unwrap();
        }
        rest = &rest[512 + size.next_multiple_of(512)..];
    }
}
