//! The whole program against real parts: the mirror that apt is configured with, a real Docker engine,
//! skopeo and umoci, emulation of arm64. What a machine lacks is skipped, visibly.
#![allow(clippy::disallowed_methods, reason = "tests ask the machine")]

mod apk;
mod apk_keys;
mod apk_locks;
mod apko_engine;
mod browser;
mod debian_image;
mod distil;
mod docker;
mod docs;
mod engines;
mod opinions;
mod programs;
mod report;
mod same;
mod tls;
#[path = "../../../image/tests/images/trees.rs"]
mod trees;
mod warm;
