//! The user's own files of a recipe, read into something that has bodies.

use std::collections::HashMap;
use std::io::Read;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

use bstr::BString;
use compose::OwnBody;
use diag::{Diagnostic, Kind};
use elf::Summary;
use fetch::{Job, Size, Url};
use oci::Digest;
use recipe::{Certificate, FileBody, LocalPath, OwnFile, Resolved};
use rootfs::{Bodies, Body, Entry, Node, Owner, Payloads, ReadAt, Tree};
use store::{Blob, Standing, StoreError};

use crate::blobs::{BlobSink, Expected};
use crate::recipes::{find, missing, own_file};
use crate::shop::Shop;

/// The largest file that a recipe may download, in bytes.
const MOST_DOWNLOAD: u64 = 16 << 30;
/// A larger ELF file is taken without a look inside.
const MOST_ELF: u64 = 1 << 30;

/// Whether the user's files and certificates are there, without reading them.
pub(crate) fn check(shop: &Shop<'_>, recipe: &Resolved) -> Result<(), Diagnostic> {
    let files = recipe.files.iter().filter_map(|f| match &f.body {
        FileBody::Local(local) => Some(local),
        FileBody::Inline(_) | FileBody::Url { .. } => None,
    });
    let certificates = recipe.certificates.iter().filter_map(|c| match c {
        Certificate::File(local) => Some(local),
        Certificate::Inline { .. } => None,
    });
    for local in files.chain(certificates) {
        let path = find(shop, local);
        if !path.exists() {
            let absent = std::io::Error::new(std::io::ErrorKind::NotFound, "there is no such file");
            return Err(missing(local, &absent));
        }
        // A pipe or a device would never end.
        if !path.is_file() && !path.is_dir() {
            let endless = std::io::Error::new(std::io::ErrorKind::InvalidInput, "it is no regular file");
            return Err(missing(local, &endless));
        }
    }
    Ok(())
}

/// One for each of the recipe's files, none for inline ones.
pub(crate) fn read(
    shop: &Shop<'_>,
    recipe: &Resolved,
    payloads: &mut Payloads,
) -> Result<Vec<Option<OwnBody>>, Diagnostic> {
    recipe.files.iter().map(|file| one(shop, file, payloads)).collect()
}

/// What is known of the ELF objects among the user's files, by content: their libraries count for
/// `ld.so.cache` as a package's do.
pub(crate) fn learn_objects(
    files: &[Option<OwnBody>],
    bodies: &dyn Bodies,
    objects: &mut HashMap<Digest, Summary>,
) {
    let mut learn = |body: &Body| {
        let mut magic = [0; 4];
        let elf = body.size >= 4 && bodies.read_at(body, 0, &mut magic).is_ok() && magic == *b"\x7fELF";
        if elf
            && body.size <= MOST_ELF
            && let Ok(content) = bodies.read(body)
            && let Ok(Some(summary)) = Summary::read(content.as_slice())
        {
            objects.insert(body.digest, summary);
        }
    };
    for file in files.iter().flatten() {
        match file {
            OwnBody::File { body, .. } => learn(body),
            OwnBody::Tree(tree) => tree.entries().iter().for_each(|e| {
                if let Node::File(body) = &e.node {
                    learn(body);
                }
            }),
        }
    }
}

/// One for each of the recipe's certificates, none for inline ones.
pub(crate) fn certificates(shop: &Shop<'_>, recipe: &Resolved) -> Result<Vec<Option<Vec<u8>>>, Diagnostic> {
    let read = |c: &Certificate| match c {
        Certificate::File(path) => own_file(shop, path).map(Some),
        Certificate::Inline { .. } => Ok(None),
    };
    recipe.certificates.iter().map(read).collect()
}

fn one(shop: &Shop<'_>, file: &OwnFile, payloads: &mut Payloads) -> Result<Option<OwnBody>, Diagnostic> {
    let (digest, executable) = match &file.body {
        FileBody::Inline(_) => return Ok(None),
        FileBody::Local(local) => {
            let path = find(shop, local);
            if path.is_dir() {
                return directory(shop, local, &path, payloads).map(|tree| Some(OwnBody::Tree(tree)));
            }
            let (digest, _, mode) = shop.own.ingest(&path, &shop.blobs).map_err(|e| match e {
                StoreError::Io { source, .. } => missing(local, &source),
                other => other.into(),
            })?;
            (digest, mode & 0o100 != 0)
        }
        FileBody::Url { url, sha256 } => (download(shop, url, sha256)?, false),
    };
    if file.extract {
        let what = format!("the archive for {}", file.path);
        return archive_tree(shop, &what, &digest, payloads).map(|tree| Some(OwnBody::Tree(tree)));
    }
    let body = body(shop, &digest, payloads)?;
    Ok(Some(OwnBody::File { body, executable }))
}

/// A file or a directory that the command line names.
pub(crate) fn named(shop: &Shop<'_>, path: &str, payloads: &mut Payloads) -> Result<OwnBody, Diagnostic> {
    let local = LocalPath { path: path.to_owned(), beside: "--file".to_owned() };
    let place = shop.path(path);
    if place.is_dir() {
        return directory(shop, &local, &place, payloads).map(OwnBody::Tree);
    }
    let (digest, _, mode) = shop.own.ingest(&place, &shop.blobs).map_err(|e| match e {
        StoreError::Io { source, .. } => missing(&local, &source),
        other => other.into(),
    })?;
    Ok(OwnBody::File { body: body(shop, &digest, payloads)?, executable: mode & 0o100 != 0 })
}

/// A blob as a payload of one body.
fn body(shop: &Shop<'_>, digest: &Digest, payloads: &mut Payloads) -> Result<Body, Diagnostic> {
    let blob = shop.blobs.open_blob(digest)?;
    Ok(Body { digest: *digest, size: blob.len(), payload: payloads.add(OneBody(blob)), offset: 0 })
}

/// A blob whose bytes are one body. They are hashed again when a segment is made of them.
struct OneBody(Blob);

impl ReadAt for OneBody {
    fn read_exact_at(&self, at: u64, buffer: &mut [u8]) -> std::io::Result<()> {
        self.0.read_exact_at(buffer, at)
    }
}

fn directory(
    shop: &Shop<'_>,
    local: &LocalPath,
    dir: &Path,
    payloads: &mut Payloads,
) -> Result<Tree, Diagnostic> {
    let mut entries = Vec::new();
    let mut todo = vec![(dir.to_owned(), String::new())];
    while let Some((dir, prefix)) = todo.pop() {
        for name in shop.own.names(&dir).map_err(|e| missing(local, &e))? {
            let path = dir.join(&name);
            let text = name.to_str().ok_or_else(|| {
                Diagnostic::new(Kind::Input, format!("cannot take {}: its name is not UTF-8", path.display()))
            })?;
            let inside = if prefix.is_empty() { text.to_owned() } else { format!("{prefix}/{text}") };
            match shop.own.look(&path).map_err(|e| missing(local, &e))? {
                Standing::Directory => {
                    entries.push(Entry::new(inside.as_str(), Node::Dir, 0o755, Owner::User));
                    todo.push((path, inside));
                }
                Standing::Link(target) => {
                    let target = Node::Symlink(bytes_of(target));
                    entries.push(Entry::new(inside, target, 0o777, Owner::User));
                }
                Standing::File => {
                    let (digest, _, mode) = shop.own.ingest(&path, &shop.blobs)?;
                    let mode = if mode & 0o100 != 0 { 0o755 } else { 0o644 };
                    entries.push(Entry::new(
                        inside,
                        Node::File(body(shop, &digest, payloads)?),
                        mode,
                        Owner::User,
                    ));
                }
                Standing::Other => {
                    let text = format!("cannot take {}: it is no file, directory or link", path.display());
                    return Err(Diagnostic::new(Kind::Input, text));
                }
            }
        }
    }
    Ok(Tree::from_entries(entries))
}

/// A link's target is bytes, whatever they spell.
fn bytes_of(path: PathBuf) -> BString {
    path.into_os_string().into_vec().into()
}

fn download(shop: &Shop<'_>, url: &str, sha256: &Digest) -> Result<Digest, Diagnostic> {
    // Hashed again: what rotted on disk is deleted, and fetched anew.
    if shop.blobs.contains(sha256).is_some() && shop.blobs.verify(sha256)? {
        return Ok(*sha256);
    }
    let shown = settings::split_login(url).0;
    let parsed =
        Url::parse(url).map_err(|e| Diagnostic::new(Kind::Input, format!("cannot fetch {shown}: {e}")))?;
    let job = Job { name: shown.clone(), urls: vec![parsed], size: Size::AtMost(MOST_DOWNLOAD) };
    let mut sink = BlobSink::open(&shop.blobs, &shown, Expected::AtMost(*sha256, MOST_DOWNLOAD))?;
    shop.client()?.fetch(&job, &mut sink, shop.world.reporter.as_ref())?;
    Ok(*sha256)
}

/// The entries of a tar, compressed or not, as a tree; contents become bodies of a payload in the cache.
pub(crate) fn archive_tree(
    shop: &Shop<'_>,
    what: &str,
    digest: &Digest,
    payloads: &mut Payloads,
) -> Result<Tree, Diagnostic> {
    let failed =
        |e: &dyn std::fmt::Display| Diagnostic::new(Kind::Input, format!("cannot extract {what}: {e}"));
    let key = format!("{}-archive-{}", digest.hex(), rootfs::payload::REVISION);
    if !shop.cache.contains("payload", &key) {
        if !shop.blobs.verify(digest)? {
            return Err(StoreError::Damaged { digest: *digest }.into());
        }
        let blob = shop.blobs.open_blob(digest)?;
        let mut input = decompressed(blob).map_err(|e| failed(&e))?;
        let mut new = shop.cache.begin("payload", &key)?;
        let mut writer = rootfs::payload::Writer::new(&mut new);
        let mut reader = rootfs::tar::Reader::new(&mut input, rootfs::tar::Limits::default());
        while let Some(member) = reader.next().map_err(|e| failed(&e))? {
            writer.append(member, &mut reader).map_err(|e| failed(&e))?;
        }
        writer.finish().map_err(|e| failed(&e))?;
        new.commit()?;
    }
    crate::payloads::tree_of(shop, &key, payloads)
}

/// The tar inside, by the first bytes: gzip (RFC 1952), xz, zstd (RFC 8878), or as it is.
fn decompressed(mut input: impl Read + 'static) -> std::io::Result<Box<dyn Read>> {
    let mut head = [0; 6];
    let mut n = 0;
    while n < head.len() {
        match input.read(&mut head[n..])? {
            0 => break,
            more => n += more,
        }
    }
    let whole = std::io::Cursor::new(head[..n].to_vec()).chain(input);
    Ok(match &head[..n] {
        [0x1f, 0x8b, ..] => Box::new(flate2::read::MultiGzDecoder::new(whole)),
        [0xfd, b'7', b'z', b'X', b'Z', 0] => {
            let stream =
                liblzma::stream::Stream::new_stream_decoder(MOST_MEMORY, 0).map_err(std::io::Error::from)?;
            Box::new(liblzma::read::XzDecoder::new_stream(whole, stream))
        }
        [0x28, 0xb5, 0x2f, 0xfd, ..] => {
            let mut decoder = zstd::Decoder::new(whole)?;
            decoder.window_log_max(27)?;
            Box::new(decoder)
        }
        _ => Box::new(whole),
    })
}

/// What `xz -9` needs, with room.
const MOST_MEMORY: u64 = 192 << 20;
