use std::cell::OnceCell;
use std::rc::Rc;

use super::{AndOr, Command, CommandKind, Join, List, Part, Pipeline, Redirect, RedirectKind, Word};

/// Why a script cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {why}")]
pub(crate) struct ParseError {
    pub(crate) line: usize,
    pub(crate) why: &'static str,
}

pub(super) type Parsed<T> = Result<T, ParseError>;

/// Commands inside commands, and words inside words; scripts of packages nest some ten deep.
const DEEPEST: usize = 64;

/// Reads a whole script.
pub(crate) fn parse(text: &str) -> Result<List, ParseError> {
    parse_at(text, 0)
}

/// Reads the text between backquotes, `depth` levels down.
pub(super) fn parse_at(text: &str, depth: usize) -> Parsed<List> {
    let mut parser = Parser::at_depth(text, depth);
    let list = parser.list()?;
    if parser.at < parser.src.len() {
        return Err(parser.fail("something here closes nothing"));
    }
    if !parser.heredocs.is_empty() {
        parser.read_heredocs()?;
    }
    Ok(list)
}

pub(super) struct Parser<'a> {
    pub(super) text: &'a str,
    pub(super) src: &'a [u8],
    pub(super) at: usize,
    pub(super) depth: usize,
    heredocs: Vec<Heredoc>,
}

/// A here-document whose line has not ended yet.
struct Heredoc {
    end: String,
    strip_tabs: bool,
    literal: bool,
    body: Rc<OnceCell<Word>>,
}

const RESERVED_ENDS: [&str; 8] = ["then", "do", "done", "fi", "elif", "else", "esac", "}"];

impl<'a> Parser<'a> {
    pub(super) fn at_depth(text: &'a str, depth: usize) -> Parser<'a> {
        Parser { text, src: text.as_bytes(), at: 0, depth, heredocs: Vec::new() }
    }

    pub(super) fn fail(&self, why: &'static str) -> ParseError {
        let upto = &self.src[..self.at.min(self.src.len())];
        ParseError { line: 1 + upto.iter().filter(|b| **b == b'\n').count(), why }
    }

    pub(super) fn peek(&self) -> Option<u8> {
        self.src.get(self.at).copied()
    }

    pub(super) fn starts(&self, text: &str) -> bool {
        self.src[self.at..].starts_with(text.as_bytes())
    }

    pub(super) fn eat(&mut self, text: &str) -> bool {
        let yes = self.starts(text);
        if yes {
            self.at += text.len();
        }
        yes
    }

    pub(super) fn deeper<T>(&mut self, read: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(self.fail("it is nested deeper than scripts are"));
        }
        let value = read(self)?;
        self.depth -= 1;
        Ok(value)
    }

    /// Commands up to something that closes what is around them.
    pub(super) fn list(&mut self) -> Parsed<List> {
        self.deeper(|p| {
            let mut list = Vec::new();
            loop {
                p.skip_lines()?;
                if p.at_list_end() {
                    return Ok(list);
                }
                list.push(p.and_or()?);
                p.skip_blanks();
                if p.starts(";;") || p.starts(";&") {
                    return Ok(list);
                }
                if !(p.eat(";") || p.eat("&") || p.peek() == Some(b'\n')) {
                    return if p.at_list_end() { Ok(list) } else { Err(p.fail("a command does not end")) };
                }
            }
        })
    }

    fn at_list_end(&self) -> bool {
        match self.peek() {
            None | Some(b')') => true,
            Some(b';') => self.starts(";;") || self.starts(";&"),
            _ => self.reserved().is_some_and(|w| RESERVED_ENDS.contains(&w)),
        }
    }

    fn and_or(&mut self) -> Parsed<AndOr> {
        let first = self.pipeline()?;
        let mut rest = Vec::new();
        loop {
            self.skip_blanks();
            let join = match () {
                () if self.eat("&&") => Join::And,
                () if self.eat("||") => Join::Or,
                () => return Ok(AndOr { first, rest }),
            };
            self.skip_lines()?;
            rest.push((join, self.pipeline()?));
        }
    }

    fn pipeline(&mut self) -> Parsed<Pipeline> {
        let mut negated = false;
        while self.reserved() == Some("!") {
            self.at += 1;
            negated = !negated;
            self.skip_blanks();
        }
        let mut commands = vec![self.command()?];
        loop {
            self.skip_blanks();
            if self.starts("||") || !self.eat("|") {
                return Ok(Pipeline { negated, commands });
            }
            self.eat("&");
            self.skip_lines()?;
            commands.push(self.command()?);
        }
    }

    fn command(&mut self) -> Parsed<Command> {
        self.deeper(|p| {
            p.skip_blanks();
            let kind = match p.compound()? {
                Some(kind) => kind,
                None => return p.simple(),
            };
            let redirects = p.redirects()?;
            Ok(Command { kind, redirects })
        })
    }

    fn compound(&mut self) -> Parsed<Option<CommandKind>> {
        if self.starts("((") {
            let start = self.at;
            if self.skip_arithmetic() {
                return Ok(Some(CommandKind::Opaque));
            }
            self.at = start;
        }
        if self.eat("(") {
            let list = self.list()?;
            self.expect(")")?;
            return Ok(Some(CommandKind::Subshell(list)));
        }
        let Some(word) = self.reserved() else { return Ok(None) };
        let read = match word {
            "{" => Self::group,
            "if" => Self::if_command,
            "for" => Self::for_command,
            "while" | "until" => Self::while_command,
            "case" => Self::case_command,
            "function" => Self::function_keyword,
            "[[" => Self::double_bracket,
            _ if RESERVED_ENDS.contains(&word) => return Err(self.fail("a reserved word stands alone")),
            _ => return Ok(None),
        };
        read(self).map(Some)
    }

    fn group(&mut self) -> Parsed<CommandKind> {
        self.expect_word("{")?;
        let list = self.list()?;
        self.expect_word("}")?;
        Ok(CommandKind::Group(list))
    }

    fn if_command(&mut self) -> Parsed<CommandKind> {
        self.expect_word("if")?;
        let mut arms = Vec::new();
        let mut otherwise = Vec::new();
        loop {
            let condition = self.list()?;
            self.expect_word("then")?;
            arms.push((condition, self.list()?));
            match self.reserved() {
                Some("elif") => self.at += 4,
                Some("else") => {
                    self.at += 4;
                    otherwise = self.list()?;
                    break;
                }
                _ => break,
            }
        }
        self.expect_word("fi")?;
        Ok(CommandKind::If { arms, otherwise })
    }

    fn for_command(&mut self) -> Parsed<CommandKind> {
        self.expect_word("for")?;
        self.skip_blanks();
        let name = self.name().ok_or_else(|| self.fail("`for` without a variable"))?;
        self.skip_lines()?;
        let mut words = None;
        if self.reserved() == Some("in") {
            self.at += 2;
            let mut found = Vec::new();
            while let Some(word) = self.next_word()? {
                found.push(word);
            }
            words = Some(found);
        }
        self.skip_blanks();
        self.eat(";");
        self.skip_lines()?;
        let body = self.do_group()?;
        Ok(CommandKind::For { name, words, body })
    }

    fn while_command(&mut self) -> Parsed<CommandKind> {
        let until = self.reserved() == Some("until");
        self.at += 5;
        let condition = self.list()?;
        let body = self.do_group()?;
        Ok(CommandKind::While { until, condition, body })
    }

    fn do_group(&mut self) -> Parsed<List> {
        self.expect_word("do")?;
        let body = self.list()?;
        self.expect_word("done")?;
        Ok(body)
    }

    fn case_command(&mut self) -> Parsed<CommandKind> {
        self.expect_word("case")?;
        let subject = self.next_word()?.ok_or_else(|| self.fail("`case` without a word"))?;
        self.skip_lines()?;
        self.expect_word("in")?;
        let mut arms = Vec::new();
        loop {
            self.skip_lines()?;
            if self.reserved() == Some("esac") {
                self.at += 4;
                return Ok(CommandKind::Case { subject, arms });
            }
            self.eat("(");
            let mut patterns = Vec::new();
            loop {
                patterns.push(self.next_word()?.ok_or_else(|| self.fail("`case` without a pattern"))?);
                self.skip_blanks();
                if !self.eat("|") {
                    break;
                }
            }
            self.expect(")")?;
            arms.push((patterns, self.list()?));
            if !(self.eat(";;&") || self.eat(";;") || self.eat(";&")) && self.reserved() != Some("esac") {
                return Err(self.fail("an arm of `case` does not end"));
            }
        }
    }

    fn function_keyword(&mut self) -> Parsed<CommandKind> {
        self.expect_word("function")?;
        self.skip_blanks();
        let start = self.at;
        while self.peek().is_some_and(|b| !b" \t\n;&|<>(){}".contains(&b)) {
            self.at += 1;
        }
        let name = self.text[start..self.at].to_owned();
        self.skip_blanks();
        if self.eat("(") {
            self.skip_blanks();
            self.expect(")")?;
        }
        self.function_body(name)
    }

    fn function_body(&mut self, name: String) -> Parsed<CommandKind> {
        self.skip_lines()?;
        let body = Rc::new(self.command()?);
        Ok(CommandKind::Function { name, body })
    }

    fn double_bracket(&mut self) -> Parsed<CommandKind> {
        self.at += 2;
        loop {
            self.skip_blanks();
            match self.peek() {
                None => return Err(self.fail("`[[` without `]]`")),
                _ if self.reserved() == Some("]]") => {
                    self.at += 2;
                    return Ok(CommandKind::Opaque);
                }
                Some(b'&' | b'|' | b'<' | b'>' | b'(' | b')' | b'\n' | b';') => self.at += 1,
                _ => {
                    self.word()?;
                }
            }
        }
    }

    /// Over `(( … ))`; no, where these are two subshells.
    fn skip_arithmetic(&mut self) -> bool {
        let mut open = 0usize;
        while let Some(b) = self.peek() {
            self.at += 1;
            match b {
                b'(' => open += 1,
                b')' => {
                    open -= 1;
                    if open == 0 {
                        return self.src[..self.at].ends_with(b"))");
                    }
                }
                b'\n' | b';' | b'\'' | b'"' => return false,
                _ => {}
            }
        }
        false
    }

    fn simple(&mut self) -> Parsed<Command> {
        let (mut assignments, mut words, mut redirects) = (Vec::new(), Vec::new(), Vec::new());
        loop {
            self.skip_blanks();
            if let Some(redirect) = self.redirect()? {
                redirects.push(redirect);
                continue;
            }
            if words.is_empty()
                && let Some(assignment) = self.assignment()?
            {
                assignments.push(assignment);
                continue;
            }
            let before = self.at;
            let Some(word) = self.next_word()? else { break };
            let plain = self.text[before..self.at].trim();
            if words.is_empty() && assignments.is_empty() && is_function_name(plain) {
                self.skip_blanks();
                if self.eat("(") {
                    self.skip_blanks();
                    self.expect(")")?;
                    let kind = self.function_body(plain.to_owned())?;
                    return Ok(Command { kind, redirects: Vec::new() });
                }
            }
            words.push(word);
        }
        if words.is_empty() && assignments.is_empty() && redirects.is_empty() {
            return Err(self.fail("a command is expected here"));
        }
        Ok(Command { kind: CommandKind::Simple { assignments, words }, redirects })
    }

    fn assignment(&mut self) -> Parsed<Option<(String, Word)>> {
        let start = self.at;
        let Some(name) = self.name() else { return Ok(None) };
        let adds = self.eat("+=");
        if !adds && !self.eat("=") {
            self.at = start;
            return Ok(None);
        }
        if self.eat("(") {
            // bash's array.
            while self.peek() != Some(b')') {
                self.skip_lines()?;
                if self.peek() == Some(b')') {
                    break;
                }
                self.next_word()?.ok_or_else(|| self.fail("an array does not end"))?;
            }
            self.at += 1;
            return Ok(Some((name, Word(vec![Part::Unknown]))));
        }
        let mut word = match self.peek() {
            Some(b) if !is_blank_or_operator(b) => self.word()?,
            _ => Word::default(),
        };
        if adds {
            word.0.insert(0, Part::Variable { name: name.clone(), change: None });
        }
        Ok(Some((name, word)))
    }

    fn redirects(&mut self) -> Parsed<Vec<Redirect>> {
        let mut all = Vec::new();
        loop {
            self.skip_blanks();
            match self.redirect()? {
                Some(redirect) => all.push(redirect),
                None => return Ok(all),
            }
        }
    }

    fn redirect(&mut self) -> Parsed<Option<Redirect>> {
        let start = self.at;
        while self.peek().is_some_and(|b| b.is_ascii_digit()) {
            self.at += 1;
        }
        let descriptor = self.text[start..self.at].parse().ok();
        if !matches!(self.peek(), Some(b'<' | b'>')) && !self.starts("&>") {
            self.at = start;
            return Ok(None);
        }
        let kind = match () {
            () if self.eat("&>>") => RedirectKind::Append(self.target()?),
            () if self.eat("&>") => RedirectKind::Write(self.target()?),
            () if self.eat("<<<") => RedirectKind::HereString(self.target()?),
            () if self.eat("<<-") => self.heredoc(true)?,
            () if self.eat("<<") => self.heredoc(false)?,
            () if self.eat("<&") || self.eat(">&") => RedirectKind::Duplicate(self.target()?),
            () if self.eat("<>") || self.eat(">|") => RedirectKind::Write(self.target()?),
            () if self.eat(">>") => RedirectKind::Append(self.target()?),
            () if self.eat(">") => RedirectKind::Write(self.target()?),
            () => {
                self.at += 1;
                self.target()?;
                RedirectKind::Read
            }
        };
        Ok(Some(Redirect { descriptor, kind }))
    }

    fn target(&mut self) -> Parsed<Word> {
        if self.peek() == Some(b'(') {
            // `< <(command)`: bash's process substitution.
            self.at += 1;
            self.list()?;
            self.expect(")")?;
            return Ok(Word(vec![Part::Unknown]));
        }
        self.next_word()?.ok_or_else(|| self.fail("a redirection without a target"))
    }

    fn heredoc(&mut self, strip_tabs: bool) -> Parsed<RedirectKind> {
        self.skip_blanks();
        let start = self.at;
        self.word()?;
        let raw = &self.text[start..self.at];
        let end: String = raw.chars().filter(|c| !"'\"\\".contains(*c)).collect();
        let body = Rc::new(OnceCell::new());
        let literal = end.len() != raw.len();
        self.heredocs.push(Heredoc { end, strip_tabs, literal, body: Rc::clone(&body) });
        Ok(RedirectKind::Here(body))
    }

    /// The bodies of the here-documents of the line that has just ended.
    fn read_heredocs(&mut self) -> Parsed<()> {
        for doc in std::mem::take(&mut self.heredocs) {
            let mut content = String::new();
            loop {
                let rest = &self.text[self.at..];
                if rest.is_empty() {
                    // As shells do: the end of the script ends it.
                    break;
                }
                let line_len = rest.find('\n').map_or(rest.len(), |n| n + 1);
                let mut line = &rest[..line_len];
                self.at += line_len;
                if doc.strip_tabs {
                    line = line.trim_start_matches('\t');
                }
                if line.trim_end_matches('\n') == doc.end {
                    break;
                }
                content.push_str(line);
            }
            let word = match doc.literal {
                true => Word(vec![Part::Quoted(content)]),
                false => super::words::heredoc(&content, self.depth)?,
            };
            // Filled once: each here-document is read where its line ends.
            let _ = doc.body.set(word);
        }
        Ok(())
    }

    pub(super) fn skip_blanks(&mut self) {
        loop {
            match self.peek() {
                Some(b' ' | b'\t' | b'\r') => self.at += 1,
                Some(b'\\') if self.starts("\\\n") => self.at += 2,
                Some(b'#') => {
                    while self.peek().is_some_and(|b| b != b'\n') {
                        self.at += 1;
                    }
                }
                _ => return,
            }
        }
    }

    fn skip_lines(&mut self) -> Parsed<()> {
        loop {
            self.skip_blanks();
            if self.peek() != Some(b'\n') {
                return Ok(());
            }
            self.at += 1;
            if !self.heredocs.is_empty() {
                self.read_heredocs()?;
            }
        }
    }

    /// The bare word that begins here, if nothing in it needs the shell.
    fn reserved(&self) -> Option<&'a str> {
        let rest = &self.text[self.at..];
        let len = rest.bytes().position(is_blank_or_operator).unwrap_or(rest.len());
        (len > 0 && len < 16).then(|| &rest[..len])
    }

    fn expect(&mut self, text: &'static str) -> Parsed<()> {
        self.skip_blanks();
        if self.eat(text) { Ok(()) } else { Err(self.fail("a parenthesis does not close")) }
    }

    fn expect_word(&mut self, word: &'static str) -> Parsed<()> {
        self.skip_blanks();
        if self.reserved() != Some(word) {
            return Err(self.fail("a reserved word is missing"));
        }
        self.at += word.len();
        Ok(())
    }

    pub(super) fn name(&mut self) -> Option<String> {
        let rest = &self.src[self.at..];
        let len = rest.iter().position(|b| !(b.is_ascii_alphanumeric() || *b == b'_')).unwrap_or(rest.len());
        if len == 0 || rest[0].is_ascii_digit() {
            return None;
        }
        self.at += len;
        Some(self.text[self.at - len..self.at].to_owned())
    }
}

pub(super) fn is_blank_or_operator(b: u8) -> bool {
    b" \t\r\n;&|<>()".contains(&b)
}

fn is_function_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-.:+".contains(&b))
}
