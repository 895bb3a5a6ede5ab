//! A failure as text or JSON.

use diag::{Diagnostic, Excerpt, Kind};
use serde_json::{Value, json};

use super::style::Style;

/// The text of a failure, in the one grammar: `error:`, the place, the causes, the details, `hint:`.
pub(crate) fn human(d: &Diagnostic, style: Style) -> String {
    let word = if d.kind == Kind::Internal { "internal error:" } else { "error:" };
    let mut message = d.message.clone();
    for cause in &d.causes {
        message.push_str(": ");
        message.push_str(cause);
    }
    let mut out = format!("{} {message}\n", style.error(word));
    if let Some(excerpt) = &d.excerpt {
        out.push_str(&place(excerpt, style));
    }
    for line in &d.details {
        out.push_str(&format!("  {line}\n"));
    }
    if let Some(hint) = &d.hint {
        out.push_str(&format!("{} {hint}\n", style.hint("hint:")));
    }
    if d.kind == Kind::Internal {
        out.push_str("hint: this is a bug of distil; please report it with the command and its output\n");
    }
    out
}

fn place(e: &Excerpt, style: Style) -> String {
    let number = e.line.to_string();
    let gap = " ".repeat(number.len());
    // Tabs become one space each, so that the caret stands below what it means.
    let text = e.text.replace('\t', " ");
    let indent = " ".repeat(e.column.saturating_sub(1) as usize);
    let carets = "^".repeat(e.width.max(1) as usize);
    let label = e.label.as_deref().map(|l| format!(" {l}")).unwrap_or_default();
    format!(
        "{gap}{} {}:{}:{}\n{gap} {bar}\n{number} {bar} {text}\n{gap} {bar} {indent}{}\n",
        style.faint("-->"),
        e.file,
        e.line,
        e.column,
        style.error(&format!("{carets}{label}")),
        bar = style.faint("|"),
    )
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
}
