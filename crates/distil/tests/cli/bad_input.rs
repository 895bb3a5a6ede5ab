//! Each way in which the outside can be bad: the exit code, the cause and the remedy.

mod archive;
mod cache;
mod own_files;
mod packages;
mod recipe;
mod terminal;
