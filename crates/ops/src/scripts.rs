//! What the maintainer scripts of a closure ask for, given the tree that they would run in.

use deb::scripts::{InTree, ScriptReport, Subject, Verdict, classify};
use lockfile::ScriptFact;
use package::Arch;
use rootfs::Tree;

use crate::payloads::Unpacked;
use crate::report::{ExplainRow, LeftScript, ScriptCount};

/// The files of all packages of a closure, before anything is cut: what a script would have found.
pub(crate) fn together<'a>(packages: impl IntoIterator<Item = &'a Unpacked>) -> Tree {
    let entries = packages.into_iter().flat_map(|p| p.payload.tree.entries().iter().cloned()).collect();
    Tree::from_entries(entries)
}

/// Reads the scripts of one package.
pub(crate) fn read(package: &Unpacked, arch: &Arch, tree: &Tree) -> Vec<ScriptReport> {
    let subject = Subject { files: &package.control, tree: Some(&package.payload.tree), arch: arch.as_str() };
    classify(&subject, &InTree(tree))
}

/// What the lock records of scripts.
pub(crate) fn facts(reports: &[ScriptReport]) -> Vec<ScriptFact> {
    reports
        .iter()
        .map(|r| ScriptFact {
            kind: r.kind.name().to_owned(),
            digest: r.digest,
            verdict: match &r.verdict {
                Verdict::NothingToDo => "nothing to do".to_owned(),
                Verdict::ReplacedBy(rules) => format!("replaced by {}", rules.join(", ")),
                Verdict::NotReplaced { .. } => "not replaced".to_owned(),
            },
        })
        .collect()
}

/// Adds a package's scripts to the count of an image.
pub(crate) fn count(
    total: &mut ScriptCount,
    explain: &mut Vec<ExplainRow>,
    package: &str,
    reports: &[ScriptReport],
) {
    for report in reports {
        match &report.verdict {
            Verdict::NothingToDo => total.nothing += 1,
            Verdict::ReplacedBy(rules) => {
                total.replaced += 1;
                explain.push(ExplainRow {
                    rule: "script".to_owned(),
                    subject: format!("{package} {}", report.kind.name()),
                    reason: format!("replaced by {}", rules.join(", ")),
                });
            }
            Verdict::NotReplaced { commands, .. } => total.not_replaced.push(LeftScript {
                package: package.to_owned(),
                script: report.kind.name().to_owned(),
                commands: commands.iter().map(|c| c.command.clone()).collect(),
            }),
        }
    }
}
