use sha1::Digest as _;
use sha2::{Digest, Sha256};

use crate::tar::{Entry, tar};
use crate::world::hex;

/// A package of a world that is not Debian's: its index names no digest of the file, but the SHA-1 of
/// its control part, which in turn names the SHA-256 of its data (as apk's format 2 does).
///
/// It is there to show that nothing between the index and the image asks which world a package is
/// from. The file: four bytes of length (little endian), the control part, a tar archive.
#[derive(Debug, Clone)]
pub struct ChainedPackage {
    name: String,
    version: String,
    entries: Vec<Entry>,
}

impl ChainedPackage {
    /// A package without files.
    pub fn new(name: &str, version: &str) -> ChainedPackage {
        ChainedPackage { name: name.to_owned(), version: version.to_owned(), entries: Vec::new() }
    }

    /// A file, executable by all; directories above it are not part of the archive.
    pub fn executable(mut self, path: &str, body: &[u8]) -> ChainedPackage {
        self.entries.push(Entry::file(path.trim_start_matches('/'), 0o755, body));
        self
    }

    /// The file, and the SHA-1 that the index gives for it.
    pub fn build(&self) -> (Vec<u8>, [u8; 20]) {
        let data = tar(&self.entries);
        let (name, version) = (&self.name, &self.version);
        let control = format!("name={name}\nversion={version}\ndata={}\n", hex(&Sha256::digest(&data)));
        let length = u32::try_from(control.len()).expect("a few lines").to_le_bytes();
        ([&length[..], control.as_bytes(), &data].concat(), sha1::Sha1::digest(control.as_bytes()).into())
    }
}
