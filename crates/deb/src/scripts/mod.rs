//! Maintainer scripts accounted for: what each would do on a first installation, and what does it
//! here instead.
//!
//! Nothing runs: [`shell`] walks through a script. Here is what is Debian's about it: with which
//! arguments scripts run, the commands of dpkg, debconf and adduser as data, and the rules
//! ([`rules`]) that cover what is not done literally.

mod accounts;
mod choices;
mod debconf;
mod known;
mod named;
pub mod rules;
mod system;
#[cfg(test)]
mod tests;

use bstr::BStr;
use shell::{Answers, Run, Scene};

pub use choices::parse_alternative;
pub use shell::{Act, Alone, Asked, InTree, Leftover, Presence, Unknown, Verdict, World, actions};

use crate::{ControlFiles, Script, ScriptKind};

/// What was found out about one maintainer script.
pub type ScriptReport = shell::Report<ScriptKind>;

/// The package whose scripts are read.
pub struct Subject<'a> {
    /// Its control files.
    pub files: &'a ControlFiles,
    /// Its own tree, if it is at hand: then a script's questions about its own files have answers.
    pub tree: Option<&'a rootfs::Tree>,
    /// The architecture of the image, as Debian calls it.
    pub arch: &'a str,
}

impl Subject<'_> {
    /// What the package itself has at a path.
    fn own_presence(&self, path: &BStr) -> Option<Presence> {
        let entry = self.tree?.get(path)?;
        Some(match &entry.node {
            rootfs::Node::Dir => Presence::Directory,
            rootfs::Node::File(body) => {
                Presence::File { executable: entry.mode & 0o111 != 0, empty: body.size == 0 }
            }
            rootfs::Node::Hardlink(_) => Presence::File { executable: entry.mode & 0o111 != 0, empty: false },
            // Where it leads is the world's to say.
            rootfs::Node::Symlink(_) | rootfs::Node::Special(_) => return None,
        })
    }
}

/// Reads all scripts of a package; one report per script, in the order of its control files.
pub fn classify(subject: &Subject<'_>, world: &dyn World) -> Vec<ScriptReport> {
    let mut answers = debconf::defaults(&subject.files.templates);
    let mut reports = Vec::new();
    for script in &subject.files.scripts {
        let (report, after) = classify_script(script, subject, world, answers);
        reports.push(report);
        answers = after;
    }
    reports
}

fn classify_script(
    script: &Script,
    subject: &Subject<'_>,
    world: &dyn World,
    answers: Answers,
) -> (ScriptReport, Answers) {
    let report = |verdict, asked| ScriptReport { kind: script.kind, digest: script.digest, verdict, asked };
    if matches!(script.kind, ScriptKind::Prerm | ScriptKind::Postrm) {
        return (report(Verdict::NothingToDo, Vec::new()), answers);
    }
    let scene = Scene { system: subject, world, unpacked: script.kind == ScriptKind::Postinst };
    let arguments = arguments_of(script.kind, subject.files);
    let runs: Vec<Run> = arguments
        .into_iter()
        .map(|arguments| Run { arguments, variables: environment(script.kind, subject) })
        .collect();
    let outcome = shell::read(&script.bytes, &scene, answers, &runs);
    (report(outcome.verdict, outcome.asked), outcome.answers)
}

/// With which arguments a script runs on a first installation (Policy 6.5, 6.6): the postinst of
/// a package that waits for triggers also for those.
fn arguments_of(kind: ScriptKind, files: &ControlFiles) -> Vec<Vec<String>> {
    match kind {
        ScriptKind::Config | ScriptKind::Postinst => {
            let mut all = vec![vec!["configure".to_owned(), String::new()]];
            let names: Vec<String> =
                files.triggers().iter().filter(|t| t.interest).map(|t| t.name.to_string()).collect();
            if kind == ScriptKind::Postinst && !names.is_empty() {
                all.push(vec!["triggered".to_owned(), names.join(" ")]);
            }
            all
        }
        ScriptKind::Preinst => vec![vec!["install".to_owned()]],
        ScriptKind::Prerm | ScriptKind::Postrm => Vec::new(),
    }
}

/// What dpkg gives a script (dpkg(1), ENVIRONMENT).
fn environment(kind: ScriptKind, subject: &Subject<'_>) -> Vec<(&'static str, String)> {
    let control = &subject.files.control;
    let package_arch = match control.architecture() {
        "all" => subject.arch,
        arch => arch,
    };
    [
        ("DPKG_ROOT", ""),
        ("DPKG_ADMINDIR", "/var/lib/dpkg"),
        ("DPKG_MAINTSCRIPT_PACKAGE", control.package()),
        ("DPKG_MAINTSCRIPT_ARCH", package_arch),
        ("DPKG_MAINTSCRIPT_NAME", kind.name()),
        ("DPKG_MAINTSCRIPT_PACKAGE_REFCOUNT", "1"),
        ("DEBIAN_FRONTEND", "noninteractive"),
        ("DEBIAN_HAS_FRONTEND", ""),
    ]
    .map(|(name, value)| (name, value.to_owned()))
    .into()
}
