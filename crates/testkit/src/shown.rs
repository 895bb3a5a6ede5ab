/// A command that a document shows, and what it says the command prints.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// Line of the document, from 1.
    pub line: usize,
    /// The command without prompt and trailing comment, continuation lines joined.
    pub command: String,
    /// The lines below it, up to the next command or the end of the block.
    pub prints: Vec<String>,
}

/// The commands of a document's blocks fenced with ```` ```console ````: lines that begin with `$ `.
pub fn shown_commands(document: &str) -> Vec<Shown> {
    let mut out: Vec<Shown> = Vec::new();
    let (mut inside, mut continues) = (false, false);
    for (line, text) in (1..).zip(document.lines()) {
        if let Some(fence) = text.trim_start().strip_prefix("```") {
            inside = !inside && fence.trim() == "console";
            continues = false;
        } else if inside {
            let (piece, more) = match text.strip_suffix('\\') {
                Some(piece) => (piece.trim_end(), true),
                None => (text, false),
            };
            match (piece.strip_prefix("$ "), out.last_mut()) {
                (_, Some(last)) if continues => last.command = format!("{} {}", last.command, piece.trim()),
                (Some(command), _) => {
                    let command = command.split(" # ").next().unwrap_or_default().trim().to_owned();
                    out.push(Shown { line, command, prints: Vec::new() });
                }
                (None, Some(last)) => last.prints.push(text.to_owned()),
                (None, None) => {}
            }
            continues = more;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_and_what_they_print() {
        let page = "x\n```console\n$ distil build a.yaml   # why\n$ distil lock \\\n    base\na@sha256:0\n```\n```sh\n$ no\n```\n";
        let shown = shown_commands(page);
        let short: Vec<_> = shown.iter().map(|s| (s.line, s.command.as_str(), s.prints.len())).collect();
        assert_eq!(short, [(3, "distil build a.yaml", 0), (4, "distil lock base", 1)]);
    }
}
