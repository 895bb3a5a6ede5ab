use crate::{Ignored, Uri};

/// A line of a mirror list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedMirror {
    /// The mirror's address.
    pub uri: Uri,
    /// Lowest first; last if none is given.
    pub priority: Option<u32>,
    /// Limits such as (`arch`, `amd64`) or (`suite`, `trixie`): what the mirror has.
    pub limits: Vec<(String, String)>,
}

/// Reads what `mirror+file:` names (apt-transport-mirror(1)), best first. Mirrors of one priority keep
/// the order of the file, where apt shuffles them: a build should ask the same mirror each time.
pub fn parse_mirror_list(bytes: &[u8]) -> (Vec<ListedMirror>, Vec<Ignored>) {
    let text = String::from_utf8_lossy(bytes);
    let mut mirrors = Vec::new();
    let mut ignored = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (address, data) = line.split_once(['\t', ' ']).unwrap_or((line, ""));
        if !address.contains(':') {
            ignored.push(Ignored::new(index + 1, "it is no address"));
            continue;
        }
        let pairs = data.split_ascii_whitespace().filter_map(|d| d.split_once(':'));
        let (ranks, limits): (Vec<_>, Vec<_>) = pairs.partition(|(key, _)| *key == "priority");
        let priority = ranks.first().and_then(|(_, value)| value.parse().ok());
        let limits = limits.into_iter().map(|(k, v)| (k.to_owned(), v.to_owned())).collect();
        mirrors.push(ListedMirror { uri: Uri::read(address), priority, limits });
    }
    mirrors.sort_by_key(|m| m.priority.unwrap_or(u32::MAX));
    (mirrors, ignored)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_and_orders() {
        let text = "# ours\nhttp://c.example/debian\nhttp://b.example/debian\tpriority:2 arch:amd64\n\
                    https://u:p@a.example/debian\tpriority:1\tarch:amd64 type:deb\nnonsense\n";
        let (mirrors, ignored) = parse_mirror_list(text.as_bytes());
        let shown: Vec<String> = mirrors.iter().map(|m| m.uri.to_string()).collect();
        assert_eq!(shown, ["https://a.example/debian", "http://b.example/debian", "http://c.example/debian"]);
        assert_eq!(mirrors[0].limits, [("arch".into(), "amd64".into()), ("type".into(), "deb".into())]);
        assert_eq!(ignored, [Ignored::new(5, "it is no address")]);
    }
}
