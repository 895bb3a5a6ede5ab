use std::collections::BTreeMap;

use crate::{Ignored, Uri};

/// An entry of apt's sources: one line of `sources.list`, or one paragraph of a `.sources` file.
/// Entries that are switched off are not there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AptSource {
    /// Line of its beginning, from 1.
    pub line: usize,
    /// Whether it offers binary packages (`deb`); else sources only (`deb-src`).
    pub binary: bool,
    /// The archive's addresses, in order.
    pub uris: Vec<Uri>,
    /// Suites; one that ends in `/` is a path, with no components.
    pub suites: Vec<String>,
    /// Components.
    pub components: Vec<String>,
    /// Options by their name in lower case as in `.sources` files (`signed-by`, `trusted`,
    /// `architectures` …). An embedded key block stands there as it is, with its line ends.
    pub options: BTreeMap<String, Vec<String>>,
}

/// What a file of sources says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AptSources {
    /// The entries in order.
    pub entries: Vec<AptSource>,
    /// What made no sense.
    pub ignored: Vec<Ignored>,
}

/// Reads `sources.list` and `sources.list.d/*.list` (sources.list(5), one-line style).
pub fn parse_sources_list(bytes: &[u8]) -> AptSources {
    let text = String::from_utf8_lossy(bytes);
    let mut out = AptSources::default();
    for (index, line) in text.lines().enumerate() {
        // A `#` anywhere begins a comment, as in apt.
        let line = line.split('#').next().unwrap_or_default().trim();
        if line.is_empty() {
            continue;
        }
        match read_line(index + 1, line) {
            Ok(entry) => out.entries.push(entry),
            Err(why) => out.ignored.push(Ignored::new(index + 1, why)),
        }
    }
    out
}

fn read_line(line: usize, text: &str) -> Result<AptSource, &'static str> {
    let (kind, rest) = text.split_once([' ', '\t']).ok_or("it has no address")?;
    let binary = match kind {
        "deb" => true,
        "deb-src" => false,
        _ => return Err("it is neither `deb` nor `deb-src`"),
    };
    let (options, rest) = read_options(rest.trim_start())?;
    let mut words = split_brackets(rest).into_iter();
    let uri = words.next().ok_or("it has no address")?;
    let suite = words.next().ok_or("it has no suite")?;
    let components = words.map(str::to_owned).collect();
    Ok(AptSource {
        line,
        binary,
        uris: vec![Uri::read(uri)],
        suites: vec![suite.to_owned()],
        components,
        options,
    })
}

type OptionMap = BTreeMap<String, Vec<String>>;

/// `[ option=value option+=value … ]`, values by commas.
fn read_options(text: &str) -> Result<(OptionMap, &str), &'static str> {
    let mut options = OptionMap::new();
    let Some(inner) = text.strip_prefix('[') else {
        return Ok((options, text));
    };
    let (inner, rest) = inner.split_once(']').ok_or("its options have no end")?;
    for word in inner.split_ascii_whitespace() {
        let (name, value) = word.split_once('=').ok_or("an option has no value")?;
        let values = value.split(',').filter(|v| !v.is_empty()).map(str::to_owned);
        // `arch+=` and `arch-=` change the default, which is not known here: keep the sign.
        let (name, sign) = match name.strip_suffix(['+', '-']) {
            Some(short) => (short, &name[short.len()..]),
            None => (name, ""),
        };
        options.entry(format!("{}{sign}", long_name(name))).or_default().extend(values);
    }
    Ok((options, rest.trim_start()))
}

/// The names that options have in `.sources` files.
fn long_name(name: &str) -> String {
    let name = name.to_ascii_lowercase();
    match name.as_str() {
        "arch" => "architectures".into(),
        "lang" => "languages".into(),
        "target" => "targets".into(),
        _ => name,
    }
}

/// Words, where `cdrom:[Debian GNU/Linux]/` is one.
fn split_brackets(text: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let mut start = None;
    let mut depth = 0_u32;
    for (i, c) in text.char_indices() {
        match c {
            '[' => depth += 1,
            ']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        let blank = c.is_ascii_whitespace() && depth == 0;
        match (start, blank) {
            (None, false) => start = Some(i),
            (Some(from), true) => {
                words.push(&text[from..i]);
                start = None;
            }
            _ => {}
        }
    }
    words.extend(start.map(|from| &text[from..]));
    words
}

/// Reads `sources.list.d/*.sources` (sources.list(5), deb822 style).
pub fn parse_deb822_sources(bytes: &[u8]) -> AptSources {
    let text = String::from_utf8_lossy(bytes);
    let mut out = AptSources::default();
    for (line, fields) in paragraphs(&text, &mut out.ignored) {
        match read_paragraph(line, fields) {
            Ok(entries) => out.entries.extend(entries),
            Err(why) => out.ignored.push(Ignored::new(line, why)),
        }
    }
    out
}

type Fields = BTreeMap<String, String>;

/// Paragraphs with the line of their first field; names in lower case, values with their line ends.
fn paragraphs(text: &str, ignored: &mut Vec<Ignored>) -> Vec<(usize, Fields)> {
    let mut all: Vec<(usize, Fields)> = Vec::new();
    let mut open: Option<(usize, Fields)> = None;
    let mut last: Option<String> = None;
    for (index, line) in text.lines().enumerate() {
        if line.starts_with('#') {
            continue;
        }
        if line.trim().is_empty() {
            all.extend(open.take());
            last = None;
        } else if line.starts_with([' ', '\t']) {
            let value = last.as_ref().and_then(|name| open.as_mut()?.1.get_mut(name));
            match value {
                Some(value) => {
                    value.push('\n');
                    value.push_str(line.trim());
                }
                None => ignored.push(Ignored::new(index + 1, "it continues no field")),
            }
        } else if let Some((name, value)) = line.split_once(':') {
            let name = name.trim().to_ascii_lowercase();
            let (_, fields) = open.get_or_insert_with(|| (index + 1, Fields::new()));
            fields.insert(name.clone(), value.trim().to_owned());
            last = Some(name);
        } else {
            ignored.push(Ignored::new(index + 1, "it is no field"));
        }
    }
    all.extend(open);
    all
}

/// One entry per type.
fn read_paragraph(line: usize, mut fields: Fields) -> Result<Vec<AptSource>, &'static str> {
    // apt's words for no, strutl.cc StringToBool.
    let off = |v: &str| {
        matches!(v.to_ascii_lowercase().as_str(), "no" | "false" | "without" | "off" | "disable" | "0")
    };
    if fields.remove("enabled").is_some_and(|v| off(&v)) {
        return Ok(Vec::new());
    }
    let mut words = |name: &str| -> Vec<String> {
        let value = fields.remove(name).unwrap_or_default();
        value.split_ascii_whitespace().map(str::to_owned).collect()
    };
    let (types, uris, suites, components) =
        (words("types"), words("uris"), words("suites"), words("components"));
    if types.is_empty() {
        return Err("it has no Types");
    }
    if uris.is_empty() {
        return Err("it has no URIs");
    }
    if suites.is_empty() {
        return Err("it has no Suites");
    }
    let options: OptionMap = fields.into_iter().map(|(name, value)| (name, values_of(&value))).collect();
    let entry = |kind: String| {
        let binary = match kind.as_str() {
            "deb" => true,
            "deb-src" => false,
            _ => return None,
        };
        Some(AptSource {
            line,
            binary,
            uris: uris.iter().map(|u| Uri::read(u)).collect(),
            suites: suites.clone(),
            components: components.clone(),
            options: options.clone(),
        })
    };
    Ok(types.into_iter().filter_map(entry).collect())
}

/// Words; a key block is one value, its ` .` lines empty again.
fn values_of(value: &str) -> Vec<String> {
    if value.contains("-----BEGIN PGP") {
        let lines = value.trim_start().lines().map(|l| if l == "." { "" } else { l });
        return vec![lines.collect::<Vec<_>>().join("\n") + "\n"];
    }
    value.split([' ', '\t', '\n', ',']).filter(|v| !v.is_empty()).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_one_line_entries() {
        let text = "# deb http://off.example/ x main\n\
            deb http://deb.example/debian trixie main contrib # and a word\n\
            deb-src [ arch=amd64,arm64 signed-by=/k/a.gpg trusted=yes ] https://u:p@h.example/d trixie-updates main\n\
            deb cdrom:[Debian GNU/Linux 13 _Trixie_]/ trixie main\n\
            deb file:/srv/flat ./\n\
            deb http://nothing.example\nrpm http://x y\ndeb [arch=amd64 http://x y\n";
        let read = parse_sources_list(text.as_bytes());
        let shown: Vec<_> = read.entries.iter().map(|e| e.uris[0].to_string()).collect();
        assert_eq!(
            shown,
            [
                "http://deb.example/debian",
                "https://h.example/d",
                "cdrom:[Debian GNU/Linux 13 _Trixie_]/",
                "file:/srv/flat"
            ]
        );
        assert_eq!(read.entries[0].components, ["main", "contrib"]);
        let second = &read.entries[1];
        assert!(!second.binary && second.uris[0].login.is_some());
        assert_eq!(second.options["architectures"], ["amd64", "arm64"]);
        assert_eq!(second.options["trusted"], ["yes"]);
        assert_eq!(read.entries[3].suites, ["./"]);
        let lines: Vec<usize> = read.ignored.iter().map(|i| i.line).collect();
        assert_eq!(lines, [6, 7, 8]);
    }

    #[test]
    fn reads_deb822_entries() {
        let text = "# a comment\nTypes: deb deb-src\nURIs: http://a.example/debian\n http://b.example/debian\n\
            Suites: trixie trixie-updates\nComponents: main\n# in between\nSigned-By: /k/a.gpg\n\n\
            Enabled: no\nTypes: deb\nURIs: http://off.example\nSuites: x\n\n\
            Types: deb\nURIs: http://c.example\nSuites: x\nSigned-By:\n -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n abc\n\
            \u{20}-----END PGP PUBLIC KEY BLOCK-----\n\nTypes: deb\nSuites: x\n\nnonsense\n";
        let read = parse_deb822_sources(text.as_bytes());
        assert_eq!(read.entries.len(), 3, "{read:?}");
        let first = &read.entries[0];
        assert!(first.binary && !read.entries[1].binary);
        assert_eq!(
            first.uris.iter().map(Uri::to_string).collect::<Vec<_>>(),
            ["http://a.example/debian", "http://b.example/debian"]
        );
        assert_eq!(first.suites, ["trixie", "trixie-updates"]);
        assert_eq!(first.options["signed-by"], ["/k/a.gpg"]);
        let key = &read.entries[2].options["signed-by"][0];
        assert_eq!(key, "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nabc\n-----END PGP PUBLIC KEY BLOCK-----\n");
        assert_eq!(read.ignored.len(), 2, "{:?}", read.ignored);
    }

    #[test]
    fn reads_anything() {
        for bytes in
            [&b""[..], b"\n\n", b"\xff\xfe", b" x", b"deb", b"deb [", b"deb [a=b]", b":\n:", b"deb [a] b c"]
        {
            parse_sources_list(bytes);
            parse_deb822_sources(bytes);
        }
    }
}
