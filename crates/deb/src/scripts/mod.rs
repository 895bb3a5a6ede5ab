//! Maintainer scripts accounted for: what each would do on a first installation, and what does it
//! here instead.
//!
//! Nothing runs. A script is parsed and walked through as a shell would with the arguments of a
//! first installation; conditions with known answers are followed, others lead both ways. Commands
//! that change files literally become [`rootfs::actions`], commands of the usual tools are covered
//! by rules that are data ([`rules`]), and what remains is named. The price: a script that computes
//! what it does is named as not replaced, although it might have done nothing.

mod accounts;
mod applied;
mod assigned;
mod choices;
mod debconf;
mod expand;
mod files;
mod known;
mod named;
mod options;
mod question;
pub mod rules;
pub(crate) mod shell;
mod simple;
mod state;
#[cfg(test)]
mod tests;
mod text;
mod walk;
mod world;

use bstr::{BStr, ByteSlice};
use oci::Digest;
use rootfs::actions::{Actions, Step};

pub use choices::parse_alternative;
pub use state::{Act, Asked, Leftover};
pub use world::{Alone, InTree, Presence, Unknown, World};

use crate::{ControlFiles, Script, ScriptKind};
use state::State;
use text::Text;
use walk::Walker;

/// Where programs are, in the order of Debian's default `PATH`.
const PATH_DIRECTORIES: [&str; 6] = ["usr/local/sbin", "usr/local/bin", "usr/sbin", "usr/bin", "sbin", "bin"];

/// What was found out about one maintainer script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScriptReport {
    /// When it would run.
    pub kind: ScriptKind,
    /// SHA-256 of the script, as the lock records it.
    pub digest: Digest,
    /// The upshot.
    pub verdict: Verdict,
    /// What it asks for, in order.
    pub asked: Vec<Asked>,
}

/// The upshot of a script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// On a first installation it does nothing.
    NothingToDo,
    /// Everything it would do is covered by these rules, sorted.
    ReplacedBy(Vec<&'static str>),
    /// These commands are not.
    NotReplaced {
        /// In the order in which they were met.
        commands: Vec<Leftover>,
        /// The rules that cover the rest, sorted.
        rules: Vec<&'static str>,
    },
}

impl ScriptReport {
    /// No command is left over.
    pub fn is_accounted_for(&self) -> bool {
        !matches!(self.verdict, Verdict::NotReplaced { .. })
    }

    /// The rules that cover it, whole or in part.
    pub fn rules(&self) -> &[&'static str] {
        match &self.verdict {
            Verdict::NothingToDo => &[],
            Verdict::ReplacedBy(rules) | Verdict::NotReplaced { rules, .. } => rules,
        }
    }

    /// The commands that are not covered.
    pub fn leftovers(&self) -> &[Leftover] {
        match &self.verdict {
            Verdict::NotReplaced { commands, .. } => commands,
            _ => &[],
        }
    }
}

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
    /// Does the package itself bring that path, whatever it is?
    fn brings(&self, path: &BStr) -> bool {
        self.tree.is_some_and(|tree| tree.get(path).is_some())
    }

    /// What the package itself has at a path.
    fn own(&self, path: &BStr) -> Option<Presence> {
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

    fn native_arch(&self) -> Option<String> {
        Some(self.arch.to_owned())
    }
}

/// Reads all scripts of a package; one report per script, in the order of its control files.
pub fn classify(subject: &Subject<'_>, world: &dyn World) -> Vec<ScriptReport> {
    let mut state = State { answers: debconf::defaults(&subject.files.templates), ..State::default() };
    let mut reports = Vec::new();
    for script in &subject.files.scripts {
        let (report, after) = classify_script(script, subject, world, state);
        reports.push(report);
        state = after;
    }
    reports
}

/// What the scripts of a package ask for, together.
pub fn actions(reports: &[ScriptReport]) -> Actions {
    let mut all = Actions::default();
    for asked in reports.iter().flat_map(|r| &r.asked) {
        match asked.act.clone() {
            Act::Alternative(a) => all.alternatives.push(a),
            Act::Group(g) => all.groups.push(g),
            Act::User(u) => all.users.push(u),
            Act::Membership(m) => all.memberships.push(m),
            Act::Diversion(d) => all.diversions.push(d),
            Act::Override(o) => all.overrides.push(o),
            Act::File(action) => all.steps.push(Step { when: asked.when.clone(), action }),
            Act::Shell(s) => all.shells.push(s),
            Act::Named(n) => all.named.push(n),
        }
    }
    all
}

fn classify_script(
    script: &Script,
    subject: &Subject<'_>,
    world: &dyn World,
    state: State,
) -> (ScriptReport, State) {
    let report = |verdict, asked| ScriptReport { kind: script.kind, digest: script.digest, verdict, asked };
    if matches!(script.kind, ScriptKind::Prerm | ScriptKind::Postrm) {
        return (report(Verdict::NothingToDo, Vec::new()), state);
    }
    let unreadable = |why: String| Verdict::NotReplaced {
        commands: vec![Leftover { command: why, when: Vec::new() }],
        rules: Vec::new(),
    };
    if let Err(why) = check_interpreter(&script.bytes) {
        return (report(unreadable(why), Vec::new()), state);
    }
    let list = match shell::parse(&script.bytes.to_str_lossy()) {
        Ok(list) => list,
        Err(error) => {
            let why = format!("the whole script, which cannot be read ({error})");
            return (report(unreadable(why), Vec::new()), state);
        }
    };
    let unpacked = script.kind == ScriptKind::Postinst;
    let mut walker = Walker::new(subject, world, state, unpacked);
    for arguments in arguments_of(script.kind, subject.files) {
        walker.begin(script.kind, &arguments);
        walker.list(&list);
    }
    let found = std::mem::take(&mut walker.found);
    let rules: Vec<&'static str> = found.rules.into_iter().collect();
    let verdict = match (found.leftovers.is_empty(), rules.is_empty()) {
        (false, _) => Verdict::NotReplaced { commands: found.leftovers, rules },
        (true, true) => Verdict::NothingToDo,
        (true, false) => Verdict::ReplacedBy(rules),
    };
    (report(verdict, found.asked), walker.answers())
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

/// Is it a script for a shell? Else what it is instead.
fn check_interpreter(script: &[u8]) -> Result<(), String> {
    if script.starts_with(b"\x7fELF") {
        return Err("the whole script, which is a program".into());
    }
    let Some(rest) = script.strip_prefix(b"#!") else {
        // dpkg runs it by execvp, which falls back to the shell.
        return Ok(());
    };
    let line = rest.lines().next().unwrap_or_default();
    let mut words = line.fields_with(|c| c == ' ' || c == '\t').map(|w| w.to_str_lossy().into_owned());
    let mut program = words.next().unwrap_or_default();
    if program.ends_with("/env") {
        program = words.next().unwrap_or_default();
    }
    let name = program.rsplit('/').next().unwrap_or_default();
    match name {
        "sh" | "dash" | "bash" | "ash" | "ksh" | "mksh" | "zsh" => Ok(()),
        _ => Err(format!("the whole script, which is in {name}")),
    }
}

impl Walker<'_> {
    /// Sets up what dpkg gives a script (dpkg(1), ENVIRONMENT).
    fn begin(&mut self, kind: ScriptKind, arguments: &[String]) {
        let answers = std::mem::take(&mut self.state.answers);
        let touched = std::mem::take(&mut self.state.touched);
        self.state = State { answers, touched, directory: Some("/".into()), ..State::default() };
        self.guards.clear();
        self.state.positional = Some(arguments.iter().map(Text::known).collect());
        let control = &self.subject.files.control;
        let package_arch = match control.architecture() {
            "all" => self.subject.arch,
            arch => arch,
        };
        for (name, value) in [
            ("DPKG_ROOT", ""),
            ("DPKG_ADMINDIR", "/var/lib/dpkg"),
            ("DPKG_MAINTSCRIPT_PACKAGE", control.package()),
            ("DPKG_MAINTSCRIPT_ARCH", package_arch),
            ("DPKG_MAINTSCRIPT_NAME", kind.name()),
            ("DPKG_MAINTSCRIPT_PACKAGE_REFCOUNT", "1"),
            ("DEBIAN_FRONTEND", "noninteractive"),
            ("DEBIAN_HAS_FRONTEND", ""),
        ] {
            self.state.variables.insert(name.into(), Text::known(value));
        }
    }
}
