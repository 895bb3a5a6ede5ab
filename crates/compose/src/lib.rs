//! Room `compose`.
