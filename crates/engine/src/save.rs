use std::io::{self, Read, Write};
use std::time::Duration;

use diag::{Reporter, Unit};
use serde::Deserialize;

use crate::engine::{broken, encode, read_answer};
use crate::http::Request;
use crate::{Engine, EngineError};

/// Docker writes the whole archive to its disk before it sends the first byte.
const PATIENT: Duration = Duration::from_secs(600);
/// What is moved at once.
const PIECE: usize = 1 << 17;

impl Engine {
    /// The names of all images that have one.
    ///
    /// # Errors
    /// The engine fails.
    pub fn image_names(&self) -> Result<Vec<String>, EngineError> {
        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct Listed {
            #[serde(default)]
            repo_tags: Option<Vec<String>>,
        }
        let verb = format!("list the images of {}", self.describe());
        let target = self.target("/images/json");
        let request = Request { method: "GET", target: &target, content_type: None };
        let listed = self.ask::<Vec<Listed>>(&verb, request, &[])?.unwrap_or_default();
        let names = listed.into_iter().flat_map(|image| image.repo_tags.unwrap_or_default());
        Ok(names.filter(|name| name != "<none>:<none>").collect())
    }

    /// Writes the image `name` to `out` as the archive that `docker save` makes, and gives how many bytes
    /// that were. The engine's word for its end is taken; what is inside is for the archive's reader to check.
    ///
    /// # Errors
    /// There is no such image, with the names that are like it; the engine fails or hangs up in the middle; `out`
    /// cannot be written; the user stopped it.
    pub fn save(&self, name: &str, out: &mut dyn Write, reporter: &dyn Reporter) -> Result<u64, EngineError> {
        let about = self.image(name)?;
        let Some(about) = about else { return Err(self.no_image(name)) };
        let verb = format!("read {name} from {}", self.describe());
        let target = self.target(&format!("/images/{}/get", encode(name)));
        let request = Request { method: "GET", target: &target, content_type: None };
        let response = self.open(&verb, PATIENT)?.send(request, &[]).map_err(|e| broken(&verb, e))?;
        if response.status == 404 {
            return Err(self.no_image(name));
        }
        if response.status != 200 {
            read_answer(&verb, response)?;
            return Err(EngineError::answer(&verb, "it is no image"));
        }
        let label = format!("reading from {}", self.about().name);
        // What it takes as a tar is nearly what it takes unpacked.
        let task = reporter.task(&label, Some(about.size).filter(|s| *s > 0), Unit::Bytes);
        let (mut body, mut buffer, mut total) = (response.body, vec![0; PIECE], 0);
        loop {
            reporter.check().map_err(EngineError::Stopped)?;
            let n = match body.read(&mut buffer) {
                Ok(0) => return Ok(total),
                Ok(n) => n,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
                Err(e) => return Err(broken(&verb, e.into())),
            };
            out.write_all(&buffer[..n])
                .map_err(|error| EngineError::Keep { image: name.to_owned(), error })?;
            task.advance(n as u64);
            total += n as u64;
        }
    }

    fn no_image(&self, name: &str) -> EngineError {
        // That it has none is the failure; not knowing what it has instead is none.
        let known = self.image_names().unwrap_or_default();
        EngineError::NoImage { name: name.to_owned(), engine: self.describe(), known }
    }
}
