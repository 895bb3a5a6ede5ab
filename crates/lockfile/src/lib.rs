//! Room `lockfile`.
