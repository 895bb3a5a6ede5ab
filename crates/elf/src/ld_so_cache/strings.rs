use std::cmp::Ordering;
use std::collections::BTreeMap;

/// A string table in which a string that ends another one shares its bytes.
pub(super) struct Strings<'a> {
    offsets: BTreeMap<&'a [u8], u32>,
    /// The table, each string with its NUL.
    pub(super) bytes: Vec<u8>,
}

impl<'a> Strings<'a> {
    /// Lays out strings as glibc does: sorted by their reversal downwards, the longer of two that end
    /// alike first, so that each possible host of a shared tail comes right before its guests.
    pub(super) fn lay_out(strings: impl Iterator<Item = &'a [u8]>) -> Strings<'a> {
        let mut all: Vec<&[u8]> = strings.collect();
        all.sort_by(|a, b| compare_reversed(b, a));
        all.dedup();
        let mut out = Strings { offsets: BTreeMap::new(), bytes: Vec::new() };
        let mut before: &[u8] = &[];
        for string in all {
            let shared = !out.bytes.is_empty() && before.ends_with(string);
            if !shared {
                out.bytes.extend_from_slice(string);
                out.bytes.push(0);
            }
            // Whether it was just written or ends what was: it lies before the last NUL.
            out.offsets.insert(string, (out.bytes.len() - 1 - string.len()) as u32);
            before = string;
        }
        out
    }

    /// Where a string that was laid out begins.
    pub(super) fn offset(&self, string: &[u8]) -> u32 {
        self.offsets[string]
    }
}

fn compare_reversed(a: &[u8], b: &[u8]) -> Ordering {
    a.iter().rev().cmp(b.iter().rev())
}
