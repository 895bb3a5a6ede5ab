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
#[path = "../cli/foreign.rs"]
mod foreign;
mod implied;
mod looking;
mod opinions;
mod programs;
mod report;
#[allow(dead_code, reason = "made for the tests of the command line, which use all of it")]
#[path = "../cli/run.rs"]
mod run;
mod same;
mod tls;
mod transfers;
#[path = "../../../image/tests/images/trees.rs"]
mod trees;
mod warm;
