use bstr::{BStr, BString, ByteSlice};
use oci::{Algorithm, Digest};

use crate::ApkError;

/// `.PKGINFO`: what a package says of itself (apk-package(5)). Lists are in the order of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PkgInfo {
    raw: BString,
    /// `pkgname`.
    pub name: String,
    /// `pkgver`, with the release.
    pub version: String,
    /// `arch`, in apk's word, or `noarch`.
    pub arch: String,
    /// `pkgdesc`.
    pub description: BString,
    /// `url`.
    pub url: BString,
    /// `license`; several lines make one text.
    pub license: BString,
    /// `origin`: the package that it was built from.
    pub origin: String,
    /// `maintainer`.
    pub maintainer: BString,
    /// `commit` of the build recipe.
    pub commit: String,
    /// `builddate`, in seconds since 1970.
    pub build_time: u64,
    /// `size` once installed, in bytes.
    pub size: u64,
    /// `depend`.
    pub depends: Vec<String>,
    /// `provides`.
    pub provides: Vec<String>,
    /// `install_if`.
    pub install_if: Vec<String>,
    /// `replaces`.
    pub replaces: Vec<String>,
    /// `replaces_priority`.
    pub replaces_priority: u32,
    /// `provider_priority`.
    pub provider_priority: u32,
    /// `triggers`: directories, as globs, whose change runs the trigger.
    pub triggers: Vec<String>,
    /// `datahash`: the SHA-256 of the data part as it comes.
    pub data_hash: Option<Digest>,
}

/// Reads `.PKGINFO`: lines of `key = value`, comments behind `#`. Unknown keys, and lines that
/// are none, are passed over, as apk does; a key that comes once in earnest is an error when it comes twice.
///
/// # Errors
/// No name or version, a number that is none, text that is not UTF-8 where it matters.
pub fn parse_pkginfo(bytes: &[u8]) -> Result<PkgInfo, ApkError> {
    let mut info = PkgInfo::empty(bytes);
    let mut once: Vec<&BStr> = Vec::new();
    for line in bytes.lines() {
        let line = line.trim_ascii();
        if line.is_empty() || line.starts_with(b"#") {
            continue;
        }
        // Some have a licence of several lines; apk does not see the second one either.
        let Some((key, value)) = line.split_once_str("=") else { continue };
        let (key, value) = (key.trim_ascii().as_bstr(), value.trim_ascii());
        if info.take_list(key, value)? {
            continue;
        }
        if info.take_one(key, value)? {
            if once.contains(&key) {
                return Err(wrong(&format!("`{key}` stands there twice")));
            }
            once.push(key);
        }
    }
    for (name, value) in [("pkgname", &info.name), ("pkgver", &info.version)] {
        if value.is_empty() {
            return Err(wrong(&format!("there is no {name}")));
        }
    }
    if info.name.contains(|c: char| c == '/' || c.is_whitespace() || c.is_control())
        || info.version.contains(|c: char| c == '/' || c.is_whitespace() || c.is_control())
        || info.name.starts_with('.')
    {
        return Err(wrong("name or version have characters that no package has"));
    }
    Ok(info)
}

impl PkgInfo {
    pub(crate) fn empty(raw: &[u8]) -> PkgInfo {
        let text = String::new;
        PkgInfo {
            raw: raw.into(),
            name: text(),
            version: text(),
            arch: text(),
            description: BString::default(),
            url: BString::default(),
            license: BString::default(),
            origin: text(),
            maintainer: BString::default(),
            commit: text(),
            build_time: 0,
            size: 0,
            depends: Vec::new(),
            provides: Vec::new(),
            install_if: Vec::new(),
            replaces: Vec::new(),
            replaces_priority: 0,
            provider_priority: 0,
            triggers: Vec::new(),
            data_hash: None,
        }
    }

    /// The file as it stands.
    pub fn raw(&self) -> &BStr {
        self.raw.as_bstr()
    }

    /// The package that it was built from; its own name where it says nothing.
    pub fn origin_or_name(&self) -> &str {
        if self.origin.is_empty() { &self.name } else { &self.origin }
    }

    /// Takes a key that may come again and again; is it one?
    fn take_list(&mut self, key: &BStr, value: &[u8]) -> Result<bool, ApkError> {
        if key == "license" {
            if !self.license.is_empty() {
                self.license.push(b' ');
            }
            self.license.extend_from_slice(value);
            return Ok(true);
        }
        let list = match key.as_bytes() {
            b"depend" => &mut self.depends,
            b"provides" => &mut self.provides,
            b"install_if" => &mut self.install_if,
            b"replaces" => &mut self.replaces,
            b"triggers" => &mut self.triggers,
            _ => return Ok(false),
        };
        list.extend(text(key, value)?.split_ascii_whitespace().map(str::to_owned));
        Ok(true)
    }

    /// Takes a key that comes once; is it known?
    fn take_one(&mut self, key: &BStr, value: &[u8]) -> Result<bool, ApkError> {
        match key.as_bytes() {
            b"pkgname" => self.name = text(key, value)?,
            b"pkgver" => self.version = text(key, value)?,
            b"arch" => self.arch = text(key, value)?,
            b"pkgdesc" => self.description = value.into(),
            b"url" => self.url = value.into(),
            b"origin" => self.origin = text(key, value)?,
            b"maintainer" => self.maintainer = value.into(),
            b"commit" => self.commit = text(key, value)?,
            b"builddate" => self.build_time = number(key, value)?,
            b"size" => self.size = number(key, value)?,
            b"replaces_priority" => self.replaces_priority = small(key, value)?,
            b"provider_priority" => self.provider_priority = small(key, value)?,
            b"datahash" => {
                let digest = Digest::from_hex(Algorithm::Sha256, &text(key, value)?);
                self.data_hash = Some(digest.map_err(|_| wrong("`datahash` is not a SHA-256"))?);
            }
            _ => return Ok(false),
        }
        Ok(true)
    }
}

fn text(key: &BStr, value: &[u8]) -> Result<String, ApkError> {
    value.to_str().map(str::to_owned).map_err(|_| wrong(&format!("`{key}` is not UTF-8")))
}

fn number(key: &BStr, value: &[u8]) -> Result<u64, ApkError> {
    let parsed = value.to_str().ok().and_then(|t| t.parse().ok());
    parsed.ok_or_else(|| wrong(&format!("`{key}` is not a number")))
}

fn small(key: &BStr, value: &[u8]) -> Result<u32, ApkError> {
    u32::try_from(number(key, value)?).map_err(|_| wrong(&format!("`{key}` is too large")))
}

fn wrong(why: &str) -> ApkError {
    ApkError::PkgInfo { why: why.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_abuild_and_melange_write() {
        let info = parse_pkginfo(
            b"# Generated by abuild\npkgname = busybox\npkgver=1.36.1-r15\nsize = 946176\n\
              triggers = /bin /usr/bin\ndepend = so:libc.musl-x86_64.so.1\ndepend = !x<1\n\
              license = MIT\nlicense = BSD\nsome_future = thing\nmaintainer = S\xc3\xb6ren\nprovider_priority = 100\n",
        )
        .unwrap();
        assert_eq!((info.name.as_str(), info.version.as_str()), ("busybox", "1.36.1-r15"));
        assert_eq!(info.depends, ["so:libc.musl-x86_64.so.1", "!x<1"]);
        assert_eq!(info.triggers, ["/bin", "/usr/bin"]);
        assert_eq!((info.license.as_bstr(), info.provider_priority), (BStr::new("MIT BSD"), 100));
        assert_eq!(info.origin_or_name(), "busybox");
        assert_eq!(info.data_hash, None);
    }

    #[test]
    fn refuses_what_means_nothing() {
        for bad in [
            "",
            "pkgname = a",
            "pkgname = a\npkgver = 1\npkgver = 2",
            "pkgname = ../a\npkgver = 1",
            "pkgname = a\npkgver = 1\nsize = many",
            "pkgname = a\npkgver = 1\ndatahash = 12",
            "pkgname = a\npkgver = 1 2",
        ] {
            assert!(matches!(parse_pkginfo(bad.as_bytes()), Err(ApkError::PkgInfo { .. })), "{bad}");
        }
    }
}
