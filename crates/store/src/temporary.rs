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
        let (file, path) = create_new(|name| self.dir.join(name))?;
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
    pub(crate) fn name(mut self, to: &Path) -> Result<(), StoreError> {
        // Umask has no say in what the store's files may be read by.
        set_mode(&self.file, 0o644).map_err(StoreError::io("write", &self.path))?;
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

/// A new file under a name that nobody has. The process id alone does not do: containers that share
/// a cache have the same ones, and so has who comes after a dead process.
fn create_new(place: impl Fn(&str) -> PathBuf) -> Result<(File, PathBuf), StoreError> {
    loop {
        let n = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = place(&format!("{}-{n}", std::process::id()));
        match OpenOptions::new().read(true).write(true).create_new(true).open(&path) {
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
    let parent = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::create_dir_all(parent).map_err(StoreError::io("make", parent))?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let prefix = format!(".{name}.");
    sweep(parent, &prefix);
    let (mut file, temporary) = loop {
        let (file, temporary) = create_new(|id| parent.join(format!("{prefix}{id}.tmp")))?;
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
