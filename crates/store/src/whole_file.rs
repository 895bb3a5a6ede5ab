//! Files written where the user wants them.

use std::fs::{self, DirBuilder, File, Metadata, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use crate::StoreError;
use crate::out_tree::set_time;
use crate::temporary::{Temporary, is_mine, set_mode, sweep};

/// A single file that has its name only when it is whole. Where a link stands, what it leads to is replaced, not the
/// link; what it replaces keeps its mode. A device, a pipe, `/dev/stdout` or `/dev/fd/N` is written through, as
/// nothing can take its place.
#[derive(Debug)]
pub struct WholeFile {
    out: Out,
    mtime: Option<i64>,
}

#[derive(Debug)]
enum Out {
    Beside { temporary: Temporary, to: PathBuf, mode: Option<u32> },
    Through(File),
}

impl WholeFile {
    /// Begins it beside its place; the directory is made if need be. A new file may be read by whom the umask allows.
    ///
    /// # Errors
    /// Nothing can be written there.
    pub fn begin(to: &Path) -> Result<WholeFile, StoreError> {
        WholeFile::at(to, None)
    }

    /// The same for a copy of a file that has a mode and a time.
    ///
    /// # Errors
    /// Nothing can be written there.
    pub fn copying(to: &Path, mode: u32, mtime: i64) -> Result<WholeFile, StoreError> {
        Ok(WholeFile { mtime: Some(mtime), ..WholeFile::at(to, Some(mode & 0o777))? })
    }

    fn at(path: &Path, mode: Option<u32>) -> Result<WholeFile, StoreError> {
        let failed = || StoreError::io("write", path);
        let through = |file| WholeFile { out: Out::Through(file), mtime: None };
        let (to, there) = match Place::of(path).map_err(failed())? {
            Place::Descriptor(path) => return descriptor(&path).map(through).map_err(failed()),
            Place::Path(to, there) => (to, there),
        };
        match &there {
            Some(there) if there.is_dir() => return Err(failed()(io::ErrorKind::IsADirectory.into())),
            Some(there) if !there.is_file() => {
                return OpenOptions::new().write(true).open(&to).map(through).map_err(failed());
            }
            _ => {}
        }
        let (at_first, at_last) = modes(there.as_ref(), mode);
        let (above, name) = (parent_of(&to), to.file_name().unwrap_or_default().to_string_lossy());
        fs::create_dir_all(above).map_err(StoreError::io("make", above))?;
        sweep(above, &name);
        let temporary = Temporary::with_mode(above, &name, at_first).map_err(failed())?;
        Ok(WholeFile { out: Out::Beside { temporary, to, mode: at_last }, mtime: None })
    }

    /// Gives it its name.
    ///
    /// # Errors
    /// It cannot be renamed.
    pub fn finish(self) -> Result<(), StoreError> {
        let Out::Beside { mut temporary, to, mode } = self.out else { return Ok(()) };
        if let Some(mtime) = self.mtime {
            set_time(temporary.file(), mtime);
        }
        if let Some(mode) = mode {
            set_mode(temporary.file(), mode).map_err(StoreError::io("write", &to))?;
        }
        temporary.keep(&to).map_err(StoreError::io("write", &to))
    }

    fn file(&mut self) -> &mut File {
        match &mut self.out {
            Out::Beside { temporary, .. } => temporary.file(),
            Out::Through(file) => file,
        }
    }
}

impl Write for WholeFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file().flush()
    }
}

/// The mode that a file is made with, less the umask, and the one that it gets in the end if that is another.
#[cfg(unix)]
fn modes(there: Option<&Metadata>, wanted: Option<u32>) -> (u32, Option<u32>) {
    use std::os::unix::fs::MetadataExt;
    match there {
        Some(there) if is_mine(there) => (0o600, Some(there.mode() & 0o777)),
        // It becomes ours, so its own mode may let in who had it; but no more than were let in.
        Some(there) => (there.mode() & 0o666, None),
        None => wanted.map_or((0o666, None), |mode| (0o600, Some(mode))),
    }
}

#[cfg(not(unix))]
fn modes(_: Option<&Metadata>, _: Option<u32>) -> (u32, Option<u32>) {
    (0o666, None)
}

/// What a path leads to.
enum Place {
    /// No link; with what is there.
    Path(PathBuf, Option<Metadata>),
    /// An open file of a process: reading it as a link gives a name, and writing to the name is another thing.
    Descriptor(PathBuf),
}

impl Place {
    fn of(path: &Path) -> io::Result<Place> {
        let mut at = path.to_owned();
        // As many links as Linux follows (path_resolution(7)).
        for _ in 0..40 {
            let there = match fs::symlink_metadata(&at) {
                Ok(there) => there,
                Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Place::Path(at, None)),
                Err(e) => return Err(e),
            };
            if is_descriptor(&at, &there) {
                return Ok(Place::Descriptor(at));
            }
            if !there.is_symlink() {
                return Ok(Place::Path(at, Some(there)));
            }
            at = parent_of(&at).join(fs::read_link(&at)?);
        }
        Err(io::Error::new(io::ErrorKind::InvalidInput, "there are too many links on the way"))
    }
}

/// Where a path leads through links, whether anything is there or not.
pub(crate) fn resolved(path: &Path) -> io::Result<PathBuf> {
    match Place::of(path)? {
        Place::Path(path, _) | Place::Descriptor(path) => Ok(path),
    }
}

pub(crate) fn parent_of(path: &Path) -> &Path {
    path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// `/proc/PID/fd/N` is a link on Linux (proc(5)), `/dev/fd/N` what is open there on others (fd(4)).
fn is_descriptor(path: &Path, there: &Metadata) -> bool {
    let above = parent_of(path);
    above == Path::new("/dev/fd") && !there.is_symlink()
        || there.is_symlink()
            && fs::canonicalize(above).is_ok_and(|dir| dir.starts_with("/proc") && dir.ends_with("fd"))
}

/// What is open there, to go on where it is. Opened anew, a file would be written from its beginning.
fn descriptor(path: &Path) -> io::Result<File> {
    let number = path.file_name().and_then(|n| n.to_str()).and_then(|n| n.parse::<u32>().ok());
    let above = fs::canonicalize(parent_of(path))?;
    let is_above = |of: &&str| fs::canonicalize(of).is_ok_and(|own| own == above);
    let is_own = ["/proc/self/fd", "/proc/thread-self/fd", "/dev/fd"].iter().any(is_above);
    match number {
        Some(1) if is_own => {
            TAKEN.store(true, Ordering::Relaxed);
            duplicate(&io::stdout())
        }
        Some(2) if is_own => duplicate(&io::stderr()),
        // Of the others nothing is known but the name: at its end, nothing of a file is written over.
        _ => OpenOptions::new().append(true).open(path),
    }
}

#[cfg(unix)]
fn duplicate(stream: &impl std::os::fd::AsFd) -> io::Result<File> {
    stream.as_fd().try_clone_to_owned().map(File::from)
}

#[cfg(not(unix))]
fn duplicate<T>(_: &T) -> io::Result<File> {
    Err(io::ErrorKind::Unsupported.into())
}

static TAKEN: AtomicBool = AtomicBool::new(false);

/// Did the user want a file on standard output? Then nothing else may go there.
pub fn stdout_is_taken() -> bool {
    TAKEN.load(Ordering::Relaxed)
}

/// Writes a small file whole or not at all, as [`WholeFile`] does. What a dead process left there of an earlier
/// attempt is deleted.
///
/// # Errors
/// It cannot be written; what was there before stays, but for devices and pipes.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    let mut file = WholeFile::begin(path)?;
    file.write_all(bytes).map_err(StoreError::io("write", path))?;
    file.finish()
}

/// The same for a file that holds secrets: its owner alone may read it, at no moment somebody else, whatever
/// the mode of the file that was there before. Directories that are made for it are its owner's too.
///
/// # Errors
/// It cannot be written, or what stands there is no regular file; what was there before stays.
pub fn write_private(path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    let to = match Place::of(path).map_err(StoreError::io("write", path))? {
        Place::Path(to, there) if there.as_ref().is_none_or(Metadata::is_file) => to,
        _ => {
            let error = io::Error::new(io::ErrorKind::InvalidInput, "it is no regular file");
            return Err(StoreError::io("write", path)(error));
        }
    };
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    let (above, name) = (parent_of(&to), to.file_name().unwrap_or_default().to_string_lossy());
    builder.create(above).map_err(StoreError::io("make", above))?;
    sweep(above, &name);
    let write = || {
        let mut temporary = Temporary::with_mode(above, &name, 0o600)?;
        temporary.file().write_all(bytes)?;
        temporary.keep(&to)
    };
    write().map_err(StoreError::io("write", path))
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::{MetadataExt, symlink};

    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().mode() & 0o777
    }

    fn chmod(path: &Path, mode: u32) {
        set_mode(&File::open(path).unwrap(), mode).unwrap();
    }

    #[test]
    fn secrets_are_their_owners_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("home/.docker/config.json");
        write_private(&path, b"1").unwrap();
        assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o600, 0o700));
        chmod(&path, 0o644);
        write_private(&path, b"2").unwrap();
        assert_eq!((fs::read(&path).unwrap(), mode(&path)), (b"2".to_vec(), 0o600));
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }

    #[test]
    fn a_link_stays_one_and_a_device_too() {
        type Write = fn(&Path, &[u8]) -> Result<(), StoreError>;
        for write in [write_private as Write, write_atomically] {
            let dir = tempfile::tempdir().unwrap();
            let (file, link) = (dir.path().join("dotfiles/config.json"), dir.path().join("config.json"));
            // To a link that leads to nothing yet.
            symlink("middle", &link).unwrap();
            symlink("dotfiles/config.json", dir.path().join("middle")).unwrap();
            for text in [b"1", b"2"] {
                write(&link, text).unwrap();
                assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
                assert_eq!(fs::read(&file).unwrap(), text);
            }
            assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 3);
            symlink("circle", dir.path().join("circle")).unwrap();
            assert!(write(&dir.path().join("circle"), b"3").is_err());
        }
        let refused = write_private(Path::new("/dev/null"), b"3").unwrap_err();
        assert!(refused.to_string().contains("no regular file"), "{refused}");
        write_atomically(Path::new("/dev/null"), b"3").unwrap();
        assert!(!fs::metadata("/dev/null").unwrap().is_file());
    }

    #[test]
    fn what_is_replaced_keeps_its_mode() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("file");
        for kept in [0o600, 0o640, 0o755, 0o444] {
            fs::write(&file, "old").or_else(|_| fs::remove_file(&file)).unwrap();
            chmod(&file, kept);
            write_atomically(&file, b"new").unwrap();
            assert_eq!((fs::read(&file).unwrap(), mode(&file)), (b"new".to_vec(), kept));
            WholeFile::copying(&file, 0o644, 5).unwrap().finish().unwrap();
            assert_eq!((mode(&file), fs::metadata(&file).unwrap().mtime()), (kept, 5));
        }
        let copy = dir.path().join("copy");
        WholeFile::copying(&copy, 0o4711, 5).unwrap().finish().unwrap();
        assert_eq!(mode(&copy), 0o711);
    }

    #[test]
    fn what_is_not_finished_leaves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        drop(WholeFile::begin(&dir.path().join("file")).unwrap());
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
        assert!(WholeFile::begin(dir.path()).is_err());
        // Names that have no room for more.
        let long = dir.path().join("\u{e4}".repeat(127));
        write_atomically(&long, b"1").unwrap();
        assert_eq!(fs::read(long).unwrap(), b"1");
    }

    #[test]
    fn only_what_is_named_as_ours_is_swept() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        let theirs = [
            ".distil-ci.yml",
            ".distil-1-1",
            ".file.notes.tmp",
            ".file.1-1.tmp",
            ".file.1-x.distil-tmp",
            ".file.-1.distil-tmp",
            ".other.1-1.distil-tmp",
        ];
        theirs.iter().for_each(|name| fs::write(at(name), "mine").unwrap());
        // Neither is a link or a pipe, which nobody ever writes into, and nothing hangs on it.
        symlink(".distil-ci.yml", at(".file.1-2.distil-tmp")).unwrap();
        let made = std::process::Command::new("mkfifo").arg(at(".file.1-3.distil-tmp")).status().unwrap();
        assert!(made.success());
        fs::write(at(".file.1-1.distil-tmp"), "half").unwrap();
        let living = WholeFile::begin(&at("file")).unwrap();
        write_atomically(&at("file"), b"whole").unwrap();
        assert!(!at(".file.1-1.distil-tmp").exists());
        living.finish().unwrap();
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), theirs.len() + 2 + 1);
    }

    #[test]
    fn nobody_elses_file_is_swept_or_opened_up() {
        if !rustix::process::geteuid().is_root() {
            testkit::skip!("giving files away takes root");
        }
        let dir = tempfile::tempdir().unwrap();
        let (file, half) = (dir.path().join("file"), dir.path().join(".file.1-1.distil-tmp"));
        for (path, mode) in [(&file, 0o666), (&half, 0o600)] {
            fs::write(path, "of another").unwrap();
            chmod(path, mode);
            std::os::unix::fs::chown(path, Some(65534), Some(65534)).unwrap();
        }
        write_atomically(&file, b"root's").unwrap();
        assert!(half.exists());
        // Not writable by who had it, as a new one would not be.
        let umask = rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o022));
        rustix::process::umask(umask);
        assert_eq!((fs::metadata(&file).unwrap().uid(), mode(&file)), (0, 0o666 & !umask.as_raw_mode()));
    }

    #[test]
    fn an_open_file_is_gone_on_with() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        let mut log = OpenOptions::new().append(true).create(true).open(&path).unwrap();
        log.write_all(b"before\n").unwrap();
        // As /dev/stdout leads to /proc/self/fd/1.
        let link = dir.path().join("link");
        let number = std::os::fd::AsRawFd::as_raw_fd(&log);
        let open = ["/proc/self/fd", "/dev/fd"].into_iter().find(|dir| Path::new(dir).is_dir()).unwrap();
        symlink(Path::new(open).join(number.to_string()), &link).unwrap();
        write_atomically(&link, b"new\n").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"before\nnew\n");
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 2);
    }
}
