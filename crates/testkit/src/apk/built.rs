use base64::Engine as _;
use sha1::Digest as _;

use super::archive::Style;
use super::key::Signer;
use super::package::ApkPackage;
use crate::tar::Entry;

/// The signatures of `signed`, each a member of its own gzip: none at all where nobody signs.
pub(super) fn signature_part(style: Style, signers: &[Signer], signed: &[u8]) -> Vec<u8> {
    if signers.is_empty() {
        return Vec::new();
    }
    let members: Vec<Entry> =
        signers.iter().map(|s| Entry::file(s.member(), 0o644, s.sign(signed))).collect();
    // abuild-sign writes plain headers here, whatever the rest has.
    style.gzip(&Style::Melange.cut(&members))
}

/// A package's bytes, part by part, so that a test can put parts of several together.
#[derive(Debug, Clone)]
pub struct BuiltApk {
    pub(super) package: ApkPackage,
    /// Compressed signatures; empty where there are none.
    pub signatures: Vec<u8>,
    /// Compressed control part: what is signed, and what the index names by SHA-1.
    pub control: Vec<u8>,
    /// Compressed files.
    pub data: Vec<u8>,
}

impl BuiltApk {
    /// The .apk.
    pub fn bytes(&self) -> Vec<u8> {
        [self.signatures.as_slice(), &self.control, &self.data].concat()
    }

    /// SHA-1 of the control part.
    pub fn control_sha1(&self) -> [u8; 20] {
        sha1::Sha1::digest(&self.control).into()
    }

    /// The same as an index's `C:` has it.
    pub fn identity(&self) -> String {
        format!("Q1{}", base64::engine::general_purpose::STANDARD.encode(self.control_sha1()))
    }

    /// Its record in an index for `arch`, without the blank line, in the order of `apk index`.
    pub fn record(&self, arch: &str) -> String {
        let (package, about) = (&self.package, &self.package.about);
        let size = self.signatures.len() + self.control.len() + self.data.len();
        let mut text = format!(
            "C:{}\nP:{}\nV:{}\nA:{arch}\nS:{size}\nI:{}\nT:{}\nU:https://example.org/\nL:{}\no:{}\n",
            self.identity(),
            package.name,
            package.version,
            package.installed_size(),
            about.description,
            about.license,
            about.origin,
        );
        let mut line = |letter: char, value: &str| text.push_str(&format!("{letter}:{value}\n"));
        if let Some(maintainer) = &about.maintainer {
            line('m', maintainer);
        }
        line('t', &about.built.to_string());
        line('c', &about.commit);
        if let Some(priority) = about.provider_priority {
            line('k', &priority.to_string());
        }
        let relations = &package.relations;
        for (letter, list) in
            [('D', &relations.depends), ('p', &relations.provides), ('i', &relations.install_if)]
        {
            if !list.is_empty() {
                line(letter, &list.join(" "));
            }
        }
        text
    }
}
