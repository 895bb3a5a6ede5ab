//! apk's version order: apk-package(5), "pkgver"; checked against the vectors of apk-tools 3.0.6.
//!
//! `number{.number}…{letter}{_suffix{number}}…{~hexhash}{-rnumber}`. Part is compared with part;
//! where the kinds of parts differ, the kind decides. Suffixes before a release (`_alpha`, `_beta`,
//! `_pre`, `_rc`) make a version older, those after it (`_cvs`, `_svn`, `_git`, `_hg`, `_p`) newer.
//! Numbers have any length here; apk's own are 64 bits wide.

use std::cmp::Ordering;

/// Compares two versions; total over all texts. What does not follow the grammar ends the text.
pub fn compare(a: &str, b: &str) -> Ordering {
    order(a, b, false)
}

/// Is it a version that apk accepts?
pub fn is_valid(text: &str) -> bool {
    let mut parts = Parts::new(text);
    loop {
        match parts.next_part() {
            Part::Invalid => return false,
            Part::End => return true,
            _ => {}
        }
    }
}

/// Compares as apk's `~` does: equal where `prefix` ends before a difference (`3.6.1` and `3.6`).
pub fn compare_fuzzy(version: &str, prefix: &str) -> Ordering {
    order(version, prefix, true)
}

fn order(a: &str, b: &str, fuzzy: bool) -> Ordering {
    let (mut left, mut right) = (Parts::new(a), Parts::new(b));
    loop {
        let (x, y) = (left.next_part(), right.next_part());
        if fuzzy && y == Part::End {
            return Ordering::Equal;
        }
        let order = x.rank().cmp(&y.rank()).then_with(|| x.compare_value(&y));
        if order.is_ne() || x.is_last() {
            return order;
        }
    }
}

/// One part of a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part<'a> {
    /// The number that every version begins with.
    First(&'a str),
    /// A number after a dot.
    Number(&'a str),
    Letter(u8),
    /// `_word`: the word's place in [`SUFFIXES`].
    Suffix(usize),
    SuffixNumber(&'a str),
    Hash(&'a str),
    Revision(&'a str),
    End,
    Invalid,
}

/// In rising order.
const SUFFIXES: [&str; 9] = ["alpha", "beta", "pre", "rc", "cvs", "svn", "git", "hg", "p"];
/// How many of them stand before the release itself.
const BEFORE_RELEASE: usize = 4;

impl Part<'_> {
    /// Which kind of part makes a version newer, where the parts before are equal.
    fn rank(&self) -> u8 {
        match self {
            Part::Suffix(i) if *i < BEFORE_RELEASE => 0,
            Part::Invalid => 1,
            Part::End => 2,
            Part::Revision(_) => 3,
            Part::Hash(_) => 4,
            Part::SuffixNumber(_) => 5,
            Part::Suffix(_) => 6,
            Part::Letter(_) => 7,
            Part::Number(_) => 8,
            Part::First(_) => 9,
        }
    }

    fn is_last(&self) -> bool {
        matches!(self, Part::End | Part::Invalid)
    }

    /// Of two parts of one kind.
    fn compare_value(&self, other: &Part<'_>) -> Ordering {
        match (self, other) {
            // As Gentoo's rule has it: a leading zero makes it a fraction rather than a number.
            (Part::Number(a), Part::Number(b)) if a.starts_with('0') || b.starts_with('0') => a.cmp(b),
            (Part::First(a), Part::First(b))
            | (Part::Number(a), Part::Number(b))
            | (Part::SuffixNumber(a), Part::SuffixNumber(b))
            | (Part::Revision(a), Part::Revision(b)) => number(a).cmp(&number(b)),
            (Part::Letter(a), Part::Letter(b)) => a.cmp(b),
            (Part::Suffix(a), Part::Suffix(b)) => a.cmp(b),
            (Part::Hash(a), Part::Hash(b)) => a.cmp(b),
            _ => Ordering::Equal,
        }
    }
}

/// A number of any length, comparable.
fn number(digits: &str) -> (usize, &str) {
    let digits = digits.trim_start_matches('0');
    (digits.len(), digits)
}

/// Takes a version apart. What may follow depends on the part before.
struct Parts<'a> {
    rest: &'a str,
    before: Option<Part<'a>>,
}

impl<'a> Parts<'a> {
    fn new(text: &'a str) -> Parts<'a> {
        Parts { rest: text, before: None }
    }

    fn next_part(&mut self) -> Part<'a> {
        let part = self.read().unwrap_or(Part::Invalid);
        self.before = Some(part);
        part
    }

    fn read(&mut self) -> Option<Part<'a>> {
        let Some(before) = self.before else {
            return Some(Part::First(self.digits()?));
        };
        // Kinds that come later in the grammar rank lower, so what may follow is a question of rank.
        let in_numbers = matches!(before, Part::First(_) | Part::Number(_));
        let before_hash = !matches!(before, Part::Hash(_) | Part::Revision(_) | Part::End | Part::Invalid);
        let Some(first) = self.rest.bytes().next() else { return Some(Part::End) };
        match first {
            b'a'..=b'z' if in_numbers => {
                self.rest = &self.rest[1..];
                Some(Part::Letter(first))
            }
            b'.' if in_numbers => {
                self.rest = &self.rest[1..];
                Some(Part::Number(self.digits()?))
            }
            b'0'..=b'9' if matches!(before, Part::Suffix(_)) => Some(Part::SuffixNumber(self.digits()?)),
            b'_' if before_hash => {
                self.rest = &self.rest[1..];
                let word = self.take(|b| b.is_ascii_lowercase())?;
                Some(Part::Suffix(SUFFIXES.iter().position(|s| *s == word)?))
            }
            b'~' if before_hash => {
                self.rest = &self.rest[1..];
                Some(Part::Hash(self.take(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))?))
            }
            b'-' if !matches!(before, Part::Revision(_)) => {
                self.rest = self.rest.strip_prefix("-r")?;
                Some(Part::Revision(self.digits()?))
            }
            _ => None,
        }
    }

    fn digits(&mut self) -> Option<&'a str> {
        self.take(|b| b.is_ascii_digit())
    }

    /// The longest run of such (ASCII) bytes, unless it is empty.
    fn take(&mut self, belongs: fn(u8) -> bool) -> Option<&'a str> {
        let end = self.rest.bytes().position(|b| !belongs(b)).unwrap_or(self.rest.len());
        let (run, rest) = self.rest.split_at(end);
        self.rest = rest;
        (!run.is_empty()).then_some(run)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_as_the_manual_says() {
        let rising = [
            "", "1_alpha", "1_alpha2", "1_beta", "1_rc1", "1", "1-r0", "1-r1", "1-r10", "1~0a", "1~ff-r2",
            "1_git3", "1_p1", "1a", "1b", "1.0", "1.01", "1.05", "1.1", "1.1.1", "1.9", "1.10", "2",
        ];
        for (i, a) in rising.iter().enumerate() {
            for (j, b) in rising.iter().enumerate() {
                assert_eq!(compare(a, b), i.cmp(&j), "{a} {b}");
            }
        }
        assert!(compare("1.99999999999999999999999", "1.100000000000000000000000").is_lt());
    }

    #[test]
    fn a_prefix_is_fuzzily_equal() {
        assert!(compare_fuzzy("3.6.1-r2", "3.6").is_eq());
        assert!(compare_fuzzy("3.6_pre1", "3.6").is_eq());
        assert!(compare_fuzzy("3.6", "3.6.1").is_lt());
        assert!(compare_fuzzy("3.60", "3.6").is_gt());
    }

    #[test]
    fn hostile_texts_have_a_place() {
        for text in ["1.", "1_ä", "1-rä", "-r", "~", "1~g", "1..2", "ä"] {
            assert!(!is_valid(text), "{text}");
            assert!(compare(text, text).is_eq());
        }
        assert!(compare("1.x", "1").is_lt(), "as in apk, what follows the grammar no longer ends the text");
    }
}
