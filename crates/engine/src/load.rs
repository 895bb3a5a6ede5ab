use std::io::{self, BufRead, Read, Write};
use std::time::Duration;

use serde::Deserialize;

use crate::engine::{broken, one_line, read_answer};
use crate::http::{Request, Response, StreamError};
use crate::{Engine, EngineError};

/// What an engine took.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Loaded {
    /// Names that lead to it now, as the engine spells them (Podman puts `localhost/` before some).
    pub names: Vec<String>,
    /// Ids of images that came without a name.
    pub ids: Vec<String>,
}

/// Unpacking a large image takes a while, in which an engine says nothing.
const PATIENT: Duration = Duration::from_secs(600);
/// What an engine says while it loads.
const MAX_TALK: u64 = 16 << 20;

/// A line of the talk (`docker load` prints `stream`).
#[derive(Deserialize)]
struct Line {
    #[serde(default)]
    stream: String,
    #[serde(default)]
    error: Option<String>,
}

impl Engine {
    /// Loads an image archive (`docker save`'s format), which `archive` writes. Nothing of it is held
    /// in memory or on disk here. An archive that was not written to its end is refused by the engine.
    ///
    /// # Errors
    /// `archive`'s own; or the engine refuses, in its own words.
    pub fn load<E: From<EngineError>>(
        &self,
        archive: impl FnOnce(&mut dyn Write) -> Result<(), E>,
    ) -> Result<Loaded, E> {
        let verb = format!("load the image into {}", self.describe());
        let target = self.target("/images/load?quiet=1");
        let request = Request { method: "POST", target: &target, content_type: Some("application/x-tar") };
        let connection = self.open(&verb, PATIENT)?;
        match connection.stream(request, archive) {
            Ok(response) => Ok(read_talk(&verb, response)?),
            Err(StreamError::Caller(error)) => Err(error),
            Err(StreamError::Http(error)) => Err(broken(&verb, error).into()),
        }
    }
}

fn read_talk<R: BufRead>(verb: &str, response: Response<R>) -> Result<Loaded, EngineError> {
    if response.status != 200 {
        read_answer(verb, response)?;
        return Err(EngineError::answer(verb, "it is no talk about loading"));
    }
    let mut loaded = Loaded::default();
    let lines = serde_json::Deserializer::from_reader(response.body.take(MAX_TALK)).into_iter::<Line>();
    for line in lines {
        let line = line.map_err(|e| match e.is_io() {
            true => broken(verb, io::Error::from(e).into()),
            false => EngineError::answer(verb, e),
        })?;
        if let Some(error) = line.error {
            return Err(EngineError::Failed { verb: verb.to_owned(), said: one_line(&error) });
        }
        // Podman puts several images into one line, Docker each into its own.
        for said in line.stream.lines() {
            if let Some(name) = said.strip_prefix("Loaded image: ") {
                loaded.names.extend(name.split(',').map(|n| n.trim().to_owned()));
            } else if let Some(id) = said.strip_prefix("Loaded image ID: ") {
                loaded.ids.push(id.trim().to_owned());
            }
        }
    }
    if loaded.names.is_empty() && loaded.ids.is_empty() {
        // Docker answers 200 to a body that is no archive, and says nothing.
        return Err(EngineError::Failed { verb: verb.to_owned(), said: "nothing was loaded".to_owned() });
    }
    Ok(loaded)
}
