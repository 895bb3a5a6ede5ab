use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpStream};

use super::answer::Answer;
use super::fault::Deed;
use super::route::Request;
use super::{Asked, Inner};
use crate::http::{Received, read_request};

/// Serves one connection until it ends, or is to break.
pub(super) fn converse(stream: TcpStream, inner: &Inner, elsewhere: bool) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let port = stream.peer_addr()?.port();
    let mut reader = BufReader::with_capacity(64 << 10, stream.try_clone()?);
    while let Some(head) = read_request(&mut reader)? {
        let number = note(inner, &head, port, elsewhere);
        if !exchange(&stream, &mut reader, inner, &head, number, elsewhere)? {
            return stream.shutdown(Shutdown::Both);
        }
    }
    Ok(())
}

fn note(inner: &Inner, head: &Received, port: u16, elsewhere: bool) -> usize {
    let target = if elsewhere { format!("/elsewhere{}", head.target) } else { head.target.clone() };
    let header = |name: &str| head.header(name).map(str::to_owned);
    let mut state = inner.state();
    state.log.push(Asked {
        method: head.method.clone(),
        target,
        authorization: header("authorization"),
        range: header("range").or_else(|| header("content-range")),
        content_type: header("content-type"),
        body: 0,
        port,
        status: 0,
    });
    state.log.len() - 1
}

/// One request and its answer; whether the connection goes on.
fn exchange(
    stream: &TcpStream,
    reader: &mut BufReader<TcpStream>,
    inner: &Inner,
    head: &Received,
    number: usize,
    elsewhere: bool,
) -> io::Result<bool> {
    let mut writer = stream.try_clone()?;
    let length = head.header("content-length").and_then(|v| v.parse::<u64>().ok());
    let chunked = head.header("transfer-encoding").is_some_and(|v| v.eq_ignore_ascii_case("chunked"));
    let deed = inner.state().fault(&head.method, &head.target, length.unwrap_or(0));
    if head.header("expect").is_some() {
        writer.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
    }
    let most = match deed {
        Some(Deed::BreakRequest(at)) => at,
        _ => u64::MAX,
    };
    let body: Box<dyn Read + '_> = if chunked {
        Box::new(Chunks { reader, left: 0, ended: false })
    } else {
        Box::new(reader.take(length.unwrap_or(0)))
    };
    let mut body = Body { bytes: body, count: 0, most, expected: length };
    if let Some(Deed::ExpireTokens) = deed {
        inner.state().tokens.clear();
    }
    let request = Request::new(head, elsewhere);
    let answer = match &deed {
        Some(Deed::Status(status, retry)) => {
            io::copy(&mut body, &mut io::sink())?;
            refusal(*status, retry)
        }
        _ => inner.answer(&request, &mut body),
    };
    // Whatever was not wanted of the body must not be taken for the next request.
    let whole = io::copy(&mut body, &mut io::sink()).is_ok();
    let broken = body.count >= most || !whole;
    let mut state = inner.state();
    if let Some(asked) = state.log.get_mut(number) {
        asked.body = body.count;
        asked.status = if broken || deed == Some(Deed::BreakHead) { 0 } else { answer.status };
    }
    drop(state);
    if broken || deed == Some(Deed::BreakHead) {
        return Ok(false);
    }
    write(&mut writer, answer, deed.as_ref(), head.method == "HEAD")
}

fn refusal(status: u16, retry: &str) -> Answer {
    let answer = match status {
        429 => Answer::error(status, "TOOMANYREQUESTS", "slow down"),
        _ => Answer::error(status, "UNKNOWN", "made up by the test"),
    };
    if retry.is_empty() { answer } else { answer.header("Retry-After", retry) }
}

/// Writes an answer as the fault will have it; whether the connection goes on.
fn write(
    writer: &mut TcpStream,
    mut answer: Answer,
    deed: Option<&Deed>,
    head_only: bool,
) -> io::Result<bool> {
    let mut length = answer.body.length();
    let mut most = u64::MAX;
    match deed {
        Some(Deed::DoneBut(status)) => answer = refusal(*status, ""),
        Some(Deed::Header(name, value)) => {
            answer.headers.retain(|(n, _)| !n.eq_ignore_ascii_case(name));
            answer.headers.push((name.clone(), value.clone()));
        }
        Some(Deed::Truncate(at)) => {
            length = length.min(*at);
            most = length;
        }
        Some(Deed::BreakReply(at)) => most = *at,
        _ => {}
    }
    if matches!(deed, Some(Deed::DoneBut(_))) {
        length = answer.body.length();
    }
    let mut head = format!("HTTP/1.1 {} Whatever\r\nContent-Length: {length}\r\n", answer.status);
    for (name, value) in &answer.headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str("\r\n");
    writer.write_all(head.as_bytes())?;
    if head_only {
        return Ok(!matches!(deed, Some(Deed::BreakReply(_))));
    }
    let mut body = answer.body.open()?.take(most.min(length));
    let (mut buffer, mut at) = (vec![0; 256 << 10], 0);
    loop {
        let piece = if matches!(deed, Some(Deed::Slow(_))) { 1024 } else { buffer.len() };
        let read = body.read(&mut buffer[..piece])?;
        if read == 0 {
            break;
        }
        if deed == Some(&Deed::WrongByte) && at == 0 {
            buffer[read / 2] ^= 1;
        }
        if let Some(Deed::Slow(time)) = deed {
            std::thread::sleep(*time);
        }
        writer.write_all(&buffer[..read])?;
        at += read as u64;
    }
    Ok(at == length && !matches!(deed, Some(Deed::BreakReply(_))))
}

/// A request's body: counts, and breaks where it is to.
pub(super) struct Body<'a> {
    bytes: Box<dyn Read + 'a>,
    pub(super) count: u64,
    most: u64,
    expected: Option<u64>,
}

impl Read for Body<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.most - self.count).unwrap_or(usize::MAX);
        if left == 0 {
            return Err(io::ErrorKind::ConnectionReset.into());
        }
        let most = buf.len().min(left);
        let read = self.bytes.read(&mut buf[..most])?;
        self.count += read as u64;
        // The client went away in the middle.
        if read == 0 && most > 0 && self.expected.is_some_and(|e| self.count < e) {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(read)
    }
}

/// A chunked body (RFC 9112 section 7.1).
struct Chunks<'a> {
    reader: &'a mut BufReader<TcpStream>,
    left: u64,
    ended: bool,
}

impl Read for Chunks<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if self.ended {
            return Ok(0);
        }
        if self.left == 0 {
            let mut line = String::new();
            self.reader.read_line(&mut line)?;
            let size = line.trim().split(';').next().unwrap_or_default();
            self.left = u64::from_str_radix(size, 16).map_err(io::Error::other)?;
            if self.left == 0 {
                self.ended = true;
                while self.reader.read_line(&mut line)? > 2 {}
                return Ok(0);
            }
        }
        let most = buf.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
        let read = self.reader.read(&mut buf[..most])?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.left -= read as u64;
        if self.left == 0 {
            self.reader.read_line(&mut String::new())?;
        }
        Ok(read)
    }
}
