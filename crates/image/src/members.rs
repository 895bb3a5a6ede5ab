#![allow(clippy::disallowed_methods, reason = "layouts and archives are files where the user wants them")]

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom, Take};
use std::path::{Path, PathBuf};

use bstr::{BString, ByteSlice};
use rootfs::tar::{self, TarError};
use store::Temporary;

use crate::TransportError;
use crate::compressed::Compression;

/// Links on the way to a member, at most.
const MAX_LINKS: usize = 8;

/// A tar archive whose members are read in any order. Where they are is found out once, by reading their
/// headers.
#[derive(Debug)]
pub(crate) struct Members {
    path: PathBuf,
    /// As it was named: the file is another where the archive was compressed.
    shown: String,
    /// The file, where it is ours and goes with us.
    _own: Option<Temporary>,
    /// Where in the file each member's body begins, and its length.
    files: BTreeMap<BString, (u64, u64)>,
    /// Links, and the member that each leads to.
    links: BTreeMap<BString, BString>,
}

impl Members {
    pub(crate) fn scan(path: &Path) -> Result<Members, TransportError> {
        let mut file = File::open(path).map_err(TransportError::io("read", path.display()))?;
        let malformed = |why: String| TransportError::Malformed { what: path.display().to_string(), why };
        if let Some(kind) = Compression::of(&mut file).map_err(TransportError::io("read", path.display()))? {
            return Err(malformed(format!(
                "the whole archive is compressed; undo that first, with `{} -d`",
                kind.word()
            )));
        }
        Members::read_headers(BufReader::with_capacity(1 << 18, file), path)
            .map_err(|e| malformed(e.to_string()))
    }

    /// Where the members of a tar are that is called `path`.
    pub(crate) fn read_headers(input: impl Read, path: &Path) -> Result<Members, TarError> {
        let mut reader = tar::Reader::new(input, tar::Limits::default());
        let mut members = Members {
            path: path.to_owned(),
            shown: path.display().to_string(),
            _own: None,
            files: BTreeMap::new(),
            links: BTreeMap::new(),
        };
        while let Some(member) = reader.next()? {
            let name = member.path;
            let known = members.files.contains_key(&name) || members.links.contains_key(&name);
            if known && member.kind != tar::Kind::Dir {
                return Err(TarError::Member { path: name, why: "it is there twice".to_owned() });
            }
            match member.kind {
                tar::Kind::File => drop(members.files.insert(name, (reader.position(), member.size))),
                tar::Kind::Hardlink(to) => drop(members.links.insert(name, to)),
                tar::Kind::Symlink(to) => {
                    if let Some(to) = beside(&name, &to) {
                        members.links.insert(name, to);
                    }
                }
                tar::Kind::Dir | tar::Kind::Special(_) => {}
            }
        }
        Ok(members)
    }

    /// The same, whose bytes are in a file of ours.
    pub(crate) fn at(self, own: Temporary) -> Members {
        Members { path: own.path().to_owned(), _own: Some(own), ..self }
    }

    pub(crate) fn shown(&self) -> String {
        self.shown.clone()
    }

    fn find(&self, name: &[u8]) -> Option<(u64, u64)> {
        // The reader of the tar takes `./` off the names there.
        let mut name = bare(name).as_bstr();
        for _ in 0..MAX_LINKS {
            match self.links.get(name) {
                Some(to) => name = to.as_bstr(),
                None => return self.files.get(name).copied(),
            }
        }
        None
    }

    /// The length of a member, through links.
    pub(crate) fn size(&self, name: &[u8]) -> Option<u64> {
        self.find(name).map(|(_, size)| size)
    }

    /// The body of a member, from `from` on.
    pub(crate) fn open(&self, name: &[u8], from: u64) -> Result<Option<Take<File>>, TransportError> {
        let Some((at, len)) = self.find(name) else { return Ok(None) };
        let fail = |e| TransportError::io("read", &self.shown)(e);
        let mut file = File::open(&self.path).map_err(fail)?;
        file.seek(SeekFrom::Start(at + from.min(len))).map_err(fail)?;
        Ok(Some(file.take(len.saturating_sub(from))))
    }

    /// A small member in full.
    pub(crate) fn read(&self, name: &str, most: u64) -> Result<Vec<u8>, TransportError> {
        let malformed = |why: String| TransportError::Malformed { what: self.shown(), why };
        let member = self.open(name.as_bytes(), 0)?.ok_or_else(|| malformed(format!("it has no {name}")))?;
        if member.limit() > most {
            return Err(malformed(format!("its {name} is larger than {most} bytes")));
        }
        let mut bytes = Vec::new();
        let mut member = member;
        member.read_to_end(&mut bytes).map_err(TransportError::io("read", &self.shown))?;
        Ok(bytes)
    }
}

/// A name without the `./` before it, as some archivers write all of them.
fn bare(mut name: &[u8]) -> &[u8] {
    while let Some(rest) = name.strip_prefix(b"./") {
        name = rest;
    }
    name
}

/// Where a symbolic link leads, from the directory that it stands in; none that leave the archive.
fn beside(link: &[u8], to: &[u8]) -> Option<BString> {
    let mut parts: Vec<&[u8]> = link.split_str("/").collect();
    parts.pop();
    if to.starts_with(b"/") {
        return None;
    }
    for part in to.split_str("/") {
        match part {
            b"" | b"." => {}
            b".." => drop(parts.pop()?),
            part => parts.push(part),
        }
    }
    Some(bstr::join("/", parts).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_stay_in_the_archive() {
        assert_eq!(beside(b"a/layer.tar", b"../b/layer.tar").unwrap(), "b/layer.tar");
        assert_eq!(beside(b"layer.tar", b"x.tar").unwrap(), "x.tar");
        assert_eq!(beside(b"layer.tar", b"../x.tar"), None);
        assert_eq!(beside(b"a/b", b"/etc/passwd"), None);
    }
}
