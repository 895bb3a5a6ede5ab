use bstr::BStr;

use crate::applied::Literal;
use crate::rules::Rules;
use crate::state::Answer;
use crate::text::Text;
use crate::walk::Walker;
use crate::world::{Presence, World};

/// The system that a script was written for, beside its shell: rules, programs and accounts.
///
/// One for each package, since what the package itself brings is part of the answer.
pub trait System {
    /// What is done instead of its commands.
    fn rules(&self) -> &'static Rules;

    /// What the package itself has at a path; `None` where it has nothing, or a link.
    fn own(&self, path: &BStr) -> Option<Presence>;

    /// Does the package itself bring that path, whatever it is?
    fn brings(&self, path: &BStr) -> bool;

    /// `$0`.
    fn script_path(&self) -> &'static str;

    /// The number of a user whose number is the same on every such system.
    fn user_id(&self, name: &str) -> Option<u32>;

    /// The same for a group.
    fn group_id(&self, name: &str) -> Option<u32>;

    /// Is there such a user before any script ran? `None` where that is not known.
    fn has_user(&self, name: &str) -> Option<bool>;

    /// The same for a group.
    fn has_group(&self, name: &str) -> Option<bool>;

    /// A program of the system whose answer is known before it runs; asked before the programs that
    /// every system has.
    fn known(&self, walker: &mut Walker<'_>, name: &str, arguments: &[Text]) -> Option<Answer>;

    /// A program whose words are data, and the rule that covers it.
    fn literal(&self, name: &str, arguments: &[Text]) -> Option<Literal>;

    /// Asks for accounts that a command names and does not make.
    fn name_accounts(&self, walker: &mut Walker<'_>, name: &str, arguments: &[Text]) {
        let _ = (walker, name, arguments);
    }
}

/// Where and when a script would run.
#[derive(Clone, Copy)]
pub struct Scene<'a> {
    /// The system.
    pub system: &'a dyn System,
    /// The tree.
    pub world: &'a dyn World,
    /// The package's own files stand in the tree already, or not yet.
    pub unpacked: bool,
}

/// A system that has nothing but root and mail.
#[cfg(test)]
pub(crate) struct Bare;

#[cfg(test)]
impl System for Bare {
    fn rules(&self) -> &'static Rules {
        const NONE: &Rules = &Rules {
            files: &[],
            commands: &[],
            state: &[],
            sources: &[],
            declared: &[],
            writes: &[],
            essential: &[],
            present: &[],
        };
        NONE
    }

    fn own(&self, _: &BStr) -> Option<Presence> {
        None
    }

    fn brings(&self, _: &BStr) -> bool {
        false
    }

    fn script_path(&self) -> &'static str {
        "/script"
    }

    fn user_id(&self, name: &str) -> Option<u32> {
        (name == "root").then_some(0)
    }

    fn group_id(&self, name: &str) -> Option<u32> {
        (name == "mail").then_some(8)
    }

    fn has_user(&self, name: &str) -> Option<bool> {
        Some(name == "root")
    }

    fn has_group(&self, name: &str) -> Option<bool> {
        Some(name == "mail")
    }

    fn known(&self, _: &mut Walker<'_>, _: &str, _: &[Text]) -> Option<Answer> {
        None
    }

    fn literal(&self, _: &str, _: &[Text]) -> Option<Literal> {
        None
    }
}
