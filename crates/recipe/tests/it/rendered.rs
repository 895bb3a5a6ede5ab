//! A failure as the terminal shows it, so that tests can hold whole messages.

use diag::Diagnostic;
use package::Arch;
use recipe::{Loader, Recipe, RecipeError, Source};

/// The message, the place, the hint.
pub(crate) fn render(error: RecipeError) -> String {
    let d = Diagnostic::from(error);
    let mut out = format!("error: {d}\n");
    if let Some(e) = &d.excerpt {
        let indent = " ".repeat(e.column as usize - 1);
        let carets = "^".repeat(e.width as usize);
        let label = e.label.as_deref().map(|l| format!(" {l}")).unwrap_or_default();
        out.push_str(&format!(
            "{}:{}:{}\n| {}\n| {indent}{carets}{label}\n",
            e.file, e.line, e.column, e.text
        ));
    }
    if let Some(hint) = &d.hint {
        out.push_str(&format!("hint: {hint}\n"));
    }
    out
}

/// Files that exist only here, by the path as it is written in `include`.
pub(crate) struct Files<'a>(pub(crate) &'a [(&'a str, &'a str)]);

impl Loader for Files<'_> {
    fn read(&self, path: &str, _: &str) -> std::io::Result<Source> {
        match self.0.iter().find(|(name, _)| *name == path) {
            Some((name, text)) => Ok(Source { name: (*name).to_owned(), text: (*text).to_owned() }),
            None => Err(std::io::Error::new(std::io::ErrorKind::NotFound, "no such file")),
        }
    }
}

pub(crate) fn host() -> Arch {
    Arch::new("riscv64")
}

pub(crate) fn load(text: &str) -> Result<Recipe, RecipeError> {
    recipe::load("app.yaml", text, &Files(&[]))
}
