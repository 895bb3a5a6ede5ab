use std::collections::BTreeSet;

use bstr::{BString, ByteSlice};
use recipe::Certificate;
use rootfs::path::file_name;
use rootfs::{Node, Owner, Tree};

use crate::apk_rules::add_to_java;
use crate::draft::{Draft, DraftError};
use crate::java_keystore::{self, TrustedCertificate};
use crate::{ComposeError, ComposeInput, Note, Rule, der, pem};

/// Where programs look; `SSL_CERT_FILE` says so too.
const BUNDLE: &str = "etc/ssl/certs/ca-certificates.crt";
const JAVA: &str = "etc/ssl/certs/java/cacerts";
/// Where Adoptium's packages link their keystore to.
const ADOPTIUM: &str = "etc/ssl/certs/adoptium/cacerts";

/// PEM text with a name for messages and the keystore.
struct Trusted {
    name: String,
    pem: Vec<u8>,
}

/// The files of the package ca-certificates, taken before a part of it or a class is left out: in the
/// order in which a shell's glob gives them, by bytes.
pub(crate) fn of_package(tree: &Tree) -> Vec<(BString, rootfs::Body)> {
    let certificates = tree.below(b"usr/share/ca-certificates".as_bstr());
    certificates
        .filter_map(|e| match &e.node {
            Node::File(body) => Some((e.path.clone(), *body)),
            _ => None,
        })
        .collect()
}

/// Makes the PEM bundle, and the Java keystore where the image has a Java: certificates of the package,
/// then those under `/usr/local/share/ca-certificates`, then the recipe's. A bundle or keystore of the
/// user's own stays, and gets the recipe's.
pub(crate) fn make(
    draft: &mut Draft<'_>,
    input: &ComposeInput<'_>,
    package: &[(BString, rootfs::Body)],
) -> Result<Vec<Note>, ComposeError> {
    let (mut trusted, mut notes) = (Vec::new(), Vec::new());
    for (path, body) in package {
        let pem = draft.read_body(body).map_err(|error| DraftError::Read { path: path.clone(), error })?;
        trusted.push(Trusted { name: file_name(path.as_bstr()).to_string(), pem });
    }
    let existing = owner_at(draft, BUNDLE);
    if package.is_empty() && existing.is_some() {
        // Another package brings a bundle (`ca-certificates-bundle`): the recipe's are added to it.
        let pem = draft.read(BUNDLE.as_bytes().as_bstr())?.unwrap_or_default();
        trusted.push(Trusted { name: "bundle".to_owned(), pem });
    }
    let before = trusted.len();
    trusted.extend(local(draft, &mut notes)?);
    let mut asked = Vec::new();
    for (n, certificate) in input.recipe.certificates.iter().enumerate() {
        asked.push(own(certificate, input.certificates.get(n).and_then(Option::as_deref))?);
    }
    if existing == Some(Owner::User) {
        complete(draft, &asked)?;
    } else if !package.is_empty() || trusted.len() + asked.len() > before {
        let all = trusted.iter().chain(&asked).map(|t| t.pem.as_slice());
        draft.put_file(BUNDLE, &joined(all), 0o644, Rule::CaBundle)?;
    }
    if owner_at(draft, JAVA) == Some(Owner::User) {
        let named = with_aliases(asked.iter());
        if !named.is_empty() {
            add_to_java(draft, named.iter().map(|(alias, der)| (alias.as_str(), der.as_slice())))?;
        }
    } else if !(trusted.is_empty() && asked.is_empty()) && has_java(draft) {
        make_keystore(draft, &with_aliases(trusted.iter().chain(&asked)))?;
    }
    Ok(notes)
}

fn owner_at(draft: &Draft<'_>, path: &str) -> Option<Owner> {
    draft.entries.get(path.as_bytes().as_bstr()).map(|e| e.owner)
}

/// What lies under `/usr/local/share/ca-certificates`. Of a file only its certificates are taken: a bundle
/// is for everybody to read, and a key beside a certificate is not.
fn local(draft: &Draft<'_>, notes: &mut Vec<Note>) -> Result<Vec<Trusted>, DraftError> {
    let files = draft.below(b"usr/local/share/ca-certificates".as_bstr());
    let paths: Vec<BString> = files.filter(|e| e.path.ends_with(b".crt")).map(|e| e.path.clone()).collect();
    let mut out = Vec::new();
    for path in paths {
        let Some(text) = draft.read(path.as_bstr())? else { continue };
        let found = pem::decode_all(&text).unwrap_or_default();
        if found.is_empty() || found.iter().any(|der| der::not_before(der).is_none()) {
            notes.push(Note::NoCertificate { path });
        } else {
            out.push(Trusted { name: file_name(path.as_bstr()).to_string(), pem: encoded(&found) });
        }
    }
    Ok(out)
}

/// Adds to the user's own bundle what it has not yet.
fn complete(draft: &mut Draft<'_>, asked: &[Trusted]) -> Result<(), DraftError> {
    let mut text = draft.read(BUNDLE.as_bytes().as_bstr())?.unwrap_or_default();
    let there = pem::decode_all(&text).unwrap_or_default();
    let decoded = asked.iter().flat_map(|t| pem::decode_all(&t.pem).unwrap_or_default());
    let new: Vec<Vec<u8>> = decoded.filter(|der| !there.contains(der)).collect();
    if new.is_empty() {
        return Ok(());
    }
    pem::end_line(&mut text);
    text.extend(encoded(&new));
    draft.rewrite(BUNDLE, &text, 0o644, Rule::CaBundle)
}

fn encoded(certificates: &[Vec<u8>]) -> Vec<u8> {
    certificates.iter().flat_map(|der| pem::encode(der)).collect()
}

fn own(certificate: &Certificate, read: Option<&[u8]>) -> Result<Trusted, ComposeError> {
    let (name, pem) = match certificate {
        Certificate::Inline { name, content } => (name.clone(), content.clone().into_bytes()),
        Certificate::File(path) => (path.path.clone(), read.unwrap_or_default().to_vec()),
    };
    let invalid = |why| ComposeError::Certificate { name: name.clone(), why };
    let found = pem::decode_all(&pem).ok_or_else(|| invalid("it is not PEM"))?;
    if found.is_empty() {
        return Err(invalid("it has no block `BEGIN CERTIFICATE`"));
    }
    if found.iter().any(|der| der::not_before(der).is_none()) {
        return Err(invalid("a block of it is no X.509 certificate"));
    }
    Ok(Trusted { name, pem: encoded(&found) })
}

fn joined<'a>(texts: impl Iterator<Item = &'a [u8]>) -> Vec<u8> {
    let mut out = Vec::new();
    for text in texts {
        out.extend_from_slice(text);
        pem::end_line(&mut out);
    }
    out
}

fn has_java(draft: &Draft<'_>) -> bool {
    let java =
        |e: &rootfs::Entry| e.path.ends_with(b"/bin/java") || e.path.ends_with(b"/lib/security/cacerts");
    draft.below(b"usr/lib/jvm".as_bstr()).any(java)
}

/// Each certificate once, with a name for the keystore.
fn with_aliases<'a>(trusted: impl Iterator<Item = &'a Trusted>) -> Vec<(String, Vec<u8>)> {
    let mut certificates: Vec<(String, Vec<u8>)> = Vec::new();
    let mut aliases = BTreeSet::new();
    let mut seen = BTreeSet::new();
    for one in trusted {
        for der in pem::decode_all(&one.pem).unwrap_or_default() {
            if !seen.insert(der.clone()) {
                continue;
            }
            let stem = one.name.rsplit_once('.').map_or(one.name.as_str(), |(stem, _)| stem).to_lowercase();
            let mut alias = stem.clone();
            for n in 2.. {
                if aliases.insert(alias.clone()) {
                    break;
                }
                alias = format!("{stem}-{n}");
            }
            certificates.push((alias, der));
        }
    }
    certificates
}

fn make_keystore(draft: &mut Draft<'_>, certificates: &[(String, Vec<u8>)]) -> Result<(), ComposeError> {
    let entries: Vec<TrustedCertificate<'_>> = certificates
        .iter()
        .map(|(alias, der)| TrustedCertificate { alias, since: der::not_before(der).unwrap_or(0), der })
        .collect();
    draft.put_file(JAVA, &java_keystore::write(&entries), 0o644, Rule::JavaKeystore)?;
    if !draft.exists(ADOPTIUM.as_bytes().as_bstr()) {
        draft.put_link(ADOPTIUM, format!("/{JAVA}"), Rule::JavaKeystore)?;
    }
    Ok(())
}
