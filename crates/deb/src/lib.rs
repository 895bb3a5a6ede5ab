//! Room `deb`.
