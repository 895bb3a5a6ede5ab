use std::io;

/// Bytes that can be read at any place: a slice, or a file of which only a few pages are wanted.
pub trait ReadAt {
    /// How many bytes there are.
    fn len(&self) -> u64;

    /// Fills `buffer` from `at` on; the caller stays below [`ReadAt::len`].
    fn read_at(&self, at: u64, buffer: &mut [u8]) -> io::Result<()>;

    /// Is there nothing at all?
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl ReadAt for [u8] {
    fn len(&self) -> u64 {
        <[u8]>::len(self) as u64
    }

    fn read_at(&self, at: u64, buffer: &mut [u8]) -> io::Result<()> {
        let from = usize::try_from(at).ok();
        let part = from.and_then(|from| self.get(from..from.checked_add(buffer.len())?));
        buffer.copy_from_slice(part.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }
}

impl ReadAt for Vec<u8> {
    fn len(&self) -> u64 {
        ReadAt::len(self.as_slice())
    }

    fn read_at(&self, at: u64, buffer: &mut [u8]) -> io::Result<()> {
        self.as_slice().read_at(at, buffer)
    }
}

impl<T: ReadAt + ?Sized> ReadAt for &T {
    fn len(&self) -> u64 {
        (**self).len()
    }

    fn read_at(&self, at: u64, buffer: &mut [u8]) -> io::Result<()> {
        (**self).read_at(at, buffer)
    }
}

/// The latest blocks of a source: names and tables lie close together, reads of a file are dear.
pub(crate) struct Blocks<'a> {
    from: &'a dyn ReadAt,
    len: u64,
    kept: Vec<(u64, Vec<u8>)>,
    next: usize,
}

const BLOCK: u64 = 16 * 1024;
const KEPT: usize = 4;

impl<'a> Blocks<'a> {
    pub(crate) fn new(from: &'a dyn ReadAt) -> Blocks<'a> {
        Blocks { from, len: from.len(), kept: Vec::new(), next: 0 }
    }

    /// At most `len` bytes from `at` on; fewer where the source ends before.
    pub(crate) fn up_to(&mut self, at: u64, len: usize) -> io::Result<Vec<u8>> {
        let end = at.saturating_add(len as u64).min(self.len);
        let mut out = Vec::new();
        let mut at = at;
        while at < end {
            let (index, within) = (at / BLOCK, (at % BLOCK) as usize);
            let block = self.block(index)?;
            let take = (block.len() - within).min((end - at) as usize);
            out.extend_from_slice(&block[within..within + take]);
            at += take as u64;
        }
        Ok(out)
    }

    fn block(&mut self, index: u64) -> io::Result<&[u8]> {
        let slot = match self.kept.iter().position(|(i, _)| *i == index) {
            Some(slot) => slot,
            None => {
                let from = index * BLOCK;
                let mut bytes = vec![0; (self.len - from).min(BLOCK) as usize];
                self.from.read_at(from, &mut bytes)?;
                self.keep(index, bytes)
            }
        };
        Ok(&self.kept[slot].1)
    }

    fn keep(&mut self, index: u64, bytes: Vec<u8>) -> usize {
        if self.kept.len() < KEPT {
            self.kept.push((index, bytes));
            return self.kept.len() - 1;
        }
        let slot = self.next;
        self.next = (slot + 1) % KEPT;
        self.kept[slot] = (index, bytes);
        slot
    }
}
