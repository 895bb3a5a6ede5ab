//! The store as its users see it: what gets in, what a crash leaves, what a full disk does.
#![allow(clippy::disallowed_methods, reason = "tests ask the machine")]

mod blobs;
mod children;
mod faults;
mod processes;

use std::path::{Path, PathBuf};

/// Every file below `dir` but locks, relative, sorted.
fn files(dir: &Path) -> Vec<PathBuf> {
    let mut out = Vec::new();
    let mut todo = vec![dir.to_owned()];
    while let Some(at) = todo.pop() {
        for entry in std::fs::read_dir(at).unwrap().flatten() {
            let path = entry.path();
            if path.is_dir() {
                todo.push(path);
            } else if path.extension().is_none_or(|e| e != "lock") && !path.ends_with(".lock") {
                out.push(path.strip_prefix(dir).unwrap().to_owned());
            }
        }
    }
    out.sort();
    out
}
