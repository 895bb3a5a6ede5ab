//! Files that are not finished, beside what they become.
#![allow(clippy::disallowed_methods, reason = "layouts and archives are files where the user wants them")]

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

const PREFIX: &str = ".distil-";

static NEXT: AtomicU64 = AtomicU64::new(0);

/// Removes the temporary files of a directory whose writer is dead: a living one holds a lock on his.
pub(crate) fn sweep(dir: &Path) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        if !entry.file_name().to_string_lossy().starts_with(PREFIX) {
            continue;
        }
        // Locked until it is gone: let go before, and who made it a moment ago could lock it, find it in
        // its place, and lose it.
        if let Ok(file) = File::open(entry.path())
            && file.try_lock().is_ok()
        {
            let _ = fs::remove_file(entry.path());
        }
    }
    Ok(())
}

/// A file without a final name, locked while we live, removed when dropped.
#[derive(Debug)]
pub(crate) struct Temporary {
    pub(crate) file: File,
    path: PathBuf,
    kept: bool,
}

impl Temporary {
    pub(crate) fn new(dir: &Path) -> io::Result<Temporary> {
        loop {
            let n = NEXT.fetch_add(1, Ordering::Relaxed);
            let path = dir.join(format!("{PREFIX}{}-{n}", std::process::id()));
            let file = match OpenOptions::new().read(true).write(true).create_new(true).open(&path) {
                Ok(file) => file,
                // Of a dead process that had our number.
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists => continue,
                Err(e) => return Err(e),
            };
            file.lock()?;
            // Somebody may have swept it away before it was locked; then it is not there any more.
            if path.exists() {
                return Ok(Temporary { file, path, kept: false });
            }
        }
    }

    /// One in a directory that is ours: made if need be, and swept of what dead processes left.
    pub(crate) fn in_dir(dir: &Path) -> io::Result<Temporary> {
        fs::create_dir_all(dir)?;
        sweep(dir)?;
        Temporary::new(dir)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Gives it its name, readable by all whatever the umask.
    pub(crate) fn keep(mut self, to: &Path) -> io::Result<()> {
        #[cfg(unix)]
        self.file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o644))?;
        fs::rename(&self.path, to)?;
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
