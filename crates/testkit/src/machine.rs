//! Daemons.
