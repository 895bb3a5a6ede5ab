//! Packages of apk's format, unpacked and composed.

use std::collections::HashMap;
use std::fs::Permissions;
use std::os::unix::fs::{PermissionsExt, lchown, symlink};
use std::path::Path;

use apk::scripts::{InTree, Subject, actions, classify};
use apk::{ControlFiles, Limits, Proof, unpack};
use bstr::ByteSlice;
use compose::{ApkKey, ComposeError, ComposeInput, Composition, PackageTree, Record, compose};
use elf::Summary;
use oci::Digest;
use package::{Arch, Cause, Identity, Pin};
use recipe::{NoFiles, Resolved};
use rootfs::payload::{Payload, Writer};
use rootfs::{Bodies, Entry, MemoryPayload, Node, Owner, Payloads, Tree};

/// One package, read.
pub(crate) struct Package {
    pin: Pin,
    pub(crate) files: ControlFiles,
    pub(crate) tree: Tree,
}

/// Packages in install order, with their bytes.
#[derive(Default)]
pub(crate) struct World {
    pub(crate) packages: Vec<Package>,
    payloads: Payloads,
    objects: HashMap<Digest, Summary>,
    pub(crate) keys: Vec<ApkKey>,
    pub(crate) certificates: Vec<Option<Vec<u8>>>,
    /// The image below and what the user says of its packages.
    pub(crate) base: Option<(Tree, String)>,
}

/// A composition with its bodies.
pub(crate) struct Made {
    pub(crate) composition: Composition,
    payloads: Payloads,
}

impl World {
    pub(crate) fn of(packages: &[testkit::apk::ApkPackage]) -> World {
        let mut world = World::default();
        for package in packages {
            world.add(&package.build(&[]).bytes());
        }
        world
    }

    pub(crate) fn add(&mut self, bytes: &[u8]) {
        let mut writer = Writer::new(Vec::new());
        let files = unpack(bytes, &Proof::default(), &Limits::default(), &mut writer).unwrap().files;
        let bytes_of_payload = writer.finish().unwrap();
        let payload =
            Payload::read(&bytes_of_payload, bytes_of_payload.len() as u64, self.payloads.next()).unwrap();
        self.payloads.add(bytes_of_payload);
        for (i, entry) in payload.tree.entries().iter().enumerate() {
            if let (Node::File(body), Ok(summary)) = (&entry.node, Summary::decode(payload.fact(i))) {
                self.objects.insert(body.digest, summary);
            }
        }
        let info = &files.info;
        let pin = Pin {
            name: info.name.clone(),
            version: info.version.clone(),
            arch: Arch::new("amd64"),
            source: Some(info.origin.clone()).filter(|o| *o != info.name && !o.is_empty()),
            repository: "apk.example/main".to_owned(),
            tag: None,
            path: format!("x86_64/{}-{}.apk", info.name, info.version),
            size: bytes.len() as u64,
            identity: Identity::ApkControl(files.control),
            sha256: Some(Digest::of(bytes)),
            because: vec![Cause::Asked(info.name.clone())],
        };
        self.packages.push(Package { pin, files, tree: payload.tree });
    }

    /// An image below of these files, nobody's, with a list of its packages.
    pub(crate) fn stand_upon(&mut self, files: &[(&str, &str)], installed: &str) {
        let mut bodies = MemoryPayload::new(self.payloads.next());
        let file = |(path, content): &(&str, &str)| {
            Entry::new(*path, Node::File(bodies.add(content.as_bytes())), 0o644, Owner::Implicit)
        };
        let mut tree = Tree::from_entries(files.iter().map(file).collect());
        let paths: Vec<_> = tree.entries().iter().map(|e| e.path.clone()).collect();
        for path in paths {
            let mut above = rootfs::path::parent(path.as_bstr());
            while let Some(directory) = above.filter(|p| !p.is_empty()) {
                tree.insert(Entry::implicit_dir(directory));
                above = rootfs::path::parent(directory);
            }
        }
        self.payloads.add(bodies);
        self.base = Some((tree, installed.to_owned()));
    }

    /// Composes for an architecture in apk's word, with what packages' scripts literally do.
    pub(crate) fn compose(self, recipe: &str, arch: &str) -> Result<Made, ComposeError> {
        let arch = Arch::from_apk(arch).unwrap();
        let recipe = resolved(recipe, &arch);
        let entries = self.packages.iter().flat_map(|p| p.tree.entries().iter().cloned()).collect();
        let together = Tree::from_entries(entries);
        let package = |p: &Package| {
            let subject = Subject { files: &p.files, tree: Some(&p.tree) };
            actions(&classify(&subject, &InTree(&together)))
        };
        let packages = self.packages.iter().map(|p| PackageTree {
            pin: &p.pin,
            tree: p.tree.clone(),
            actions: package(p),
            record: Record::Apk(&p.files),
        });
        let config = oci::ContainerConfig::default();
        let base = self.base.as_ref().map(|(tree, installed)| compose::Base {
            tree,
            config: &config,
            installed: installed.as_bytes(),
        });
        let composition = compose(ComposeInput {
            recipe: &recipe,
            arch: &arch,
            packages: packages.collect(),
            apk_keys: self.keys,
            own_files: recipe.files.iter().map(|_| None).collect(),
            certificates: self.certificates,
            objects: &self.objects,
            bodies: &self.payloads,
            derived: self.payloads.next(),
            epoch: None,
            base,
        })?;
        Ok(Made { composition, payloads: self.payloads })
    }
}

pub(crate) fn resolved(recipe: &str, arch: &Arch) -> Resolved {
    let recipe = recipe::load("a.yaml", recipe, &NoFiles).unwrap_or_else(|e| panic!("{e}"));
    recipe.resolve(None, arch).unwrap_or_else(|e| panic!("{e}"))
}

/// A recipe of packages from a repository, and further lines.
pub(crate) fn recipe(packages: &str, more: &str) -> String {
    format!(
        "contents:\n  repositories: [https://apk.example/alpine/main]\n  packages: [{packages}]\n{more}\n"
    )
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
            Node::Special(device) => format!("{device:?}"),
        };
        format!("{:04o} {}:{} {what}", e.mode, e.uid, e.gid)
    }

    /// Lays the tree out as files of the machine, without devices. Owners other than root's need root.
    pub(crate) fn lay_out(&self, root: &Path) -> std::io::Result<()> {
        for entry in self.tree().entries().iter().filter(|e| !e.path.is_empty()) {
            let path = entry.path.to_string();
            let at = root.join(&path);
            match &entry.node {
                Node::Dir => std::fs::create_dir_all(&at)?,
                Node::Symlink(target) => symlink(target.to_string(), &at)?,
                Node::File(_) => std::fs::write(&at, self.bytes(&path))?,
                Node::Hardlink(target) => std::fs::hard_link(root.join(target.to_string()), &at)?,
                Node::Special(_) => continue,
            }
            if (entry.uid, entry.gid) != (0, 0) {
                lchown(&at, Some(entry.uid), Some(entry.gid))?;
            }
            if !matches!(entry.node, Node::Symlink(_)) {
                std::fs::set_permissions(&at, Permissions::from_mode(entry.mode))?;
            }
        }
        Ok(())
    }
}
