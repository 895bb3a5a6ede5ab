//! The blocks of an `.xz` file, each decoded on a thread of its own while the caller reads them in order.
//!
//! liblzma's own threaded decoder keeps whole blocks, copies them once more, and always sums up
//! CRC-64. Here pieces go to the reader while they are warm, and no check is made: whoever calls has
//! compared the whole file with a signed SHA-256. The price is that we read the container's index
//! (<https://tukaani.org/xz/xz-file-format.txt>, 2 and 4) ourselves; a file of any other shape than
//! one stream of several blocks is left to liblzma.

use std::io::{self, Read};
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender, channel};

use liblzma::bufread::XzDecoder;
use liblzma::stream::{IGNORE_CHECK, Stream};

/// Header and footer of a stream have this length.
const FRAME: usize = 12;
/// How much is handed on at once: two of these and a dictionary fit a processor's cache.
const PIECE: usize = 512 << 10;
/// A decoder may hold this much; `xz -9` needs 65 MiB.
const MOST_MEMORY: u64 = 256 << 20;

/// One block: the bytes it has in the file (with padding), and how many it becomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Block<'a> {
    packed: &'a [u8],
    /// Length once decoded.
    pub(crate) plain: u64,
}

/// The blocks of a file that is one stream, or nothing where it is anything else.
pub(crate) fn blocks(bytes: &[u8]) -> Option<Vec<Block<'_>>> {
    let (body, footer) = bytes.split_at_checked(bytes.len().checked_sub(FRAME)?)?;
    if !bytes.starts_with(b"\xfd7zXZ\0") || !footer.ends_with(b"YZ") {
        return None;
    }
    let stored = u32::from_le_bytes(footer[4..8].try_into().ok()?);
    let index_len = usize::try_from(stored).ok()?.checked_add(1)?.checked_mul(4)?;
    let (front, mut index) = body.split_at_checked(body.len().checked_sub(index_len)?)?;
    let mut rest = front.get(FRAME..)?;
    let [0, tail @ ..] = index else { return None };
    index = tail;
    let count = number(&mut index)?;
    // Each has two numbers in the index, so a count alone cannot ask for memory.
    let mut blocks = Vec::new();
    for _ in 0..count {
        let unpadded = usize::try_from(number(&mut index)?).ok()?;
        let plain = number(&mut index)?;
        let (packed, after) = rest.split_at_checked(unpadded.checked_next_multiple_of(4)?)?;
        blocks.push(Block { packed, plain });
        rest = after;
    }
    rest.is_empty().then_some(blocks)
}

/// A number of seven bits a byte, least significant first (1.2 of the format).
fn number(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0u64;
    for shift in (0..63).step_by(7) {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

/// What a decoder hands to the reader.
type Piece = io::Result<Vec<u8>>;

/// Runs `read` over the decoded bytes of all blocks in order, while up to `threads` threads decode.
///
/// `header` is the file's own, of [`blocks`]. What is decoded and not yet read is held: at most what
/// the blocks become, which the caller bounds.
pub(crate) fn with_decoded<T>(
    header: &[u8],
    blocks: &[Block<'_>],
    threads: usize,
    read: impl FnOnce(&mut dyn Read) -> T,
) -> T {
    let (senders, receivers): (Vec<_>, Vec<_>) = blocks.iter().map(|_| channel()).unzip();
    let jobs = Mutex::new(blocks.iter().zip(senders));
    let spare = Spare::default();
    let header = &header[..FRAME.min(header.len())];
    std::thread::scope(|scope| {
        for _ in 0..threads.min(blocks.len()) {
            scope.spawn(|| {
                while let Some((block, sender)) = next(&jobs) {
                    if let Err(error) = decode(header, block, &sender, &spare) {
                        // Nobody listens once the reader has given up.
                        let _ = sender.send(Err(error));
                    }
                }
            });
        }
        let mut pieces = Pieces { blocks: receivers, piece: Vec::new(), at: 0, spare: &spare };
        // `pieces` is dropped before the threads are joined: whoever still decodes sees it and stops.
        let done = read(&mut pieces);
        drop(pieces);
        done
    })
}

fn next<T>(jobs: &Mutex<impl Iterator<Item = T>>) -> Option<T> {
    jobs.lock().unwrap_or_else(std::sync::PoisonError::into_inner).next()
}

/// Buffers that were read, for the decoders to fill again: fresh memory costs a fault a page.
#[derive(Default)]
struct Spare(Mutex<Vec<Vec<u8>>>);

impl Spare {
    fn take(&self) -> Vec<u8> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner).pop().unwrap_or_default()
    }

    fn put(&self, piece: Vec<u8>) {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push(piece);
    }
}

/// Decodes one block, as a stream that ends after it.
fn decode(header: &[u8], block: &Block<'_>, sender: &Sender<Piece>, spare: &Spare) -> io::Result<()> {
    let stream = Stream::new_stream_decoder(MOST_MEMORY, IGNORE_CHECK)?;
    let mut reader = XzDecoder::new_stream(header.chain(block.packed), stream);
    let mut left = block.plain;
    while left > 0 {
        let mut piece = spare.take();
        piece.resize(left.min(PIECE as u64) as usize, 0);
        reader.read_exact(&mut piece)?;
        left -= piece.len() as u64;
        if sender.send(Ok(piece)).is_err() {
            return Ok(());
        }
    }
    // The end of the stream is not there: an error here is right, another byte is not.
    match reader.read(&mut [0]) {
        Ok(1) => Err(io::Error::new(io::ErrorKind::InvalidData, "an xz block is longer than its index says")),
        _ => Ok(()),
    }
}

/// The reading end: block after block.
struct Pieces<'a> {
    blocks: Vec<Receiver<Piece>>,
    piece: Vec<u8>,
    at: usize,
    spare: &'a Spare,
}

impl Read for Pieces<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.at == self.piece.len() {
            self.spare.put(std::mem::take(&mut self.piece));
            self.at = 0;
            let Some(block) = self.blocks.first() else { return Ok(0) };
            match block.recv() {
                Ok(piece) => self.piece = piece?,
                // Its decoder is through.
                Err(_) => drop(self.blocks.remove(0)),
            }
        }
        let taken = into.len().min(self.piece.len() - self.at);
        into[..taken].copy_from_slice(&self.piece[self.at..self.at + taken]);
        self.at += taken;
        Ok(taken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `text` in blocks of 64 KiB.
    fn packed(text: &[u8]) -> Vec<u8> {
        let stream = liblzma::stream::MtStreamBuilder::new()
            .block_size(64 << 10)
            .check(liblzma::stream::Check::Crc64)
            .encoder()
            .unwrap();
        let mut out = Vec::new();
        liblzma::read::XzEncoder::new_stream(text, stream).read_to_end(&mut out).unwrap();
        out
    }

    fn unpacked(bytes: &[u8], threads: usize) -> io::Result<Vec<u8>> {
        let mut out = Vec::new();
        let done =
            with_decoded(bytes, &blocks(bytes).unwrap(), threads, |reader| reader.read_to_end(&mut out));
        done.map(|_| out)
    }

    fn text() -> Vec<u8> {
        (0..60_000u32).flat_map(|i| format!("line {} of {i}\n", i * 7919 % 1000).into_bytes()).collect()
    }

    #[test]
    fn blocks_come_out_in_order() {
        let text = text();
        let file = packed(&text);
        assert!(blocks(&file).unwrap().len() > 10);
        for threads in [1, 2, 5] {
            assert!(unpacked(&file, threads).unwrap() == text, "{threads} threads");
        }
    }

    #[test]
    fn a_block_that_is_damaged_is_an_error() {
        let file = packed(&text());
        let all = blocks(&file).unwrap();
        let mut bad = file.clone();
        // The header of the second block, which has a sum of its own.
        bad[FRAME + all[0].packed.len() + 2] ^= 1;
        assert!(unpacked(&bad, 2).is_err());
        let lying = |plain| Block { plain, ..all[0] };
        for (plain, good) in [(all[0].plain, true), (all[0].plain - 1, false), (all[0].plain + 1, false)] {
            let read = with_decoded(&file, &[lying(plain)], 1, |r| r.read_to_end(&mut Vec::new()));
            assert_eq!(read.is_ok(), good, "{plain}");
        }
    }

    #[test]
    fn another_shape_is_left_alone() {
        let file = packed(&text());
        assert!(blocks(&[&file[..], &file[..]].concat()).is_none(), "two streams");
        assert!(blocks(&[&file[..], &[0; 4]].concat()).is_none(), "padding");
        for len in 0..file.len() {
            assert!(blocks(&file[..len]).is_none(), "cut at {len}");
        }
    }

    #[test]
    fn an_index_that_lies_is_refused_or_an_error() {
        let text = text();
        let file = packed(&text);
        let (mut refused, mut failed) = (0, 0);
        // The index and the footer: what liblzma does not read here.
        for at in file.len() - 80..file.len() {
            let mut bad = file.clone();
            bad[at] ^= 0x41;
            let Some(blocks) = blocks(&bad) else {
                refused += 1;
                continue;
            };
            let read = with_decoded(&bad, &blocks, 2, |r| {
                let mut out = Vec::new();
                r.read_to_end(&mut out).map(|_| out)
            });
            match read {
                Ok(out) => assert!(out == text, "a sum of the index, or the footer's, at {at}"),
                Err(_) => failed += 1,
            }
        }
        assert!(refused > 0 && failed > 0, "{refused} refused, {failed} failed");
    }

    #[test]
    fn a_reader_that_gives_up_stops_the_rest() {
        let file = packed(&text());
        let first = with_decoded(&file, &blocks(&file).unwrap(), 2, |reader| reader.read(&mut [0; 5]));
        assert_eq!(first.unwrap(), 5);
    }
}
