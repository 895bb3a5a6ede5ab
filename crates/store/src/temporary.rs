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
        let n = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = self.dir.join(format!("{}-{n}", std::process::id()));
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(true)
            .open(&path)
            .map_err(StoreError::io("write", &path))?;
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
fn set_mode(file: &File, mode: u32) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    file.set_permissions(fs::Permissions::from_mode(mode))
}

#[cfg(not(unix))]
fn set_mode(_: &File, _: u32) -> std::io::Result<()> {
    Ok(())
}

/// Writes a small file whole or not at all: beside its final place, then renamed.
///
/// # Errors
/// It cannot be written; what was there before stays.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    let parent = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::create_dir_all(parent).map_err(StoreError::io("make", parent))?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let n = NEXT.fetch_add(1, Ordering::Relaxed);
    let temporary = parent.join(format!(".{name}.{}-{n}.tmp", std::process::id()));
    let write = || {
        let mut file = OpenOptions::new().write(true).create_new(true).open(&temporary)?;
        file.write_all(bytes)?;
        fs::rename(&temporary, path)
    };
    write().map_err(|e| {
        let _ = fs::remove_file(&temporary);
        StoreError::io("write", path)(e)
    })
}
