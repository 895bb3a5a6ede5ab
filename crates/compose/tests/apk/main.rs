//! Images of apk packages: made up, real and like Wolfi's.
#![allow(clippy::disallowed_methods, reason = "tests read the data beside the checkout")]

mod certificates;
mod golden;
mod made_up;
mod owners;
mod upon;
mod wolfi;
mod world;
