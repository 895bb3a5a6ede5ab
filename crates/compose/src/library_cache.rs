use std::collections::HashMap;

use bstr::{BStr, BString, ByteSlice};
use elf::Summary;
use elf::ld_so_cache::{Cache, Listed, Root, debian_generator, scan, write};
use oci::Digest;
use rootfs::path::file_name;
use rootfs::{Entry, Node};

use crate::draft::{Draft, DraftError};
use crate::{ComposeInput, Rule};

/// Directories in which glibc looks by itself, of each architecture: Debian's triplets.
const TRIPLETS: [(&str, &str); 9] = [
    ("amd64", "x86_64-linux-gnu"),
    ("arm64", "aarch64-linux-gnu"),
    ("armhf", "arm-linux-gnueabihf"),
    ("armel", "arm-linux-gnueabi"),
    ("i386", "i386-linux-gnu"),
    ("s390x", "s390x-linux-gnu"),
    ("ppc64el", "powerpc64le-linux-gnu"),
    ("riscv64", "riscv64-linux-gnu"),
    ("loong64", "loongarch64-linux-gnu"),
];

/// Makes `/etc/ld.so.cache` and missing links of sonames where the image has Debian's glibc and an
/// `ld.so.conf`.
pub(crate) fn make(draft: &mut Draft<'_>, input: &ComposeInput<'_>) -> Result<(), DraftError> {
    let Some((_, triplet)) = TRIPLETS.iter().find(|(arch, _)| *arch == input.arch.as_str()) else {
        return Ok(());
    };
    let Some(libc) = input.packages.iter().find(|p| p.pin.name == "libc6") else { return Ok(()) };
    let object = draft.body(format!("usr/lib/{triplet}/libc.so.6").as_bytes().as_bstr());
    let object = object.and_then(|body| input.objects.get(&body.digest));
    let (Some(object), true) = (object, draft.exists(b"etc/ld.so.conf".as_bstr())) else { return Ok(()) };
    let dirs = [format!("/lib/{triplet}"), format!("/usr/lib/{triplet}")];
    let built_in = [&dirs[0], &dirs[1], "/lib", "/usr/lib"];
    let found = scan(&DraftRoot { draft, objects: input.objects }, object.machine, &built_in);
    let cache = Cache {
        libraries: found.libraries,
        unused_hwcaps: found.unused_hwcaps,
        generator: debian_generator(&libc.pin.version),
    };
    let bytes = write(&cache, object.endian);
    draft.put_file("etc/ld.so.cache", &bytes, 0o644, Rule::LibraryCache)?;
    for link in found.links {
        let path = BString::from(link.path.trim_start_with(|c| c == '/'));
        // ldconfig leaves a file alone that has the soname's place.
        let taken = draft.entries.get(&path).is_some_and(|e| !matches!(e.node, Node::Symlink(_)));
        if !taken {
            draft.put_link(path, link.target, Rule::SonameLinks)?;
        }
    }
    Ok(())
}

pub(crate) struct DraftRoot<'d, 'a> {
    pub(crate) draft: &'d Draft<'a>,
    pub(crate) objects: &'d HashMap<Digest, Summary>,
}

fn relative(path: &BStr) -> &BStr {
    path.trim_start_with(|c| c == '/').as_bstr()
}

fn absolute(path: &BStr) -> BString {
    let mut out = BString::from("/");
    out.extend_from_slice(path);
    out
}

impl Root for DraftRoot<'_, '_> {
    fn directory(&self, path: &BStr) -> Option<BString> {
        let real = self.draft.real(relative(path), true).ok()?;
        self.draft.entries.get(&real).filter(|e| e.is_dir()).map(|e| absolute(e.path.as_bstr()))
    }

    fn list(&self, directory: &BStr) -> Vec<Listed> {
        let all = self.draft.list(relative(directory)).into_iter();
        all.filter(|e| !matches!(e.node, Node::Special(_)))
            .map(|e: &Entry| Listed {
                name: file_name(e.path.as_bstr()).into(),
                link: matches!(e.node, Node::Symlink(_)),
            })
            .collect()
    }

    fn object(&self, path: &BStr) -> Option<(BString, Summary)> {
        let entry = self.draft.behind(relative(path))?;
        let file = match &entry.node {
            Node::Hardlink(target) => target,
            _ => &entry.path,
        };
        let body = self.draft.body(file.as_bstr())?;
        Some((absolute(file.as_bstr()), self.objects.get(&body.digest)?.clone()))
    }

    fn text(&self, path: &BStr) -> Option<Vec<u8>> {
        self.draft.read(relative(path)).ok().flatten()
    }
}
