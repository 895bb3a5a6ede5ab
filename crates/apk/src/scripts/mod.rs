//! Scripts and triggers accounted for: what apk would run on a first installation, and what does it
//! here instead.
//!
//! Nothing runs: [`shell`] walks through a script. Here is what is apk's about it: which scripts
//! run and with which arguments, busybox's `adduser` and `addgroup` as data with the numbers that
//! they would give, and the rules ([`rules`]) that cover what is not done literally.
//!
//! The price: apk runs a script right when its package is installed, where a program may be missing
//! that a later package brings. Here each is read as if all packages were there.

mod accounts;
mod numbers;
pub mod rules;
mod system;
#[cfg(test)]
mod tests;

use bstr::{BString, ByteSlice};
use shell::{Answers, Run, Scene, matches};

pub use numbers::{Owners, number_accounts};
pub use shell::{Alone, Asked, InTree, Leftover, Presence, Unknown, Verdict, World, actions};

use crate::{ControlFiles, Script, ScriptKind};

/// What was found out about one script.
pub type ScriptReport = shell::Report<ScriptKind>;

/// The package whose scripts are read.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// What it says beside its files.
    pub files: &'a ControlFiles,
    /// Its own tree, if it is at hand: then a script's questions about its own files have answers.
    pub tree: Option<&'a rootfs::Tree>,
}

/// Reads all scripts of a package; one report per script, in the order of [`ScriptKind`].
pub fn classify(subject: &Subject<'_>, world: &dyn World) -> Vec<ScriptReport> {
    subject.files.scripts.iter().map(|script| classify_script(script, subject, world)).collect()
}

fn classify_script(script: &Script, subject: &Subject<'_>, world: &dyn World) -> ScriptReport {
    let report = |verdict, asked| ScriptReport { kind: script.kind, digest: script.digest, verdict, asked };
    let arguments = match script.kind {
        // apk_ipkg_run_script(): the new version, and none that was there before.
        ScriptKind::PreInstall | ScriptKind::PostInstall => vec![subject.files.info.version.clone()],
        ScriptKind::Trigger => triggered_by(&subject.files.info.triggers, world),
        _ => return report(Verdict::NothingToDo, Vec::new()),
    };
    if script.kind == ScriptKind::Trigger && arguments.is_empty() {
        return report(Verdict::NothingToDo, Vec::new());
    }
    let unpacked = script.kind != ScriptKind::PreInstall;
    let scene = Scene { system: subject, world, unpacked };
    let outcome =
        shell::read(&script.bytes, &scene, Answers::new(), &[Run { arguments, variables: Vec::new() }]);
    report(outcome.verdict, outcome.asked)
}

/// The directories of the tree that a package waits for, which is what apk calls a trigger with: on a
/// first installation all are new. Where the tree is not known, the patterns as they stand.
fn triggered_by(triggers: &[String], world: &dyn World) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    for pattern in triggers {
        let found = directories(pattern, world).unwrap_or_else(|| vec![pattern.clone()]);
        all.extend(found.into_iter().filter(|path| !all.contains(path)).collect::<Vec<_>>());
    }
    all
}

/// What an absolute pattern matches, component by component (fnmatch(3) with `FNM_PATHNAME`).
fn directories(pattern: &str, world: &dyn World) -> Option<Vec<String>> {
    let mut places = vec![BString::default()];
    for component in pattern.split('/').filter(|c| !c.is_empty()) {
        let mut next = Vec::new();
        for place in &places {
            let names = match component.contains(['*', '?', '[']) {
                true => world.names_in(place.as_bstr())?,
                false => vec![component.into()],
            };
            let fitting = names.into_iter().filter(|n| matches(component, &n.to_str_lossy()));
            for name in fitting {
                let path: BString = if place.is_empty() { name } else { format!("{place}/{name}").into() };
                if *world.look(path.as_bstr())?.followed() == Presence::Directory {
                    next.push(path);
                }
            }
        }
        places = next;
    }
    Some(places.into_iter().map(|path| format!("/{path}")).collect())
}
