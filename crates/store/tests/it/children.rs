//! What other processes do: this test program started again, with orders in its environment.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use oci::Digest;
use store::{Blobs, Cache, ExpectDigest, Memos, Seen, StoreError, write_atomically};

const ORDER: &str = "STORE_TEST_CHILD";

/// Starts this program again, to do nothing but `order` on the store at `root`.
pub(crate) fn child(order: &str, root: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "children::obeys", "--nocapture"])
        .env(ORDER, format!("{order}:{}", root.display()))
        .stdout(Stdio::null())
        .stderr(Stdio::inherit())
        .spawn()
        .unwrap()
}

#[test]
fn obeys() {
    // Without an order this is an ordinary run of the tests, in which it asserts that bytes differ.
    let Ok(order) = std::env::var(ORDER) else {
        assert_ne!(bytes(1), bytes(2));
        return;
    };
    let (what, root) = order.split_once(':').unwrap();
    let root = PathBuf::from(root);
    match what {
        "work" => (0..60).for_each(|n| work(&root, n)),
        "work-privately" => {
            rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
            work(&root, 0);
        }
        "work-forever" => (0..u32::MAX).for_each(|n| work(&root, n)),
        other => panic!("{other}"),
    }
}

/// The `n`th thing: long enough to be interrupted.
pub(crate) fn bytes(n: u32) -> Vec<u8> {
    (0..150_000 + n).map(|i| (i.wrapping_mul(n + 3) >> 3) as u8).collect()
}

/// One of everything that the store can keep.
fn work(root: &Path, n: u32) {
    let blobs = Blobs::open(root).unwrap();
    let cache = Cache::open(root).unwrap();
    let bytes = bytes(n);
    let digest = Digest::of(&bytes);

    let mut ingest =
        blobs.resume(&format!("download-{n}"), "it", ExpectDigest::new(digest, bytes.len() as u64)).unwrap();
    let from = ingest.len() as usize;
    for piece in bytes[from..].chunks(40_000) {
        ingest.write(piece).unwrap();
    }
    assert_eq!(ingest.commit().unwrap().0, digest);
    assert_eq!(blobs.read(&digest).unwrap(), bytes);

    let key = n.to_string();
    let write = |out: &mut dyn Write| {
        bytes.chunks(10_000).try_for_each(|piece| out.write_all(piece)).map_err(|source| StoreError::Io {
            verb: "write",
            path: root.to_owned(),
            source,
        })
    };
    cache.put("kind", &key, write).unwrap();
    assert_eq!(cache.read("kind", &key).unwrap(), bytes);
    assert_eq!(cache.damaged_count(), 0);

    let inputs = vec![Seen::Absent { path: root.join("absent") }];
    Memos::at(root).remember(&key, inputs, digest.to_string()).unwrap();
    assert_eq!(Memos::at(root).recall(&key), Some(digest.to_string()));
    let lock = root.join("user/app.lock");
    write_atomically(&lock, &bytes).unwrap();
    // Another process may have written it since, but never half.
    let mut found = Vec::new();
    std::fs::File::open(&lock).unwrap().read_to_end(&mut found).unwrap();
    assert!(found.len() >= 150_000);
}
