use bstr::{BString, ByteSlice};
use oci::Digest;
use package::parse_dependency;
use recipe::Certificate;
use rootfs::Node;
use rootfs::path::file_name;

use super::java_truststore::{JAVA, add_to_java};
use crate::draft::{Draft, DraftError};
use crate::{ComposeError, ComposeInput, Note, Rule, der, pem};

/// Where certificates lie one by one.
const FOLDER: &str = "usr/local/share/ca-certificates";
/// Bundles that are completed where they are: Alpine's, that of Amazon's ECS agent, kaniko's.
const BUNDLES: [&str; 3] = [
    "etc/ssl/certs/ca-certificates.crt",
    "var/lib/ecs/deps/execute-command/certs/tls-ca-bundle.pem",
    "kaniko/ssl/certs/ca-certificates.crt",
];

/// One certificate to trust.
struct Trusted {
    /// Its name in a Java keystore.
    alias: String,
    /// DER.
    der: Vec<u8>,
}

/// Adds the recipe's certificates, and those of packages that provide what it names, to the bundles and
/// the Java keystore that are there; writes beside each of these its SHA-256, as apko does since 1.2.
pub(super) fn make(draft: &mut Draft<'_>, input: &ComposeInput<'_>) -> Result<Vec<Note>, ComposeError> {
    let (mut trusted, mut notes) = (Vec::new(), Vec::new());
    for (n, certificate) in input.recipe.certificates.iter().enumerate() {
        let read = input.certificates.get(n).and_then(Option::as_deref);
        for (name, der) in own(certificate, read)? {
            let alias = format!("{name}-{}", Digest::of(&der).hex());
            draft.put_file(&format!("{FOLDER}/{alias}.crt"), &pem::encode(&der), 0o644, Rule::CaBundle)?;
            trusted.push(Trusted { alias, der });
        }
    }
    for der in provided(draft, input, &mut notes)? {
        trusted.push(Trusted { alias: format!("pkg-{}", Digest::of(&der).hex()), der });
    }
    if !trusted.is_empty() {
        for bundle in BUNDLES {
            append(draft, bundle, &trusted)?;
        }
        add_to_java(draft, trusted.iter().map(|one| (one.alias.as_str(), one.der.as_slice())))?;
    }
    for path in BUNDLES.into_iter().chain([JAVA]) {
        write_sum(draft, path)?;
    }
    Ok(notes)
}

/// The certificates of one line of the recipe, with the name that it gives them.
fn own(certificate: &Certificate, read: Option<&[u8]>) -> Result<Vec<(String, Vec<u8>)>, ComposeError> {
    let (name, text) = match certificate {
        Certificate::Inline { name, content } => (name.clone(), content.as_bytes()),
        Certificate::File(path) => (path.path.clone(), read.unwrap_or_default()),
    };
    let invalid = |why| ComposeError::Certificate { name: name.clone(), why };
    let found = pem::decode_all(text).ok_or_else(|| invalid("it is not PEM"))?;
    if found.is_empty() {
        return Err(invalid("it has no block `BEGIN CERTIFICATE`"));
    }
    if found.iter().any(|der| der::not_before(der).is_none()) {
        return Err(invalid("a block of it is no X.509 certificate"));
    }
    let file = name.rsplit('/').next().unwrap_or_default();
    let stem = file.rsplit_once('.').filter(|(stem, _)| !stem.is_empty()).map_or(file, |(stem, _)| stem);
    let stem = if matches!(certificate, Certificate::File(_)) { stem } else { name.as_str() };
    Ok(found.into_iter().map(|der| (stem.to_owned(), der)).collect())
}

/// What packages bring that provide one of the recipe's names, by path. As apko has it, a file that is
/// not one certificate is passed over, and here noted.
fn provided(
    draft: &Draft<'_>,
    input: &ComposeInput<'_>,
    notes: &mut Vec<Note>,
) -> Result<Vec<Vec<u8>>, DraftError> {
    let wanted = &input.recipe.certificate_providers;
    let is =
        |line: &String, name: &String| line == name || parse_dependency(line).is_ok_and(|d| d.name == name);
    let provides = |line: &String| wanted.iter().any(|name| is(line, name));
    let all = || input.packages.iter().filter_map(|p| p.apk()).flat_map(|files| &files.info.provides);
    let nobody = wanted.iter().filter(|name| !all().any(|line| is(line, name)));
    notes.extend(nobody.map(|name| Note::NoProvider { name: name.clone() }));
    let mut paths: Vec<BString> = Vec::new();
    for package in &input.packages {
        if !package.apk().is_some_and(|files| files.info.provides.iter().any(provides)) {
            continue;
        }
        let ends = |path: &BString| path.ends_with(b".crt") || path.ends_with(b".pem");
        let files = package.tree.below(FOLDER.as_bytes().as_bstr()).filter(|e| !e.is_dir() && ends(&e.path));
        paths.extend(files.map(|e| e.path.clone()));
    }
    paths.sort();
    paths.dedup();
    let mut out = Vec::new();
    for path in paths {
        let Some(text) = draft.read(path.as_bstr())? else { continue };
        let found = pem::decode_all(&text).unwrap_or_default();
        if let [der] = found.as_slice()
            && der::not_before(der).is_some()
        {
            out.push(der.clone());
        } else {
            notes.push(Note::NoCertificate { path });
        }
    }
    Ok(out)
}

fn append(draft: &mut Draft<'_>, bundle: &str, trusted: &[Trusted]) -> Result<(), DraftError> {
    let Some(mut text) = draft.read(bundle.as_bytes().as_bstr())? else { return Ok(()) };
    pem::end_line(&mut text);
    for one in trusted {
        text.extend(pem::encode(&one.der));
        text.push(b'\n');
    }
    draft.rewrite(bundle, &text, 0o644, Rule::CaBundle)
}

/// `sha256sum`'s line for a bundle, in a hidden file beside it.
fn write_sum(draft: &mut Draft<'_>, path: &str) -> Result<(), DraftError> {
    let real = draft.real(path.as_bytes().as_bstr(), true)?;
    let is_file = |node: &Node| matches!(node, Node::File(_) | Node::Hardlink(_));
    if !draft.entries.get(&real).is_some_and(|e| is_file(&e.node)) {
        return Ok(());
    }
    let Some(body) = draft.body(path.as_bytes().as_bstr()) else { return Ok(()) };
    let (folder, _) = path.rsplit_once('/').unwrap_or_default();
    let name = file_name(path.as_bytes().as_bstr());
    let line = format!("{}  {name}\n", body.digest.hex());
    let rule = if path == JAVA { Rule::JavaKeystore } else { Rule::CaBundle };
    draft.put_file(&format!("{folder}/.{name}.sha256"), line.as_bytes(), 0o444, rule)
}
