use std::collections::BTreeMap;
use std::path::Path;

use sha2::{Digest, Sha256, Sha512};

use crate::key::clear_sign_by;
use crate::{Compression, Key, Package, Published, SignWith, rfc2822};

/// A digest that Release and Packages may carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Checksum {
    /// `MD5Sum`, which proves nothing.
    Md5,
    /// `SHA256`, Debian's.
    Sha256,
    /// `SHA512`.
    Sha512,
}

impl Checksum {
    fn of(self, bytes: &[u8]) -> String {
        match self {
            Checksum::Md5 => hex(&md5::Md5::digest(bytes)),
            Checksum::Sha256 => hex(&Sha256::digest(bytes)),
            Checksum::Sha512 => hex(&Sha512::digest(bytes)),
        }
    }

    /// Field names in Release and in Packages, and the folder of by-hash.
    fn names(self) -> (&'static str, &'static str) {
        match self {
            Checksum::Md5 => ("MD5Sum", "MD5sum"),
            Checksum::Sha256 => ("SHA256", "SHA256"),
            Checksum::Sha512 => ("SHA512", "SHA512"),
        }
    }
}

/// A made-up Debian archive: packages by suite, and how its Release files are made.
///
/// Verbs that speak of a suite speak of the current one: `stable` until [`World::suite`].
#[derive(Debug, Clone)]
pub struct World {
    suites: BTreeMap<String, Suite>,
    current: String,
    archs: Vec<String>,
    keys: Vec<Key>,
    sign: SignWith,
    checksums: Vec<Checksum>,
    by_hash: bool,
    compressions: Vec<Compression>,
}

#[derive(Debug, Clone, Default)]
struct Suite {
    packages: Vec<Package>,
    fields: BTreeMap<String, Option<String>>,
    date: Option<i64>,
}

impl Default for World {
    fn default() -> World {
        World::new()
    }
}

impl World {
    /// When everything in it was made, unless it says otherwise: 2025-01-01.
    pub const DATE: i64 = 1_735_689_600;

    /// An archive of one empty suite `stable` for amd64, signed by key 1, like Debian's: xz indexes,
    /// SHA-256, by-hash.
    pub fn new() -> World {
        World {
            suites: BTreeMap::from([("stable".to_owned(), Suite::default())]),
            current: "stable".to_owned(),
            archs: vec!["amd64".to_owned()],
            keys: vec![Key::seeded(1)],
            sign: SignWith::sha256(1_735_689_600),
            checksums: vec![Checksum::Sha256],
            by_hash: true,
            compressions: vec![Compression::Xz],
        }
    }

    /// From here on, verbs speak of this suite.
    pub fn suite(mut self, name: &str) -> World {
        self.suites.entry(name.to_owned()).or_default();
        name.clone_into(&mut self.current);
        self
    }

    /// One more package in the suite.
    pub fn package(mut self, package: Package) -> World {
        self.now().packages.push(package);
        self
    }

    /// The architectures that have an index; packages for `all` are in each.
    pub fn archs(mut self, archs: &[&str]) -> World {
        self.archs = archs.iter().map(|a| (*a).to_owned()).collect();
        self
    }

    /// `Date` of the suite.
    pub fn date(mut self, unix: i64) -> World {
        self.now().date = Some(unix);
        self
    }

    /// `Valid-Until` of the suite; without it there is none, as in Debian's main archive.
    pub fn valid_until(self, unix: i64) -> World {
        self.release_field("Valid-Until", &rfc2822(unix))
    }

    /// A field of the suite's Release, added or replaced.
    pub fn release_field(mut self, name: &str, value: &str) -> World {
        self.now().fields.insert(name.to_owned(), Some(value.to_owned()));
        self
    }

    /// A field that the suite's Release lacks.
    pub fn without_release_field(mut self, name: &str) -> World {
        self.now().fields.insert(name.to_owned(), None);
        self
    }

    /// The digests that Release and Packages carry.
    pub fn checksums(mut self, checksums: &[Checksum]) -> World {
        self.checksums = checksums.to_vec();
        self
    }

    /// Whether `Acquire-By-Hash: yes` is said (and true).
    pub fn by_hash(mut self, by_hash: bool) -> World {
        self.by_hash = by_hash;
        self
    }

    /// The forms of Packages that are published.
    pub fn index_compressions(mut self, compressions: &[Compression]) -> World {
        self.compressions = compressions.to_vec();
        self
    }

    /// Who signs, instead of key 1.
    pub fn signed_by(mut self, keys: &[&Key]) -> World {
        self.keys = keys.iter().map(|k| (*k).clone()).collect();
        self
    }

    /// How is signed.
    pub fn sign_with(mut self, with: SignWith) -> World {
        self.sign = with;
        self
    }

    fn now(&mut self) -> &mut Suite {
        self.suites.get_mut(&self.current).expect("the current suite exists")
    }

    /// Writes it all below `dir`, as a web server would serve it.
    pub fn publish(&self, dir: &Path) -> Published {
        let out = Published::new(dir);
        let ring: String = self.keys.iter().map(Key::public_armored).collect();
        out.write("archive-key.asc", ring.as_bytes());
        for (name, suite) in &self.suites {
            self.publish_suite(name, suite, &out);
        }
        out
    }

    fn publish_suite(&self, name: &str, suite: &Suite, out: &Published) {
        let mut stanzas: Vec<(&Package, String)> = Vec::new();
        for package in &suite.packages {
            let deb = package.deb();
            let path = package.pool_path();
            out.write(&path, &deb);
            stanzas.push((package, self.stanza(package, &path, &deb)));
        }
        let mut files: Vec<(String, Vec<u8>)> = Vec::new();
        for arch in &self.archs {
            let mine = stanzas.iter().filter(|(p, _)| p.arch == *arch || p.arch == "all");
            let index: Vec<&str> = mine.map(|(_, text)| text.as_str()).collect();
            let index = index.join("\n");
            let base = format!("main/binary-{arch}/Packages");
            // The plain form is listed in Release even where only compressed forms are served.
            files.push((base.clone(), index.clone().into_bytes()));
            for c in self.compressions.iter().filter(|c| **c != Compression::None) {
                files.push((format!("{base}{}", c.suffix()), c.compress(index.as_bytes())));
            }
        }
        let plain = self.compressions.contains(&Compression::None);
        for (path, bytes) in files.iter().filter(|(p, _)| plain || !p.ends_with("Packages")) {
            out.write(&format!("dists/{name}/{path}"), bytes);
            if self.by_hash {
                self.write_by_hash(out, &format!("dists/{name}/{path}"), bytes);
            }
        }
        let release = self.release(name, suite, &files);
        out.write(&format!("dists/{name}/Release"), release.as_bytes());
        let keys: Vec<&Key> = self.keys.iter().collect();
        let signed = clear_sign_by(&keys, &release, self.sign);
        out.write(&format!("dists/{name}/InRelease"), signed.as_bytes());
        if let Some(key) = self.keys.first() {
            let detached = key.detach_sign(release.as_bytes(), self.sign);
            out.write(&format!("dists/{name}/Release.gpg"), detached.as_bytes());
        }
    }

    fn write_by_hash(&self, out: &Published, path: &str, bytes: &[u8]) {
        let (folder, _) = path.rsplit_once('/').expect("a path in a folder");
        for sum in &self.checksums {
            out.write(&format!("{folder}/by-hash/{}/{}", sum.names().0, sum.of(bytes)), bytes);
        }
    }

    fn stanza(&self, package: &Package, path: &str, deb: &[u8]) -> String {
        let mut text = package.paragraph();
        text.push_str(&format!("Filename: {path}\nSize: {}\n", deb.len()));
        for sum in &self.checksums {
            text.push_str(&format!("{}: {}\n", sum.names().1, sum.of(deb)));
        }
        text
    }

    fn release(&self, name: &str, suite: &Suite, files: &[(String, Vec<u8>)]) -> String {
        let said = |field: &str, default: String| match suite.fields.get(field) {
            Some(value) => value.clone(),
            None => Some(default),
        };
        let mut fields: Vec<(&str, Option<String>)> = vec![
            ("Origin", said("Origin", "Made-up".to_owned())),
            ("Label", said("Label", "Made-up".to_owned())),
            ("Suite", said("Suite", name.to_owned())),
            ("Codename", said("Codename", name.to_owned())),
            ("Date", said("Date", rfc2822(suite.date.unwrap_or(World::DATE)))),
            ("Architectures", said("Architectures", self.archs.join(" "))),
            ("Components", said("Components", "main".to_owned())),
        ];
        if self.by_hash {
            fields.push(("Acquire-By-Hash", said("Acquire-By-Hash", "yes".to_owned())));
        }
        let known: Vec<&str> = fields.iter().map(|(n, _)| *n).collect();
        let more = suite.fields.iter().filter(|(n, _)| !known.contains(&n.as_str()));
        fields.extend(more.map(|(n, v)| (n.as_str(), v.clone())));
        let mut text = String::new();
        for (field, value) in &fields {
            if let Some(value) = value {
                text.push_str(&format!("{field}: {value}\n"));
            }
        }
        for sum in &self.checksums {
            text.push_str(&format!("{}:\n", sum.names().0));
            for (path, bytes) in files {
                text.push_str(&format!(" {} {:>8} {path}\n", sum.of(bytes), bytes.len()));
            }
        }
        text
    }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// apt itself, without root and without touching the machine's own lists.
    #[test]
    fn apt_installs_from_it() {
        let dir = tempfile::tempdir().unwrap();
        let world = World::new()
            .package(Package::new("libfoo1", "1.0-1").file("/usr/lib/libfoo.so.1", b"x"))
            .package(Package::new("foo", "1.0-1").depends("libfoo1 (>= 1.0)"))
            .suite("backports")
            .release_field("NotAutomatic", "yes")
            .package(Package::new("foo", "2.0-1"))
            .publish(&dir.path().join("archive"));
        let state = dir.path().join("apt");
        for sub in ["lists/partial", "cache/archives/partial", "etc"] {
            std::fs::create_dir_all(state.join(sub)).unwrap();
        }
        std::fs::write(state.join("status"), "").unwrap();
        let lines = format!("{}\n{}\n", world.source_line("stable"), world.source_line("backports"));
        std::fs::write(state.join("etc/sources.list"), lines).unwrap();
        let apt = |words: &[&str]| {
            let option = |name: &str, value: &str| format!("{name}={value}");
            let at = |sub: &str| state.join(sub).display().to_string();
            std::process::Command::new("apt-get")
                .args(["-o", &option("Dir::State::lists", &at("lists"))])
                .args(["-o", &option("Dir::State::status", &at("status"))])
                .args(["-o", &option("Dir::Cache", &at("cache"))])
                .args(["-o", &option("Dir::Etc", &at("etc"))])
                .args(["-o", "APT::Architecture=amd64", "-o", "APT::Sandbox::User="])
                .args(["-o", "APT::Get::List-Cleanup=0"])
                .args(words)
                .output()
                .ok()
        };
        let Some(update) = apt(&["update"]) else { crate::skip!("no apt-get") };
        let said = String::from_utf8_lossy(&update.stderr).into_owned();
        assert!(update.status.success() && !said.contains("W:") && !said.contains("E:"), "{said}");
        let plan = apt(&["install", "-s", "foo"]).unwrap();
        let plan = String::from_utf8_lossy(&plan.stdout).into_owned();
        let wanted: Vec<&str> = plan.lines().filter(|l| l.starts_with("Inst ")).collect();
        assert_eq!(wanted.len(), 2, "{plan}");
        assert!(wanted[0].starts_with("Inst libfoo1 (1.0-1 "), "{plan}");
        assert!(wanted[1].starts_with("Inst foo (1.0-1 "), "{plan}");
    }
}
