//! Version orders. A version is a text; what is older depends on the world that it comes from.

use std::cmp::Ordering;

pub mod apk;
pub mod debian;

/// Whose order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// dpkg's (deb-version(7)).
    Debian,
    /// apk's (apk-package(5)).
    Apk,
}

impl Order {
    /// Compares two versions.
    pub fn compare(self, a: &str, b: &str) -> Ordering {
        match self {
            Order::Debian => debian::compare(a, b),
            Order::Apk => apk::compare(a, b),
        }
    }
}
