//! A failure as text or JSON.

use diag::{Diagnostic, Excerpt, Kind, Report};
use serde_json::{Value, json};

use super::style::{Style, escaped};

/// The text of a failure, in the one grammar: `error:`, the place, the causes, the details, `hint:`.
pub(crate) fn human(d: &Report, style: Style) -> String {
    let word = if d.kind == Kind::Internal { "internal error:" } else { "error:" };
    let mut message = d.message.clone();
    for cause in &d.causes {
        message.push_str(": ");
        message.push_str(cause);
    }
    let mut out = style.line(&format!("{} {message}", style.error(word)));
    if let Some(excerpt) = &d.excerpt {
        out.push_str(&place(excerpt, style));
    }
    for line in &d.details {
        out.push_str(&style.line(&format!("  {line}")));
    }
    if let Some(hint) = &d.hint {
        out.push_str(&style.line(&format!("{} {hint}", style.hint("hint:"))));
    }
    if d.kind == Kind::Internal {
        out.push_str("hint: this is a bug of distil; please report it with the command and its output\n");
    }
    out
}

fn place(e: &Excerpt, style: Style) -> String {
    let number = e.line.to_string();
    let gap = " ".repeat(number.len());
    // Tabs become one space each, so that the caret stands below what it means; of what is escaped it counts
    // what is shown.
    let text = e.text.replace('\t', " ");
    let column = e.column.saturating_sub(1) as usize;
    let width = |text: String| escaped(&text).chars().count();
    let before: String = text.chars().take(column).collect();
    let meant: String = text.chars().skip(column).take(e.width as usize).collect();
    let escapes = width(meant.clone()) - meant.chars().count();
    let indent = " ".repeat(width(before.clone()) + column - before.chars().count());
    let carets = "^".repeat(e.width.max(1) as usize + escapes);
    let label = e.label.as_deref().map(|l| format!(" {l}")).unwrap_or_default();
    let bar = style.faint("|");
    [
        format!("{gap}{} {}:{}:{}", style.faint("-->"), e.file, e.line, e.column),
        format!("{gap} {bar}"),
        format!("{number} {bar} {text}"),
        format!("{gap} {bar} {indent}{}", style.error(&format!("{carets}{label}"))),
    ]
    .iter()
    .map(|line| style.line(line))
    .collect()
}

/// The same for programs.
pub(crate) fn json(d: &Diagnostic) -> Value {
    let mut error = json!({
        "kind": kind(d.kind),
        "message": d.message,
        "causes": d.causes,
        "details": d.details,
        "hint": d.hint,
    });
    if let Some(e) = &d.excerpt {
        error["at"] = json!({ "file": e.file, "line": e.line, "column": e.column });
    }
    json!({ "schema": 0, "error": error })
}

fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Findings => "findings",
        Kind::Usage => "usage",
        Kind::Input => "input",
        Kind::Network => "network",
        Kind::Trust => "trust",
        Kind::Unsatisfiable => "unsatisfiable",
        Kind::Machine => "machine",
        Kind::Internal => "internal",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Unknown;
    impl std::fmt::Display for Unknown {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("cannot read app.yaml: unknown key `pakcages`")
        }
    }
    impl std::error::Error for Unknown {}
    impl diag::Explain for Unknown {
        fn kind(&self) -> Kind {
            Kind::Input
        }
        fn hint(&self) -> Option<String> {
            Some("did you mean `packages`?".to_owned())
        }
        fn excerpt(&self) -> Option<Excerpt> {
            Some(Excerpt {
                file: "app.yaml".to_owned(),
                line: 12,
                column: 3,
                width: 8,
                text: "  pakcages:".to_owned(),
                label: Some("no such key".to_owned()),
            })
        }
    }

    #[test]
    fn file_line_caret_hint() {
        let shown = human(&Diagnostic::from(Unknown), Style::PLAIN);
        let expected = "\
error: cannot read app.yaml: unknown key `pakcages`
  --> app.yaml:12:3
   |
12 |   pakcages:
   |   ^^^^^^^^ no such key
hint: did you mean `packages`?
";
        assert_eq!(shown, expected);
        assert_eq!(json(&Diagnostic::from(Unknown))["error"]["at"]["line"], 12);
    }

    /// What a recipe, an index or a package says cannot command the terminal, and the caret stays below
    /// what it means.
    #[test]
    fn foreign_text_is_shown_and_not_obeyed() {
        let mut d = diag::Report {
            kind: Kind::Trust,
            message: "cannot trust a\nerror: b".to_owned(),
            causes: vec!["signed by \x1b]0;x\x07".to_owned()],
            details: vec!["\u{9b}2J".to_owned()],
            excerpt: None,
            hint: Some("ask \x1b[8mhim".to_owned()),
        };
        let excerpt = Excerpt {
            file: "app.yaml".to_owned(),
            line: 1,
            column: 3,
            width: 2,
            text: "\x1b:x\x1b".to_owned(),
            label: None,
        };
        d.excerpt = Some(excerpt);
        let expected = "\
error: cannot trust a\\x0Aerror: b: signed by \\x1B]0;x\\x07
 --> app.yaml:1:3
  |
1 | \\x1B:x\\x1B
  |      ^^^^^
  \\xC2\\x9B2J
hint: ask \\x1B[8mhim
";
        assert_eq!(human(&d, Style::PLAIN), expected);
    }
}
