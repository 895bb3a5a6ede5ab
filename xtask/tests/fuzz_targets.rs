//! The fuzz targets on the stable compiler: their seeds, and mutations of them, the same every time.
//! Hours of fuzzing find what this cannot; this finds what broke since.

#[path = "../../fuzz/src/lib.rs"]
#[allow(dead_code, unreachable_pub, missing_docs, reason = "as a crate of its own it is public")]
mod fuzz;

use std::panic::{AssertUnwindSafe, catch_unwind};

/// Mutations of each seed; a seed of many bytes gets fewer.
const MUTATIONS: usize = 60;

/// A generator of numbers that need only be different (xorshift64).
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % n.max(1) as u64).unwrap()
    }
}

/// One change as fuzzers make them: a bit, a byte, a cut, a piece twice, a piece of another seed.
fn mutate(seed: &[u8], other: &[u8], dice: &mut Dice) -> Vec<u8> {
    let mut out = seed.to_vec();
    let at = dice.below(seed.len());
    let len = 1 + dice.below(16.min(seed.len() - at));
    match dice.below(6) {
        0 => out[at] ^= 1 << dice.below(8),
        1 => out[at] = [0, 0xff, 0x7f, 0x80, b'\n', b' ', b'0', b'9'][dice.below(8)],
        2 => out.truncate(at),
        3 => drop(out.drain(at..at + len)),
        4 => drop(out.splice(at..at, seed[at..at + len].to_vec())),
        _ => {
            let from = dice.below(other.len());
            let piece = &other[from..(from + 1 + dice.below(64)).min(other.len())];
            out.splice(at..at, piece.iter().copied());
        }
    }
    out
}

#[test]
fn targets_hold_for_seeds_and_their_mutations() {
    let seeds = fuzz::seeds();
    let mut runs = 0;
    for (name, target) in fuzz::TARGETS {
        let mut of_this = seeds.get(name).cloned().unwrap_or_default();
        of_this.retain(|s| !s.is_empty());
        assert!(!of_this.is_empty(), "{name} has no seed");
        let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
        let mut check = |input: &[u8]| {
            runs += 1;
            if catch_unwind(AssertUnwindSafe(|| target(input))).is_err() {
                let file = std::env::temp_dir().join(format!("distil-fuzz-{name}"));
                std::fs::write(&file, input).unwrap();
                panic!("{name} fails for the {} bytes in {}", input.len(), file.display());
            }
        };
        check(b"");
        for (n, seed) in of_this.iter().enumerate() {
            check(seed);
            let other = &of_this[(n + 1) % of_this.len()];
            let times = if seed.len() > 16 << 10 { MUTATIONS / 6 } else { MUTATIONS };
            for _ in 0..times {
                check(&mutate(seed, other, &mut dice));
            }
        }
    }
    assert!(runs > 5_000, "only {runs} inputs");
}

#[test]
fn the_table_the_files_and_the_manifest_agree() {
    let fuzz_dir = testkit::workspace().join("fuzz");
    let manifest = std::fs::read_to_string(fuzz_dir.join("Cargo.toml")).unwrap();
    for (name, _) in fuzz::TARGETS {
        let file = std::fs::read_to_string(fuzz_dir.join(format!("fuzz_targets/{name}.rs"))).unwrap();
        assert!(file.contains(&format!("fuzz::run(\"{name}\", data)")), "{name}");
        assert!(manifest.contains(&format!("[[bin]]\nname = \"{name}\"\n")), "{name}");
    }
    let files = std::fs::read_dir(fuzz_dir.join("fuzz_targets")).unwrap().count();
    assert_eq!(files, fuzz::TARGETS.len(), "a file without a row in the table");
}

/// A fuzzer that starts from refused inputs stays at the door.
#[test]
fn seeds_get_past_the_door() {
    let seeds = fuzz::seeds();
    for lock in &seeds["lock"] {
        lockfile::read("seed.lock", std::str::from_utf8(lock).unwrap()).unwrap();
    }
    let dir = tempfile::tempdir().unwrap();
    for (n, archive) in seeds["oci_archive"].iter().enumerate() {
        let file = dir.path().join(n.to_string());
        std::fs::write(&file, archive).unwrap();
        image::validate(&image::OciArchive::open(&file).unwrap(), "x").unwrap();
    }
    let debs = seeds["deb"].iter().filter(|deb| {
        deb::read_control_files(&deb[..], &deb::Limits::default()).is_ok_and(|c| c.control.package() == "foo")
    });
    assert_eq!(debs.count(), 4, "one of each compression");
    let recipes = seeds["recipe"].iter().filter_map(|r| std::str::from_utf8(r).ok());
    assert!(recipes.filter(|text| recipe::parse("seed.yaml", text).is_ok()).count() > 4);
}
