use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use rootfs::actions::{
    Alternative, Condition, Diversion, FileAction, Group, Membership, Named, Override, User,
};

use crate::grammar::Command;
use crate::text::Text;
use crate::world::Presence;

/// What a script has made of the shell so far; copied where two ways part, joined where they meet.
#[derive(Debug, Clone, Default)]
pub(crate) struct State {
    pub(crate) variables: BTreeMap<String, Text>,
    /// `$1` and so on; `None` where even their number is not known.
    pub(crate) positional: Option<Vec<Text>>,
    pub(crate) functions: BTreeMap<String, Rc<Command>>,
    /// What the script itself made of paths; `None`: cannot be said any more.
    pub(crate) touched: BTreeMap<String, Option<Presence>>,
    /// debconf's answers.
    pub(crate) answers: BTreeMap<String, Text>,
    pub(crate) directory: Option<String>,
    /// The umask may be another than package managers', so that modes of new files are not known.
    pub(crate) other_umask: bool,
}

impl State {
    /// About how many bytes a copy takes.
    pub(crate) fn weight(&self) -> usize {
        let texts = self.variables.iter().chain(&self.answers);
        let texts: usize = texts.map(|(name, text)| name.len() + text.prefix().len() + 96).sum();
        let touched: usize = self.touched.keys().map(|path| path.len() + 96).sum();
        let positional = self.positional.iter().flatten().map(|text| text.prefix().len() + 32);
        texts + touched + positional.sum::<usize>() + 64 * self.functions.len()
    }

    /// What holds whichever of two ways was taken.
    pub(crate) fn join(&mut self, other: State) {
        join_maps(&mut self.variables, other.variables, Text::unknown);
        join_maps(&mut self.answers, other.answers, Text::unknown);
        join_maps(&mut self.touched, other.touched, || None);
        // A function that only one way defines is looked into when it is called.
        for (name, body) in other.functions {
            self.functions.entry(name).or_insert(body);
        }
        if self.positional != other.positional {
            self.positional = None;
        }
        if self.directory != other.directory {
            self.directory = None;
        }
        self.other_umask |= other.other_umask;
    }
}

fn join_maps<V: PartialEq>(
    ours: &mut BTreeMap<String, V>,
    theirs: BTreeMap<String, V>,
    undecided: impl Fn() -> V,
) {
    let names: BTreeSet<String> = ours.keys().chain(theirs.keys()).cloned().collect();
    for name in names {
        if ours.get(&name) != theirs.get(&name) {
            ours.insert(name, undecided());
        }
    }
}

/// How a command ends: the exit status, and what it says about the tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Zero or not, where that is known.
    pub(crate) value: Option<bool>,
    /// Holds exactly where the status is zero; `None` where no condition says that.
    pub(crate) yes: Option<Vec<Condition>>,
    /// Holds exactly where it is not.
    pub(crate) no: Option<Vec<Condition>>,
}

impl Answer {
    /// The status is known.
    pub fn known(value: bool) -> Answer {
        Answer { value: Some(value), yes: None, no: None }
    }

    /// It is not.
    pub fn unknown() -> Answer {
        Answer { value: None, yes: None, no: None }
    }

    /// It may be known.
    pub fn of(value: Option<bool>) -> Answer {
        Answer { value, yes: None, no: None }
    }

    /// True exactly where `condition` holds.
    pub(crate) fn asks(condition: Condition) -> Answer {
        let opposite = Condition { expect: !condition.expect, ..condition.clone() };
        Answer { value: None, yes: Some(vec![condition]), no: Some(vec![opposite]) }
    }

    pub(crate) fn not(self) -> Answer {
        Answer { value: self.value.map(|v| !v), yes: self.no, no: self.yes }
    }

    pub(crate) fn and(self, other: Answer) -> Answer {
        match (self.value, other.value) {
            (Some(false), _) | (_, Some(true)) => self,
            (_, Some(false)) | (Some(true), _) => other,
            _ => {
                let yes = match (self.yes, other.yes) {
                    (Some(mut a), Some(b)) => {
                        a.extend(b);
                        Some(a)
                    }
                    _ => None,
                };
                Answer { value: None, yes, no: None }
            }
        }
    }

    pub(crate) fn or(self, other: Answer) -> Answer {
        self.not().and(other.not()).not()
    }
}

/// Where the script goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flow {
    Next,
    Break,
    Continue,
    Return,
    /// With status zero, or one that is not known.
    Exit,
    /// With another: the installation fails, which is no way that we look into.
    Fail,
}

/// What must hold for a command to be reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Guard {
    /// `None`: nothing that a tree can be asked.
    pub(crate) when: Option<Vec<Condition>>,
    /// It holds to the end of the script, not only of the function.
    pub(crate) lasts: bool,
}

/// One thing that a script asks for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Act {
    /// A choice for a generic name.
    Alternative(Alternative),
    /// A group.
    Group(Group),
    /// A user.
    User(User),
    /// A user in a further group.
    Membership(Membership),
    /// Files that go elsewhere.
    Diversion(Diversion),
    /// Mode and owner of a path, for good.
    Override(Override),
    /// A change of the tree.
    File(FileAction),
    /// A login shell.
    Shell(bstr::BString),
    /// An account of every Debian system, named but not made.
    Named(Named),
}

/// An [`Act`] and what must hold for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// All of these.
    pub when: Vec<Condition>,
    /// What is asked for.
    pub act: Act,
}

/// A command that no rule covers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leftover {
    /// As the script would run it; `…` stands for what is not known before it runs.
    pub command: String,
    /// It is reached only where all of these hold; what else it depends on is not known.
    pub when: Vec<Condition>,
}

/// What came out of walking through a script.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    pub(crate) asked: Vec<Asked>,
    pub(crate) rules: BTreeSet<&'static str>,
    pub(crate) leftovers: Vec<Leftover>,
}
