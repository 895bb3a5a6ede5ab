//! The client against registries: one inside the test that misbehaves on demand, and real ones.

#![allow(clippy::disallowed_methods, reason = "tests ask the machine: files, sockets, processes")]

mod chaos;
mod door;
mod errors;
mod hidden;
mod images;
mod led_on;
mod logins;
mod names;
mod pulling;
mod pushing;
mod real;
mod referrers;
mod sizes;
mod token_tls;
mod unsaid;
mod world;
