//! The public keys of Alpine and Wolfi, for what a recipe's `distribution:` means.
//!
//! The files under `keys/` come unchanged from the distributions; `keys/apk.md` says whence, with
//! their digests, and the tests hold files and table together.

use crate::{RsaKey, RsaKeyring};

/// A key that is part of the program.
#[derive(Debug, Clone, Copy)]
pub struct EmbeddedRsa {
    /// Its file name, as signatures call it.
    pub name: &'static str,
    /// The architectures, in apk's words, whose packages it signs; empty for all.
    pub archs: &'static [&'static str],
    pem: &'static [u8],
}

impl EmbeddedRsa {
    /// The file as the distribution ships it.
    pub fn pem(&self) -> &'static [u8] {
        self.pem
    }

    /// Does it sign packages of this architecture?
    pub fn is_for(&self, apk_arch: &str) -> bool {
        self.archs.is_empty() || self.archs.contains(&apk_arch)
    }
}

macro_rules! alpine {
    ($id:literal, [$($arch:literal),+]) => {
        EmbeddedRsa {
            name: concat!("alpine-devel@lists.alpinelinux.org-", $id, ".rsa.pub"),
            archs: &[$($arch),+],
            pem: include_bytes!(concat!(
                "../keys/alpine/alpine-devel@lists.alpinelinux.org-", $id, ".rsa.pub"
            )),
        }
    };
}

/// Alpine's, each for its architectures.
pub const ALPINE: &[EmbeddedRsa] = &[
    alpine!("4a6a0840", ["x86", "x86_64"]),
    alpine!("5243ef4b", ["x86"]),
    alpine!("524d27bb", ["armhf", "armv7"]),
    alpine!("5261cecb", ["x86_64"]),
    alpine!("58199dcc", ["aarch64"]),
    alpine!("58cbb476", ["ppc64le"]),
    alpine!("58e4f17d", ["s390x"]),
    alpine!("5e69ca50", ["mips64"]),
    alpine!("60ac2099", ["riscv64"]),
    alpine!("6165ee59", ["x86_64"]),
    alpine!("61666e3f", ["x86"]),
    alpine!("616a9724", ["armhf"]),
    alpine!("616abc23", ["ppc64le"]),
    alpine!("616ac3bc", ["s390x"]),
    alpine!("616adfeb", ["armv7"]),
    alpine!("616ae350", ["aarch64"]),
    alpine!("616db30d", ["riscv64"]),
];

/// Wolfi's.
pub const WOLFI: &[EmbeddedRsa] = &[EmbeddedRsa {
    name: "wolfi-signing.rsa.pub",
    archs: &[],
    pem: include_bytes!("../keys/wolfi/wolfi-signing.rsa.pub"),
}];

/// The key of that file name.
pub fn named(name: &str) -> Option<&'static EmbeddedRsa> {
    ALPINE.iter().chain(WOLFI).find(|k| k.name == name)
}

/// Those of `keys` that sign packages of an architecture, in apk's word for it.
pub fn keyring(keys: &[EmbeddedRsa], apk_arch: &str) -> RsaKeyring {
    let wanted = keys.iter().filter(|k| k.is_for(apk_arch));
    // The tests read every one of them.
    wanted.filter_map(|k| RsaKey::from_pem(k.name, k.pem).ok()).collect()
}
