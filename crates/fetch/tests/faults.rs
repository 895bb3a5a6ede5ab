//! What a network can do to a download, one misbehaviour at a time.

#![allow(clippy::disallowed_methods, reason = "tests ask the machine: files, sockets, the clock")]

use std::io::{self, BufRead as _, Write as _};
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use diag::{Diagnostic, Explain, Kind, Reporter, Silent};
use fetch::{Client, Fault, FetchError, Floor, Job, Options, Sink, Size, Url};
use testkit::Port;
use testkit::http::{Received, Reply, Server, read_request};

/// Retries at once.
fn quick() -> Options {
    Options {
        backoff: Duration::from_millis(1),
        longest_wait: Duration::from_millis(5),
        idle_timeout: Duration::from_secs(20),
        attempts: 3,
        ..Options::default()
    }
}

fn client() -> Client {
    Client::new(quick())
}

fn url(text: &str) -> Url {
    Url::parse(text).unwrap()
}

fn job(urls: &[String], size: Size) -> Job {
    Job { name: "the file".into(), urls: urls.iter().map(|u| url(u)).collect(), size }
}

fn body(bytes: usize) -> Vec<u8> {
    (0..bytes).map(|i| (i * 7 % 251) as u8).collect()
}

fn one(server: &Server, path: &str, size: Size) -> Result<Vec<u8>, FetchError> {
    client().fetch_bytes(&job(&[server.url(path)], size), &Silent)
}

/// Answers by the number of the request, from 0.
fn by_turn(answer: impl Fn(usize, &Received) -> Reply + Send + Sync + 'static) -> Server {
    let turn = AtomicUsize::new(0);
    Server::start(move |request| answer(turn.fetch_add(1, Ordering::SeqCst), request))
}

#[test]
fn brings_a_file() {
    let server = Server::of_files(&[("/a", &body(300_000))]);
    assert_eq!(one(&server, "/a", Size::Exact(300_000)).unwrap(), body(300_000));
    assert_eq!(one(&server, "/a", Size::AtMost(1 << 20)).unwrap(), body(300_000));
    let request = &server.received()[0];
    assert!(request.header("user-agent").unwrap().starts_with("distil/"));
    assert_eq!(request.header("accept-encoding"), Some("identity"));
}

#[test]
fn one_connection_serves_many_files() {
    let ports = Arc::new(Mutex::new(std::collections::BTreeSet::new()));
    let server = Server::of_files(&[("/a", b"a"), ("/b", b"b")]);
    let client = client();
    for path in ["/a", "/b", "/a"] {
        client.fetch_bytes(&job(&[server.url(path)], Size::Exact(1)), &Silent).unwrap();
        ports.lock().unwrap().insert(path);
    }
    assert_eq!(server.received().len(), 3);
}

#[test]
fn not_found_is_not_asked_for_twice() {
    let server = Server::of_files(&[]);
    let error = one(&server, "/a", Size::Exact(1)).unwrap_err();
    assert!(error.is_not_found() && error.kind() == Kind::Network, "{error:?}");
    assert_eq!(server.received().len(), 1);
    assert!(error.to_string().contains(&server.url("/a")) && error.hint().is_some());
}

#[test]
fn a_login_that_is_wanted_is_named() {
    for status in [401, 403] {
        let server = Server::start(move |_| Reply::new(status, ""));
        let error = one(&server, "/a", Size::Exact(1)).unwrap_err();
        assert_eq!(error.fault(), Some(&Fault::Forbidden { status }));
        assert!(error.hint().unwrap().contains("auth.conf"));
    }
}

#[test]
fn trouble_of_the_server_passes() {
    let server = by_turn(|turn, _| if turn == 0 { Reply::new(500, "oops") } else { Reply::ok("fine") });
    assert_eq!(one(&server, "/a", Size::Exact(4)).unwrap(), b"fine");
    let server = by_turn(|turn, _| match turn {
        0 => Reply::new(503, "later").header("Retry-After", "0"),
        1 => Reply::new(429, "").header("Retry-After", "Thu, 01 Jan 1970 00:00:00 GMT"),
        _ => Reply::ok("fine"),
    });
    assert_eq!(one(&server, "/a", Size::Exact(4)).unwrap(), b"fine");
}

#[test]
fn trouble_that_stays_is_given_up_and_counted() {
    let server = Server::start(|_| Reply::new(502, "").header("Retry-After", "100000"));
    let error = one(&server, "/a", Size::Exact(4)).unwrap_err();
    let retry_after = Some(Duration::from_secs(100_000));
    assert_eq!(error.fault(), Some(&Fault::Server { status: 502, retry_after }));
    assert_eq!((error.tried[0].times, server.received().len()), (3, 3));
    assert!(error.details()[0].contains("3 times"));
}

#[test]
fn a_drop_in_the_middle_is_continued_where_it_was() {
    let whole = body(400_000);
    let served = whole.clone();
    let server = by_turn(move |turn, request| match turn {
        // Breaks more often than there are attempts: progress is no failure.
        0..=4 => Reply::file(&served, request).broken_after(70_000),
        _ => Reply::file(&served, request),
    });
    assert_eq!(one(&server, "/a", Size::Exact(400_000)).unwrap(), whole);
    let asked: Vec<_> = server.received().iter().map(Received::range_from).collect();
    assert_eq!(asked[..3], [None, Some(70_000), Some(140_000)]);
    assert!(server.received()[1].header("if-range").unwrap().starts_with('"'));
}

#[test]
fn a_drop_without_progress_counts() {
    let server = Server::start(|request| Reply::file(&body(100_000), request).broken_after(10));
    let error = one(&server, "/a", Size::Exact(100_000)).unwrap_err();
    assert!(matches!(error.fault(), Some(Fault::Dropped { expected: Some(100_000), .. })), "{error:?}");
    assert_eq!(error.kind(), Kind::Network);
    assert_eq!(server.received().len(), 3);
}

#[test]
fn a_server_that_ignores_ranges_is_read_from_the_start() {
    let whole = body(200_000);
    let served = whole.clone();
    let server = by_turn(move |turn, _| {
        let reply = Reply::ok(served.clone());
        if turn == 0 { reply.broken_after(100_000) } else { reply }
    });
    assert_eq!(one(&server, "/a", Size::Exact(200_000)).unwrap(), whole);
    assert_eq!(server.received()[1].range_from(), Some(100_000));
}

#[test]
fn a_file_that_changed_between_two_parts_is_not_patched_together() {
    let new = vec![9; 200_000];
    let served = new.clone();
    let server = by_turn(move |turn, request| match turn {
        0 => Reply::file(&body(200_000), request).broken_after(100_000),
        _ => Reply::file(&served, request),
    });
    assert_eq!(one(&server, "/a", Size::Exact(200_000)).unwrap(), new);
}

#[test]
fn a_wrong_part_is_refused() {
    let server = by_turn(|turn, request| match turn {
        0 => Reply::file(&body(200_000), request).broken_after(100_000),
        1 => Reply::new(206, body(10)).header("Content-Range", "bytes 5-14/200000"),
        _ => Reply::file(&body(200_000), request),
    });
    assert_eq!(one(&server, "/a", Size::Exact(200_000)).unwrap(), body(200_000));
}

#[test]
fn silence_is_given_up() {
    let waited = Duration::from_millis(200);
    let client = Client::new(Options { idle_timeout: waited, ..quick() });
    let asked = |server: &Server, size| client.fetch_bytes(&job(&[server.url("/a")], size), &Silent);
    let server = Server::start(|_| Reply::ok(body(1000)).stalled_after(10));
    let error = asked(&server, Size::Exact(1000)).unwrap_err();
    assert_eq!(error.fault(), Some(&Fault::Stalled { waited }));
    let mute = Server::start(|_| Reply::ok("").claiming(5).stalled_after(0));
    let error = asked(&mute, Size::Exact(5)).unwrap_err();
    assert!(matches!(error.fault(), Some(Fault::Stalled { .. })), "{error:?}");
}

/// Any time will do, so that nobody waits: what counts is that a read brings so little.
fn impatient() -> Client {
    Client::new(Options { floor: Floor { bytes: 64, time: Duration::ZERO }, ..quick() })
}

#[test]
fn what_drips_is_given_up_and_goes_on_at_the_next_mirror() {
    let whole = body(1 << 20);
    let drip = |request: &Received| Reply::file(&body(1 << 20), request).dripping(Duration::from_millis(1));
    let (slow, good) = (Server::start(drip), Server::of_files(&[("/a", &whole)]));
    let urls = [slow.url("/a"), good.url("/a")];
    let got = impatient().fetch_bytes(&job(&urls, Size::Exact(1 << 20)), &Silent).unwrap();
    assert_eq!((got == whole, slow.received().len()), (true, 1));
    let from = good.received()[0].range_from().unwrap();
    assert!(from > 0 && from < 1 << 20, "it goes on where it stopped: {from}");
    // Nobody else has it: asked as often as after a silence, and told for what it is.
    let alone = job(&urls[..1], Size::Exact(1 << 20));
    let error = impatient().fetch_bytes(&alone, &Silent).unwrap_err();
    assert!(matches!(error.fault(), Some(Fault::Slow { got: 1..64, .. })), "{error:?}");
    assert!(error.to_string().contains("it gave only ") && error.hint().is_some(), "{error}");
    assert_eq!(slow.received().len(), 1 + 3);
}

#[test]
fn a_head_that_drips_is_given_up_too() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let place = format!("http://{}/a", listener.local_addr().unwrap());
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut line = String::new();
        io::BufReader::new(stream.try_clone().unwrap()).read_line(&mut line).unwrap();
        stream.set_nodelay(true).unwrap();
        // Endless, until the client has hung up.
        stream.write_all(b"HTTP/1.1 200 OK\r\nX: ").unwrap();
        while stream.write_all(b"x").is_ok() {
            std::thread::sleep(Duration::from_millis(1));
        }
    });
    let fault = impatient().send(fetch::Request::get(url(&place))).unwrap_err();
    assert!(matches!(fault, Fault::Slow { .. }), "{fault:?}");
    server.join().unwrap();
}

#[test]
fn sizes_are_held_to_what_was_signed() {
    let longer = Server::start(|_| Reply::ok(body(11)));
    let error = one(&longer, "/a", Size::Exact(10)).unwrap_err();
    assert_eq!((error.fault(), error.kind()), (Some(&Fault::TooLarge { most: 10 }), Kind::Trust));
    // Without a length the surplus shows only while reading.
    let endless = Server::start(|_| Reply::ok(body(1 << 20)).without_length());
    let error = one(&endless, "/a", Size::AtMost(100_000)).unwrap_err();
    assert_eq!(error.fault(), Some(&Fault::TooLarge { most: 100_000 }));
    let shorter = Server::start(|_| Reply::ok(body(9)));
    let error = one(&shorter, "/a", Size::Exact(10)).unwrap_err();
    assert_eq!(error.fault(), Some(&Fault::TooShort { got: 9, expected: 10 }));
    let cut = Server::start(|_| Reply::ok(body(9)).without_length());
    let error = one(&cut, "/a", Size::Exact(10)).unwrap_err();
    assert!(matches!(error.fault(), Some(Fault::Dropped { got: 9, expected: Some(10), .. })), "{error:?}");
}

#[test]
fn a_redirect_is_followed_without_the_login() {
    let other = Server::start(|_| Reply::ok("there"));
    let there = other.url("/b");
    let server = Server::start(move |request| match request.target.as_str() {
        "/a" => Reply::redirect("/here"),
        "/here" => Reply::redirect(&there.replace("http://", "http://thief:x@")),
        _ => Reply::new(404, ""),
    });
    let asked = server.url("/a").replace("http://", "http://me:secret@");
    assert_eq!(client().fetch_bytes(&job(&[asked], Size::Exact(5)), &Silent).unwrap(), b"there");
    let at_home: Vec<_> = server.received().iter().map(|r| r.header("authorization").is_some()).collect();
    assert_eq!(at_home, [true, true]);
    assert_eq!(other.received()[0].header("authorization"), None);
}

#[test]
fn a_header_with_a_login_stays_at_home_too() {
    let other = Server::start(|_| Reply::ok(""));
    let there = other.url("/");
    let server = Server::start(move |_| Reply::redirect(&there));
    let request = fetch::Request::get(url(&server.url("/"))).header("Authorization", "Bearer t");
    assert_eq!(client().send(request.header("X-Harmless", "1")).unwrap().status, 200);
    assert_eq!(other.received()[0].header("authorization"), None);
    assert_eq!(other.received()[0].header("x-harmless"), Some("1"));
}

#[test]
fn redirects_have_an_end_and_stay_in_the_web() {
    let circle = Server::start(|_| Reply::redirect("/again"));
    let error = one(&circle, "/", Size::Exact(1)).unwrap_err();
    assert!(matches!(error.fault(), Some(Fault::Redirect { .. })) && circle.received().len() == 11);
    for to in ["file:///etc/passwd", "ftp://x/y", "http://[", ""] {
        let server =
            Server::start(move |_| if to.is_empty() { Reply::new(302, "") } else { Reply::redirect(to) });
        let error = one(&server, "/", Size::Exact(1)).unwrap_err();
        assert!(matches!(error.fault(), Some(Fault::Redirect { .. })), "{to}: {error:?}");
    }
}

#[test]
fn credentials_are_looked_up_for_each_host() {
    let other = Server::start(|_| Reply::ok("x"));
    let (there, port) = (other.url("/b"), other.address().port());
    let server = Server::start(move |_| Reply::redirect(&there));
    let credentials = move |url: &Url| {
        (url.port() == Some(port))
            .then(|| fetch::Login { user: "u".into(), password: diag::Secret::new("p") })
    };
    let client = Client::new(Options { credentials: Some(Arc::new(credentials)), ..quick() });
    client.fetch_bytes(&job(&[server.url("/a")], Size::Exact(1)), &Silent).unwrap();
    assert_eq!(server.received()[0].header("authorization"), None);
    assert_eq!(other.received()[0].header("authorization"), Some("Basic dTpw"));
}

#[test]
fn the_next_mirror_helps_and_all_failures_are_listed() {
    let bad = Server::of_files(&[]);
    let good = Server::of_files(&[("/a", b"abc")]);
    let both = job(&[bad.url("/a"), good.url("/a")], Size::Exact(3));
    let mut out = Vec::new();
    let fetched = client().fetch(&both, &mut out, &Silent).unwrap();
    assert_eq!((out.as_slice(), fetched.from.to_string()), (&b"abc"[..], good.url("/a")));
    let wrong = Server::start(|_| Reply::ok("abcd"));
    let missing = bad.url("/a?token=hidden").replace("http://", "http://u:hidden@");
    let error = client().fetch_bytes(&job(&[missing, wrong.url("/a")], Size::Exact(3)), &Silent).unwrap_err();
    assert_eq!(error.details().len(), 2, "{error:?}");
    assert_eq!(error.kind(), Kind::Trust);
    assert!(!format!("{error} {error:?} {:?}", error.details()).contains("hidden"));
    let nowhere = client().fetch_bytes(&job(&[], Size::Exact(3)), &Silent).unwrap_err();
    assert!(nowhere.to_string().contains("no address"), "{nowhere}");
}

/// Wants these bytes and no others.
struct Picky {
    wanted: Vec<u8>,
    kept: Vec<u8>,
}

impl Sink for Picky {
    fn kept(&self) -> u64 {
        self.kept.len() as u64
    }
    fn restart(&mut self) -> io::Result<()> {
        self.kept.clear();
        Ok(())
    }
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.kept.extend_from_slice(bytes);
        Ok(())
    }
    fn finish(&mut self) -> Result<(), Diagnostic> {
        if self.kept == self.wanted {
            return Ok(());
        }
        Err(Diagnostic::new(Kind::Trust, "cannot use the file: another digest was signed"))
    }
}

#[test]
fn what_the_sink_refuses_is_sought_elsewhere() {
    let flipped = Server::of_files(&[("/a", b"abX")]);
    let good = Server::of_files(&[("/a", b"abc")]);
    let mut sink = Picky { wanted: b"abc".to_vec(), kept: Vec::new() };
    client().fetch(&job(&[flipped.url("/a"), good.url("/a")], Size::Exact(3)), &mut sink, &Silent).unwrap();
    assert_eq!(sink.kept, b"abc");
    let mut sink = Picky { wanted: b"abc".to_vec(), kept: Vec::new() };
    let error = client().fetch(&job(&[flipped.url("/a")], Size::Exact(3)), &mut sink, &Silent).unwrap_err();
    assert_eq!((error.kind(), sink.kept.len()), (Kind::Trust, 0));
}

#[test]
fn what_an_earlier_run_kept_is_continued_and_if_rotten_replaced() {
    let server = Server::of_files(&[("/a", b"abcdef")]);
    let mut sink = Picky { wanted: b"abcdef".to_vec(), kept: b"abc".to_vec() };
    let fetched = client().fetch(&job(&[server.url("/a")], Size::Exact(6)), &mut sink, &Silent).unwrap();
    assert_eq!((fetched.transferred, fetched.size), (3, 6));
    let mut rotten = Picky { wanted: b"abcdef".to_vec(), kept: b"XXX".to_vec() };
    client().fetch(&job(&[server.url("/a")], Size::Exact(6)), &mut rotten, &Silent).unwrap();
    assert_eq!(rotten.kept, b"abcdef");
    let mut whole = Picky { wanted: b"abcdef".to_vec(), kept: b"abcdef".to_vec() };
    let before = server.received().len();
    client().fetch(&job(&[server.url("/a")], Size::Exact(6)), &mut whole, &Silent).unwrap();
    assert_eq!(server.received().len(), before);
}

struct Full;

impl Sink for Full {
    fn kept(&self) -> u64 {
        0
    }
    fn restart(&mut self) -> io::Result<()> {
        Ok(())
    }
    fn write(&mut self, _: &[u8]) -> io::Result<()> {
        Err(io::Error::new(io::ErrorKind::StorageFull, "no space left"))
    }
    fn finish(&mut self) -> Result<(), Diagnostic> {
        Ok(())
    }
}

#[test]
fn a_full_disk_ends_the_job() {
    let server = Server::of_files(&[("/a", b"abc")]);
    let two = job(&[server.url("/a"), server.url("/a?2")], Size::Exact(3));
    let error = client().fetch(&two, &mut Full, &Silent).unwrap_err();
    assert_eq!((error.kind(), server.received().len()), (Kind::Machine, 1));
    assert!(error.hint().unwrap().contains("space"));
}

#[test]
fn offline_opens_no_socket_and_says_what_it_wanted() {
    let server = Server::of_files(&[("/a", b"abc")]);
    let offline = Client::new(Options { offline: true, ..quick() });
    let error = offline.fetch_bytes(&job(&[server.url("/a")], Size::Exact(3)), &Silent).unwrap_err();
    assert_eq!(error.fault(), Some(&Fault::Offline));
    assert!(error.to_string().contains("the file") && server.received().is_empty());
}

#[test]
fn local_files_are_served_offline_too() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a b");
    std::fs::write(&path, b"abcdef").unwrap();
    let at = Url::from_file_path(&path).unwrap().to_string();
    let offline = Client::new(Options { offline: true, ..quick() });
    let read = |size| offline.fetch_bytes(&job(std::slice::from_ref(&at), size), &Silent);
    assert_eq!(read(Size::Exact(6)).unwrap(), b"abcdef");
    assert_eq!(read(Size::Exact(7)).unwrap_err().fault(), Some(&Fault::TooShort { got: 6, expected: 7 }));
    let mut part = Picky { wanted: b"abcdef".to_vec(), kept: b"abc".to_vec() };
    offline.fetch(&job(std::slice::from_ref(&at), Size::Exact(6)), &mut part, &Silent).unwrap();
    assert_eq!(part.kept, b"abcdef");
    let missing = offline.fetch_bytes(&job(&[format!("{at}x")], Size::Exact(1)), &Silent).unwrap_err();
    assert!(missing.is_not_found());
    let directory = Url::from_file_path(dir.path()).unwrap().to_string();
    let error = offline.fetch_bytes(&job(&[directory], Size::Exact(1)), &Silent).unwrap_err();
    assert!(matches!(error.fault(), Some(Fault::File { .. })));
}

#[test]
fn nobody_listening_and_no_such_name_are_told_apart() {
    let nobody = Port::reserve();
    let gone = job(&[format!("http://{}/a", nobody.address())], Size::Exact(1));
    let error = client().fetch_bytes(&gone, &Silent).unwrap_err();
    assert!(matches!(error.fault(), Some(Fault::Refused { .. })), "{error:?}");
    // RFC 6761: nobody has a name below `invalid`.
    let nowhere = job(&["http://mirror.invalid/a".into()], Size::Exact(1));
    let error = client().fetch_bytes(&nowhere, &Silent).unwrap_err();
    assert!(
        matches!(error.fault(), Some(Fault::Lookup { host, .. }) if host == "mirror.invalid"),
        "{error:?}"
    );
    let error = client().fetch_bytes(&job(&["gopher://x/".into()], Size::Exact(1)), &Silent).unwrap_err();
    assert!(matches!(error.fault(), Some(Fault::Scheme { .. })));
}

#[test]
fn nonsense_is_no_answer() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming().take(3) {
            let mut stream = stream.unwrap();
            // All of it: who hangs up on what he has not read, may take his own words back.
            let _ = read_request(&mut io::BufReader::new(&stream));
            let _ = io::Write::write_all(&mut stream, b"SSH-2.0-OpenSSH_9.2\r\n\r\n");
        }
    });
    let error =
        client().fetch_bytes(&job(&[format!("http://{address}/")], Size::Exact(1)), &Silent).unwrap_err();
    assert!(matches!(error.fault(), Some(Fault::Protocol { .. })), "{error:?}");
}

/// Says stop after so many bytes.
struct StopAfter(AtomicUsize);

impl Reporter for StopAfter {
    fn begin(&self, _: &str, _: Option<u64>, _: diag::Unit) -> diag::TaskId {
        diag::TaskId(0)
    }
    fn advance(&self, _: diag::TaskId, by: u64) {
        let left = self.0.load(Ordering::SeqCst).saturating_sub(by as usize);
        self.0.store(left, Ordering::SeqCst);
    }
    fn end(&self, _: diag::TaskId) {}
    fn note(&self, _: diag::Note) {}
    fn cancelled(&self) -> bool {
        self.0.load(Ordering::SeqCst) == 0
    }
}

#[test]
fn ctrl_c_is_heard() {
    let server = Server::of_files(&[("/a", &body(1 << 20))]);
    let jobs = vec![job(&[server.url("/a")], Size::Exact(1 << 20)); 3];
    let stop = StopAfter(AtomicUsize::new(1000));
    let all = client().fetch_all(&jobs, 1, &stop, |_| Ok(Vec::new()));
    assert!(all.iter().all(|r| r.as_ref().unwrap_err().fault() == Some(&Fault::Cancelled)), "{all:?}");
    assert_eq!(server.received().len(), 1);
}

#[test]
fn many_files_come_in_their_order() {
    let files: Vec<(String, Vec<u8>)> = (0..40).map(|i| (format!("/{i}"), body(i * 997))).collect();
    let served: Vec<(&str, &[u8])> = files.iter().map(|(p, b)| (p.as_str(), b.as_slice())).collect();
    let server = Server::of_files(&served);
    let mut jobs: Vec<Job> =
        files.iter().map(|(p, b)| job(&[server.url(p)], Size::Exact(b.len() as u64))).collect();
    jobs.insert(20, job(&[server.url("/missing")], Size::Exact(5)));
    let mut all = client().fetch_all(&jobs, 4, &Silent, |_| Ok(Vec::new()));
    assert!(all.remove(20).unwrap_err().is_not_found());
    for (got, (path, wanted)) in all.into_iter().zip(&files) {
        assert_eq!(&got.unwrap(), wanted, "{path}");
    }
}
