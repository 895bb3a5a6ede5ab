//! What is done instead of running a command: rules as data, of which each system has its own.

use crate::text::{Text, matches};

/// What happens here instead of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Instead {
    /// Nothing, and why none is needed in an image.
    Nothing(&'static str),
    /// A documented rule of composition makes what the command would have made.
    Derived(&'static str),
    /// The command's words are read as data and applied to the tree.
    Applied(&'static str),
    /// Nothing: the command only reads. What it would have said is not known, so both ways are
    /// taken where the script asks.
    Reads,
}

/// Commands that one reason covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    /// Its name, in reports and locks.
    pub id: &'static str,
    /// Patterns of commands: the name, then words that must be among the arguments in this order.
    pub commands: &'static [&'static str],
    /// Paths: a command that only makes, changes or removes these, or a redirection into one. With
    /// a slash at the end everything below.
    pub paths: &'static [&'static str],
    /// What happens instead.
    pub instead: Instead,
}

/// Commands by name and words.
pub const fn commands(id: &'static str, commands: &'static [&'static str], instead: Instead) -> Rule {
    Rule { id, commands, paths: &[], instead }
}

/// Paths.
pub const fn paths(id: &'static str, paths: &'static [&'static str], instead: Instead) -> Rule {
    Rule { id, commands: &[], paths, instead }
}

/// The rules of a system, by the order in which they are asked.
#[derive(Debug)]
pub struct Rules {
    /// Files that composition makes itself, or that no image has: asked first.
    pub files: &'static [Rule],
    /// Commands, in the order in which they are asked.
    pub commands: &'static [Rule],
    /// Places that are the running system's: asked last, for what cannot be applied literally.
    pub state: &'static [Rule],
    /// Files that scripts source.
    pub sources: &'static [Rule],
    /// Rules of commands that are applied from files of the package, whatever the command says.
    pub declared: &'static [&'static str],
    /// Patterns of reading commands that write after all.
    pub writes: &'static [&'static str],
    /// Programs that every such system has, which a script finds although the image does not have
    /// them: their effects are accounted for by rules.
    pub essential: &'static [&'static str],
    /// Files that every such system has, in a tree's form.
    pub present: &'static [&'static str],
}

impl Rules {
    /// Does every such system have a command of this name?
    pub(crate) fn is_essential(&self, name: &str) -> bool {
        self.essential.contains(&name)
    }

    /// The rule that covers a command, by name and words.
    pub(crate) fn for_command(&self, name: &str, arguments: &[Text]) -> Option<&'static Rule> {
        self.commands.iter().find(|rule| {
            // Literal ones are read elsewhere; here they would cover what is not literal.
            let covers = !matches!(rule.instead, Instead::Applied(_)) || self.declared.contains(&rule.id);
            covers
                && rule.commands.iter().any(|c| fits(c, name, arguments))
                && !(rule.instead == Instead::Reads && self.writes.iter().any(|w| fits(w, name, arguments)))
        })
    }

    /// The rule for a path that composition makes itself or that no image has.
    pub(crate) fn for_path(&self, path: &str) -> Option<&'static Rule> {
        self.files.iter().find(|r| covers_path(r, path))
    }

    /// The rule for a path that belongs to the running system.
    pub(crate) fn for_state_path(&self, path: &str) -> Option<&'static Rule> {
        self.state.iter().find(|r| covers_path(r, path))
    }

    /// The rule for a file that a script sources.
    pub(crate) fn for_source(&self, path: &str) -> Option<&'static Rule> {
        self.sources.iter().find(|r| covers_path(r, path))
    }

    /// The rule that covers a command on files because of all that it changes.
    pub(crate) fn for_target(&self, name: &str, arguments: &[Text]) -> Option<&'static Rule> {
        for_all_targets(name, arguments, |path| self.for_path(path))
    }

    /// The same for paths of the running system.
    pub(crate) fn for_state(&self, name: &str, arguments: &[Text]) -> Option<&'static Rule> {
        for_all_targets(name, arguments, |path| self.for_state_path(path))
    }
}

/// A pattern's name is the command's, and its words are among the arguments in this order.
fn fits(pattern: &str, name: &str, arguments: &[Text]) -> bool {
    let mut words = pattern.split(' ');
    if !words.next().is_some_and(|w| matches(w, name)) {
        return false;
    }
    let mut rest = arguments.iter();
    words.all(|word| rest.any(|a| matches(word, a.prefix())))
}

fn covers_path(rule: &Rule, path: &str) -> bool {
    rule.paths.iter().any(|p| {
        // A path that ends in a letter is that path; other endings begin longer ones.
        let whole = p.ends_with(|c: char| c.is_ascii_alphanumeric());
        if whole { path == *p } else { path.starts_with(p) || path == p.trim_end_matches('/') }
    })
}

fn for_all_targets(
    name: &str,
    arguments: &[Text],
    rule_of: impl Fn(&str) -> Option<&'static Rule>,
) -> Option<&'static Rule> {
    let last_only = match name {
        "ln" | "cp" | "mv" | "install" => true,
        "mkdir" | "touch" | "chmod" | "chown" | "chgrp" | "rm" | "rmdir" | "unlink" | "tee" | "sed"
        | "find" | "dpkg-divert" | "dpkg-statoverride" | "chattr" | "setfacl" | "gzip" | "truncate"
        | "chcon" => false,
        _ => return None,
    };
    let paths: Vec<&str> = arguments.iter().map(Text::prefix).filter(|p| p.starts_with('/')).collect();
    // What does not show as a path may be one.
    let hidden = arguments.iter().any(|a| a.whole().is_none() && !a.prefix().starts_with('/'));
    if last_only {
        return arguments.last().and_then(|a| rule_of(a.prefix()));
    }
    let first = rule_of(paths.first()?)?;
    let all = paths.iter().all(|p| rule_of(p).is_some());
    (all && !(hidden && matches!(name, "rm" | "find"))).then_some(first)
}
