use std::fs::File;
use std::io::{self, Seek as _, SeekFrom};
use std::path::PathBuf;

use url::Url;

use crate::{Fault, Request, Response};

/// Answers a request for a `file:` URL as a server would: 200, or 206 where a range is asked for.
pub(crate) fn open(request: &Request) -> Result<Response, Fault> {
    let path = path_of(&request.url)?;
    let fail = |e: &io::Error| fault(&path, e);
    // Opening a pipe would wait for its writer.
    let meta = std::fs::metadata(&path).map_err(|e| fail(&e))?;
    if !meta.is_file() {
        return Err(Fault::File { path: path.display().to_string(), cause: "it is no regular file".into() });
    }
    let mut file = File::open(&path).map_err(|e| fail(&e))?;
    let size = file.metadata().map_err(|e| fail(&e))?.len();
    let from = asked_from(request).filter(|from| *from <= size).unwrap_or(0);
    file.seek(SeekFrom::Start(from)).map_err(|e| fail(&e))?;
    let mut headers = vec![("content-length".to_owned(), (size - from).to_string())];
    if from > 0 {
        let last = size.saturating_sub(1);
        headers.push(("content-range".to_owned(), format!("bytes {from}-{last}/{size}")));
    }
    let status = if from > 0 { 206 } else { 200 };
    Ok(Response { status, url: request.url.clone(), headers, body: Box::new(file) })
}

fn path_of(url: &Url) -> Result<PathBuf, Fault> {
    // `file:` names no host in apt either; "localhost" means the same (RFC 8089 section 2).
    url.to_file_path()
        .map_err(|()| Fault::File { path: url.to_string(), cause: "it is no path on this machine".into() })
}

fn fault(path: &std::path::Path, error: &io::Error) -> Fault {
    if error.kind() == io::ErrorKind::NotFound {
        return Fault::NotFound { status: "no such file".into() };
    }
    Fault::File { path: path.display().to_string(), cause: error.to_string() }
}

/// The first byte of `Range: bytes=N-`, which is the only form that we send.
fn asked_from(request: &Request) -> Option<u64> {
    let (_, value) = request.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("range"))?;
    value.strip_prefix("bytes=")?.strip_suffix('-')?.parse().ok()
}
