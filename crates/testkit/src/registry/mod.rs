//! A registry inside the test: distribution-spec 1.1 on the loopback, with logins, redirects, and
//! faults on demand.
//!
//! ```
//! use testkit::registry::{Deed, Fault, Registry, Setup};
//! let registry = Registry::start(Setup { page: 2, ..Setup::default() });
//! registry.fail(Fault::once("GET", "/blobs/", Deed::BreakReply(100)));
//! let name = format!("{}/acme/app:1.0", registry.host());
//! assert!(name.starts_with("127.0.0.1:") && registry.requests().is_empty());
//! ```
//!
//! Blobs lie in files and are never whole in memory, so that large images can be tested. It shares no
//! code with the client, and checks what real registries check: digests, the parts of a manifest, the
//! order of pieces.

mod answer;
mod connection;
mod fault;
mod logins;
mod manifests;
mod route;
mod state;
mod uploads;

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

pub use fault::{Deed, Fault};
pub use logins::Logins;
use state::State;

/// What sort of registry it is.
#[derive(Debug, Clone)]
pub struct Setup {
    /// Whether it keeps account of referrers itself.
    pub referrers: bool,
    /// How many tags or referrers are on a page.
    pub page: usize,
    /// Whom it lets in.
    pub logins: Logins,
    /// Whether blobs are fetched from another host (another port, where nobody may log in).
    pub blobs_elsewhere: bool,
    /// Whether it gives parts of blobs (`Range`).
    pub ranges: bool,
    /// The largest body of one request, in bytes; larger ones are answered with 413.
    pub largest: u64,
    /// What it says that pieces of an upload must have (`OCI-Chunk-Min-Length`).
    pub smallest_piece: Option<u64>,
    /// Whether it mounts blobs of other repositories.
    pub mounts: bool,
    /// Whether tags can be deleted; digests always can.
    pub deletes_tags: bool,
    /// Whether an upload that broke is kept up to where it broke.
    pub keeps_broken: bool,
    /// What whoever is not let in is answered of a repository in place of 401: 404 or 403 of registries
    /// that hide what is private. `/v2/` itself still says how logins are shown.
    pub hides: Option<u16>,
    /// The actions that its token server knows; any other is answered with 400. All where there are none.
    pub actions: &'static [&'static str],
    /// What a token must allow to delete.
    pub deleting: &'static str,
    /// Whether it says how many bytes of an upload it has where it should say which is the last.
    pub counts_bytes: bool,
    /// Whether it keeps what is sent under a digest of SHA-512 by that of SHA-256 alone; else it refuses it.
    pub renames_sha512: bool,
    /// What stands before its paths where it gives whole addresses, for one behind a proxy:
    /// `https://registry.example`.
    pub called: Option<String>,
}

impl Default for Setup {
    fn default() -> Setup {
        Setup {
            referrers: true,
            page: 100,
            logins: Logins::None,
            blobs_elsewhere: false,
            ranges: true,
            largest: u64::MAX,
            smallest_piece: None,
            mounts: true,
            deletes_tags: true,
            keeps_broken: true,
            hides: None,
            counts_bytes: false,
            actions: &[],
            deleting: "delete",
            renames_sha512: false,
            called: None,
        }
    }
}

/// A request as it was understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// `GET`, `PUT` …
    pub method: String,
    /// Path and query; blobs from elsewhere begin with `/elsewhere/`.
    pub target: String,
    /// What was shown of who asks.
    pub authorization: Option<String>,
    /// `Range` or `Content-Range`.
    pub range: Option<String>,
    /// Its `Content-Type`.
    pub content_type: Option<String>,
    /// How many bytes of the body came.
    pub body: u64,
    /// The port it came from: two requests of one port used one connection.
    pub port: u16,
    /// The answer's status; 0 where there was none.
    pub status: u16,
}

/// A registry; stops when dropped.
pub struct Registry {
    address: SocketAddr,
    inner: Arc<Inner>,
    accepting: Vec<(SocketAddr, JoinHandle<()>)>,
}

/// What all connections share.
struct Inner {
    setup: Setup,
    address: SocketAddr,
    elsewhere: Option<SocketAddr>,
    dir: tempfile::TempDir,
    state: Mutex<State>,
    stop: AtomicBool,
}

impl Inner {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn called(&self) -> String {
        self.setup.called.clone().unwrap_or_else(|| format!("http://{}", self.address))
    }

    fn blob(&self, digest: &str) -> PathBuf {
        self.dir.path().join(digest.replace(':', "-"))
    }
}

impl Registry {
    /// Starts one.
    pub fn start(setup: Setup) -> Registry {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port on the loopback");
        let other = setup.blobs_elsewhere.then(|| TcpListener::bind("127.0.0.1:0").expect("another port"));
        let address = listener.local_addr().expect("the port");
        let inner = Arc::new(Inner {
            setup,
            address,
            elsewhere: other.as_ref().map(|l| l.local_addr().expect("the other port")),
            dir: tempfile::tempdir().expect("a directory for blobs"),
            state: Mutex::default(),
            stop: AtomicBool::new(false),
        });
        let accepting =
            [(Some(listener), false), (other, true)].into_iter().filter_map(|(listener, elsewhere)| {
                let listener = listener?;
                let address = listener.local_addr().expect("the port");
                Some((address, accept(listener, Arc::clone(&inner), elsewhere)))
            });
        let accepting = accepting.collect();
        Registry { address, inner, accepting }
    }

    /// `127.0.0.1:PORT`, as in the names of its images.
    pub fn host(&self) -> String {
        self.address.to_string()
    }

    /// Lets something go wrong from now on.
    pub fn fail(&self, fault: Fault) {
        self.inner.state().faults.push(fault);
    }

    /// Breaks connections at random bytes of requests and answers, so many times in all. The same seed
    /// gives the same bytes for the same order of requests.
    pub fn break_at_random(&self, seed: u64, times: u32) {
        let mut state = self.inner.state();
        state.chaos = Some(fault::Chaos::new(seed, times));
    }

    /// How many of the random breaks are still to come.
    pub fn breaks_left(&self) -> u32 {
        self.inner.state().chaos.as_ref().map_or(0, fault::Chaos::left)
    }

    /// All requests so far.
    pub fn requests(&self) -> Vec<Asked> {
        self.inner.state().log.clone()
    }

    /// Forgets the requests so far.
    pub fn forget_requests(&self) {
        self.inner.state().log.clear();
    }

    /// What a tag or digest leads to.
    pub fn manifest(&self, repository: &str, name: &str) -> Option<Vec<u8>> {
        self.inner.state().manifest(repository, name).map(|m| m.bytes.clone())
    }

    /// All tags of a repository.
    pub fn tags(&self, repository: &str) -> Vec<String> {
        let state = self.inner.state();
        state.repositories.get(repository).map(|r| r.tags.keys().cloned().collect()).unwrap_or_default()
    }

    /// The bytes of a blob.
    pub fn blob(&self, repository: &str, digest: &str) -> Option<Vec<u8>> {
        let there = self.inner.state().has_blob(repository, digest);
        there.then(|| std::fs::read(self.inner.blob(digest)).expect("a blob that was kept"))
    }

    /// Puts a blob into a repository; its digest.
    pub fn add_blob(&self, repository: &str, bytes: &[u8]) -> String {
        let digest = state::digest_of(bytes);
        std::fs::write(self.inner.blob(&digest), bytes).expect("room for a blob");
        self.inner.state().repository(repository).blobs.insert(digest.clone());
        digest
    }

    /// Puts a manifest into a repository under a tag or its digest, whatever it says; its digest.
    pub fn add_manifest(&self, repository: &str, name: &str, media_type: &str, bytes: &[u8]) -> String {
        let bytes = bytes.to_vec();
        let manifest = state::Manifest { media_type: media_type.to_owned(), bytes };
        self.inner.state().keep(repository, name, manifest)
    }

    /// Whether every manifest has all of its parts, all of them whole: nothing half is to be seen.
    pub fn check(&self) -> Result<(), String> {
        manifests::check(&self.inner)
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        self.inner.stop.store(true, Ordering::SeqCst);
        for (address, accepting) in self.accepting.drain(..) {
            // Wakes the listener, which then sees that it is over.
            if TcpStream::connect(address).is_ok() {
                let _ = accepting.join();
            }
        }
    }
}

fn accept(listener: TcpListener, inner: Arc<Inner>, elsewhere: bool) -> JoinHandle<()> {
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            if inner.stop.load(Ordering::SeqCst) {
                return;
            }
            // Whoever hung up before his turn is no reason to send the next away.
            let Ok(stream) = stream else { continue };
            let inner = Arc::clone(&inner);
            std::thread::spawn(move || {
                let _ = connection::converse(stream, &inner, elsewhere);
            });
        }
    })
}
