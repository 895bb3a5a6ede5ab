use elf::{Endian, Summary, ld_so_cache};

/// A file that may be ELF: what was read survives its own encoding.
pub(crate) fn elf(data: &[u8]) {
    if let Ok(Some(summary)) = Summary::read(data) {
        let bytes = summary.encode();
        assert_eq!(Summary::decode(&bytes).expect("what we encoded"), summary);
        let _ = (summary.is_program(), summary.is_static(), summary.search_path());
        let _ = ld_so_cache::flags(&summary);
    }
}

/// Facts of a payload that may be damaged.
pub(crate) fn facts(data: &[u8]) {
    let _ = Summary::decode(data);
}

/// A cache of the dynamic linker: what was read and written again reads the same.
pub(crate) fn ld_so_cache(data: &[u8]) {
    if let Ok(cache) = ld_so_cache::read(data) {
        let bytes = ld_so_cache::write(&cache, Endian::Little);
        let again = ld_so_cache::read(&bytes).expect("what we wrote");
        assert_eq!(again.libraries.len(), cache.libraries.len());
    }
}
