//! Room `elf`.
