use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use oci::Digest;
use store::{Blobs, Checkup, Memos, verify, write_atomically};

use crate::children::{bytes, child};
use crate::files;

/// Whatever happened before: what is there is right, and no leftover survives the next run.
fn assert_sound(root: &Path) {
    let found = verify(root).unwrap();
    assert_eq!(found, Checkup { checked: found.checked, damaged: vec![] });
    let unfinished = |f: &PathBuf| f.starts_with("tmp") || f.extension().is_some_and(|e| e == "distil-tmp");
    // A child that another test starts just now has our locks too, until it is a program of its own; as long as
    // somebody has that of the directory, nobody else tidies up there.
    testkit::wait_for("a run that leaves nothing unfinished", || {
        drop(Blobs::open(root).unwrap());
        write_atomically(&root.join("user/app.lock"), &bytes(7)).unwrap();
        Memos::at(root).remember("q", Vec::new(), String::new()).unwrap();
        (!files(root).iter().any(unfinished)).then_some(())
    });
}

#[test]
fn several_processes_share_a_store() {
    let dir = tempfile::tempdir().unwrap();
    let children: Vec<_> = (0..3).map(|_| child("work", dir.path())).collect();
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    assert_sound(dir.path());
    let blobs = Blobs::open(dir.path()).unwrap();
    assert_eq!(blobs.all().unwrap().len(), 60);
    assert_eq!(files(&dir.path().join("partial")), Vec::<PathBuf>::new());
    let answer = Memos::at(dir.path()).recall("59").unwrap();
    assert_eq!(answer, Digest::of(&bytes(59)).to_string());
}

#[test]
fn nobody_sweeps_away_what_another_is_writing() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("pins");
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..2_000).for_each(|_| write_atomically(&file, b"pins").unwrap()));
        }
    });
    assert_eq!(std::fs::read(&file).unwrap(), b"pins");
    assert_eq!(files(dir.path()), [PathBuf::from("pins")]);
}

#[test]
fn a_process_may_be_killed_at_any_moment() {
    let dir = tempfile::tempdir().unwrap();
    let mut killed = 0;
    // Moments from before the first write to some objects in, without a pattern.
    for moment in (0..60).map(|n: u64| 5 + n * 7919 % 83) {
        let mut child = child("work-forever", dir.path());
        std::thread::sleep(Duration::from_millis(moment));
        child.kill().unwrap();
        killed += u64::from(child.wait().unwrap().code().is_none());
        assert_sound(dir.path());
    }
    assert_eq!(killed, 60);
    // And in the middle of its work for certain, however slow the machine is.
    let mut child = child("work-forever", dir.path());
    let blobs = Blobs::open(dir.path()).unwrap();
    testkit::wait_for("two blobs", || (blobs.all().unwrap().len() > 1).then_some(()));
    child.kill().unwrap();
    assert_eq!(child.wait().unwrap().code(), None);
    assert_sound(dir.path());
}

#[test]
fn files_can_be_read_by_others_whatever_the_umask() {
    let dir = tempfile::tempdir().unwrap();
    assert!(child("work-privately", dir.path()).wait().unwrap().success());
    let mode = |file: &Path| dir.path().join(file).metadata().unwrap().permissions().mode() & 0o777;
    let shared: Vec<PathBuf> = files(dir.path())
        .into_iter()
        .filter(|f| f.starts_with("blobs") || f.starts_with("derived"))
        .collect();
    assert_eq!(shared.len(), 2);
    assert!(shared.iter().all(|f| mode(f) == 0o644), "{shared:?}");
}
