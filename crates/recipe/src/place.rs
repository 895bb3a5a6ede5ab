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
        let chars = |range: Range<usize>| u32::try_from(text[range].chars().count()).unwrap_or(u32::MAX);
        let line = text[begin..stop].trim_end();
        let seen = self.end.min(begin + line.len()).max(self.start);
        Excerpt {
            file: self.source.name.clone(),
            line: self.line(),
            column: chars(begin..self.start).saturating_add(1),
            width: chars(self.start..seen).max(1),
            text: line.to_owned(),
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
