//! Packages unpacked once ever: blob in, payload in the cache out.

use std::collections::BTreeSet;
use std::io::{self, Read, Write};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use diag::{Diagnostic, Kind, Unit};
use oci::{Digest, Hasher};
use package::Arch;
use rootfs::payload::{self, Payload};
use rootfs::{PayloadIx, Payloads, ReadAt, Tree};
use store::{Derived, StoreError};
use trust::RsaKeyring;

use crate::ecosystem::{Control, Format};
use crate::shop::Shop;

pub(crate) const KIND: &str = "payload";

/// A package that is unpacked.
pub(crate) struct Unpacked {
    pub(crate) payload: Payload,
    pub(crate) control: Control,
    pub(crate) source: Arc<Bytes>,
}

/// The bytes of a payload in the cache.
pub(crate) struct Bytes(Derived);

impl ReadAt for Bytes {
    fn read_exact_at(&self, at: u64, buffer: &mut [u8]) -> io::Result<()> {
        self.0.read_at(at, buffer)
    }
}

/// A package file that is to be unpacked, or was.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Parcel {
    digest: Digest,
    format: Format,
    /// As errors name it.
    name: String,
    /// What the package must say of itself.
    meant: Meant,
}

/// Name, version and architecture that a lock and its index give a package.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Meant {
    name: String,
    version: String,
    arch: Arch,
}

impl Parcel {
    /// The file of a pin.
    pub(crate) fn new(digest: Digest, pin: &package::Pin) -> Parcel {
        let name = format!("{} {} of {}", pin.name, pin.version, pin.repository);
        let meant = Meant { name: pin.name.clone(), version: pin.version.clone(), arch: pin.arch.clone() };
        Parcel { digest, format: Format::of(&pin.identity), name, meant }
    }

    /// The key of its payload: the file, and the revisions of what reads it.
    fn key(&self) -> String {
        format!("{}-{}.{}", self.digest.hex(), self.format.revision(), payload::REVISION)
    }

    /// Looks whether the package is the one that is meant: the bytes that an index names under one name
    /// may be another package, an older one with a known hole, or one for other machines. Nobody but the
    /// package itself says so, and it is found by the file's digest, whoever gave that.
    fn check(&self, control: &Control) -> Result<(), Diagnostic> {
        let doing = |d: Diagnostic| d.while_doing(format!("cannot use package {}", self.name));
        self.format.check(control).map_err(doing)?;
        let (name, version, arch) = control.own_words();
        if (name, version) == (&*self.meant.name, &*self.meant.version) && control.is_for(&self.meant.arch) {
            return Ok(());
        }
        let text = format!(
            "cannot use package {}: by its own words it is {name} {version} ({arch}), not {} {} ({})",
            self.name, self.meant.name, self.meant.version, self.meant.arch
        );
        Err(Diagnostic::new(Kind::Trust, text).hint(
            "if the lock was changed by hand, restore it or lock again; else whoever made the repository's index put \
             another package under this name: take another version, and tell its maker",
        ))
    }
}

/// Unpacks every package that is not unpacked yet, several at once, the largest first. A package's own
/// signature by one of `keys` must be good.
pub(crate) fn unpack_all(
    shop: &Shop<'_>,
    parcels: impl IntoIterator<Item = Parcel>,
    keys: &RsaKeyring,
) -> Result<(), Diagnostic> {
    let unique: BTreeSet<Parcel> = parcels.into_iter().collect();
    let mut todo: Vec<(u64, Parcel)> = unique
        .into_iter()
        .filter(|parcel| !shop.cache.contains(KIND, &parcel.key()))
        .map(|parcel| (shop.blobs.contains(&parcel.digest).unwrap_or(0), parcel))
        .collect();
    if todo.is_empty() {
        return Ok(());
    }
    todo.sort_by(|a, b| b.cmp(a));
    let task = shop.world.reporter.task("unpacking packages", Some(todo.len() as u64), Unit::Items);
    let next = AtomicUsize::new(0);
    let failed: Mutex<Option<Diagnostic>> = Mutex::new(None);
    let work = || {
        while let Some((_, parcel)) = todo.get(next.fetch_add(1, Ordering::Relaxed)) {
            let done = shop
                .world
                .reporter
                .check()
                .map_err(Diagnostic::from)
                .and_then(|()| unpack(shop, parcel, keys));
            task.advance(1);
            if let Err(d) = done {
                // The rest is not begun; the first failure is told.
                next.store(todo.len(), Ordering::Relaxed);
                failed.lock().unwrap_or_else(std::sync::PoisonError::into_inner).get_or_insert(d);
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..shop.world.threads.min(todo.len()) {
            scope.spawn(work);
        }
        work();
    });
    drop(task);
    match failed.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner) {
        Some(d) => Err(d),
        None => Ok(()),
    }
}

/// Unpacks one package. Its bytes are hashed again while they pass: what was damaged on disk is found
/// and deleted, and never becomes a payload.
fn unpack(shop: &Shop<'_>, parcel: &Parcel, keys: &RsaKeyring) -> Result<(), Diagnostic> {
    let Parcel { digest: package, format, name, .. } = parcel;
    let blob = shop.blobs.open_blob(package)?;
    let mut input = Hashing { inner: blob, hasher: Hasher::new(package.algorithm()) };
    let mut new = shop.cache.begin(KIND, &parcel.key())?;
    let mut writer = payload::Writer::new(io::BufWriter::with_capacity(1 << 18, &mut new));
    let read = format.unpack(&mut input, keys, &mut writer);
    // What the reader left (padding, or all of it after an error) counts for the digest.
    io::copy(&mut input, &mut io::sink()).map_err(|e| broken(name, &e))?;
    if input.hasher.finish() != *package {
        shop.blobs.delete(package);
        return Err(StoreError::Damaged { digest: *package }.into());
    }
    if read.as_ref().is_err_and(|d| d.kind == Kind::Trust) {
        // The same package may come again with a good signature, which its index does not tell apart.
        shop.blobs.delete(package);
    }
    let unwritten = |d: Diagnostic| not_unpacked(shop, name, &d);
    parcel
        .check(&read.map_err(|d| if d.kind == Kind::Machine { unwritten(d) } else { malformed(name, d) })?)?;
    let mut out = writer.finish().map_err(|e| refused(name, e))?;
    out.flush().map_err(|e| broken(name, &e))?;
    drop(out);
    Ok(new.commit()?)
}

/// What only the whole tree shows (a file below a link of its own) is the package's fault, not the disk's.
fn refused(name: &str, e: rootfs::payload::PayloadError) -> Diagnostic {
    match Diagnostic::from(e) {
        d if d.kind == Kind::Input => malformed(name, d),
        d => broken(name, &d),
    }
}

/// Its hash is right by now, so it is no mirror's fault and no other mirror helps.
fn malformed(name: &str, d: Diagnostic) -> Diagnostic {
    let d = d.while_doing(format!("cannot read package {name}"));
    if d.kind != Kind::Input {
        return d;
    }
    d.detail("these are the bytes that the index names, which was signed or declared by you: every mirror has the same")
        .hint("the package is malformed or an attack; take another version, and tell its maker")
}

/// The package was there and is read whole: what the machine refused is the room that it unpacks into.
fn not_unpacked(shop: &Shop<'_>, name: &str, d: &Diagnostic) -> Diagnostic {
    let said = d.causes.last().unwrap_or(&d.message);
    let cause = said.rsplit_once("cannot read the package: ").map_or(said.as_str(), |(_, cause)| cause);
    let cache = shop.world.cache_dir.display();
    let text = format!("cannot unpack {name} into the cache {cache}: {cause}");
    Diagnostic::new(Kind::Machine, text).hint(
        "free some space there (`distil cache prune`), look at its permissions, or put the cache elsewhere with \
         --cache-dir",
    )
}

fn broken(name: &str, e: &dyn std::fmt::Display) -> Diagnostic {
    Diagnostic::new(Kind::Machine, format!("cannot unpack {name}: {e}"))
        .hint("look at the free space and the permissions of the cache directory (`distil settings`)")
}

/// Opens a payload that [`unpack_all`] made; its bodies get the number `ix`.
pub(crate) fn open(shop: &Shop<'_>, parcel: &Parcel, ix: PayloadIx) -> Result<Unpacked, Diagnostic> {
    let (key, format) = (parcel.key(), parcel.format);
    let damaged = || {
        shop.cache.damaged(KIND, &key);
        Diagnostic::from(StoreError::Damaged { digest: parcel.digest })
    };
    let derived = shop.cache.find(KIND, &key).ok_or_else(damaged)?;
    let len = derived.len();
    let source = Arc::new(Bytes(derived));
    let payload = Payload::read(source.as_ref(), len, ix).map_err(|_| damaged())?;
    let control = payload.extra(source.as_ref(), format.control_part()).ok().flatten().ok_or_else(damaged)?;
    let control = format.control(&control).ok_or_else(damaged)?;
    parcel.check(&control)?;
    Ok(Unpacked { payload, control, source })
}

/// The tree of a payload that is not a package; its bodies get the next number.
pub(crate) fn tree_of(shop: &Shop<'_>, key: &str, payloads: &mut Payloads) -> Result<Tree, Diagnostic> {
    let damaged =
        || Diagnostic::new(Kind::Machine, "an unpacked archive was damaged on disk, and is deleted now");
    let derived = shop.cache.find(KIND, key).ok_or_else(damaged)?;
    let len = derived.len();
    let source = Bytes(derived);
    let payload = Payload::read(&source, len, payloads.next()).map_err(|_| {
        shop.cache.damaged(KIND, key);
        damaged()
    })?;
    payloads.add(source);
    Ok(payload.tree)
}

struct Hashing<R> {
    inner: R,
    hasher: Hasher,
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buffer)?;
        self.hasher.update(&buffer[..n]);
        Ok(n)
    }
}
