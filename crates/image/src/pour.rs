use std::fs::File;
use std::io::{self, Read, Write as _};
use std::sync::mpsc::{channel, sync_channel};

use oci::{Descriptor, Digest, Hasher};

use crate::TransportError;

const BUFFER: usize = 256 << 10;
/// Buffers on their way to the hash and back.
const BUFFERS: usize = 4;
/// Of smaller parts the hash is not worth a thread.
const WORTH_A_THREAD: u64 = 4 << 20;

/// Writes what is to be a part into a file: the digest of what came, and its size. Ends when there is more
/// than the part may have.
///
/// Hashing takes about as long as receiving and writing, so a large part is hashed beside it.
pub(crate) fn pour(
    part: &Descriptor,
    bytes: &mut dyn Read,
    file: &mut File,
) -> Result<(Digest, u64), TransportError> {
    let mut hash = Hasher::new(part.digest.algorithm());
    if part.size < WORTH_A_THREAD {
        let mut buffer = vec![0; BUFFER];
        let mut size = 0;
        while let Some(got) = step(part, bytes, file, &mut buffer, &mut size)? {
            hash.update(&buffer[..got]);
        }
        return Ok((hash.finish(), size));
    }
    let (full, to_hash) = sync_channel::<(Vec<u8>, usize)>(BUFFERS);
    let (empty, from_hash) = channel();
    for _ in 0..BUFFERS {
        // The other end is here.
        let _ = empty.send(vec![0; BUFFER]);
    }
    std::thread::scope(|scope| {
        let hashing = scope.spawn(move || {
            for (buffer, got) in to_hash {
                hash.update(&buffer[..got]);
                let _ = empty.send(buffer);
            }
            hash.finish()
        });
        let mut size = 0;
        while let Ok(mut buffer) = from_hash.recv() {
            let Some(got) = step(part, bytes, file, &mut buffer, &mut size)? else { break };
            if full.send((buffer, got)).is_err() {
                break;
            }
        }
        drop(full);
        match hashing.join() {
            Ok(digest) => Ok((digest, size)),
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
}

/// Some bytes from the one into the other; none at the end.
fn step(
    part: &Descriptor,
    bytes: &mut dyn Read,
    file: &mut File,
    buffer: &mut [u8],
    size: &mut u64,
) -> Result<Option<usize>, TransportError> {
    loop {
        match bytes.read(buffer) {
            Ok(0) => return Ok(None),
            Ok(got) => {
                *size += got as u64;
                if *size > part.size {
                    return Ok(None);
                }
                file.write_all(&buffer[..got]).map_err(TransportError::io("write", part.digest))?;
                return Ok(Some(got));
            }
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(TransportError::io("read", part.digest)(e)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives its bytes in pieces of odd sizes.
    struct Odd<'a>(&'a [u8], usize);

    impl Read for Odd<'_> {
        fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
            self.1 = self.1 % 70_001 + 997;
            let most = buf.len().min(self.1);
            self.0.read(&mut buf[..most])
        }
    }

    fn poured(part: &Descriptor, bytes: &[u8]) -> (Digest, u64, Vec<u8>) {
        let mut file = tempfile::tempfile().unwrap();
        let (digest, size) = pour(part, &mut Odd(bytes, 1), &mut file).unwrap();
        let mut kept = Vec::new();
        io::Seek::rewind(&mut file).unwrap();
        file.read_to_end(&mut kept).unwrap();
        (digest, size, kept)
    }

    #[test]
    fn small_and_large_parts_are_what_they_are() {
        for length in [0, 1, 1000, 3 << 20, 9 << 20] {
            let bytes: Vec<u8> = (0..length).map(|i: u32| (i * 31 % 253) as u8).collect();
            let part = Descriptor::of(oci::MediaType::LAYER_TAR, &bytes);
            assert_eq!(poured(&part, &bytes), (part.digest, part.size, bytes.clone()));
            let longer = [&bytes[..], b"x"].concat();
            assert!(poured(&part, &longer).1 > part.size);
            let shorter = &bytes[..bytes.len().saturating_sub(1)];
            assert_eq!(poured(&part, shorter).0, Digest::of(shorter));
        }
    }

    #[test]
    fn a_reader_that_fails_ends_it() {
        let part = Descriptor::new(oci::MediaType::LAYER_TAR, Digest::of(b""), 9 << 20);
        let broken = io::Read::chain(&[7_u8; 1 << 20][..], Failing);
        struct Failing;
        impl Read for Failing {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::Error::other("gone"))
            }
        }
        let mut broken = broken;
        let error = pour(&part, &mut broken, &mut tempfile::tempfile().unwrap()).unwrap_err();
        assert!(error.to_string().contains("gone"), "{error}");
    }
}
