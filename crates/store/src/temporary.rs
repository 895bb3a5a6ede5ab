use std::fs::{self, File, Metadata, OpenOptions};
use std::io;
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
        let place = |name: &str| self.dir.join(name);
        let (file, path) = create_new(0o666, place).map_err(StoreError::io("write", &self.dir))?;
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
            swept += usize::from(remove_dead(&path, Metadata::is_file, |path| fs::remove_file(path)));
        }
        Ok(swept)
    }

    fn guard(&self) -> PathBuf {
        self.dir.join(".lock")
    }
}

impl Temporary {
    /// A new file in a directory of the user's, named after what it becomes and readable by those that the umask
    /// allows. What became nothing, of dead processes, goes by [`sweep`].
    ///
    /// # Errors
    /// It cannot be made.
    pub fn beside(directory: &Path, stem: &str) -> io::Result<Temporary> {
        Temporary::with_mode(directory, stem, 0o666)
    }

    /// The same with a mode, of which the umask takes away.
    pub(crate) fn with_mode(directory: &Path, stem: &str, mode: u32) -> io::Result<Temporary> {
        loop {
            let (file, path) = create_new(mode, |id| directory.join(passing_name(stem, id)))?;
            let temporary = Temporary { file, path, kept: false };
            // Between being made and being locked, somebody's sweep may have taken it for a leftover.
            if temporary.file.try_lock().is_ok() && is_same(&temporary.file, &temporary.path) {
                return Ok(temporary);
            }
        }
    }

    /// The open file.
    pub fn file(&mut self) -> &mut File {
        &mut self.file
    }

    /// Where it is, as long as it has no other name.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Gives it its final name, replacing what had it, and leaves its mode.
    ///
    /// # Errors
    /// The rename failed; the file is deleted then.
    pub fn keep(mut self, to: &Path) -> io::Result<()> {
        fs::rename(&self.path, to)?;
        self.kept = true;
        Ok(())
    }

    /// The same for a file of the store's own: readable by all, as umask has no say in what is read together.
    pub(crate) fn name(self, to: &Path) -> Result<(), StoreError> {
        set_mode(&self.file, 0o644).map_err(StoreError::io("write", &self.path))?;
        self.keep(to).map_err(StoreError::io("write", to))
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if !self.kept {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// What nobody else's files end in.
const SUFFIX: &str = ".distil-tmp";

/// The name of what becomes `stem`: hidden, and short enough where names have 143 bytes (eCryptfs).
pub(crate) fn passing_name(stem: &str, id: &str) -> String {
    format!(".{}.{id}{SUFFIX}", short(stem))
}

pub(crate) fn short(stem: &str) -> &str {
    let end = (0..=80).rev().find(|end| stem.is_char_boundary(*end));
    end.and_then(|end| stem.get(..end)).unwrap_or(stem)
}

/// What a passing name was to become, if it is one.
fn stem_of(name: &str) -> Option<&str> {
    let (stem, id) = name.strip_prefix('.')?.strip_suffix(SUFFIX)?.rsplit_once('.')?;
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    id.split_once('-').is_some_and(|(process, n)| is_number(process) && is_number(n)).then_some(stem)
}

/// Is it the name of a file that was never finished? Whoever writes it still holds a lock on it.
pub fn is_passing_name(name: &str) -> bool {
    stem_of(name).is_some()
}

/// A new file under a name that nobody has. The process id alone does not do: containers that share
/// a cache have the same ones, and so has who comes after a dead process.
fn create_new(mode: u32, place: impl Fn(&str) -> PathBuf) -> io::Result<(File, PathBuf)> {
    loop {
        let n = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = place(&format!("{}-{n}", std::process::id()));
        match with_mode(OpenOptions::new().read(true).write(true).create_new(true), mode).open(&path) {
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
            Err(e) => return Err(e),
            Ok(file) => return Ok((file, path)),
        }
    }
}

/// Deletes the files beside `stem` whose process died before they became it. What is not exactly named as ours are,
/// is somebody else's, or cannot be looked at, stays.
pub fn sweep(directory: &Path, stem: &str) {
    sweep_all(directory, |found| found == short(stem), Metadata::is_file, |path| fs::remove_file(path));
}

/// The same for whatever `is_meant`, a file or a directory.
pub(crate) fn sweep_all(
    directory: &Path,
    is_meant: impl Fn(&str) -> bool,
    is_kind: impl Fn(&Metadata) -> bool,
    remove: impl Fn(&Path) -> io::Result<()>,
) {
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        if entry.file_name().to_str().and_then(stem_of).is_some_and(&is_meant) {
            remove_dead(&entry.path(), |meta| is_kind(meta) && is_mine(meta), &remove);
        }
    }
}

/// Removes what nobody holds a lock on, if it is what it should be. A pipe is never opened, as that could wait for
/// ever; a link is never followed.
fn remove_dead(
    path: &Path,
    is_ours: impl Fn(&Metadata) -> bool,
    remove: impl Fn(&Path) -> io::Result<()>,
) -> bool {
    let open = || {
        let file = fs::symlink_metadata(path).is_ok_and(|m| is_ours(&m)).then(|| unfollowed(path).ok())??;
        file.metadata().is_ok_and(|m| is_ours(&m)).then_some(file)
    };
    let Some(file) = open() else { return false };
    // Locked until it is gone: let go before, and who made it a moment ago could lock it, believe it theirs,
    // and lose it. And another may have the name by now.
    file.try_lock().is_ok() && is_same(&file, path) && remove(path).is_ok()
}

#[cfg(unix)]
fn unfollowed(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    // Both are below 2^31 on every system.
    let flags = (rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK).bits();
    OpenOptions::new().read(true).custom_flags(flags.cast_signed()).open(path)
}

#[cfg(not(unix))]
fn unfollowed(path: &Path) -> io::Result<File> {
    File::open(path)
}

/// Does it belong to who runs us? Root removes nobody else's files either.
#[cfg(unix)]
pub(crate) fn is_mine(metadata: &Metadata) -> bool {
    std::os::unix::fs::MetadataExt::uid(metadata) == rustix::process::geteuid().as_raw()
}

#[cfg(not(unix))]
pub(crate) fn is_mine(_: &Metadata) -> bool {
    true
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
