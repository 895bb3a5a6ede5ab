//! As much of HTTP/1.1 (RFC 9112) as an engine's socket needs: a request on a connection of its own,
//! a response whose framing is checked, bodies streamed both ways.

mod body;
mod chunked;
mod connection;
mod head;

pub use body::Body;
pub use chunked::ChunkedWriter;
pub use connection::{Connection, Request, StreamError};
pub use head::{Response, read_response};

use std::io;

/// Why a conversation broke off.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// The connection failed.
    #[error("{0}")]
    Io(io::Error),
    /// The other side said nothing, or took nothing, for too long.
    #[error("the engine does not answer")]
    Silence,
    /// The other side hung up in the middle.
    #[error("the connection was closed in the middle")]
    Closed,
    /// What came is not HTTP/1.1.
    #[error("the answer is not HTTP: {0}")]
    Malformed(&'static str),
}

impl From<io::Error> for HttpError {
    fn from(error: io::Error) -> HttpError {
        match error.kind() {
            // Which of the two a socket's time-out is, is the system's choice.
            io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => HttpError::Silence,
            io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset | io::ErrorKind::UnexpectedEof => {
                HttpError::Closed
            }
            _ => HttpError::Io(error),
        }
    }
}
