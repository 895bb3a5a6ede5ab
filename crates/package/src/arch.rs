use std::fmt;

use oci::Platform;
use serde::{Deserialize, Serialize};

/// An architecture in Debian's words (`amd64`, `armhf`, `all`); apk's are translated on reading.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Arch(String);

/// The one table between the words of OCI (architecture, variant), Debian and apk.
const TABLE: &[(&str, Option<&str>, &str, &str)] = &[
    ("amd64", None, "amd64", "x86_64"),
    ("arm64", Some("v8"), "arm64", "aarch64"),
    ("arm", Some("v7"), "armhf", "armv7"),
    ("arm", Some("v6"), "armel", "armhf"),
    ("386", None, "i386", "x86"),
    ("s390x", None, "s390x", "s390x"),
    ("ppc64le", None, "ppc64el", "ppc64le"),
    ("riscv64", None, "riscv64", "riscv64"),
    ("loong64", None, "loong64", "loongarch64"),
];

/// An architecture that the table does not have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not an architecture that distil knows")]
pub struct ArchError {
    /// What was given.
    pub text: String,
}

impl Arch {
    /// Any architecture, by Debian's word.
    pub fn new(text: impl Into<String>) -> Arch {
        Arch(text.into())
    }

    /// `all`: the same on every architecture.
    pub fn all() -> Arch {
        Arch("all".to_owned())
    }

    /// Debian's word.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The architecture of a platform (a missing variant means the table's first row).
    pub fn of(platform: &Platform) -> Result<Arch, ArchError> {
        TABLE
            .iter()
            .find(|(a, v, _, _)| {
                *a == platform.architecture
                    && (platform.variant.is_none() || platform.variant.as_deref() == *v)
            })
            .map(|row| Arch(row.2.to_owned()))
            .ok_or_else(|| ArchError { text: platform.to_string() })
    }

    /// The platform of an architecture, as images carry it (`arm64` with `v8`, `armhf` as `arm/v7`).
    pub fn platform(&self) -> Result<Platform, ArchError> {
        let row =
            TABLE.iter().find(|row| row.2 == self.0).ok_or_else(|| ArchError { text: self.0.clone() })?;
        let platform = Platform::linux(row.0);
        Ok(match row.1 {
            Some(v) => platform.with_variant(v),
            None => platform,
        })
    }

    /// apk's word.
    pub fn apk(&self) -> Result<&'static str, ArchError> {
        TABLE
            .iter()
            .find(|row| row.2 == self.0)
            .map(|row| row.3)
            .ok_or_else(|| ArchError { text: self.0.clone() })
    }

    /// Reads apk's word, that one only: its `armhf` is not Debian's.
    pub fn from_apk(word: &str) -> Result<Arch, ArchError> {
        let row = TABLE.iter().find(|row| row.3 == word);
        row.map(|r| Arch(r.2.to_owned())).ok_or_else(|| ArchError { text: word.to_owned() })
    }

    /// Reads what a recipe may say: Go's, Debian's or apk's word, with or without `linux/`.
    pub fn from_any_word(text: &str) -> Result<Arch, ArchError> {
        let word = text.strip_prefix("linux/").unwrap_or(text);
        let (arch, variant) = word.split_once('/').map_or((word, None), |(a, v)| (a, Some(v)));
        let go = TABLE.iter().find(|r| r.0 == arch && (variant.is_none() || r.1 == variant));
        let other = || TABLE.iter().find(|r| variant.is_none() && (r.2 == word || r.3 == word));
        go.or_else(other).map(|r| Arch(r.2.to_owned())).ok_or_else(|| ArchError { text: text.to_owned() })
    }
}

impl fmt::Display for Arch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_table_for_three_worlds() {
        for (word, deb, platform) in [
            ("amd64", "amd64", "linux/amd64"),
            ("x86_64", "amd64", "linux/amd64"),
            ("arm64", "arm64", "linux/arm64/v8"),
            ("linux/arm64/v8", "arm64", "linux/arm64/v8"),
            ("aarch64", "arm64", "linux/arm64/v8"),
            ("arm/v7", "armhf", "linux/arm/v7"),
            ("arm", "armhf", "linux/arm/v7"),
            ("ppc64le", "ppc64el", "linux/ppc64le"),
        ] {
            let arch = Arch::from_any_word(word).unwrap();
            assert_eq!(arch.as_str(), deb);
            assert_eq!(arch.platform().unwrap().to_string(), platform);
            assert_eq!(Arch::of(&arch.platform().unwrap()).unwrap(), arch);
        }
        assert!(Arch::from_any_word("vax").is_err());
        assert_eq!(Arch::from_apk("armhf").unwrap().as_str(), "armel");
        assert!(Arch::from_apk("amd64").is_err());
    }
}
