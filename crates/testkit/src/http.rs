//! A web server on the loopback that misbehaves on demand.
//!
//! A test gives a function from request to [`Reply`]; a reply can stop in the middle, stall, lie about
//! its length or tunnel. What was asked is kept in a log. Plain HTTP/1.1 with keep-alive over threads:
//! enough for a client's tests, and it shares no code with the client.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::Port;

/// A request as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    /// `GET`, `CONNECT` …
    pub method: String,
    /// What stands after it: a path, or a whole address where we are a proxy.
    pub target: String,
    /// The headers in order, as they were written.
    pub headers: Vec<(String, String)>,
}

impl Received {
    /// The first header of that name, whatever its case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str())
    }

    /// The first byte of `Range: bytes=N-`.
    pub fn range_from(&self) -> Option<usize> {
        self.header("range")?.strip_prefix("bytes=")?.strip_suffix('-')?.parse().ok()
    }
}

/// How a reply goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mishap {
    /// It does not.
    None,
    /// The connection is closed after so many bytes of the body.
    Break(usize),
    /// Nothing comes after so many bytes of the body, until the client gives up.
    Stall(usize),
    /// The body comes byte by byte, each after so long.
    Drip(Duration),
}

/// What the server answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    length: Option<u64>,
    mishap: Mishap,
    tunnel: Option<SocketAddr>,
}

impl Reply {
    /// An answer with this status and body.
    pub fn new(status: u16, body: impl Into<Vec<u8>>) -> Reply {
        let body = body.into();
        let length = Some(body.len() as u64);
        Reply { status, headers: Vec::new(), body, length, mishap: Mishap::None, tunnel: None }
    }

    /// 200 with this body.
    pub fn ok(body: impl Into<Vec<u8>>) -> Reply {
        Reply::new(200, body)
    }

    /// A file as a good server gives it: with an ETag, and from where the request asks.
    pub fn file(body: &[u8], request: &Received) -> Reply {
        let tag = format!("\"{}-{}\"", body.len(), body.iter().map(|b| u64::from(*b)).sum::<u64>());
        let same = request.header("if-range").is_none_or(|t| t == tag);
        let reply = match request.range_from().filter(|_| same) {
            Some(from) if from >= body.len() => Reply::new(416, ""),
            Some(from) => {
                let range = format!("bytes {from}-{}/{}", body.len() - 1, body.len());
                Reply::new(206, &body[from..]).header("Content-Range", &range)
            }
            None => Reply::ok(body),
        };
        reply.header("ETag", &tag)
    }

    /// A redirect.
    pub fn redirect(to: &str) -> Reply {
        Reply::new(302, "").header("Location", to)
    }

    /// As a proxy: connects to `to` and passes bytes both ways.
    pub fn tunnel(to: SocketAddr) -> Reply {
        Reply { tunnel: Some(to), ..Reply::ok("") }
    }

    /// The same with a header.
    pub fn header(mut self, name: &str, value: &str) -> Reply {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The same, closing the connection after `bytes` of the body.
    pub fn broken_after(self, bytes: usize) -> Reply {
        Reply { mishap: Mishap::Break(bytes), ..self }
    }

    /// The same, saying nothing more after `bytes` of the body.
    pub fn stalled_after(self, bytes: usize) -> Reply {
        Reply { mishap: Mishap::Stall(bytes), ..self }
    }

    /// The same, giving the body byte by byte, each after `time`.
    pub fn dripping(self, time: Duration) -> Reply {
        Reply { mishap: Mishap::Drip(time), ..self }
    }

    /// The same, naming another length than it has.
    pub fn claiming(self, length: u64) -> Reply {
        Reply { length: Some(length), ..self }
    }

    /// The same without a length: the body ends where the connection does.
    pub fn without_length(self) -> Reply {
        Reply { length: None, ..self }
    }
}

/// A server; stops when dropped.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    log: Arc<Mutex<Vec<Received>>>,
    stop: Arc<AtomicBool>,
    accepting: Option<JoinHandle<TcpListener>>,
}

impl Server {
    /// Answers each request by `answer`.
    pub fn start(answer: impl Fn(&Received) -> Reply + Send + Sync + 'static) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port on the loopback");
        let address = listener.local_addr().expect("the port");
        let log = Arc::new(Mutex::new(Vec::new()));
        let stop = Arc::new(AtomicBool::new(false));
        let answer = Arc::new(answer);
        let (kept, ending) = (Arc::clone(&log), Arc::clone(&stop));
        let accepting = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if ending.load(Ordering::SeqCst) {
                    break;
                }
                // Whoever hung up before his turn is no reason to send the next away.
                let Ok(stream) = stream else { continue };
                let (log, answer) = (Arc::clone(&kept), Arc::clone(&answer));
                std::thread::spawn(move || {
                    let _ = converse(stream, &log, &*answer);
                });
            }
            listener
        });
        Server { address, log, stop, accepting: Some(accepting) }
    }

    /// Serves these files (path with its slash, content); all else is 404.
    pub fn of_files(files: &[(&str, &[u8])]) -> Server {
        let files: Vec<(String, Vec<u8>)> =
            files.iter().map(|(path, body)| ((*path).to_owned(), body.to_vec())).collect();
        Server::start(move |request| match files.iter().find(|(path, _)| *path == request.target) {
            Some((_, body)) => Reply::file(body, request),
            None => Reply::new(404, "not here"),
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The URL of `path`, which begins with a slash.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// All requests so far.
    pub fn received(&self) -> Vec<Received> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Listens no more, and leaves its port, where whoever comes is refused from now on.
    pub fn stop(mut self) -> Port {
        Port::after(self.end().expect("a server that still listens"))
    }

    fn end(&mut self) -> Option<TcpListener> {
        self.stop.store(true, Ordering::SeqCst);
        // Wakes the listener, which then sees that it is over.
        let woken = TcpStream::connect(self.address).is_ok();
        self.accepting.take().filter(|_| woken)?.join().ok()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if self.accepting.is_some() {
            self.end();
        }
    }
}

fn converse(
    stream: TcpStream,
    log: &Mutex<Vec<Received>>,
    answer: &(dyn Fn(&Received) -> Reply + Send + Sync),
) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut writer = stream.try_clone()?;
    while let Some(request) = read_request(&mut reader)? {
        log.lock().unwrap_or_else(PoisonError::into_inner).push(request.clone());
        let reply = answer(&request);
        if let Some(to) = reply.tunnel {
            return tunnel(stream, to);
        }
        if !write_answer(&mut writer, &request, &reply)? {
            if let Mishap::Stall(_) = reply.mishap {
                // Until the client hangs up.
                let _ = reader.read(&mut [0]);
            }
            return stream.shutdown(Shutdown::Both);
        }
    }
    Ok(())
}

/// Reads the head of a request; none at the end of the connection. Bodies are not expected.
pub fn read_request(reader: &mut impl BufRead) -> io::Result<Option<Received>> {
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let mut words = line.split_ascii_whitespace();
    let (method, target) =
        (words.next().unwrap_or_default().to_owned(), words.next().unwrap_or_default().to_owned());
    let mut headers = Vec::new();
    loop {
        line.clear();
        if reader.read_line(&mut line)? == 0 || line.trim_end().is_empty() {
            return Ok(Some(Received { method, target, headers }));
        }
        if let Some((name, value)) = line.trim_end().split_once(':') {
            headers.push((name.to_owned(), value.trim().to_owned()));
        }
    }
}

/// Writes the reply to a request; whether the connection can go on. An answer to `HEAD` says what the body's length
/// would be, and has none (RFC 9110 section 9.3.2): its bytes would be taken for the next answer.
pub fn write_answer(writer: &mut impl Write, request: &Received, reply: &Reply) -> io::Result<bool> {
    if request.method == "HEAD" {
        writer.write_all(head(reply).as_bytes())?;
        writer.flush()?;
        return Ok(reply.mishap == Mishap::None && reply.length.is_some());
    }
    write_reply(writer, reply)
}

/// Writes a reply with its body; whether the connection can go on.
pub fn write_reply(writer: &mut impl Write, reply: &Reply) -> io::Result<bool> {
    writer.write_all(head(reply).as_bytes())?;
    let sent = match reply.mishap {
        Mishap::None => reply.body.len(),
        Mishap::Break(n) | Mishap::Stall(n) => n.min(reply.body.len()),
        Mishap::Drip(time) => {
            for byte in &reply.body {
                std::thread::sleep(time);
                // Fails once the client has hung up.
                writer.write_all(&[*byte])?;
            }
            return Ok(false);
        }
    };
    writer.write_all(&reply.body[..sent])?;
    writer.flush()?;
    Ok(reply.mishap == Mishap::None && reply.length == Some(reply.body.len() as u64))
}

fn head(reply: &Reply) -> String {
    let mut head = format!("HTTP/1.1 {} Whatever\r\n", reply.status);
    for (name, value) in &reply.headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    match reply.length {
        Some(length) => head.push_str(&format!("Content-Length: {length}\r\n")),
        None => head.push_str("Connection: close\r\n"),
    }
    head.push_str("\r\n");
    head
}

fn tunnel(mut client: TcpStream, to: SocketAddr) -> io::Result<()> {
    client.write_all(b"HTTP/1.1 200 Connected\r\n\r\n")?;
    let server = TcpStream::connect(to)?;
    let (mut up_from, mut up_to) = (client.try_clone()?, server.try_clone()?);
    let up = std::thread::spawn(move || {
        let _ = io::copy(&mut up_from, &mut up_to);
        let _ = up_to.shutdown(Shutdown::Write);
    });
    let (mut down_from, mut down_to) = (server, client);
    let _ = io::copy(&mut down_from, &mut down_to);
    let _ = down_to.shutdown(Shutdown::Both);
    let _ = up.join();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_to_head_has_no_body() {
        let written = |method: &str| {
            let request = Received { method: method.into(), target: "/".into(), headers: Vec::new() };
            let mut out = Vec::new();
            assert!(write_answer(&mut out, &request, &Reply::ok("hello")).unwrap());
            String::from_utf8(out).unwrap()
        };
        let (head, whole) = (written("HEAD"), written("GET"));
        assert!(head.ends_with("\r\nContent-Length: 5\r\n\r\n"), "{head}");
        assert_eq!(whole, head + "hello");
    }
}
