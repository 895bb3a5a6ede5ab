//! Programs of Debian whose answer on a first installation is known before they run.

use std::cmp::Ordering;

use package::version::debian;
use shell::{Answer, Text, Walker};

use super::Subject;

impl Subject<'_> {
    pub(super) fn known_program(
        &self,
        walker: &mut Walker<'_>,
        name: &str,
        arguments: &[Text],
    ) -> Option<Answer> {
        let words: Option<Vec<&str>> = arguments.iter().map(Text::whole).collect();
        let has = |word: &str| arguments.iter().any(|a| a.whole() == Some(word));
        match name {
            "dpkg" if has("--compare-versions") => Some(compare_versions(words.as_deref()?)),
            "dpkg" if has("--print-architecture") => {
                walker.write(&Text::known(self.arch));
                Some(Answer::known(true))
            }
            "dpkg" if has("--print-foreign-architectures") => Some(Answer::known(true)),
            "dpkg" if arguments.iter().any(|a| a.prefix().starts_with("--assert-")) => {
                Some(Answer::known(true))
            }
            "dpkg-maintscript-helper" => {
                // dpkg-maintscript-helper(1): moves and removals that only an upgrade needs.
                if !has("supports") {
                    walker.cover("upgrades-only");
                }
                Some(Answer::known(true))
            }
            "dpkg-statoverride" if has("--list") => Some(Answer::known(false)),
            "dpkg-divert" if has("--list") || has("--listpackage") || has("--truename") => {
                match arguments.last().filter(|_| has("--truename")) {
                    Some(path) => walker.write(path),
                    None => walker.write(&Text::known("")),
                }
                Some(Answer::known(true))
            }
            "ischroot" => Some(Answer::known(true)),
            // Asks only whether Perl works.
            "perl" if words.as_deref() == Some(&["-e", ""]) => Some(Answer::known(true)),
            _ if name.starts_with("db_") => Some(super::debconf::ask(walker, name, arguments)),
            _ => None,
        }
    }
}

/// `dpkg --compare-versions A OPERATOR B` (dpkg(1)); on a first installation A is often empty.
fn compare_versions(words: &[&str]) -> Answer {
    let at = words.iter().position(|w| *w == "--compare-versions");
    let Some([a, operator, b]) = at.and_then(|at| words.get(at + 1..at + 4)) else {
        return Answer::unknown();
    };
    // "lt" and its kin take an empty version as earlier than any, "-nl" as later than any.
    let empty_is_later = operator.ends_with("-nl");
    let empty = if empty_is_later { Ordering::Greater } else { Ordering::Less };
    let order = match (a.is_empty(), b.is_empty()) {
        (true, true) => Ordering::Equal,
        (true, false) => empty,
        (false, true) => empty.reverse(),
        (false, false) => debian::compare(a, b),
    };
    Answer::of(Some(match operator.trim_end_matches("-nl") {
        "lt" | "<<" => order.is_lt(),
        "le" | "<=" | "<" => order.is_le(),
        "eq" | "=" => order.is_eq(),
        "ne" => order.is_ne(),
        "ge" | ">=" | ">" => order.is_ge(),
        "gt" | ">>" => order.is_gt(),
        _ => return Answer::unknown(),
    }))
}
