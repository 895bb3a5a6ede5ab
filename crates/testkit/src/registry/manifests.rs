use super::Inner;
use super::answer::{Answer, Content};
use super::connection::Body;
use super::route::Request;
use super::state::{Manifest, State, digest_of};
use super::uploads::digest_of_file;

const INDEX: &str = "application/vnd.oci.image.index.v1+json";

impl Inner {
    pub(super) fn on_manifest(
        &self,
        request: &Request,
        repository: &str,
        name: &str,
        body: &mut Body<'_>,
    ) -> Answer {
        match request.method.as_str() {
            "GET" | "HEAD" => self.give_manifest(request, repository, name),
            "PUT" => self.take_manifest(request, repository, name, body),
            "DELETE" => self.drop_manifest(repository, name),
            _ => Answer::error(405, "UNSUPPORTED", "the operation is unsupported"),
        }
    }

    fn give_manifest(&self, request: &Request, repository: &str, name: &str) -> Answer {
        let state = self.state();
        let Some(manifest) = state.manifest(repository, name) else {
            return Answer::error(404, "MANIFEST_UNKNOWN", "manifest unknown");
        };
        let mut answer = Answer::new(200)
            .header("Content-Type", &manifest.media_type)
            .header("Docker-Content-Digest", digest_of(&manifest.bytes));
        answer.body = match request.method.as_str() {
            "HEAD" => Content::Length(manifest.bytes.len() as u64),
            _ => Content::Bytes(manifest.bytes.clone()),
        };
        answer
    }

    fn take_manifest(&self, request: &Request, repository: &str, name: &str, body: &mut Body<'_>) -> Answer {
        let mut bytes = Vec::new();
        if std::io::Read::read_to_end(body, &mut bytes).is_err() {
            return Answer::new(499);
        }
        if name.contains(':') && name != digest_of(&bytes) {
            return Answer::error(400, "DIGEST_INVALID", "provided digest did not match uploaded content");
        }
        let mut state = self.state();
        if let Some(missing) = parts(&bytes).into_iter().find(|p| !state.has_part(repository, p)) {
            return Answer::error(400, "MANIFEST_BLOB_UNKNOWN", &missing.digest);
        }
        let subject = field(&bytes, "subject").and_then(|s| text_of(s, "digest"));
        let media_type = request.content_type.clone().unwrap_or_default();
        let digest = state.keep(repository, name, Manifest { media_type, bytes });
        let answer = Answer::new(201)
            .header("Location", format!("/v2/{repository}/manifests/{digest}"))
            .header("Docker-Content-Digest", digest);
        match subject.filter(|_| self.setup.referrers) {
            Some(subject) => answer.header("OCI-Subject", subject),
            None => answer,
        }
    }

    fn drop_manifest(&self, repository: &str, name: &str) -> Answer {
        if !name.contains(':') && !self.setup.deletes_tags {
            return Answer::error(405, "UNSUPPORTED", "the operation is unsupported");
        }
        let mut state = self.state();
        if state.manifest(repository, name).is_none() {
            return Answer::error(404, "MANIFEST_UNKNOWN", "manifest unknown");
        }
        let repository = state.repository(repository);
        if name.contains(':') {
            repository.manifests.remove(name);
            repository.tags.retain(|_, digest| digest != name);
        } else {
            repository.tags.remove(name);
        }
        Answer::new(202)
    }

    pub(super) fn list_tags(&self, request: &Request, repository: &str) -> Answer {
        let state = self.state();
        let Some(known) = state.repositories.get(repository) else {
            return Answer::error(404, "NAME_UNKNOWN", "repository name not known to registry");
        };
        let last = request.query("last").unwrap_or_default();
        let after: Vec<&String> = known.tags.keys().filter(|t| t.as_str() > last).collect();
        let page = &after[..after.len().min(self.setup.page)];
        let quoted: Vec<String> = page.iter().map(|t| format!("\"{t}\"")).collect();
        let body = format!(r#"{{"name":"{repository}","tags":[{}]}}"#, quoted.join(","));
        let answer = Answer::new(200).header("Content-Type", "application/json").body(body);
        match page.last().filter(|_| after.len() > page.len()) {
            Some(last) => {
                let next = format!("/v2/{repository}/tags/list?last={last}&n={}", page.len());
                answer.header("Link", self.link(&next))
            }
            None => answer,
        }
    }

    pub(super) fn list_referrers(&self, request: &Request, repository: &str, of: &str) -> Answer {
        if !self.setup.referrers {
            return Answer::error(404, "UNSUPPORTED", "no such path");
        }
        let state = self.state();
        let mut found = Vec::new();
        for (digest, manifest) in state.repositories.get(repository).iter().flat_map(|r| &r.manifests) {
            let subject = field(&manifest.bytes, "subject").and_then(|s| text_of(s, "digest"));
            if subject.as_deref() == Some(of) {
                found.push(describe(digest, manifest));
            }
        }
        let from: usize = request.query("from").and_then(|f| f.parse().ok()).unwrap_or(0);
        let end = found.len().min(from + self.setup.page);
        let page = found.get(from..end).unwrap_or_default().join(",");
        let body = format!(r#"{{"schemaVersion":2,"mediaType":"{INDEX}","manifests":[{page}]}}"#);
        let answer = Answer::new(200).header("Content-Type", INDEX).body(body);
        if end < found.len() {
            return answer.header("Link", self.link(&format!("/v2/{repository}/referrers/{of}?from={end}")));
        }
        answer
    }
}

impl Inner {
    /// To the next page; a path alone as distribution gives it, but for one that has a name for itself.
    fn link(&self, path: &str) -> String {
        format!("<{}{path}>; rel=\"next\"", self.setup.called.as_deref().unwrap_or_default())
    }
}

/// A part of a manifest.
pub(super) struct Part {
    digest: String,
    is_manifest: bool,
}

impl State {
    fn has_part(&self, repository: &str, part: &Part) -> bool {
        if part.is_manifest {
            return self.manifest(repository, &part.digest).is_some();
        }
        self.has_blob(repository, &part.digest)
    }
}

/// What a manifest or index needs. A small reading of JSON by hand: descriptors hold a digest each, and
/// which list they are in says what they are.
fn parts(bytes: &[u8]) -> Vec<Part> {
    let mut parts = Vec::new();
    for (key, is_manifest) in [("config", false), ("layers", false), ("manifests", true)] {
        let Some(mut rest) = field(bytes, key) else { continue };
        while let Some(digest) = text_of(rest, "digest") {
            let at = rest.find(&digest).map_or(rest.len(), |at| at + digest.len());
            rest = &rest[at..];
            parts.push(Part { digest, is_manifest });
        }
    }
    parts
}

/// The text of a field of the document itself, not of what is in it.
fn field<'a>(bytes: &'a [u8], key: &str) -> Option<&'a str> {
    let text = std::str::from_utf8(bytes).ok()?;
    let (mut depth, mut start, mut quoted, mut escaped) = (0, None, false, false);
    let name = format!("\"{key}\"");
    for (at, c) in text.char_indices() {
        if quoted {
            quoted = escaped || c != '"';
            escaped = c == '\\' && !escaped;
            continue;
        }
        match c {
            '"' => {
                if depth == 1 && start.is_none() && text[at..].starts_with(&name) {
                    let after = text[at + name.len()..].trim_start();
                    if after.starts_with(':') {
                        start = Some(at + name.len());
                    }
                }
                quoted = true;
            }
            '{' | '[' => depth += 1,
            '}' | ']' => {
                depth -= 1;
                if depth <= 1
                    && let Some(start) = start
                {
                    return text.get(start..=at);
                }
            }
            _ => {}
        }
    }
    None
}

/// The first text of that name.
fn text_of(json: &str, key: &str) -> Option<String> {
    let after = json.split_once(&format!("\"{key}\""))?.1;
    let value = after.trim_start().strip_prefix(':')?.trim_start().strip_prefix('"')?;
    value.split('"').next().map(str::to_owned)
}

fn describe(digest: &str, manifest: &Manifest) -> String {
    let text = String::from_utf8_lossy(&manifest.bytes);
    let kind = text_of(&text, "artifactType")
        .or_else(|| field(&manifest.bytes, "config").and_then(|c| text_of(c, "mediaType")))
        .unwrap_or_default();
    let annotations = field(&manifest.bytes, "annotations").map(|a| a.trim_start_matches([':', ' ']));
    let annotations = annotations.map(|a| format!(r#","annotations":{a}"#)).unwrap_or_default();
    format!(
        r#"{{"mediaType":"{}","digest":"{digest}","size":{},"artifactType":"{kind}"{annotations}}}"#,
        manifest.media_type,
        manifest.bytes.len()
    )
}

pub(super) fn check(inner: &Inner) -> Result<(), String> {
    let state = inner.state();
    for (name, repository) in &state.repositories {
        for blob in &repository.blobs {
            let found = digest_of_file(&inner.blob(blob)).map_err(|e| e.to_string())?;
            if found != *blob {
                return Err(format!("{name}: the blob {blob} is {found}"));
            }
        }
        for (digest, manifest) in &repository.manifests {
            if digest_of(&manifest.bytes) != *digest {
                return Err(format!("{name}: the manifest {digest} is another"));
            }
            if let Some(part) = parts(&manifest.bytes).iter().find(|p| !state.has_part(name, p)) {
                return Err(format!("{name}: {digest} lacks {}", part.digest));
            }
        }
    }
    Ok(())
}
