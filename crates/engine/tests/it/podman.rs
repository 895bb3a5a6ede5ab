use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// A Podman with state of its own, gone with the test.
pub(crate) struct Podman {
    dir: tempfile::TempDir,
    service: Child,
}

impl Podman {
    /// Starts the machine's `podman`, or says why not.
    pub(crate) fn start() -> Result<Podman, String> {
        if !rustix::process::geteuid().is_root() {
            return Err("a Podman of the test's own needs root".to_owned());
        }
        let dir = tempfile::Builder::new().prefix("distil-podman").tempdir().map_err(|e| e.to_string())?;
        let service = spawn(dir.path()).map_err(|e| format!("cannot start podman: {e}"))?;
        let mut podman = Podman { dir, service };
        // Three minutes, counted in attempts.
        for _ in 0..1800 {
            if UnixStream::connect(podman.socket()).is_ok() {
                return Ok(podman);
            }
            if let Ok(Some(status)) = podman.service.try_wait() {
                let log = std::fs::read_to_string(podman.dir.path().join("log")).unwrap_or_default();
                return Err(format!("podman ended: {status}: {}", log.trim()));
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        Err("podman does not answer".to_owned())
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.dir.path().join("podman.sock")
    }
}

fn spawn(dir: &Path) -> std::io::Result<Child> {
    let log = std::fs::File::create(dir.join("log"))?;
    let at = |name: &str| dir.join(name).into_os_string();
    // Podman asks for a million open files and processes, which not everybody may have (a container on CI, say).
    std::fs::write(
        at("containers.conf"),
        "[containers]\ndefault_ulimits = [\"nofile=1024:1024\", \"nproc=1024:1024\"]\n",
    )?;
    Command::new("podman")
        .env("CONTAINERS_CONF", at("containers.conf"))
        .args(["--storage-driver=vfs", "--cgroup-manager=cgroupfs", "--events-backend=file"])
        .arg("--root")
        .arg(at("root"))
        .arg("--runroot")
        .arg(at("run"))
        .arg("--tmpdir")
        .arg(at("tmp"))
        .args(["system", "service", "--time=0"])
        .arg(format!("unix://{}", dir.join("podman.sock").display()))
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        .spawn()
}

impl Drop for Podman {
    fn drop(&mut self) {
        testkit::machine::stop(&mut self.service);
    }
}
