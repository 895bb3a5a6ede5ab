use oci::Digest;
use rootfs::actions::{Actions, Step};

use crate::state::{Act, Asked, Leftover};

/// What was found out about one script of a package; `K` says when it would run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report<K> {
    /// When it would run.
    pub kind: K,
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

impl<K> Report<K> {
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

/// What the scripts of a package ask for, together.
pub fn actions<K>(reports: &[Report<K>]) -> Actions {
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
