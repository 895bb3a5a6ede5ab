//! YAML as far as settings need it: scalars, lists and mappings with their lines. Aliases and tags are
//! refused; sizes are bounded.

use granit_parser::{Event, Parser, ScalarStyle, Span, StrInput};

/// A value and its place, line and column from 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Node {
    pub(crate) value: Value,
    pub(crate) at: At,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct At {
    pub(crate) line: usize,
    pub(crate) column: usize,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Value {
    Nothing,
    Text(String),
    List(Vec<Node>),
    Map(Vec<(String, At, Node)>),
}

/// What is wrong, and where.
pub(crate) type Fault = (At, String);

const MOST_BYTES: usize = 1 << 20;
const DEEPEST: usize = 8;

pub(crate) fn read_tree(text: &str) -> Result<Node, Fault> {
    let start = At { line: 1, column: 1 };
    if text.len() > MOST_BYTES {
        return Err((start, "it is larger than 1 MiB".into()));
    }
    let options = granit_parser::options! {
        emit_comments: false,
        disallow_directives: true,
        flow_nesting_limit: DEEPEST,
        block_nesting_limit: DEEPEST,
    };
    let mut reader = Reader { parser: Parser::new_from_str_with_options(text, options) };
    let mut root = Node { value: Value::Nothing, at: start };
    loop {
        match reader.next()? {
            (Event::StreamStart | Event::DocumentStart(..) | Event::DocumentEnd, _) => {}
            (Event::StreamEnd, _) => return Ok(root),
            (event, at) if root.value == Value::Nothing => root = reader.node(event, at)?,
            (_, at) => return Err((at, "a second document begins".into())),
        }
    }
}

struct Reader<'a> {
    parser: Parser<'a, StrInput<'a>>,
}

impl<'a> Reader<'a> {
    fn next(&mut self) -> Result<(Event<'a>, At), Fault> {
        match self.parser.next_event() {
            Some(Ok((event, span))) => Ok((event, at(&span))),
            Some(Err(error)) => {
                let mark = error.marker();
                let at = At { line: mark.line(), column: mark.col() + 1 };
                Err((at, format!("it is no YAML: {}", error.info())))
            }
            None => Err((At { line: 1, column: 1 }, "it ends too early".into())),
        }
    }

    fn node(&mut self, event: Event<'a>, at: At) -> Result<Node, Fault> {
        let value = match event {
            Event::Scalar(text, style, _, None) => {
                let plain = matches!(style, ScalarStyle::Plain);
                match text.as_ref() {
                    "" | "~" | "null" if plain => Value::Nothing,
                    text => Value::Text(text.to_owned()),
                }
            }
            Event::SequenceStart(_, _, None) => Value::List(self.list()?),
            Event::MappingStart(_, _, None) => Value::Map(self.map()?),
            Event::Alias(_) => return Err((at, "aliases are not used in settings".into())),
            _ => return Err((at, "tags are not used in settings".into())),
        };
        Ok(Node { value, at })
    }

    fn list(&mut self) -> Result<Vec<Node>, Fault> {
        let mut items = Vec::new();
        loop {
            match self.next()? {
                (Event::SequenceEnd, _) => return Ok(items),
                (event, at) => items.push(self.node(event, at)?),
            }
        }
    }

    fn map(&mut self) -> Result<Vec<(String, At, Node)>, Fault> {
        let mut entries: Vec<(String, At, Node)> = Vec::new();
        loop {
            let (event, at) = self.next()?;
            if matches!(event, Event::MappingEnd) {
                return Ok(entries);
            }
            let Value::Text(key) = self.node(event, at)?.value else {
                return Err((at, "a key must be one word".into()));
            };
            if entries.iter().any(|(k, ..)| *k == key) {
                return Err((at, format!("`{key}` is given twice")));
            }
            let (event, value_at) = self.next()?;
            let value = self.node(event, value_at)?;
            entries.push((key, at, value));
        }
    }
}

fn at(span: &Span) -> At {
    At { line: span.start.line(), column: span.start.col() + 1 }
}
