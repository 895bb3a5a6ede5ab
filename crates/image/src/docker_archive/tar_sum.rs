use std::io::{self, Read, Write};

use flate2::write::MultiGzDecoder;
use oci::{Algorithm, Descriptor, DiffId, Digest, Hasher};

/// Passes a layer on and sums up the tar in it, so that it is read once. Docker tells compressions apart by the first
/// bytes, whatever the layer is called, and so does this.
pub(super) struct TarSum<R> {
    layer: R,
    tar: Tar,
}

enum Tar {
    Unread,
    /// Its own digest is that of its tar.
    Bare,
    Gzip(Box<MultiGzDecoder<Sum>>),
    /// As far as it could be unpacked: some archivers fill up behind the end.
    Broken(Digest),
}

struct Sum(Hasher);

impl Write for Sum {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<R: Read> TarSum<R> {
    pub(super) fn new(layer: R) -> TarSum<R> {
        TarSum { layer, tar: Tar::Unread }
    }

    /// The diff id of what was passed on as `layer`. None of a bare tar that another algorithm names.
    pub(super) fn finish(self, layer: &Descriptor) -> Option<DiffId> {
        let digest = match self.tar {
            Tar::Unread | Tar::Bare => Some(layer.digest).filter(|d| d.algorithm() == Algorithm::Sha256)?,
            Tar::Gzip(unpacking) => sum_of(*unpacking),
            Tar::Broken(digest) => digest,
        };
        Some(DiffId(digest))
    }

    fn note(&mut self, bytes: &[u8]) {
        if let Tar::Unread = self.tar {
            let sum = Sum(Hasher::new(Algorithm::Sha256));
            self.tar = match bytes {
                [0x1f, ..] => Tar::Gzip(Box::new(MultiGzDecoder::new(sum))),
                _ => Tar::Bare,
            };
        }
        if let Tar::Gzip(unpacking) = &mut self.tar
            && unpacking.write_all(bytes).is_err()
            && let Tar::Gzip(unpacking) = std::mem::replace(&mut self.tar, Tar::Bare)
        {
            self.tar = Tar::Broken(sum_of(*unpacking));
        }
    }
}

/// Of what came out; that something did not is seen by the sum.
fn sum_of(mut unpacking: MultiGzDecoder<Sum>) -> Digest {
    let _ = unpacking.try_finish();
    let empty = Sum(Hasher::new(Algorithm::Sha256));
    std::mem::replace(unpacking.get_mut(), empty).0.finish()
}

impl<R: Read> Read for TarSum<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let got = self.layer.read(buffer)?;
        if got > 0 {
            self.note(&buffer[..got]);
        }
        Ok(got)
    }
}

#[cfg(test)]
mod tests {
    use flate2::{Compression, write::GzEncoder};
    use oci::MediaType;

    use super::*;

    fn sum(bytes: &[u8]) -> Option<DiffId> {
        let mut tar =
            TarSum::new(io::Read::chain(&bytes[..bytes.len().min(7)], &bytes[bytes.len().min(7)..]));
        assert_eq!(io::copy(&mut tar, &mut io::sink()).unwrap(), bytes.len() as u64);
        tar.finish(&Descriptor::of(MediaType::LAYER_GZIP, bytes))
    }

    #[test]
    fn the_sum_is_of_the_tar_alone() {
        let tar: Vec<u8> = (0..300_000_u32).map(|i| (i.wrapping_mul(i) % 251) as u8).collect();
        let of_it = Some(DiffId(Digest::of(&tar)));
        let mut gzip = Vec::new();
        // Two members are one file.
        for part in [&tar[..1000], &tar[1000..]] {
            let mut out = GzEncoder::new(Vec::new(), Compression::default());
            out.write_all(part).unwrap();
            gzip.extend(out.finish().unwrap());
        }
        assert_eq!(sum(&gzip), of_it);
        assert_eq!(sum(&tar), of_it);
        assert_eq!(sum(&[&gzip[..], &[0; 512]].concat()), of_it, "filled up");
        assert_ne!(sum(&gzip[..gzip.len() - 20]), of_it);
        assert_eq!(sum(b""), Some(DiffId(Digest::of(b""))));
    }
}
