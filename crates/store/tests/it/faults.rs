use std::path::Path;
use std::process::Command;

use diag::{Diagnostic, Kind};
use store::{Blobs, Cache, Memos, StoreError, write_atomically};

use crate::files;

/// A file system of one megabyte, gone with the test.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    fn mount() -> Option<SmallDisk> {
        let dir = tempfile::tempdir().unwrap();
        let mounted =
            Command::new("mount").args(["-t", "tmpfs", "-o", "size=1m", "tmpfs"]).arg(dir.path()).output();
        mounted.is_ok_and(|m| m.status.success()).then_some(SmallDisk(dir))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(self.0.path()).status();
    }
}

fn said(error: StoreError) -> Diagnostic {
    let error = Diagnostic::from(error);
    assert_eq!(error.kind, Kind::Machine);
    error
}

#[test]
fn a_full_disk_is_named_and_leaves_nothing_half() {
    let Some(disk) = SmallDisk::mount() else { testkit::skip!("only root can mount a small tmpfs") };
    let root = disk.0.path();
    let (blobs, cache) = (Blobs::open(root).unwrap(), Cache::open(root).unwrap());
    let small = blobs.put(b"fits").unwrap();
    write_atomically(&root.join("app.lock"), b"before").unwrap();
    let large = vec![1; 4 << 20];
    let before = files(root);

    let error = said(blobs.put(&large).unwrap_err());
    assert!(error.message.contains("No space left on device"), "{error}");
    assert!(error.message.contains(&root.display().to_string()), "{error}");
    assert!(error.hint.as_deref().unwrap().contains("distil cache prune"));
    let put = cache.put::<_, StoreError>("kind", "key", |out| {
        out.write_all(&large).map_err(|source| StoreError::Io {
            verb: "write",
            path: root.to_owned(),
            source,
        })
    });
    assert!(said(put.unwrap_err()).message.contains("No space left"));
    assert!(said(write_atomically(&root.join("app.lock"), &large).unwrap_err()).message.contains("app.lock"));
    assert!(Memos::at(root).remember("q", Vec::new(), "a".repeat(4 << 20)).is_err());

    assert_eq!(files(root), before);
    assert_eq!(std::fs::read(root.join("app.lock")).unwrap(), b"before");
    assert!(!cache.contains("kind", "key"));
    assert_eq!(blobs.read(&small).unwrap(), b"fits");
    blobs.put(b"still room for this").unwrap();
}

#[test]
fn a_directory_of_others_is_named() {
    if !rustix::process::geteuid().is_root() {
        testkit::skip!("only root can make a directory of another user");
    }
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().to_owned();
    // The identity of this thread alone; it ends with it.
    let stranger = std::thread::spawn(move || {
        rustix::thread::set_thread_uid(rustix::process::Uid::from_raw(65_534)).unwrap();
        (Blobs::open(&root).unwrap_err(), write_atomically(&root.join("app.lock"), b"x").unwrap_err())
    });
    let (blobs, lock) = stranger.join().unwrap();
    for error in [said(blobs), said(lock)] {
        assert!(error.message.contains("ermission denied"), "{error}");
        assert!(error.hint.as_deref().unwrap().contains("--cache-dir"));
    }
}

#[test]
fn what_is_in_the_way_is_named() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("blobs"), "a file").unwrap();
    let error = said(Blobs::open(dir.path()).unwrap_err());
    assert!(error.message.starts_with("cannot make "), "{error}");
    assert!(Path::new(&dir.path().join("blobs")).is_file());
}
