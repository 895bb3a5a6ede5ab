//! YAML as a tree that remembers where everything stood.
//!
//! Scalars keep their source text: `1.10` and `yes` stay what was written, and each key decides
//! itself what it wants to read there. Bounded in size, depth and alias expansion.

use std::collections::HashMap;
use std::sync::Arc;

use granit_parser::{Event, Parser, ScalarStyle, ScanError, Span, StrInput, Tag};

use crate::error::{Problem, RecipeError};
use crate::place::{At, Source};

/// Largest recipe, in bytes; inline files are part of it.
const MOST_BYTES: usize = 1 << 20;
/// Deepest nesting of collections of one style; a recipe needs seven.
const DEEPEST: usize = 48;
/// Bytes that aliases may add to the tree.
const MOST_COPIED: usize = 16 << 20;
/// What a node takes besides its text.
const NODE_BYTES: usize = 128;

#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub(crate) value: Value,
    pub(crate) at: At,
}

#[derive(Debug, Clone)]
pub(crate) enum Value {
    Scalar(Scalar),
    List(Vec<Node>),
    Map(Vec<Entry>),
}

#[derive(Debug, Clone)]
pub(crate) struct Scalar {
    pub(crate) text: String,
    /// Neither quoted nor a block: may be a number or null.
    pub(crate) plain: bool,
}

#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) key_at: At,
    pub(crate) value: Node,
}

impl Node {
    /// Nothing was written: `key:`, `key: ~`, `key: null`.
    pub(crate) fn is_null(&self) -> bool {
        matches!(&self.value, Value::Scalar(s) if s.plain && matches!(s.text.as_str(), "" | "~" | "null" | "Null" | "NULL"))
    }

    /// What stands here, for messages.
    pub(crate) fn found(&self) -> &'static str {
        match &self.value {
            _ if self.is_null() => "nothing",
            Value::Scalar(_) => "a text",
            Value::List(_) => "a list",
            Value::Map(_) => "a mapping",
        }
    }
}

/// Reads one YAML document.
pub(crate) fn read_tree(source: &Arc<Source>) -> Result<Node, RecipeError> {
    if source.text.len() > MOST_BYTES {
        let text = format!("it is larger than {} MiB", MOST_BYTES >> 20);
        return Err(RecipeError::in_file(source, Problem::Syntax(text))
            .hint("put large files beside the recipe and name them with `source:`"));
    }
    let options = granit_parser::options! {
        emit_comments: false,
        disallow_directives: true,
        flow_nesting_limit: DEEPEST,
        block_nesting_limit: DEEPEST,
    };
    let parser = Parser::new_from_str_with_options(&source.text, options);
    Reader { source, parser, anchors: HashMap::new(), size: 0, copied: 0 }.read_document()
}

struct Reader<'a> {
    source: &'a Arc<Source>,
    parser: Parser<'a, StrInput<'a>>,
    anchors: HashMap<usize, (Node, usize)>,
    /// Size of the tree so far.
    size: usize,
    /// The part of it that aliases added.
    copied: usize,
}

impl<'a> Reader<'a> {
    fn read_document(mut self) -> Result<Node, RecipeError> {
        loop {
            match self.next()? {
                (Event::StreamStart | Event::DocumentStart(..), _) => {}
                (Event::StreamEnd, _) => {
                    let empty = Problem::Syntax("it is empty".to_owned());
                    return Err(RecipeError::in_file(self.source, empty)
                        .hint("the smallest recipe is `include: static`"));
                }
                (event, span) => {
                    let root = self.read_node(event, span)?;
                    return self.read_end().map(|()| root);
                }
            }
        }
    }

    fn read_end(&mut self) -> Result<(), RecipeError> {
        loop {
            match self.next()? {
                (Event::StreamEnd, _) => return Ok(()),
                (Event::DocumentEnd, _) => {}
                (_, span) => {
                    let second = Problem::Syntax("a second document begins".to_owned());
                    return Err(RecipeError::at(&self.place(&span), second).hint("one file is one recipe"));
                }
            }
        }
    }

    fn next(&mut self) -> Result<(Event<'a>, Span), RecipeError> {
        match self.parser.next_event() {
            Some(Ok(next)) => Ok(next),
            Some(Err(error)) => Err(self.syntax_error(&error)),
            None => Err(RecipeError::in_file(self.source, Problem::Syntax("it ends too early".to_owned()))),
        }
    }

    fn syntax_error(&self, error: &ScanError) -> RecipeError {
        let mark = error.marker();
        let start = mark.byte_offset().unwrap_or_else(|| byte_of_char(&self.source.text, mark.index()));
        let at = At::new(self.source, start..start + 1);
        let fault = RecipeError::at(&at, Problem::Syntax(format!("it is no YAML: {}", error.info())));
        let (before, after) = self.source.text.split_at_checked(start).unwrap_or((&self.source.text, ""));
        match after.chars().next() {
            _ if before.ends_with('\t') => fault.hint("YAML indents with spaces, not with tabs"),
            Some(c @ ('@' | '`' | '%')) => fault.hint(format!("a text that begins with `{c}` needs quotes")),
            Some('\t') => fault.hint("YAML indents with spaces, not with tabs"),
            _ => fault,
        }
    }

    fn place(&self, span: &Span) -> At {
        let text = &self.source.text;
        let range = span
            .byte_range()
            .unwrap_or_else(|| byte_of_char(text, span.start.index())..byte_of_char(text, span.end.index()));
        At::new(self.source, range)
    }

    fn read_node(&mut self, event: Event<'a>, span: Span) -> Result<Node, RecipeError> {
        let at = self.place(&span);
        let before = self.size;
        self.size += NODE_BYTES;
        let (value, anchor) = match event {
            Event::Scalar(text, style, anchor, tag) => {
                self.size += text.len();
                // The parser says `~` for a value that is not there at all.
                let text = if at.is_empty() { "" } else { &*text };
                (Value::Scalar(read_scalar(text, style, tag.as_deref(), &at)?), anchor)
            }
            Event::SequenceStart(_, anchor, tag) => {
                refuse_tag(tag.as_deref(), &at)?;
                (Value::List(self.read_list()?), anchor)
            }
            Event::MappingStart(_, anchor, tag) => {
                refuse_tag(tag.as_deref(), &at)?;
                (Value::Map(self.read_map()?), anchor)
            }
            Event::Alias(id) => return self.expand(id, &at),
            _ => return Err(RecipeError::at(&at, Problem::Syntax("a value is missing".to_owned()))),
        };
        let node = Node { value, at };
        if anchor != 0 {
            // Anchors within anchors keep copies of copies.
            let size = self.size - before;
            self.count_copy(size, &node.at)?;
            self.anchors.insert(anchor, (node.clone(), size));
        }
        Ok(node)
    }

    fn expand(&mut self, id: usize, at: &At) -> Result<Node, RecipeError> {
        let Some((node, size)) = self.anchors.get(&id).map(|(node, size)| (node, *size)) else {
            return Err(RecipeError::at(
                at,
                Problem::Syntax("the alias stands inside its own anchor".to_owned()),
            ));
        };
        self.size += size;
        let node = node.clone();
        self.count_copy(size, at)?;
        Ok(node)
    }

    fn count_copy(&mut self, size: usize, at: &At) -> Result<(), RecipeError> {
        self.copied = self.copied.saturating_add(size);
        if self.copied > MOST_COPIED {
            return Err(RecipeError::at(at, Problem::Syntax("its aliases expand to too much".to_owned())));
        }
        Ok(())
    }

    fn read_list(&mut self) -> Result<Vec<Node>, RecipeError> {
        let mut items = Vec::new();
        loop {
            match self.next()? {
                (Event::SequenceEnd, _) => return Ok(items),
                (event, span) => items.push(self.read_node(event, span)?),
            }
        }
    }

    fn read_map(&mut self) -> Result<Vec<Entry>, RecipeError> {
        let mut entries: Vec<Entry> = Vec::new();
        let mut merged: Vec<Entry> = Vec::new();
        let mut seen: HashMap<String, At> = HashMap::new();
        loop {
            let (event, span) = self.next()?;
            if matches!(event, Event::MappingEnd) {
                break;
            }
            let key = self.read_node(event, span)?;
            let (event, span) = self.next()?;
            let value = self.read_node(event, span)?;
            let Value::Scalar(scalar) = key.value else {
                return Err(RecipeError::at(&key.at, Problem::Syntax("a key must be one word".to_owned())));
            };
            if scalar.plain && scalar.text == "<<" {
                merged.extend(merge_values(value)?);
                continue;
            }
            if let Some(first) = seen.insert(scalar.text.clone(), key.at.clone()) {
                return Err(RecipeError::at(&key.at, Problem::DuplicateKey { key: scalar.text })
                    .label(format!("first given in line {}", first.line())));
            }
            entries.push(Entry { key: scalar.text, key_at: key.at, value });
        }
        for entry in merged {
            if !seen.contains_key(&entry.key) {
                seen.insert(entry.key.clone(), entry.key_at.clone());
                entries.push(entry);
            }
        }
        Ok(entries)
    }
}

/// YAML's merge key (`<<: *defaults`), which apko's parser knows: keys written out win.
fn merge_values(value: Node) -> Result<Vec<Entry>, RecipeError> {
    match value.value {
        Value::Map(entries) => Ok(entries),
        Value::List(items) => {
            let mut all = Vec::new();
            for item in items {
                all.extend(merge_values(item)?);
            }
            Ok(all)
        }
        Value::Scalar(_) => {
            Err(RecipeError::at(&value.at, Problem::Syntax("`<<` takes a mapping".to_owned())))
        }
    }
}

fn read_scalar(text: &str, style: ScalarStyle, tag: Option<&Tag>, at: &At) -> Result<Scalar, RecipeError> {
    let plain = matches!(style, ScalarStyle::Plain);
    match tag {
        None => Ok(Scalar { text: text.to_owned(), plain }),
        Some(tag) if tag.is_yaml_core_schema_tag("str") => Ok(Scalar { text: text.to_owned(), plain: false }),
        // `- !name` is a tag to YAML, and a package that is taken away to us: both say the same text.
        Some(tag) if plain && tag.original_handle() == "!" => {
            let text = format!("{} {text}", tag.original());
            Ok(Scalar { text: text.trim_end().to_owned(), plain: false })
        }
        tag => refuse_tag(tag, at).map(|()| Scalar { text: text.to_owned(), plain }),
    }
}

fn refuse_tag(tag: Option<&Tag>, at: &At) -> Result<(), RecipeError> {
    const HARMLESS: [&str; 6] = ["int", "float", "bool", "null", "seq", "map"];
    match tag {
        Some(tag) if !HARMLESS.iter().any(|word| tag.is_yaml_core_schema_tag(word)) => {
            let text = format!("the YAML tag `{}` means nothing here", tag.original());
            Err(RecipeError::at(at, Problem::Syntax(text)).hint("a text that begins with `!` needs quotes"))
        }
        _ => Ok(()),
    }
}

fn byte_of_char(text: &str, index: usize) -> usize {
    text.char_indices().nth(index).map_or(text.len(), |(i, _)| i)
}
