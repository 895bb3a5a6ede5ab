#![allow(clippy::disallowed_methods, reason = "reads the data beside the checkout")]
mod apko;
mod explained;
mod golden;
mod random;
mod reader;
mod tables;
