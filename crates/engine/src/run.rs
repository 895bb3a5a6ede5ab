use std::io::{self, Read};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::engine::{broken, read_answer};
use crate::http::{HttpError, Request};
use crate::{Engine, EngineError};

/// How to run an image once.
#[derive(Debug, Clone, Default)]
pub struct Run {
    /// Its name or id.
    pub image: String,
    /// In place of the image's entrypoint; empty: the image's own.
    pub entrypoint: Vec<String>,
    /// In place of the image's command; empty: the image's own.
    pub command: Vec<String>,
    /// `NAME=VALUE`, over the image's.
    pub environment: Vec<String>,
    /// In place of the image's user.
    pub user: Option<String>,
    /// `none` (when absent), `host`, or a network's name.
    pub network: Option<String>,
    /// Files and directories of the host, as `/from:/to:ro`.
    pub binds: Vec<String>,
    /// Nothing but mounts can be written to.
    pub read_only: bool,
    /// How long it may take; a minute when absent.
    pub limit: Option<Duration>,
}

/// What a container did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ran {
    /// Its exit code; 128 + the signal that ended it.
    pub code: i64,
    /// What it wrote to stdout, at most 16 MiB.
    pub stdout: Vec<u8>,
    /// What it wrote to stderr, at most 16 MiB.
    pub stderr: Vec<u8>,
}

const MAX_OUTPUT: usize = 16 << 20;

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Container<'a> {
    image: &'a str,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    entrypoint: &'a [String],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    cmd: &'a [String],
    env: &'a [String],
    user: &'a str,
    host_config: HostConfig<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct HostConfig<'a> {
    network_mode: &'a str,
    binds: &'a [String],
    readonly_rootfs: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Created {
    id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Ended {
    status_code: i64,
}

impl Engine {
    /// Runs an image to its end and removes the container, whatever happens.
    ///
    /// # Errors
    /// The engine cannot make or start it, or it does not end in time.
    pub fn run(&self, run: &Run) -> Result<Ran, EngineError> {
        let verb = format!("run {} in {}", run.image, self.describe());
        let id = self.create(&verb, run)?;
        let ran = self.start_and_wait(&verb, &id, run);
        let removed = self.delete(&verb, &format!("/containers/{id}?force=1&v=1"));
        let ran = ran?;
        removed?;
        Ok(ran)
    }

    fn create(&self, verb: &str, run: &Run) -> Result<String, EngineError> {
        let container = Container {
            image: &run.image,
            entrypoint: &run.entrypoint,
            cmd: &run.command,
            env: &run.environment,
            user: run.user.as_deref().unwrap_or_default(),
            host_config: HostConfig {
                network_mode: run.network.as_deref().unwrap_or("none"),
                binds: &run.binds,
                readonly_rootfs: run.read_only,
            },
        };
        let body = serde_json::to_vec(&container).map_err(|e| EngineError::answer(verb, e))?;
        let target = self.target("/containers/create");
        let request = Request { method: "POST", target: &target, content_type: Some("application/json") };
        let created: Option<Created> = self.ask(verb, request, &body)?;
        let no_image = || EngineError::Refused {
            verb: verb.to_owned(),
            status: 404,
            said: format!("no such image: {}", run.image),
        };
        created.map(|c| c.id).ok_or_else(no_image)
    }

    fn start_and_wait(&self, verb: &str, id: &str, run: &Run) -> Result<Ran, EngineError> {
        self.tell(verb, "POST", &format!("/containers/{id}/start"))?;
        let limit = run.limit.unwrap_or(Duration::from_secs(60));
        let target = self.target(&format!("/containers/{id}/wait"));
        let request = Request { method: "POST", target: &target, content_type: None };
        let ended = match self.ask_patiently::<Ended>(verb, request, &[], limit) {
            Ok(ended) => ended.ok_or_else(|| EngineError::answer(verb, "the container is gone"))?,
            Err(error) if is_silence(&error) => {
                return Err(EngineError::Unending { image: run.image.clone(), limit });
            }
            Err(error) => return Err(error),
        };
        let (stdout, stderr) = self.logs(verb, id)?;
        Ok(Ran { code: ended.status_code, stdout, stderr })
    }

    fn logs(&self, verb: &str, id: &str) -> Result<(Vec<u8>, Vec<u8>), EngineError> {
        let target = self.target(&format!("/containers/{id}/logs?stdout=1&stderr=1"));
        let request = Request { method: "GET", target: &target, content_type: None };
        let connection = self.open(verb, Duration::from_secs(30))?;
        let response = connection.send(request, &[]).map_err(|e| broken(verb, e))?;
        if response.status != 200 {
            read_answer(verb, response)?;
            return Err(EngineError::answer(verb, "it is no log"));
        }
        demultiplex(response.body).map_err(|e| broken(verb, e.into()))
    }
}

fn is_silence(error: &EngineError) -> bool {
    matches!(error, EngineError::Http { source: HttpError::Silence, .. })
}

/// Two streams in one: frames of a byte for the stream, three zeros, the length (big-endian) and the
/// bytes (Docker Engine API, "Attach to a container", "Stream format").
fn demultiplex(mut from: impl Read) -> io::Result<(Vec<u8>, Vec<u8>)> {
    let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
    loop {
        let mut head = [0; 8];
        let n = match from.read(&mut head) {
            Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
            read => read?,
        };
        if n == 0 {
            return Ok((stdout, stderr));
        }
        from.read_exact(&mut head[n..])?;
        let to = match head[..4] {
            [1, 0, 0, 0] => &mut stdout,
            [2, 0, 0, 0] => &mut stderr,
            _ => {
                return Err(io::Error::new(
                    io::ErrorKind::InvalidData,
                    "a frame of the log is of no known stream",
                ));
            }
        };
        let len = u64::from(u32::from_be_bytes([head[4], head[5], head[6], head[7]]));
        let room = (MAX_OUTPUT - to.len()) as u64;
        let mut frame = (&mut from).take(len);
        io::copy(&mut (&mut frame).take(room), to)?;
        io::copy(&mut frame, &mut io::sink())?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_the_two_streams_of_a_log_apart() {
        let log = b"\x01\0\0\0\0\0\0\x03out\x02\0\0\0\0\0\0\x02er\x01\0\0\0\0\0\0\x01!";
        assert_eq!(demultiplex(&log[..]).unwrap(), (b"out!".to_vec(), b"er".to_vec()));
        assert!(demultiplex(&b"plain text"[..]).is_err());
        assert!(demultiplex(&b"\x01\0\0"[..]).is_err());
    }
}
