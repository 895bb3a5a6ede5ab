//! Trees of images written where the user wants them.

use std::ffi::OsStr;
use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Write};
use std::path::{Component, Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::StoreError;
use crate::temporary::{is_same, passing_name, set_mode, short, sweep_all, with_mode};
use crate::whole_file::{parent_of, resolved};

/// A new directory that is filled, and has its name only when it is whole. What is written stays inside: paths are
/// plain, nothing in it is followed because links are made last, and no file that is there is opened again.
#[derive(Debug)]
pub struct OutTree {
    to: PathBuf,
    making: PathBuf,
    links: Vec<(PathBuf, PathBuf)>,
    /// Directories get their modes last, as nothing could be put into one that must not be written.
    directories: Vec<(PathBuf, u32, i64)>,
    kept: bool,
    /// The directory itself, locked while we live, so that nobody takes it for a leftover.
    _lock: File,
}

impl OutTree {
    /// Begins the directory `to`, which must not be there, or be empty.
    ///
    /// # Errors
    /// It is there and has something in it, or cannot be made.
    pub fn begin(to: &Path) -> Result<OutTree, StoreError> {
        let to = &resolved(to).map_err(StoreError::io("write", to))?;
        let taken = match fs::read_dir(to) {
            Ok(mut entries) => entries.next().is_some(),
            Err(e) => e.kind() != io::ErrorKind::NotFound,
        };
        if taken {
            return Err(StoreError::io("write", to)(io::ErrorKind::AlreadyExists.into()));
        }
        let above = parent_of(to);
        fs::create_dir_all(above).map_err(StoreError::io("make", above))?;
        let name = to.file_name().unwrap_or(OsStr::new("tree")).to_string_lossy();
        sweep_all(above, |stem| stem == short(&name), Metadata::is_dir, |path| fs::remove_dir_all(path));
        for n in 0.. {
            let making = above.join(passing_name(&name, &format!("{}-{n}", std::process::id())));
            match private_directory(&making) {
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists => continue,
                made => made.map_err(StoreError::io("make", &making))?,
            }
            // Between being made and being locked, somebody's sweep may have taken it for a leftover.
            let lock = File::open(&making).ok().filter(|d| d.try_lock().is_ok() && is_same(d, &making));
            if let Some(lock) = lock {
                let (to, links, directories) = (to.to_owned(), Vec::new(), Vec::new());
                return Ok(OutTree { to, making, links, directories, kept: false, _lock: lock });
            }
        }
        unreachable!("numbers do not end")
    }

    /// A directory with its mode and time; those above it must be there.
    ///
    /// # Errors
    /// The path is not one inside, or it cannot be made.
    pub fn directory(&mut self, path: &Path, mode: u32, mtime: i64) -> Result<(), StoreError> {
        let at = self.inside(path)?;
        if !path.as_os_str().is_empty() {
            fs::create_dir(&at).map_err(StoreError::io("make", &at))?;
        }
        self.directories.push((at, mode & 0o777, mtime));
        Ok(())
    }

    /// A new file; setuid, setgid and sticky bits are left out.
    ///
    /// # Errors
    /// The path is not one inside, or it cannot be made.
    pub fn file(&self, path: &Path, mode: u32, mtime: i64) -> Result<OutFile, StoreError> {
        let at = self.inside(path)?;
        // What is secret in the image is nobody else's while it is written either.
        let mut options = OpenOptions::new();
        let file = with_mode(options.write(true).create_new(true), 0o600).open(&at);
        let file = file.map_err(StoreError::io("write", &at))?;
        Ok(OutFile { file, path: at, mode: mode & 0o777, mtime })
    }

    /// Another name of a file that is finished.
    ///
    /// # Errors
    /// A path is not one inside, or it cannot be made.
    pub fn hard_link(&self, path: &Path, target: &Path) -> Result<(), StoreError> {
        let (at, target) = (self.inside(path)?, self.inside(target)?);
        fs::hard_link(target, &at).map_err(StoreError::io("write", &at))
    }

    /// A symbolic link, made when all else is; its target is text.
    ///
    /// # Errors
    /// The path is not one inside.
    pub fn symlink(&mut self, path: &Path, target: &Path) -> Result<(), StoreError> {
        let at = self.inside(path)?;
        self.links.push((at, target.to_owned()));
        Ok(())
    }

    /// Gives it its name.
    ///
    /// # Errors
    /// A link cannot be made, or something else has the name now.
    pub fn finish(mut self) -> Result<(), StoreError> {
        for (at, target) in &self.links {
            symlink(target, at).map_err(StoreError::io("write", at))?;
        }
        for (at, mode, mtime) in self.directories.iter().rev() {
            let directory = File::open(at).map_err(StoreError::io("open", at))?;
            set_time(&directory, *mtime);
            set_mode(&directory, *mode).map_err(StoreError::io("write", at))?;
        }
        fs::rename(&self.making, &self.to).map_err(StoreError::io("write", &self.to))?;
        self.kept = true;
        Ok(())
    }

    fn inside(&self, path: &Path) -> Result<PathBuf, StoreError> {
        if path.components().all(|part| matches!(part, Component::Normal(_))) {
            return Ok(self.making.join(path));
        }
        Err(StoreError::io("write", path)(io::Error::new(
            io::ErrorKind::InvalidInput,
            "the path leads out of it",
        )))
    }
}

impl Drop for OutTree {
    fn drop(&mut self) {
        if !self.kept {
            let _ = fs::remove_dir_all(&self.making);
        }
    }
}

/// A file of an [`OutTree`] that is being written.
#[derive(Debug)]
pub struct OutFile {
    file: File,
    path: PathBuf,
    mode: u32,
    mtime: i64,
}

impl OutFile {
    /// It is whole.
    ///
    /// # Errors
    /// Its mode cannot be set.
    pub fn finish(self) -> Result<(), StoreError> {
        set_time(&self.file, self.mtime);
        set_mode(&self.file, self.mode).map_err(StoreError::io("write", &self.path))
    }
}

impl Write for OutFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

fn private_directory(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// A time that the file system does not take is left as it is.
pub(crate) fn set_time(file: &File, mtime: i64) {
    if let Ok(seconds) = u64::try_from(mtime)
        && let Some(time) = SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds))
    {
        let _ = file.set_modified(time);
    }
}

#[cfg(unix)]
fn symlink(target: &Path, at: &Path) -> io::Result<()> {
    std::os::unix::fs::symlink(target, at)
}

#[cfg(not(unix))]
fn symlink(_: &Path, _: &Path) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn nothing_leaves_the_tree() {
        let dir = tempfile::tempdir().unwrap();
        let to = dir.path().join("out");
        let mut out = OutTree::begin(&to).unwrap();
        for bad in ["../x", "/etc/x", "a/../../x", "."] {
            assert!(out.file(Path::new(bad), 0o644, 0).is_err(), "{bad}");
        }
        out.directory(Path::new(""), 0o755, 7).unwrap();
        out.directory(Path::new("d"), 0o555, 7).unwrap();
        // A link to outside, and then a file through it: the link is not there yet, so nothing is.
        out.symlink(Path::new("link"), dir.path()).unwrap();
        assert!(out.file(Path::new("link/x"), 0o644, 0).is_err());
        let mut file = out.file(Path::new("d/f"), 0o4755, 7).unwrap();
        file.write_all(b"x").unwrap();
        file.finish().unwrap();
        out.hard_link(Path::new("d/g"), Path::new("d/f")).unwrap();
        assert!(!to.exists(), "it has no name before it is whole");
        out.finish().unwrap();
        use std::os::unix::fs::MetadataExt;
        let file = fs::metadata(to.join("d/g")).unwrap();
        assert_eq!((file.mode() & 0o7777, file.mtime(), file.nlink()), (0o755, 7, 2));
        assert!(OutTree::begin(&to).is_err(), "it has something in it");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_is_not_finished_leaves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        drop(OutTree::begin(&dir.path().join("out")).unwrap());
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_link_to_where_the_tree_goes_stays_one() {
        let dir = tempfile::tempdir().unwrap();
        let (link, to) = (dir.path().join("link"), dir.path().join("there/out"));
        std::os::unix::fs::symlink("there/out", &link).unwrap();
        OutTree::begin(&link).unwrap().finish().unwrap();
        assert!(to.is_dir() && fs::symlink_metadata(&link).unwrap().is_symlink());
    }

    #[test]
    fn what_a_dead_process_left_of_a_tree_is_swept() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join(".out.1-0.distil-tmp/usr")).unwrap();
        // The user's, or of another tree.
        let others = [".out.1-0.tmp", ".out.mine.distil-tmp", ".other.1-0.distil-tmp"];
        others.iter().for_each(|name| fs::create_dir_all(dir.path().join(name).join("usr")).unwrap());
        let living = OutTree::begin(&dir.path().join("out")).unwrap();
        let other = OutTree::begin(&dir.path().join("out")).unwrap();
        assert!(living.making.exists() && other.making.exists());
        drop((living, other));
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), others.len());
    }
}
