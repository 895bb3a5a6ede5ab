//! Room `recipe`.
