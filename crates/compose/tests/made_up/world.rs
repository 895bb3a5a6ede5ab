//! Made-up packages, in a few words each.

use std::collections::HashMap;

use bstr::ByteSlice;
use compose::{ComposeError, ComposeInput, Composition, DebRecord, OwnBody, PackageTree, Record, compose};
use elf::Summary;
use oci::Digest;
use package::{Arch, Cause, Identity, Pin};
use recipe::{NoFiles, Resolved};
use rootfs::actions::Actions;
use rootfs::{Bodies, Entry, MemoryPayload, Node, Owner, PayloadIx, Payloads, Tree};

pub(crate) struct Package {
    pub(crate) pin: Pin,
    pub(crate) entries: Vec<Entry>,
    pub(crate) actions: Actions,
    pub md5sums: String,
    pub(crate) replaces: String,
}

/// Packages, their bodies, and what is known of objects.
pub(crate) struct World {
    pub(crate) packages: Vec<Package>,
    bodies: MemoryPayload,
    pub(crate) objects: HashMap<Digest, Summary>,
    pub(crate) own: Vec<Option<OwnBody>>,
    pub(crate) certificates: Vec<Option<Vec<u8>>>,
    pub(crate) epoch: Option<i64>,
}

/// Package files are from this moment.
pub(crate) const BUILT: i64 = 1_700_000_000;

impl Package {
    pub(crate) fn entry(&mut self, path: &str) -> &mut Entry {
        self.entries.iter_mut().find(|e| e.path == path).unwrap()
    }
}

impl World {
    pub(crate) fn new() -> World {
        World {
            packages: Vec::new(),
            bodies: MemoryPayload::new(PayloadIx(0)),
            objects: HashMap::new(),
            own: Vec::new(),
            certificates: Vec::new(),
            epoch: None,
        }
    }

    /// A package of lines: `path`, `path/`, `path -> link`, `path = hard link`, `path: content`; a `*`
    /// before it makes a file executable.
    pub(crate) fn package(&mut self, name: &str, lines: &[&str]) -> &mut Package {
        let entries = lines.iter().map(|line| self.line(line)).collect();
        let pin = Pin {
            name: name.to_owned(),
            version: "1.0-1".to_owned(),
            arch: Arch::new("amd64"),
            source: None,
            repository: "debian/trixie".to_owned(),
            tag: None,
            path: format!("pool/{name}.deb"),
            size: 1,
            identity: Identity::Whole(Digest::of(name.as_bytes())),
            sha256: None,
            because: vec![Cause::Asked(name.to_owned())],
        };
        let (actions, md5sums, replaces) = (Actions::default(), String::new(), String::new());
        self.packages.push(Package { pin, entries, actions, md5sums, replaces });
        self.packages.last_mut().unwrap()
    }

    fn line(&mut self, line: &str) -> Entry {
        let (line, mut mode) = line.strip_prefix('*').map_or((line, 0o644), |l| (l, 0o755));
        let (path, node) = if let Some((path, target)) = line.split_once(" -> ") {
            mode = 0o777;
            (path, Node::Symlink(target.into()))
        } else if let Some((path, target)) = line.split_once(" = ") {
            (path, Node::Hardlink(target.into()))
        } else if let Some(path) = line.strip_suffix('/') {
            mode = 0o755;
            (path, Node::Dir)
        } else {
            let (path, content) = line.split_once(": ").unwrap_or((line, line));
            (path, Node::File(self.bodies.add(content.as_bytes())))
        };
        let mut entry = Entry::new(path, node, mode, Owner::Package(0));
        entry.mtime = BUILT;
        entry
    }

    /// A body that the user's files may have.
    pub(crate) fn body(&mut self, content: &[u8]) -> rootfs::Body {
        self.bodies.add(content)
    }

    pub(crate) fn compose(self, recipe: &str) -> Result<Made, ComposeError> {
        let arch = Arch::new("amd64");
        let recipe = resolved(recipe);
        let mut payloads = Payloads::new();
        payloads.add(self.bodies);
        let composition = compose(ComposeInput {
            recipe: &recipe,
            arch: &arch,
            packages: self.packages.iter().map(unpacked).collect(),
            apk_keys: Vec::new(),
            own_files: self.own,
            certificates: self.certificates,
            objects: &self.objects,
            bodies: &payloads,
            derived: payloads.next(),
            epoch: self.epoch,
            base: None,
        })?;
        Ok(Made { composition, payloads })
    }
}

fn unpacked(p: &Package) -> PackageTree<'_> {
    PackageTree {
        pin: &p.pin,
        tree: Tree::from_entries(p.entries.clone()),
        actions: p.actions.clone(),
        record: Record::Deb(DebRecord {
            control: format!("Package: {}\nVersion: {}\n", p.pin.name, p.pin.version).into(),
            md5sums: p.md5sums.as_str().into(),
            replaces: p.replaces.clone(),
        }),
    }
}

pub(crate) fn resolved(recipe: &str) -> Resolved {
    let recipe = recipe::load("a.yaml", recipe, &NoFiles).unwrap_or_else(|e| panic!("{e}"));
    recipe.resolve(None, &Arch::new("amd64")).unwrap_or_else(|e| panic!("{e}"))
}

/// A composition with its bodies.
pub(crate) struct Made {
    pub(crate) composition: Composition,
    payloads: Payloads,
}

impl Made {
    pub(crate) fn tree(&self) -> &Tree {
        &self.composition.rootfs.tree
    }

    pub(crate) fn bytes(&self, path: &str) -> Vec<u8> {
        let entry = self.tree().get(path).unwrap_or_else(|| panic!("no {path}"));
        let body = match &entry.node {
            Node::File(body) => body,
            Node::Hardlink(target) => return self.bytes(target.to_str().unwrap()),
            other => panic!("{path} is {other:?}"),
        };
        self.composition.derived.get(body).map_or_else(|| self.payloads.read(body).unwrap(), <[u8]>::to_vec)
    }

    pub(crate) fn text(&self, path: &str) -> String {
        String::from_utf8(self.bytes(path)).unwrap()
    }

    /// `mode uid:gid` and what it is.
    pub(crate) fn line(&self, path: &str) -> String {
        let Some(e) = self.tree().get(path) else { return "nothing".to_owned() };
        let what = match &e.node {
            Node::Dir => "dir".to_owned(),
            Node::File(_) => format!("file {:?}", self.text(path)),
            Node::Symlink(target) => format!("-> {target}"),
            Node::Hardlink(target) => format!("= {target}"),
            Node::Special(_) => "special".to_owned(),
        };
        format!("{:04o} {}:{} {what}", e.mode, e.uid, e.gid)
    }
}
