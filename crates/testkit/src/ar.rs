//! A writer of ar archives that writes wrong ones as willingly as right ones (`deb(5)`, `ar(5)`).

/// An archive under construction.
#[derive(Debug, Clone)]
pub struct Ar(Vec<u8>);

impl Default for Ar {
    fn default() -> Ar {
        Ar::new()
    }
}

impl Ar {
    /// An archive of no members.
    pub fn new() -> Ar {
        Ar(b"!<arch>\n".to_vec())
    }

    /// One more member, as `dpkg-deb` writes it.
    pub fn member(self, name: &str, body: &[u8]) -> Ar {
        let size = body.len().to_string();
        self.raw_member(name.as_bytes(), &size, body)
    }

    /// One more member whose header has this name and this size field, whatever `body` is.
    pub fn raw_member(mut self, name: &[u8], size: &str, body: &[u8]) -> Ar {
        let mut header = [b' '; 60];
        let mut put = |at: usize, len: usize, bytes: &[u8]| {
            let n = bytes.len().min(len);
            header[at..at + n].copy_from_slice(&bytes[..n]);
        };
        put(0, 16, name);
        put(16, 12, b"1735689600");
        put(28, 6, b"0");
        put(34, 6, b"0");
        put(40, 8, b"100644");
        put(48, 10, size.as_bytes());
        put(58, 2, b"`\n");
        self.0.extend_from_slice(&header);
        self.0.extend_from_slice(body);
        if body.len() % 2 == 1 {
            self.0.push(b'\n');
        }
        self
    }

    /// Any bytes, as they are.
    pub fn raw(mut self, bytes: &[u8]) -> Ar {
        self.0.extend_from_slice(bytes);
        self
    }

    /// The archive.
    pub fn bytes(self) -> Vec<u8> {
        self.0
    }
}
