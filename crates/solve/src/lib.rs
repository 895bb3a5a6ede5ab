//! From requests to a closure: documented algorithms over one [`package::Universe`].
//!
//! [`apt`] answers as `apt-get --no-install-recommends install` does on an empty system. It is apt's
//! own greedy algorithm rather than a complete search, because the same answer as apt's is what
//! people expect of Debian packages; the price is that it may fail where a solution exists, which the
//! complete search in [`search`] then says. [`apk`] answers as `apk add` does on an empty system, for
//! the same reason and at the same price. Sees neither network nor clock.

pub mod apk;
pub mod apt;
pub mod search;
