use std::rc::Rc;

use super::parse::{Parsed, Parser, is_blank_or_operator, parse_at};
use super::{Change, ChangeKind, Part, Word};

/// The text of a here-document: expansions, but no quotes.
pub(super) fn heredoc(content: &str, depth: usize) -> Parsed<Word> {
    let mut parser = Parser::at_depth(content, depth);
    let parts = parser.double_parts(None)?;
    Ok(Word(vec![Part::Double(parts)]))
}

impl Parser<'_> {
    /// The next word of a command, none where an operator or the line's end is next.
    pub(super) fn next_word(&mut self) -> Parsed<Option<Word>> {
        self.skip_blanks();
        match self.peek() {
            None => Ok(None),
            Some(b) if is_blank_or_operator(b) => Ok(None),
            _ => self.word().map(Some),
        }
    }

    /// A word that begins here.
    pub(super) fn word(&mut self) -> Parsed<Word> {
        self.deeper(|p| {
            let mut parts = Vec::new();
            while let Some(b) = p.peek() {
                if is_blank_or_operator(b) {
                    break;
                }
                p.part(&mut parts)?;
            }
            Ok(Word(parts))
        })
    }

    fn part(&mut self, parts: &mut Vec<Part>) -> Parsed<()> {
        match self.peek() {
            Some(b'\'') => {
                self.at += 1;
                let text = self.until_quote()?;
                parts.push(Part::Quoted(text));
            }
            Some(b'"') => {
                self.at += 1;
                let inner = self.deeper(|p| p.double_parts(Some(b'"')))?;
                parts.push(Part::Double(inner));
            }
            Some(b'\\') => {
                self.at += 1;
                if self.eat("\n") {
                    return Ok(());
                }
                match self.next_char() {
                    Some(c) => parts.push(Part::Quoted(c.to_string())),
                    None => parts.push(Part::Quoted("\\".into())),
                }
            }
            Some(b'$') if self.starts("$'") => {
                self.at += 2;
                let text = self.until_quote()?;
                parts.push(Part::Quoted(text.replace("\\n", "\n").replace("\\t", "\t")));
            }
            Some(b'$') => parts.push(self.dollar()?),
            Some(b'`') => parts.push(self.backquoted()?),
            _ => {
                if let Some(c) = self.next_char() {
                    push_plain(parts, c);
                }
            }
        }
        Ok(())
    }

    /// The inside of double quotes up to `end`, or of a here-document up to its end.
    pub(super) fn double_parts(&mut self, end: Option<u8>) -> Parsed<Vec<Part>> {
        let mut parts = Vec::new();
        loop {
            match self.peek() {
                None if end.is_none() => return Ok(parts),
                None => return Err(self.fail("a quote does not close")),
                Some(b) if Some(b) == end => {
                    self.at += 1;
                    return Ok(parts);
                }
                Some(b'\\') => {
                    self.at += 1;
                    if self.eat("\n") {
                        continue;
                    }
                    match self.peek() {
                        Some(b @ (b'$' | b'`' | b'\\')) => {
                            self.at += 1;
                            push_quoted(&mut parts, char::from(b));
                        }
                        Some(b'"') if end.is_some() => {
                            self.at += 1;
                            push_quoted(&mut parts, '"');
                        }
                        _ => push_quoted(&mut parts, '\\'),
                    }
                }
                Some(b'$') => {
                    let part = self.dollar()?;
                    parts.push(part);
                }
                Some(b'`') => {
                    let part = self.backquoted()?;
                    parts.push(part);
                }
                _ => {
                    if let Some(c) = self.next_char() {
                        push_quoted(&mut parts, c);
                    }
                }
            }
        }
    }

    fn dollar(&mut self) -> Parsed<Part> {
        self.at += 1;
        if self.starts("((")
            && let Some(inner) = self.arithmetic()
        {
            let inner = heredoc(&inner, self.depth + 1).map_err(|e| self.fail(e.why))?;
            return Ok(Part::Arithmetic(inner));
        }
        if self.eat("(") {
            let list = self.list()?;
            self.skip_blanks();
            if !self.eat(")") {
                return Err(self.fail("`$(` does not close"));
            }
            return Ok(Part::Command(Rc::new(list)));
        }
        if self.eat("{") {
            return self.deeper(Self::braced);
        }
        if let Some(name) = self.name() {
            return Ok(Part::Variable { name, change: None });
        }
        match self.peek() {
            Some(b) if b.is_ascii_digit() || b"@*#?$!-".contains(&b) => {
                self.at += 1;
                Ok(Part::Variable { name: char::from(b).to_string(), change: None })
            }
            _ => Ok(Part::Quoted("$".into())),
        }
    }

    fn braced(&mut self) -> Parsed<Part> {
        let length = self.starts("#") && !self.starts("#}");
        if length {
            self.at += 1;
        }
        let name = match self.name() {
            Some(name) => name,
            None => {
                let start = self.at;
                while self.peek().is_some_and(|b| b.is_ascii_digit()) {
                    self.at += 1;
                }
                if start == self.at {
                    self.next_char();
                }
                self.text[start..self.at].to_owned()
            }
        };
        if self.eat("}") {
            let kind = ChangeKind::Length;
            let change = length.then(|| Box::new(Change { kind, word: Word::default() }));
            return Ok(Part::Variable { name, change });
        }
        let kind = self.change_kind();
        let word = self.braced_word()?;
        Ok(Part::Variable { name, change: Some(Box::new(Change { kind, word })) })
    }

    fn change_kind(&mut self) -> ChangeKind {
        let empty_too = self.eat(":");
        match () {
            () if self.eat("-") => ChangeKind::Default { empty_too },
            () if self.eat("=") => ChangeKind::Assign { empty_too },
            () if self.eat("?") => ChangeKind::Require { empty_too },
            () if self.eat("+") => ChangeKind::Alternative { empty_too },
            () if empty_too => ChangeKind::Other,
            () if self.eat("##") => ChangeKind::CutStart { longest: true },
            () if self.eat("#") => ChangeKind::CutStart { longest: false },
            () if self.eat("%%") => ChangeKind::CutEnd { longest: true },
            () if self.eat("%") => ChangeKind::CutEnd { longest: false },
            () => ChangeKind::Other,
        }
    }

    fn braced_word(&mut self) -> Parsed<Word> {
        let mut parts = Vec::new();
        loop {
            match self.peek() {
                None => return Err(self.fail("`${` does not close")),
                Some(b'}') => {
                    self.at += 1;
                    return Ok(Word(parts));
                }
                _ => self.part(&mut parts)?,
            }
        }
    }

    fn backquoted(&mut self) -> Parsed<Part> {
        self.at += 1;
        let mut inner = String::new();
        loop {
            match self.next_char() {
                None => return Err(self.fail("a backquote does not close")),
                Some('`') => break,
                Some('\\') if matches!(self.peek(), Some(b'`' | b'\\' | b'$')) => {
                    inner.extend(self.next_char());
                }
                Some(c) => inner.push(c),
            }
        }
        let list = parse_at(&inner, self.depth + 1).map_err(|e| self.fail(e.why))?;
        Ok(Part::Command(Rc::new(list)))
    }

    /// What is inside `(( … ))` after a dollar; nothing, where it is a subshell in a substitution.
    fn arithmetic(&mut self) -> Option<String> {
        let start = self.at;
        let mut open = 0usize;
        while let Some(b) = self.peek() {
            self.at += 1;
            match b {
                b'(' => open += 1,
                b')' => open -= 1,
                b'\\' => self.at += 1,
                b'\'' | b'"' => {
                    let rest = self.src.get(self.at..).unwrap_or_default();
                    self.at += rest.iter().position(|c| *c == b).map_or(rest.len(), |n| n + 1);
                }
                _ => {}
            }
            if open == 0 {
                break;
            }
        }
        self.at = self.at.min(self.src.len());
        let inner = self.text.get(start + 2..self.at.saturating_sub(2));
        let closed = open == 0 && self.src[start..self.at].ends_with(b"))");
        let inner = inner.filter(|_| closed).map(str::to_owned);
        if inner.is_none() {
            self.at = start;
        }
        inner
    }

    fn until_quote(&mut self) -> Parsed<String> {
        let rest = &self.text[self.at..];
        let end = rest.find('\'').ok_or_else(|| self.fail("a quote does not close"))?;
        self.at += end + 1;
        Ok(rest[..end].to_owned())
    }

    fn next_char(&mut self) -> Option<char> {
        let c = self.text[self.at..].chars().next()?;
        self.at += c.len_utf8();
        Some(c)
    }
}

fn push_plain(parts: &mut Vec<Part>, c: char) {
    match parts.last_mut() {
        Some(Part::Plain(text)) => text.push(c),
        _ => parts.push(Part::Plain(c.to_string())),
    }
}

fn push_quoted(parts: &mut Vec<Part>, c: char) {
    match parts.last_mut() {
        Some(Part::Quoted(text)) => text.push(c),
        _ => parts.push(Part::Quoted(c.to_string())),
    }
}
