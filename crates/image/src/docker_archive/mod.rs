//! `docker-archive:FILE`: what `docker save` writes and `docker load` reads. One platform an image;
//! config digest and diff ids survive, manifest and index digests do not.

mod read;
mod tar_sum;
mod write;

pub use read::DockerArchive;
pub use write::{PassingArchive, choose, pass, save, save_each, write, write_above};
