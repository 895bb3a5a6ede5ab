//! Maintainer scripts, sysusers.d and tmpfiles.d of a Debian package.

use deb::scripts::{InTree, ScriptReport, Subject, actions, classify};
use diag::{Diagnostic, Kind, Note};
use package::Arch;
use rootfs::actions::Actions;
use rootfs::{Bodies, Node, Tree};

use crate::payloads::Unpacked;
use crate::scripts::{Outcome, Scripts};
use crate::shop::Shop;

/// Reads the scripts of one package, in the tree that they would run in.
pub(crate) fn read(package: &Unpacked, control: &deb::ControlFiles, arch: &Arch, tree: &Tree) -> Scripts {
    let subject = Subject { files: control, tree: Some(&package.payload.tree), arch: arch.as_str() };
    let reports = classify(&subject, &InTree(tree));
    let actions = actions(&reports);
    let outcome = |r: ScriptReport| Outcome { script: r.kind.name(), digest: r.digest, verdict: r.verdict };
    Scripts { actions, outcomes: reports.into_iter().map(outcome).collect() }
}

/// What a package declares in sysusers.d and tmpfiles.d, which systemd would read at boot.
pub(crate) fn declared(
    shop: &Shop<'_>,
    unpacked: &Unpacked,
    bodies: &dyn Bodies,
    actions: &mut Actions,
) -> Result<(), Diagnostic> {
    for entry in unpacked.payload.tree.entries() {
        let Node::File(body) = &entry.node else { continue };
        let path = entry.path.strip_prefix(b"usr/").unwrap_or(&entry.path);
        let users = path.starts_with(b"lib/sysusers.d/");
        if !path.ends_with(b".conf") || !(users || path.starts_with(b"lib/tmpfiles.d/")) {
            continue;
        }
        let text = bodies
            .read(body)
            .map_err(|e| Diagnostic::new(Kind::Machine, format!("cannot read /{}: {e}", entry.path)))?;
        let (more, left) = match users {
            true => deb::parse_sysusers(&text),
            false => {
                let read = deb::parse_tmpfiles(&text);
                (Actions { steps: read.steps, ..Actions::default() }, read.not_understood)
            }
        };
        actions.append(more);
        for line in left {
            shop.world.reporter.note(Note::Detail(format!("/{}: not applied: {line}", entry.path)));
        }
    }
    Ok(())
}
