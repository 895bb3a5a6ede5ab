//! Scripts and triggers of an apk package.

use apk::scripts::{InTree, Subject, actions, classify};
use rootfs::Tree;

use crate::payloads::Unpacked;
use crate::scripts::{Outcome, Scripts};

/// Reads the scripts of one package, in the tree that they would run in.
pub(crate) fn read(package: &Unpacked, control: &apk::ControlFiles, tree: &Tree) -> Scripts {
    let subject = Subject { files: control, tree: Some(&package.payload.tree) };
    let reports = classify(&subject, &InTree(tree));
    let actions = actions(&reports);
    let outcome = |r: apk::scripts::ScriptReport| Outcome {
        script: r.kind.name(),
        digest: r.digest,
        verdict: r.verdict,
    };
    Scripts { actions, outcomes: reports.into_iter().map(outcome).collect() }
}
