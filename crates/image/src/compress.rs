use libdeflater::{CompressionLvl, Compressor};

use crate::Codec;
use crate::gzip::{Walker, open_end};

/// A fragment, compressed: others may follow it, whoever compressed them.
#[derive(Debug)]
pub(crate) struct Fragment {
    pub(crate) bytes: Vec<u8>,
    pub(crate) raw_len: u64,
    pub(crate) crc32: u32,
}

/// Compresses fragments; one for each thread. A fragment's bytes depend on its input and the codec
/// only.
pub(crate) enum FragmentWriter {
    Gzip(Box<(Compressor, Walker)>),
    Zstd(Box<zstd::bulk::Compressor<'static>>),
}

impl FragmentWriter {
    pub(crate) fn new(codec: Codec) -> Result<FragmentWriter, String> {
        match codec {
            Codec::Gzip(level) => {
                let level = CompressionLvl::new(level.into()).map_err(|e| format!("{e:?}"))?;
                Ok(FragmentWriter::Gzip(Box::new((Compressor::new(level), Walker::new()))))
            }
            Codec::Zstd(level) => {
                let compressor = zstd::bulk::Compressor::new(level.into()).map_err(|e| e.to_string())?;
                Ok(FragmentWriter::Zstd(Box::new(compressor)))
            }
        }
    }

    pub(crate) fn compress(&mut self, raw: &[u8]) -> Result<Fragment, String> {
        let bytes = match self {
            FragmentWriter::Gzip(both) => deflate(&mut both.0, &mut both.1, raw)?,
            FragmentWriter::Zstd(compressor) => compressor.compress(raw).map_err(|e| e.to_string())?,
        };
        Ok(Fragment { bytes, raw_len: raw.len() as u64, crc32: crc32fast::hash(raw) })
    }
}

fn deflate(compressor: &mut Compressor, walker: &mut Walker, raw: &[u8]) -> Result<Vec<u8>, String> {
    let mut out = vec![0; compressor.deflate_compress_bound(raw.len())];
    let len = compressor.deflate_compress(raw, &mut out).map_err(|e| e.to_string())?;
    out.truncate(len);
    if !open_end(walker, &mut out, raw.len()) {
        return Err("libdeflate's output is not understood".to_owned());
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    fn inflate(fragments: &[Fragment]) -> Vec<u8> {
        let mut member = crate::gzip::HEADER.to_vec();
        let mut crc = crc32fast::Hasher::new();
        let mut raw_len = 0;
        for f in fragments {
            member.extend_from_slice(&f.bytes);
            crc.combine(&crc32fast::Hasher::new_with_initial_len(f.crc32, f.raw_len));
            raw_len += f.raw_len;
        }
        member.extend_from_slice(&crate::gzip::trailer(crc.finalize(), raw_len));
        let mut out = Vec::new();
        flate2::read::GzDecoder::new(&member[..]).read_to_end(&mut out).unwrap();
        out
    }

    /// Content of many shapes: constant, text-like, noise, mixed; of many lengths.
    fn sample(kind: u64, len: usize) -> Vec<u8> {
        let mut state = kind.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        let mut next = move || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state
        };
        (0..len)
            .map(|i| match kind % 4 {
                0 => b'a',
                1 => b"the quick brown fox "[(next() % 20) as usize],
                2 => next() as u8,
                _ if i / 5000 % 2 == 0 => next() as u8,
                _ => (i / 7) as u8,
            })
            .collect()
    }

    #[test]
    fn fragments_follow_each_other_at_every_level() {
        for level in [1, 2, 6, 9, 10, 12] {
            let mut writer = FragmentWriter::new(Codec::Gzip(level)).unwrap();
            let (mut whole, mut fragments) = (Vec::new(), Vec::new());
            for (kind, len) in
                [(0, 1), (1, 300_000), (2, 70_000), (3, 400_000), (0, 1 << 20), (1, 7), (2, 65_536)]
            {
                let raw = sample(kind, len);
                fragments.push(writer.compress(&raw).unwrap());
                whole.extend_from_slice(&raw);
            }
            assert_eq!(inflate(&fragments), whole, "level {level}");
        }
    }

    #[test]
    fn refuses_streams_that_it_does_not_understand() {
        let mut compressor = Compressor::new(CompressionLvl::new(6).unwrap());
        let raw = sample(1, 100_000);
        let mut good = vec![0; compressor.deflate_compress_bound(raw.len())];
        let len = compressor.deflate_compress(&raw, &mut good).unwrap();
        good.truncate(len);
        let mut walker = Walker::new();
        assert!(open_end(&mut walker, &mut good.clone(), raw.len()));
        assert!(!open_end(&mut walker, &mut good.clone(), raw.len() + 1));
        assert!(!open_end(&mut walker, &mut good[..len / 2].to_vec(), raw.len()));
        assert!(!open_end(&mut walker, &mut [&good[..], b"x"].concat(), raw.len()));
        assert!(!open_end(&mut walker, &mut Vec::new(), 0));
        for seed in 0..2000u64 {
            // Must end, whatever the bytes; the result does not matter.
            let mut noise = sample(seed * 4 + 2, (seed % 300) as usize);
            open_end(&mut walker, &mut noise, 1);
        }
    }
}
