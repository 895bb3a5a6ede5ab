//! `distil extract`: files of an image, out of it.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use bstr::{BString, ByteSlice};
use diag::{Diagnostic, Kind, Note};
use image::Source;
use inventory::{Contents, File, visit_layer};
use oci::Hasher;
use rootfs::tar::{END, header, padding};
use rootfs::{Body, Entry, Node};
use store::{OutFile, OutTree, WholeFile};

use crate::World;
use crate::look::{Look, Subject, absolute, look_at};
use crate::places::open_source;

/// Where it goes.
pub enum Destination<'a> {
    /// A file, or a new directory.
    Place(PathBuf),
    /// A stream: the bytes of a file, or a tar of a directory.
    Stream(&'a mut dyn Write),
}

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Extracted {
    /// The real path in the image.
    pub path: String,
    /// How many files, links and directories.
    pub entries: usize,
    /// Bytes of files.
    pub bytes: u64,
}

/// Writes what is at `path` of an image to `to`. Links on the way are followed inside the image.
///
/// # Errors
/// There is no such image or path, it is a device, or it cannot be written.
pub fn extract(
    world: &World,
    subject: &Subject,
    path: &str,
    to: Destination<'_>,
) -> Result<Extracted, Diagnostic> {
    let opened = open_source(world, &subject.image)?;
    let look = look_at(world, &opened, subject.platform.as_ref(), subject.up_to)?;
    let file = look.at(path)?;
    let real = BString::from(file.path());
    let taking = Taking { world, look: &look, source: opened.source.as_ref() };
    let shown = absolute(real.as_bstr());
    match (&file.entry.node, to) {
        (Node::Dir, Destination::Place(place)) => taking.tree(&real, &world.working_dir.join(place)),
        (Node::Dir, Destination::Stream(out)) => taking.tar(&real, out),
        (Node::File(_) | Node::Hardlink(_), to) => taking.file(file, to),
        (Node::Symlink(target), _) => Err(Diagnostic::new(
            Kind::Input,
            format!(
                "cannot extract {shown} of {}: it is a link to {target}, and nothing is there",
                look.shown
            ),
        )
        .hint("name the directory that it is in to have the link itself")),
        _ => Err(Diagnostic::new(
            Kind::Input,
            format!("cannot extract {shown} of {}: it is neither a file nor a directory", look.shown),
        )
        .hint("devices and pipes have no content; name the directory that it is in to have it in a tar")),
    }
}

struct Taking<'a> {
    world: &'a World,
    look: &'a Look,
    source: &'a dyn Source,
}

/// What is done with the bytes of a body.
type Take<'a> = dyn FnMut(&Body, &mut dyn io::Read) -> io::Result<()> + 'a;

impl Taking<'_> {
    fn file(&self, file: &File, to: Destination<'_>) -> Result<Extracted, Diagnostic> {
        let (entry, body) = content(&self.look.contents, file);
        let path = absolute(file.path());
        let failed = |e: &dyn std::fmt::Display| {
            Diagnostic::new(Kind::Machine, format!("cannot write {path} of {}: {e}", self.look.shown))
                .hint("look at the free space and the permissions of where it goes")
        };
        let bodies = BTreeMap::from([((body.payload.0, body.offset), vec![file.path().into()])]);
        match to {
            Destination::Place(place) => {
                let place = self.world.working_dir.join(place);
                let mut out = WholeFile::copying(&place, entry.mode, entry.mtime)?;
                self.bodies(&bodies, &mut |_, bytes| io::copy(bytes, &mut out).map(drop), &failed)?;
                out.finish()?;
            }
            Destination::Stream(out) => {
                self.bodies(&bodies, &mut |_, bytes| io::copy(bytes, out).map(drop), &failed)?;
                out.flush().map_err(|e| failed(&e))?;
            }
        }
        Ok(Extracted { path, entries: 1, bytes: body.size })
    }

    /// A directory as one on the disk.
    fn tree(&self, top: &BString, place: &Path) -> Result<Extracted, Diagnostic> {
        let begun = OutTree::begin(place)
            .map_err(|e| Diagnostic::from(e).hint("name a directory that is not there yet, or is empty"))?;
        let mut out = begun;
        let plan = Plan::of(self, top);
        for (path, entry) in &plan.directories {
            out.directory(&host_path(path), entry.mode | 0o700, entry.mtime)?;
        }
        let failed = |e: &dyn std::fmt::Display| {
            Diagnostic::new(Kind::Machine, format!("cannot write below {}: {e}", place.display()))
                .hint("look at the free space and the permissions of where it goes")
        };
        let names = &plan.names;
        self.bodies(
            &plan.bodies,
            &mut |body, bytes| {
                let (path, entry) = &names[&(body.payload.0, body.offset)][0];
                let mut file: OutFile =
                    out.file(&host_path(path), entry.mode, entry.mtime).map_err(io::Error::other)?;
                io::copy(bytes, &mut file)?;
                file.finish().map_err(io::Error::other)
            },
            &failed,
        )?;
        for all in names.values() {
            for (path, _) in &all[1..] {
                out.hard_link(&host_path(path), &host_path(&all[0].0))?;
            }
        }
        for (path, entry) in &plan.links {
            if let Node::Symlink(target) = &entry.node {
                out.symlink(&host_path(path), &host_path(target))?;
            }
        }
        out.finish()?;
        if plan.devices > 0 {
            let text = format!("{} devices and pipes are not made on the disk", plan.devices);
            self.world.reporter.note(Note::Info(text));
        }
        Ok(plan.extracted(top))
    }

    /// A directory as a tar: files in the order of the layers, then links, then directories, the deepest first. Who
    /// unpacks it makes directories as they are needed, and gives each its mode and time when nothing more goes in.
    fn tar(&self, top: &BString, out: &mut dyn Write) -> Result<Extracted, Diagnostic> {
        let plan = Plan::of(self, top);
        let failed = |e: &dyn std::fmt::Display| {
            Diagnostic::new(Kind::Machine, format!("cannot write the tar of {}: {e}", self.look.shown))
                .hint("look at what reads it")
        };
        let at = |path: &BString, entry: &Entry, node: Node| {
            header(&Entry { path: path.clone(), node, ..entry.clone() })
        };
        for (path, entry) in &plan.specials {
            out.write_all(&at(path, entry, entry.node.clone())).map_err(|e| failed(&e))?;
        }
        self.bodies(
            &plan.bodies,
            &mut |body, bytes| {
                let (path, entry) = &plan.names[&(body.payload.0, body.offset)][0];
                out.write_all(&at(path, entry, Node::File(*body)))?;
                io::copy(bytes, out)?;
                out.write_all(&[0; 512][..padding(body.size)])
            },
            &failed,
        )?;
        let links = plan.names.values().flat_map(|all| all[1..].iter().map(move |l| (l, &all[0].0)));
        for ((path, entry), first) in links {
            out.write_all(&at(path, entry, Node::Hardlink(first.clone()))).map_err(|e| failed(&e))?;
        }
        for (path, entry) in plan.links.iter().chain(plan.directories.iter().rev()) {
            out.write_all(&at(path, entry, entry.node.clone())).map_err(|e| failed(&e))?;
        }
        out.write_all(&END).and_then(|()| out.flush()).map_err(|e| failed(&e))?;
        Ok(plan.extracted(top))
    }

    /// Reads the layers that hold the wanted bodies, once each, and hands over what is wanted. Every content is
    /// checked against the digest that it had when the whole layer was checked.
    fn bodies(
        &self,
        wanted: &Wanted,
        take: &mut Take<'_>,
        failed: &dyn Fn(&dyn std::fmt::Display) -> Diagnostic,
    ) -> Result<(), Diagnostic> {
        for (n, layer) in self.look.contents.layers.iter().enumerate() {
            let n = u32::try_from(n).unwrap_or(u32::MAX);
            let mut left = wanted.range((n, 0)..=(n, u64::MAX)).count();
            if left == 0 {
                continue;
            }
            let mut write_error = None;
            let reporter = self.world.reporter.as_ref();
            let mut each = |_: rootfs::tar::Member, offset: u64, bytes: &mut dyn io::Read| {
                let Some(paths) = wanted.get(&(n, offset)) else { return Ok(true) };
                let body = self.body(&paths[0])?;
                let mut checked = Checked { inner: bytes, hasher: Hasher::sha256() };
                let outcome = take(&body, &mut checked);
                if checked.hasher.finish() != body.digest && outcome.is_ok() {
                    return Err(io::Error::new(
                        io::ErrorKind::InvalidData,
                        "its content changed since it was listed",
                    ));
                }
                if let Err(e) = outcome {
                    write_error = Some(e);
                    return Ok(false);
                }
                left -= 1;
                Ok(left > 0)
            };
            visit_layer(self.source, &layer.descriptor, reporter, None, &mut each)?;
            if let Some(e) = write_error {
                return Err(failed(&e));
            }
            if left > 0 {
                return Err(failed(&"the layer is not the one that was listed"));
            }
        }
        Ok(())
    }

    fn body(&self, path: &BString) -> io::Result<Body> {
        let file = self.look.contents.file(path).ok_or(io::ErrorKind::NotFound)?;
        Ok(content(&self.look.contents, file).1)
    }
}

/// Where a body is, and the paths in the image that have it.
type Wanted = BTreeMap<(u32, u64), Vec<BString>>;

/// The file itself, and its body, of any of its names.
fn content<'a>(contents: &'a Contents, file: &'a File) -> (&'a Entry, Body) {
    let entry = match &file.entry.node {
        Node::Hardlink(target) => contents.file(target).map_or(&file.entry, |f| &f.entry),
        _ => &file.entry,
    };
    match &entry.node {
        Node::File(body) => (entry, *body),
        _ => unreachable!("files and links to them are asked for alone"),
    }
}

/// What of a directory goes out: paths are relative to it.
struct Plan {
    directories: Vec<(BString, Entry)>,
    specials: Vec<(BString, Entry)>,
    links: Vec<(BString, Entry)>,
    bodies: Wanted,
    names: BTreeMap<(u32, u64), Vec<(BString, Entry)>>,
    devices: usize,
    bytes: u64,
}

impl Plan {
    fn of(taking: &Taking<'_>, top: &BString) -> Plan {
        let contents = &taking.look.contents;
        let mut plan = Plan {
            directories: Vec::new(),
            specials: Vec::new(),
            links: Vec::new(),
            bodies: Wanted::new(),
            names: BTreeMap::new(),
            devices: 0,
            bytes: 0,
        };
        let all = contents.file(top).into_iter().chain(contents.below(top.as_bstr()));
        for file in all {
            let relative: BString = match file.path().strip_prefix(top.as_slice()) {
                Some(rest) => rest.trim_start_with(|c| c == '/').into(),
                None => continue,
            };
            match &file.entry.node {
                Node::Dir => plan.directories.push((relative, file.entry.clone())),
                Node::Symlink(_) => plan.links.push((relative, file.entry.clone())),
                Node::Special(_) => {
                    plan.devices += 1;
                    plan.specials.push((relative, file.entry.clone()));
                }
                Node::File(_) | Node::Hardlink(_) => {
                    let (_, body) = content(contents, file);
                    let place = (body.payload.0, body.offset);
                    let names = plan.names.entry(place).or_default();
                    plan.bytes += if names.is_empty() { body.size } else { 0 };
                    names.push((relative, file.entry.clone()));
                    plan.bodies.entry(place).or_default().push(file.path().into());
                }
            }
        }
        plan
    }

    fn extracted(&self, top: &BString) -> Extracted {
        let names: usize = self.names.values().map(Vec::len).sum();
        let entries = self.directories.len() + self.links.len() + names;
        Extracted { path: absolute(top.as_bstr()), entries, bytes: self.bytes }
    }
}

/// Bytes that are hashed as they pass.
struct Checked<'a> {
    inner: &'a mut dyn io::Read,
    hasher: Hasher,
}

impl io::Read for Checked<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buffer)?;
        self.hasher.update(&buffer[..n]);
        Ok(n)
    }
}

#[cfg(unix)]
fn host_path(path: &BString) -> PathBuf {
    use std::os::unix::ffi::OsStrExt;
    PathBuf::from(std::ffi::OsStr::from_bytes(path))
}

#[cfg(not(unix))]
fn host_path(path: &BString) -> PathBuf {
    PathBuf::from(path.to_string())
}
