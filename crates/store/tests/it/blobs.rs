use std::fs;
use std::io::Read;

use oci::{Algorithm, Digest, Hasher};
use store::{Blobs, Expect, ExpectAnything, ExpectDigest, Ingest, Mismatch, StoreError};

use crate::files;

fn open() -> (tempfile::TempDir, Blobs) {
    let dir = tempfile::tempdir().unwrap();
    let blobs = Blobs::open(dir.path()).unwrap();
    (dir, blobs)
}

fn offer<E: Expect>(blobs: &Blobs, expect: E, bytes: &[u8]) -> Result<(Digest, u64), StoreError> {
    let mut ingest = blobs.ingest("the thing", expect)?;
    for piece in bytes.chunks(7) {
        ingest.write(piece)?;
    }
    ingest.commit()
}

/// What there is under `key`, once nobody is at it: a child that another test starts just now has the lock of who was,
/// until it is a program of its own.
fn resumed<E: Expect>(blobs: &Blobs, expect: impl Fn() -> E) -> Ingest<'_, E> {
    testkit::wait_for("the lock of the one before", || {
        let ingest = blobs.resume("key", "it", expect()).unwrap();
        (!ingest.is_empty()).then_some(ingest)
    })
}

#[test]
fn only_what_was_expected_gets_in() {
    let (dir, blobs) = open();
    let right = b"the right bytes";
    let (digest, size) = (Digest::of(right), right.len() as u64);
    let said = |bytes: &[u8]| match offer(&blobs, ExpectDigest::new(digest, size), bytes) {
        Err(StoreError::Mismatch { what, mismatch }) => format!("{what}: {mismatch}"),
        other => panic!("{other:?}"),
    };
    let wrong = b"the wrong bytes";
    let found = Digest::of(wrong);
    assert_eq!(said(wrong), format!("the thing: its digest is {found} where {digest} was promised"));
    assert_eq!(said(b"short"), "the thing: it has 5 bytes where 15 were promised");
    assert_eq!(said(b"the right bytes and more"), "the thing: it has 21 bytes where 15 were promised");
    assert_eq!(files(dir.path()), Vec::<std::path::PathBuf>::new());

    assert_eq!(offer(&blobs, ExpectDigest::new(digest, size), right).unwrap(), (digest, size));
    assert_eq!(blobs.contains(&digest), Some(size));
    assert_eq!(blobs.read(&digest).unwrap(), right);
    let mut part = [0; 5];
    blobs.open_blob(&digest).unwrap().read_exact_at(&mut part, 4).unwrap();
    assert_eq!(&part, b"right");
    assert!(offer(&blobs, ExpectDigest::at_most(digest, 1000), right).is_ok());
    assert!(offer(&blobs, ExpectAnything { cap: 3 }, b"four").is_err());
    assert_eq!(files(dir.path()).len(), 1);
}

#[test]
fn a_blob_known_by_sha512_has_two_names() {
    let (_dir, blobs) = open();
    let mut hasher = Hasher::new(Algorithm::Sha512);
    hasher.update(b"newer archives");
    let alias = hasher.finish();
    let (digest, _) = offer(&blobs, ExpectDigest::new(alias, 14), b"newer archives").unwrap();
    assert_eq!(digest, Digest::of(b"newer archives"));
    assert_eq!(blobs.read(&alias).unwrap(), b"newer archives");
    assert_eq!(blobs.read(&digest).unwrap(), b"newer archives");
    offer(&blobs, ExpectDigest::new(alias, 14), b"newer archives").unwrap();
}

/// A proof that is no digest of the file: its first byte is the sum of the others.
struct Chain {
    first: Option<u8>,
    sum: u8,
}

impl Expect for Chain {
    fn update(&mut self, bytes: &[u8]) {
        let mut bytes = bytes.iter();
        if self.first.is_none() {
            self.first = bytes.next().copied();
        }
        self.sum = bytes.fold(self.sum, |sum, b| sum.wrapping_add(*b));
    }

    fn finish(self) -> Result<(), Mismatch> {
        if self.first == Some(self.sum) {
            Ok(())
        } else {
            Err(Mismatch::Other("its chain is broken".to_owned()))
        }
    }

    fn cap(&self) -> u64 {
        100
    }
}

#[test]
fn another_kind_of_proof_is_named_by_sha256_all_the_same() {
    let (_dir, blobs) = open();
    let fresh = || Chain { first: None, sum: 0 };
    assert_eq!(offer(&blobs, fresh(), &[6, 1, 2, 3]).unwrap(), (Digest::of(&[6, 1, 2, 3]), 4));
    let error = offer(&blobs, fresh(), &[7, 1, 2, 3]).unwrap_err();
    assert_eq!(error.to_string(), "cannot keep the thing: its chain is broken");
}

#[test]
fn a_download_goes_on_where_another_process_stopped() {
    let (dir, blobs) = open();
    let bytes: Vec<u8> = (0..300_000u32).map(|i| (i % 251) as u8).collect();
    let digest = Digest::of(&bytes);
    let expect = || ExpectDigest::new(digest, bytes.len() as u64);
    let mut first = blobs.resume("key", "it", expect()).unwrap();
    first.write(&bytes[..100_000]).unwrap();

    // While the first is at it, a second begins by itself and may even win.
    let mut second = blobs.resume("key", "it", expect()).unwrap();
    assert!(second.is_empty());
    second.write(&bytes).unwrap();
    second.commit().unwrap();
    drop(first);
    blobs.delete(&digest);

    let blobs = Blobs::open(dir.path()).unwrap();
    let mut third = resumed(&blobs, expect);
    assert_eq!(third.len(), 100_000);
    third.write(&bytes[100_000..]).unwrap();
    assert_eq!(third.commit().unwrap(), (digest, 300_000));
    assert_eq!(blobs.read(&digest).unwrap(), bytes);
    assert_eq!(files(dir.path()).len(), 1);
}

#[test]
fn a_partial_download_of_wrong_bytes_is_given_up() {
    let (dir, blobs) = open();
    let right = b"right bytes";
    let expect = || ExpectDigest::new(Digest::of(right), 11);
    let partial = dir.path().join("partial/key");
    fs::write(&partial, b"wrong bytes").unwrap();
    let whole = blobs.resume("key", "it", expect()).unwrap();
    assert_eq!(whole.len(), 11);
    assert!(whole.commit().is_err());
    assert!(!partial.exists());

    fs::write(&partial, b"far too many bytes").unwrap();
    assert!(blobs.resume("key", "it", expect()).unwrap().is_empty());

    // A server that knows no ranges sends all of it again.
    fs::write(&partial, b"righ").unwrap();
    let mut again = resumed(&blobs, expect);
    assert_eq!(again.len(), 4);
    again.restart(expect()).unwrap();
    again.write(right).unwrap();
    assert_eq!(again.commit().unwrap(), (Digest::of(right), 11));
}

#[test]
fn a_blob_that_rots_is_found_and_deleted() {
    let (_dir, blobs) = open();
    let digest = blobs.put(&[5; 200_000]).unwrap();
    let rot = || {
        blobs.put(&[5; 200_000]).unwrap();
        let mut raw = fs::read(blobs.path(&digest)).unwrap();
        raw[150_000] ^= 1;
        fs::write(blobs.path(&digest), raw).unwrap();
    };
    rot();
    assert!(matches!(blobs.read(&digest), Err(StoreError::Damaged { .. })));
    assert_eq!(blobs.contains(&digest), None);
    rot();
    let mut checked = blobs.open_checked(&digest).unwrap();
    let mut some = vec![0; 1000];
    checked.read_exact(&mut some).unwrap();
    let error = checked.finish().unwrap_err();
    assert!(error.to_string().contains("it was damaged on disk"), "{error}");
    assert!(matches!(blobs.open_blob(&digest), Err(StoreError::Absent { .. })));
    // Shorter, as after a power cut: presence and size tell.
    blobs.put(&[5; 200_000]).unwrap();
    fs::write(blobs.path(&digest), [5; 10]).unwrap();
    assert_eq!(blobs.contains(&digest), Some(10));
    blobs.put(&[5; 200_000]).unwrap();
    let mut sound = Vec::new();
    blobs.open_checked(&digest).unwrap().read_to_end(&mut sound).unwrap();
    assert_eq!(sound, [5; 200_000]);
}
