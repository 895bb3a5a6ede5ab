//! One command with its arguments: the shell's own, those whose answer is known beforehand, those
//! that are applied literally, those that a rule covers.

use crate::files;
use crate::grammar::{Redirect, Word};
use crate::rules::Instead;
use crate::state::{Answer, Flow};
use crate::text::Text;
use crate::walk::{Step, Walker};

impl Walker<'_> {
    pub(crate) fn simple(
        &mut self,
        assignments: &[(String, Word)],
        words: &[Word],
        redirects: &[Redirect],
    ) -> Step {
        self.substituted = None;
        let values: Vec<(String, Text)> =
            assignments.iter().map(|(name, word)| (name.clone(), self.word(word))).collect();
        let mut fields = self.fields(words);
        if fields.is_empty() {
            if words.is_empty() {
                self.state.variables.extend(values);
            }
            let answer = self.take_substituted().unwrap_or_else(|| Answer::known(true));
            // `: > file` without the colon.
            return self.redirected(redirects, |_| (Flow::Next, answer));
        }
        let name = fields.remove(0);
        let Some(name) = name.whole().map(str::to_owned) else {
            return self.redirected(redirects, |w| {
                w.unknown_command(&name, &fields);
                (Flow::Next, Answer::unknown())
            });
        };
        if name == "exec" && fields.is_empty() {
            // Only redirects the script itself: logs and debconf's descriptors.
            return (Flow::Next, Answer::known(true));
        }
        let hidden: Vec<(String, Option<Text>)> =
            values.iter().map(|(name, _)| (name.clone(), self.state.variables.get(name).cloned())).collect();
        self.state.variables.extend(values);
        let step = self.redirected(redirects, |w| w.run(&name, fields));
        for (name, old) in hidden {
            match old {
                Some(value) => self.state.variables.insert(name, value),
                None => self.state.variables.remove(&name),
            };
        }
        step
    }

    fn unknown_command(&mut self, name: &Text, arguments: &[Text]) {
        if let Some(rule) = self.system.rules().for_path(name.prefix()).filter(|_| !name.prefix().is_empty())
        {
            self.found.rules.insert(rule.id);
            return;
        }
        let shown = show(&name.shown(), arguments);
        self.leave(&shown);
    }

    pub(crate) fn run(&mut self, name: &str, arguments: Vec<Text>) -> Step {
        if let Some(body) = self.state.functions.get(name).cloned() {
            return self.call(&body, arguments);
        }
        if let Some(step) = self.builtin(name, &arguments) {
            return step;
        }
        (Flow::Next, self.program(name, &arguments))
    }

    fn builtin(&mut self, name: &str, arguments: &[Text]) -> Option<Step> {
        let first = arguments.first().and_then(Text::whole);
        let known = |answer| Some((Flow::Next, Answer::known(answer)));
        match name {
            ":" | "true" | "wait" | "ulimit" | "getopts" | "alias" | "shopt" | "times" | "fg" => known(true),
            "false" => known(false),
            "umask" => {
                if let Some(mask) = arguments.iter().find(|a| a.whole().is_none_or(|a| a != "-S")) {
                    self.state.other_umask = !mask.whole().is_some_and(files::is_usual_umask);
                }
                known(true)
            }
            "test" => Some((Flow::Next, self.test(arguments))),
            "[" => {
                let inner = arguments.strip_suffix(&[Text::known("]")]).unwrap_or(arguments);
                Some((Flow::Next, self.test(inner)))
            }
            "exit" => Some(match first {
                Some("0") | None
                    if arguments.len() <= 1 && arguments.first().is_none_or(|a| a.whole().is_some()) =>
                {
                    (Flow::Exit, Answer::known(true))
                }
                Some(_) => (Flow::Fail, Answer::known(false)),
                None => (Flow::Exit, Answer::unknown()),
            }),
            "return" => {
                let answer = match first {
                    Some(status) => Answer::known(status == "0"),
                    None => Answer::unknown(),
                };
                Some((Flow::Return, answer))
            }
            "break" => Some((Flow::Break, Answer::known(true))),
            "continue" => Some((Flow::Continue, Answer::known(true))),
            "shift" => {
                let count = first.map_or(Some(1), |n| n.parse().ok());
                self.state.positional = match (self.state.positional.take(), count) {
                    (Some(values), Some(count)) => Some(values.into_iter().skip(count).collect()),
                    _ => None,
                };
                known(true)
            }
            "set" => {
                self.set(arguments);
                known(true)
            }
            "local" | "export" | "readonly" | "declare" | "typeset" => {
                self.declare(name != "export" && name != "readonly", arguments);
                let answer = self.take_substituted().unwrap_or_else(|| Answer::known(true));
                Some((Flow::Next, answer))
            }
            "unset" => {
                for argument in arguments {
                    self.state.variables.remove(argument.prefix());
                }
                known(true)
            }
            "read" => {
                for argument in arguments.iter().filter(|a| !a.prefix().starts_with('-')) {
                    self.state.variables.insert(argument.prefix().to_owned(), Text::unknown());
                }
                Some((Flow::Next, Answer::unknown()))
            }
            "cd" => {
                let to = first.and_then(|d| self.absolute(d)).map(|d| format!("/{d}"));
                let there = arguments.first().map(|d| self.ask_path(d, rootfs::actions::Test::Directory));
                self.state.directory = to;
                Some((Flow::Next, there.unwrap_or_else(Answer::unknown)))
            }
            "command" | "type" | "which" | "hash" => Some(self.which(name, arguments)),
            "exec" | "nice" | "ionice" | "env" | "builtin" | "eatmydata" | "nohup" | "setsid" | "time" => {
                Some(self.wrapped(name, arguments))
            }
            "trap" => {
                // Runs at the end, or never.
                if first.is_some_and(|c| c.len() > 1) {
                    self.guarded(None, |w| w.eval(&arguments[..1]));
                }
                known(true)
            }
            "sh" | "bash" | "dash" if first == Some("-c") => {
                let before = self.state.clone();
                let (_, answer) = self.eval(arguments.get(1..2).unwrap_or_default());
                self.state = before;
                Some((Flow::Next, answer))
            }
            "eval" => Some(self.eval(arguments)),
            "." | "source" => Some((Flow::Next, self.source(arguments))),
            _ => None,
        }
    }

    fn set(&mut self, arguments: &[Text]) {
        let mut rest = arguments.iter();
        while let Some(argument) = rest.clone().next() {
            match argument.whole() {
                Some("--") => {
                    rest.next();
                    self.state.positional = Some(rest.cloned().collect());
                    return;
                }
                Some(option) if option.starts_with(['-', '+']) => {
                    rest.next();
                    if option.ends_with('o') {
                        rest.next();
                    }
                }
                _ => {
                    self.state.positional = Some(rest.cloned().collect());
                    return;
                }
            }
        }
    }

    fn declare(&mut self, local: bool, arguments: &[Text]) {
        for argument in arguments {
            let (name, has_value) = match argument.prefix().split_once('=') {
                Some((name, _)) => (name.to_owned(), true),
                None => (argument.prefix().to_owned(), false),
            };
            if name.starts_with('-') {
                continue;
            }
            if local && let Some(hidden) = self.hidden.last_mut() {
                hidden.push((name.clone(), self.state.variables.get(&name).cloned()));
                if !has_value {
                    self.state.variables.insert(name.clone(), Text::known(""));
                }
            }
            if has_value {
                let mut value = Text::known(&argument.prefix()[name.len() + 1..]);
                if argument.whole().is_none() {
                    value.push(&Text::unknown());
                }
                self.state.variables.insert(name, value);
            }
        }
    }

    fn which(&mut self, name: &str, arguments: &[Text]) -> Step {
        let asks = name != "command"
            || arguments.first().is_some_and(|a| matches!(a.whole(), Some("-v" | "-V" | "-pv")));
        if !asks {
            return self.wrapped(name, arguments);
        }
        let wanted = arguments.iter().find(|a| !a.prefix().starts_with('-') || a.prefix().is_empty());
        let Some(wanted) = wanted.and_then(Text::whole).map(str::to_owned) else {
            self.write(&Text::unknown());
            return (Flow::Next, Answer::unknown());
        };
        let answer = self.ask_command(&wanted);
        let path = match answer.value {
            Some(true) if wanted.starts_with('/') => Text::known(wanted),
            Some(true) => Text::known(format!("/usr/bin/{wanted}")),
            Some(false) => Text::known(""),
            None => Text::unknown(),
        };
        self.write(&path);
        (Flow::Next, answer)
    }

    /// A command that runs the command in its arguments.
    fn wrapped(&mut self, name: &str, arguments: &[Text]) -> Step {
        let mut words = arguments;
        while let Some((first, rest)) = words.split_first() {
            let text = first.prefix();
            let option = text.starts_with('-') || (name == "env" && text.contains('='));
            if !option {
                break;
            }
            let takes_value = matches!(text, "-n" | "-c" | "-u") && name != "command";
            words = if takes_value { rest.get(1..).unwrap_or_default() } else { rest };
        }
        let Some((inner, rest)) = words.split_first() else {
            return (Flow::Next, Answer::known(true));
        };
        let step = match inner.whole() {
            Some(inner) if inner != name => self.run_inside(inner, rest),
            _ => {
                self.unknown_command(inner, rest);
                (Flow::Next, Answer::unknown())
            }
        };
        // Nothing comes after `exec`.
        if name == "exec" { (Flow::Exit, step.1) } else { step }
    }

    /// A command that is an argument of another's, which may be one of the kind again.
    fn run_inside(&mut self, name: &str, arguments: &[Text]) -> Step {
        self.deeper("a command in too many others", |w| w.run(name, arguments.to_vec()))
    }

    fn eval(&mut self, arguments: &[Text]) -> Step {
        let mut text = Text::known("");
        for argument in arguments {
            text.push(argument);
            text.push_str(" ");
        }
        let parsed = text.whole().and_then(|t| crate::grammar::parse(t).ok());
        match parsed {
            // What `eval` runs may hold an `eval` again.
            Some(list) if self.calls < 20 => {
                self.calls += 1;
                let step = self.list(&list);
                self.calls -= 1;
                step
            }
            _ => {
                // `eval "$name=…"`: sets something; anything may have another value now.
                self.leave(&show("eval", arguments));
                (Flow::Next, Answer::unknown())
            }
        }
    }

    fn source(&mut self, arguments: &[Text]) -> Answer {
        let Some(path) = arguments.first() else { return Answer::unknown() };
        match self.system.rules().for_source(path.prefix()) {
            Some(rule) => {
                self.found.rules.insert(rule.id);
            }
            None => {
                let shown = show(".", arguments);
                self.leave(&shown);
            }
        }
        Answer::known(true)
    }

    /// A program that is not the shell's.
    fn program(&mut self, name: &str, arguments: &[Text]) -> Answer {
        let base = name.rsplit('/').next().unwrap_or(name).to_owned();
        // busybox runs the program that its first argument names.
        if let ("busybox", Some((applet, rest))) = (base.as_str(), arguments.split_first())
            && let Some(applet) = applet.whole().filter(|a| !a.starts_with('-'))
        {
            return self.run_inside(applet, rest).1;
        }
        let known = self.system.known(self, &base, arguments);
        if let Some(answer) = known.or_else(|| self.known_program(&base, arguments)) {
            return answer;
        }
        if let Some(rule) = self.system.rules().for_target(&base, arguments) {
            self.found.rules.insert(rule.id);
            self.forget_targets(arguments);
            return Answer::unknown();
        }
        self.system.name_accounts(self, &base, arguments);
        if let Some((rule, answer)) = self.applied(&base, arguments) {
            self.found.rules.insert(rule);
            return answer;
        }
        if let Some(rule) = self.system.rules().for_command(&base, arguments) {
            self.found.rules.insert(rule.id);
            if let Instead::Reads = rule.instead {
                self.write(&Text::unknown());
            } else if !self.outputs.is_empty() {
                self.write(&Text::unknown());
            }
            return Answer::unknown();
        }
        if let Some(rule) = self.system.rules().for_state(&base, arguments) {
            self.found.rules.insert(rule.id);
            return Answer::unknown();
        }
        let shown = show(name, arguments);
        self.leave(&shown);
        self.write(&Text::unknown());
        Answer::unknown()
    }

    /// What a covered command made of its operands is not known to the script's later questions.
    fn forget_targets(&mut self, arguments: &[Text]) {
        for argument in arguments {
            if let Some(path) = argument.whole().filter(|a| a.starts_with('/')).and_then(|a| self.absolute(a))
            {
                self.touch(path, None);
            }
        }
    }

    /// A file that a redirection writes.
    pub(crate) fn write_file(&mut self, path: &Text, content: &Text, append: bool) {
        if let Some(rule) = self.system.rules().for_path(path.prefix()) {
            self.found.rules.insert(rule.id);
            return;
        }
        let literal = path.whole().and_then(|p| self.absolute(p)).zip(content.whole());
        if let Some((to, content)) = literal.filter(|(to, _)| !to.is_empty())
            && self.write_literal(&to, content, append)
        {
            self.found.rules.insert("file-actions");
            return;
        }
        match self.system.rules().for_state_path(path.prefix()) {
            Some(rule) => {
                self.found.rules.insert(rule.id);
            }
            None => self.leave(&format!("{} {}", if append { ">>" } else { ">" }, path.shown())),
        }
    }
}

/// A command as it would be typed.
pub(crate) fn show(name: &str, arguments: &[Text]) -> String {
    let mut out = name.to_owned();
    for argument in arguments {
        out.push(' ');
        out.push_str(&argument.shown());
    }
    out
}
