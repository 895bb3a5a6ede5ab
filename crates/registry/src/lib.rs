//! OCI registries: images read from and written to a repository over HTTP (distribution-spec 1.1, and
//! Docker's registry API v2 where older registries know no more).
//!
//! [`Client::repository`] gives a [`Repository`], which is an [`image::Source`] and an [`image::Sink`]:
//! names are tags or digests, bytes stay what they are, and every byte is checked against its digest by
//! whoever takes it. Beside that it lists tags and referrers, and deletes.
//!
//! Why a client of our own: those there are have no scope for mounting across repositories, exchange no
//! identity token, and neither retry nor resume. The price is this room: the protocol, and what real
//! registries make of it, is ours to know. Sockets, TLS and redirects are `fetch`'s; logins are asked of
//! [`Credentials`], which `ops` implements; threads are the caller's, and memory is bounded whatever the
//! size of a part.

mod ahead;
mod challenge;
mod check_login;
mod client;
mod credentials;
mod endpoint;
mod error;
mod feed;
mod host;
mod link;
mod manifests;
mod onward;
mod options;
mod pull;
mod push;
mod range;
mod referrers;
mod repository;
mod said;
mod tags;
mod token;
mod uploads;

pub use challenge::{Challenge, parse_challenges};
pub use check_login::Checked;
pub use client::Client;
pub use credentials::{Credentials, Login, NoLogins, Proof};
pub use error::{Asked, Error};
pub use link::parse_next_link;
pub use options::{Options, Rewrite};
pub use range::parse_range;
pub use repository::Repository;
pub use said::{Said, parse_errors};
pub use token::{Token, parse_token};
