use std::io::Read;

use bstr::{BStr, BString, ByteSlice};
use oci::Digest;
use rootfs::tar;

use crate::archive::Which;
use crate::{Control, DebError, Limits, Trigger, triggers};

/// What control.tar says: everything of a package that is not one of its files.
///
/// Kept beside the unpacked files ([`ControlFiles::encode`]), so that a package is read once ever.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ControlFiles {
    /// The paragraph.
    pub control: Control,
    /// Maintainer scripts, in the order of [`ScriptKind`].
    pub scripts: Vec<Script>,
    /// `md5sums` as it stands; empty if there is none.
    pub md5sums: BString,
    /// `conffiles` as it stands.
    pub conffiles: BString,
    /// `triggers` as it stands.
    pub triggers: BString,
    /// debconf's `templates` as it stands: what a question's answer is when nobody answers.
    pub templates: BString,
}

/// When dpkg runs a script (Policy 6.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ScriptKind {
    /// debconf's questions, before anything is unpacked.
    Config,
    /// Before the files are unpacked.
    Preinst,
    /// After they are.
    Postinst,
    /// Before they are removed; never on installation.
    Prerm,
    /// After they are; never on installation.
    Postrm,
}

impl ScriptKind {
    /// All, in the order in which they run.
    pub const ALL: [ScriptKind; 5] = [
        ScriptKind::Config,
        ScriptKind::Preinst,
        ScriptKind::Postinst,
        ScriptKind::Prerm,
        ScriptKind::Postrm,
    ];

    /// The name of its file in control.tar.
    pub fn name(self) -> &'static str {
        match self {
            ScriptKind::Config => "config",
            ScriptKind::Preinst => "preinst",
            ScriptKind::Postinst => "postinst",
            ScriptKind::Prerm => "prerm",
            ScriptKind::Postrm => "postrm",
        }
    }
}

/// A maintainer script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Script {
    /// When it runs.
    pub kind: ScriptKind,
    /// Its text, or program.
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

const MAGIC: &[u8; 4] = b"dCf1";

impl ControlFiles {
    /// Reads an unpacked control.tar to its end.
    pub fn read(input: &mut dyn Read, limits: &Limits) -> Result<ControlFiles, DebError> {
        let tar_limits = tar::Limits {
            members: limits.control_members,
            body_bytes: limits.control_bytes,
            ..tar::Limits::default()
        };
        let failed = |why| DebError::Tar { member: Which::Control.name(), why };
        let mut reader = tar::Reader::new(input, tar_limits);
        let mut seen: Vec<BString> = Vec::new();
        let mut parts: Vec<(&'static str, Vec<u8>)> = Vec::new();
        while let Some(member) = reader.next().map_err(failed)? {
            if member.kind == tar::Kind::Dir {
                continue;
            }
            let wrong = |why| DebError::Control { why: format!("`{}` in control.tar {why}", member.path) };
            if member.kind != tar::Kind::File {
                return Err(wrong("is not a plain file"));
            }
            if seen.contains(&member.path) {
                return Err(wrong("stands there twice"));
            }
            if let Some(name) = PARTS.iter().find(|n| member.path == **n) {
                let mut bytes = Vec::new();
                reader.read_to_end(&mut bytes).map_err(|e| failed(e.into()))?;
                parts.push((name, bytes));
            }
            seen.push(member.path);
        }
        ControlFiles::of(parts)
    }

    fn of(parts: Vec<(&'static str, Vec<u8>)>) -> Result<ControlFiles, DebError> {
        let mut taken: Vec<Option<Vec<u8>>> = vec![None; PARTS.len()];
        for (name, bytes) in parts {
            let at = PARTS.iter().position(|n| *n == name);
            if let Some(slot) = at.and_then(|at| taken.get_mut(at)) {
                *slot = Some(bytes);
            }
        }
        let mut take = |name: &str| {
            let at = PARTS.iter().position(|n| *n == name);
            at.and_then(|at| taken[at].take())
        };
        let control = take("control").ok_or(DebError::Control { why: "there is none".into() })?;
        let text = |bytes: Option<Vec<u8>>| BString::from(bytes.unwrap_or_default());
        Ok(ControlFiles {
            control: Control::parse(control)?,
            scripts: ScriptKind::ALL
                .into_iter()
                .filter_map(|kind| take(kind.name()).map(|bytes| Script::new(kind, bytes)))
                .collect(),
            md5sums: text(take("md5sums")),
            conffiles: text(take("conffiles")),
            triggers: text(take("triggers")),
            templates: text(take("templates")),
        })
    }

    /// What the package asks of triggers (deb-triggers(5)).
    pub fn triggers(&self) -> Vec<Trigger> {
        triggers::parse_triggers(&self.triggers)
    }

    /// The files that dpkg would keep as an administrator changed them: paths in a tree's form.
    pub fn conffiles(&self) -> Vec<BString> {
        // `remove-on-upgrade /path` names a file that the package does not have any more.
        let paths = self.conffiles.lines().filter(|l| l.starts_with(b"/"));
        paths.map(|l| BString::from(l.trim_ascii_end().trim_start_with(|c| c == '/'))).collect()
    }

    /// The bytes under which a payload keeps this: a count of parts, each with name and content.
    pub fn encode(&self) -> Vec<u8> {
        let mut parts: Vec<(&str, &[u8])> = vec![("control", self.control.raw())];
        parts.extend(self.scripts.iter().map(|s| (s.kind.name(), &s.bytes[..])));
        for (name, bytes) in [
            ("md5sums", &self.md5sums),
            ("conffiles", &self.conffiles),
            ("triggers", &self.triggers),
            ("templates", &self.templates),
        ] {
            if !bytes.is_empty() {
                parts.push((name, bytes));
            }
        }
        let mut out = MAGIC.to_vec();
        for (name, bytes) in parts {
            let at = PARTS.iter().position(|n| *n == name).expect("every part is in the table");
            out.push(u8::try_from(at).expect("a table of a few rows"));
            out.extend_from_slice(&(bytes.len() as u64).to_le_bytes());
            out.extend_from_slice(bytes);
        }
        out
    }

    /// Reads what [`ControlFiles::encode`] wrote.
    pub fn decode(bytes: &[u8]) -> Result<ControlFiles, DebError> {
        let fail = |why| DebError::Stored { why };
        let mut rest = bytes.strip_prefix(MAGIC).ok_or(fail("they are of another revision"))?;
        let mut parts = Vec::new();
        while let Some((&at, after)) = rest.split_first() {
            let name = *PARTS.get(usize::from(at)).ok_or(fail("they have an unknown part"))?;
            let (len, after) = after.split_first_chunk::<8>().ok_or(fail("they stop in the middle"))?;
            let len = usize::try_from(u64::from_le_bytes(*len)).ok().filter(|l| *l <= after.len());
            let (body, after) = after.split_at(len.ok_or(fail("they stop in the middle"))?);
            if parts.iter().any(|(n, _)| *n == name) {
                return Err(fail("they have a part twice"));
            }
            parts.push((name, body.to_vec()));
            rest = after;
        }
        ControlFiles::of(parts)
    }

    /// A script by kind.
    pub fn script(&self, kind: ScriptKind) -> Option<&Script> {
        self.scripts.iter().find(|s| s.kind == kind)
    }

    /// `var/lib/dpkg/status.d/NAME.md5sums`: the lines of `md5sums` whose files `kept` keeps.
    ///
    /// The convention: a line for a file that is not in the image is left out, so that every line
    /// can be verified; what dpkg itself lists no sum for (conffiles, links) has no line either. A
    /// file whose path the image has but whose bytes we made anew must not be `kept`. `kept` gets
    /// paths in a tree's form.
    pub fn md5sums_of(&self, mut kept: impl FnMut(&BStr) -> bool) -> BString {
        let mut out = BString::default();
        for line in self.md5sums.lines_with_terminator() {
            if let Some(path) = md5sums_path(line)
                && kept(path)
            {
                out.extend_from_slice(line);
            }
        }
        out
    }

    /// The paths that `md5sums` has lines for, in a tree's form.
    pub fn listed_files(&self) -> impl Iterator<Item = &BStr> {
        self.md5sums.lines().filter_map(md5sums_path)
    }

    /// Where the package is noted in an image so that scanners see it: the control paragraph goes,
    /// as it stands, into `var/lib/dpkg/status.d/NAME`, the sums into `NAME.md5sums` beside it.
    pub fn status_path(&self) -> BString {
        format!("var/lib/dpkg/status.d/{}", self.control.package()).into()
    }
}

/// What we keep of control.tar. Places in this table are part of the stored form.
const PARTS: [&str; 10] = [
    "control",
    "config",
    "preinst",
    "postinst",
    "prerm",
    "postrm",
    "md5sums",
    "conffiles",
    "triggers",
    "templates",
];

/// `SUM  path`, two blanks between; older packages have `./path`.
fn md5sums_path(line: &[u8]) -> Option<&BStr> {
    let path = line.trim_end_with(|c| c == '\n' || c == '\r').get(32..)?.trim_ascii_start();
    let path = path.strip_prefix(b"./").unwrap_or(path);
    (!path.is_empty()).then_some(path.as_bstr())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> ControlFiles {
        ControlFiles {
            control: Control::parse("Package: a\nVersion: 1\nArchitecture: all\n").unwrap(),
            scripts: vec![Script::new(ScriptKind::Postinst, "#!/bin/sh\n")],
            md5sums: "d41d8cd98f00b204e9800998ecf8427e  usr/a\n0cc175b9c0f1b6a831c399e269772661  usr/b c\n"
                .into(),
            conffiles: "/etc/a\nremove-on-upgrade /etc/b\n".into(),
            triggers: BString::default(),
            templates: BString::default(),
        }
    }

    #[test]
    fn stored_and_read_back() {
        let files = sample();
        let bytes = files.encode();
        assert_eq!(ControlFiles::decode(&bytes).unwrap(), files);
        for cut in 0..bytes.len() {
            assert!(ControlFiles::decode(&bytes[..cut]).is_err() || cut > 40, "cut at {cut}");
        }
        assert!(matches!(ControlFiles::decode(b"xxxx"), Err(DebError::Stored { .. })));
    }

    #[test]
    fn sums_of_cut_files_are_left_out() {
        let files = sample();
        assert_eq!(files.md5sums_of(|p| p == "usr/b c"), "0cc175b9c0f1b6a831c399e269772661  usr/b c\n");
        assert_eq!(files.listed_files().collect::<Vec<_>>(), ["usr/a", "usr/b c"]);
        assert_eq!(files.conffiles(), ["etc/a"]);
        assert_eq!(files.status_path(), "var/lib/dpkg/status.d/a");
    }
}
