//! The cache and the image store damaged, shared, cut off and full: never an error that stays, never
//! another image.

use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::time::Instant;

use testkit::{Package, World};

use crate::run::{Archive, Machine, flip, plain_world};

/// A built machine, with the digests that are right.
fn built() -> (Machine, Archive, Vec<String>) {
    let (machine, archive) = (Machine::new(), Archive::serve(&plain_world()));
    machine.recipe(&archive, &["hello"]);
    let digests = machine.build().good().digests();
    (machine, archive, digests)
}

/// The remembered answer of the last build would hide what is damaged below it.
fn forget_answers(machine: &Machine) {
    let _ = std::fs::remove_dir_all(machine.path("cache/memos"));
    let answers = machine.files("cache").into_iter().filter(|p| p.to_string_lossy().contains("memo"));
    answers.for_each(|p| std::fs::remove_file(p).expect("a memo"));
}

fn below(machine: &Machine, part: &str) -> Vec<PathBuf> {
    let found: Vec<_> =
        machine.files("").into_iter().filter(|p| p.to_string_lossy().contains(part)).collect();
    assert!(!found.is_empty(), "nothing of {part} in {:#?}", machine.files(""));
    found
}

#[track_caller]
fn assert_verifies(machine: &Machine) {
    let ran = machine.distil(&["cache", "verify"]).good();
    assert!(!ran.stderr.contains("damaged"), "{}", ran.stderr);
}

/// Flips a bit in everything below `part`, without the image store; the next build makes the same image
/// and says what it found.
#[track_caller]
fn build_after_damage(part: &str) {
    let (machine, _archive, right) = built();
    forget_answers(&machine);
    std::fs::remove_dir_all(machine.path("data/images")).expect("the image store");
    below(&machine, part).iter().for_each(|p| flip(p));
    let ran = machine.build().good();
    assert_eq!(ran.digests(), right);
    ran.says(&["damaged"]);
    assert_verifies(&machine);
}

#[test]
fn a_damaged_payload() {
    build_after_damage("/payload/");
}

#[test]
fn a_damaged_segment() {
    build_after_damage("/segment/");
}

/// Blobs are read only to become payloads and shelves, so those go first.
#[test]
fn a_damaged_blob() {
    let (machine, _archive, right) = built();
    forget_answers(&machine);
    std::fs::remove_dir_all(machine.path("data/images")).expect("the image store");
    std::fs::remove_dir_all(machine.path("cache/derived")).expect("what was derived");
    below(&machine, "cache/blobs/").iter().for_each(|p| flip(p));
    let ran = machine.build().good();
    assert_eq!(ran.digests(), right);
    ran.says(&["damaged"]);
    // A build from a lock reads no index; update does, and there is no shelf any more.
    machine.distil(&["update", "app.yaml"]).good().says(&["damaged", "beginning anew"]);
    forget_answers(&machine);
    assert_eq!(machine.build().good().digests(), right);
    assert_verifies(&machine);
}

#[test]
fn a_damaged_shelf() {
    let (machine, _archive, right) = built();
    forget_answers(&machine);
    below(&machine, "/shelf/").iter().for_each(|p| flip(p));
    let lock = machine.read("work/app.lock");
    machine.distil(&["update", "app.yaml"]).good();
    assert_eq!(machine.read("work/app.lock"), lock);
    assert_eq!(machine.build().good().digests(), right);
    assert_verifies(&machine);
}

/// A layer with a wrong bit never leaves the store: not into a layout, not into an archive.
#[test]
fn a_damaged_layer() {
    let (machine, _archive, right) = built();
    let largest = |p: &PathBuf| std::fs::metadata(p).map_or(0, |m| m.len());
    let layer =
        below(&machine, "data/images/blobs/sha256/").into_iter().max_by_key(largest).expect("a layer");
    flip(&layer);
    let ran = machine.distil(&["build", "app.yaml", "-o", "oci:out"]).good();
    assert_eq!(ran.digests(), right);
    ran.says(&["its content is", "beginning anew"]);
    let out = machine.path("work/out");
    for file in machine.files("work/out/blobs/sha256") {
        let name = file.file_name().expect("a name").to_string_lossy().into_owned();
        assert_eq!(oci::Digest::of(&std::fs::read(&file).expect("a blob")).hex(), name);
    }
    assert!(out.join("index.json").exists());
    assert_verifies(&machine);
}

/// The store's own two files cut off, empty, foreign or gone: they are set aside, what they were stays to
/// be looked at, and the image is named again.
#[test]
fn a_damaged_image_store() {
    let (machine, _archive, right) = built();
    let whole = machine.read("data/images/index.json");
    let harms: [(&str, &str); 5] = [
        ("index.json", &whole[..whole.len() / 2]),
        ("index.json", ""),
        ("index.json", r#"{"schemaVersion": 2, "config": {}, "layers": []}"#),
        ("oci-layout", "{"),
        ("oci-layout", r#"{"imageLayoutVersion": "9"}"#),
    ];
    for (file, text) in harms {
        machine.write(&format!("data/images/{file}"), text);
        let ran = machine.build().good().says(&["the image store was damaged", ".damaged-"]);
        assert_eq!(ran.digests(), right, "{file}: {text}");
        assert!(machine.read("data/images/index.json").contains("app"), "{file}: {text}");
        let again = machine.build().good();
        assert!(!again.stderr.contains("damaged"), "{}", again.stderr);
    }
    assert_eq!(machine.read("data/images/index.json.damaged-1"), &whole[..whole.len() / 2]);
    assert!(machine.path("data/images/oci-layout.damaged-2").exists());
    for gone in ["oci-layout", "index.json", "blobs"] {
        let path = machine.path("data/images").join(gone);
        let removed =
            if path.is_dir() { std::fs::remove_dir_all(&path) } else { std::fs::remove_file(&path) };
        removed.expect("it was there");
        assert_eq!(machine.build().good().digests(), right, "{gone}");
    }
    machine.write("data/images/index.json", "{");
    machine.distil(&["cache", "info"]).good().says(&["the image store was damaged"]);
}

/// A layout of the user's is not ours to put in order.
#[test]
fn a_damaged_layout_of_the_users() {
    let (machine, _archive, _) = built();
    for file in ["index.json", "oci-layout"] {
        machine.distil(&["build", "app.yaml", "-o", "oci:out"]).good();
        machine.write(&format!("work/out/{file}"), "{");
        let ran = machine.distil(&["build", "app.yaml", "-o", "oci:out"]);
        ran.fails(3, &["cannot read", file, "have it written anew"]);
        assert_eq!(machine.read(&format!("work/out/{file}")), "{");
        std::fs::remove_file(machine.path("work/out").join(file)).expect("it was there");
    }
}

/// What an earlier run wrote is hashed before its digest is printed again.
#[test]
fn a_damaged_blob_in_a_layout_of_the_users() {
    let (machine, _archive, right) = built();
    for _ in 0..2 {
        let ran = machine.distil(&["build", "app.yaml", "-o", "oci:out"]).good();
        assert_eq!(ran.digests(), right);
        for file in machine.files("work/out/blobs/sha256") {
            let name = file.file_name().expect("a name").to_string_lossy().into_owned();
            assert_eq!(oci::Digest::of(&std::fs::read(&file).expect("a blob")).hex(), name);
            flip(&file);
        }
    }
}

#[test]
fn verify_finds_and_deletes() {
    let (machine, _archive, right) = built();
    below(&machine, "cache/blobs/").iter().for_each(|p| flip(p));
    below(&machine, "/payload/").iter().for_each(|p| flip(p));
    let found = machine.distil(&["cache", "verify"]);
    assert!(found.stderr.contains("blob") && found.stderr.contains("payload"), "{found:?}");
    assert_verifies(&machine);
    forget_answers(&machine);
    assert_eq!(machine.build().good().digests(), right);
}

#[test]
fn two_at_once() {
    let (machine, archive) = (Machine::new(), Archive::serve(&heavy_world()));
    machine.recipe(&archive, &["hello"]);
    machine.distil(&["lock", "app.yaml"]).good();
    machine.forget();
    let start = || {
        let mut command = machine.command(&["build", "app.yaml"]);
        command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
        command.spawn().expect("distil starts")
    };
    let both = [start(), start(), start()].map(|c| c.wait_with_output().expect("distil ends"));
    for one in &both {
        assert!(one.status.success(), "{}", String::from_utf8_lossy(&one.stderr));
        assert_eq!(one.stdout, both[0].stdout);
    }
    assert_verifies(&machine);
}

/// Of one name, and two images: each writes its own, whoever has the name in the end.
#[test]
fn two_of_one_name() {
    let (machine, archive) = (Machine::new(), Archive::serve(&plain_world()));
    machine.recipe(&archive, &["hello"]);
    machine.distil(&["lock", "app.yaml"]).good();
    for round in 0..4 {
        let start = |codec: &str| {
            let to = format!("oci:{}-{round}:x", &codec[..4]);
            let mut command = machine.command(&["build", "app.yaml", "--compression", codec, "-o", &to]);
            command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
            command.spawn().expect("distil starts")
        };
        let both = ["gzip:1", "zstd:1"].map(start);
        for (one, dir) in both.into_iter().zip(["gzip", "zstd"]) {
            let ran = crate::run::Ran::of(one.wait_with_output().expect("distil ends")).good();
            let there = crate::foreign::sound(&machine, &format!("{dir}-{round}"), "x");
            assert_eq!(ran.digests(), [there.document.digest.to_string()], "{round}");
        }
    }
}

/// Enough to unpack and compress that a build has many moments.
fn heavy_world() -> World {
    let noise = |seed: u32, len: u32| {
        let mut x = seed;
        let next = |_| {
            x = x.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            b'a' + (x >> 28) as u8
        };
        (0..len).map(next).collect::<Vec<u8>>()
    };
    let mut world = plain_world();
    let mut names = Vec::new();
    for n in 0..6 {
        let name = format!("heavy{n}");
        let package = (0..10).fold(Package::new(&name, "1"), |p, i| {
            p.file(&format!("/usr/share/{name}/{i}"), noise(n * 100 + i, 40_000))
        });
        world = world.package(package);
        names.push(name);
    }
    world.package(Package::new("hello", "2.0-1").depends(&names.join(", ")))
}

/// kill -9 at random moments of cold builds; `DISTIL_TEST_KILLS` says how many. A build that was done before
/// its moment came makes the next moments earlier: how long one takes changes with what else the machine does.
#[test]
fn killed_at_any_moment() {
    let kills: u32 = std::env::var("DISTIL_TEST_KILLS").ok().and_then(|n| n.parse().ok()).unwrap_or(20);
    let (machine, archive) = (Machine::new(), Archive::serve(&heavy_world()));
    machine.recipe(&archive, &["hello"]);
    let begin = Instant::now();
    let right = machine.build().good().digests();
    let mut whole = begin.elapsed();
    let lock = machine.read("work/app.lock");
    let (mut cut, mut n) = (0, 0);
    let mut x = 0x2545_f491_u32;
    while cut < kills {
        n += 1;
        assert!(n < 10 * kills + 100, "{cut} of {n} builds were killed");
        machine.forget();
        let _ = std::fs::remove_file(machine.path("work/app.lock"));
        x = x.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let mut child = machine.command(&["build", "app.yaml", "-q"]);
        let mut child = child
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .spawn()
            .expect("a start");
        std::thread::sleep(whole.mul_f64(f64::from(x >> 8) / f64::from(1 << 24)));
        let _ = child.kill();
        let ended = child.wait().expect("an end");
        match ended.signal() {
            Some(9) => cut += 1,
            _ => whole = whole.mul_f64(0.9),
        }
        if machine.path("work/app.lock").exists() {
            assert_eq!(machine.read("work/app.lock"), lock, "a lock is whole or not there (kill {n})");
        }
        let ran = machine.build().good();
        assert_eq!(ran.digests(), right, "kill {n}");
        assert!(!ran.stderr.contains("damaged"), "kill {n}: {}", ran.stderr);
        assert_eq!(machine.read("work/app.lock"), lock, "kill {n}");
        assert_verifies(&machine);
        let left = machine.files("cache/tmp").into_iter().filter(|p| !p.ends_with(".lock")).count();
        assert_eq!(left, 0, "leftovers are collected (kill {n})");
    }
    let line = format!("killed {cut} of {n} cold builds (the others were done), each then built right\n");
    // Past libtest's capture: the count is what is asked for.
    let _ = std::io::Write::write_all(&mut std::io::stderr(), line.as_bytes());
}

/// A small tmpfs below the cache, the image store or the lock; gone when dropped.
struct Small(PathBuf);

impl Small {
    fn mount(at: PathBuf, size: &str) -> Option<Small> {
        std::fs::create_dir_all(&at).expect("a directory");
        let options = format!("size={size}");
        let run = std::process::Command::new("mount")
            .args(["-t", "tmpfs", "-o", &options, "tmpfs"])
            .arg(&at)
            .output()
            .ok()?;
        run.status.success().then_some(Small(at))
    }

    fn grow(&self, size: &str) {
        let options = format!("remount,size={size}");
        let run = std::process::Command::new("mount").args(["-o", &options]).arg(&self.0).status();
        assert!(run.is_ok_and(|s| s.success()));
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _ = std::process::Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}

#[track_caller]
fn build_on_a_full_disk(sub: &str, sizes: &[&str]) -> bool {
    let (machine, archive) = (Machine::new(), Archive::serve(&heavy_world()));
    machine.recipe(&archive, &["hello"]);
    let right = machine.build().good().digests();
    for size in sizes {
        machine.forget();
        let Some(disk) = Small::mount(machine.path(sub), size) else { return false };
        machine.build().fails(7, &["No space left", "space"]);
        assert_eq!(machine.files("data/images").iter().filter(|p| p.ends_with("index.json")).count(), 0);
        disk.grow("64m");
        let ran = machine.build().good();
        assert_eq!(ran.digests(), right);
        assert!(!ran.stderr.contains("damaged"), "{}", ran.stderr);
        assert_verifies(&machine);
    }
    true
}

#[test]
fn full_disk_below_the_cache() {
    if !build_on_a_full_disk("cache", &["64k", "1m", "3m"]) {
        testkit::skip!("no tmpfs can be mounted here");
    }
}

#[test]
fn full_disk_below_the_images() {
    if !build_on_a_full_disk("data", &["64k", "512k"]) {
        testkit::skip!("no tmpfs can be mounted here");
    }
}

#[test]
fn full_disk_below_a_layout_of_the_users() {
    let (machine, archive) = (Machine::new(), Archive::serve(&heavy_world()));
    machine.recipe(&archive, &["hello"]);
    machine.build().good();
    let Some(disk) = Small::mount(machine.path("work/out"), "64k") else {
        testkit::skip!("no tmpfs can be mounted here")
    };
    let build = |target: &str| machine.distil(&["build", "app.yaml", "-o", target]);
    for target in ["oci:out", "oci:out/deeper/still", "oci-archive:out/a.tar"] {
        build(target).fails(7, &["No space left", "free some disk space"]);
        assert_eq!(std::fs::read_dir(machine.path("work/out")).expect("a directory").count(), 0, "{target}");
    }
    disk.grow("64m");
    build("oci:out").good();
}

/// Directories of ours where none can be made, for root neither.
#[test]
fn directories_that_cannot_be_made() {
    let (machine, _archive, _) = built();
    for flag in ["--cache-dir", "--data-dir"] {
        machine.distil(&["build", "app.yaml", flag, "/proc/x"]).fails(7, &["/proc/x", flag]);
    }
    machine.distil(&["build", "app.yaml", "-o", "oci:/proc/x"]).fails(7, &["/proc/x", "-o"]);
}

/// A killed process holds no lock: else this would not end.
#[test]
fn a_lock_of_the_dead_is_nobodys() {
    let (machine, _archive, right) = built();
    let mut child = machine.command(&["cache", "prune", "--all"]).spawn().expect("a start");
    let _ = child.kill();
    let _ = child.wait();
    assert_eq!(machine.build().good().digests(), right);
}
