//! Files with holes: GNU's old header and its three PAX forms (GNU tar manual, "Storing Sparse Files"). Read
//! only: what we write has no holes.

use bstr::{BString, ByteSlice};

use super::BLOCK;
use super::number::{parse_decimal, parse_number};

/// Where a piece of the stored bytes belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Run {
    at: u64,
    len: u64,
}

/// Most pieces that a map may have: each is a seek for whoever unpacks it.
const MOST_RUNS: usize = 1 << 16;

/// A file with holes.
pub(super) struct Sparse {
    /// Its length with them.
    pub(super) size: u64,
    pub(super) map: Map,
}

pub(super) enum Map {
    Known(Vec<Run>),
    /// Before the bytes.
    InBody,
}

/// The records `GNU.sparse.*` of a member.
#[derive(Debug, Default)]
pub(super) struct PaxSparse {
    major: u64,
    name: Option<BString>,
    size: Option<u64>,
    numbers: Vec<u64>,
}

impl PaxSparse {
    /// Takes the record `GNU.sparse.WORD`. Of form 0.0 `offset` and `numbytes` stand once a piece.
    pub(super) fn take(&mut self, word: &[u8], value: &[u8]) -> Result<(), &'static str> {
        let number = || parse_decimal(value).map_err(|_| "not a number");
        match word {
            b"major" => self.major = number()?,
            b"name" => self.name = Some(value.into()),
            b"size" | b"realsize" => self.size = Some(number()?),
            b"offset" if !self.numbers.len().is_multiple_of(2) => return Err("a piece has no length"),
            b"numbytes" if self.numbers.len().is_multiple_of(2) => return Err("a piece has no offset"),
            b"offset" | b"numbytes" => self.numbers.push(number()?),
            b"map" if !value.is_empty() => {
                let all = value.split(|&b| b == b',').take(2 * MOST_RUNS + 1).map(parse_decimal);
                self.numbers = all.collect::<Result<_, _>>().map_err(|_| "not a list of numbers")?;
            }
            _ => {}
        }
        if self.numbers.len() > 2 * MOST_RUNS { Err("more pieces than 65536") } else { Ok(()) }
    }

    /// What they say together; the name that they give takes the place of `path`, which is a made-up one.
    pub(super) fn into_sparse(self, path: &mut Option<BString>) -> Result<Sparse, &'static str> {
        if self.name.is_some() {
            *path = self.name;
        }
        let size = self.size.ok_or("its map of holes has no length of the file")?;
        let map = if self.major >= 1 { Map::InBody } else { Map::Known(pairs(&self.numbers)?) };
        Ok(Sparse { size, map })
    }
}

fn pairs(numbers: &[u64]) -> Result<Vec<Run>, &'static str> {
    if !numbers.len().is_multiple_of(2) {
        return Err("its map of holes is no list of pairs");
    }
    Ok(numbers.chunks_exact(2).map(|p| Run { at: p[0], len: p[1] }).collect())
}

/// The map in headers of GNU's old form: four pieces in the header, 21 in each block that follows it.
pub(super) struct GnuMap {
    runs: Vec<Run>,
    size: u64,
    pub(super) goes_on: bool,
}

impl GnuMap {
    pub(super) fn read(header: &[u8; BLOCK]) -> Result<GnuMap, String> {
        let size = parse_number(&header[483..495]).map_err(|_| "its length with holes is not a number")?;
        let mut map = GnuMap { runs: Vec::new(), size, goes_on: header[482] != 0 };
        map.push(&header[386..482])?;
        Ok(map)
    }

    pub(super) fn read_more(&mut self, block: &[u8; BLOCK]) -> Result<(), String> {
        self.goes_on = block[504] != 0;
        self.push(&block[..504])
    }

    fn push(&mut self, fields: &[u8]) -> Result<(), String> {
        for pair in fields.chunks_exact(24) {
            // The rest is empty.
            if pair[0] == 0 {
                break;
            }
            let number = |field| parse_number(field).map_err(|_| "its map of holes is malformed");
            self.runs.push(Run { at: number(&pair[..12])?, len: number(&pair[12..])? });
        }
        if self.runs.len() > MOST_RUNS { Err("more pieces than 65536".to_owned()) } else { Ok(()) }
    }
}

impl From<GnuMap> for Sparse {
    fn from(map: GnuMap) -> Sparse {
        Sparse { size: map.size, map: Map::Known(map.runs) }
    }
}

/// The map before the bytes, as it comes block by block.
#[derive(Default)]
pub(super) struct MapText {
    text: Vec<u8>,
    lines: usize,
}

impl MapText {
    /// The map, once it is whole.
    pub(super) fn push(
        &mut self,
        block: &[u8; BLOCK],
        most: usize,
    ) -> Result<Option<Vec<Run>>, &'static str> {
        self.text.extend_from_slice(block);
        self.lines += block.iter().filter(|&&b| b == b'\n').count();
        let mut lines = self.text.lines();
        let Some(first) = lines.next().filter(|_| self.lines > 0) else { return Ok(None) };
        let wanted = parse_decimal(first).ok().and_then(|n| usize::try_from(n).ok());
        let wanted = wanted.filter(|n| *n <= most.min(MOST_RUNS)).ok_or("its map of holes is malformed")?;
        if self.lines < 1 + 2 * wanted {
            return Ok(None);
        }
        let numbers: Result<Vec<u64>, _> = lines.take(2 * wanted).map(parse_decimal).collect();
        pairs(&numbers.map_err(|_| "its map of holes is malformed")?).map(Some)
    }
}

/// Gives back a body with its holes.
pub(super) struct Holes {
    runs: std::vec::IntoIter<Run>,
    run: Option<Run>,
    at: u64,
    size: u64,
}

/// What comes next.
pub(super) enum Step {
    /// So many bytes of a hole; none at the end.
    Zeros(usize),
    /// At most so many stored bytes.
    Bytes(usize),
}

impl Holes {
    /// # Errors
    /// Pieces lie over each other or behind the end, or are not together as long as the stored bytes.
    pub(super) fn new(runs: Vec<Run>, size: u64, stored: u64) -> Result<Holes, &'static str> {
        let (mut end, mut sum) = (0u64, 0u64);
        for run in &runs {
            let next = run.at.checked_add(run.len).filter(|n| run.at >= end && *n <= size);
            end = next.ok_or("its map of holes contradicts itself")?;
            sum += run.len;
        }
        if sum != stored {
            return Err("its map of holes does not fit its bytes");
        }
        let mut runs = runs.into_iter();
        Ok(Holes { run: runs.next(), runs, at: 0, size })
    }

    /// Up to `most` bytes.
    pub(super) fn next(&mut self, most: usize) -> Step {
        while self.run.is_some_and(|run| run.at + run.len <= self.at) {
            self.run = self.runs.next();
        }
        let fit = |n: u64| usize::try_from(n).unwrap_or(usize::MAX).min(most);
        match self.run {
            Some(run) if run.at <= self.at => Step::Bytes(fit(run.at + run.len - self.at)),
            run => {
                let zeros = fit(run.map_or(self.size, |run| run.at) - self.at);
                self.at += zeros as u64;
                Step::Zeros(zeros)
            }
        }
    }

    /// So many stored bytes were taken.
    pub(super) fn advance(&mut self, by: usize) {
        self.at += by as u64;
    }
}
