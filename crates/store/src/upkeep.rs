use std::fs::{self, File, Metadata};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use oci::Algorithm;

use crate::own_files::file_clock;
use crate::{Blobs, Cache, FileLock, StoreError, Usage};

/// What was deleted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Freed {
    /// Files.
    pub objects: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// What an examination found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Checkup {
    /// Blobs and derived objects that were read to their end.
    pub checked: u64,
    /// Those that were damaged and are deleted now, by kind and name.
    pub damaged: Vec<String>,
}

/// Held, shared, by whoever works with the store, so that nothing is pruned under its hands.
pub(crate) fn use_lock(root: &Path) -> Result<FileLock, StoreError> {
    FileLock::shared(&root.join("in-use.lock"))
}

/// Lets a file's time of change say when it was last used, to the day: what is in use is never pruned
/// by age, and reading costs no write but one a day (times of access are off on many machines).
pub(crate) fn mark_used(file: &File, metadata: &Metadata) {
    const DAY: Duration = Duration::from_secs(24 * 60 * 60);
    let now = u64::try_from(file_clock()).ok().map(|ns| SystemTime::UNIX_EPOCH + Duration::from_nanos(ns));
    let (Some(now), Ok(then)) = (now, metadata.modified()) else { return };
    if now.duration_since(then).is_ok_and(|age| age > DAY) {
        // Another user's cache stays unmarked.
        let _ = file.set_modified(now);
    }
}

/// How much of what there is, by kind: blobs, unfinished downloads, memos, and each kind of derived
/// object.
///
/// # Errors
/// A directory cannot be read.
pub fn info(root: &Path) -> Result<Vec<Usage>, StoreError> {
    let mut out = Vec::new();
    // Names by SHA-512 are second names of the same files.
    for (kind, dir) in places(root)?.into_iter().filter(|(_, dir)| !dir.ends_with("sha512")) {
        let mut usage = Usage { kind, objects: 0, bytes: 0 };
        for (_, metadata) in files(&dir)? {
            usage.objects += 1;
            usage.bytes += metadata.len();
        }
        out.push(usage);
    }
    Ok(out)
}

/// Deletes what was not used since that time; everything without one. Waits until nobody works with
/// the store (`on_wait` is called once then), so no [`Blobs`] or [`Cache`] of the caller may be open.
///
/// # Errors
/// A directory cannot be read, or a file not be deleted.
pub fn prune(
    root: &Path,
    unused_since: Option<SystemTime>,
    on_wait: impl FnOnce(),
) -> Result<Freed, StoreError> {
    let _alone = FileLock::exclusive(&root.join("in-use.lock"), on_wait)?;
    let mut freed = Freed::default();
    for (_, dir) in places(root)? {
        for (path, metadata) in files(&dir)? {
            let used = metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH);
            if unused_since.is_some_and(|since| used >= since) {
                continue;
            }
            fs::remove_file(&path).map_err(StoreError::io("delete", &path))?;
            // A second name of the same file frees nothing.
            if is_last_name(&metadata) {
                freed.objects += 1;
                freed.bytes += metadata.len();
            }
        }
    }
    Ok(freed)
}

/// Removes files of a directory of ours, by their names; what is no regular file, or cannot be removed, stays. A
/// directory that is not there has none.
pub fn remove_files(dir: &Path, mut unwanted: impl FnMut(&str) -> bool) {
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        let is_file = entry.file_type().is_ok_and(|kind| kind.is_file());
        if is_file && entry.file_name().to_str().is_some_and(&mut unwanted) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// Hashes every blob and checks every block of every derived object; what is damaged is deleted.
///
/// # Errors
/// Something cannot be read.
pub fn verify(root: &Path) -> Result<Checkup, StoreError> {
    let (blobs, cache) = (Blobs::open(root)?, Cache::open(root)?);
    let mut found = Checkup::default();
    let named = |algorithm| blobs.named_by(algorithm);
    for digest in named(Algorithm::Sha256)?.into_iter().chain(named(Algorithm::Sha512)?) {
        match blobs.verify(&digest) {
            Ok(true) => {}
            Ok(false) => found.damaged.push(format!("blob {digest}")),
            // Another process has deleted it.
            Err(StoreError::Absent { .. }) => continue,
            Err(e) => return Err(e),
        }
        found.checked += 1;
    }
    for kind in cache.kinds()? {
        for path in cache.objects(&kind)? {
            let key = path.file_name().and_then(|n| n.to_str()).unwrap_or_default();
            if !cache.contains(&kind, key) {
                continue;
            }
            found.checked += 1;
            if !cache.is_sound(&kind, key) {
                found.damaged.push(format!("{kind} {key}"));
            }
        }
    }
    Ok(found)
}

/// The directories of the store, with what people call what is in them.
fn places(root: &Path) -> Result<Vec<(String, PathBuf)>, StoreError> {
    let fixed =
        [("blobs", "blobs/sha256"), ("blobs", "blobs/sha512"), ("partial", "partial"), ("memos", "memos")];
    let fixed = fixed.into_iter().map(|(kind, dir)| (kind.to_owned(), root.join(dir)));
    let mut out: Vec<(String, PathBuf)> = fixed.filter(|(_, dir)| dir.is_dir()).collect();
    let derived = root.join("derived");
    if derived.is_dir() {
        let kinds = fs::read_dir(&derived).map_err(StoreError::io("read", &derived))?;
        let mut kinds: Vec<_> = kinds.flatten().filter(|e| e.path().is_dir()).collect();
        kinds.sort_by_key(fs::DirEntry::file_name);
        out.extend(kinds.into_iter().map(|e| (e.file_name().to_string_lossy().into_owned(), e.path())));
    }
    Ok(out)
}

#[cfg(unix)]
fn is_last_name(metadata: &Metadata) -> bool {
    std::os::unix::fs::MetadataExt::nlink(metadata) == 1
}

#[cfg(not(unix))]
fn is_last_name(_: &Metadata) -> bool {
    true
}

/// The files of a directory, sorted; one that vanishes meanwhile is left out.
fn files(dir: &Path) -> Result<Vec<(PathBuf, Metadata)>, StoreError> {
    let entries = fs::read_dir(dir).map_err(StoreError::io("read", dir))?;
    let mut out: Vec<(PathBuf, Metadata)> = entries
        .flatten()
        .filter_map(|e| Some((e.path(), e.metadata().ok()?)))
        .filter(|(_, m)| m.is_file())
        .collect();
    out.sort_by(|a, b| a.0.cmp(&b.0));
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ExpectDigest;
    use oci::{Digest, Hasher};

    const DAY: Duration = Duration::from_secs(86_400);

    fn put_twice_named(blobs: &Blobs, bytes: &[u8]) -> (Digest, Digest) {
        let mut hasher = Hasher::new(Algorithm::Sha512);
        hasher.update(bytes);
        let alias = hasher.finish();
        let mut ingest = blobs.ingest("x", ExpectDigest::new(alias, bytes.len() as u64)).unwrap();
        ingest.write(bytes).unwrap();
        (ingest.commit().unwrap().0, alias)
    }

    fn row(kind: &str, objects: u64, bytes: u64) -> Usage {
        Usage { kind: kind.to_owned(), objects, bytes }
    }

    #[test]
    fn what_was_not_used_for_long_goes() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path();
        let blobs = Blobs::open(root).unwrap();
        let [new, used, old] = [b"new!", b"used", b"old!"].map(|b| blobs.put(b).unwrap());
        let (twice, alias) = put_twice_named(&blobs, b"named twice");
        assert_eq!(info(root).unwrap(), [row("blobs", 4, 23), row("partial", 0, 0)]);
        for digest in [&used, &old, &twice] {
            File::open(blobs.path(digest)).unwrap().set_modified(SystemTime::now() - 40 * DAY).unwrap();
        }
        blobs.open_blob(&used).unwrap();
        let since = Some(SystemTime::now() - 30 * DAY);
        drop(blobs);
        assert_eq!(prune(root, since, || ()).unwrap(), Freed { objects: 2, bytes: 15 });
        let blobs = Blobs::open(root).unwrap();
        assert!(
            blobs.contains(&old).is_none()
                && blobs.contains(&twice).is_none()
                && blobs.contains(&alias).is_none()
        );
        assert!(blobs.contains(&new).is_some() && blobs.contains(&used).is_some());
        drop(blobs);
        assert_eq!(prune(root, None, || ()).unwrap(), Freed { objects: 2, bytes: 8 });
        assert_eq!(info(root).unwrap(), [row("blobs", 0, 0), row("partial", 0, 0)]);
    }

    #[test]
    fn pruning_waits_for_whoever_works_with_the_store() {
        let dir = tempfile::tempdir().unwrap();
        let blobs = Blobs::open(dir.path()).unwrap();
        let digest = blobs.put(b"in use").unwrap();
        let (say, heard) = std::sync::mpsc::channel();
        let root = dir.path().to_owned();
        let pruning = std::thread::spawn(move || prune(&root, None, || say.send(()).unwrap()).unwrap());
        heard.recv().unwrap();
        assert!(blobs.contains(&digest).is_some());
        drop(blobs);
        assert_eq!(pruning.join().unwrap(), Freed { objects: 1, bytes: 6 });
    }

    #[test]
    fn an_examination_finds_and_deletes_what_is_damaged() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path();
        let (blobs, cache) = (Blobs::open(root).unwrap(), Cache::open(root).unwrap());
        let bad = blobs.put(b"will be bad").unwrap();
        let (twice, alias) = put_twice_named(&blobs, b"named twice");
        for key in ["good", "bad"] {
            cache
                .put::<_, StoreError>("kind", key, |w| {
                    w.write_all(&[1; 100_000]).map_err(StoreError::io("write", root))
                })
                .unwrap();
        }
        assert_eq!(verify(root).unwrap(), Checkup { checked: 5, damaged: vec![] });
        fs::write(blobs.path(&bad), b"has been bad").unwrap();
        fs::write(blobs.path(&twice), b"nomed twice").unwrap();
        let object = root.join("derived/kind/bad");
        let mut raw = fs::read(&object).unwrap();
        raw[99_999] = 2;
        fs::write(&object, raw).unwrap();
        let found = verify(root).unwrap();
        assert_eq!(found.checked, 5);
        let mut names = vec![
            format!("blob {bad}"),
            format!("blob {twice}"),
            format!("blob {alias}"),
            "kind bad".to_owned(),
        ];
        names[..2].sort();
        assert_eq!(found.damaged, names);
        assert_eq!(verify(root).unwrap(), Checkup { checked: 1, damaged: vec![] });
    }
}
