use std::io::Read;

use bstr::{BStr, BString};
use oci::Digest;
use package::Sha1;
use rootfs::tar;

use crate::{ApkError, Limits, Part, PkgInfo, parse_pkginfo};

/// What a package says beside its files: its control part, and what apk notes of each file.
///
/// Kept beside the unpacked files ([`ControlFiles::encode`]), so that a package is read once ever.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ControlFiles {
    /// `.PKGINFO`.
    pub info: PkgInfo,
    /// Scripts, in the order of [`ScriptKind`].
    pub scripts: Vec<Script>,
    /// SHA-1 of the compressed control part: the package's identity to apk, `C:`.
    pub control: Sha1,
    /// Directories, files and links of the data in the archive's order, with the sums that apk keeps.
    /// Empty when only the control part was read.
    pub files: Vec<ListedFile>,
    /// Whose names the data's members have that are not root's: apk looks them up in the image, and
    /// takes the numbers beside them only where it finds none. In the archive's order.
    pub owners: Vec<NamedOwner>,
}

/// A member of the data that belongs to somebody else than root, by the names in the archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedOwner {
    /// In a tree's form.
    pub path: BString,
    /// User.
    pub user: BString,
    /// Group.
    pub group: BString,
}

/// A member of the data, as the installed database lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedFile {
    /// In a tree's form.
    pub path: BString,
    /// SHA-1 of a file's content or a symbolic link's target; none of a directory, or where the
    /// package gives none.
    pub sha1: Option<Sha1>,
}

/// When apk runs a script (apk-package(5)).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ScriptKind {
    /// Before the files are unpacked.
    PreInstall,
    /// After they are.
    PostInstall,
    /// Before they are removed; never on installation.
    PreDeinstall,
    /// After they are; never on installation.
    PostDeinstall,
    /// Before another version is unpacked; never on installation.
    PreUpgrade,
    /// After it is; never on installation.
    PostUpgrade,
    /// When a directory that the package watches was changed.
    Trigger,
}

impl ScriptKind {
    /// All, in the order of apk's own list (`apk_script_types`).
    pub const ALL: [ScriptKind; 7] = [
        ScriptKind::PreInstall,
        ScriptKind::PostInstall,
        ScriptKind::PreDeinstall,
        ScriptKind::PostDeinstall,
        ScriptKind::PreUpgrade,
        ScriptKind::PostUpgrade,
        ScriptKind::Trigger,
    ];

    /// The name of its file, without the dot before it.
    pub fn name(self) -> &'static str {
        match self {
            ScriptKind::PreInstall => "pre-install",
            ScriptKind::PostInstall => "post-install",
            ScriptKind::PreDeinstall => "pre-deinstall",
            ScriptKind::PostDeinstall => "post-deinstall",
            ScriptKind::PreUpgrade => "pre-upgrade",
            ScriptKind::PostUpgrade => "post-upgrade",
            ScriptKind::Trigger => "trigger",
        }
    }

    /// Would apk run it when the package is installed into an empty system?
    pub fn runs_on_installation(self) -> bool {
        matches!(self, ScriptKind::PreInstall | ScriptKind::PostInstall | ScriptKind::Trigger)
    }
}

/// A package's script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Script {
    /// When it runs.
    pub kind: ScriptKind,
    /// Its text.
    pub bytes: BString,
    /// SHA-256 of `bytes`, as the lock records it.
    pub digest: Digest,
}

impl Script {
    /// A script of these bytes.
    pub fn new(kind: ScriptKind, bytes: impl Into<BString>) -> Script {
        let bytes = bytes.into();
        let digest = Digest::of(&bytes);
        Script { kind, bytes, digest }
    }
}

const MAGIC: &[u8; 4] = b"aCf2";
const INFO: u8 = 0xff;
const OWNERS: u8 = 0xfe;

impl ControlFiles {
    /// Reads an unpacked control part. `control` is left zero: it is a sum over the packed bytes.
    pub(crate) fn read(part: &[u8], limits: &Limits) -> Result<ControlFiles, ApkError> {
        let tar_limits = tar::Limits {
            members: limits.control_members,
            body_bytes: limits.control_bytes,
            open_end: true,
            ..tar::Limits::default()
        };
        let failed = |e| ApkError::tar(Part::Control, e);
        let mut reader = tar::Reader::new(part, tar_limits);
        let (mut info, mut scripts, mut seen) = (None, Vec::<Script>::new(), Vec::<BString>::new());
        while let Some(member) = reader.next().map_err(failed)? {
            let wrong = |why| ApkError::Member { part: Part::Control, path: member.path.clone(), why };
            if member.kind != tar::Kind::File {
                return Err(wrong("it is not a plain file"));
            }
            // apk would take what has no dot for a file of the package: format 1 had but one archive.
            if !member.path.starts_with(b".") || member.path.contains(&b'/') {
                return Err(wrong("it is a file of the package, which belongs into the data"));
            }
            if seen.contains(&member.path) {
                return Err(wrong("it stands there twice"));
            }
            let script = ScriptKind::ALL.into_iter().find(|k| member.path[1..] == *k.name().as_bytes());
            let mut bytes = Vec::new();
            if member.path == ".PKGINFO" || script.is_some() {
                reader.read_to_end(&mut bytes).map_err(|e| failed(e.into()))?;
            }
            match script {
                Some(kind) => scripts.push(Script::new(kind, bytes)),
                None if member.path == ".PKGINFO" => info = Some(parse_pkginfo(&bytes)?),
                None => {}
            }
            seen.push(member.path);
        }
        scripts.sort_by_key(|s| s.kind);
        let info = info.ok_or(ApkError::Missing { part: Part::Control, what: ".PKGINFO" })?;
        let control = Sha1([0; 20]);
        Ok(ControlFiles { info, scripts, control, files: Vec::new(), owners: Vec::new() })
    }

    /// A script by kind.
    pub fn script(&self, kind: ScriptKind) -> Option<&Script> {
        self.scripts.iter().find(|s| s.kind == kind)
    }

    /// The SHA-1 of a file's content, where the package gives it.
    pub fn sha1_of(&self, path: &BStr) -> Option<Sha1> {
        self.files.iter().find(|f| f.path == path)?.sha1
    }

    /// The bytes under which a payload keeps this: the identity, then parts with kind, length and
    /// content, then the files.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = MAGIC.to_vec();
        out.extend_from_slice(&self.control.0);
        let mut part = |kind: u8, bytes: &[u8]| {
            out.push(kind);
            out.extend_from_slice(&(bytes.len() as u64).to_le_bytes());
            out.extend_from_slice(bytes);
        };
        for script in &self.scripts {
            part(script.kind as u8, &script.bytes);
        }
        let names = self.owners.iter().flat_map(|o| [&o.path, &o.user, &o.group]);
        let owners: Vec<u8> = names.flat_map(|n| n.iter().copied().chain([0])).collect();
        if !owners.is_empty() {
            part(OWNERS, &owners);
        }
        part(INFO, self.info.raw());
        for file in &self.files {
            let sum = file.sha1.as_ref();
            out.extend_from_slice(&(file.path.len() as u32).to_le_bytes());
            out.extend_from_slice(&file.path);
            out.push(u8::from(sum.is_some()));
            out.extend_from_slice(sum.map_or(&[], |s| &s.0));
        }
        out
    }

    /// Reads what [`ControlFiles::encode`] wrote.
    pub fn decode(bytes: &[u8]) -> Result<ControlFiles, ApkError> {
        let mut cursor = Cursor { rest: bytes };
        if cursor.take(4)? != MAGIC {
            return Err(stored("they are of another revision"));
        }
        let control = cursor.sha1()?;
        let (mut scripts, mut owners) = (Vec::new(), Vec::new());
        let info = loop {
            let kind = cursor.take(1)?[0];
            let len = u64::from_le_bytes(cursor.array()?);
            let part = cursor.take(usize::try_from(len).unwrap_or(usize::MAX))?;
            if kind == INFO {
                break parse_pkginfo(part)?;
            }
            if kind == OWNERS {
                owners = owners_of(part)?;
                continue;
            }
            let kind = ScriptKind::ALL.get(usize::from(kind)).ok_or(stored("they have an unknown part"))?;
            if scripts.iter().any(|s: &Script| s.kind >= *kind) {
                return Err(stored("their parts are not in order"));
            }
            scripts.push(Script::new(*kind, part));
        };
        let mut files = Vec::new();
        while !cursor.rest.is_empty() {
            let len = u32::from_le_bytes(cursor.array()?);
            let path = cursor.take(len as usize)?.into();
            let sha1 = match cursor.take(1)?[0] {
                0 => None,
                _ => Some(cursor.sha1()?),
            };
            files.push(ListedFile { path, sha1 });
        }
        Ok(ControlFiles { info, scripts, control, files, owners })
    }
}

/// Path, user and group, each with a NUL behind it, again and again.
fn owners_of(part: &[u8]) -> Result<Vec<NamedOwner>, ApkError> {
    let malformed = || stored("whose files they are is malformed");
    let fields: Vec<&[u8]> = part.strip_suffix(b"\0").ok_or_else(malformed)?.split(|b| *b == 0).collect();
    let owner = |three: &[&[u8]]| match three {
        [path, user, group] => {
            Ok(NamedOwner { path: (*path).into(), user: (*user).into(), group: (*group).into() })
        }
        _ => Err(malformed()),
    };
    fields.chunks(3).map(owner).collect()
}

struct Cursor<'a> {
    rest: &'a [u8],
}

impl<'a> Cursor<'a> {
    fn take(&mut self, len: usize) -> Result<&'a [u8], ApkError> {
        let (taken, rest) = self.rest.split_at_checked(len).ok_or(stored("they stop in the middle"))?;
        self.rest = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], ApkError> {
        self.take(N)?.try_into().map_err(|_| stored("they stop in the middle"))
    }

    fn sha1(&mut self) -> Result<Sha1, ApkError> {
        Ok(Sha1(self.array()?))
    }
}

fn stored(why: &'static str) -> ApkError {
    ApkError::Stored { why }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stored_and_read_back() {
        let files = ControlFiles {
            info: parse_pkginfo(b"pkgname = a\npkgver = 1\narch = x86_64\n").unwrap(),
            scripts: vec![
                Script::new(ScriptKind::PostInstall, "#!/bin/sh\n"),
                Script::new(ScriptKind::Trigger, ""),
            ],
            control: Sha1([7; 20]),
            files: vec![
                ListedFile { path: "usr".into(), sha1: None },
                ListedFile { path: "usr/a".into(), sha1: Some(Sha1([1; 20])) },
            ],
            owners: vec![NamedOwner { path: "usr/a".into(), user: "a".into(), group: "".into() }],
        };
        let bytes = files.encode();
        assert_eq!(ControlFiles::decode(&bytes).unwrap(), files);
        let whole = (0..bytes.len()).filter(|cut| ControlFiles::decode(&bytes[..*cut]).is_ok()).count();
        // Between two files is the only place where a cut is not seen.
        assert_eq!(whole, 2);
        assert!(matches!(ControlFiles::decode(b"xxxx"), Err(ApkError::Stored { .. })));
        assert_eq!(files.sha1_of("usr/a".into()), Some(Sha1([1; 20])));
    }
}
