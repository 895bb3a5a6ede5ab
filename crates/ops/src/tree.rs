//! `distil tree`: the files of an image, with what each is and whose.

use std::collections::{HashMap, HashSet};

use bstr::{BStr, ByteSlice};
use diag::{Diagnostic, Kind, Note, nearest};
use inventory::{Contents, File};
use oci::Digest;
use rootfs::Node;
use rootfs::path::parent;
use serde::Serialize;

use crate::World;
use crate::globs::Globs;
use crate::look::{FileKind, FileRow, Look, Subject, Whose, absolute, kind, look};

/// What of an image's files is wanted, and how.
#[derive(Debug, Clone, Default)]
pub struct TreeRequest {
    /// Below this path only.
    pub path: Option<String>,
    /// Only files that one of these globs fits.
    pub filter: Vec<String>,
    /// Only files of these packages.
    pub packages: Vec<String>,
    /// Only files of these layers; the lowest is 1.
    pub layers: Vec<usize>,
    /// Only these kinds.
    pub kinds: Vec<FileKind>,
    /// Only what no package owns and no rule or recipe made.
    pub unowned: bool,
    /// The order of what is in one directory.
    pub sort: Sort,
    /// Only so many levels below the path; what is deeper is summed up.
    pub depth: Option<usize>,
}

/// An order of files.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Sort {
    /// By name.
    #[default]
    Name,
    /// The largest first.
    Size,
    /// The newest first.
    Time,
}

/// Files in the order in which a tree shows them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TreeReport {
    /// The image.
    pub image: String,
    /// Its manifest.
    pub manifest: Digest,
    /// The platform.
    pub platform: String,
    /// Bytes of the regular files that fit, each once.
    pub size: u64,
    /// How many paths fit, directories aside.
    pub count: usize,
    /// The rows: each directory before what is in it.
    pub files: Vec<TreeRow>,
}

/// A path of the tree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TreeRow {
    /// The path, and what is there.
    #[serde(flatten)]
    pub file: FileRow,
    /// How deep it is below the path that was asked for; 0 is that path.
    pub depth: usize,
    /// Of a directory: bytes of all that fits below it.
    pub sum: u64,
    /// It fits itself, and is not only on the way to something.
    pub fits: bool,
    /// The last of its directory: for who draws branches.
    #[serde(skip)]
    pub last: bool,
}

/// The files of an image.
///
/// # Errors
/// There is no such image, path, package or layer; a glob is malformed.
pub fn tree(world: &World, subject: &Subject, request: &TreeRequest) -> Result<TreeReport, Diagnostic> {
    let globs = Globs::new(&request.filter)?;
    let look = look(world, subject)?;
    let wanted = Wanted::of(&look, request, globs)?;
    if request.unowned && !look.unread().is_empty() {
        let text = format!(
            "of what is listed it is not known whose it is: {} was not read",
            look.unread().join(", ")
        );
        world.reporter.note(Note::Warning(text));
    }
    let top = top(&look, request)?;
    let mut plant = Plant::new(&look, top, &wanted);
    plant.sort(request.sort);
    let files = plant.rows(request.depth);
    Ok(TreeReport {
        image: look.shown.clone(),
        manifest: look.contents.digest,
        platform: look.contents.platform().to_string(),
        size: plant.sums.first().copied().unwrap_or(0),
        count: plant.count,
        files,
    })
}

/// The real path of the one that was asked for.
fn top<'a>(look: &'a Look, request: &TreeRequest) -> Result<&'a BStr, Diagnostic> {
    let Some(typed) = &request.path else { return Ok(BStr::new("")) };
    Ok(look.at(typed)?.path())
}

/// The filters, as numbers.
struct Wanted<'a> {
    request: &'a TreeRequest,
    globs: Globs,
    packages: Vec<usize>,
}

impl<'a> Wanted<'a> {
    fn of(look: &Look, request: &'a TreeRequest, globs: Globs) -> Result<Wanted<'a>, Diagnostic> {
        let layers = look.contents.layers.len();
        if let Some(n) = request.layers.iter().find(|n| **n == 0 || **n > layers) {
            let text = format!("cannot show layer {n} of {}: it has {layers} layers", look.shown);
            return Err(
                Diagnostic::new(Kind::Usage, text).hint(format!("layers are counted from 1 to {layers}"))
            );
        }
        let mut packages = Vec::new();
        for name in &request.packages {
            let before = packages.len();
            let named = look.contents.packages.iter().enumerate().filter(|(_, p)| p.name == *name);
            packages.extend(named.map(|(n, _)| n));
            if packages.len() == before {
                return Err(no_package(look, name));
            }
        }
        Ok(Wanted { request, globs, packages })
    }

    /// A directory is nobody's, and of all layers that bring something of it: where packages or layers are asked for, it is
    /// shown only on the way to what fits.
    fn fits(&self, look: &Look, file: &File) -> bool {
        let request = self.request;
        let (kind, is_dir) = (kind(&file.entry.node), file.entry.is_dir());
        let by_kind = if request.kinds.is_empty() {
            !is_dir || self.takes_directories()
        } else {
            request.kinds.contains(&kind)
        };
        by_kind
            && (self.globs.is_empty() || self.globs.fit(&absolute(file.path())))
            && (request.packages.is_empty() || file.package().is_some_and(|n| self.packages.contains(&n)))
            && (request.layers.is_empty() || request.layers.contains(&(file.layer + 1)))
            && (!request.unowned || !is_dir && look.whose(file) == Whose::Nobody)
    }

    fn takes_directories(&self) -> bool {
        let TreeRequest { packages, layers, unowned, .. } = self.request;
        packages.is_empty() && layers.is_empty() && !unowned
    }

    /// Whether it counts as a path that was asked for.
    fn counts(&self, file: &File) -> bool {
        !file.entry.is_dir() || !self.globs.is_empty() || !self.request.kinds.is_empty()
    }
}

/// There is no package of that name.
pub(crate) fn no_package(look: &Look, name: &str) -> Diagnostic {
    let text = format!("cannot find the package {name} in {}: it has none of that name", look.shown);
    let names = look.contents.packages.iter().map(|p| p.name.as_str());
    let near = nearest(name, names, 3);
    let error = Diagnostic::new(Kind::Input, text);
    match near.as_slice() {
        [] if look.contents.packages.is_empty() => {
            error.hint("it has no package database that distil reads; `distil inspect` says what it has")
        }
        [] => error.hint(format!("`distil inspect {} --packages` lists them", look.shown)),
        near => error.hint(format!("it has {}", near.join(", "))),
    }
}

/// Files below one path, as a tree.
struct Plant<'a> {
    look: &'a Look,
    /// What is shown: the top first, each directory before what is in it.
    files: Vec<&'a File>,
    children: Vec<Vec<usize>>,
    fits: Vec<bool>,
    /// Bytes of each that fits.
    sizes: Vec<u64>,
    /// The same of directories with all that fits in them.
    sums: Vec<u64>,
    count: usize,
}

/// The bytes of what fits, those of a file with several names once: with the name that is the file, or, where that is not
/// among what fits, with the first that is (as du(1) does).
fn sizes(contents: &Contents, below: &[&File], fits: &[bool]) -> Vec<u64> {
    let mut sizes: Vec<u64> =
        below.iter().zip(fits).map(|(f, fit)| if *fit { f.size() } else { 0 }).collect();
    let itself: HashSet<&BStr> =
        below.iter().zip(fits).filter(|(_, fit)| **fit).map(|(f, _)| f.path()).collect();
    let mut counted = HashSet::new();
    for (n, file) in below.iter().enumerate().filter(|(n, _)| fits[*n]) {
        let Node::Hardlink(body) = &file.entry.node else { continue };
        if !itself.contains(body.as_bstr()) && counted.insert(body.as_bstr()) {
            sizes[n] = contents.file(body).map_or(0, File::size);
        }
    }
    sizes
}

impl<'a> Plant<'a> {
    fn new(look: &'a Look, top: &'a BStr, wanted: &Wanted<'_>) -> Plant<'a> {
        let contents = &look.contents;
        let below: Vec<&File> = contents.file(top).into_iter().chain(contents.below(top)).collect();
        let place: HashMap<&BStr, usize> = below.iter().enumerate().map(|(n, f)| (f.path(), n)).collect();
        let above: Vec<Option<usize>> =
            below.iter().map(|f| parent(f.path()).and_then(|p| place.get(p).copied())).collect();
        let fits: Vec<bool> = below.iter().map(|f| wanted.fits(look, f)).collect();
        let mut kept = fits.clone();
        let sizes = sizes(contents, &below, &fits);
        let mut sums = sizes.clone();
        // A directory comes before what is in it, so from the end everything is summed up before it is needed.
        for n in (0..below.len()).rev() {
            if let (true, Some(up)) = (kept[n], above[n]) {
                kept[up] = true;
                sums[up] += sums[n];
            }
        }
        let count = below.iter().zip(&fits).filter(|(f, fit)| **fit && wanted.counts(f)).count();
        let mut plant = Plant {
            look,
            files: Vec::new(),
            children: Vec::new(),
            fits: Vec::new(),
            sizes: Vec::new(),
            sums: Vec::new(),
            count,
        };
        let mut new: Vec<usize> = vec![usize::MAX; below.len()];
        for n in 0..below.len() {
            if !kept[n] {
                continue;
            }
            new[n] = plant.files.len();
            plant.files.push(below[n]);
            plant.children.push(Vec::new());
            plant.fits.push(fits[n]);
            plant.sizes.push(sizes[n]);
            plant.sums.push(sums[n]);
            if let Some(up) = above[n] {
                let up = new[up];
                plant.children[up].push(new[n]);
            }
        }
        plant
    }

    fn sort(&mut self, sort: Sort) {
        let (files, sums) = (&self.files, &self.sums);
        for children in &mut self.children {
            match sort {
                Sort::Name => {}
                Sort::Size => children.sort_by_key(|n| std::cmp::Reverse(sums[*n])),
                Sort::Time => children.sort_by_key(|n| std::cmp::Reverse(files[*n].entry.mtime)),
            }
        }
    }

    /// The rows; nothing here calls itself, as paths go two thousand deep.
    fn rows(&self, depth: Option<usize>) -> Vec<TreeRow> {
        let mut rows = Vec::new();
        let mut todo: Vec<(usize, usize, bool)> =
            (0..self.files.len().min(1)).map(|n| (n, 0, true)).collect();
        while let Some((n, level, last)) = todo.pop() {
            rows.push(TreeRow {
                file: FileRow { size: self.sizes[n], ..self.look.row(self.files[n]) },
                depth: level,
                sum: self.sums[n],
                fits: self.fits[n],
                last,
            });
            if depth.is_none_or(|most| level < most) {
                let children = &self.children[n];
                let last = children.last();
                todo.extend(children.iter().rev().map(|c| (*c, level + 1, Some(c) == last)));
            }
        }
        rows
    }
}
