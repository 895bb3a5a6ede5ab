/// A clear-signed message taken apart (RFC 9580 section 7).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ClearText<'a> {
    /// The text that was signed: dash-escapes undone, lines ended by `\n`.
    pub(crate) text: Vec<u8>,
    /// What the signature covers: the same with `\r\n` between the lines and none after the last.
    pub(crate) hashed: Vec<u8>,
    /// The armoured signature, from its BEGIN line to its END line.
    pub(crate) armor: &'a [u8],
}

/// How a clear-signed message departs from its form.
///
/// Every one of these is a way by which two readers of one file can come to see two texts (CVE-2013-1051
/// and kin). So there is no tolerance here, where gpg has some: nothing but the one message, no header
/// but `Hash`, and no blank at the end of a line, because signatures do not cover it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FramingError {
    /// Text stands before the message.
    #[error("text stands before the signed message")]
    TextBefore,
    /// Text stands after the signature.
    #[error("line {line}: text stands after the signature")]
    TextAfter {
        /// Line, from 1.
        line: usize,
    },
    /// Another message follows.
    #[error("line {line}: a second signed message follows")]
    SecondMessage {
        /// Line, from 1.
        line: usize,
    },
    /// A header other than `Hash` before the text.
    #[error("line {line}: only `Hash` headers may stand before the signed text")]
    Header {
        /// Line, from 1.
        line: usize,
    },
    /// A header of the signature's armour that is not `Version` or `Comment`.
    #[error("line {line}: a header was put into the signature's armour")]
    ArmorHeader {
        /// Line, from 1.
        line: usize,
    },
    /// A line begins with a dash that is not escaped, or with an escape that escapes nothing.
    #[error("line {line}: a dash at the start of a line is not escaped as it must be")]
    DashEscape {
        /// Line, from 1.
        line: usize,
    },
    /// Blanks at the end of a line, which the signature does not cover.
    #[error("line {line}: blanks at the end of the line, which the signature does not cover")]
    TrailingBlank {
        /// Line, from 1.
        line: usize,
    },
    /// A NUL, or a carriage return that ends no line.
    #[error("line {line}: a control character that no index has")]
    Control {
        /// Line, from 1.
        line: usize,
    },
    /// The message has no signature, or the signature no end.
    #[error("the message stops before the end of its signature")]
    Unfinished,
}

const BEGIN: &[u8] = b"-----BEGIN PGP SIGNED MESSAGE-----";
const BEGIN_SIGNATURE: &[u8] = b"-----BEGIN PGP SIGNATURE-----";
const END_SIGNATURE: &[u8] = b"-----END PGP SIGNATURE-----";

/// Takes a clear-signed message apart; `None` if there is no such message in it at all.
pub(crate) fn read_clear_text(bytes: &[u8]) -> Result<Option<ClearText<'_>>, FramingError> {
    let mut lines = Lines { bytes, at: 0, number: 0 };
    match lines.next() {
        Some(first) if first.text == BEGIN => {}
        _ if Lines { bytes, at: 0, number: 0 }.any(|l| l.text == BEGIN) => {
            return Err(FramingError::TextBefore);
        }
        _ => return Ok(None),
    }
    skip_headers(&mut lines)?;
    let (text, start) = read_body(&mut lines)?;
    let armor = read_armor(&mut lines, start)?;
    for line in lines {
        match line.text {
            b"" => {}
            BEGIN => return Err(FramingError::SecondMessage { line: line.number }),
            _ => return Err(FramingError::TextAfter { line: line.number }),
        }
    }
    Ok(Some(ClearText { hashed: hashed_form(&text), text, armor }))
}

/// Skips the `Hash` headers and the empty line after them. Their values decide nothing: which hash
/// was used stands in the signature itself.
fn skip_headers(lines: &mut Lines<'_>) -> Result<(), FramingError> {
    for line in lines {
        if line.text.is_empty() {
            return Ok(());
        }
        let value = line.text.strip_prefix(b"Hash: ");
        let plain = |c: &u8| c.is_ascii_alphanumeric() || matches!(c, b',' | b' ' | b'-');
        if !value.is_some_and(|v| v.iter().all(plain)) {
            return Err(FramingError::Header { line: line.number });
        }
    }
    Err(FramingError::Unfinished)
}

/// The signed text, and where the signature's armour begins.
fn read_body(lines: &mut Lines<'_>) -> Result<(Vec<u8>, usize), FramingError> {
    let mut text = Vec::with_capacity(lines.bytes.len());
    for line in lines {
        if line.text == BEGIN_SIGNATURE {
            return Ok((text, line.start));
        }
        text.extend_from_slice(unescape(&line)?);
        text.push(b'\n');
    }
    Err(FramingError::Unfinished)
}

fn unescape<'a>(line: &Line<'a>) -> Result<&'a [u8], FramingError> {
    let number = line.number;
    if line.text.iter().any(|c| matches!(c, 0 | b'\r')) {
        return Err(FramingError::Control { line: number });
    }
    if matches!(line.text.last(), Some(b' ' | b'\t')) {
        return Err(FramingError::TrailingBlank { line: number });
    }
    if line.text.first() != Some(&b'-') {
        return Ok(line.text);
    }
    // Besides dashes, gpg escapes lines that begin with "From " for the sake of mail.
    match line.text.strip_prefix(b"- ") {
        Some(rest) if rest.starts_with(b"-") || rest.starts_with(b"From ") => Ok(rest),
        _ => Err(FramingError::DashEscape { line: number }),
    }
}

fn read_armor<'a>(lines: &mut Lines<'a>, start: usize) -> Result<&'a [u8], FramingError> {
    let bytes = lines.bytes;
    let mut in_headers = true;
    for line in lines {
        if line.text == END_SIGNATURE {
            return Ok(&bytes[start..line.end]);
        }
        if line.text.is_empty() {
            in_headers = false;
        } else if in_headers {
            let known = line.text.starts_with(b"Version: ") || line.text.starts_with(b"Comment: ");
            if !known {
                return Err(FramingError::ArmorHeader { line: line.number });
            }
        }
    }
    Err(FramingError::Unfinished)
}

/// Lines end in CRLF for the hash, and the end of the last line is not part of the text (RFC 9580
/// section 7.1).
fn hashed_form(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() + text.len() / 32);
    let text = text.strip_suffix(b"\n").unwrap_or(text);
    for &c in text {
        if c == b'\n' {
            out.push(b'\r');
        }
        out.push(c);
    }
    out
}

struct Line<'a> {
    text: &'a [u8],
    number: usize,
    /// Offsets in the whole, of the text without the line's end.
    start: usize,
    end: usize,
}

/// Lines ended by LF or CRLF; the last one may have no end.
struct Lines<'a> {
    bytes: &'a [u8],
    at: usize,
    number: usize,
}

impl<'a> Iterator for Lines<'a> {
    type Item = Line<'a>;

    fn next(&mut self) -> Option<Line<'a>> {
        let rest = &self.bytes[self.at..];
        if rest.is_empty() {
            return None;
        }
        let length = rest.iter().position(|c| *c == b'\n');
        let text = &rest[..length.unwrap_or(rest.len())];
        let text = text.strip_suffix(b"\r").unwrap_or(text);
        let start = self.at;
        self.at += length.map_or(rest.len(), |l| l + 1);
        self.number += 1;
        Some(Line { text, number: self.number, start, end: start + text.len() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(body: &str) -> String {
        format!(
            "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\n{body}-----BEGIN PGP SIGNATURE-----\n\nAAAA\n\
             -----END PGP SIGNATURE-----\n"
        )
    }

    fn fault(text: &str) -> FramingError {
        read_clear_text(text.as_bytes()).unwrap_err()
    }

    #[test]
    fn takes_a_message_apart() {
        let text = message("a\n- -b\n- From c\n\n  d\n");
        let clear = read_clear_text(text.as_bytes()).unwrap().unwrap();
        assert_eq!(clear.text, b"a\n-b\nFrom c\n\n  d\n");
        assert_eq!(clear.hashed, b"a\r\n-b\r\nFrom c\r\n\r\n  d");
        assert!(clear.armor.starts_with(BEGIN_SIGNATURE) && clear.armor.ends_with(END_SIGNATURE));
        let crlf = text.replace('\n', "\r\n");
        assert_eq!(read_clear_text(crlf.as_bytes()).unwrap().unwrap().text, clear.text);
    }

    #[test]
    fn what_is_not_signed_is_no_fault_of_framing() {
        for text in ["", "\n", "Origin: Debian\n", "<html>not found</html>"] {
            assert_eq!(read_clear_text(text.as_bytes()), Ok(None), "{text}");
        }
    }

    #[test]
    fn names_each_departure() {
        let good = message("a\n");
        assert_eq!(fault(&format!("x\n{good}")), FramingError::TextBefore);
        assert_eq!(fault(&format!("\n{good}")), FramingError::TextBefore);
        assert_eq!(fault(&format!("\u{feff}{good}{good}")), FramingError::TextBefore);
        assert_eq!(fault(&format!("{good}\n\nx\n")), FramingError::TextAfter { line: 11 });
        assert_eq!(fault(&format!("{good}{good}")), FramingError::SecondMessage { line: 9 });
        let header = |h: &str| good.replacen("Hash: SHA256\n", h, 1);
        for bad in
            ["Origin: Evil\n", "Hash: SHA256\nOrigin: Evil\n", "Hash: SHA256\n \n", "NotDashEscaped: x\n"]
        {
            assert!(matches!(fault(&header(bad)), FramingError::Header { .. }), "{bad:?}");
        }
        assert_eq!(
            fault(&good.replace("SIGNATURE-----\n\nAAAA", "SIGNATURE-----\nOrigin: Evil\n\nAAAA")),
            FramingError::ArmorHeader { line: 6 }
        );
        for bad in
            ["-a\n", "- a\n", "-----BEGIN PGP SIGNATURE----- \n", "-----BEGIN PGP MESSAGE-----\n", "-\n"]
        {
            assert!(
                matches!(
                    fault(&message(bad)),
                    FramingError::DashEscape { line: 4 } | FramingError::TrailingBlank { line: 4 }
                ),
                "{bad:?}"
            );
        }
        for bad in ["a \n", "a\t\n", " \n"] {
            assert_eq!(fault(&message(bad)), FramingError::TrailingBlank { line: 4 }, "{bad:?}");
        }
        for bad in ["a\rb\n", "a\0\n", "a\r\r\n"] {
            assert_eq!(fault(&message(bad)), FramingError::Control { line: 4 }, "{bad:?}");
        }
        for cut in [35, 47, 50, good.len() - 3] {
            assert_eq!(fault(&good[..cut]), FramingError::Unfinished, "{cut}");
        }
    }
}
