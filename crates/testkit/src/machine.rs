//! What a test starts on the machine, and stops: Docker with its own data, a registry on the
//! loopback, the kernel's registration of qemu. All of it needs programs that a machine may lack.

use std::io::{Read, Write};
use std::net::SocketAddr;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::Port;
use crate::wait::{PATIENCE, within};

/// A Docker daemon that answers.
#[derive(Debug)]
pub struct Docker {
    socket: PathBuf,
    own: Option<(Child, tempfile::TempDir)>,
}

impl Docker {
    /// The socket it listens at.
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// The socket of the containerd that [`spawn_dockerd`]'s daemon started for itself; none where it
    /// uses the machine's.
    pub fn containerd(&self) -> Option<PathBuf> {
        let socket = self.socket.parent()?.join("exec/containerd/containerd.sock");
        socket.exists().then_some(socket)
    }

    /// The `docker` command, pointed at it.
    pub fn command(&self) -> Command {
        let mut docker = Command::new("docker");
        docker.arg("--host").arg(format!("unix://{}", self.socket.display()));
        docker
    }

    /// Runs `docker WORDS`; what it printed, or what it complained of.
    pub fn run(&self, words: &[&str]) -> Result<String, String> {
        let run = self.command().args(words).output().map_err(|e| format!("docker: {e}"))?;
        let said = String::from_utf8_lossy(&run.stdout).into_owned();
        if run.status.success() {
            return Ok(said);
        }
        Err(format!(
            "docker {}: {}: {said}{}",
            words.join(" "),
            run.status,
            String::from_utf8_lossy(&run.stderr)
        ))
    }
}

impl Drop for Docker {
    fn drop(&mut self) {
        if let Some((daemon, dir)) = &mut self.own {
            stop_dockerd(daemon, dir.path());
        }
    }
}

/// A Docker for this test: the one that `cargo xtask test` started (`DISTIL_TEST_DOCKER`), or, as
/// root, one of its own. Never the machine's: its images are none of a test's business.
pub fn docker() -> Result<Docker, String> {
    if let Some(socket) = std::env::var_os("DISTIL_TEST_DOCKER") {
        return Ok(Docker { socket: socket.into(), own: None });
    }
    let dir = tempfile::Builder::new().prefix("distil-docker").tempdir().map_err(|e| e.to_string())?;
    let mut daemon = spawn_dockerd(dir.path()).map_err(|e| format!("cannot start dockerd: {e}"))?;
    let answers = dockerd_answers(&mut daemon, dir.path());
    let docker = Docker { socket: dir.path().join("docker.sock"), own: Some((daemon, dir)) };
    answers.map(|()| docker)
}

/// Starts a Docker daemon whose state, socket (`docker.sock`) and log (`log`) are all in `dir`. It
/// makes no network: containers of tests run with `--network none` or `host`.
pub fn spawn_dockerd(dir: &Path) -> std::io::Result<Child> {
    let log = std::fs::File::create(dir.join("log"))?;
    let at = |name: &str| dir.join(name).into_os_string();
    Command::new("dockerd")
        .arg("--data-root")
        .arg(at("data"))
        .arg("--exec-root")
        .arg(at("exec"))
        .arg("--pidfile")
        .arg(at("pid"))
        .arg("--host")
        .arg(format!("unix://{}", dir.join("docker.sock").display()))
        .args(["--bridge=none", "--iptables=false", "--ip6tables=false"])
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        .spawn()
}

/// Waits until a daemon of [`spawn_dockerd`] answers; says so if it ends before, or does nothing for three minutes.
pub fn dockerd_answers(daemon: &mut Child, dir: &Path) -> Result<(), String> {
    let socket = dir.join("docker.sock");
    let answer = within(PATIENCE, || {
        if answers(&socket) {
            return Some(Ok(()));
        }
        let ended = daemon.try_wait().ok().flatten()?;
        Some(Err(format!("dockerd ended: {ended} (it needs root)")))
    });
    answer.unwrap_or_else(|| Err("dockerd does not answer".to_owned()))
}

/// Stops a daemon of [`spawn_dockerd`]. It leaves the namespace of its networks mounted, which must go
/// before its directory can.
pub fn stop_dockerd(daemon: &mut Child, dir: &Path) {
    stop(daemon);
    let _ = Command::new("umount").arg(dir.join("exec/netns/default")).output();
}

/// Whether an engine answers at this socket (`GET /_ping`).
pub fn answers(socket: &Path) -> bool {
    let ask = || {
        let mut stream = UnixStream::connect(socket)?;
        stream.set_read_timeout(Some(Duration::from_secs(5)))?;
        stream.write_all(b"GET /_ping HTTP/1.0\r\nHost: docker\r\n\r\n")?;
        let mut said = String::new();
        stream.read_to_string(&mut said)?;
        Ok::<_, std::io::Error>(said)
    };
    ask().is_ok_and(|said| said.contains(" 200 "))
}

/// Asks a process that we started to end, and waits; after three minutes it is killed. Docker gives its
/// containers 15 seconds.
pub fn stop(child: &mut Child) {
    // The number of one that has ended may be another's.
    if !matches!(child.try_wait(), Ok(None)) {
        return;
    }
    let _ =
        rustix::process::kill_process(rustix::process::Pid::from_child(child), rustix::process::Signal::TERM);
    let ended = within(PATIENCE, || (!matches!(child.try_wait(), Ok(None))).then_some(()));
    if ended.is_none() {
        let _ = child.kill();
        let _ = child.wait();
    }
}

/// Debian's `docker-registry` on the loopback, empty, without TLS or users.
#[derive(Debug)]
pub struct Registry {
    port: Port,
    child: Child,
    _dir: tempfile::TempDir,
}

impl Registry {
    /// Where it listens, as in `127.0.0.1:5000/name:tag`.
    pub fn address(&self) -> SocketAddr {
        self.port.address()
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        stop(&mut self.child);
    }
}

/// How a registry serves.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Serving {
    /// Whom it lets in: lines of a file of htpasswd, hashed by bcrypt; everybody where it is empty.
    pub users: String,
    /// The certificate chain and the key that it speaks TLS with, as PEM.
    pub tls: Option<(String, String)>,
}

/// The line of [`Serving::users`] for the user `u` with the password `open sesame`.
pub const A_USER: &str = "u:$2y$05$abcdefghijklmnopqrstuupx2xBUC4954936wVIjyyPHmUBFu0wCW\n";

/// Starts a registry, or says why there is none.
pub fn registry() -> Result<Registry, String> {
    registry_that(&Serving::default())
}

/// Starts a registry that serves in such a way.
pub fn registry_that(serving: &Serving) -> Result<Registry, String> {
    let dir = tempfile::tempdir().map_err(|e| e.to_string())?;
    // The registry itself cannot be told to choose and say.
    let port = Port::reserve();
    let written = |name: &str, text: &str| {
        let file = dir.path().join(name);
        std::fs::write(&file, text).map_err(|e| e.to_string())?;
        Ok::<_, String>(file.display().to_string())
    };
    let mut tls = String::new();
    if let Some((certificate, key)) = &serving.tls {
        let (certificate, key) = (written("certificate", certificate)?, written("key", key)?);
        tls = format!(", tls: {{certificate: {certificate}, key: {key}}}");
    }
    let mut auth = String::new();
    if !serving.users.is_empty() {
        let users = written("users", &serving.users)?;
        auth = format!("auth: {{htpasswd: {{realm: a test, path: {users}}}}}\n");
    }
    let config = format!(
        "version: 0.1\nlog: {{level: error}}\nstorage: {{filesystem: {{rootdirectory: {}}}, delete: {{enabled: true}}}}\nhttp: {{addr: '{}'{tls}}}\n{auth}",
        dir.path().join("data").display(),
        port.address()
    );
    let file = written("config.yml", &config)?;
    let child = port.serve(|_| {
        let mut registry = Command::new("docker-registry");
        registry.arg("serve").arg(&file);
        registry.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()
    });
    let child = child.map_err(|e| format!("cannot start docker-registry: {e}"))?;
    Ok(Registry { port, child, _dir: dir })
}

/// Lets the kernel start arm64 programs under `qemu-aarch64-static`, inside containers too; the
/// registration stays (it belongs to the machine, as the package's own does). Needs root.
pub fn register_arm64() -> Result<(), String> {
    let folder = Path::new("/proc/sys/fs/binfmt_misc");
    if !folder.join("register").exists() {
        let mount = ["-t", "binfmt_misc", "binfmt_misc", "/proc/sys/fs/binfmt_misc"];
        let status = Command::new("mount").args(mount).status().map_err(|e| format!("mount: {e}"))?;
        if !status.success() {
            return Err("cannot mount binfmt_misc".to_owned());
        }
    }
    if folder.join("qemu-aarch64").exists() {
        return Ok(());
    }
    let qemu = ["/usr/bin/qemu-aarch64-static", "/usr/local/bin/qemu-aarch64-static"];
    let qemu = qemu.into_iter().find(|q| Path::new(q).exists()).ok_or("no qemu-aarch64-static")?;
    // ELF, 64 bits, little endian, ET_EXEC or ET_DYN, EM_AARCH64; F opens qemu now, so that a
    // container needs none (Linux, admin-guide/binfmt-misc).
    let magic = r"\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00";
    let mask = r"\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff";
    let line = format!(":qemu-aarch64:M::{magic}:{mask}:{qemu}:F");
    std::fs::write(folder.join("register"), line).map_err(|e| format!("binfmt_misc: {e}"))
}

/// Whether this kernel runs arm64 programs: its own, or by qemu.
pub fn runs_arm64() -> bool {
    cfg!(target_arch = "aarch64") || Path::new("/proc/sys/fs/binfmt_misc/qemu-aarch64").exists()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn docker_answers_and_is_ours() {
        let docker = match docker() {
            Ok(docker) => docker,
            Err(why) => crate::skip!("{why}"),
        };
        assert_eq!(docker.run(&["version", "--format", "{{.Server.Os}}"]).as_deref(), Ok("linux\n"));
        assert!(!docker.socket().starts_with("/var/run"));
        let dir = docker.own.as_ref().map(|(_, dir)| dir.path().to_owned());
        drop(docker);
        assert!(dir.is_none_or(|dir| !dir.exists()), "it left something behind");
    }

    #[test]
    fn the_registry_answers() {
        let registry = match registry() {
            Ok(registry) => registry,
            Err(why) => crate::skip!("{why}"),
        };
        let mut stream = std::net::TcpStream::connect(registry.address()).unwrap();
        stream.write_all(b"GET /v2/ HTTP/1.0\r\n\r\n").unwrap();
        let mut said = String::new();
        stream.read_to_string(&mut said).unwrap();
        assert!(said.contains(" 200 OK"), "{said}");
    }
}
