use std::collections::BTreeMap;

use bstr::ByteSlice;

use crate::grammar;
use crate::report::Verdict;
use crate::state::{Asked, Leftover, State};
use crate::system::Scene;
use crate::text::Text;
use crate::walk::Walker;

/// What a system's scripts tell each other beside the tree, as debconf's answers; by name.
pub type Answers = BTreeMap<String, Text>;

/// How a script is run: with these arguments and, beside the shell's own, these variables.
#[derive(Debug, Clone, Default)]
pub struct Run {
    /// `$1` and so on.
    pub arguments: Vec<String>,
    /// The environment.
    pub variables: Vec<(&'static str, String)>,
}

/// What was found out about a script.
#[derive(Debug)]
pub struct Outcome {
    /// The upshot.
    pub verdict: Verdict,
    /// What it asks for, in order.
    pub asked: Vec<Asked>,
    /// What is told to the next script.
    pub answers: Answers,
}

/// Walks through a script as these runs of it would, one after the other. A script that cannot be read is
/// left over as a whole.
pub fn read(script: &[u8], scene: &Scene<'_>, answers: Answers, runs: &[Run]) -> Outcome {
    let list = check_interpreter(script).and_then(|()| {
        grammar::parse(&script.to_str_lossy())
            .map_err(|error| format!("the whole script, which cannot be read ({error})"))
    });
    let list = match list {
        Ok(list) => list,
        Err(why) => {
            let commands = vec![Leftover { command: why, when: Vec::new() }];
            let verdict = Verdict::NotReplaced { commands, rules: Vec::new() };
            return Outcome { verdict, asked: Vec::new(), answers };
        }
    };
    let mut walker = Walker::new(scene, State { answers, ..State::default() });
    for run in runs {
        walker.begin(run);
        walker.list(&list);
    }
    let found = std::mem::take(&mut walker.found);
    let rules: Vec<&'static str> = found.rules.into_iter().collect();
    let verdict = match (found.leftovers.is_empty(), rules.is_empty()) {
        (false, _) => Verdict::NotReplaced { commands: found.leftovers, rules },
        (true, true) => Verdict::NothingToDo,
        (true, false) => Verdict::ReplacedBy(rules),
    };
    Outcome { verdict, asked: found.asked, answers: walker.state.answers }
}

/// Is it a script for a shell? Else what it is instead.
fn check_interpreter(script: &[u8]) -> Result<(), String> {
    if script.starts_with(b"\x7fELF") {
        return Err("the whole script, which is a program".into());
    }
    let Some(rest) = script.strip_prefix(b"#!") else {
        // Who runs it falls back to the shell, as execvp(3) does.
        return Ok(());
    };
    let line = rest.lines().next().unwrap_or_default();
    let mut words = line.fields_with(|c| c == ' ' || c == '\t').map(|w| w.to_str_lossy().into_owned());
    let mut program = words.next().unwrap_or_default();
    if program.ends_with("/env") || program.ends_with("/busybox") {
        program = words.next().unwrap_or_default();
    }
    let name = program.rsplit('/').next().unwrap_or_default();
    match name {
        "sh" | "dash" | "bash" | "ash" | "ksh" | "mksh" | "zsh" => Ok(()),
        _ => Err(format!("the whole script, which is in {name}")),
    }
}

impl Walker<'_> {
    /// Sets up what a script finds when it begins.
    fn begin(&mut self, run: &Run) {
        let answers = std::mem::take(&mut self.state.answers);
        let touched = std::mem::take(&mut self.state.touched);
        self.state = State { answers, touched, directory: Some("/".into()), ..State::default() };
        self.guards.clear();
        self.state.positional = Some(run.arguments.iter().map(Text::known).collect());
        for (name, value) in &run.variables {
            self.state.variables.insert((*name).into(), Text::known(value));
        }
    }

    /// Notes that a rule covers a part of the script.
    pub fn cover(&mut self, rule: &'static str) {
        self.found.rules.insert(rule);
    }

    /// What is asked for so far.
    pub fn asked(&self) -> &[Asked] {
        &self.found.asked
    }

    /// Sets a variable of the script.
    pub fn set_variable(&mut self, name: &str, value: Text) {
        self.state.variables.insert(name.into(), value);
    }

    /// What scripts of the system tell each other.
    pub fn answers(&mut self) -> &mut Answers {
        &mut self.state.answers
    }
}
