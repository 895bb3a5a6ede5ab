//! The public keys of the Debian archive, for what a recipe's `distribution:` means.
//!
//! The files under `keys/` come unchanged from Debian's package debian-archive-keyring; `keys/README.md`
//! gives its version and their digests, and the tests hold files, fingerprints and README together.

use crate::{Fingerprint, Keyring};

/// A key that is part of the program.
#[derive(Debug, Clone, Copy)]
pub struct Embedded {
    /// Its name, which is its file's name in Debian's package.
    pub name: &'static str,
    /// The fingerprint of its primary key.
    pub fingerprint: Fingerprint,
    bytes: &'static [u8],
}

impl Embedded {
    /// The certificate as Debian ships it.
    pub fn bytes(&self) -> &'static [u8] {
        self.bytes
    }
}

macro_rules! embedded {
    ($name:literal, $fingerprint:expr) => {
        Embedded {
            name: $name,
            fingerprint: Fingerprint::new($fingerprint),
            bytes: include_bytes!(concat!("../keys/", $name, ".gpg")),
        }
    };
}

/// The keys of bookworm and trixie: those that sign the archive, its security archive, and the
/// release keys of the stable release managers.
pub const ALL: &[Embedded] = &[
    embedded!("debian-archive-bookworm-automatic", hex("B8B80B5B623EAB6AD8775C45B7C5D7D6350947F8")),
    embedded!("debian-archive-bookworm-security-automatic", hex("05AB90340C0C5E797F44A8C8254CF3B5AEC0A8F0")),
    embedded!("debian-archive-bookworm-stable", hex("4D64FEC119C2029067D6E791F8D2585B8783D481")),
    embedded!("debian-archive-trixie-automatic", hex("04B54C3CDCA79751B16BC6B5225629DF75B188BD")),
    embedded!("debian-archive-trixie-security-automatic", hex("5E04A1E3223A19A20706E20F9904613D4CCE68C6")),
    embedded!("debian-archive-trixie-stable", hex("41587F7DB8C774BCCF131416762F67A0B2C39DE4")),
];

/// Reads forty hexadecimal digits while compiling.
const fn hex(text: &str) -> [u8; 20] {
    let text = text.as_bytes();
    assert!(text.len() == 40);
    let mut out = [0; 20];
    let mut i = 0;
    while i < 40 {
        let digit = match text[i] {
            c @ b'0'..=b'9' => c - b'0',
            c @ b'A'..=b'F' => c - b'A' + 10,
            _ => panic!("a fingerprint has upper-case hexadecimal digits"),
        };
        out[i / 2] = out[i / 2] << 4 | digit;
        i += 1;
    }
    out
}

/// The key of that name, for instance `debian-archive-trixie-automatic`.
pub fn named(name: &str) -> Option<&'static Embedded> {
    ALL.iter().find(|k| k.name == name)
}

/// The keys of those names. `Err` has the first name that is not known.
pub fn keyring<'a>(names: impl IntoIterator<Item = &'a str>) -> Result<Keyring, String> {
    names.into_iter().try_fold(Keyring::empty(), |ring, name| {
        let key = named(name).ok_or_else(|| name.to_owned())?;
        let key = Keyring::from_bytes(key.bytes, key.name).map_err(|e| e.to_string())?;
        Ok(ring.merge(key))
    })
}

/// All of them.
pub fn all() -> Keyring {
    keyring(ALL.iter().map(|k| k.name)).unwrap_or_default()
}
