use crate::grammar::{Change, ChangeKind, Part, Word};
use crate::state::Answer;
use crate::text::{Text, matches};
use crate::walk::Walker;

impl Walker<'_> {
    /// A word where the shell does not split it: in an assignment, after `case`, as a target.
    pub(crate) fn word(&mut self, word: &Word) -> Text {
        let mut out = Text::known("");
        for part in &word.0 {
            let text = self.part(part);
            out.push(&text);
        }
        self.spend(out.prefix().len());
        out
    }

    /// A word as a pattern: what is quoted in it stands for itself.
    pub(crate) fn pattern(&mut self, word: &Word) -> Text {
        let mut out = Text::known("");
        for part in &word.0 {
            match part {
                Part::Plain(text) => out.push_str(text),
                Part::Variable { .. } => {
                    let text = self.part(part);
                    out.push(&text);
                }
                quoted => {
                    let text = self.part(quoted);
                    let escaped: String = text.prefix().chars().flat_map(escape).collect();
                    out.push_str(&escaped);
                    if text.whole().is_none() {
                        out.push(&Text::unknown());
                    }
                }
            }
        }
        out
    }

    /// The fields that words become: split, and globbed where the tree's names are known.
    pub(crate) fn fields(&mut self, words: &[Word]) -> Vec<Text> {
        let mut all = Vec::new();
        for word in words {
            self.push_fields(word, &mut all);
        }
        for field in &all {
            self.spend(field.prefix().len() + 32);
        }
        all
    }

    fn push_fields(&mut self, word: &Word, all: &mut Vec<Text>) {
        if let [Part::Double(inner)] = word.0.as_slice()
            && let [Part::Variable { name, change: None }] = inner.as_slice()
            && name == "@"
        {
            match self.state.positional.clone() {
                Some(values) => all.extend(values),
                None => all.push(Text::unknown()),
            }
            return;
        }
        let mut field: Option<Text> = None;
        let mut globs = false;
        for part in &word.0 {
            match part {
                Part::Plain(text) => {
                    globs |= has_glob(text);
                    field.get_or_insert_with(|| Text::known("")).push_str(text);
                }
                Part::Quoted(text) => field.get_or_insert_with(|| Text::known("")).push_str(text),
                Part::Double(_) => {
                    let text = self.part(part);
                    field.get_or_insert_with(|| Text::known("")).push(&text);
                }
                Part::Variable { .. } | Part::Command(_) | Part::Arithmetic(_) | Part::Unknown => {
                    let text = self.part(part);
                    globs |= has_glob(text.prefix());
                    split_into(&text, &mut field, all);
                }
            }
        }
        let Some(field) = field else { return };
        match field.whole().filter(|_| globs) {
            Some(pattern) => self.glob(pattern, all),
            None => all.push(field),
        }
    }

    fn glob(&mut self, pattern: &str, all: &mut Vec<Text>) {
        let Some(mut found) = self.names_matching(pattern) else {
            let fixed = pattern.split(['*', '?', '[']).next().unwrap_or_default();
            let mut text = Text::known(fixed);
            text.push(&Text::unknown());
            all.push(text);
            return;
        };
        found.sort();
        match found.is_empty() {
            // As POSIX has it: a pattern that matches nothing stays.
            true => all.push(Text::known(pattern)),
            false => all.extend(found.into_iter().map(Text::known)),
        }
    }

    /// Paths that an absolute pattern matches, as the tree and the package have them.
    fn names_matching(&self, pattern: &str) -> Option<Vec<String>> {
        let mut places = vec![String::new()];
        for component in pattern.strip_prefix('/')?.split('/') {
            let mut next = Vec::new();
            for place in &places {
                if !has_glob(component) {
                    next.push(format!("{place}/{component}"));
                    continue;
                }
                let directory = place.trim_start_matches('/');
                for name in self.world.names_in(directory.into())? {
                    let name = name.to_string();
                    let hidden = name.starts_with('.') && !component.starts_with('.');
                    if matches(component, &name) && !hidden {
                        next.push(format!("{place}/{name}"));
                    }
                }
            }
            places = next;
        }
        Some(places)
    }

    fn part(&mut self, part: &Part) -> Text {
        match part {
            Part::Plain(text) | Part::Quoted(text) => Text::known(text.clone()),
            Part::Double(inner) => {
                let mut out = Text::known("");
                for part in inner {
                    let text = self.part(part);
                    out.push(&text);
                }
                out
            }
            Part::Variable { name, change } => self.variable(name, change.as_deref()),
            Part::Command(list) => {
                let (output, answer) = self.captured(|w| w.subshell(list));
                self.substituted = Some(answer);
                match output.whole() {
                    Some(text) => Text::known(text.trim_end_matches('\n')),
                    None => output,
                }
            }
            Part::Arithmetic(inner) => {
                self.word(inner);
                Text::unknown()
            }
            Part::Unknown => Text::unknown(),
        }
    }

    fn variable(&mut self, name: &str, change: Option<&Change>) -> Text {
        let value = self.value_of(name);
        let Some(change) = change else {
            return value.unwrap_or_else(|| Text::known(""));
        };
        let set = |empty_too: bool| match &value {
            None => Some(false),
            Some(text) if !empty_too => text.whole().map(|_| true),
            Some(text) if !text.prefix().is_empty() => Some(true),
            Some(text) => text.whole().map(|t| !t.is_empty()),
        };
        let here = value.clone().unwrap_or_else(|| Text::known(""));
        match change.kind {
            ChangeKind::Default { empty_too } | ChangeKind::Require { empty_too } => match set(empty_too) {
                Some(true) => here,
                Some(false) => self.word(&change.word),
                None => Text::unknown(),
            },
            ChangeKind::Assign { empty_too } => {
                let text = match set(empty_too) {
                    Some(true) => here,
                    Some(false) => self.word(&change.word),
                    None => Text::unknown(),
                };
                self.state.variables.insert(name.to_owned(), text.clone());
                text
            }
            ChangeKind::Alternative { empty_too } => match set(empty_too) {
                Some(true) => self.word(&change.word),
                Some(false) => Text::known(""),
                None => Text::unknown(),
            },
            ChangeKind::CutStart { longest } => {
                let pattern = self.pattern(&change.word);
                self.cut(&here, &pattern, End::Start, longest)
            }
            ChangeKind::CutEnd { longest } => {
                let pattern = self.pattern(&change.word);
                self.cut(&here, &pattern, End::End, longest)
            }
            ChangeKind::Length => Text::of(here.whole().map(|t| t.chars().count().to_string())),
            ChangeKind::Other => Text::unknown(),
        }
    }

    /// The value of a parameter; `None` where it is not set.
    fn value_of(&self, name: &str) -> Option<Text> {
        if let Ok(number) = name.parse::<usize>() {
            return match (number, &self.state.positional) {
                (0, _) => Some(Text::known(self.system.script_path())),
                (_, None) => Some(Text::unknown()),
                (n, Some(values)) => values.get(n - 1).cloned(),
            };
        }
        match name {
            "@" | "*" => {
                let Some(values) = &self.state.positional else { return Some(Text::unknown()) };
                let mut out = Text::known("");
                for (n, value) in values.iter().enumerate() {
                    if n > 0 {
                        out.push_str(" ");
                    }
                    out.push(value);
                }
                Some(out)
            }
            "#" => Some(Text::of(self.state.positional.as_ref().map(|v| v.len().to_string()))),
            "?" | "$" | "!" | "-" | "PATH" | "HOME" | "RANDOM" | "PWD" => Some(Text::unknown()),
            _ => self.state.variables.get(name).cloned(),
        }
    }
}

/// Is there anything in it that stands for other characters?
fn has_glob(text: &str) -> bool {
    text.contains(['*', '?']) || text.split_once('[').is_some_and(|(_, rest)| rest.contains(']'))
}

fn escape(c: char) -> impl Iterator<Item = char> {
    let special = matches!(c, '*' | '?' | '[' | '\\');
    special.then_some('\\').into_iter().chain(std::iter::once(c))
}

/// Splits an unquoted expansion at blanks: the first piece goes on `field`, the last stays there.
fn split_into(text: &Text, field: &mut Option<Text>, all: &mut Vec<Text>) {
    let is_blank = |c: char| matches!(c, ' ' | '\t' | '\n');
    let Some(whole) = text.whole() else {
        field.get_or_insert_with(|| Text::known("")).push(text);
        return;
    };
    if whole.starts_with(is_blank) {
        all.extend(field.take());
    }
    let mut pieces = whole.split(is_blank).filter(|p| !p.is_empty()).peekable();
    while let Some(piece) = pieces.next() {
        field.get_or_insert_with(|| Text::known("")).push_str(piece);
        if pieces.peek().is_some() || whole.ends_with(is_blank) {
            all.extend(field.take());
        }
    }
}

/// Most comparisons of characters for one `${x#p}`: more than any real one takes, a moment's work.
const MOST_STEPS: usize = 4 << 20;

/// Which end of a string a pattern takes a piece off.
#[derive(Clone, Copy)]
enum End {
    Start,
    End,
}

/// Comparisons that cutting takes at most: at every place those of a match, which takes up again at every
/// character where there is a `*`.
fn steps_of_cut(text: &str, pattern: &str) -> usize {
    let each = if pattern.contains(['*', '[']) { pattern.len() } else { 1 };
    let once = text.len().saturating_mul(each).saturating_add(pattern.len());
    once.saturating_mul(text.len() + 1)
}

impl Walker<'_> {
    /// `${x#p}` and its kin: the shortest or longest piece at one end that matches goes.
    fn cut(&mut self, text: &Text, pattern: &Text, end: End, longest: bool) -> Text {
        let (Some(text), Some(pattern)) = (text.whole(), pattern.whole()) else {
            return Text::unknown();
        };
        // Tried at every place: bounded, since a script may bring strings of any length.
        let cost = steps_of_cut(text, pattern);
        if cost > MOST_STEPS || self.is_spent() {
            return Text::unknown();
        }
        self.spend(cost);
        // Byte places at which both ends stand between characters.
        let mut places: Vec<usize> = (0..=text.len())
            .filter(|at| text.is_char_boundary(*at) && text.is_char_boundary(text.len() - at))
            .collect();
        if longest {
            places.reverse();
        }
        for at in places {
            let (piece, rest) = match end {
                End::Start => text.split_at(at),
                End::End => {
                    let (rest, piece) = text.split_at(text.len() - at);
                    (piece, rest)
                }
            };
            if matches(pattern, piece) {
                return Text::known(rest);
            }
        }
        Text::known(text)
    }

    /// The answer of the last command substitution since it was last asked.
    pub(crate) fn take_substituted(&mut self) -> Option<Answer> {
        self.substituted.take()
    }
}
