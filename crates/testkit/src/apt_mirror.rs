use std::path::Path;

/// Where this machine's own apt finds Debian: tests name no host themselves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mirror {
    /// URI of the archive `debian`, without a slash at the end.
    pub debian: String,
    /// URI of the archive `debian-security`, without a slash at the end.
    pub security: String,
}

/// The mirrors in apt's own configuration; nothing where the machine has no apt, or apt no Debian.
pub fn mirror() -> Option<Mirror> {
    let mut entries = Vec::new();
    let mut files = vec![Path::new("/etc/apt/sources.list").to_path_buf()];
    if let Ok(parts) = std::fs::read_dir("/etc/apt/sources.list.d") {
        let mut parts: Vec<_> = parts.flatten().map(|e| e.path()).collect();
        parts.sort();
        files.extend(parts);
    }
    for file in files {
        let Ok(text) = std::fs::read_to_string(&file) else { continue };
        match file.extension().and_then(|e| e.to_str()) {
            Some("list") => entries.extend(one_line(&text)),
            Some("sources") => entries.extend(deb822(&text)),
            _ => {}
        }
    }
    pick(entries)
}

/// A URI and the suites it lists.
type Entry = (String, Vec<String>);

fn pick(entries: Vec<Entry>) -> Option<Mirror> {
    let of = |security: bool| {
        entries
            .iter()
            .filter(|(uri, suites)| {
                let path = uri.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
                let is_security = suites.iter().any(|s| s.contains("-security")) || path == "debian-security";
                is_security == security && (security || path == "debian")
            })
            .find_map(|(uri, _)| resolve(uri))
    };
    Some(Mirror { debian: of(false)?, security: of(true)? })
}

/// `mirror+file:/etc/apt/mirrors/…` names a file of URIs; the first one is taken.
fn resolve(uri: &str) -> Option<String> {
    let uri = match uri.strip_prefix("mirror+file:") {
        Some(file) => {
            let text = std::fs::read_to_string(file.trim_start_matches("//")).ok()?;
            text.lines().find(|l| !l.is_empty() && !l.starts_with('#'))?.split_whitespace().next()?.to_owned()
        }
        None => uri.to_owned(),
    };
    Some(uri.trim_end_matches('/').to_owned())
}

fn one_line(text: &str) -> Vec<Entry> {
    let entry = |line: &str| {
        let rest = line.trim().strip_prefix("deb ")?.trim_start();
        let rest = match rest.strip_prefix('[') {
            Some(options) => options.split_once(']')?.1,
            None => rest,
        };
        let mut words = rest.split_whitespace().map(str::to_owned);
        Some((words.next()?, words.take(1).collect()))
    };
    text.lines().filter_map(entry).collect()
}

fn deb822(text: &str) -> Vec<Entry> {
    let text: String =
        text.lines().filter(|l| !l.starts_with('#')).map(|l| format!("{}\n", l.trim_end())).collect();
    let mut out = Vec::new();
    for stanza in text.split("\n\n") {
        let field = |name: &str| {
            let line = stanza.lines().find(|l| l.to_ascii_lowercase().starts_with(name))?;
            Some(line.split_once(':')?.1.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
        };
        let deb = field("types:").is_some_and(|t| t.iter().any(|t| t == "deb"));
        let off = field("enabled:").is_some_and(|e| e == ["no"]);
        if let (true, false, Some(uris), Some(suites)) = (deb, off, field("uris:"), field("suites:")) {
            out.extend(uris.into_iter().map(|u| (u, suites.clone())));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_both_archives_in_either_form() {
        let lists = one_line(
            "deb [arch=amd64 signed-by=/k] http://m.example/debian/ trixie main\ndeb http://m.example/debian-security trixie-security main\n",
        );
        let sources = deb822(
            "Types: deb\n# why\nURIs: http://m.example/debian\nSuites: trixie trixie-updates\nComponents: main\n\nTypes: deb\nURIs: http://m.example/debian-security/\nSuites: trixie-security\n",
        );
        let want = Some(Mirror {
            debian: "http://m.example/debian".into(),
            security: "http://m.example/debian-security".into(),
        });
        assert_eq!(pick(lists), want);
        assert_eq!(pick(sources), want);
        assert_eq!(pick(one_line("deb http://m.example/tools stable main\n")), None);
    }
}
