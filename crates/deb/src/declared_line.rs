use bstr::{BString, ByteSlice};

/// A line of `sysusers.d` or `tmpfiles.d`.
pub(crate) enum Line {
    /// Blank, or a comment.
    Empty,
    /// Its words, unquoted.
    Words(Vec<BString>),
    /// A quote does not close.
    Broken,
}

/// Splits a line as systemd does (extract_first_word with unquoting): blanks, single and double
/// quotes, backslashes.
pub(crate) fn words(line: &[u8]) -> Line {
    let line = line.trim_ascii();
    if line.is_empty() || line[0] == b'#' {
        return Line::Empty;
    }
    let mut all = Vec::new();
    let mut word: Option<BString> = None;
    let mut quote = None;
    let mut bytes = line.iter().copied();
    while let Some(b) = bytes.next() {
        match (quote, b) {
            (Some(q), b) if q == b => quote = None,
            (_, b'\\') => {
                let Some(escaped) = bytes.next() else { return Line::Broken };
                word.get_or_insert_default().push(unescape(escaped));
            }
            (None, b'"' | b'\'') => {
                word.get_or_insert_default();
                quote = Some(b);
            }
            (None, b) if b.is_ascii_whitespace() => all.extend(word.take()),
            (_, b) => word.get_or_insert_default().push(b),
        }
    }
    if quote.is_some() {
        return Line::Broken;
    }
    all.extend(word);
    Line::Words(all)
}

fn unescape(b: u8) -> u8 {
    match b {
        b'n' => b'\n',
        b't' => b'\t',
        b's' => b' ',
        other => other,
    }
}

/// What is left of a line after its first `skipped` words, as it stands (the argument of
/// `tmpfiles.d`, which may hold blanks).
pub(crate) fn after_words(line: &[u8], skipped: usize) -> &[u8] {
    let mut rest = line.trim_ascii();
    for _ in 0..skipped {
        let end = rest.find_byteset(b" \t").unwrap_or(rest.len());
        rest = rest[end..].trim_ascii_start();
    }
    rest
}
