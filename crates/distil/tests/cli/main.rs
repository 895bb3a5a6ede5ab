//! The binary as users meet it: a process, its files, its exit code and what it says.
#![allow(clippy::disallowed_methods, reason = "a test makes, harms and reads files itself")]

mod apk;
mod apko;
mod append;
mod bad_input;
mod diff;
mod differences;
mod directories;
mod docs;
mod extract;
mod foreign;
mod formats;
mod history;
mod inspect;
mod json;
mod load;
mod lock;
mod login;
mod ls;
mod outputs;
mod pull;
mod push;
mod rebase;
mod report;
mod rm;
mod run;
mod same;
mod sets;
mod somebodys;
mod tag;
mod transfer;
mod tree;
mod variants;
mod why;
