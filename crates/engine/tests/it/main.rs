//! The engine's calls against a fake that misbehaves, and against a real Docker.
#![allow(clippy::disallowed_methods, reason = "tests ask the machine")]

mod fake;
mod faults;
mod http;
mod load_image;
mod podman;
mod real;
mod saving;
mod stored;
