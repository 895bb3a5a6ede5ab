//! How packages are shown: apko's named formats, its templates, and a graph.

use std::collections::BTreeSet;

use diag::Diagnostic;
use ops::apko::{Listed, Row};

use super::usage;
use crate::Talk;
use crate::commands::print;

/// The formats that have names, as apko spells them.
const NAMED: [(&str, &str); 8] = [
    ("name-version", "{{ .Name }} {{ .Version }}"),
    ("name-version-source", "{{ .Name }} {{ .Version }} {{ .Source }}"),
    ("name=version", "{{ .Name }}={{ .Version }}"),
    ("name=version-source", "{{ .Name }}={{ .Version }} {{ .Source }}"),
    ("name-(version)", "{{ .Name }} ({{ .Version }})"),
    ("name-(version)-source", "{{ .Name }} ({{ .Version }}) {{ .Source }}"),
    ("packagelock", "- {{ .Name }}={{ .Version }}"),
    ("packagelock-source", "- {{ .Name }}={{ .Version }} # {{ .Source }}"),
];

/// A template: text, and what is put between.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Format(Vec<Piece>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(String),
    Name,
    Version,
    Source,
}

impl Format {
    /// A named format, or a template of Go's kind with nothing but the three fields in it.
    pub(super) fn read(word: &str) -> Result<Format, Diagnostic> {
        let mut rest = NAMED.iter().find(|(name, _)| *name == word).map_or(word, |(_, template)| template);
        let mut pieces = Vec::new();
        while let Some((text, after)) = rest.split_once("{{") {
            pieces.push(Piece::Text(text.to_owned()));
            let (field, after) = after.split_once("}}").ok_or_else(|| bad(word, "a `{{` is never closed"))?;
            pieces.push(match field.trim() {
                ".Name" => Piece::Name,
                ".Version" => Piece::Version,
                ".Source" => Piece::Source,
                other => return Err(bad(word, &format!("`{other}` is not understood"))),
            });
            rest = after;
        }
        if pieces.is_empty() {
            return Err(bad(word, "it has no field, and is the name of none"));
        }
        pieces.push(Piece::Text(rest.to_owned()));
        Ok(Format(pieces))
    }

    fn line(&self, row: &Row) -> String {
        let text = |piece: &Piece| match piece {
            Piece::Text(text) => text.clone(),
            Piece::Name => row.name.clone(),
            Piece::Version => row.version.clone(),
            Piece::Source => row.source.clone(),
        };
        self.0.iter().map(text).collect()
    }
}

fn bad(word: &str, why: &str) -> Diagnostic {
    let names: Vec<&str> = NAMED.iter().map(|(name, _)| *name).collect();
    usage(
        format!("cannot use --format {word}: {why}"),
        format!(
            "use {}, or a text with {{{{ .Name }}}}, {{{{ .Version }}}} and {{{{ .Source }}}}",
            names.join(", ")
        ),
    )
}

/// A line for each package; whose they are goes to standard error.
pub(super) fn packages(lists: &[Listed], format: &Format, talk: &Talk) -> Result<(), Diagnostic> {
    for list in lists {
        if lists.len() > 1 {
            talk.say_line(&format!("packages for {}", list.arch));
        }
        print(&list.packages.iter().map(|row| format.line(row) + "\n").collect::<String>())?;
    }
    Ok(())
}

/// Who needs whom on the first architecture, in Graphviz's language; dependencies stand at the edges.
pub(super) fn graph(recipe: &str, lists: &[Listed], one_edge: bool) -> String {
    let mut out = format!("digraph images {{\n  rankdir=LR;\n  {};\n", quoted(recipe));
    for row in lists.first().iter().flat_map(|list| &list.packages) {
        let label = quoted(&format!("{}-{}", row.name, row.version));
        out.push_str(&format!("  {} [label={label}];\n", quoted(&row.name)));
        let mut seen = BTreeSet::new();
        let edges = row.because.iter().filter(|(by, _)| *by != row.name && seen.insert(by.clone()));
        for (by, why) in edges.take(if one_edge { 1 } else { usize::MAX }) {
            let by = if by.is_empty() { recipe } else { by };
            let edge = format!("  {} -> {} [tooltip={}];\n", quoted(by), quoted(&row.name), quoted(why));
            out.push_str(&edge);
        }
    }
    out.push_str("}\n");
    out
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(name: &str, because: &[(&str, &str)]) -> Row {
        Row {
            name: name.to_owned(),
            version: "1.0-r0".to_owned(),
            source: format!("https://apk.example.org/x86_64/{name}-1.0-r0.apk"),
            because: because.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect(),
        }
    }

    #[test]
    fn formats() {
        let line = |format: &str| Format::read(format).map(|f| f.line(&row("foo", &[])));
        assert_eq!(line("name-version").unwrap(), "foo 1.0-r0");
        assert_eq!(line("name-(version)").unwrap(), "foo (1.0-r0)");
        assert_eq!(line("packagelock").unwrap(), "- foo=1.0-r0");
        let source = "https://apk.example.org/x86_64/foo-1.0-r0.apk";
        assert_eq!(line("packagelock-source").unwrap(), format!("- foo=1.0-r0 # {source}"));
        assert_eq!(line("{{.Name}}\t{{ .Source}}!").unwrap(), format!("foo\t{source}!"));
        for bad in ["", "name", "{{ .Name", "{{ .Origin }}", "{{ if .Name }}x{{ end }}"] {
            assert!(line(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_graph() {
        let list = Listed {
            arch: "x86_64".to_owned(),
            packages: vec![row("lib", &[("foo", "so:lib"), ("bar", "lib")]), row("foo", &[("", "foo")])],
        };
        let all = graph("a \"b\".yaml", std::slice::from_ref(&list), false);
        assert!(all.contains("\"foo\" -> \"lib\" [tooltip=\"so:lib\"];"), "{all}");
        assert!(all.contains("\"bar\" -> \"lib\""), "{all}");
        assert!(all.contains("\"a \\\"b\\\".yaml\" -> \"foo\""), "{all}");
        assert!(!graph("a", &[list], true).contains("\"bar\" -> \"lib\""));
    }
}
