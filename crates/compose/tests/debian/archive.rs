//! Packages of the mirror that this machine uses, kept between runs of the tests.

use std::collections::HashMap;
use std::fs;
use std::io::Read;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;

use deb::{ControlFiles, Limits};
use elf::Summary;
use oci::Digest;
use package::{Arch, Cause, Identity, Pin};
use rootfs::Payloads;
use rootfs::payload::{Payload, Writer};

pub(crate) struct Archive {
    mirror: String,
    arch: &'static str,
    paths: HashMap<String, String>,
}

/// One package, unpacked.
pub(crate) struct Unpacked {
    pub(crate) pin: Pin,
    pub(crate) control: ControlFiles,
    pub(crate) payload: Payload,
}

fn kept() -> PathBuf {
    let dir = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("debian");
    fs::create_dir_all(&dir).unwrap();
    dir
}

/// Packages never change under their names; an index does, so it is asked for again (`refresh`).
fn download(url: &str, name: &str, refresh: bool) -> Result<PathBuf, String> {
    let file = kept().join(name);
    if refresh || !file.exists() {
        let part = tempfile::NamedTempFile::new_in(kept()).unwrap();
        let patience = ["--retry", "2", "--retry-all-errors", "--max-time", "120"];
        let run =
            Command::new("curl").arg("-sSfL").args(patience).arg("-o").arg(part.path()).arg(url).output();
        match run {
            Ok(run) if run.status.success() => {}
            Ok(run) => return Err(format!("{url}: {}", String::from_utf8_lossy(&run.stderr).trim())),
            Err(error) => return Err(format!("curl: {error}")),
        }
        part.persist(&file).unwrap();
    }
    Ok(file)
}

impl Archive {
    /// Debian 13 of an architecture, or why a mirror cannot give it.
    pub(crate) fn trixie(arch: &'static str) -> Result<Archive, String> {
        let mirror = testkit::mirror().ok_or("no Debian mirror")?.debian;
        let index = format!("{mirror}/dists/trixie/main/binary-{arch}/Packages.xz");
        let index = download(&index, &format!("Packages-{arch}.xz"), true)?;
        let mut text = String::new();
        liblzma::read::XzDecoder::new(fs::File::open(index).unwrap()).read_to_string(&mut text).unwrap();
        let mut paths = HashMap::new();
        for paragraph in text.split("\n\n") {
            let field = |name: &str| paragraph.lines().find_map(|l| l.strip_prefix(name));
            if let (Some(name), Some(path)) = (field("Package: "), field("Filename: ")) {
                paths.insert(name.to_owned(), path.to_owned());
            }
        }
        Ok(Archive { mirror, arch, paths })
    }

    /// A package; or why the mirror does not give it now.
    pub(crate) fn file(&self, name: &str) -> Result<PathBuf, String> {
        let path = self.paths.get(name).unwrap_or_else(|| panic!("{name} is not in trixie"));
        let base = path.rsplit('/').next().unwrap();
        download(&format!("{}/{path}", self.mirror), base, false)
    }

    /// Unpacks packages, whose bodies `payloads` then gives.
    pub(crate) fn unpack(&self, names: &[&str], payloads: &mut Payloads) -> Result<Vec<Unpacked>, String> {
        names.iter().map(|name| self.unpack_one(name, payloads)).collect()
    }

    fn unpack_one(&self, name: &str, payloads: &mut Payloads) -> Result<Unpacked, String> {
        let file = self.file(name)?;
        let mut writer = Writer::new(Vec::new());
        let package = fs::read(&file).unwrap();
        let control = deb::unpack(package.as_slice(), &Limits::default(), &mut writer).unwrap();
        let bytes = Arc::new(writer.finish().unwrap());
        let ix = payloads.add(Arc::clone(&bytes));
        let payload = Payload::read(&*bytes, bytes.len() as u64, ix).unwrap();
        let field = |name: &str| control.control.field(name).map(ToString::to_string);
        let pin = Pin {
            name: name.to_owned(),
            version: control.control.version().to_owned(),
            arch: Arch::new(control.control.architecture()),
            source: field("Source"),
            repository: "debian/trixie".to_owned(),
            tag: None,
            path: self.paths[name].clone(),
            size: package.len() as u64,
            identity: Identity::Whole(Digest::of(&package)),
            sha256: None,
            because: vec![Cause::Asked(name.to_owned())],
        };
        Ok(Unpacked { pin, control, payload })
    }

    pub(crate) fn arch(&self) -> Arch {
        Arch::new(self.arch)
    }
}

/// What is known of the objects of packages.
pub(crate) fn objects(packages: &[Unpacked]) -> HashMap<Digest, Summary> {
    let mut out = HashMap::new();
    for package in packages {
        for (n, entry) in package.payload.tree.entries().iter().enumerate() {
            if let (rootfs::Node::File(body), Ok(summary)) =
                (&entry.node, Summary::decode(package.payload.fact(n)))
            {
                out.insert(body.digest, summary);
            }
        }
    }
    out
}
