use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use engine::{Candidate, Endpoint, Engine, connect};

/// A question that the fake was asked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Asked {
    /// Method and target.
    pub(crate) line: String,
    /// The body, as far as it came.
    pub(crate) body: Vec<u8>,
    /// The body came to its end.
    pub(crate) whole: bool,
}

/// An engine in a thread: answers `/version` like Docker, and the rest as `answer` says: raw bytes,
/// after which it hangs up.
pub(crate) struct Fake {
    pub(crate) socket: PathBuf,
    pub(crate) asked: Arc<Mutex<Vec<Asked>>>,
    _dir: tempfile::TempDir,
}

pub(crate) const DOCKER: &str = r#"{"Version":"28.2.2","ApiVersion":"1.50","MinAPIVersion":"1.24","Os":"linux","Arch":"amd64","Components":[{"Name":"Engine"}]}"#;

/// No answer, and no end of the connection either.
pub(crate) const SILENCE: &[u8] = b"(silence)";

/// An answer of that status whose body is JSON.
pub(crate) fn json(status: u16, body: &str) -> Vec<u8> {
    format!(
        "HTTP/1.1 {status} Whatever\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

impl Fake {
    pub(crate) fn start(version: &'static str, answer: impl Fn(&Asked) -> Vec<u8> + Send + 'static) -> Fake {
        Fake::start_hasty(version, 1 << 30, answer)
    }

    /// The same, but after `patience` bytes of a body it answers, and hangs up without the rest.
    pub(crate) fn start_hasty(
        version: &'static str,
        patience: u64,
        answer: impl Fn(&Asked) -> Vec<u8> + Send + 'static,
    ) -> Fake {
        let dir = tempfile::tempdir().unwrap();
        let socket = dir.path().join("engine.sock");
        let listener = UnixListener::bind(&socket).unwrap();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&asked);
        std::thread::spawn(move || {
            let mut held = Vec::new();
            for stream in listener.incoming().flatten() {
                let question = read_question(&stream, patience);
                log.lock().unwrap().push(question.clone());
                let said = match question.line.as_str() {
                    "GET /version" => json(200, version),
                    _ => answer(&question),
                };
                match said.as_slice() {
                    SILENCE => held.push(stream),
                    _ => drop((&stream).write_all(&said)),
                }
            }
        });
        Fake { socket, asked, _dir: dir }
    }

    pub(crate) fn candidate(&self) -> Candidate {
        Candidate { endpoint: Endpoint::Unix(self.socket.clone()), because: "the fake".to_owned() }
    }

    pub(crate) fn engine(&self) -> Engine {
        connect(&[self.candidate()]).unwrap()
    }

    pub(crate) fn questions(&self) -> Vec<String> {
        self.asked.lock().unwrap().iter().map(|a| a.line.clone()).collect()
    }
}

fn read_question(stream: &UnixStream, patience: u64) -> Asked {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    let mut next = |reader: &mut BufReader<&UnixStream>| {
        line.clear();
        reader.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    };
    let first = next(&mut reader);
    let mut asked = Asked { line: first.trim_end_matches(" HTTP/1.1").to_owned(), ..Asked::default() };
    let (mut length, mut chunked) = (0, false);
    loop {
        let field = next(&mut reader);
        match field.split_once(": ") {
            Some(("Content-Length", n)) => length = n.parse().unwrap(),
            Some(("Transfer-Encoding", "chunked")) => chunked = true,
            Some(_) => {}
            None => break,
        }
    }
    if !chunked {
        asked.whole = reader.take(length).read_to_end(&mut asked.body).is_ok();
        return asked;
    }
    while (asked.body.len() as u64) < patience {
        let Ok(size) = usize::from_str_radix(&next(&mut reader), 16) else { return asked };
        let mut chunk = vec![0; size + 2];
        if reader.read_exact(&mut chunk).is_err() {
            return asked;
        }
        asked.body.extend_from_slice(&chunk[..size]);
        asked.whole = size == 0;
        if asked.whole {
            break;
        }
    }
    asked
}
