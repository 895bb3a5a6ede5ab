use std::array;

/// Bits from the least significant on (RFC 1951 section 3.1.1). Past the end there are zeros;
/// [`Bits::at`] tells.
struct Bits<'a> {
    bytes: &'a [u8],
    next: usize,
    held: u64,
    count: u32,
}

impl<'a> Bits<'a> {
    fn new(bytes: &'a [u8], next: usize) -> Bits<'a> {
        Bits { bytes, next, held: 0, count: 0 }
    }

    /// At least 56 bits are held afterwards.
    #[inline(always)]
    fn refill(&mut self) {
        if let Some(eight) = self.bytes.get(self.next..).and_then(|rest| rest.first_chunk::<8>()) {
            self.held |= u64::from_le_bytes(*eight) << self.count;
            let taken = (63 - self.count) >> 3;
            self.next += taken as usize;
            self.count += taken * 8;
        } else {
            while self.count < 56 {
                let byte = self.bytes.get(self.next).copied().unwrap_or(0);
                self.held |= u64::from(byte) << self.count;
                self.next += 1;
                self.count += 8;
            }
        }
    }

    #[inline(always)]
    fn skip(&mut self, n: u32) {
        self.held >>= n;
        self.count -= n;
    }

    #[inline(always)]
    fn peek(&self, mask: u64) -> usize {
        (self.held & mask) as usize
    }

    fn take(&mut self, n: u32) -> u32 {
        self.refill();
        let out = self.held & ((1 << n) - 1);
        self.skip(n);
        out as u32
    }

    /// The position in bits.
    fn at(&self) -> usize {
        self.next * 8 - self.count as usize
    }

    fn is_past_end(&self) -> bool {
        self.at() > self.bytes.len() * 8
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Literal,
    Length,
    End,
    Bad,
}

/// What the next bits mean.
#[derive(Clone, Copy)]
struct Code {
    kind: Kind,
    /// Bits of the code.
    len: u8,
    /// Bits that follow it.
    extra: u8,
    /// Output of a length without its extra bits; the symbol, in the code of code lengths.
    base: u16,
}

const BAD: Code = Code { kind: Kind::Bad, len: 0, extra: 0, base: 0 };

/// RFC 1951 section 3.2.5.
const LENGTH_EXTRA: [u8; 29] =
    [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0];
const LENGTH_BASE: [u16; 29] = [
    3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195,
    227, 258,
];
/// RFC 1951 section 3.2.7.
const ORDER: [usize; 19] = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

/// What a walk found; positions in bits.
pub(crate) struct Walked {
    /// Where the header of the last block begins.
    pub(crate) last_header: usize,
    /// Where the stream ends.
    pub(crate) end: usize,
    /// How many bytes it would inflate to.
    pub(crate) output: u64,
}

/// Walks raw deflate streams block by block, keeping its tables between streams.
pub(crate) struct Walker {
    litlen: Table,
    offset: Table,
    lens: Table,
}

impl Walker {
    pub(crate) fn new() -> Walker {
        Walker { litlen: Table::default(), offset: Table::default(), lens: Table::default() }
    }

    /// None where the bytes are no whole deflate stream.
    pub(crate) fn walk(&mut self, bytes: &[u8]) -> Option<Walked> {
        let mut bits = Bits::new(bytes, 0);
        let mut output = 0;
        loop {
            let last_header = bits.at();
            let last = bits.take(1) == 1;
            output += match bits.take(2) {
                0 => walk_stored(&mut bits)?,
                1 => {
                    self.build_fixed()?;
                    self.walk_block(&mut bits)?
                }
                2 => {
                    self.build_dynamic(&mut bits)?;
                    self.walk_block(&mut bits)?
                }
                _ => return None,
            };
            if bits.is_past_end() {
                return None;
            }
            if last {
                return Some(Walked { last_header, end: bits.at(), output });
            }
        }
    }

    fn walk_block(&self, bits: &mut Bits<'_>) -> Option<u64> {
        let limit = bits.bytes.len() + 16;
        let mut output = 0;
        loop {
            // 56 bits: two literals of 15, or a length (15 + 5) and its offset (15 + 13).
            bits.refill();
            let mut code = self.litlen.codes[bits.peek(self.litlen.mask)];
            if code.kind == Kind::Literal {
                bits.skip(code.len.into());
                output += 1;
                code = self.litlen.codes[bits.peek(self.litlen.mask)];
                if code.kind == Kind::Literal {
                    bits.skip(code.len.into());
                    output += 1;
                    // Zeros past the end may be literals for ever.
                    if bits.next > limit {
                        return None;
                    }
                    continue;
                }
                bits.refill();
            }
            match code.kind {
                Kind::Length => {
                    let extra = (bits.held >> code.len) & ((1 << code.extra) - 1);
                    output += u64::from(code.base) + extra;
                    bits.skip(u32::from(code.len) + u32::from(code.extra));
                    let offset = self.offset.codes[bits.peek(self.offset.mask)];
                    bits.skip(u32::from(offset.len) + u32::from(offset.extra));
                    if offset.kind == Kind::Bad || bits.is_past_end() {
                        return None;
                    }
                }
                Kind::End => {
                    bits.skip(code.len.into());
                    return Some(output);
                }
                Kind::Literal | Kind::Bad => return None,
            }
        }
    }

    fn build_fixed(&mut self) -> Option<()> {
        let litlen: [u8; 288] = array::from_fn(|s| match s {
            0..144 | 280.. => 8,
            144..256 => 9,
            _ => 7,
        });
        self.build(&litlen, &[5; 32])
    }

    fn build_dynamic(&mut self, bits: &mut Bits<'_>) -> Option<()> {
        let (litlen, offset, count) =
            (bits.take(5) as usize + 257, bits.take(5) as usize + 1, bits.take(4) as usize + 4);
        let mut of_lens = [0; 19];
        for &symbol in &ORDER[..count] {
            of_lens[symbol] = bits.take(3) as u8;
        }
        self.lens.build(&of_lens, |s| Code { kind: Kind::Literal, len: 0, extra: 0, base: s as u16 })?;
        let mut lens = [0u8; 320];
        let mut n = 0;
        while n < litlen + offset {
            bits.refill();
            let code = self.lens.codes[bits.peek(self.lens.mask)];
            bits.skip(code.len.into());
            let (len, times) = match (code.kind, code.base) {
                (Kind::Literal, 0..=15) => (code.base as u8, 1),
                (Kind::Literal, 16) => (lens[n.checked_sub(1)?], 3 + bits.take(2) as usize),
                (Kind::Literal, 17) => (0, 3 + bits.take(3) as usize),
                (Kind::Literal, _) => (0, 11 + bits.take(7) as usize),
                _ => return None,
            };
            lens[..litlen + offset].get_mut(n..n + times)?.fill(len);
            n += times;
        }
        self.build(&lens[..litlen], &lens[litlen..litlen + offset])
    }

    fn build(&mut self, litlen: &[u8], offset: &[u8]) -> Option<()> {
        self.litlen.build(litlen, |s| match s {
            0..256 => Code { kind: Kind::Literal, len: 0, extra: 0, base: 0 },
            256 => Code { kind: Kind::End, len: 0, extra: 0, base: 0 },
            257..286 => {
                Code { kind: Kind::Length, len: 0, extra: LENGTH_EXTRA[s - 257], base: LENGTH_BASE[s - 257] }
            }
            _ => BAD,
        })?;
        self.offset.build(offset, |s| match s {
            0..30 => Code { kind: Kind::Literal, len: 0, extra: (s / 2).saturating_sub(1) as u8, base: 0 },
            _ => BAD,
        })
    }
}

fn walk_stored(bits: &mut Bits<'_>) -> Option<u64> {
    let at = bits.at().div_ceil(8);
    let header = bits.bytes.get(at..)?.first_chunk::<4>()?;
    let (len, not) = (u16::from_le_bytes([header[0], header[1]]), u16::from_le_bytes([header[2], header[3]]));
    if len != !not {
        return None;
    }
    *bits = Bits::new(bits.bytes, at + 4 + usize::from(len));
    Some(len.into())
}

/// Codes by the next bits of the stream.
#[derive(Default)]
struct Table {
    codes: Vec<Code>,
    mask: u64,
}

impl Table {
    /// Canonical codes of these lengths (RFC 1951 section 3.2.2); bits that are no code are bad.
    fn build(&mut self, lens: &[u8], meaning: impl Fn(usize) -> Code) -> Option<()> {
        let longest = lens.iter().copied().max().unwrap_or(0).max(1);
        let mut counts = [0u32; 16];
        for &len in lens {
            *counts.get_mut(usize::from(len))? += 1;
        }
        counts[0] = 0;
        let mut next = [0u32; 17];
        for len in 1..16 {
            next[len + 1] = (next[len] + counts[len]) << 1;
        }
        self.codes.clear();
        self.codes.resize(1 << longest, BAD);
        self.mask = (1 << longest) - 1;
        for (symbol, &len) in lens.iter().enumerate().filter(|(_, len)| **len > 0) {
            let code = next[usize::from(len)];
            next[usize::from(len)] += 1;
            if code >> len != 0 {
                return None;
            }
            let first = (code.reverse_bits() >> (32 - u32::from(len))) as usize;
            let entry = Code { len, ..meaning(symbol) };
            for at in (first..self.codes.len()).step_by(1 << len) {
                self.codes[at] = entry;
            }
        }
        Some(())
    }
}
