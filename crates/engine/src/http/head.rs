use std::io::{BufRead, Read};

use super::{Body, HttpError};

/// The answer to a request; its body is still to be read.
pub struct Response<R> {
    /// The status, 200 to 599.
    pub status: u16,
    /// The body.
    pub body: Body<R>,
}

/// The most bytes of status line and fields together. Engines send some 300.
const MAX_HEAD: u64 = 1 << 16;

/// Reads a response up to its body. Interim ones (100 Continue and its like, RFC 9110 §15.2) are
/// passed over.
///
/// # Errors
/// The connection fails or ends, or what comes is not HTTP/1.1 with a body of a known end.
pub fn read_response<R: BufRead>(mut reader: R) -> Result<Response<R>, HttpError> {
    let mut room = MAX_HEAD;
    loop {
        let status = read_status(&line(&mut reader, &mut room)?)?;
        let framing = read_fields(&mut reader, &mut room)?;
        if status < 200 {
            if status == 101 {
                return Err(HttpError::Malformed("it switches protocols, unasked"));
            }
            continue;
        }
        let body = match (status, framing) {
            (204 | 304, _) => Body::sized(reader, 0),
            (_, Framing { chunked: true, .. }) => Body::chunked(reader),
            (_, Framing { length: Some(length), .. }) => Body::sized(reader, length),
            _ => Body::until_closed(reader),
        };
        return Ok(Response { status, body });
    }
}

/// A line without its end, which is CRLF or, from lax servers, LF (RFC 9112 §2.2).
fn line<R: BufRead>(reader: &mut R, room: &mut u64) -> Result<Vec<u8>, HttpError> {
    let mut out = Vec::new();
    let mut limited = (&mut *reader).take(*room);
    let n = limited.read_until(b'\n', &mut out)?;
    *room -= n as u64;
    if out.pop() != Some(b'\n') {
        return Err(match *room {
            0 => HttpError::Malformed("its head is longer than 64 KiB"),
            _ => HttpError::Closed,
        });
    }
    if out.last() == Some(&b'\r') {
        out.pop();
    }
    Ok(out)
}

fn read_status(line: &[u8]) -> Result<u16, HttpError> {
    let rest = line.strip_prefix(b"HTTP/1.").ok_or(HttpError::Malformed("it does not begin with HTTP/1"))?;
    let digits = match rest {
        [b'0' | b'1', b' ', code @ ..] => code.get(..3),
        _ => None,
    };
    let code = digits.and_then(|d| std::str::from_utf8(d).ok()).and_then(|d| d.parse().ok());
    code.filter(|code| (100..600).contains(code)).ok_or(HttpError::Malformed("it has no status"))
}

/// How the end of a body is known (RFC 9112 §6.3).
#[derive(Default)]
struct Framing {
    chunked: bool,
    length: Option<u64>,
}

fn read_fields<R: BufRead>(reader: &mut R, room: &mut u64) -> Result<Framing, HttpError> {
    let mut framing = Framing::default();
    loop {
        let line = line(reader, room)?;
        if line.is_empty() {
            return Ok(framing);
        }
        let colon =
            line.iter().position(|b| *b == b':').ok_or(HttpError::Malformed("a field has no colon"))?;
        let (name, value) = (&line[..colon], line[colon + 1..].trim_ascii());
        if name.eq_ignore_ascii_case(b"transfer-encoding") {
            if !value.eq_ignore_ascii_case(b"chunked") {
                return Err(HttpError::Malformed("its body is coded in a way that was not asked for"));
            }
            framing.chunked = true;
        } else if name.eq_ignore_ascii_case(b"content-length") {
            let length = number(value).ok_or(HttpError::Malformed("its length is no number"))?;
            if framing.length.is_some_and(|before| before != length) {
                return Err(HttpError::Malformed("it has two lengths"));
            }
            framing.length = Some(length);
        }
    }
}

/// Digits only: `parse` would take a sign too.
fn number(text: &[u8]) -> Option<u64> {
    let digits = !text.is_empty() && text.iter().all(u8::is_ascii_digit);
    std::str::from_utf8(text).ok().filter(|_| digits)?.parse().ok()
}
