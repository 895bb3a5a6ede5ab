//! What an image and its base have in common: paths that lead through both, and files that both have a part in.

use bstr::{BStr, BString, ByteSlice};
use diag::{Diagnostic, Kind, Reporter};
use image::Source;
use inventory::{ChangeKind, Contents, File, Package, visit_layer};
use oci::Descriptor;
use rootfs::{Entry, MemoryPayload, Node, Owner, PayloadIx};

use super::packages;

/// Files made of what all layers have, which a line or a certificate more in the base changes, and which can be
/// made again by their lines.
const BY_LINE: [&str; 4] = ["etc/passwd", "etc/group", "etc/shadow", "etc/gshadow"];
/// The same with certificates one after the other.
const BY_CERTIFICATE: [&str; 3] =
    ["etc/ssl/certs/ca-certificates.crt", "etc/ssl/cert.pem", "etc/ssl/certs/ca-bundle.crt"];
/// Made by programs from the whole tree: only a build makes them again.
const BY_A_BUILD: [&str; 8] = [
    "etc/ld.so.cache",
    "etc/ssl/certs/java/cacerts",
    "var/lib/dpkg/status",
    "var/lib/dpkg/available",
    "var/lib/rpm/rpmdb.sqlite",
    "usr/lib/sysimage/rpm/rpmdb.sqlite",
    "usr/share/glib-2.0/schemas/gschemas.compiled",
    "usr/share/mime/mime.cache",
];
/// The longest of them that is read, in bytes.
const MOST: u64 = 16 << 20;

/// Reads the file of a layer.
pub(super) type ReadText<'a> = dyn FnMut(&Descriptor, &[u8]) -> Result<Vec<u8>, Diagnostic> + 'a;

/// An image, its old base and its new one, of one platform.
pub(super) struct Joint<'a> {
    pub(super) whole: &'a Contents,
    pub(super) old: &'a Contents,
    pub(super) new: &'a Contents,
    /// The number of the image's first layer that is not the old base's.
    pub(super) above: usize,
}

/// Files that were made again.
pub(super) struct Made {
    pub(super) entries: Vec<Entry>,
    pub(super) bodies: MemoryPayload,
}

impl Joint<'_> {
    /// Paths of the layers above lead where they did: what was a directory above them is one.
    pub(super) fn check_paths(&self) -> Result<(), Diagnostic> {
        for layer in &self.whole.layers[self.above..] {
            for change in layer.changes.iter().filter(|c| c.kind != ChangeKind::Deleted) {
                let path = change.path.as_bstr();
                for above in path.find_iter("/").map(|at| BStr::new(&path[..at])) {
                    self.still_a_directory(path, above)?;
                }
                let is_dir = |of: &Contents| of.file(path).is_some_and(|f| f.entry.is_dir());
                let own_dir = self.whole.file(path).is_none_or(|f| f.entry.is_dir());
                if is_dir(self.new) && !is_dir(self.old) && !own_dir {
                    return Err(other(path, "it is a file, and the new base has a directory there"));
                }
                if own_dir && self.new.file(path).is_some_and(|f| !f.entry.is_dir()) && !is_dir(self.old) {
                    return Err(other(path, "it is a directory, and the new base has something else there"));
                }
            }
        }
        Ok(())
    }

    fn still_a_directory(&self, path: &BStr, above: &BStr) -> Result<(), Diagnostic> {
        match self.new.file(above).map(|f| &f.entry.node) {
            None | Some(Node::Dir) => Ok(()),
            Some(Node::Symlink(to)) => {
                Err(other(path, &format!("/{above} is a link to {to} in the new base, and was a directory")))
            }
            Some(_) => Err(other(path, &format!("/{above} is no directory in the new base"))),
        }
    }

    /// The files that both bases and layers above them have a part in, as they must be over the new base.
    pub(super) fn made_again(&self, read: &mut ReadText<'_>, time: i64) -> Result<Made, Diagnostic> {
        let mut made = Made { entries: Vec::new(), bodies: MemoryPayload::new(PayloadIx(0)) };
        for path in BY_A_BUILD {
            if self.own(path).is_some() && !self.same_in_both(path) {
                return Err(other(
                    BStr::new(path),
                    "it is made of the base's files and the image's, and the base's changed",
                )
                .hint("build the image again upon the new base"));
            }
        }
        self.check_packages()?;
        self.check_byte_code()?;
        for path in BY_LINE.iter().chain(&BY_CERTIFICATE).chain(&packages::OF_APK) {
            let Some(own) = self.own(path).filter(|_| !self.same_in_both(path)) else { continue };
            let mut text = |of: &Contents| match of.file(path) {
                Some(file) => content(of, file, read),
                None => Ok(Vec::new()),
            };
            let (old, new, whole) = (text(self.old)?, text(self.new)?, text(self.whole)?);
            let joined = match path {
                path if BY_LINE.contains(path) => accounts(&old, &new, &whole),
                path if BY_CERTIFICATE.contains(path) => certificates(&old, &new, &whole),
                path => packages::joined(path, &old, &new, &whole),
            };
            let text = joined.map_err(|why| {
                other(BStr::new(path), &why).hint("build the image again upon the new base")
            })?;
            let body = made.bodies.add(&text);
            let entry = Entry { mtime: time, owner: Owner::Derived, ..own.entry.clone() };
            made.entries.push(Entry { node: Node::File(body), ..entry });
        }
        let above: std::collections::BTreeSet<BString> = made
            .entries
            .iter()
            .flat_map(|e| e.path.find_iter("/").map(|at| BString::from(&e.path[..at])).collect::<Vec<_>>())
            .collect();
        for path in above {
            // As the new base has them: an engine would make them its own way.
            let there = [self.new, self.whole].iter().find_map(|of| Some(of.file(&path)?.entry.clone()));
            let entry = there.filter(Entry::is_dir).unwrap_or_else(|| Entry::implicit_dir(path));
            made.entries.push(Entry { owner: Owner::Implicit, ..entry });
        }
        made.entries.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(made)
    }

    /// A file that the layers above brought.
    fn own(&self, path: &str) -> Option<&File> {
        self.whole.file(path).filter(|file| file.layer >= self.above && !file.entry.is_dir())
    }

    fn same_in_both(&self, path: &str) -> bool {
        let what = |of: &Contents| of.file(path).map(|f| (f.entry.mode, digest_of(of, f)));
        what(self.old) == what(self.new)
    }

    /// Byte code of Python that the layers above made of a source of the base is that source's: Python may take it
    /// unasked, by the time and length of the source, which are often the same, or not even those (PEP 552).
    fn check_byte_code(&self) -> Result<(), Diagnostic> {
        for file in self.whole.files.iter().filter(|file| file.layer >= self.above) {
            let Some(source) = source_of(file.path()) else { continue };
            let source = source.as_bstr();
            let own = self.whole.file(source).is_some_and(|file| file.layer >= self.above);
            let of = |contents: &Contents| contents.file(source).map(|f| digest_of(contents, f));
            if !own && of(self.old).is_some() && of(self.old) != of(self.new) {
                let why = format!("it is byte code of /{source}, which the new base has otherwise or not");
                return Err(other(file.path(), &why));
            }
        }
        Ok(())
    }

    /// A package that the layers above replaced or took away is another matter over another base; so is one that they
    /// brought, where the new base has it too by now: files and databases would be of two versions.
    fn check_packages(&self) -> Result<(), Diagnostic> {
        let version = |of: &Contents, package: &Package| {
            let same =
                |p: &&Package| p.kind == package.kind && p.name == package.name && p.arch == package.arch;
            of.packages.iter().find(same).map(|p| p.version.clone())
        };
        for before in &self.old.packages {
            let (own, now) = (version(self.whole, before), version(self.new, before));
            if own.as_ref() != Some(&before.version) && now.as_ref() != Some(&before.version) {
                let now = now.unwrap_or_else(|| "none".to_owned());
                let text = format!(
                    "its layers change the package {} {}, and the new base has {now}",
                    before.name, before.version
                );
                return Err(again(text));
            }
        }
        for own in self.whole.packages.iter().filter(|own| version(self.old, own).is_none()) {
            if let Some(now) = version(self.new, own).filter(|now| *now != own.version) {
                let text = format!(
                    "the new base has the package {} by now, in version {now}, and the image brings {}",
                    own.name, own.version
                );
                return Err(again(text));
            }
        }
        Ok(())
    }
}

fn again(text: String) -> Diagnostic {
    Diagnostic::new(Kind::Input, text).hint("build the image again upon the new base")
}

/// The source of `DIR/__pycache__/NAME.cpython-313.opt-1.pyc`: `DIR/NAME.py` (PEP 3147).
fn source_of(path: &BStr) -> Option<BString> {
    let (above, name) = path.rsplit_once_str("/")?;
    let directory = above.strip_suffix(b"__pycache__").filter(|d| d.is_empty() || d.ends_with(b"/"))?;
    let (module, _) = name.strip_suffix(b".pyc")?.split_once_str(".")?;
    Some([directory, module, b".py"].concat().into())
}

fn digest_of(of: &Contents, file: &File) -> Option<oci::Digest> {
    match &file.entry.node {
        Node::File(body) => Some(body.digest),
        Node::Hardlink(first) => match of.file(first).map(|f| &f.entry.node) {
            Some(Node::File(body)) => Some(body.digest),
            _ => None,
        },
        // Where a link leads is a matter of what is there.
        Node::Symlink(to) => Some(oci::Digest::of(to)),
        _ => None,
    }
}

fn content(of: &Contents, file: &File, read: &mut ReadText<'_>) -> Result<Vec<u8>, Diagnostic> {
    match &file.entry.node {
        Node::File(_) => read(&of.layers[file.layer].descriptor, file.path()),
        _ => Err(other(file.path(), "it is no plain file").hint("build the image again upon the new base")),
    }
}

/// A small file of a layer.
pub(super) fn read_file(
    source: &dyn Source,
    layer: &Descriptor,
    path: &[u8],
    reporter: &dyn Reporter,
) -> Result<Vec<u8>, Diagnostic> {
    let mut found = Vec::new();
    // To the layer's end: what it is, is known only then.
    visit_layer(source, layer, reporter, None, &mut |member, _, body| {
        if member.path == path && member.size <= MOST {
            found.clear();
            body.read_to_end(&mut found)?;
        }
        Ok(true)
    })?;
    Ok(found)
}

/// Lines that the image added, after the new base's; by name and number nobody is there twice.
fn accounts(old: &[u8], new: &[u8], whole: &[u8]) -> Result<Vec<u8>, String> {
    let lines =
        |text: &[u8]| -> Vec<BString> { text.lines().filter(|l| !l.is_empty()).map(BString::from).collect() };
    let (old, new, whole) = (lines(old), lines(new), lines(whole));
    if let Some(changed) = old.iter().find(|line| !whole.contains(line)) {
        return Err(format!("its layers changed the line of `{}`", name(changed)));
    }
    let mut all = new.clone();
    for line in whole.iter().filter(|line| !old.contains(line)) {
        match new.iter().find(|other| name(other) == name(line) || same_number(other, line)) {
            Some(other) if other == line => {}
            Some(other) => {
                return Err(format!("the new base has `{}`, and the image `{}`", name(other), name(line)));
            }
            None => all.push(line.clone()),
        }
    }
    Ok(all.iter().flat_map(|line| [line.as_bytes(), b"\n"].concat()).collect())
}

fn name(line: &BString) -> &BStr {
    BStr::new(line.split_str(":").next().unwrap_or_default())
}

/// The third field of passwd and group is a number; of shadow it is a date.
fn same_number(one: &BString, two: &BString) -> bool {
    let fields = |line: &BString| line.split_str(":").map(BString::from).collect::<Vec<_>>();
    let (one, two) = (fields(one), fields(two));
    let counts = [4, 7].contains(&one.len()) && one.len() == two.len();
    counts
        && one.get(2).is_some_and(|n| n.to_str().is_ok_and(|n| n.parse::<u32>().is_ok()))
        && one.get(2) == two.get(2)
}

/// The new base's certificates, then those that the image put after the old one's.
fn certificates(old: &[u8], new: &[u8], whole: &[u8]) -> Result<Vec<u8>, String> {
    match whole.strip_prefix(old) {
        Some(own) => Ok([new, own].concat()),
        None => Err("the image's certificates do not begin with the old base's".to_owned()),
    }
}

pub(super) fn other(path: &BStr, why: &str) -> Diagnostic {
    again(format!("/{path} would be another thing upon the new base: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accounts_and_certificates_are_joined_or_refused() {
        let old = b"root:x:0:0::/root:/bin/sh\n";
        let new = b"root:x:0:0::/root:/sbin/nologin\nnew:x:7:7::/:/x\n";
        let joined = accounts(old, new, b"root:x:0:0::/root:/bin/sh\napp:x:9:9::/:/x\n").unwrap();
        assert_eq!(joined.as_bstr(), [&new[..], b"app:x:9:9::/:/x\n"].concat().as_bstr());
        assert!(accounts(old, new, b"root:x:0:0::/:/bin/sh\n").unwrap_err().contains("`root`"));
        let taken = accounts(old, new, b"root:x:0:0::/root:/bin/sh\napp:x:7:9::/:/x\n").unwrap_err();
        assert_eq!(taken, "the new base has `new`, and the image `app`");
        assert_eq!(certificates(b"A", b"B", b"AC").unwrap(), b"BC");
        assert!(certificates(b"A", b"B", b"CA").is_err());
    }
}
