use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::archive::Style;
use super::built::{BuiltApk, signature_part};
use super::key::{Algorithm, ApkKey, Signer};
use super::package::ApkPackage;
use crate::http::{Reply, Server};
use crate::tar::Entry;

/// A made-up repository: packages by architecture, and who signs.
#[derive(Debug, Clone)]
pub struct ApkRepository {
    root: PathBuf,
    packages: Vec<ApkPackage>,
    algorithm: Algorithm,
    more: Vec<Signer>,
    signed: bool,
    description: String,
    style: Style,
}

impl ApkRepository {
    /// An empty repository in a folder, signed over SHA-256 as Wolfi's is.
    pub fn new(dir: &Path) -> ApkRepository {
        ApkRepository {
            root: dir.to_path_buf(),
            packages: Vec::new(),
            algorithm: Algorithm::Rsa256,
            more: Vec::new(),
            signed: true,
            description: "made up".to_owned(),
            style: Style::default(),
        }
    }

    /// One more package; one of `noarch` is listed for every architecture.
    #[allow(clippy::should_implement_trait, reason = "the verb of a builder; nothing is summed")]
    pub fn add(mut self, package: ApkPackage) -> ApkRepository {
        self.packages.push(package);
        self
    }

    /// Many more.
    pub fn add_all(mut self, packages: impl IntoIterator<Item = ApkPackage>) -> ApkRepository {
        self.packages.extend(packages);
        self
    }

    /// Signed in another way: Alpine's is [`Algorithm::Rsa`].
    pub fn algorithm(mut self, algorithm: Algorithm) -> ApkRepository {
        self.algorithm = algorithm;
        self
    }

    /// The index is signed by one more, before the signature of the key that publishes.
    pub fn also_signed_by(mut self, signer: Signer) -> ApkRepository {
        self.more.push(signer);
        self
    }

    /// Neither the index nor the packages are signed.
    pub fn unsigned(mut self) -> ApkRepository {
        self.signed = false;
        self
    }

    /// What the index's `DESCRIPTION` says.
    pub fn description(mut self, text: &str) -> ApkRepository {
        self.description = text.to_owned();
        self
    }

    /// Writes `ARCH/APKINDEX.tar.gz`, `ARCH/NAME-VERSION.apk` and the public key beside them.
    pub fn publish(&self, key: &ApkKey) -> PublishedApk {
        let own = Signer::new(key, self.algorithm);
        let of_package = if self.signed { vec![own.clone()] } else { Vec::new() };
        let of_index: Vec<Signer> = self.more.iter().cloned().chain(self.signed.then_some(own)).collect();
        for arch in self.archs() {
            let dir = self.root.join(&arch);
            std::fs::create_dir_all(&dir).expect("a folder for the architecture");
            let here = self.packages.iter().filter(|p| p.arch == arch || p.arch == "noarch");
            let built: Vec<BuiltApk> = here.map(|p| p.build(&of_package)).collect();
            for apk in &built {
                std::fs::write(dir.join(apk.package.file_name()), apk.bytes()).expect("a package");
            }
            let records: Vec<String> = built.iter().map(|apk| apk.record(&arch)).collect();
            let index = self.index(&records, &of_index);
            std::fs::write(dir.join("APKINDEX.tar.gz"), index).expect("an index");
        }
        std::fs::create_dir_all(&self.root).expect("a folder for the repository");
        let root = self.root.canonicalize().expect("the folder just made");
        let key_file = root.join(key.file_name());
        std::fs::write(&key_file, key.public_pem()).expect("a key");
        PublishedApk { root, key_file }
    }

    /// An index of these records, signed by these: for records that no package backs.
    pub fn index(&self, records: &[String], signers: &[Signer]) -> Vec<u8> {
        let text: String = records.iter().map(|r| format!("{r}\n")).collect();
        let members = [
            Entry::file("DESCRIPTION", 0o644, self.description.as_bytes()),
            Entry::file("APKINDEX", 0o644, text),
        ];
        let signed = self.style.gzip(&self.style.tar(&members));
        [signature_part(self.style, signers, &signed), signed].concat()
    }

    fn archs(&self) -> BTreeSet<String> {
        let own = self.packages.iter().map(|p| p.arch.clone()).filter(|a| a != "noarch");
        let archs: BTreeSet<String> = own.collect();
        if archs.is_empty() { BTreeSet::from(["x86_64".to_owned()]) } else { archs }
    }
}

/// A repository on disk.
#[derive(Debug, Clone)]
pub struct PublishedApk {
    root: PathBuf,
    key_file: PathBuf,
}

impl PublishedApk {
    /// What a recipe's or apk's list of repositories names: the folder above the architectures.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The public key that signed it.
    pub fn key_file(&self) -> &Path {
        &self.key_file
    }

    /// A file of it: `x86_64/hello-1.0-r0.apk`.
    pub fn path(&self, path: &str) -> PathBuf {
        self.root.join(path)
    }

    /// The index of an architecture.
    pub fn index(&self, arch: &str) -> PathBuf {
        self.root.join(arch).join("APKINDEX.tar.gz")
    }

    /// Gives its files over HTTP on the loopback, until dropped.
    pub fn serve(&self) -> Server {
        let root = self.root.clone();
        Server::start(move |request| {
            let path = request.target.trim_start_matches('/').split('?').next().unwrap_or_default();
            let inside = !path.split('/').any(|part| part == "..");
            match std::fs::read(root.join(path)).ok().filter(|_| inside) {
                Some(bytes) => Reply::file(&bytes, request),
                None => Reply::new(404, "not here"),
            }
        })
    }
}
