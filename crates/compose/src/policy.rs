//! What a distroless image has not, unless its recipe says so in a word: a shell, a package manager,
//! files with setuid, setgid or capabilities, root as its user.

pub mod table;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use bstr::{BStr, BString, ByteSlice};
use package::{Cause, Pin};
use recipe::{Allow, Resolved};
use rootfs::path::{file_name, parent};
use rootfs::{Entry, Node, Owner};

use crate::draft::Draft;

/// One thing against the policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The word that would allow it.
    pub word: Allow,
    /// The path, or none for the image's user.
    pub path: Option<BString>,
    /// What it is, as `/usr/bin/dash is a shell`.
    pub what: String,
    /// Why it is in the image: from the package that brings it to what the recipe asks for.
    pub chain: Vec<String>,
}

/// An image that is not distroless.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("cannot compose a distroless image: {}", first(.violations))]
pub struct PolicyError {
    /// Everything that is against the policy.
    pub violations: Vec<Violation>,
}

fn first(violations: &[Violation]) -> String {
    let what = violations.first().map(|v| v.what.clone()).unwrap_or_default();
    match violations.len() {
        0 | 1 => what,
        n => format!("{what} (and {} more)", n - 1),
    }
}

impl diag::Explain for PolicyError {
    fn kind(&self) -> diag::Kind {
        diag::Kind::Input
    }

    fn details(&self) -> Vec<String> {
        const MOST: usize = 20;
        let mut out = Vec::new();
        let mut said: Option<&Vec<String>> = None;
        for violation in self.violations.iter().take(MOST) {
            out.push(violation.what.clone());
            // Files of one package have one reason.
            if said != Some(&violation.chain) {
                out.extend(violation.chain.iter().map(|line| format!("  {line}")));
            }
            said = Some(&violation.chain);
        }
        if self.violations.len() > MOST {
            out.push(format!("and {} more", self.violations.len() - MOST));
        }
        out
    }

    fn hint(&self) -> Option<String> {
        let words: BTreeSet<Allow> = self.violations.iter().map(|v| v.word).collect();
        let words: Vec<&str> = words.into_iter().map(Allow::as_str).collect();
        let cut = match words.as_slice() {
            ["root"] => "set `accounts: {run-as: nonroot}`",
            _ => {
                "leave the package out (`!name`), take only a part of it, or drop the file (`drop: [/path]`)"
            }
        };
        Some(format!("{cut}; if it is meant to be there, say `allow: [{}]`", words.join(", ")))
    }
}

/// Everything against the policy that the recipe does not allow, by path.
pub(crate) fn check(draft: &Draft<'_>, recipe: &Resolved, uid: Option<u32>, pins: &[&Pin]) -> Vec<Violation> {
    let mut out = Vec::new();
    for entry in draft.entries.values().filter(|e| !e.is_dir()) {
        for (word, what) in sins(draft, entry) {
            if !recipe.allow.contains(&word) {
                let chain = chain(pins, entry.owner);
                out.push(Violation { word, path: Some(entry.path.clone()), what, chain });
            }
        }
    }
    // No user at all is root, too.
    if uid.unwrap_or(0) == 0 && !recipe.allow.contains(&Allow::Root) {
        let what = "the user of the image is root".to_owned();
        out.push(Violation { word: Allow::Root, path: None, what, chain: Vec::new() });
    }
    out
}

fn sins(draft: &Draft<'_>, entry: &Entry) -> Vec<(Allow, String)> {
    let path = entry.path.as_bstr();
    let name = file_name(path);
    let in_path = parent(path).is_some_and(table::is_of_programs);
    let mut out = Vec::new();
    if let Some(row) = table::find(name, in_path).filter(|_| is_program(draft, entry)) {
        let kind = if row.word == Allow::Shell { "shell" } else { "package manager" };
        out.push((row.word, format!("/{path} is a {kind}")));
    }
    if matches!(entry.node, Node::File(_) | Node::Hardlink(_)) && entry.mode & 0o6000 != 0 {
        let bit = if entry.mode & 0o4000 != 0 { "setuid" } else { "setgid" };
        out.push((Allow::Setuid, format!("/{path} has {bit} (mode {:04o})", entry.mode)));
    }
    if entry.xattrs.iter().any(|x| x.name == rootfs::CAPABILITY) {
        out.push((Allow::Setuid, format!("/{path} has file capabilities")));
    }
    out
}

/// Executable itself, or a link to what is. A link that leads nowhere starts nothing.
fn is_program(draft: &Draft<'_>, entry: &Entry) -> bool {
    let file = |e: &Entry| matches!(e.node, Node::File(_) | Node::Hardlink(_)) && e.mode & 0o111 != 0;
    match &entry.node {
        Node::Symlink(_) => draft.behind(entry.path.as_bstr()).is_some_and(file),
        _ => file(entry),
    }
}

/// The shortest way from a package to what the recipe asks for.
fn chain(pins: &[&Pin], owner: Owner) -> Vec<String> {
    let start = match owner {
        Owner::Package(n) => n as usize,
        Owner::User => return vec!["it is a file of the recipe".to_owned()],
        Owner::Derived | Owner::Implicit => return vec!["a package asks for it".to_owned()],
    };
    let Some(first) = pins.get(start) else { return Vec::new() };
    let by_name = |name: &str| pins.iter().position(|p| p.name == name);
    let mut came: BTreeMap<usize, usize> = BTreeMap::new();
    let mut queue = VecDeque::from([start]);
    let mut asked = None;
    while let Some(at) = queue.pop_front() {
        if pins[at].because.iter().any(|c| matches!(c, Cause::Asked(_))) {
            asked = Some(at);
            break;
        }
        for cause in &pins[at].because {
            let (Cause::Needed { by, .. } | Cause::Hidden { by, .. } | Cause::InstallIf { by, .. }) = cause
            else {
                continue;
            };
            if let Some(next) = by_name(by).filter(|next| *next != start && !came.contains_key(next)) {
                came.insert(next, at);
                queue.push_back(next);
            }
        }
    }
    let mut way = Vec::new();
    let mut at = asked;
    while let Some(here) = at {
        way.push(here);
        at = came.get(&here).copied();
    }
    way.reverse();
    let mut out = vec![format!("it is a file of {} {}", first.name, first.version)];
    for pair in way.windows(2) {
        out.push(needed(pins[pair[0]], &pins[pair[1]].name));
    }
    if let Some(last) = asked {
        out.push(asked_for(pins[last]));
    }
    out
}

fn needed(pin: &Pin, by: &str) -> String {
    for cause in &pin.because {
        match cause {
            Cause::Needed { by: name, requirement } if name == by => {
                return format!("{by} needs {} ({requirement})", pin.name);
            }
            Cause::Hidden { by: name, reason } if name == by => {
                return format!("{by} needs {} ({reason})", pin.name);
            }
            Cause::InstallIf { by: name, condition } if name == by => {
                return format!("{} comes in by itself where {condition} is there, which is {by}", pin.name);
            }
            _ => {}
        }
    }
    format!("{by} needs {}", pin.name)
}

fn asked_for(pin: &Pin) -> String {
    let text = pin.because.iter().find_map(|c| match c {
        Cause::Asked(text) => Some(text.as_str()),
        _ => None,
    });
    format!("the recipe asks for `{}`", text.unwrap_or(&pin.name))
}

/// Is it the name of a shell, for callers that only have a path?
pub fn is_shell_name(name: &BStr) -> bool {
    table::find(name, true).is_some_and(|row| row.word == Allow::Shell)
}
