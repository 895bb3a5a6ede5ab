//! The shell's grammar, as far as maintainer scripts use it: POSIX.1-2017 chapter 2, and of bash
//! `[[ ]]`, `(( ))`, `function`, here-strings and arrays (the last three only as something that is
//! there).
//!
//! Our own and small, because it reads outside bytes: depth is bounded, so that no script can
//! exhaust the stack, and nothing is remembered between scripts. The crate at hand, brush-parser,
//! adds fifty crates and a minute of building, recurses without bound, and keeps global caches.

mod parse;
#[cfg(test)]
mod tests;
mod words;

use std::cell::OnceCell;
use std::rc::Rc;

pub(crate) use parse::parse;

/// Commands, one after the other.
pub(crate) type List = Vec<AndOr>;

/// Pipelines joined by `&&` and `||`.
#[derive(Debug, Clone)]
pub(crate) struct AndOr {
    pub(crate) first: Pipeline,
    pub(crate) rest: Vec<(Join, Pipeline)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Join {
    And,
    Or,
}

#[derive(Debug, Clone)]
pub(crate) struct Pipeline {
    pub(crate) negated: bool,
    pub(crate) commands: Vec<Command>,
}

#[derive(Debug, Clone)]
pub(crate) struct Command {
    pub(crate) kind: CommandKind,
    pub(crate) redirects: Vec<Redirect>,
}

#[derive(Debug, Clone)]
pub(crate) enum CommandKind {
    Simple {
        assignments: Vec<(String, Word)>,
        words: Vec<Word>,
    },
    Group(List),
    Subshell(List),
    If {
        arms: Vec<(List, List)>,
        otherwise: List,
    },
    For {
        name: String,
        words: Option<Vec<Word>>,
        body: List,
    },
    While {
        until: bool,
        condition: List,
        body: List,
    },
    Case {
        subject: Word,
        arms: Vec<(Vec<Word>, List)>,
    },
    Function {
        name: String,
        body: Rc<Command>,
    },
    /// bash's `[[ … ]]` and `(( … ))`: a question that is not looked into.
    Opaque,
}

#[derive(Debug, Clone)]
pub(crate) struct Redirect {
    pub(crate) descriptor: Option<u32>,
    pub(crate) kind: RedirectKind,
}

#[derive(Debug, Clone)]
pub(crate) enum RedirectKind {
    /// `<`
    Read,
    /// `>`, `>|`, `&>`, `<>`
    Write(Word),
    /// `>>`
    Append(Word),
    /// `>&`, `<&`
    Duplicate(Word),
    /// `<<`, `<<-`: filled in once the line that has it ends.
    Here(Rc<OnceCell<Word>>),
    /// `<<<`
    HereString(Word),
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Word(pub(crate) Vec<Part>);

#[derive(Debug, Clone)]
pub(crate) enum Part {
    /// As it stands, subject to globbing.
    Plain(String),
    /// Between single quotes, or escaped.
    Quoted(String),
    /// Between double quotes.
    Double(Vec<Part>),
    /// `$name`, `${name}` and `${name<op>word}`.
    Variable { name: String, change: Option<Box<Change>> },
    /// `$( )` and backquotes.
    Command(Rc<List>),
    /// `$(( ))`: only the commands in it are looked into.
    Arithmetic(Word),
    /// A value that is not looked into.
    Unknown,
}

/// What `${name<op>word}` makes of the value.
#[derive(Debug, Clone)]
pub(crate) struct Change {
    pub(crate) kind: ChangeKind,
    pub(crate) word: Word,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ChangeKind {
    /// `-`; `empty_too` with a colon.
    Default { empty_too: bool },
    /// `=`
    Assign { empty_too: bool },
    /// `?`
    Require { empty_too: bool },
    /// `+`
    Alternative { empty_too: bool },
    /// `#`, `##`
    CutStart { longest: bool },
    /// `%`, `%%`
    CutEnd { longest: bool },
    /// `${#name}`
    Length,
    /// bash's.
    Other,
}
