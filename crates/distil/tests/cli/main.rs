//! The binary as users meet it: a process, its files, its exit code and what it says.
#![allow(clippy::disallowed_methods, reason = "a test makes, harms and reads files itself")]

mod apk;
mod apko;
mod bad_input;
mod directories;
mod foreign;
mod lock;
mod ls;
mod pull;
mod push;
mod rm;
mod run;
mod same;
mod sets;
mod tag;
mod transfer;
mod variants;
