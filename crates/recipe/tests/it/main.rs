//! The recipe as its users meet it: text in, values or a message out.

mod apk;
mod apko;
mod bad;
mod documented;
mod good;
mod merged;
mod rendered;
mod total;
