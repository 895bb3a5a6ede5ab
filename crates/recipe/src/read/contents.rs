//! `contents` and `certificates`: what the image is made from.

use oci::{Algorithm, Digest};

use crate::archives::Distribution;
use crate::error::{Problem, RecipeError};
use crate::keys;
use crate::node::{Node, Value};
use crate::place::Spanned;
use crate::recipe::{Body, Contents, PackageLine};
use crate::walk::{self, Fields};
use crate::{
    BaseImage, Certificate, FileBody, KeySource, LocalPath, OwnFile, Part, RuntimeKey, Slim, Snapshot,
    repository,
};

use super::{modes, system};

pub(super) fn read(node: &Node, _: &str) -> Result<Contents, RecipeError> {
    let fields = Fields::of(node, &keys::CONTENTS)?;
    Ok(Contents {
        distribution: fields.spanned("distribution", distribution)?,
        snapshot: fields.spanned("snapshot", snapshot)?,
        repositories: fields.each("repositories", repository::read)?,
        build_repositories: fields.each("build_repositories", repository::read_apk)?,
        runtime_repositories: fields.each("runtime_repositories", repository::read_apk)?,
        keyring: fields.each("keyring", key)?,
        runtime_keyring: fields.each("runtime_keyring", runtime_key)?,
        packages: fields.each("packages", package_line)?,
        files: fields.each("files", file)?,
        slim: fields.spanned("slim", slim)?,
        keep: fields.each("keep", system::glob)?,
        drop: fields.each("drop", system::glob)?,
        base_image: fields.spanned("baseimage", base_image)?,
    })
}

fn distribution(node: &Node, place: &str) -> Result<Distribution, RecipeError> {
    let text = walk::line(node, place)?;
    Distribution::by_name(&text).ok_or_else(|| {
        let fault = RecipeError::bad(&node.at, &text, "a distribution that distil knows");
        match Distribution::likely(&text) {
            Some(near) => fault.hint(format!("did you mean `{near}`? {KNOWN}")),
            None => fault.hint(KNOWN),
        }
    })
}

const KNOWN: &str =
    "known are debian-12, debian-13, alpine-3.NN, alpine-edge and wolfi; for others add `repositories:`";

fn snapshot(node: &Node, place: &str) -> Result<Snapshot, RecipeError> {
    let text = walk::line(node, place)?;
    Snapshot::read(&text).ok_or_else(|| {
        RecipeError::bad(&node.at, &text, "a moment of the snapshot archive")
            .hint("write date and time in UTC as 20261101T000000Z")
    })
}

pub(crate) fn local(node: &Node, path: &str) -> LocalPath {
    LocalPath { path: path.to_owned(), beside: node.at.file().to_owned() }
}

fn key(node: &Node, place: &str) -> Result<KeySource, RecipeError> {
    let text = walk::line(node, place)?;
    match text.split_once("://") {
        None => Ok(KeySource::Local(local(node, &text))),
        Some(("file", path)) => Ok(KeySource::Local(local(node, path))),
        Some(("https", _)) => walk::check_url(node, &text).map(|()| KeySource::Url(text)),
        Some(_) => Err(RecipeError::bad(&node.at, &text, "a key file or an https URL")
            .hint("a key that came over plain http proves nothing; download it and name the file")),
    }
}

fn package_line(node: &Node, place: &str) -> Result<PackageLine, RecipeError> {
    if let Value::Map(_) = node.value {
        let fields = Fields::of(node, &keys::PACKAGE)?;
        let texts = |list: Vec<Spanned<String>>| list.into_iter().map(|s| s.value).collect();
        let part = Part {
            only: texts(fields.each("only", system::glob)?),
            drop: texts(fields.each("drop", system::glob)?),
        };
        let name = fields.need("name")?;
        let text = walk::line(name, "`name`")?.trim().to_owned();
        if text.starts_with('!') {
            return Err(RecipeError::bad(&name.at, &text, "a package of which a part is taken")
                .hint("to remove the package write the line `!name` alone"));
        }
        return Ok(PackageLine { text, part: Some(part) });
    }
    Ok(PackageLine { text: walk::line(node, place)?.trim().to_owned(), part: None })
}

fn slim(node: &Node, place: &str) -> Result<Slim, RecipeError> {
    walk::word(node, place, &[("none", Slim::None), ("classes", Slim::Classes), ("reach", Slim::Reach)])
}

fn file(node: &Node, _: &str) -> Result<OwnFile, RecipeError> {
    let fields = Fields::of(node, &keys::FILE)?;
    let extract = fields.read("extract", walk::truth)?.unwrap_or(false);
    let body = file_body(&fields)?;
    if extract && matches!(body, FileBody::Inline(_)) {
        return Err(RecipeError::clash(
            fields.at(),
            "`extract` goes with `source` or `url`, not with `content`",
        ));
    }
    let path = system::path(fields.need("path")?, "`path`")?;
    if path == "/" && !extract && !matches!(body, FileBody::Local(_)) {
        return Err(RecipeError::clash(fields.at(), "`/` is a directory, and cannot be a file"));
    }
    Ok(OwnFile {
        path,
        body,
        extract,
        mode: fields.read("mode", modes::mode)?,
        uid: fields.read("uid", walk::id)?,
        gid: fields.read("gid", walk::id)?,
        at: fields.need("path")?.at.clone(),
    })
}

fn file_body(fields: &Fields<'_>) -> Result<FileBody, RecipeError> {
    let (content, source, url) = (fields.find("content"), fields.find("source"), fields.find("url"));
    let sha256 = fields.find("sha256");
    if let (Some(sha256), None) = (sha256, url) {
        return Err(RecipeError::clash(&sha256.at, "`sha256` goes with `url`"));
    }
    match (content, source, url) {
        (Some(node), None, None) => Ok(FileBody::Inline(content_text(node)?)),
        (None, Some(node), None) => Ok(FileBody::Local(local(node, &walk::line(node, "`source`")?))),
        (None, None, Some(node)) => download(fields, node, sha256),
        (None, None, None) => Err(RecipeError::clash(fields.at(), "the file has no contents")
            .hint("give one of `content:` (text), `source:` (a local file) and `url:` with `sha256:`")),
        _ => Err(RecipeError::clash(
            fields.at(),
            "the file has more than one of `content`, `source` and `url`",
        )),
    }
}

/// Inline text may have any character, a line end and nothing at all included.
fn content_text(node: &Node) -> Result<String, RecipeError> {
    Ok(walk::scalar(node, "`content`")?.text.clone())
}

fn download(fields: &Fields<'_>, url: &Node, sha256: Option<&Node>) -> Result<FileBody, RecipeError> {
    let text = walk::line(url, "`url`")?;
    if !(text.starts_with("https://") || text.starts_with("http://")) || text.contains(' ') {
        return Err(RecipeError::bad(&url.at, &text, "an http or https URL"));
    }
    walk::check_url(url, &text)?;
    let Some(node) = sha256 else {
        let problem = Problem::Missing { place: fields.place(), key: "sha256" };
        return Err(RecipeError::at(&url.at, problem)
            .hint("a download is bound by its hash; `sha256sum` of a copy that you trust prints it"));
    };
    let hex = walk::line(node, "`sha256`")?;
    let digest = Digest::from_hex(Algorithm::Sha256, hex.strip_prefix("sha256:").unwrap_or(&hex));
    let sha256 = digest.map_err(|_| RecipeError::bad(&node.at, &hex, "a SHA-256: 64 hexadecimal digits"))?;
    Ok(FileBody::Url { url: text, sha256 })
}

/// A key that is in the image for its own package manager (apko's `runtime_keyring`).
fn runtime_key(node: &Node, _: &str) -> Result<RuntimeKey, RecipeError> {
    let fields = Fields::of(node, &keys::RUNTIME_KEY)?;
    let name = file_name(fields.need("name")?, "a name of a key")?;
    let content = fields.need("content")?;
    let pem = content_text(content)?;
    if !pem.contains("-----BEGIN PUBLIC KEY-----") {
        return Err(RecipeError::bad(&content.at, &pem, "a public key in PEM")
            .hint("it begins with `-----BEGIN PUBLIC KEY-----`; write it as a block: `content: |`"));
    }
    Ok(RuntimeKey { name, content: pem })
}

fn base_image(node: &Node, _: &str) -> Result<BaseImage, RecipeError> {
    let fields = Fields::of(node, &keys::BASE_IMAGE)?;
    let path = |key: &'static str| -> Result<LocalPath, RecipeError> {
        let node = fields.need(key)?;
        Ok(local(node, &walk::line(node, &format!("`{key}`"))?))
    };
    Ok(BaseImage { image: path("image")?, apkindex: path("apkindex")? })
}

pub(super) fn certificates(node: &Node, body: &mut Body) -> Result<(), RecipeError> {
    let fields = Fields::of(node, &keys::CERTIFICATES)?;
    body.certificates = fields.each("additional", certificate)?;
    body.providers = fields.each("providers", walk::line)?;
    Ok(())
}

/// A name that becomes a file's (apko's rule for certificates and keys).
fn file_name(node: &Node, what: &str) -> Result<String, RecipeError> {
    let text = walk::line(node, "`name`")?;
    let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    if !text.chars().all(good) || text.starts_with('.') {
        return Err(RecipeError::bad(&node.at, &text, format!("{what}: it becomes a file's name")));
    }
    Ok(text)
}

fn certificate(node: &Node, place: &str) -> Result<Certificate, RecipeError> {
    if !matches!(node.value, Value::Map(_)) {
        let path = walk::line(node, place)?;
        return Ok(Certificate::File(local(node, &path)));
    }
    let fields = Fields::of(node, &keys::CERTIFICATE)?;
    let name = file_name(fields.need("name")?, "a name of a certificate")?;
    let content = fields.need("content")?;
    let pem = content_text(content)?;
    if !pem.contains("-----BEGIN CERTIFICATE-----") {
        return Err(RecipeError::bad(&content.at, &pem, "a certificate in PEM")
            .hint("it begins with `-----BEGIN CERTIFICATE-----`; write it as a block: `content: |`"));
    }
    Ok(Certificate::Inline { name, content: pem })
}
