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

/// How much of a chain of reasons is shown at either end.
const CHAIN_ENDS: usize = 20;

/// Puts a line for each fact of a chain, but not the middle of one that is longer than people read: it begins
/// with what they wrote, and ends with what cannot be.
fn put_chain(out: &mut Vec<String>, facts: &[impl std::fmt::Display]) {
    let left_out = facts.len().saturating_sub(2 * CHAIN_ENDS);
    let ends = if left_out > 1 { CHAIN_ENDS } else { facts.len() };
    out.extend(facts.iter().take(ends).map(ToString::to_string));
    if left_out > 1 {
        out.push(format!("… {left_out} more steps …"));
        out.extend(facts[facts.len() - CHAIN_ENDS..].iter().map(ToString::to_string));
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_long_chain_is_shown_by_its_ends() {
        let shown = |n: u32| {
            let mut out = Vec::new();
            super::put_chain(&mut out, &(0..n).collect::<Vec<_>>());
            out
        };
        assert_eq!(shown(41).len(), 41);
        let long = shown(200_000);
        assert_eq!(long.len(), 41);
        assert_eq!((&*long[19], &*long[20], &*long[21]), ("19", "… 199960 more steps …", "199980"));
        assert_eq!(long[40], "199999");
    }
}
