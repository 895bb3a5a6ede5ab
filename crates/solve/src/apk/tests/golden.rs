//! What the real apk chose and in which order it installs, from the data beside the checkout.

use std::path::Path;

use super::reader::{index_text, universe};
use super::tables::{installed, shown};
use crate::apk::{Request, Solver, solve};

#[test]
fn alpine_3_19_worlds() {
    let (Some(golden), Some(index)) =
        (testkit::shared_data("apk/golden"), testkit::shared_data("apk/alpine-3.19-full-index"))
    else {
        testkit::skip!("no ../shared/data/apk");
    };
    let text = |part: &str| index_text(&index.join(part).join("x86_64/APKINDEX.tar.gz"));
    let (main, community) = (text("main"), text("community"));
    let universe = universe([(None, main.as_str()), (None, community.as_str())]);
    assert_eq!(universe.len(), 23_030);
    let worlds = std::fs::read_to_string(golden.join("full-3.19.worlds.tsv")).unwrap();
    let lines: Vec<(&str, Request)> = worlds
        .lines()
        .map(|line| line.split_once('\t').unwrap())
        .map(|(name, world)| (name, Request::lines("amd64", world.split(' '))))
        .collect();
    let mut solver = Solver::new(&universe, "amd64");
    for (name, request) in &lines {
        let log = std::fs::read_to_string(golden.join(format!("full-3.19/{name}.txt"))).unwrap();
        let wanted: Vec<String> = log.lines().filter_map(installed).collect();
        let ours = solver.solve(request).map(|solution| shown(&universe, &solution));
        let newer = APK_3.iter().find(|(n, ..)| n == name);
        match (ours, newer) {
            (Ok(ours), Some((_, count, digest))) => {
                let digest_of_ours = oci::Digest::of(ours.join("\n").as_bytes());
                assert_eq!((ours.len(), digest_of_ours.hex().as_str()), (*count, *digest), "{name}");
            }
            (Ok(ours), None) => assert_eq!(ours, wanted, "{name}"),
            (Err(_), _) => assert!(!log.contains("# rc=0"), "{name}"),
        }
    }
    assert_eq!(lines.len(), 54);
}

/// Where apk 3.0.6 (whose algorithm this is) answers differently than the 2.14.0 of the data: what it
/// installs, as a count and the digest of its lines.
const APK_3: [(&str, usize, &str); 2] = [
    ("postgres", 12, "57fec75a3663e21b650b94f74a7b8bcd3530967a09c6b8fe7850e4a04b26ed67"),
    ("kde", 649, "2f7e22a0d2833ce87bb7693f37cc8fdc2871d36dc19b914972c8dc78f75c59c0"),
];

fn medium(folder: &str, golden: &str, arch: &str, worlds: usize) -> Option<()> {
    let golden = testkit::shared_data(&format!("apk/golden/{golden}"))?;
    let index = testkit::shared_data(&format!("apk/{folder}/APKINDEX.tar.gz"))?;
    let text = index_text(&index);
    let universe = universe([(None, text.as_str())]);
    let mut seen = 0;
    let mut files: Vec<_> = std::fs::read_dir(&golden).unwrap().map(|f| f.unwrap().path()).collect();
    files.sort();
    for file in files.iter().filter(|f| f.extension().is_some_and(|e| e == "world")) {
        let read = |path: &Path| std::fs::read_to_string(path).unwrap();
        let world = read(file);
        let solution = solve(&universe, &Request::lines(arch, world.split_whitespace())).unwrap();
        let wanted: Vec<String> = read(&file.with_extension("log")).lines().filter_map(installed).collect();
        assert_eq!(shown(&universe, &solution), wanted, "{}", file.display());
        seen += 1;
    }
    assert_eq!(seen, worlds);
    Some(())
}

#[test]
fn install_order_is_that_of_the_real_apk() {
    if medium("alpine-3.19.1-iso/x86_64", "iso-3.19.1", "amd64", 7).is_none()
        || medium("alpine-3.13.4-rpi/aarch64", "rpi-3.13.4-aarch64", "arm64", 3).is_none()
    {
        testkit::skip!("no ../shared/data/apk");
    }
}
