//! What the maintainer scripts of a closure ask for, given the tree that they would run in.

use diag::{Diagnostic, Kind};
use lockfile::ScriptFact;
use oci::Digest;
use package::Pin;
use rootfs::Tree;
use rootfs::actions::Actions;
use shell::Verdict;

use crate::payloads::Unpacked;
use crate::report::{ExplainRow, LeftScript, ScriptCount};

/// The scripts of one package, read.
pub(crate) struct Scripts {
    /// What became of each.
    pub(crate) outcomes: Vec<Outcome>,
    /// What all of them ask for beyond the package's files.
    pub(crate) actions: Actions,
}

/// A script and what becomes of it.
pub(crate) struct Outcome {
    /// `postinst`, `pre-install` …
    pub(crate) script: &'static str,
    /// SHA-256 of the script.
    pub(crate) digest: Digest,
    /// What became of it (promise P9).
    pub(crate) verdict: Verdict,
}

/// The files of all packages of a closure, before anything is cut: what a script would have found.
pub(crate) fn together<'a>(packages: impl IntoIterator<Item = &'a Unpacked>) -> Tree {
    let entries = packages.into_iter().flat_map(|p| p.payload.tree.entries().iter().cloned()).collect();
    Tree::from_entries(entries)
}

/// What the lock records of scripts.
pub(crate) fn facts(outcomes: &[Outcome]) -> Vec<ScriptFact> {
    outcomes
        .iter()
        .map(|o| ScriptFact {
            kind: o.script.to_owned(),
            digest: o.digest,
            verdict: match &o.verdict {
                Verdict::NothingToDo => "nothing to do".to_owned(),
                Verdict::ReplacedBy(rules) => format!("replaced by {}", rules.join(", ")),
                Verdict::NotReplaced { .. } => "not replaced".to_owned(),
            },
        })
        .collect()
}

/// A lock says which scripts a package has; that they are these shows only once it is unpacked. What becomes
/// of them another distil may know better, and each says it itself.
pub(crate) fn check(pin: &Pin, locked: &[ScriptFact], outcomes: &[Outcome]) -> Result<(), Diagnostic> {
    let found = outcomes.iter().map(|o| (o.script, o.digest));
    if locked.iter().map(|fact| (fact.kind.as_str(), fact.digest)).eq(found) {
        return Ok(());
    }
    let text = format!("cannot use the lock: {} {} has other scripts than it says", pin.name, pin.version);
    Err(Diagnostic::new(Kind::Input, text)
        .hint("the lock was changed by hand; restore it, or put it in order with `distil lock`"))
}

/// Adds a package's scripts to the count of an image.
pub(crate) fn count(
    total: &mut ScriptCount,
    explain: &mut Vec<ExplainRow>,
    package: &str,
    outcomes: &[Outcome],
) {
    for outcome in outcomes {
        match &outcome.verdict {
            Verdict::NothingToDo => total.nothing += 1,
            Verdict::ReplacedBy(rules) => {
                total.replaced += 1;
                explain.push(ExplainRow {
                    rule: "script".to_owned(),
                    subject: format!("{package} {}", outcome.script),
                    reason: format!("replaced by {}", rules.join(", ")),
                });
            }
            Verdict::NotReplaced { commands, .. } => total.not_replaced.push(LeftScript {
                package: package.to_owned(),
                script: outcome.script.to_owned(),
                commands: commands.iter().map(|c| c.command.clone()).collect(),
            }),
        }
    }
}
