#![allow(clippy::disallowed_methods, reason = "reads the data beside the checkout")]
mod golden;
mod reader;
mod tables;
