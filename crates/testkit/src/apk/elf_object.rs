/// The smallest shared object that loaders' caches and package tools take for one: 64 bits, little
/// endian, with these words in its dynamic section (System V gABI, chapters 4 and 5) and no code.
///
/// Both its program headers and its section headers lead to them, as readers differ in where they look.
///
/// # Panics
/// For another architecture than `x86_64` and `aarch64`.
pub fn elf_object(arch: &str, soname: &str, needed: &[&str]) -> Vec<u8> {
    let machine: u16 = match arch {
        "x86_64" => 62,
        "aarch64" => 183,
        _ => panic!("no ELF machine number for {arch}"),
    };
    let mut strings = vec![0];
    let mut text = |word: &str| {
        let at = strings.len() as u64;
        strings.extend_from_slice(word.as_bytes());
        strings.push(0);
        at
    };
    let mut dynamic: Vec<(u64, u64)> = needed.iter().map(|n| (1, text(n))).collect();
    dynamic.push((14, text(soname)));
    const STRINGS: u64 = 64 + 2 * 56;
    let (used, at) = (strings.len() as u64, STRINGS + (strings.len() as u64).next_multiple_of(8));
    dynamic.extend([(5, STRINGS), (10, used), (0, 0)]);
    strings.resize(strings.len().next_multiple_of(8), 0);
    let names = b"\0.dynstr\0.dynamic\0.shstrtab\0\0\0\0\0\0";
    let size = dynamic.len() as u64 * 16;
    let sections = at + size + names.len() as u64;
    let end = sections + 4 * 64;

    let mut out = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0".to_vec();
    for half in [3, machine] {
        out.extend_from_slice(&half.to_le_bytes());
    }
    out.extend_from_slice(&1u32.to_le_bytes());
    for word in [0, 64, sections] {
        out.extend_from_slice(&word.to_le_bytes());
    }
    out.extend_from_slice(&0u32.to_le_bytes());
    for half in [64u16, 56, 2, 64, 4, 3] {
        out.extend_from_slice(&half.to_le_bytes());
    }
    for (kind, flags, from, length, align) in [(1u32, 5u32, 0, end, 4096u64), (2, 4, at, size, 8)] {
        out.extend_from_slice(&kind.to_le_bytes());
        out.extend_from_slice(&flags.to_le_bytes());
        for word in [from, from, from, length, length, align] {
            out.extend_from_slice(&word.to_le_bytes());
        }
    }
    out.extend_from_slice(&strings);
    for (tag, value) in dynamic {
        out.extend_from_slice(&tag.to_le_bytes());
        out.extend_from_slice(&value.to_le_bytes());
    }
    out.extend_from_slice(names);
    let table = [
        (0u32, 0u32, 0, 0, 0, 0u32, 0),
        (1, 3, 2, STRINGS, used, 0, 0),
        (9, 6, 3, at, size, 1, 16),
        (18, 3, 0, at + size, names.len() as u64, 0, 0),
    ];
    for (name, kind, flags, from, length, link, each) in table {
        out.extend_from_slice(&name.to_le_bytes());
        out.extend_from_slice(&kind.to_le_bytes());
        for word in [flags, if flags == 0 { 0 } else { from }, from, length] {
            out.extend_from_slice(&u64::to_le_bytes(word));
        }
        out.extend_from_slice(&link.to_le_bytes());
        out.extend_from_slice(&0u32.to_le_bytes());
        for word in [8, each] {
            out.extend_from_slice(&u64::to_le_bytes(word));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::super::elf_words::ElfWords;
    use super::*;

    #[test]
    fn says_what_it_was_given() {
        let object = elf_object("aarch64", "libfoo.so.1", &["libc.so.6", "libm.so.6"]);
        let words = ElfWords::of(&object).unwrap();
        assert_eq!(words.soname.as_deref(), Some("libfoo.so.1"));
        assert_eq!(words.needed, ["libc.so.6", "libm.so.6"]);
        assert_eq!(ElfWords::of(b"#!/bin/sh\n"), None);
    }

    #[test]
    fn readelf_reads_it() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("libfoo.so.1");
        std::fs::write(&file, elf_object("x86_64", "libfoo.so.1", &["libc.so.6"])).unwrap();
        let Ok(run) = std::process::Command::new("readelf").args(["-h", "-S", "-d"]).arg(&file).output()
        else {
            crate::skip!("no readelf")
        };
        let (said, complained) = (String::from_utf8_lossy(&run.stdout), String::from_utf8_lossy(&run.stderr));
        assert_eq!(complained, "");
        assert!(said.contains("Library soname: [libfoo.so.1]") && said.contains(".dynamic"), "{said}");
        assert!(said.contains("Shared library: [libc.so.6]"), "{said}");
    }
}
