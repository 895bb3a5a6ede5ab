use std::collections::BTreeMap;
use std::io::{self, Read, Write};

use crate::ar::Ar;
use crate::tar::{Entry, tar};

/// How the members of a .deb are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Compression {
    /// `.xz`, Debian's choice.
    #[default]
    Xz,
    /// `.gz`.
    Gzip,
    /// `.zst`, Ubuntu's choice.
    Zstd,
    /// No suffix.
    None,
}

impl Compression {
    /// What it adds to `control.tar` or `Packages`.
    pub fn suffix(self) -> &'static str {
        match self {
            Compression::Xz => ".xz",
            Compression::Gzip => ".gz",
            Compression::Zstd => ".zst",
            Compression::None => "",
        }
    }

    /// `bytes`, compressed, the same every time.
    pub fn compress(self, bytes: &[u8]) -> Vec<u8> {
        match self {
            Compression::Xz => {
                let mut w = liblzma::write::XzEncoder::new(Vec::new(), 6);
                w.write_all(bytes).expect("to memory");
                w.finish().expect("to memory")
            }
            Compression::Gzip => {
                let mut w = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
                w.write_all(bytes).expect("to memory");
                w.finish().expect("to memory")
            }
            Compression::Zstd => zstd::encode_all(bytes, 3).expect("to memory"),
            Compression::None => bytes.to_vec(),
        }
    }
}

/// What is too large for memory, as one member of gzip.
pub fn gzip(mut from: impl Read, to: impl Write) -> io::Result<()> {
    let mut out = flate2::write::GzEncoder::new(to, flate2::Compression::fast());
    io::copy(&mut from, &mut out)?;
    out.finish().map(drop)
}

/// A made-up binary package.
#[derive(Debug, Clone)]
pub struct Package {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) arch: String,
    fields: Vec<(String, String)>,
    data: Vec<Entry>,
    control: BTreeMap<String, Entry>,
    compression: Compression,
    bare: bool,
    raw: Option<Vec<u8>>,
}

impl Package {
    /// A package without files, dependencies or scripts, for amd64.
    pub fn new(name: &str, version: &str) -> Package {
        Package {
            name: name.to_owned(),
            version: version.to_owned(),
            arch: "amd64".to_owned(),
            fields: Vec::new(),
            data: Vec::new(),
            control: BTreeMap::new(),
            compression: Compression::default(),
            bare: false,
            raw: None,
        }
    }

    /// For another architecture, or `all`.
    pub fn arch(mut self, arch: &str) -> Package {
        self.arch = arch.to_owned();
        self
    }

    /// Any field of the control file; said again, it replaces.
    pub fn field(mut self, name: &str, value: &str) -> Package {
        self.fields.retain(|(n, _)| n != name);
        self.fields.push((name.to_owned(), value.to_owned()));
        self
    }

    /// `Depends`.
    pub fn depends(self, relations: &str) -> Package {
        self.field("Depends", relations)
    }

    /// `Pre-Depends`.
    pub fn pre_depends(self, relations: &str) -> Package {
        self.field("Pre-Depends", relations)
    }

    /// `Provides`.
    pub fn provides(self, relations: &str) -> Package {
        self.field("Provides", relations)
    }

    /// `Conflicts`.
    pub fn conflicts(self, relations: &str) -> Package {
        self.field("Conflicts", relations)
    }

    /// `Breaks`.
    pub fn breaks(self, relations: &str) -> Package {
        self.field("Breaks", relations)
    }

    /// `Replaces`.
    pub fn replaces(self, relations: &str) -> Package {
        self.field("Replaces", relations)
    }

    /// `Multi-Arch`.
    pub fn multi_arch(self, value: &str) -> Package {
        self.field("Multi-Arch", value)
    }

    /// `Source`.
    pub fn source(self, source: &str) -> Package {
        self.field("Source", source)
    }

    /// `Essential: yes`.
    pub fn essential(self) -> Package {
        self.field("Essential", "yes")
    }

    /// A file of mode 0644 owned by root.
    pub fn file(self, path: &str, body: impl AsRef<[u8]>) -> Package {
        self.file_with(path, 0o644, (0, 0), body)
    }

    /// A file of mode 0755 owned by root.
    pub fn executable(self, path: &str, body: impl AsRef<[u8]>) -> Package {
        self.file_with(path, 0o755, (0, 0), body)
    }

    /// A file of any mode and owner.
    pub fn file_with(self, path: &str, mode: u32, owner: (u64, u64), body: impl AsRef<[u8]>) -> Package {
        self.entry(Entry::file(dotted(path), mode, body.as_ref()).owned(owner.0, owner.1))
    }

    /// A directory owned by root.
    pub fn dir(self, path: &str, mode: u32) -> Package {
        self.entry(Entry::dir(format!("{}/", dotted(path)), mode))
    }

    /// A symbolic link; `target` stays as it is.
    pub fn symlink(self, path: &str, target: &str) -> Package {
        self.entry(Entry::symlink(dotted(path), target))
    }

    /// A hard link to a file added before.
    pub fn hardlink(self, path: &str, target: &str) -> Package {
        self.entry(Entry::hardlink(dotted(path), dotted(target)))
    }

    /// A member of data.tar as it is.
    pub fn entry(mut self, entry: Entry) -> Package {
        self.data.push(entry);
        self
    }

    /// No parent directories are added: data.tar holds what [`Package::entry`] was given, in that order.
    pub fn bare(mut self) -> Package {
        self.bare = true;
        self
    }

    /// A maintainer script: `preinst`, `postinst`, `prerm`, `postrm`, `config`.
    pub fn script(self, kind: &str, text: &str) -> Package {
        self.control_file(kind, 0o755, text.as_bytes())
    }

    /// Lines of the control member `conffiles`.
    pub fn conffiles(self, lines: &str) -> Package {
        self.control_file("conffiles", 0o644, lines.as_bytes())
    }

    /// Lines of the control member `triggers`.
    pub fn triggers(self, lines: &str) -> Package {
        self.control_file("triggers", 0o644, lines.as_bytes())
    }

    /// Any other member of control.tar.
    pub fn control_file(mut self, name: &str, mode: u32, body: &[u8]) -> Package {
        self.control.insert(name.to_owned(), Entry::file(format!("./{name}"), mode, body));
        self
    }

    /// How both members are compressed.
    pub fn compression(mut self, compression: Compression) -> Package {
        self.compression = compression;
        self
    }

    /// The control paragraph without what only the index adds (Filename, Size, hashes).
    pub fn paragraph(&self) -> String {
        let mut text =
            format!("Package: {}\nVersion: {}\nArchitecture: {}\n", self.name, self.version, self.arch);
        let has = |name: &str| self.fields.iter().any(|(n, _)| n == name);
        if !has("Maintainer") {
            text.push_str("Maintainer: Nobody <nobody@example.org>\n");
        }
        if !has("Installed-Size") {
            let bytes: usize = self.data.iter().map(|e| e.body.len()).sum();
            text.push_str(&format!("Installed-Size: {}\n", bytes.div_ceil(1024)));
        }
        for (name, value) in &self.fields {
            text.push_str(&format!("{name}: {value}\n"));
        }
        if !has("Description") {
            text.push_str("Description: made up\n");
        }
        text
    }

    /// Where the archive keeps it: `pool/main/f/foo/foo_1.0-1_amd64.deb`, the epoch left out.
    pub fn pool_path(&self) -> String {
        let (name, arch) = (&self.name, &self.arch);
        let version = self.version.split_once(':').map_or(self.version.as_str(), |(_, v)| v);
        let letter = if name.starts_with("lib") && name.len() > 3 { &name[..4] } else { &name[..1] };
        format!("pool/main/{letter}/{name}/{name}_{version}_{arch}.deb")
    }

    /// Whatever the fields say, its file is these bytes: what a signed index names need be no package.
    pub fn raw(mut self, deb: impl AsRef<[u8]>) -> Package {
        self.raw = Some(deb.as_ref().to_vec());
        self
    }

    /// The .deb.
    pub fn deb(&self) -> Vec<u8> {
        if let Some(raw) = &self.raw {
            return raw.clone();
        }
        let data = if self.bare { self.data.clone() } else { with_parents(&self.data) };
        let mut control = vec![Entry::dir("./", 0o755)];
        control.push(Entry::file("./control", 0o644, self.paragraph()));
        let sums = md5sums(&data);
        if !sums.is_empty() {
            control.push(Entry::file("./md5sums", 0o644, sums));
        }
        control.extend(self.control.values().cloned());
        let suffix = self.compression.suffix();
        Ar::new()
            .member("debian-binary", b"2.0\n")
            .member(&format!("control.tar{suffix}"), &self.compression.compress(&tar(&control)))
            .member(&format!("data.tar{suffix}"), &self.compression.compress(&tar(&data)))
            .bytes()
    }
}

/// `/usr/lib/x` as dpkg writes it, `./usr/lib/x`.
fn dotted(path: &str) -> String {
    format!("./{}", path.trim_matches('/'))
}

/// The members with the directories above them, each before what it holds, as `dpkg-deb` orders them.
fn with_parents(entries: &[Entry]) -> Vec<Entry> {
    let mut out: Vec<Entry> = Vec::new();
    let add = |e: Entry, out: &mut Vec<Entry>| {
        let known = out.iter().position(|o| o.kind == b'5' && o.path == e.path);
        match known {
            Some(at) if e.kind == b'5' => out[at] = e,
            _ => out.push(e),
        }
    };
    for e in entries {
        let ends = e.path.iter().enumerate().filter(|(i, b)| **b == b'/' && i + 1 < e.path.len());
        for (end, _) in ends {
            let parent = &e.path[..=end];
            if !out.iter().any(|o| o.path == parent) {
                add(Entry::dir(parent, 0o755), &mut out);
            }
        }
        add(e.clone(), &mut out);
    }
    out
}

fn md5sums(data: &[Entry]) -> String {
    use md5::Digest;
    let line = |e: &Entry| {
        let path = String::from_utf8_lossy(&e.path);
        format!("{}  {}\n", crate::world::hex(&md5::Md5::digest(&e.body)), path.trim_start_matches("./"))
    };
    data.iter().filter(|e| e.kind == b'0').map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dpkg_reads_it() {
        let dir = tempfile::tempdir().unwrap();
        for compression in [Compression::Xz, Compression::Gzip, Compression::Zstd, Compression::None] {
            let package = Package::new("libfoo1", "1:2.0-3")
                .depends("libc6 (>= 2.36)")
                .file("/usr/share/doc/libfoo1/copyright", "free\n")
                .executable("/usr/bin/foo", b"#!/bin/sh\n")
                .symlink("/usr/bin/bar", "foo")
                .script("postinst", "#!/bin/sh\nexit 0\n")
                .compression(compression);
            let file = dir.path().join("p.deb");
            std::fs::write(&file, package.deb()).unwrap();
            let run = |args: &[&str]| {
                std::process::Command::new("dpkg-deb").args(args).arg(&file).output().ok().map(|run| {
                    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
                    String::from_utf8(run.stdout).unwrap()
                })
            };
            let Some(listed) = run(&["--contents"]) else { crate::skip!("no dpkg-deb") };
            let names: Vec<&str> = listed.lines().filter_map(|l| l.split_whitespace().nth(5)).collect();
            let want = [
                "./",
                "./usr/",
                "./usr/share/",
                "./usr/share/doc/",
                "./usr/share/doc/libfoo1/",
                "./usr/share/doc/libfoo1/copyright",
                "./usr/bin/",
                "./usr/bin/foo",
                "./usr/bin/bar",
            ];
            assert_eq!(names, want);
            assert!(run(&["--field"]).unwrap().contains("Depends: libc6 (>= 2.36)\n"));
        }
        assert_eq!(
            Package::new("libfoo1", "1:2.0-3").pool_path(),
            "pool/main/libf/libfoo1/libfoo1_2.0-3_amd64.deb"
        );
    }
}
