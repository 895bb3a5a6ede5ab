//! Summaries against `readelf` on the machine's own objects, and on bytes that lie.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "tests read the machine's files")]

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use bstr::{BString, ByteSlice};
use elf::{Class, Kind, Summary};

/// Some libraries and programs of the machine: a few hundred, of all sorts.
fn objects() -> Vec<PathBuf> {
    let mut out = Vec::new();
    for dir in ["/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/bin", "/usr/sbin"] {
        let Ok(entries) = fs::read_dir(dir) else { continue };
        let mut files: Vec<PathBuf> = entries.flatten().map(|e| e.path()).collect();
        files.retain(|f| fs::metadata(f).is_ok_and(|m| m.is_file() && m.len() < 8 << 20));
        files.sort();
        out.extend(files.into_iter().step_by(4).take(150));
    }
    out
}

fn quoted(line: &str) -> BString {
    line.split_once('[').and_then(|(_, r)| r.rsplit_once(']')).map(|(t, _)| t.into()).unwrap()
}

#[test]
fn says_what_readelf_says() {
    if Command::new("readelf").arg("--version").output().is_err() {
        testkit::skip!("no readelf");
    }
    let mut seen = 0;
    for file in objects() {
        let bytes = fs::read(&file).unwrap();
        let Some(summary) = Summary::read(bytes.as_slice()).unwrap() else { continue };
        seen += 1;
        assert_eq!(Summary::decode(&summary.encode()).unwrap(), summary, "{}", file.display());
        let run = Command::new("readelf").args(["-W", "-h", "-l", "-d", "-V"]).arg(&file).output().unwrap();
        let text = run.stdout.to_str_lossy();
        let lines = |tag: &str| text.lines().filter(|l| l.contains(tag)).map(quoted).collect::<Vec<_>>();
        assert_eq!(summary.needed, lines("(NEEDED)"), "{}", file.display());
        assert_eq!(summary.soname.iter().cloned().collect::<Vec<_>>(), lines("(SONAME)"));
        assert_eq!(summary.runpath.iter().cloned().collect::<Vec<_>>(), lines("(RUNPATH)"));
        assert_eq!(summary.rpath.iter().cloned().collect::<Vec<_>>(), lines("(RPATH)"));
        let interpreter = text.split_once("interpreter: ").map(|(_, r)| r.split(']').next().unwrap());
        assert_eq!(summary.interpreter.as_ref().map(|i| i.to_str().unwrap()), interpreter);
        assert_eq!(
            summary.pie,
            text.contains("Flags: NOW PIE") || text.contains("Flags: PIE"),
            "{}",
            file.display()
        );
        assert_eq!(summary.class == Class::Elf64, text.contains("ELF64"));
        assert_eq!(summary.kind == Kind::Executable, text.contains("EXEC (Executable"));
        let versions = |s: &Summary| -> Vec<String> {
            s.version_needs.iter().flat_map(|n| &n.versions).map(|(v, _)| v.to_string()).collect()
        };
        let theirs: Vec<String> = text
            .lines()
            .filter(|l| l.contains("  Name: ") && l.contains("Version: "))
            .map(|l| l.split_once("Name: ").unwrap().1.split_whitespace().next().unwrap().to_owned())
            .collect();
        assert_eq!(versions(&summary), theirs, "{}", file.display());
        let defined: Vec<&str> = text
            .lines()
            .filter(|l| l.contains("Rev: ") && l.contains("Name: ") && !l.contains("Flags: BASE"))
            .map(|l| l.rsplit_once("Name: ").unwrap().1.trim())
            .collect();
        assert_eq!(summary.version_definitions, defined, "{}", file.display());
    }
    assert!(seen > 50, "only {seen} objects");
}

#[test]
fn tells_programs_from_libraries() {
    let Ok(bytes) = fs::read("/usr/sbin/ldconfig") else { testkit::skip!("no /usr/sbin/ldconfig") };
    let Some(ldconfig) = Summary::read(bytes.as_slice()).unwrap() else {
        testkit::skip!("ldconfig is a script here")
    };
    assert!(ldconfig.is_program() && ldconfig.is_static());
    let own = Summary::read(fs::read(std::env::current_exe().unwrap()).unwrap().as_slice()).unwrap();
    if let Some(own) = own {
        assert!(own.is_program());
    }
    if let Ok(bytes) = fs::read("/lib/x86_64-linux-gnu/libc.so.6") {
        let libc = Summary::read(bytes.as_slice()).unwrap().unwrap();
        assert!(libc.interpreter.is_some() && !libc.is_program() && !libc.is_static());
        assert!(libc.version_definitions.iter().any(|v| v == "GLIBC_2.34"));
    }
}

/// A xorshift: the same bytes on every run.
fn next(state: &mut u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state
}

#[test]
fn bytes_that_lie_are_refused_without_a_panic() {
    let Some(file) = objects().into_iter().find(|f| {
        let summary = fs::read(f).ok().and_then(|b| Summary::read(b.as_slice()).ok().flatten());
        summary.is_some_and(|s| !s.version_needs.is_empty())
    }) else {
        testkit::skip!("no object at hand")
    };
    let bytes = fs::read(file).unwrap();
    let mut refused = 0;
    for end in (0..bytes.len().min(2048)).chain([bytes.len() / 2]) {
        refused += usize::from(Summary::read(&bytes[..end]).is_err());
    }
    assert!(refused > 100);
    let mut state = 0x9e37_79b9_7f4a_7c15;
    for _ in 0..3000 {
        let mut changed = bytes[..bytes.len().min(32 << 10)].to_vec();
        for _ in 0..4 {
            let at = next(&mut state) as usize % changed.len().min(4096);
            changed[at] = next(&mut state) as u8;
        }
        let _ = Summary::read(changed.as_slice());
    }
    let encoded = Summary::read(bytes.as_slice()).unwrap().unwrap().encode();
    for end in 0..encoded.len() {
        assert!(Summary::decode(&encoded[..end]).is_err());
    }
    let mut cache = elf::ld_so_cache::Cache::default();
    for n in 0..9u8 {
        cache.libraries.push(elf::ld_so_cache::Library {
            soname: format!("lib{n}.so.{n}").into(),
            path: format!("/lib/lib{n}.so.{n}").into(),
            flags: 0x303,
            hwcaps: (n % 3 == 0).then(|| "x86-64-v3".into()),
            isa_level: 0,
        });
    }
    let whole = elf::ld_so_cache::write(&cache, elf::Endian::Big);
    let mut sorted = cache.libraries;
    sorted.sort_by(elf::ld_so_cache::compare);
    assert_eq!(elf::ld_so_cache::read(&whole).unwrap().libraries, sorted);
    for at in 0..whole.len() {
        for value in [0, 1, 0x7f, 0x80, 0xff] {
            let mut changed = whole.clone();
            changed[at] = value;
            let _ = elf::ld_so_cache::read(&changed);
        }
        let _ = elf::ld_so_cache::read(&whole[..at]);
    }
}

/// A library whose one note says what it loads at run time, as systemd's do.
#[test]
fn reads_what_is_loaded_at_run_time() {
    const JSON: &[u8] = br#"[{"soname":["libz.so.1"],"priority":"suggested"}]"#;
    let mut out = b"\x7fELF\x02\x01\x01".to_vec();
    out.resize(16, 0);
    out.extend([3, 0, 62, 0, 1, 0, 0, 0]);
    for word in [0u64, 64, 0] {
        out.extend(word.to_le_bytes());
    }
    out.extend([0; 4]);
    for half in [64u16, 56, 1, 64, 0, 0] {
        out.extend(half.to_le_bytes());
    }
    let size = 16 + JSON.len() as u64 + 1;
    out.extend(4u32.to_le_bytes());
    out.extend(4u32.to_le_bytes());
    for word in [120u64, 120, 120, size, size, 4] {
        out.extend(word.to_le_bytes());
    }
    for word in [4u32, JSON.len() as u32 + 1, 0x407c_0c0a, u32::from_le_bytes(*b"FDO\0")] {
        out.extend(word.to_le_bytes());
    }
    out.extend_from_slice(JSON);
    out.extend([0; 3]);
    let summary = Summary::read(out.as_slice()).unwrap().unwrap();
    assert_eq!(summary.dlopen, [JSON.as_bstr()]);
    assert_eq!(Summary::decode(&summary.encode()).unwrap(), summary);
}
