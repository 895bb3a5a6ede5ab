//! A machine of its own for one test (cache, data, home, recipe), and a mirror that can misbehave.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::{Arc, Mutex};

use testkit::http::{Received, Reply, Server};
use testkit::{Package, Port, Published, World};

/// What a run of distil came to.
#[derive(Debug)]
pub(crate) struct Ran {
    /// The exit code; none if a signal ended it.
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ran {
    pub(crate) fn of(output: Output) -> Ran {
        Ran {
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// It went well; gives what it is.
    #[track_caller]
    pub(crate) fn good(self) -> Ran {
        assert_eq!(self.code, Some(0), "{}", self.stderr);
        self
    }

    /// It failed with this code, in the grammar of errors, and said all of `words`.
    #[track_caller]
    pub(crate) fn fails(self, code: i32, words: &[&str]) -> Ran {
        assert_eq!(self.code, Some(code), "{}", self.stderr);
        assert_eq!(self.stdout, "", "data after a failure");
        assert!(self.stderr.contains("error: cannot "), "{}", self.stderr);
        assert!(self.stderr.contains("hint: "), "no hint: {}", self.stderr);
        self.says(words)
    }

    /// All of `words` are on standard error.
    #[track_caller]
    pub(crate) fn says(self, words: &[&str]) -> Ran {
        for word in words {
            assert!(self.stderr.contains(word), "`{word}` is not in: {}", self.stderr);
        }
        self
    }

    /// The digests on standard output, one an image.
    #[track_caller]
    pub(crate) fn digests(&self) -> Vec<String> {
        let lines = self.stdout.lines();
        lines.map(|l| l.split_once('@').unwrap_or_else(|| panic!("{l}")).1.to_owned()).collect()
    }
}

/// Directories that only one test uses.
pub(crate) struct Machine {
    dir: tempfile::TempDir,
}

impl Machine {
    pub(crate) fn new() -> Machine {
        let dir = tempfile::tempdir().expect("a directory");
        for sub in ["home", "work"] {
            std::fs::create_dir(dir.path().join(sub)).expect("a directory");
        }
        Machine { dir }
    }

    /// A file or directory of the machine: `cache`, `data`, `work/app.yaml`.
    pub(crate) fn path(&self, sub: &str) -> PathBuf {
        self.dir.path().join(sub)
    }

    pub(crate) fn read(&self, sub: &str) -> String {
        std::fs::read_to_string(self.path(sub)).unwrap_or_else(|e| panic!("{sub}: {e}"))
    }

    pub(crate) fn write(&self, sub: &str, text: impl AsRef<[u8]>) {
        std::fs::write(self.path(sub), text).unwrap_or_else(|e| panic!("{sub}: {e}"));
    }

    /// Forgets what was downloaded, made and remembered, but no recipe and no lock.
    pub(crate) fn forget(&self) {
        for sub in ["cache", "data"] {
            let _ = std::fs::remove_dir_all(self.path(sub));
        }
    }

    /// distil with these words, not started: in `work`, with nothing of the caller's environment.
    pub(crate) fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_distil"));
        command.args(words).current_dir(self.path("work")).env_clear().stdin(Stdio::null());
        let path = std::env::var("PATH").unwrap_or_default();
        command.env("PATH", format!("{}:{path}", self.path("bin").display()));
        command.env("HOME", self.path("home"));
        command.env("DISTIL_CACHE_DIR", self.path("cache")).env("DISTIL_DATA_DIR", self.path("data"));
        command
    }

    /// A program of this machine's, in front of all others.
    pub(crate) fn program(&self, name: &str, script: &str) {
        let file = self.path("bin").join(name);
        let write = "mkdir -p \"$(dirname \"$0\")\" && printf %s \"$1\" > \"$0\" && chmod 755 \"$0\"";
        by_another_process(write, &[file.as_os_str(), OsStr::new(script)]);
    }

    /// A distil of this machine's own.
    pub(crate) fn own_distil(&self) -> PathBuf {
        let program = self.path("distil");
        if !program.exists() {
            let built = OsStr::new(env!("CARGO_BIN_EXE_distil"));
            by_another_process("cp \"$0\" \"$1\"", &[built, program.as_os_str()]);
        }
        program
    }

    /// distil with these words as a user without rights; none where this machine knows no such user.
    /// Root's tests would pass where everybody else's fail.
    pub(crate) fn as_nobody(&self, words: &[&str]) -> Option<Ran> {
        if !is_root() {
            return Some(self.distil(words));
        }
        let own = self.command(words);
        // The program may lie where only root may look.
        let program = self.own_distil();
        open_to_all(self.dir.path());
        let mut command = Command::new("setpriv");
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(program).args(words);
        command.current_dir(self.path("work")).env_clear().stdin(Stdio::null());
        own.get_envs().for_each(|(k, v)| {
            v.map(|v| command.env(k, v));
        });
        command.output().ok().map(Ran::of)
    }

    pub(crate) fn distil(&self, words: &[&str]) -> Ran {
        Ran::of(self.command(words).output().expect("distil starts"))
    }

    /// `distil build app.yaml`.
    pub(crate) fn build(&self) -> Ran {
        self.distil(&["build", "app.yaml"])
    }

    /// `work/app.yaml`: these packages of that archive, for amd64.
    pub(crate) fn recipe(&self, archive: &Archive, packages: &[&str]) {
        self.write("work/app.yaml", archive.recipe(packages));
    }

    /// Every file below a directory of the machine.
    pub(crate) fn files(&self, sub: &str) -> Vec<PathBuf> {
        let (mut out, mut folders) = (Vec::new(), vec![self.path(sub)]);
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
                match entry.file_type().is_ok_and(|t| t.is_dir()) {
                    true => folders.push(entry.path()),
                    false => out.push(entry.path()),
                }
            }
        }
        out.sort();
        out
    }

    /// No image was named, and no lock was written.
    #[track_caller]
    pub(crate) fn assert_nothing_left(&self) {
        self.assert_no_image();
        assert!(!self.path("work/app.lock").exists(), "a lock after a failure");
    }

    /// No image was named.
    #[track_caller]
    pub(crate) fn assert_no_image(&self) {
        let named = self.files("data/images").into_iter().filter(|p| p.ends_with("index.json"));
        for index in named {
            let text = std::fs::read_to_string(&index).expect("index.json");
            assert!(!text.contains("org.opencontainers.image.ref.name"), "{text}");
        }
    }
}

/// Is this root, whom no permission stops?
pub(crate) fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output();
    id.is_ok_and(|o| o.stdout.trim_ascii() == b"0")
}

/// A script of the shell, for what changes programs: a file that is open for writing cannot be run (ETXTBSY),
/// and what one thread of ours has open, the children that others start have too, until they are programs.
pub(crate) fn by_another_process(script: &str, words: &[&OsStr]) {
    let status = Command::new("/bin/sh").args(["-ec", script]).args(words).status().expect("a shell");
    assert!(status.success(), "{script}: {status}");
}

/// Everybody may do everything with what is below, but where a test took it away.
fn open_to_all(dir: &Path) {
    use std::os::unix::fs::PermissionsExt;
    let mode = std::fs::metadata(dir).expect("a directory").permissions().mode() & 0o777;
    if mode == 0o555 {
        return;
    }
    std::fs::set_permissions(dir, PermissionsExt::from_mode(0o777)).expect("permissions");
    for entry in std::fs::read_dir(dir).expect("a directory").flatten() {
        let kind = entry.file_type().expect("a type");
        if kind.is_dir() {
            open_to_all(&entry.path());
        }
    }
}

/// One wrong bit in the middle of a file.
pub(crate) fn flip(path: &Path) {
    use std::os::unix::fs::PermissionsExt;
    let mut bytes = std::fs::read(path).expect("a file to damage");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x10;
    let mut mode = std::fs::metadata(path).expect("the file").permissions();
    mode.set_mode(mode.mode() | 0o200);
    std::fs::set_permissions(path, mode).expect("writable");
    std::fs::write(path, bytes).expect("the damaged file");
}

/// How a mirror fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    Status(u16),
    /// The connection ends in the middle of the body.
    Broken,
    /// A whole answer, of half the bytes.
    Short,
    /// One bit is wrong.
    Flipped,
    /// Nothing comes any more after half the bytes, the first time.
    StalledOnce,
}

type Faults = Arc<Mutex<Option<(String, Fault)>>>;

/// A made-up archive behind a web server on the loopback.
pub(crate) struct Archive {
    dir: tempfile::TempDir,
    server: Option<Server>,
    _left: Option<Port>,
    authority: String,
    faults: Faults,
}

impl Archive {
    pub(crate) fn serve(world: &World) -> Archive {
        Archive::of(|dir| {
            world.publish(dir);
        })
    }

    /// Serves what `publish` puts into a directory.
    pub(crate) fn of(publish: impl Fn(&Path)) -> Archive {
        let dir = tempfile::tempdir().expect("a directory");
        publish(dir.path());
        let (root, faults) = (dir.path().to_owned(), Faults::default());
        let now = Arc::clone(&faults);
        let server = Server::start(move |request| {
            let mut now = now.lock().expect("the faults");
            let fault = now.clone();
            let met = |(part, fault): &(String, Fault)| {
                *fault == Fault::StalledOnce && request.target.contains(part.as_str())
            };
            *now = now.take().filter(|f| !met(f));
            drop(now);
            answer(&root, request, fault)
        });
        let authority = server.address().to_string();
        Archive { dir, server: Some(server), _left: None, authority, faults }
    }

    /// Publishes another state of the archive at the same address.
    pub(crate) fn publish(&self, world: &World) -> Published {
        world.publish(self.dir.path())
    }

    /// Every answer to a path with `part` in it is like this.
    pub(crate) fn fail(&self, part: &str, fault: Fault) {
        *self.faults.lock().expect("the faults") = Some((part.to_owned(), fault));
    }

    /// The mirror is sound again.
    pub(crate) fn heal(&self) {
        *self.faults.lock().expect("the faults") = None;
    }

    /// Nobody listens any more.
    pub(crate) fn stop(&mut self) {
        self._left = self.server.take().map(Server::stop);
    }

    /// Its address, without a slash at the end.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.authority)
    }

    /// How many requests there were.
    pub(crate) fn requests(&self) -> usize {
        self.server.as_ref().map_or(0, |s| s.received().len())
    }

    pub(crate) fn path(&self, sub: &str) -> PathBuf {
        self.dir.path().join(sub)
    }

    /// The `repositories:` entry of a suite.
    pub(crate) fn entry(&self, suite: &str) -> String {
        let key = self.path("archive-key.asc");
        format!("{{deb: \"http://{} {suite} main\", signed-by: {}}}", self.authority, key.display())
    }

    pub(crate) fn recipe(&self, packages: &[&str]) -> String {
        let mut text = format!(
            "archs: [amd64]\ncontents:\n  repositories:\n    - {}\n  packages:\n",
            self.entry("stable")
        );
        for package in packages {
            text.push_str(&format!("    - {package}\n"));
        }
        text
    }
}

fn answer(root: &Path, request: &Received, fault: Option<(String, Fault)>) -> Reply {
    let target = request.target.trim_start_matches('/').replace("%2b", "+").replace("%7e", "~");
    let Ok(body) = std::fs::read(root.join(target)) else { return Reply::new(404, "not here") };
    let fault = fault.filter(|(part, _)| request.target.contains(part.as_str()));
    let half = body.len() / 2;
    match fault.map(|(_, fault)| fault) {
        None => Reply::file(&body, request),
        Some(Fault::Status(code)) => Reply::new(code, "no"),
        Some(Fault::Broken) => Reply::ok(body).broken_after(half),
        Some(Fault::Short) => Reply::ok(&body[..half]),
        Some(Fault::StalledOnce) => Reply::file(&body, request).stalled_after(half),
        Some(Fault::Flipped) => {
            let mut body = body;
            body[half] ^= 0x10;
            Reply::ok(body)
        }
    }
}

/// A lock without the rows of a package.
pub(crate) fn without(lock: &str, name: &str) -> String {
    let rows: Vec<&str> = lock.split("[[package]]").collect();
    let kept: Vec<&str> =
        rows.iter().filter(|row| !row.contains(&format!("\nname = \"{name}\"\n"))).copied().collect();
    assert_ne!(kept.len(), rows.len(), "no {name} in {lock}");
    kept.join("[[package]]")
}

/// A lock with the rows of a package of another one behind its own.
pub(crate) fn with_row(lock: &str, other: &str, name: &str) -> String {
    let row = other.split("[[package]]").find(|row| row.contains(&format!("\nname = \"{name}\"\n")));
    format!("{lock}\n[[package]]{}", row.unwrap_or_else(|| panic!("no {name} in {other}")))
}

/// An archive with one program, its library and their data.
pub(crate) fn plain_world() -> World {
    World::new()
        .package(Package::new("libhello1", "1.0-1").file("/usr/share/hello/words", "hello\n".repeat(50)))
        .package(
            Package::new("hello", "1.0-1")
                .depends("libhello1 (>= 1.0)")
                .executable("/usr/bin/hello", b"\x7fELF not really"),
        )
        .package(Package::new("other", "2.0-1").file("/usr/share/other/data", "other\n"))
}
