//! Scripts and triggers of an apk package.

use apk::scripts::{InTree, Subject, actions, classify, owners};
use rootfs::Tree;
use rootfs::actions::Actions;

use crate::payloads::Unpacked;
use crate::scripts::{Outcome, Scripts};

/// Reads the scripts of one package, in the tree that they would run in. Its files belong to whom the
/// archive names before a script says otherwise.
pub(crate) fn read(package: &Unpacked, control: &apk::ControlFiles, tree: &Tree) -> Scripts {
    let subject = Subject { files: control, tree: Some(&package.payload.tree) };
    let reports = classify(&subject, &InTree(tree));
    let mut all = Actions { steps: owners(control), ..Actions::default() };
    all.append(actions(&reports));
    let outcome = |r: apk::scripts::ScriptReport| Outcome {
        script: r.kind.name(),
        digest: r.digest,
        verdict: r.verdict,
    };
    Scripts { actions: all, outcomes: reports.into_iter().map(outcome).collect() }
}
