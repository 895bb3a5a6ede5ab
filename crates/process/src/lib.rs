//! The one room that starts a program: credential helpers, and the commands that bring an image into
//! containerd, kind or k3d. Nothing here ever makes an image.
//!
//! A program is a name and words, never a line for a shell. What it says is bounded, and so is its time: a
//! helper that waits for a key nobody touches must not hold a build for ever. It runs in a process
//! group of its own, so that whatever it started ends with it when time is up or the user presses
//! Ctrl-C. It gets the caller's environment or exactly the one that is named.
//!
//! The price: a program in the background cannot ask anything on the terminal, because only the
//! foreground group may read there. Helpers that ask do so in a window or by an agent of their own.

#![allow(clippy::disallowed_methods, reason = "this room is the one that starts programs and waits for them")]

mod fault;
mod input;
mod output;
mod program;

pub use fault::ProcessError;
pub use input::Input;
pub use program::{Ended, Program, Ran};
