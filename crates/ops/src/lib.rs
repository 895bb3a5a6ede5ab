//! The verbs: one file each, its story told top to bottom. They return values, print nothing, and
//! read neither environment nor clock ([`World`] has what was decided).
//!
//! The price of this room: it sees every other one. What several verbs need stands in files of its
//! own (`pins`, `payloads`, `mirrors` …), and verbs never call verbs.

mod apk_world;
pub mod apko;
mod apko_lock;
pub mod append;
mod attached;
mod base;
mod base_tree;
mod blobs;
pub mod build;
pub mod cache;
mod closed;
pub mod copy;
mod deb_world;
mod deliver;
pub mod diff;
mod documents;
mod ecosystem;
mod edited;
mod engines;
pub mod extract;
mod globs;
pub mod history;
pub mod image_name;
mod images;
pub mod inspect;
mod known_blobs;
mod known_tars;
pub mod load;
pub mod lock;
pub mod login;
pub mod logins;
pub mod look;
pub mod ls;
pub mod mirrors;
mod own_bodies;
mod packages;
mod parallel;
mod payloads;
mod pins;
mod place;
mod places;
mod platforms;
pub mod pull;
pub mod push;
pub mod reasons;
pub mod rebase;
mod recipes;
mod records;
mod registries;
pub mod report;
pub mod report_page;
pub mod request;
pub mod rm;
pub mod schema;
mod scripts;
pub mod settings;
mod shop;
pub mod tag;
pub mod target;
pub mod transfer;
pub mod tree;
mod vcs;
mod whole;
pub mod why;
mod world;

pub use world::{Outside, Surroundings, World};
