use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use oci::{Algorithm, Digest, Hasher};

use crate::temporary::{Temporary, is_same, set_mode};
use crate::upkeep::{mark_used, use_lock};
use crate::{Expect, ExpectAnything, FileLock, Mismatch, StoreError, Temporaries};

/// Blobs named by their SHA-256, under one directory.
#[derive(Debug, Clone)]
pub struct Blobs {
    dir: PathBuf,
    partial: PathBuf,
    temporaries: Temporaries,
    _in_use: Arc<FileLock>,
}

impl Blobs {
    /// The blobs below `root`, which is made if need be.
    ///
    /// # Errors
    /// A directory cannot be made.
    pub fn open(root: &Path) -> Result<Blobs, StoreError> {
        let dir = root.join("blobs");
        let partial = root.join("partial");
        for d in [&dir.join("sha256"), &partial] {
            fs::create_dir_all(d).map_err(StoreError::io("make", d))?;
        }
        let in_use = Arc::new(use_lock(root)?);
        Ok(Blobs { dir, partial, temporaries: Temporaries::open(&root.join("tmp"))?, _in_use: in_use })
    }

    /// Its size, if there is such a blob. Only presence is looked at.
    pub fn contains(&self, digest: &Digest) -> Option<u64> {
        fs::metadata(self.path(digest)).ok().map(|m| m.len())
    }

    /// Opens a blob.
    ///
    /// # Errors
    /// There is none, or it cannot be read.
    pub fn open_blob(&self, digest: &Digest) -> Result<Blob, StoreError> {
        let path = self.path(digest);
        let file = File::open(&path).map_err(|e| match e.kind() {
            io::ErrorKind::NotFound => StoreError::Absent { digest: *digest },
            _ => StoreError::io("read", &path)(e),
        })?;
        let metadata = file.metadata().map_err(StoreError::io("read", &path))?;
        mark_used(&file, &metadata);
        Ok(Blob { file, path, len: metadata.len() })
    }

    /// Opens a blob to be read from its beginning to its end, hashed while it is: at its end, one that
    /// was damaged on disk is an error (`InvalidData`) and deleted.
    ///
    /// # Errors
    /// There is none, or it cannot be read.
    pub fn open_checked(&self, digest: &Digest) -> Result<CheckedBlob, StoreError> {
        let blob = self.open_blob(digest)?;
        Ok(CheckedBlob { blob, hasher: Some(Hasher::new(digest.algorithm())), digest: *digest })
    }

    /// The whole of a small blob, hashed again; a damaged one is deleted.
    ///
    /// # Errors
    /// There is none, it cannot be read, or it was damaged.
    pub fn read(&self, digest: &Digest) -> Result<Vec<u8>, StoreError> {
        let mut blob = self.open_blob(digest)?;
        let mut bytes = Vec::new();
        blob.read_to_end(&mut bytes).map_err(StoreError::io("read", &blob.path))?;
        let mut hasher = Hasher::new(digest.algorithm());
        hasher.update(&bytes);
        if hasher.finish() == *digest {
            return Ok(bytes);
        }
        self.delete(digest);
        Err(StoreError::Damaged { digest: *digest })
    }

    /// Hashes a blob again; a damaged one is deleted. Gives whether it was sound.
    ///
    /// # Errors
    /// There is none, or it cannot be read.
    pub fn verify(&self, digest: &Digest) -> Result<bool, StoreError> {
        let mut blob = self.open_blob(digest)?;
        let mut hasher = Hasher::new(digest.algorithm());
        let mut buffer = vec![0; 1 << 18];
        loop {
            match blob.read(&mut buffer).map_err(StoreError::io("read", &blob.path))? {
                0 => break,
                n => hasher.update(&buffer[..n]),
            }
        }
        let sound = hasher.finish() == *digest;
        if !sound {
            self.delete(digest);
        }
        Ok(sound)
    }

    /// Forgets a blob; one that is not there is no error.
    pub fn delete(&self, digest: &Digest) {
        let _ = fs::remove_file(self.path(digest));
    }

    /// Begins to admit a blob that can be resumed by nobody.
    ///
    /// # Errors
    /// No temporary file can be made.
    pub fn ingest<E: Expect>(&self, what: &str, expect: E) -> Result<Ingest<'_, E>, StoreError> {
        let place = Unfinished::Temporary(self.temporaries.make()?);
        Ok(self.begin(what, expect, place))
    }

    /// Begins or resumes a download that has `key`, a text of letters, digits and dashes. What an
    /// earlier process got is taken into account ([`Ingest::len`]); while another one is at it, this
    /// begins anew by itself.
    ///
    /// # Errors
    /// No file can be made, or what is there cannot be read.
    pub fn resume<E: Expect>(&self, key: &str, what: &str, expect: E) -> Result<Ingest<'_, E>, StoreError> {
        let path = self.partial.join(key);
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(StoreError::io("write", &path))?;
        // Locked, and still what the name means: the one before may have finished and renamed it.
        if file.try_lock().is_err() || !is_same(&file, &path) {
            return self.ingest(what, expect);
        }
        // Longer than can be right: of another file. It begins anew.
        if file.metadata().map_err(StoreError::io("read", &path))?.len() > expect.cap() {
            file.set_len(0).map_err(StoreError::io("write", &path))?;
        }
        let mut ingest = self.begin(what, expect, Unfinished::Partial { file, path });
        ingest.take_what_is_there()?;
        Ok(ingest)
    }

    /// Admits bytes at hand.
    ///
    /// # Errors
    /// They cannot be written.
    pub fn put(&self, bytes: &[u8]) -> Result<Digest, StoreError> {
        let digest = Digest::of(bytes);
        if self.contains(&digest) == Some(bytes.len() as u64) {
            return Ok(digest);
        }
        let mut ingest = self.ingest("bytes at hand", ExpectAnything { cap: bytes.len() as u64 })?;
        ingest.write(bytes)?;
        ingest.commit().map(|(digest, _)| digest)
    }

    /// Every blob, by its SHA-256.
    ///
    /// # Errors
    /// The directory cannot be read.
    pub fn all(&self) -> Result<Vec<Digest>, StoreError> {
        self.named_by(Algorithm::Sha256)
    }

    /// The names of that algorithm; a blob has one more where its archive knows it by SHA-512.
    pub(crate) fn named_by(&self, algorithm: Algorithm) -> Result<Vec<Digest>, StoreError> {
        let dir = self.dir.join(algorithm.name());
        let entries = match fs::read_dir(&dir) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(StoreError::io("read", &dir))?,
        };
        let digest = |name: &str| Digest::from_hex(algorithm, name).ok();
        let mut all: Vec<Digest> =
            entries.flatten().filter_map(|e| digest(e.file_name().to_str()?)).collect();
        all.sort();
        Ok(all)
    }

    /// Where a blob is or would be.
    pub fn path(&self, digest: &Digest) -> PathBuf {
        self.dir.join(digest.algorithm().name()).join(digest.hex())
    }

    /// Where unfinished downloads are.
    pub fn partial_dir(&self) -> &Path {
        &self.partial
    }

    fn begin<E: Expect>(&self, what: &str, expect: E, place: Unfinished) -> Ingest<'_, E> {
        Ingest {
            blobs: self,
            what: what.to_owned(),
            expect: Some(expect),
            hasher: Hasher::sha256(),
            len: 0,
            place: Some(place),
        }
    }
}

/// An open blob.
#[derive(Debug)]
pub struct Blob {
    file: File,
    path: PathBuf,
    len: u64,
}

impl Blob {
    /// Its length in bytes.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Is it empty?
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Blob {
    /// Fills `buffer` from `at` on, wherever reading is.
    ///
    /// # Errors
    /// It ends before, or cannot be read.
    #[cfg(unix)]
    pub fn read_exact_at(&self, buffer: &mut [u8], at: u64) -> io::Result<()> {
        std::os::unix::fs::FileExt::read_exact_at(&self.file, buffer, at)
    }
}

impl Read for Blob {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.file.read(buffer)
    }
}

/// A blob that is hashed while it is read.
pub struct CheckedBlob {
    blob: Blob,
    digest: Digest,
    /// Gone once the end was seen.
    hasher: Option<Hasher>,
}

impl CheckedBlob {
    /// Reads what is left, for a caller that stopped before the end.
    ///
    /// # Errors
    /// It cannot be read, or was damaged on disk.
    pub fn finish(mut self) -> io::Result<()> {
        io::copy(&mut self, &mut io::sink()).map(drop)
    }
}

impl Read for CheckedBlob {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.blob.read(buffer)?;
        if n > 0 || buffer.is_empty() {
            if let Some(hasher) = &mut self.hasher {
                hasher.update(&buffer[..n]);
            }
            return Ok(n);
        }
        if self.hasher.take().is_none_or(|h| h.finish() == self.digest) {
            return Ok(0);
        }
        let _ = fs::remove_file(self.blob.path());
        Err(io::Error::new(io::ErrorKind::InvalidData, StoreError::Damaged { digest: self.digest }))
    }
}

#[derive(Debug)]
enum Unfinished {
    Temporary(Temporary),
    Partial { file: File, path: PathBuf },
}

impl Unfinished {
    fn file(&mut self) -> &mut File {
        match self {
            Unfinished::Temporary(t) => t.file(),
            Unfinished::Partial { file, .. } => file,
        }
    }
}

/// A blob on its way in. Dropped, it leaves nothing but what a download can be resumed from.
#[derive(Debug)]
pub struct Ingest<'a, E> {
    blobs: &'a Blobs,
    what: String,
    expect: Option<E>,
    hasher: Hasher,
    len: u64,
    place: Option<Unfinished>,
}

impl<E: Expect> Ingest<'_, E> {
    /// How many bytes have been taken, from an earlier process too.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Nothing has been taken yet.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Takes the next bytes.
    ///
    /// # Errors
    /// More than can be right, or the disk refuses.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        self.judge(bytes)?;
        let blobs = self.blobs;
        let Some(place) = &mut self.place else { return Ok(()) };
        place.file().write_all(bytes).map_err(StoreError::io("write", &blobs.dir))
    }

    /// Forgets all that was taken and begins anew; `expect` is judged from the first byte on.
    ///
    /// # Errors
    /// The disk refuses.
    pub fn restart(&mut self, expect: E) -> Result<(), StoreError> {
        self.expect = Some(expect);
        self.hasher = Hasher::sha256();
        self.len = 0;
        let blobs = self.blobs;
        let Some(place) = &mut self.place else { return Ok(()) };
        let empty = |f: &mut File| f.set_len(0).and_then(|()| f.seek(SeekFrom::Start(0)).map(drop));
        empty(place.file()).map_err(StoreError::io("write", &blobs.dir))
    }

    /// All bytes are there: judges them and gives the blob its name. What was wrong is deleted, so that
    /// the next attempt begins anew.
    ///
    /// # Errors
    /// They are not what was expected, or the disk refuses.
    pub fn commit(mut self) -> Result<(Digest, u64), StoreError> {
        let (Some(expect), Some(place)) = (self.expect.take(), self.place.take()) else {
            return Err(self.mismatch(Mismatch::Other("it was finished before".to_owned())));
        };
        let alias = expect.alias();
        if let Err(mismatch) = expect.finish() {
            if let Unfinished::Partial { path, .. } = place {
                let _ = fs::remove_file(path);
            }
            return Err(self.mismatch(mismatch));
        }
        let digest = std::mem::replace(&mut self.hasher, Hasher::sha256()).finish();
        let to = self.blobs.path(&digest);
        match place {
            Unfinished::Temporary(temporary) => temporary.name(&to)?,
            Unfinished::Partial { path, file } => {
                set_mode(&file, 0o644).map_err(StoreError::io("write", &path))?;
                fs::rename(&path, &to).map_err(StoreError::io("write", &to))?
            }
        }
        if let Some(alias) = alias {
            self.link(&to, &alias)?;
        }
        Ok((digest, self.len))
    }

    fn link(&self, blob: &Path, alias: &Digest) -> Result<(), StoreError> {
        let path = self.blobs.path(alias);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(StoreError::io("make", parent))?;
        }
        match fs::hard_link(blob, &path) {
            Err(e) if e.kind() != io::ErrorKind::AlreadyExists => Err(StoreError::io("write", &path)(e)),
            _ => Ok(()),
        }
    }

    fn judge(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        let len = self.len + bytes.len() as u64;
        if let Some(expect) = &mut self.expect {
            if len > expect.cap() {
                let mismatch = Mismatch::Size { expected: expect.cap(), found: len };
                return Err(self.mismatch(mismatch));
            }
            expect.update(bytes);
        }
        self.hasher.update(bytes);
        self.len = len;
        Ok(())
    }

    fn take_what_is_there(&mut self) -> Result<(), StoreError> {
        let Some(mut place) = self.place.take() else { return Ok(()) };
        let path = self.blobs.partial.clone();
        let mut buffer = vec![0; 1 << 16];
        loop {
            let n = place.file().read(&mut buffer).map_err(StoreError::io("read", &path))?;
            if n == 0 {
                break;
            }
            self.judge(&buffer[..n])?;
        }
        self.place = Some(place);
        Ok(())
    }

    fn mismatch(&self, mismatch: Mismatch) -> StoreError {
        StoreError::Mismatch { what: self.what.clone(), mismatch }
    }
}
