use std::collections::BTreeSet;

use bstr::{BString, ByteSlice};
use recipe::Certificate;
use rootfs::path::file_name;
use rootfs::{Node, Owner, Tree};

use crate::draft::{Draft, DraftError};
use crate::java_keystore::{self, TrustedCertificate};
use crate::{ComposeError, ComposeInput, Rule, der};

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
/// then those under `/usr/local/share/ca-certificates`, then the recipe's.
pub(crate) fn make(
    draft: &mut Draft<'_>,
    input: &ComposeInput<'_>,
    package: &[(BString, rootfs::Body)],
) -> Result<(), ComposeError> {
    let mut trusted = Vec::new();
    for (path, body) in package {
        let pem = draft.read_body(body).map_err(|error| DraftError::Read { path: path.clone(), error })?;
        trusted.push(Trusted { name: file_name(path.as_bstr()).to_string(), pem });
    }
    let existing = draft.entries.get(BUNDLE.as_bytes().as_bstr()).map(|e| e.owner);
    if package.is_empty() && existing.is_some() {
        // Another package brings a bundle (`ca-certificates-bundle`): the recipe's are added to it.
        let pem = draft.read(BUNDLE.as_bytes().as_bstr())?.unwrap_or_default();
        trusted.push(Trusted { name: "bundle".to_owned(), pem });
    }
    let before = trusted.len();
    let local: Vec<BString> = draft
        .below(b"usr/local/share/ca-certificates".as_bstr())
        .filter(|e| e.path.ends_with(b".crt"))
        .map(|e| e.path.clone())
        .collect();
    for path in local {
        if let Some(pem) = draft.read(path.as_bstr())? {
            trusted.push(Trusted { name: file_name(path.as_bstr()).to_string(), pem });
        }
    }
    for (n, certificate) in input.recipe.certificates.iter().enumerate() {
        trusted.push(own(certificate, input.certificates.get(n).and_then(Option::as_deref))?);
    }
    let added = trusted.len() > before;
    if existing != Some(Owner::User) && (!package.is_empty() || added) {
        draft.put_file(BUNDLE, &bundle(&trusted), 0o644, Rule::CaBundle)?;
    }
    if !trusted.is_empty() && has_java(draft) {
        make_keystore(draft, &trusted)?;
    }
    Ok(())
}

fn own(certificate: &Certificate, read: Option<&[u8]>) -> Result<Trusted, ComposeError> {
    let (name, pem) = match certificate {
        Certificate::Inline { name, content } => (name.clone(), content.clone().into_bytes()),
        Certificate::File(path) => (path.path.clone(), read.unwrap_or_default().to_vec()),
    };
    let invalid = |why| ComposeError::Certificate { name: name.clone(), why };
    let found = decode_all(&pem).ok_or_else(|| invalid("it is not PEM"))?;
    if found.is_empty() {
        return Err(invalid("it has no block `BEGIN CERTIFICATE`"));
    }
    if found.iter().any(|der| der::not_before(der).is_none()) {
        return Err(invalid("a block of it is no X.509 certificate"));
    }
    Ok(Trusted { name, pem })
}

fn bundle(trusted: &[Trusted]) -> Vec<u8> {
    let mut out = Vec::new();
    for certificate in trusted {
        out.extend_from_slice(&certificate.pem);
        if !certificate.pem.ends_with(b"\n") && !certificate.pem.is_empty() {
            out.push(b'\n');
        }
    }
    out
}

fn has_java(draft: &Draft<'_>) -> bool {
    let java =
        |e: &rootfs::Entry| e.path.ends_with(b"/bin/java") || e.path.ends_with(b"/lib/security/cacerts");
    draft.below(b"usr/lib/jvm".as_bstr()).any(java)
}

fn make_keystore(draft: &mut Draft<'_>, trusted: &[Trusted]) -> Result<(), ComposeError> {
    let mut certificates: Vec<(String, Vec<u8>)> = Vec::new();
    let mut aliases = BTreeSet::new();
    let mut seen = BTreeSet::new();
    for one in trusted {
        for der in decode_all(&one.pem).unwrap_or_default() {
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

/// The blocks `CERTIFICATE` of PEM (RFC 7468) as DER; none where one does not end or is not base64.
pub(crate) fn decode_all(pem: &[u8]) -> Option<Vec<Vec<u8>>> {
    const BEGIN: &[u8] = b"-----BEGIN CERTIFICATE-----";
    const END: &[u8] = b"-----END CERTIFICATE-----";
    let mut out = Vec::new();
    let mut rest = pem;
    while let Some(at) = rest.find(BEGIN) {
        let after = &rest[at + BEGIN.len()..];
        let end = after.find(END)?;
        out.push(decode_base64(&after[..end])?);
        rest = &after[end + END.len()..];
    }
    Some(out)
}

fn decode_base64(text: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len() / 4 * 3);
    let (mut bits, mut count) = (0u32, 0);
    for byte in text.iter().filter(|b| !b.is_ascii_whitespace()) {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            b'=' => continue,
            _ => return None,
        };
        bits = bits << 6 | u32::from(value);
        count += 6;
        if count >= 8 {
            count -= 8;
            out.push((bits >> count) as u8);
            bits &= (1 << count) - 1;
        }
    }
    Some(out)
}
