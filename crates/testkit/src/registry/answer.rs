use std::io::Read;
use std::path::PathBuf;

/// An answer before it is written.
#[derive(Debug, Default)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Content,
}

/// The body of an answer.
#[derive(Debug, Default)]
pub(super) enum Content {
    #[default]
    None,
    Bytes(Vec<u8>),
    /// A file from a byte on.
    File(PathBuf, u64),
    /// So many bytes, which are not sent: the answer to HEAD.
    Length(u64),
}

impl Answer {
    pub(super) fn new(status: u16) -> Answer {
        Answer { status, ..Answer::default() }
    }

    pub(super) fn header(mut self, name: &str, value: impl Into<String>) -> Answer {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    pub(super) fn body(mut self, bytes: impl Into<Vec<u8>>) -> Answer {
        self.body = Content::Bytes(bytes.into());
        self
    }

    /// An error as the specification has it.
    pub(super) fn error(status: u16, code: &str, message: &str) -> Answer {
        let body = format!(r#"{{"errors":[{{"code":"{code}","message":"{message}"}}]}}"#);
        Answer::new(status).header("Content-Type", "application/json").body(body)
    }
}

impl Content {
    pub(super) fn length(&self) -> u64 {
        match self {
            Content::None => 0,
            Content::Bytes(bytes) => bytes.len() as u64,
            Content::File(path, from) => std::fs::metadata(path).map_or(0, |m| m.len().saturating_sub(*from)),
            Content::Length(length) => *length,
        }
    }

    pub(super) fn open(self) -> std::io::Result<Box<dyn Read>> {
        use std::io::Seek as _;
        Ok(match self {
            Content::None | Content::Length(_) => Box::new(std::io::empty()),
            Content::Bytes(bytes) => Box::new(std::io::Cursor::new(bytes)),
            Content::File(path, from) => {
                let mut file = std::fs::File::open(path)?;
                file.seek(std::io::SeekFrom::Start(from))?;
                Box::new(file)
            }
        })
    }
}
