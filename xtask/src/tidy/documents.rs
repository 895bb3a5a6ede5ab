use super::Source;
use super::floors::FLOORS;

/// Links of a document that lead nowhere. `exists` answers for paths from the top of the tree.
pub(super) fn check(sources: &[Source], exists: &dyn Fn(&str) -> bool) -> Vec<String> {
    let mut faults = Vec::new();
    for source in sources.iter().filter(|s| s.path.ends_with(".md")) {
        for (number, target) in links(&source.text) {
            let (path, anchor) = target.split_once('#').unwrap_or((target, ""));
            if path.contains("://") || path.starts_with("mailto:") {
                continue;
            }
            let full = if path.is_empty() { source.path.clone() } else { beside(&source.path, path) };
            if !exists(&full) {
                faults.push(format!("{}:{number}: a link to {full}, which is not there", source.path));
                continue;
            }
            let there = sources.iter().find(|s| s.path == full);
            if let (false, Some(there)) = (anchor.is_empty(), there)
                && !headings(&there.text).any(|h| h == anchor)
            {
                faults.push(format!(
                    "{}:{number}: a link to a heading #{anchor} that {full} lacks",
                    source.path
                ));
            }
        }
    }
    for source in sources.iter().filter(|s| s.path == MAP) {
        faults.extend(check_map(source, exists));
    }
    faults
}

/// The map of the house.
const MAP: &str = "docs/ARCHITECTURE.md";

/// The map names every room on its floor, and no file that is not there.
fn check_map(map: &Source, exists: &dyn Fn(&str) -> bool) -> Vec<String> {
    let mut faults = Vec::new();
    for (room, floor) in FLOORS {
        if !map.text.contains(&format!("| {floor} | `{room}` |")) {
            faults.push(format!("{MAP}: the table of rooms lacks `{room}` on floor {floor}"));
        }
    }
    for (number, line) in (1..).zip(map.text.lines()) {
        for code in line.split('`').skip(1).step_by(2).filter(|c| c.contains("/src/")) {
            if !exists(code.trim_end_matches('/'))
                && !exists(&format!("crates/{}", code.trim_end_matches('/')))
            {
                faults.push(format!("{MAP}:{number}: {code} is not there"));
            }
        }
    }
    faults
}

/// Targets of `[text](target)` with their line, code blocks left out.
fn links(text: &str) -> Vec<(usize, &str)> {
    let mut fenced = false;
    let mut out = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        }
        if fenced {
            continue;
        }
        // What stands between backticks is code.
        let prose = line.split('`').step_by(2);
        for piece in prose.flat_map(|p| p.split("](").skip(1)) {
            if let Some((target, _)) = piece.split_once(')') {
                out.push((number, target));
            }
        }
    }
    out
}

/// Headings as GitHub makes anchors of them.
fn headings(text: &str) -> impl Iterator<Item = String> + '_ {
    text.lines().filter(|l| l.starts_with('#')).map(|l| {
        let words = l.trim_start_matches('#').trim().to_lowercase();
        let kept = words.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
        kept.map(|c| if c == ' ' { '-' } else { c }).collect()
    })
}

/// `target` as seen from the folder of `file`.
fn beside(file: &str, target: &str) -> String {
    let mut parts: Vec<&str> = file.split('/').collect();
    parts.pop();
    for part in target.split('/') {
        match part {
            "." | "" => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_lead_somewhere() {
        let text = "# One thing\n[a](../README.md) [b](gone.md) `[c](x)` [d](#one-thing) [e](#two) [f](https://x.example)\n```\n[g](y)\n```\n";
        let source = Source { path: "docs/x.md".to_owned(), text: text.to_owned() };
        let faults = check(&[source], &|path| ["README.md", "docs/x.md"].contains(&path));
        assert_eq!(
            faults,
            [
                "docs/x.md:2: a link to docs/gone.md, which is not there",
                "docs/x.md:2: a link to a heading #two that docs/x.md lacks"
            ]
        );
    }

    #[test]
    fn the_map_is_complete_and_true() {
        let mut text: String = FLOORS.iter().skip(1).map(|(r, f)| format!("| {f} | `{r}` | x |\n")).collect();
        text.push_str("`deb/src/gone.rs` `deb/src/lib.rs`\n");
        let map = Source { path: MAP.to_owned(), text };
        let faults = check(&[map], &|path| path == "crates/deb/src/lib.rs");
        assert_eq!(faults.len(), 2, "{faults:?}");
        assert!(faults[0].contains("lacks `oci` on floor 0") && faults[1].contains("deb/src/gone.rs"));
    }
}
