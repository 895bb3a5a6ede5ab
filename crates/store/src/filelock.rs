use std::fs::{File, OpenOptions, TryLockError};
use std::path::Path;

use crate::StoreError;

/// An advisory lock on a file of its own; released when dropped, or when the process dies.
#[derive(Debug)]
pub struct FileLock {
    _file: File,
}

impl FileLock {
    /// Waits until nobody else holds it; `on_wait` is called once if that is not at once.
    ///
    /// # Errors
    /// The file cannot be opened or locked.
    pub fn exclusive(path: &Path, on_wait: impl FnOnce()) -> Result<FileLock, StoreError> {
        let file = open(path)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                on_wait();
                file.lock().map_err(StoreError::io("lock", path))?;
            }
            Err(TryLockError::Error(e)) => return Err(StoreError::io("lock", path)(e)),
        }
        Ok(FileLock { _file: file })
    }

    /// Waits while somebody holds it exclusively.
    ///
    /// # Errors
    /// The file cannot be opened or locked.
    pub fn shared(path: &Path) -> Result<FileLock, StoreError> {
        let file = open(path)?;
        file.lock_shared().map_err(StoreError::io("lock", path))?;
        Ok(FileLock { _file: file })
    }

    /// Only if it is free.
    ///
    /// # Errors
    /// The file cannot be opened or locked.
    pub fn try_exclusive(path: &Path) -> Result<Option<FileLock>, StoreError> {
        let file = open(path)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(FileLock { _file: file })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(e)) => Err(StoreError::io("lock", path)(e)),
        }
    }
}

fn open(path: &Path) -> Result<File, StoreError> {
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent).map_err(StoreError::io("make", parent))?;
    }
    OpenOptions::new()
        .create(true)
        .truncate(false)
        .read(true)
        .write(true)
        .open(path)
        .map_err(StoreError::io("open", path))
}
