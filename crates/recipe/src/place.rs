use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use diag::Excerpt;

/// A file of recipe text.
#[derive(Debug, PartialEq, Eq)]
pub struct Source {
    /// As the user named it; `base (catalogue)` for an embedded one.
    pub name: String,
    /// Its text.
    pub text: String,
}

/// A place in a recipe's text. Keeps the text alive, so an error can always show its line.
#[derive(Clone, PartialEq, Eq)]
pub struct At {
    source: Arc<Source>,
    start: usize,
    end: usize,
}

impl At {
    pub(crate) fn new(source: &Arc<Source>, bytes: Range<usize>) -> At {
        let start = floor(&source.text, bytes.start);
        let end = floor(&source.text, bytes.end).max(start);
        At { source: Arc::clone(source), start, end }
    }

    /// Is there no text at all?
    pub(crate) fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// The file.
    pub fn file(&self) -> &str {
        &self.source.name
    }

    /// The line, from 1.
    pub fn line(&self) -> u32 {
        let lines = self.source.text.as_bytes()[..self.start].iter().filter(|b| **b == b'\n').count();
        u32::try_from(lines + 1).unwrap_or(u32::MAX)
    }

    /// The line with the caret under this place.
    pub fn excerpt(&self, label: Option<String>) -> Excerpt {
        let text = &self.source.text;
        let begin = text[..self.start].rfind('\n').map_or(0, |i| i + 1);
        let stop = text[self.start..].find('\n').map_or(text.len(), |i| self.start + i);
        let chars = |range: Range<usize>| {
            u32::try_from(without_credentials(&text[range]).chars().count()).unwrap_or(u32::MAX)
        };
        let line = text[begin..stop].trim_end();
        let seen = self.end.min(begin + line.len()).max(self.start);
        // The caret is counted in what is shown, which may lack a password.
        Excerpt {
            file: self.source.name.clone(),
            line: self.line(),
            column: chars(begin..self.start).saturating_add(1),
            width: chars(self.start..seen).max(1),
            text: without_credentials(line),
            label,
        }
    }

    /// The part `range` of a scalar whose value is `text`, where the source shows it as it is
    /// (plain or simply quoted); else the whole.
    pub(crate) fn within(&self, text: &str, range: Range<usize>) -> At {
        let shown = self.source.text.get(self.start..self.end).unwrap_or("");
        let offset = match shown {
            s if s == text => 0,
            s if s.len() == text.len() + 2 && s.get(1..s.len() - 1) == Some(text) => 1,
            _ => return self.clone(),
        };
        let begin = self.start + offset;
        At::new(&self.source, begin + range.start..begin + range.end)
    }
}

impl fmt::Debug for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.source.name, self.line())
    }
}

/// A value and where it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spanned<T> {
    /// The value.
    pub value: T,
    /// Where.
    pub at: At,
}

impl<T> Spanned<T> {
    pub(crate) fn new(value: T, at: At) -> Spanned<T> {
        Spanned { value, at }
    }
}

/// The greatest character boundary of `text` that is at most `at`.
fn floor(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|i| text.is_char_boundary(*i)).unwrap_or(0)
}

/// `text` with `***` for the user information of each URL in it: it is used and never shown.
pub(crate) fn without_credentials(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(scheme) = rest.find("://") {
        let (before, after) = rest.split_at(scheme + 3);
        out.push_str(before);
        let end = after.find(|c: char| c == '/' || c == '"' || c.is_whitespace()).unwrap_or(after.len());
        match after[..end].rfind('@') {
            Some(at) => {
                out.push_str("***");
                rest = &after[at..];
            }
            None => rest = after,
        }
    }
    out.push_str(rest);
    out
}

/// A URL without the user information that it may have, as messages show it.
pub fn without_user(url: &str) -> String {
    without_credentials(url).replacen("://***@", "://", 1)
}
