#![allow(clippy::disallowed_methods, reason = "reads the data beside the checkout")]
mod reader;
mod tables;
