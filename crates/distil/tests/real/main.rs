//! The whole program against real parts: the mirror that apt is configured with, a real Docker engine,
//! skopeo and umoci, emulation of arm64. What a machine lacks is skipped, visibly.

mod distil;
mod docker;
mod docs;
mod opinions;
mod same;
mod warm;
