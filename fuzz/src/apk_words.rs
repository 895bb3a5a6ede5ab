use package::version::apk;
use package::{RecordDraft, Shelf, ShelfBuilder, World, parse_dependencies, parse_dependency};

use super::halves;

/// apk's dependencies: what was read is written so that it reads the same, and a record that
/// provides it is found by its name.
pub(crate) fn dependencies(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let _ = parse_dependency(text);
    for read in parse_dependencies(text).flatten().take(256) {
        let shown = read.to_string();
        assert_eq!(parse_dependency(&shown), Ok(read), "{shown}");
        let _ = (read.has_valid_version(), read.admits("1.0-r0", None));
    }
    let mut builder = ShelfBuilder::new(World::Apk);
    let draft =
        RecordDraft { name: "a", version: "1", provides: text, depends: text, ..RecordDraft::default() };
    if builder.push(&draft).is_ok() {
        let shelf = Shelf::from_bytes(builder.finish()).expect("a shelf just built opens");
        for provided in parse_dependencies(text).flatten().take(64) {
            assert!(
                shelf.providers(provided.name).any(|(row, version)| row == 0 && version == provided.version)
            );
        }
    }
}

/// apk's order is total: of three texts, swapped and chained.
pub(crate) fn versions(data: &[u8]) {
    let (a, rest) = halves(data);
    let (b, c) = halves(rest);
    let texts = [a, b, c].map(|t| String::from_utf8_lossy(t).into_owned());
    let [a, b, c] = texts.each_ref().map(String::as_str);
    assert!(apk::compare(a, a).is_eq());
    assert_eq!(apk::compare(a, b), apk::compare(b, a).reverse());
    if apk::compare(a, b).is_le() && apk::compare(b, c).is_le() {
        assert!(apk::compare(a, c).is_le(), "{a} <= {b} <= {c}");
    }
    if apk::is_valid(a) {
        assert!(apk::compare_fuzzy(a, a).is_eq());
    }
}
