use std::fmt;

use rootfs::CAPABILITY_NAMES;

use crate::place::At;

/// The user of the image.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RunAs {
    /// By name; looked up in the recipe's accounts, then in the image's `/etc/passwd`.
    Name(String),
    /// By number.
    Uid(u32),
    /// By the numbers of user and group, `1000:1000`.
    Numbers {
        /// The user's.
        uid: u32,
        /// The group's.
        gid: u32,
    },
}

impl RunAs {
    /// The number, where it is known without the image: of `root`, `nobody`, `nonroot` and `users`.
    pub fn uid(&self, users: &[User]) -> Option<u32> {
        match self {
            RunAs::Uid(uid) | RunAs::Numbers { uid, .. } => Some(*uid),
            RunAs::Name(name) => {
                users.iter().find(|u| u.username == *name).map(|u| u.uid).or(match name.as_str() {
                    "root" => Some(0),
                    "nobody" => Some(65534),
                    "nonroot" => Some(65532),
                    _ => None,
                })
            }
        }
    }
}

impl fmt::Display for RunAs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RunAs::Name(name) => f.write_str(name),
            RunAs::Uid(uid) => write!(f, "{uid}"),
            RunAs::Numbers { uid, gid } => write!(f, "{uid}:{gid}"),
        }
    }
}

/// A user to add (apko's shape).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Login name.
    pub username: String,
    /// Number, never 0.
    pub uid: u32,
    /// Primary group; the uid if unset (apko's rule).
    pub gid: Option<u32>,
    /// Login shell; apk: `/bin/sh`, deb: `/sbin/nologin` if unset.
    pub shell: Option<String>,
    /// Home; `/home/NAME` if unset.
    pub homedir: Option<String>,
    /// Where the recipe says its home, or else its name.
    pub at: At,
}

/// A group to add (apko's shape).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// Its name.
    pub groupname: String,
    /// Its number.
    pub gid: u32,
    /// Members besides those whose primary group it is.
    pub members: Vec<String>,
}

/// A port that the image listens on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Port {
    /// 1 to 65535.
    pub number: u16,
    /// Transport.
    pub protocol: Protocol,
}

/// A transport.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Protocol {
    /// TCP, the default.
    Tcp,
    /// UDP.
    Udp,
    /// SCTP.
    Sctp,
}

impl fmt::Display for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let protocol = match self.protocol {
            Protocol::Tcp => "tcp",
            Protocol::Udp => "udp",
            Protocol::Sctp => "sctp",
        };
        write!(f, "{}/{protocol}", self.number)
    }
}

/// A change to the finished tree (apko's `paths`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathChange {
    /// Absolute path in the image.
    pub path: String,
    /// What to do there.
    pub kind: PathKind,
    /// Owner; if both are unset it stays as it is (0 for what is new), if one is unset that one is 0.
    pub uid: Option<u32>,
    /// Group.
    pub gid: Option<u32>,
    /// Permission bits with setuid, setgid and sticky.
    pub mode: Option<u32>,
    /// Mode and owner go to everything below, too.
    pub recursive: bool,
    /// File capabilities.
    pub capabilities: Option<Capabilities>,
    /// Where the recipe names the path.
    pub at: At,
}

/// What to do at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PathKind {
    /// Make a directory, with its parents.
    Directory,
    /// Make an empty file.
    EmptyFile,
    /// Make a hard link; replaces a file.
    Hardlink {
        /// The existing path.
        source: String,
    },
    /// Make a symbolic link.
    Symlink {
        /// Its target text.
        source: String,
    },
    /// Change mode and owner only.
    Permissions,
}

/// File capabilities (capabilities(7)), as `security.capability` of revision 2 holds them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Capabilities {
    /// Bit set of the permitted ones.
    pub permitted: u64,
    /// Bit set of the inheritable ones.
    pub inheritable: u64,
    /// Permitted ones are effective at once.
    pub effective: bool,
}

impl Capabilities {
    /// These and those of `clause`, in the text form of cap_from_text(3) as setcap takes it:
    /// `cap_net_raw,cap_net_admin+ep`.
    pub(crate) fn with(mut self, clause: &str) -> Result<Capabilities, String> {
        let (names, flags) = clause.trim().split_once(['+', '=']).ok_or("it has no `+` with flags")?;
        let mut bits = 0u64;
        for name in names.split(',').map(str::trim) {
            let plain = name.to_ascii_lowercase();
            let plain = plain.strip_prefix("cap_").unwrap_or(&plain);
            let number = CAPABILITY_NAMES.iter().position(|c| *c == plain).ok_or_else(|| {
                let near = diag::nearest(plain, CAPABILITY_NAMES, 1);
                let near = near.first().map(|n| format!(", but `cap_{n}` is one")).unwrap_or_default();
                format!("`{name}` is none{near}")
            })?;
            bits |= 1 << number;
        }
        if flags.is_empty() {
            return Err("after the `+` stand flags: `e`, `i`, `p`".to_owned());
        }
        for flag in flags.chars() {
            match flag {
                // A file has one effective bit for all its capabilities (capabilities(7)).
                'e' => self.effective = true,
                'i' => self.inheritable |= bits,
                'p' => self.permitted |= bits,
                other => return Err(format!("`{other}` is no flag (`e`, `i`, `p`)")),
            }
        }
        Ok(self)
    }

    /// The value of the extended attribute `security.capability` (linux/capability.h,
    /// `struct vfs_cap_data`, revision 2, little-endian).
    pub fn to_xattr(self) -> [u8; 20] {
        const REVISION_2: u32 = 0x0200_0000;
        let words = [
            REVISION_2 | u32::from(self.effective),
            self.permitted as u32,
            self.inheritable as u32,
            (self.permitted >> 32) as u32,
            (self.inheritable >> 32) as u32,
        ];
        let mut out = [0; 20];
        for (chunk, word) in out.chunks_exact_mut(4).zip(words) {
            chunk.copy_from_slice(&word.to_le_bytes());
        }
        out
    }
}
