use std::fs::OpenOptions;
use std::io::{self, Read, Write};
use std::path::PathBuf;

use sha2::{Digest as _, Sha256};

use super::Inner;
use super::answer::Answer;
use super::connection::Body;
use super::route::Request;
use super::state::{Upload, hex};

impl Inner {
    pub(super) fn on_upload(
        &self,
        request: &Request,
        repository: &str,
        name: &str,
        body: &mut Body<'_>,
    ) -> Answer {
        if request.method == "POST" && name.is_empty() {
            return self.begin_upload(request, repository);
        }
        let unknown = || Answer::error(404, "BLOB_UPLOAD_UNKNOWN", "blob upload unknown to registry");
        let size = match self.state().uploads.get(name) {
            Some(upload) if upload.repository == repository => upload.size,
            _ => return unknown(),
        };
        match request.method.as_str() {
            "GET" => self.upload_answer(204, repository, name, size),
            "DELETE" => {
                self.state().uploads.remove(name);
                Answer::new(204)
            }
            "PATCH" | "PUT" => {
                let size = match self.append(request, name, size, body) {
                    Ok(size) => size,
                    Err(refusal) => return refusal,
                };
                if request.method == "PATCH" {
                    return self.upload_answer(202, repository, name, size);
                }
                self.finish_upload(request, repository, name)
            }
            _ => Answer::error(405, "UNSUPPORTED", "the operation is unsupported"),
        }
    }

    fn begin_upload(&self, request: &Request, repository: &str) -> Answer {
        let mut state = self.state();
        if let (Some(digest), Some(from)) = (request.query("mount"), request.query("from"))
            && self.setup.mounts
            && state.has_blob(from, digest)
        {
            state.repository(repository).blobs.insert(digest.to_owned());
            let place = format!("/v2/{repository}/blobs/{digest}");
            return Answer::new(201).header("Location", place).header("Docker-Content-Digest", digest);
        }
        let name = state.next_name("upload");
        state.uploads.insert(name.clone(), Upload { repository: repository.to_owned(), size: 0 });
        drop(state);
        let answer = self.upload_answer(202, repository, &name, 0);
        match self.setup.smallest_piece {
            Some(smallest) => answer.header("OCI-Chunk-Min-Length", smallest.to_string()),
            None => answer,
        }
    }

    /// The place has a query of its own, as many registries' have.
    fn upload_answer(&self, status: u16, repository: &str, name: &str, size: u64) -> Answer {
        Answer::new(status)
            .header("Location", format!("/v2/{repository}/blobs/uploads/{name}?state={size}%3D"))
            .header(
                "Range",
                format!("0-{}", if self.setup.counts_bytes { size } else { size.saturating_sub(1) }),
            )
    }

    fn file(&self, upload: &str) -> PathBuf {
        self.dir.path().join(upload)
    }

    /// Adds the body to what there is; the new size.
    fn append(&self, request: &Request, name: &str, size: u64, body: &mut Body<'_>) -> Result<u64, Answer> {
        let starts = |r: &str| r.split_once('-').and_then(|(first, _)| first.parse::<u64>().ok());
        if let Some(range) = &request.content_range
            && starts(range) != Some(size)
        {
            return Err(Answer::error(416, "BLOB_UPLOAD_INVALID", "the piece is out of order"));
        }
        let whole = request.query("state").is_none_or(|s| s == format!("{size}="));
        if !whole && request.content_range.is_none() {
            return Err(Answer::error(416, "BLOB_UPLOAD_INVALID", "the upload is somewhere else"));
        }
        let mut file = OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.file(name))
            .map_err(|e| Answer::error(500, "UNKNOWN", &e.to_string()))?;
        let mut buffer = vec![0; 256 << 10];
        let mut added = 0;
        let end = loop {
            match body.read(&mut buffer) {
                Ok(0) => break Ok(()),
                Ok(read) => {
                    file.write_all(&buffer[..read]).expect("room for an upload");
                    added += read as u64;
                }
                Err(e) => break Err(e),
            }
        };
        let mut state = self.state();
        if end.is_err() && !self.setup.keeps_broken {
            state.uploads.remove(name);
            return Err(Answer::new(499));
        }
        if let Some(upload) = state.uploads.get_mut(name) {
            upload.size = size + added;
        }
        match end {
            Ok(()) => Ok(size + added),
            Err(_) => Err(Answer::new(499)),
        }
    }

    fn finish_upload(&self, request: &Request, repository: &str, name: &str) -> Answer {
        let wanted = request.query("digest").unwrap_or_default().to_owned();
        let file = self.file(name);
        let found = digest_of_file(&file).expect("an upload that can be read");
        let mut state = self.state();
        state.uploads.remove(name);
        let other = wanted.starts_with("sha512:") && self.setup.renames_sha512;
        let wanted = if other { found.clone() } else { wanted };
        if found != wanted {
            return Answer::error(400, "DIGEST_INVALID", "provided digest did not match uploaded content");
        }
        if !file.exists() {
            std::fs::write(&file, b"").expect("room for an empty blob");
        }
        std::fs::rename(&file, self.blob(&wanted)).expect("an upload that can be kept");
        state.repository(repository).blobs.insert(wanted.clone());
        Answer::new(201)
            .header("Location", format!("/v2/{repository}/blobs/{wanted}"))
            .header("Docker-Content-Digest", wanted)
    }
}

pub(super) fn digest_of_file(path: &std::path::Path) -> io::Result<String> {
    let mut hash = Sha256::new();
    // An upload of no bytes has no file.
    if path.exists() {
        let (mut file, mut buffer) = (std::fs::File::open(path)?, vec![0; 256 << 10]);
        loop {
            match file.read(&mut buffer)? {
                0 => break,
                read => hash.update(&buffer[..read]),
            }
        }
    }
    let hash: [u8; 32] = hash.finalize().into();
    Ok(format!("sha256:{}", hex(&hash)))
}
