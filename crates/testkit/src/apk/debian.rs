use std::path::{Path, PathBuf};
use std::process::Command;

/// Debian's packages whose files Wolfi-like packages are made of, unpacked: one folder each.
#[derive(Debug)]
pub(super) struct DebianPayloads {
    dir: tempfile::TempDir,
}

/// Where they come from: a release that is current and will be archived one day.
const SUITE: &str = "trixie";

impl DebianPayloads {
    /// Downloads (once, kept beside the build) and unpacks these for Debian's `arch`; why not, where
    /// the machine has no apt, no mirror or no dpkg-deb.
    pub(super) fn unpack(arch: &str, names: &[&str]) -> Result<DebianPayloads, String> {
        let files = downloaded(arch, names)?;
        let dir = tempfile::tempdir().map_err(|e| e.to_string())?;
        for (name, file) in names.iter().zip(files) {
            run(Command::new("dpkg-deb").arg("-x").arg(file).arg(dir.path().join(name)))?;
        }
        Ok(DebianPayloads { dir })
    }

    /// The tree of one of them.
    pub(super) fn tree(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }
}

/// The .debs, in the order of their names.
fn downloaded(arch: &str, names: &[&str]) -> Result<Vec<PathBuf>, String> {
    let cache = cache()?;
    let dir = cache.join(format!("{SUITE}-{arch}"));
    std::fs::create_dir_all(&dir).map_err(|e| e.to_string())?;
    // Tests run at once, in several processes.
    let lock = std::fs::File::create(cache.join("lock")).map_err(|e| e.to_string())?;
    lock.lock().map_err(|e| e.to_string())?;
    if let Some(files) = found(&dir, names) {
        return Ok(files);
    }
    let mirror = crate::mirror().ok_or("apt names no Debian mirror")?;
    let apt = PrivateApt::new(&cache.join("apt"), arch, &mirror.debian)?;
    run(apt.command().arg("update"))?;
    let fresh = tempfile::tempdir_in(&cache).map_err(|e| e.to_string())?;
    run(apt.command().arg("download").args(names).current_dir(fresh.path()))?;
    let _ = std::fs::remove_dir_all(&dir);
    std::fs::rename(fresh.keep(), &dir).map_err(|e| e.to_string())?;
    found(&dir, names).ok_or_else(|| "apt-get download left out a package".to_owned())
}

/// The file of each package, where all are there.
fn found(dir: &Path, names: &[&str]) -> Option<Vec<PathBuf>> {
    let files: Vec<PathBuf> = std::fs::read_dir(dir).ok()?.flatten().map(|e| e.path()).collect();
    let of = |name: &&str| {
        let start = format!("{name}_");
        files.iter().find(|f| f.file_name().is_some_and(|n| n.to_string_lossy().starts_with(&start))).cloned()
    };
    names.iter().map(of).collect()
}

/// A folder in cargo's target, which a clean build forgets.
fn cache() -> Result<PathBuf, String> {
    let program = std::env::current_exe().map_err(|e| e.to_string())?;
    let target = program.ancestors().find(|dir| dir.join("CACHEDIR.TAG").exists());
    let dir = target.map_or_else(std::env::temp_dir, Path::to_path_buf).join("testkit-debian");
    std::fs::create_dir_all(&dir).map_err(|e| e.to_string())?;
    Ok(dir)
}

/// apt with lists and state of its own, so that the machine's stay as they are and root is not needed.
struct PrivateApt {
    options: Vec<String>,
}

impl PrivateApt {
    fn new(dir: &Path, arch: &str, debian: &str) -> Result<PrivateApt, String> {
        for sub in ["lists/partial", "cache/archives/partial"] {
            std::fs::create_dir_all(dir.join(sub)).map_err(|e| e.to_string())?;
        }
        let write = |name: &str, text: &str| std::fs::write(dir.join(name), text).map_err(|e| e.to_string());
        let keyring = "/usr/share/keyrings/debian-archive-keyring.gpg";
        write("sources.list", &format!("deb [signed-by={keyring}] {debian} {SUITE} main\n"))?;
        write("status", "")?;
        let at = |name: &str| dir.join(name).display().to_string();
        let options = vec![
            format!("Dir::State::lists={}", at("lists")),
            format!("Dir::State::status={}", at("status")),
            format!("Dir::Cache={}", at("cache")),
            format!("Dir::Etc::sourcelist={}", at("sources.list")),
            "Dir::Etc::sourceparts=-".to_owned(),
            format!("APT::Architecture={arch}"),
            format!("APT::Architectures::={arch}"),
            "APT::Sandbox::User=".to_owned(),
            "Acquire::Languages=none".to_owned(),
            "Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false".to_owned(),
        ];
        Ok(PrivateApt { options })
    }

    fn command(&self) -> Command {
        let mut command = Command::new("apt-get");
        for option in &self.options {
            command.arg("-o").arg(option);
        }
        command
    }
}

fn run(command: &mut Command) -> Result<(), String> {
    let program = command.get_program().to_string_lossy().into_owned();
    let run = command.output().map_err(|e| format!("{program}: {e}"))?;
    match run.status.success() {
        true => Ok(()),
        false => Err(format!("{program}: {}", String::from_utf8_lossy(&run.stderr).trim())),
    }
}
