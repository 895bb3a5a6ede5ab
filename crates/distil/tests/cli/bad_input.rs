//! Each way in which the outside can be bad: the exit code, the cause and the remedy.

mod archive;
mod cache;
mod packages;
mod recipe;
