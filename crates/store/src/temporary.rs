use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::{FileLock, StoreError};

/// A directory of files that are not finished. Each is locked while the process that writes it
/// lives, so what can be locked by somebody else is a leftover.
#[derive(Debug, Clone)]
pub struct Temporaries {
    dir: PathBuf,
}

/// A temporary file; deleted when dropped, unless it was given its final name.
#[derive(Debug)]
pub struct Temporary {
    file: File,
    path: PathBuf,
    kept: bool,
}

static NEXT: AtomicU64 = AtomicU64::new(0);

impl Temporaries {
    /// The directory, made if need be, and swept of what dead processes left.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn open(dir: &Path) -> Result<Temporaries, StoreError> {
        fs::create_dir_all(dir).map_err(StoreError::io("make", dir))?;
        let here = Temporaries { dir: dir.to_owned() };
        here.sweep()?;
        Ok(here)
    }

    /// A new file.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn make(&self) -> Result<Temporary, StoreError> {
        // Held while the file exists but is not locked yet, so that no sweep takes it.
        let _guard = FileLock::shared(&self.guard())?;
        let (file, path) = create_new(0o666, |name| self.dir.join(name))?;
        file.lock().map_err(StoreError::io("lock", &path))?;
        Ok(Temporary { file, path, kept: false })
    }

    /// A new file in a directory of the user's, beside the one that it becomes.
    pub(crate) fn beside(directory: &Path, name: &str) -> Result<Temporary, StoreError> {
        let prefix = format!(".{name}.");
        sweep(directory, &prefix);
        let (file, path) = create_new(0o600, |id| directory.join(format!("{prefix}{id}.tmp")))?;
        file.lock().map_err(StoreError::io("lock", &path))?;
        Ok(Temporary { file, path, kept: false })
    }

    /// Deletes the files of dead processes; gives how many.
    fn sweep(&self) -> Result<usize, StoreError> {
        let mut entries =
            fs::read_dir(&self.dir).map_err(StoreError::io("read", &self.dir))?.flatten().peekable();
        if entries.peek().is_none() {
            return Ok(0);
        }
        let Some(_guard) = FileLock::try_exclusive(&self.guard())? else { return Ok(0) };
        let mut swept = 0;
        for entry in entries {
            let path = entry.path();
            if path == self.guard() {
                continue;
            }
            let dead = File::open(&path).is_ok_and(|f| f.try_lock().is_ok());
            if dead && fs::remove_file(&path).is_ok() {
                swept += 1;
            }
        }
        Ok(swept)
    }

    fn guard(&self) -> PathBuf {
        self.dir.join(".lock")
    }
}

impl Temporary {
    /// The open file.
    pub(crate) fn file(&mut self) -> &mut File {
        &mut self.file
    }

    /// Gives it its final name, replacing what had it.
    ///
    /// # Errors
    /// The rename failed; the file is deleted then.
    pub(crate) fn name(self, to: &Path) -> Result<(), StoreError> {
        self.name_with_mode(to, 0o644)
    }

    /// The same, with another mode.
    pub(crate) fn name_with_mode(mut self, to: &Path, mode: u32) -> Result<(), StoreError> {
        // Umask has no say in what the store's files may be read by.
        set_mode(&self.file, mode).map_err(StoreError::io("write", &self.path))?;
        fs::rename(&self.path, to).map_err(StoreError::io("write", to))?;
        self.kept = true;
        Ok(())
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if !self.kept {
            let _ = fs::remove_file(&self.path);
        }
    }
}

#[cfg(unix)]
pub(crate) fn set_mode(file: &File, mode: u32) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    file.set_permissions(fs::Permissions::from_mode(mode))
}

#[cfg(not(unix))]
pub(crate) fn set_mode(_: &File, _: u32) -> std::io::Result<()> {
    Ok(())
}

/// The umask takes away from `mode`, never adds.
#[cfg(unix)]
pub(crate) fn with_mode(options: &mut OpenOptions, mode: u32) -> &mut OpenOptions {
    std::os::unix::fs::OpenOptionsExt::mode(options, mode)
}

#[cfg(not(unix))]
pub(crate) fn with_mode(options: &mut OpenOptions, _: u32) -> &mut OpenOptions {
    options
}

/// A new file under a name that nobody has. The process id alone does not do: containers that share
/// a cache have the same ones, and so has who comes after a dead process.
fn create_new(mode: u32, place: impl Fn(&str) -> PathBuf) -> Result<(File, PathBuf), StoreError> {
    loop {
        let n = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = place(&format!("{}-{n}", std::process::id()));
        match with_mode(OpenOptions::new().read(true).write(true).create_new(true), mode).open(&path) {
            Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => {}
            Err(e) => return Err(StoreError::io("write", &path)(e)),
            Ok(file) => return Ok((file, path)),
        }
    }
}

/// Writes a small file whole or not at all: beside its final place, then renamed. What a dead process
/// left there of an earlier attempt is deleted.
///
/// # Errors
/// It cannot be written; what was there before stays.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    let parent = parent_of(path);
    fs::create_dir_all(parent).map_err(StoreError::io("make", parent))?;
    write_beside(path, bytes, 0o666)
}

/// The same for a file that holds secrets: its owner alone may read it, at no moment somebody else, whatever
/// the mode of the file that was there before. Directories that are made for it are its owner's too. Where
/// `path` is a link, what it leads to is replaced, not the link.
///
/// # Errors
/// It cannot be written, or what stands there is no regular file; what was there before stays.
pub fn write_private(path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let is_other = fs::symlink_metadata(&target).is_ok_and(|m| !m.is_file() && !m.is_symlink());
    if is_other {
        let error = std::io::Error::new(std::io::ErrorKind::InvalidInput, "it is no regular file");
        return Err(StoreError::io("write", path)(error));
    }
    let parent = parent_of(&target);
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(parent).map_err(StoreError::io("make", parent))?;
    write_beside(&target, bytes, 0o600)
}

fn parent_of(path: &Path) -> &Path {
    path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn write_beside(path: &Path, bytes: &[u8], mode: u32) -> Result<(), StoreError> {
    let parent = parent_of(path);
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let prefix = format!(".{name}.");
    sweep(parent, &prefix);
    let (mut file, temporary) = loop {
        let (file, temporary) = create_new(mode, |id| parent.join(format!("{prefix}{id}.tmp")))?;
        // Between being made and being locked, somebody's sweep may have taken it for a leftover.
        if file.try_lock().is_ok() && is_same(&file, &temporary) {
            break (file, temporary);
        }
    };
    file.write_all(bytes).and_then(|()| fs::rename(&temporary, path)).map_err(|e| {
        let _ = fs::remove_file(&temporary);
        StoreError::io("write", path)(e)
    })
}

/// Deletes what [`write_atomically`] left in `dir` when its process died; what cannot be looked at stays.
pub(crate) fn sweep(dir: &Path, prefix: &str) {
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let ours = name.to_str().is_some_and(|n| n.starts_with(prefix) && n.ends_with(".tmp"));
        if !ours {
            continue;
        }
        // Locked until it is gone: let go before, and who made it a moment ago could lock it, believe
        // it theirs, and lose it.
        if let Ok(file) = File::open(entry.path())
            && file.try_lock().is_ok()
        {
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// Is this still the file that the name means?
#[cfg(unix)]
pub(crate) fn is_same(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    match (file.metadata(), fs::metadata(path)) {
        (Ok(a), Ok(b)) => (a.dev(), a.ino()) == (b.dev(), b.ino()),
        _ => false,
    }
}

#[cfg(not(unix))]
pub(crate) fn is_same(_: &File, path: &Path) -> bool {
    path.exists()
}

/// The whole of a small file of ours; none if it is not there or cannot be read.
pub fn read_small(path: &Path) -> Option<Vec<u8>> {
    fs::read(path).ok()
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::{MetadataExt, symlink};

    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().mode() & 0o777
    }

    #[test]
    fn secrets_are_their_owners_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("home/.docker/config.json");
        write_private(&path, b"1").unwrap();
        assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o600, 0o700));
        set_mode(&File::open(&path).unwrap(), 0o644).unwrap();
        write_private(&path, b"2").unwrap();
        assert_eq!((fs::read(&path).unwrap(), mode(&path)), (b"2".to_vec(), 0o600));
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }

    #[test]
    fn a_link_stays_one_and_a_device_too() {
        let dir = tempfile::tempdir().unwrap();
        let (file, link) = (dir.path().join("dotfiles/config.json"), dir.path().join("config.json"));
        write_private(&file, b"1").unwrap();
        symlink(&file, &link).unwrap();
        write_private(&link, b"2").unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read(&file).unwrap(), b"2");
        let refused = write_private(Path::new("/dev/null"), b"3").unwrap_err();
        assert!(refused.to_string().contains("no regular file"), "{refused}");
        assert!(!fs::metadata("/dev/null").unwrap().is_file());
    }
}
