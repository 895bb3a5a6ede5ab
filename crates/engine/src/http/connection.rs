#![allow(clippy::disallowed_methods, reason = "the one socket of this room: the engine's")]

use std::io::{self, BufReader, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::mpsc;
use std::time::Duration;

use super::{ChunkedWriter, HttpError, Response, read_response};
use crate::Endpoint;

/// One request and its answer.
pub struct Connection {
    stream: Stream,
}

/// What is asked.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// `GET`, `POST` …
    pub method: &'a str,
    /// Path and query, percent-encoded already.
    pub target: &'a str,
    /// The type of the body, where there is one.
    pub content_type: Option<&'a str>,
}

enum Stream {
    Unix(UnixStream),
    Tcp(TcpStream),
}

/// How long a machine may take to accept a connection.
const CONNECT: Duration = Duration::from_secs(10);

impl Connection {
    /// Connects; whoever is there may then be silent for `silence` at a time.
    ///
    /// # Errors
    /// Nobody listens, or not for us.
    pub fn open(endpoint: &Endpoint, silence: Duration) -> io::Result<Connection> {
        let stream = match endpoint {
            Endpoint::Unix(path) => {
                let stream = connect_unix(path, CONNECT)?;
                stream.set_read_timeout(Some(silence))?;
                stream.set_write_timeout(Some(silence))?;
                Stream::Unix(stream)
            }
            Endpoint::Tcp { host, port } => {
                let stream = connect(host, *port)?;
                stream.set_read_timeout(Some(silence))?;
                stream.set_write_timeout(Some(silence))?;
                stream.set_nodelay(true)?;
                Stream::Tcp(stream)
            }
        };
        Ok(Connection { stream })
    }

    /// Sends a request with a body at hand and reads the head of the answer.
    ///
    /// # Errors
    /// The conversation breaks off.
    pub fn send(
        mut self,
        request: Request<'_>,
        body: &[u8],
    ) -> Result<Response<impl io::BufRead>, HttpError> {
        let framing = match request.content_type {
            Some(_) => format!("Content-Length: {}\r\n", body.len()),
            // A server may wait for the body of a POST that says nothing of one.
            None if request.method == "POST" => "Content-Length: 0\r\n".to_owned(),
            None => String::new(),
        };
        let mut all = head(request, &framing).into_bytes();
        all.extend_from_slice(body);
        self.stream.write_all(&all)?;
        self.answer()
    }

    /// Sends a request whose body `write` streams, and reads the head of the answer. When `write`
    /// fails because the other side hung up, what that had to say comes first.
    ///
    /// # Errors
    /// `write`'s own error; or the conversation breaks off.
    pub fn stream<E>(
        mut self,
        request: Request<'_>,
        write: impl FnOnce(&mut dyn Write) -> Result<(), E>,
    ) -> Result<Response<impl io::BufRead>, StreamError<E>> {
        let broken = |e: io::Error| StreamError::Http(e.into());
        let head = head(request, "Transfer-Encoding: chunked\r\n");
        self.stream.write_all(head.as_bytes()).map_err(broken)?;
        let mut body = ChunkedWriter::new(&mut self.stream);
        let written = match write(&mut body) {
            Ok(()) => body.finish().map(drop).map_err(broken),
            Err(e) => Err(StreamError::Caller(e)),
        };
        match written {
            Ok(()) => self.answer().map_err(StreamError::Http),
            // The reason may be that it has answered already: too large, no such API, disk full.
            Err(error) => match self.early_answer() {
                Some(response) => Ok(response),
                None => Err(error),
            },
        }
    }

    fn answer(self) -> Result<Response<BufReader<Stream>>, HttpError> {
        read_response(BufReader::with_capacity(1 << 16, self.stream))
    }

    /// An error that was sent before our body ended, if it is there now.
    fn early_answer(self) -> Option<Response<BufReader<Stream>>> {
        let soon = Some(Duration::from_millis(200));
        match &self.stream {
            Stream::Unix(s) => s.set_read_timeout(soon).ok()?,
            Stream::Tcp(s) => s.set_read_timeout(soon).ok()?,
        }
        self.answer().ok().filter(|r| r.status >= 400)
    }
}

/// Why a streamed request failed.
pub enum StreamError<E> {
    /// Whoever wrote the body failed.
    Caller(E),
    /// The conversation did.
    Http(HttpError),
}

fn head(request: Request<'_>, framing: &str) -> String {
    let kind = request.content_type.map(|t| format!("Content-Type: {t}\r\n")).unwrap_or_default();
    format!(
        "{} {} HTTP/1.1\r\nHost: engine\r\nUser-Agent: distil/{}\r\nConnection: close\r\n{kind}{framing}\r\n",
        request.method,
        request.target,
        env!("CARGO_PKG_VERSION"),
    )
}

fn connect(host: &str, port: u16) -> io::Result<TcpStream> {
    let mut last = io::Error::from(io::ErrorKind::NotFound);
    for address in (host, port).to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, CONNECT) {
            Ok(stream) => return Ok(stream),
            Err(e) => last = e,
        }
    }
    Err(last)
}

/// A daemon that hangs takes no connections, and once its queue is full `connect` waits for ever; the
/// standard library has no limit for it. So a thread of its own waits, and is left behind if need be.
fn connect_unix(path: &Path, limit: Duration) -> io::Result<UnixStream> {
    let (tell, told) = mpsc::channel();
    let path = path.to_owned();
    std::thread::Builder::new()
        .name("engine-connect".to_owned())
        .spawn(move || tell.send(UnixStream::connect(path)))?;
    let late = |_| io::Error::new(io::ErrorKind::TimedOut, "whoever listens takes no connection");
    told.recv_timeout(limit).map_err(late)?
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Stream::Unix(s) => s.read(buffer),
            Stream::Tcp(s) => s.read(buffer),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Stream::Unix(s) => s.write(bytes),
            Stream::Tcp(s) => s.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Stream::Unix(s) => s.flush(),
            Stream::Tcp(s) => s.flush(),
        }
    }
}

// Elsewhere a full queue refuses.
#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::os::unix::net::UnixListener;

    use super::*;

    #[test]
    fn a_full_queue_is_no_reason_to_wait_for_ever() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("hangs.sock");
        let _never_accepts = UnixListener::bind(&path).unwrap();
        // The system's limit of a queue is some thousands (net.core.somaxconn).
        let refused = (0..100_000).find_map(|_| connect_unix(&path, Duration::from_millis(200)).err());
        assert_eq!(refused.map(|e| e.kind()), Some(io::ErrorKind::TimedOut));
    }
}
