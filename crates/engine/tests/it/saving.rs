use std::io::{self, Write};
use std::sync::atomic::{AtomicU64, Ordering};

use diag::{Diagnostic, Kind, Note, Reporter, Silent, TaskId, Unit};
use engine::EngineError;

use crate::fake::{Asked, DOCKER, Fake, json};

const ARCHIVE: &[u8] = b"what docker save writes";

/// An engine with one image, whose archive is answered so.
fn fake(archive: impl Fn() -> Vec<u8> + Send + 'static) -> Fake {
    Fake::start(DOCKER, move |asked: &Asked| match asked.line.as_str() {
        "GET /v1.44/images/acme/app:1/json" => {
            json(200, r#"{"Id":"sha256:1","Os":"linux","Architecture":"amd64","Size":9,"RootFS":{}}"#)
        }
        "GET /v1.44/images/acme/app:1/get" => archive(),
        "GET /v1.44/images/json" => {
            json(200, r#"[{"RepoTags":["acme/app:1"]},{"RepoTags":["<none>:<none>"]},{"RepoTags":null}]"#)
        }
        _ => json(404, r#"{"message":"No such image"}"#),
    })
}

fn sized(bytes: &[u8], claimed: usize) -> Vec<u8> {
    let head =
        format!("HTTP/1.1 200 OK\r\nContent-Type: application/x-tar\r\nContent-Length: {claimed}\r\n\r\n");
    [head.as_bytes(), bytes].concat()
}

#[test]
fn an_image_is_streamed_out() {
    let fake = fake(|| sized(ARCHIVE, ARCHIVE.len()));
    let mut out = Vec::new();
    assert_eq!(fake.engine().save("acme/app:1", &mut out, &Silent).unwrap(), ARCHIVE.len() as u64);
    assert_eq!(out, ARCHIVE);
}

#[test]
fn what_is_not_there_is_said_with_what_is() {
    let fake = fake(Vec::new);
    let said = |name: &str| Diagnostic::from(fake.engine().save(name, &mut Vec::new(), &Silent).unwrap_err());
    let near = said("acme/ap:1");
    assert_eq!(near.kind, Kind::Input);
    assert!(near.to_string().starts_with("cannot find the image `acme/ap:1` in Docker at /"), "{near}");
    assert_eq!(near.hint.as_deref(), Some("there is `acme/app:1`; `docker images` lists all"));
    let far = said("nginx");
    assert!(far.hint.as_deref().unwrap().contains("docker://nginx"), "{:?}", far.hint);
}

#[test]
fn half_an_image_is_a_failure() {
    let cut = fake(|| sized(ARCHIVE, ARCHIVE.len() + 1));
    let error = cut.engine().save("acme/app:1", &mut Vec::new(), &Silent).unwrap_err();
    assert!(error.to_string().contains("closed in the middle"), "{error}");
    let refused = fake(|| json(500, r#"{"message":"write /var/lib/docker/tmp: no space left on device"}"#));
    let error = Diagnostic::from(refused.engine().save("acme/app:1", &mut Vec::new(), &Silent).unwrap_err());
    assert!(error.to_string().contains("no space left"), "{error}");
    assert!(error.hint.as_deref().unwrap().contains("docker system prune"), "{:?}", error.hint);
}

/// A disk that is full.
struct Full;
impl Write for Full {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(io::ErrorKind::StorageFull.into())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Pressed Ctrl-C once something has come.
struct Interrupts(AtomicU64);
impl Reporter for Interrupts {
    fn begin(&self, label: &str, total: Option<u64>, unit: Unit) -> TaskId {
        assert_eq!((label, total, unit), ("reading from Docker", Some(9), Unit::Bytes));
        TaskId(0)
    }
    fn advance(&self, _: TaskId, by: u64) {
        self.0.fetch_add(by, Ordering::Relaxed);
    }
    fn end(&self, _: TaskId) {}
    fn note(&self, _: Note) {}
    fn cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed) > 0
    }
}

#[test]
fn our_own_disk_and_the_user_are_told_apart_from_the_engine() {
    let fake = fake(|| sized(ARCHIVE, ARCHIVE.len()));
    let error = fake.engine().save("acme/app:1", &mut Full, &Silent).unwrap_err();
    assert!(matches!(error, EngineError::Keep { .. }), "{error}");
    let error = fake.engine().save("acme/app:1", &mut Vec::new(), &Interrupts(AtomicU64::new(0)));
    assert!(matches!(error, Err(EngineError::Stopped(_))), "{error:?}");
}
