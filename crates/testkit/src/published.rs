use std::path::{Path, PathBuf};

/// A world on disk, and the harm that can be done to it.
#[derive(Debug, Clone)]
pub struct Published {
    root: PathBuf,
}

impl Published {
    pub(crate) fn new(root: &Path) -> Published {
        std::fs::create_dir_all(root).expect("a folder for the archive");
        Published { root: root.canonicalize().expect("the folder just made") }
    }

    /// Top of the archive.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// `file://` URI of the archive.
    pub fn uri(&self) -> String {
        format!("file://{}", self.root.display())
    }

    /// A file of it.
    pub fn path(&self, path: &str) -> PathBuf {
        self.root.join(path)
    }

    /// The armoured keys that signed it.
    pub fn key_file(&self) -> PathBuf {
        self.path("archive-key.asc")
    }

    /// A line for `sources.list` or a recipe's `repositories:`.
    pub fn source_line(&self, suite: &str) -> String {
        format!("deb [signed-by={}] {} {suite} main", self.key_file().display(), self.uri())
    }

    /// Bytes of a file.
    pub fn read(&self, path: &str) -> Vec<u8> {
        std::fs::read(self.path(path)).unwrap_or_else(|e| panic!("{path}: {e}"))
    }

    /// Writes or replaces a file.
    pub fn write(&self, path: &str, bytes: &[u8]) {
        let path = self.path(path);
        std::fs::create_dir_all(path.parent().expect("a path in a folder")).expect("a folder");
        std::fs::write(path, bytes).expect("a file");
    }

    /// The mirror has lost a file.
    pub fn remove(&self, path: &str) {
        std::fs::remove_file(self.path(path)).unwrap_or_else(|e| panic!("{path}: {e}"));
    }

    /// One bit of the byte at `at` is wrong.
    pub fn flip_bit(&self, path: &str, at: usize) {
        let mut bytes = self.read(path);
        let len = bytes.len();
        bytes[at % len] ^= 1;
        self.write(path, &bytes);
    }

    /// Only the first `len` bytes are left.
    pub fn truncate(&self, path: &str, len: usize) {
        let mut bytes = self.read(path);
        bytes.truncate(len);
        self.write(path, &bytes);
    }

    /// More bytes than were signed.
    pub fn append(&self, path: &str, more: &[u8]) {
        let mut bytes = self.read(path);
        bytes.extend_from_slice(more);
        self.write(path, &bytes);
    }

    /// Every by-hash file below `folder` is lost.
    pub fn remove_by_hash(&self, folder: &str) {
        std::fs::remove_dir_all(self.path(folder).join("by-hash")).expect("a by-hash folder");
    }

    /// Every file below `folder` whose bytes are those of `path` gets them changed by `harm`: the
    /// plain name and its by-hash names.
    pub fn everywhere(&self, path: &str, harm: impl Fn(&Published, &str)) {
        let bytes = self.read(path);
        let mut folders = vec![self.path(path).parent().expect("a folder").to_path_buf()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(&folder).expect("a folder").flatten() {
                let file = entry.path();
                if file.is_dir() {
                    folders.push(file);
                } else if std::fs::read(&file).expect("a file") == bytes {
                    let name = file.strip_prefix(&self.root).expect("below the root");
                    harm(self, name.to_str().expect("a plain name"));
                }
            }
        }
    }
}
