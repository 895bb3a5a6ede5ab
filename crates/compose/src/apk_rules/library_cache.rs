use bstr::ByteSlice;
use elf::ld_so_cache::{Cache, scan, write};

use crate::draft::{Draft, DraftError};
use crate::library_cache::DraftRoot;
use crate::{ComposeInput, Rule};

/// Where the C library of an image with glibc is; with a merged `/usr` the first is the second.
const LIBC: [&str; 3] = ["lib/libc.so.6", "usr/lib/libc.so.6", "lib64/libc.so.6"];

/// The directories that glibc searches by itself.
const BUILT_IN: [&str; 2] = ["/lib", "/usr/lib"];

/// Makes `/etc/ld.so.cache` where the image has glibc and an `/etc/ld.so.conf`: what its `ldconfig` would
/// write. Links of sonames are not made, as nobody runs `ldconfig` there: what has none is not listed.
pub(super) fn make(draft: &mut Draft<'_>, input: &ComposeInput<'_>) -> Result<(), DraftError> {
    let body = LIBC.iter().find_map(|path| draft.body(path.as_bytes().as_bstr()));
    let object = body.and_then(|body| input.objects.get(&body.digest));
    let (Some(object), true) = (object, draft.exists(b"etc/ld.so.conf".as_bstr())) else { return Ok(()) };
    let mut found = scan(&DraftRoot { draft, objects: input.objects }, object.machine, &BUILT_IN);
    found.libraries.retain(|l| draft.behind(l.path.trim_start_with(|c| c == '/').as_bstr()).is_some());
    let glibc = input.packages.iter().find(|p| p.pin.name == "glibc");
    let version = glibc.map_or("", |p| p.pin.version.rsplit_once("-r").map_or(&*p.pin.version, |(v, _)| v));
    let cache = Cache {
        libraries: found.libraries,
        unused_hwcaps: found.unused_hwcaps,
        generator: format!("ldconfig (GNU libc) stable release version {version}").into(),
    };
    draft.put_file("etc/ld.so.cache", &write(&cache, object.endian), 0o644, Rule::LibraryCache)
}
