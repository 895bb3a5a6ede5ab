use sha1::Digest as _;
use sha2::Digest as _;

use super::archive::{Style, in_order};
use super::built::{BuiltApk, signature_part};
use super::key::Signer;
use crate::tar::Entry;
use crate::world::hex;

/// The PAX record that carries the SHA-1 of a file, or of a symbolic link's target.
pub const CHECKSUM: &str = "APK-TOOLS.checksum.SHA1";

/// A made-up package of apk's format 2.
///
/// Verbs that name a file make it; [`owner`](ApkPackage::owner), [`named`](ApkPackage::named), [`xattr`](ApkPackage::xattr) and
/// [`pax`](ApkPackage::pax) speak of the member made last.
#[derive(Debug, Clone)]
pub struct ApkPackage {
    pub(super) name: String,
    pub(super) version: String,
    pub(super) arch: String,
    pub(super) about: About,
    pub(super) relations: Relations,
    more: Vec<(String, String)>,
    data: Vec<Entry>,
    control: Vec<Entry>,
    triggers: Vec<String>,
    style: Style,
    bare: bool,
    checksums: bool,
}

/// What a package says of itself.
#[derive(Debug, Clone)]
pub(super) struct About {
    pub(super) description: String,
    pub(super) origin: String,
    pub(super) license: String,
    pub(super) commit: String,
    pub(super) maintainer: Option<String>,
    pub(super) built: u64,
    pub(super) provider_priority: Option<u32>,
    pub(super) replaces_priority: Option<u32>,
}

/// What a package says of others.
#[derive(Debug, Clone, Default)]
pub(super) struct Relations {
    pub(super) depends: Vec<String>,
    pub(super) provides: Vec<String>,
    pub(super) replaces: Vec<String>,
    pub(super) install_if: Vec<String>,
}

impl ApkPackage {
    /// A package for x86_64 without files, dependencies or scripts, made on 2025-01-01.
    pub fn new(name: &str, version: &str) -> ApkPackage {
        let about = About {
            description: "made up".to_owned(),
            origin: name.to_owned(),
            license: "MIT".to_owned(),
            commit: "0123456789abcdef0123456789abcdef01234567".to_owned(),
            maintainer: None,
            built: 1_735_689_600,
            provider_priority: None,
            replaces_priority: None,
        };
        ApkPackage {
            name: name.to_owned(),
            version: version.to_owned(),
            arch: "x86_64".to_owned(),
            about,
            relations: Relations::default(),
            more: Vec::new(),
            data: Vec::new(),
            control: Vec::new(),
            triggers: Vec::new(),
            style: Style::default(),
            bare: false,
            checksums: true,
        }
    }

    /// For another architecture, in apk's word (`aarch64`), or `noarch`.
    pub fn arch(mut self, arch: &str) -> ApkPackage {
        self.arch = arch.to_owned();
        self
    }

    /// Whose hand the file shows.
    pub fn style(mut self, style: Style) -> ApkPackage {
        self.style = style;
        self
    }

    /// `depend`; several may stand between spaces, conflicts among them as `!name`.
    pub fn depends(mut self, relations: &str) -> ApkPackage {
        self.relations.depends.extend(relations.split_whitespace().map(str::to_owned));
        self
    }

    /// `provides`: `cmd:sh=1.0-r0`, `so:libc.so.6=6`, or a bare virtual name.
    pub fn provides(mut self, relations: &str) -> ApkPackage {
        self.relations.provides.extend(relations.split_whitespace().map(str::to_owned));
        self
    }

    /// `replaces`: whose files it may take over.
    pub fn replaces(mut self, relations: &str) -> ApkPackage {
        self.relations.replaces.extend(relations.split_whitespace().map(str::to_owned));
        self
    }

    /// `install_if`: it comes by itself once all of these are there.
    pub fn install_if(mut self, relations: &str) -> ApkPackage {
        self.relations.install_if.extend(relations.split_whitespace().map(str::to_owned));
        self
    }

    /// `provider_priority`: who is taken among those that provide a name without a version.
    pub fn provider_priority(mut self, priority: u32) -> ApkPackage {
        self.about.provider_priority = Some(priority);
        self
    }

    /// `replaces_priority`: who keeps a file when two replace each other.
    pub fn replaces_priority(mut self, priority: u32) -> ApkPackage {
        self.about.replaces_priority = Some(priority);
        self
    }

    /// `origin`: the package it was built with.
    pub fn origin(mut self, origin: &str) -> ApkPackage {
        self.about.origin = origin.to_owned();
        self
    }

    /// `pkgdesc`.
    pub fn description(mut self, text: &str) -> ApkPackage {
        self.about.description = text.to_owned();
        self
    }

    /// `license`.
    pub fn license(mut self, expression: &str) -> ApkPackage {
        self.about.license = expression.to_owned();
        self
    }

    /// `maintainer`.
    pub fn maintainer(mut self, name: &str) -> ApkPackage {
        self.about.maintainer = Some(name.to_owned());
        self
    }

    /// `builddate`, seconds since 1970; 0 leaves it out, as melange does.
    pub fn built(mut self, unix: u64) -> ApkPackage {
        self.about.built = unix;
        self
    }

    /// One more line of `.PKGINFO`.
    pub fn info(mut self, key: &str, value: &str) -> ApkPackage {
        self.more.push((key.to_owned(), value.to_owned()));
        self
    }

    /// A file owned by root.
    pub fn file(self, path: &str, mode: u32, body: impl AsRef<[u8]>) -> ApkPackage {
        self.entry(Entry::file(bare_path(path), mode, body.as_ref()))
    }

    /// A directory owned by root; those above a member need not be said.
    pub fn directory(self, path: &str, mode: u32) -> ApkPackage {
        self.entry(Entry::dir(bare_path(path), mode))
    }

    /// A symbolic link; `target` stays as it is.
    pub fn symlink(self, path: &str, target: &str) -> ApkPackage {
        self.entry(Entry::symlink(bare_path(path), target))
    }

    /// A second name of a file of this package.
    pub fn hard_link(self, path: &str, target: &str) -> ApkPackage {
        self.entry(Entry::hardlink(bare_path(path), bare_path(target)))
    }

    /// A member of the data as it is.
    pub fn entry(mut self, entry: Entry) -> ApkPackage {
        self.data.push(entry.at(self.about.built));
        self
    }

    /// The last member belongs to someone.
    pub fn owner(mut self, uid: u64, gid: u64) -> ApkPackage {
        let last = self.data.last_mut().expect("a member to own");
        (last.uid, last.gid) = (uid, gid);
        self
    }

    /// The last member's header has these names of its owner and group, whatever the numbers there.
    pub fn named(mut self, user: &str, group: &str) -> ApkPackage {
        let last = self.data.last_mut().expect("a member to own");
        last.names = Some([user.to_owned(), group.to_owned()]);
        self
    }

    /// The last member has an extended attribute.
    pub fn xattr(self, name: &str, value: impl AsRef<[u8]>) -> ApkPackage {
        self.pax(&format!("SCHILY.xattr.{name}"), value)
    }

    /// The last member has a PAX record. [`CHECKSUM`] given here stands instead of the true one.
    pub fn pax(mut self, key: &str, value: impl AsRef<[u8]>) -> ApkPackage {
        let last = self.data.last_mut().expect("a member to speak of");
        last.pax.push((key.as_bytes().to_vec(), value.as_ref().to_vec()));
        self
    }

    /// A script: `.pre-install`, `.post-install`, `.pre-upgrade`, … with its dot.
    pub fn script(self, kind: &str, text: &str) -> ApkPackage {
        self.control_member(kind, 0o755, text)
    }

    /// A trigger: which directories, and the script.
    pub fn trigger(mut self, dirs: &[&str], text: &str) -> ApkPackage {
        self.triggers.extend(dirs.iter().map(|d| (*d).to_owned()));
        self.script(".trigger", text)
    }

    /// Any other member of the control part, such as `.melange.yaml`.
    pub fn control_member(mut self, name: &str, mode: u32, body: impl AsRef<[u8]>) -> ApkPackage {
        self.control.push(Entry::file(name, mode, body.as_ref()).at(self.about.built));
        self
    }

    /// The data holds what it was given in that order: no parents, no sorting.
    pub fn bare(mut self) -> ApkPackage {
        self.bare = true;
        self
    }

    /// Files and links carry no SHA-1 of their own.
    pub fn without_checksums(mut self) -> ApkPackage {
        self.checksums = false;
        self
    }

    /// `name-version.apk`.
    pub fn file_name(&self) -> String {
        format!("{}-{}.apk", self.name, self.version)
    }

    /// What it takes when installed.
    pub(super) fn installed_size(&self) -> usize {
        self.data.iter().map(|e| e.body.len()).sum()
    }

    /// `.PKGINFO` without its last line.
    pub fn info_text(&self) -> String {
        let mut text = match self.style {
            Style::Melange => "# Generated by melange\n".to_owned(),
            Style::Abuild => "# Generated by abuild 3.12.0-r0\n# using fakeroot version 1.32.1\n".to_owned(),
        };
        for (key, value) in self.info_lines() {
            text.push_str(&format!("{key} = {value}\n"));
        }
        text
    }

    fn info_lines(&self) -> Vec<(&str, String)> {
        let (about, relations) = (&self.about, &self.relations);
        let mut lines = vec![
            ("pkgname", self.name.clone()),
            ("pkgver", self.version.clone()),
            ("pkgdesc", about.description.clone()),
            ("url", "https://example.org/".to_owned()),
            ("size", self.installed_size().to_string()),
            ("arch", self.arch.clone()),
            ("origin", about.origin.clone()),
            ("commit", about.commit.clone()),
        ];
        lines.extend((about.built != 0).then(|| ("builddate", about.built.to_string())));
        lines.extend(about.maintainer.iter().map(|m| ("maintainer", m.clone())));
        lines.push(("license", about.license.clone()));
        lines.extend(relations.depends.iter().map(|d| ("depend", d.clone())));
        lines.extend(relations.provides.iter().map(|p| ("provides", p.clone())));
        lines.extend(relations.replaces.iter().map(|r| ("replaces", r.clone())));
        lines.extend(about.replaces_priority.map(|p| ("replaces_priority", p.to_string())));
        lines.extend(about.provider_priority.map(|p| ("provider_priority", p.to_string())));
        lines.extend(
            (!relations.install_if.is_empty()).then(|| ("install_if", relations.install_if.join(" "))),
        );
        lines.extend((!self.triggers.is_empty()).then(|| ("triggers", self.triggers.join(" "))));
        lines.extend(self.more.iter().map(|(k, v)| (k.as_str(), v.clone())));
        lines
    }

    /// The three parts, signed by these.
    pub fn build(&self, signers: &[Signer]) -> BuiltApk {
        let data = self.style.gzip(&self.style.tar(&self.data_members()));
        self.build_around(data, signers)
    }

    /// The same around other data: [`ApkPackage::build`] with the part that it did not make.
    pub fn build_around(&self, data: Vec<u8>, signers: &[Signer]) -> BuiltApk {
        let hash = hex(&sha2::Sha256::digest(&data));
        let info = format!("{}datahash = {hash}\n", self.info_text());
        let mut control = vec![Entry::file(".PKGINFO", 0o644, info).at(self.about.built)];
        control.extend(self.control.iter().cloned());
        let control = self.style.gzip(&self.style.cut(&control));
        let signatures = signature_part(self.style, signers, &control);
        BuiltApk { package: self.clone(), signatures, control, data }
    }

    fn data_members(&self) -> Vec<Entry> {
        let mut members = if self.bare { self.data.clone() } else { in_order(&self.data, self.about.built) };
        for member in members.iter_mut().filter(|_| self.checksums) {
            let of = match member.kind {
                b'0' => &member.body,
                b'2' => &member.link,
                _ => continue,
            };
            let known = member.pax.iter().any(|(k, _)| k == CHECKSUM.as_bytes());
            let sum = hex(&sha1::Sha1::digest(of));
            if !known {
                member.pax.push((CHECKSUM.as_bytes().to_vec(), sum.into_bytes()));
            }
        }
        members
    }
}

fn bare_path(path: &str) -> &str {
    path.trim_matches('/')
}
