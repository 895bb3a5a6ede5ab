//! Walks through a script as a shell would on a first installation, without running anything: what
//! is known is followed, where a question has no answer yet both ways are taken.

use std::rc::Rc;

use crate::grammar::{AndOr, Command, CommandKind, Join, List, Pipeline, Redirect, RedirectKind, Word};
use crate::state::{Act, Answer, Asked, Findings, Flow, Guard, Leftover, State};
use crate::system::{Scene, System};
use crate::text::{Text, matches};
use crate::world::{Presence, World};

/// Commands that are looked at before a script is given up as too long: real ones stay below 3,000.
const MOST_COMMANDS: u32 = 50_000;
/// Bytes that may be copied while ways part and meet, or compared; real scripts stay below 2 MiB.
const MOST_WORK: usize = 64 << 20;
/// Functions in functions, commands in commands, branches of an `if` that may all be taken.
const DEEPEST_CALL: u32 = 40;

/// Where a script stands while it is walked through; a [`System`] asks it and tells it.
pub struct Walker<'a> {
    pub(crate) system: &'a dyn System,
    pub(crate) world: &'a dyn World,
    /// The package's own files stand in the tree already, or not yet.
    pub(crate) unpacked: bool,
    pub(crate) state: State,
    pub(crate) found: Findings,
    pub(crate) guards: Vec<Guard>,
    /// Where standard output goes, innermost last.
    pub(crate) outputs: Vec<Text>,
    pub(crate) input: Text,
    /// What stood at paths that a command that is being read touched, to be put back.
    untouched: Vec<(String, Option<Option<Presence>>)>,
    commands: u32,
    work: usize,
    pub(crate) calls: u32,
    /// How the last command substitution ended.
    pub(crate) substituted: Option<Answer>,
    /// What `local` hid, to be put back.
    pub(crate) hidden: Vec<Vec<(String, Option<Text>)>>,
}

pub(crate) type Step = (Flow, Answer);

/// A way that may be taken, and where it is.
type Way<'f, 'a> = (Answer, Box<dyn FnOnce(&mut Walker<'a>) -> Step + 'f>);

impl<'a> Walker<'a> {
    pub(crate) fn new(scene: &Scene<'a>, state: State) -> Walker<'a> {
        Walker {
            system: scene.system,
            world: scene.world,
            unpacked: scene.unpacked,
            state,
            found: Findings::default(),
            guards: Vec::new(),
            outputs: Vec::new(),
            input: Text::unknown(),
            untouched: Vec::new(),
            commands: 0,
            work: 0,
            calls: 0,
            substituted: None,
            hidden: Vec::new(),
        }
    }

    pub(crate) fn list(&mut self, list: &List) -> Step {
        let mut answer = Answer::known(true);
        for item in list {
            let (flow, next) = self.and_or(item);
            answer = next;
            if flow != Flow::Next {
                return (flow, answer);
            }
        }
        (Flow::Next, answer)
    }

    fn and_or(&mut self, item: &AndOr) -> Step {
        let (mut flow, mut answer) = self.pipeline(&item.first);
        for (join, pipeline) in &item.rest {
            if flow != Flow::Next {
                break;
            }
            let goes_on = if *join == Join::And { answer.clone() } else { answer.clone().not() };
            match goes_on.value {
                Some(false) => {}
                Some(true) => (flow, answer) = self.pipeline(pipeline),
                None => {
                    let (then, second) = self.perhaps(&goes_on, |w| w.pipeline(pipeline));
                    flow = then;
                    answer = if *join == Join::And { answer.and(second) } else { answer.or(second) };
                }
            }
        }
        (flow, answer)
    }

    /// Goes a way that may not be taken, and on from where both ways meet.
    fn perhaps(&mut self, question: &Answer, run: impl FnOnce(&mut Self) -> Step) -> Step {
        let before = self.copied();
        let (flow, answer) = self.guarded(question.yes.clone(), run);
        match flow {
            Flow::Next => self.state.join(before),
            _ => {
                self.state = before;
                self.left(flow, question.no.clone());
            }
        }
        (Flow::Next, answer)
    }

    /// One of the ways left what runs: on the others, its condition does not hold.
    fn left(&mut self, flow: Flow, otherwise: Option<Vec<rootfs::actions::Condition>>) {
        if flow != Flow::Fail {
            self.guards.push(Guard { when: otherwise, lasts: flow == Flow::Exit });
        }
    }

    /// A copy of the state, which is paid for.
    pub(crate) fn copied(&mut self) -> State {
        self.spend(self.state.weight());
        self.state.clone()
    }

    /// Notes what a script made of a path; `None`: that cannot be said any more.
    pub(crate) fn touch(&mut self, path: impl Into<String>, presence: Option<Presence>) {
        let path = path.into();
        let before = self.state.touched.insert(path.clone(), presence);
        self.untouched.push((path, before));
    }

    /// From here on, [`Walker::forget_touches`] takes back what is noted.
    pub(crate) fn begin_touches(&mut self) {
        self.untouched.clear();
    }

    /// The paths are as they were.
    pub(crate) fn forget_touches(&mut self) {
        for (path, before) in self.untouched.drain(..).rev() {
            match before {
                Some(presence) => self.state.touched.insert(path, presence),
                None => self.state.touched.remove(&path),
            };
        }
    }

    /// Has the script had all the work that a script may have?
    pub(crate) fn is_spent(&self) -> bool {
        self.work > MOST_WORK
    }

    /// Counts bytes that are copied or compared.
    pub(crate) fn spend(&mut self, bytes: usize) {
        self.work = self.work.saturating_add(bytes);
    }

    pub(crate) fn guarded<T>(
        &mut self,
        when: Option<Vec<rootfs::actions::Condition>>,
        run: impl FnOnce(&mut Self) -> T,
    ) -> T {
        let depth = self.guards.len();
        let certain = when.as_ref().is_some_and(Vec::is_empty);
        self.guards.push(Guard { when, lasts: false });
        let value = run(self);
        self.forget_guards(depth);
        if !certain {
            // What left the script here did so only where this way was taken: no list of conditions
            // says the opposite.
            self.guards[depth..].iter_mut().for_each(|g| g.when = None);
        }
        value
    }

    /// Takes away the guards above `depth`, but those that last.
    fn forget_guards(&mut self, depth: usize) {
        let above = self.guards.split_off(depth);
        self.guards.extend(above.into_iter().filter(|g| g.lasts));
    }

    fn pipeline(&mut self, pipeline: &Pipeline) -> Step {
        let (flow, answer) = match pipeline.commands.as_slice() {
            [only] => self.command(only),
            several => (Flow::Next, self.pipes(several)),
        };
        (flow, if pipeline.negated { answer.not() } else { answer })
    }

    fn pipes(&mut self, commands: &[Command]) -> Answer {
        let outer = self.input.clone();
        let before = self.copied();
        let mut answer = Answer::known(true);
        for (n, command) in commands.iter().enumerate() {
            if n + 1 < commands.len() {
                let (output, _) = self.captured(|w| w.command(command));
                self.input = output;
            } else {
                answer = self.command(command).1;
            }
            // Each runs in a shell of its own.
            let touched = std::mem::take(&mut self.state.touched);
            self.spend(before.weight());
            self.state = State { touched, ..before.clone() };
        }
        self.input = outer;
        answer
    }

    /// What `run` writes to standard output.
    pub(crate) fn captured<T>(&mut self, run: impl FnOnce(&mut Self) -> T) -> (Text, T) {
        self.outputs.push(Text::known(""));
        let value = run(self);
        (self.outputs.pop().unwrap_or_else(Text::unknown), value)
    }

    /// What the command writes to standard output.
    pub fn write(&mut self, text: &Text) {
        if let Some(output) = self.outputs.last_mut() {
            output.push(text);
        }
    }

    fn command(&mut self, command: &Command) -> Step {
        self.commands += 1;
        if self.commands > MOST_COMMANDS || self.is_spent() {
            self.leave("the rest of a script that is too long");
            return (Flow::Fail, Answer::unknown());
        }
        if let CommandKind::Simple { assignments, words } = &command.kind {
            return self.simple(assignments, words, &command.redirects);
        }
        self.redirected(&command.redirects, |w| w.compound(&command.kind))
    }

    fn compound(&mut self, kind: &CommandKind) -> Step {
        match kind {
            CommandKind::Simple { .. } => (Flow::Next, Answer::unknown()),
            CommandKind::Group(list) => self.list(list),
            CommandKind::Subshell(list) => (Flow::Next, self.subshell(list)),
            CommandKind::If { arms, otherwise } => self.if_command(arms, otherwise),
            CommandKind::For { name, words, body } => self.for_command(name, words.as_ref(), body),
            CommandKind::While { until, condition, body } => self.while_command(*until, condition, body),
            CommandKind::Case { subject, arms } => self.case_command(subject, arms),
            CommandKind::Function { name, body } => {
                self.state.functions.insert(name.clone(), Rc::clone(body));
                (Flow::Next, Answer::known(true))
            }
            CommandKind::Opaque => (Flow::Next, Answer::unknown()),
        }
    }

    pub(crate) fn subshell(&mut self, list: &List) -> Answer {
        let before = self.copied();
        let depth = self.guards.len();
        let (_, answer) = self.list(list);
        self.guards.truncate(depth);
        let touched = std::mem::take(&mut self.state.touched);
        self.state = State { touched, ..before };
        answer
    }

    fn if_command(&mut self, mut arms: &[(List, List)], otherwise: &List) -> Step {
        while let Some(((condition, body), rest)) = arms.split_first() {
            let (flow, question) = self.list(condition);
            if flow != Flow::Next {
                return (flow, question);
            }
            match question.value {
                Some(true) => return self.list(body),
                Some(false) => arms = rest,
                None => {
                    let opposite = question.clone().not();
                    let others = |w: &mut Self| {
                        w.deeper("an `if` with too many branches", |w| w.if_command(rest, otherwise))
                    };
                    return self.fork(vec![
                        (question, Box::new(|w: &mut Self| w.list(body))),
                        (opposite, Box::new(others)),
                    ]);
                }
            }
        }
        self.list(otherwise)
    }

    /// Takes every one of some ways, each where its answer is yes.
    fn fork<'f>(&mut self, ways: Vec<Way<'f, 'a>>) -> Step {
        let before = self.copied();
        let mut after: Option<State> = None;
        let mut left = Vec::new();
        let mut answers = Vec::new();
        let depth = self.guards.len();
        let mut lasting = Vec::new();
        for (question, run) in ways {
            self.spend(before.weight());
            self.state = before.clone();
            let (flow, answer) = self.guarded(question.yes, run);
            // They bar what follows, not the other ways.
            lasting.extend(self.guards.split_off(depth));
            if flow == Flow::Next {
                answers.push(answer);
                let state = std::mem::take(&mut self.state);
                match &mut after {
                    Some(joined) => joined.join(state),
                    None => after = Some(state),
                }
            } else {
                left.push((flow, question.no));
            }
        }
        self.guards.extend(lasting);
        let Some(state) = after else {
            self.state = before;
            return (together(&left), Answer::unknown());
        };
        self.state = state;
        for (flow, otherwise) in left {
            self.left(flow, otherwise);
        }
        let same = answers.windows(2).all(|w| w[0] == w[1]);
        let answer = answers.pop().filter(|a| same && a.value.is_some());
        (Flow::Next, answer.unwrap_or_else(Answer::unknown))
    }

    fn for_command(&mut self, name: &str, words: Option<&Vec<Word>>, body: &List) -> Step {
        let values = match words {
            Some(words) => Some(self.fields(words)),
            None => self.state.positional.clone(),
        };
        let values = values.unwrap_or_else(|| vec![Text::unknown()]);
        let mut answer = Answer::known(true);
        for value in values {
            // A field that is not known may be none or many.
            let certain = value.whole().is_some();
            self.state.variables.insert(name.to_owned(), value);
            let depth = self.guards.len();
            let flow;
            if certain {
                (flow, answer) = self.list(body);
            } else {
                (flow, answer) = self.perhaps(&Answer::unknown(), |w| w.list(body));
            }
            self.forget_guards(depth);
            match flow {
                Flow::Next | Flow::Continue => {}
                Flow::Break => break,
                other => return (other, answer),
            }
        }
        (Flow::Next, answer)
    }

    fn while_command(&mut self, until: bool, condition: &List, body: &List) -> Step {
        // The first round is as the state is; in later ones, what the body sets can be anything.
        let depth = self.guards.len();
        let (flow, question) = self.list(condition);
        let question = if until { question.not() } else { question };
        if flow != Flow::Next || question.value == Some(false) {
            self.forget_guards(depth);
            return (flow, Answer::known(true));
        }
        let before = self.copied();
        let mut probe = self.copied();
        crate::assigned::names_in(body, &mut |name| {
            probe.variables.insert(name.to_owned(), Text::unknown());
        });
        self.state = probe;
        let when = if question.value == Some(true) { Some(Vec::new()) } else { None };
        let (flow, _) = self.guarded(when, |w| {
            w.list(condition);
            w.list(body)
        });
        self.forget_guards(depth);
        match flow {
            Flow::Exit | Flow::Return if question.value == Some(true) => (flow, Answer::unknown()),
            _ => {
                if matches!(flow, Flow::Next | Flow::Continue | Flow::Break) {
                    self.state.join(before);
                } else {
                    self.state = before;
                }
                (Flow::Next, Answer::unknown())
            }
        }
    }

    fn case_command(&mut self, subject: &Word, arms: &[(Vec<Word>, List)]) -> Step {
        let subject = self.word(subject);
        let mut ways: Vec<Way<'_, 'a>> = Vec::new();
        for (patterns, body) in arms {
            let patterns: Vec<Text> = patterns.iter().map(|p| self.pattern(p)).collect();
            patterns.iter().for_each(|p| self.spend(p.prefix().len() * subject.prefix().len()));
            let spent = self.is_spent();
            let fit = |p: &Text| if spent { None } else { could_match(p, &subject) };
            let fits: Vec<Option<bool>> = patterns.iter().map(fit).collect();
            if fits.contains(&Some(true)) {
                if ways.is_empty() {
                    return self.list(body);
                }
                ways.push((Answer::unknown(), Box::new(|w: &mut Self| w.list(body))));
                return self.fork(ways);
            }
            if fits.contains(&None) {
                ways.push((Answer::unknown(), Box::new(|w: &mut Self| w.list(body))));
            }
        }
        if ways.is_empty() {
            return (Flow::Next, Answer::known(true));
        }
        ways.push((Answer::unknown(), Box::new(|_: &mut Self| (Flow::Next, Answer::known(true)))));
        self.fork(ways)
    }

    /// Runs a function of the script.
    pub(crate) fn call(&mut self, body: &Rc<Command>, arguments: Vec<Text>) -> Step {
        self.deeper("a function that calls itself too deep", |w| w.call_body(body, arguments))
    }

    /// Goes a level down, where a script may go on going down: stacks end.
    pub(crate) fn deeper(&mut self, otherwise: &str, run: impl FnOnce(&mut Self) -> Step) -> Step {
        if self.calls >= DEEPEST_CALL {
            self.leave(otherwise);
            return (Flow::Next, Answer::unknown());
        }
        self.calls += 1;
        let step = run(self);
        self.calls -= 1;
        step
    }

    fn call_body(&mut self, body: &Rc<Command>, arguments: Vec<Text>) -> Step {
        let outer = self.state.positional.replace(arguments);
        self.hidden.push(Vec::new());
        let depth = self.guards.len();
        let (flow, answer) = self.command(body);
        self.forget_guards(depth);
        for (name, old) in self.hidden.pop().unwrap_or_default().into_iter().rev() {
            match old {
                Some(value) => self.state.variables.insert(name, value),
                None => self.state.variables.remove(&name),
            };
        }
        self.state.positional = outer;
        let flow = if matches!(flow, Flow::Exit | Flow::Fail) { flow } else { Flow::Next };
        (flow, answer)
    }

    /// Runs with redirections in force, and writes the files that they name.
    pub(crate) fn redirected(&mut self, redirects: &[Redirect], run: impl FnOnce(&mut Self) -> Step) -> Step {
        let outer = self.input.clone();
        let mut target: Option<(Text, bool)> = None;
        let mut discard = false;
        for redirect in redirects {
            match &redirect.kind {
                RedirectKind::Read => self.input = Text::unknown(),
                RedirectKind::Here(body) => {
                    self.input = body.get().map_or_else(Text::unknown, |b| self.word(b));
                }
                RedirectKind::HereString(word) => self.input = self.word(word),
                RedirectKind::Duplicate(word) => {
                    // `>&2`: what would go to standard output does not.
                    discard |= redirect.descriptor.unwrap_or(1) == 1 && self.word(word).whole() != Some("1");
                }
                RedirectKind::Write(word) | RedirectKind::Append(word) => {
                    let append = matches!(redirect.kind, RedirectKind::Append(_));
                    let path = self.word(word);
                    if redirect.descriptor.unwrap_or(1) == 1 {
                        target = Some((path, append));
                    } else if !is_sink(&path) {
                        self.write_file(&path, &Text::unknown(), append);
                    }
                }
            }
        }
        let step = match target {
            None if discard => self.captured(run).1,
            None => run(self),
            Some((path, append)) => {
                let (content, step) = self.captured(run);
                if !is_sink(&path) {
                    self.write_file(&path, &content, append);
                }
                step
            }
        };
        self.input = outer;
        step
    }

    /// Notes something that a rule brings about, where all conditions that the tree knows hold.
    pub fn ask(&mut self, act: Act) {
        let when = self.conditions();
        self.found.asked.push(Asked { when, act });
    }

    /// Whether this is reached can be asked of the tree.
    pub fn is_decided(&self) -> bool {
        self.guards.iter().all(|g| g.when.is_some())
    }

    /// What of all that must hold here can be asked of the tree.
    fn conditions(&self) -> Vec<rootfs::actions::Condition> {
        let mut all = Vec::new();
        for condition in self.guards.iter().filter_map(|g| g.when.as_ref()).flatten() {
            if !all.contains(condition) {
                all.push(condition.clone());
            }
        }
        all
    }

    /// Notes a command that nothing covers.
    pub(crate) fn leave(&mut self, command: &str) {
        let when = self.conditions();
        let command: String =
            command.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(160).collect();
        let leftover = Leftover { command, when };
        if !self.found.leftovers.contains(&leftover) {
            self.found.leftovers.push(leftover);
        }
    }
}

/// How a command ends that no way leads on from.
fn together<T>(left: &[(Flow, T)]) -> Flow {
    let mut flows: Vec<Flow> = left.iter().map(|(f, _)| *f).collect();
    flows.dedup();
    match flows.as_slice() {
        [only] => *only,
        several => several.iter().copied().find(|f| *f != Flow::Fail).unwrap_or(Flow::Fail),
    }
}

fn is_sink(path: &Text) -> bool {
    path.prefix().starts_with("/dev/") || path.prefix().starts_with("/proc/")
}

/// Does the subject of a `case` match? `None` where that depends on what is not known.
fn could_match(pattern: &Text, subject: &Text) -> Option<bool> {
    match (pattern.whole(), subject.whole()) {
        (Some("*"), _) => Some(true),
        (Some(pattern), Some(subject)) if pattern.len() * subject.len() > 1 << 20 => None,
        (Some(pattern), Some(subject)) => Some(matches(pattern, subject)),
        (Some(pattern), None) if !pattern.contains(['*', '?', '[', '\\']) => {
            if pattern.starts_with(subject.prefix()) { None } else { Some(false) }
        }
        _ => None,
    }
}
