use std::fs::{self, File, Metadata};
use std::io::{self, Read};
use std::path::Path;

/// The most bytes of a file of the user's that is read whole: a recipe, a lock, a keyring, a bundle of
/// certificates. The largest of those that are in use (Debian's keyring of all its developers) has half of it.
pub const MOST_OWN: u64 = 64 << 20;

/// Opens a file that ends: of a device or a pipe nobody knows whether it does, and opening a pipe waits for
/// its writer. `/dev/null` is the empty file that everybody takes it for.
pub(crate) fn open(path: &Path) -> io::Result<(File, Metadata)> {
    check(path, &fs::metadata(path)?)?;
    let file = File::open(path)?;
    // Of what was opened: another may have come there in between.
    let metadata = file.metadata()?;
    check(path, &metadata)?;
    Ok((file, metadata))
}

fn check(path: &Path, metadata: &Metadata) -> io::Result<()> {
    if metadata.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    if metadata.is_file() || path == Path::new("/dev/null") {
        return Ok(());
    }
    Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no regular file"))
}

/// The content of a regular file of no more than `most` bytes: of what somebody else may have laid there, a
/// pipe that never ends or a file that fills the memory.
///
/// # Errors
/// As the file system says; `FileTooLarge` if it has more, `InvalidInput` if it is no regular file.
pub fn read_regular(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    let (file, metadata) = open(path)?;
    if metadata.len() > most {
        return Err(too_large(most));
    }
    let mut bytes = Vec::new();
    file.take(most + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most { Err(too_large(most)) } else { Ok(bytes) }
}

pub(crate) fn too_large(most: u64) -> io::Error {
    io::Error::new(io::ErrorKind::FileTooLarge, format!("it has more than {most} bytes"))
}

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;

    use super::*;
    use crate::{Blobs, OwnFiles};

    #[test]
    fn what_never_ends_is_not_begun() {
        let dir = tempfile::tempdir().unwrap();
        let link = dir.path().join("app.lock");
        std::os::unix::fs::symlink("/dev/zero", &link).unwrap();
        let own = OwnFiles::new();
        let blobs = Blobs::open(&dir.path().join("cache")).unwrap();
        for path in [Path::new("/dev/zero"), &link] {
            assert_eq!(own.read(path).unwrap_err().kind(), ErrorKind::InvalidInput);
            assert_eq!(read_regular(path, 1).unwrap_err().kind(), ErrorKind::InvalidInput);
            assert!(own.depend_on(path).is_err());
            let refused = own.ingest(path, &blobs).unwrap_err().to_string();
            assert!(refused.contains("cannot read"), "{refused}");
        }
        assert_eq!(own.read(dir.path()).unwrap_err().kind(), ErrorKind::IsADirectory);
        assert_eq!(own.read(Path::new("/dev/null")).unwrap(), b"");
    }

    #[test]
    fn a_file_has_an_end_that_is_not_too_far() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("big");
        // Holes: nothing is written.
        File::create(&path).unwrap().set_len(MOST_OWN + 1).unwrap();
        assert_eq!(OwnFiles::new().read(&path).unwrap_err().kind(), ErrorKind::FileTooLarge);
        assert_eq!(read_regular(&path, MOST_OWN).unwrap_err().kind(), ErrorKind::FileTooLarge);
        assert_eq!(read_regular(&path, MOST_OWN + 1).unwrap().len() as u64, MOST_OWN + 1);
    }
}
