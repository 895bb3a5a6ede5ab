use std::collections::BTreeMap;

use oci::{Annotations, ImageConfig};

/// Who made an image, as far as it tells. Nothing of it is proved: history, labels and annotations are what their
/// writer wrote.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Maker {
    /// The tool, as `BuildKit`; none where nothing is recognised.
    pub tool: Option<String>,
    /// What says so, as `history: comment "buildkit.dockerfile.v0"`.
    pub evidence: Option<String>,
    /// The labels and annotations of the image about its making (`org.opencontainers.image.*`): title, vendor, source,
    /// revision, version, base …, by the name's end.
    pub says: BTreeMap<String, String>,
}

/// What all keys of image-spec's annotations.md begin with.
const PREFIX: &str = "org.opencontainers.image.";

/// A trace that a tool leaves: where, what it begins with, and the tool.
type Trace = (Place, &'static str, &'static str);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Label,
    Author,
    CreatedBy,
    Comment,
}

/// The first that fits counts, so tools that run others stand before those. Each was seen in an image of the tool's.
const TRACES: &[Trace] = &[
    (Place::Label, "io.buildpacks.", "Cloud Native Buildpacks"),
    (Place::Label, "io.buildah.version", "Buildah"),
    (Place::Author, "apko", "apko"),
    (Place::CreatedBy, "apko", "apko"),
    (Place::Author, "github.com/ko-build/ko", "ko"),
    (Place::CreatedBy, "ko build", "ko"),
    (Place::CreatedBy, "jib-", "Jib"),
    (Place::Comment, "debuerreotype", "debuerreotype"),
    (Place::CreatedBy, "bazel build", "Bazel"),
    (Place::Author, "Bazel", "Bazel"),
    (Place::Author, "kaniko", "kaniko"),
    (Place::CreatedBy, "nix", "Nix"),
    (Place::Comment, "store paths: ", "Nix"),
    (Place::CreatedBy, "umoci", "umoci"),
    (Place::Comment, "buildkit.", "BuildKit"),
    (Place::CreatedBy, "COPY /", "BuildKit"),
    (Place::CreatedBy, "/bin/sh -c #(nop)", "docker build (without BuildKit)"),
    (Place::Comment, "Imported from ", "docker import"),
];

/// Looks for traces of tools that make images. `ours` is a trace of our own, if there is one.
pub(crate) fn read_maker(config: &ImageConfig, annotations: &Annotations, ours: Option<&str>) -> Maker {
    let of_image = |(key, value): (&String, &String)| {
        key.strip_prefix(PREFIX).map(|end| (end.to_owned(), value.clone()))
    };
    let says = config.config.labels.iter().chain(annotations).filter_map(of_image).collect();
    if let Some(evidence) = ours {
        return Maker { tool: Some("distil".to_owned()), evidence: Some(evidence.to_owned()), says };
    }
    let found = TRACES.iter().find_map(|trace| Some((trace.2, found(trace, config)?)));
    let (tool, evidence) = found.map_or((None, None), |(t, e)| (Some(t.to_owned()), Some(e)));
    Maker { tool, evidence, says }
}

fn found((place, begins, _): &Trace, config: &ImageConfig) -> Option<String> {
    let key = |what: &str, map: &BTreeMap<String, String>| {
        let (key, value) = map.iter().find(|(key, _)| key.starts_with(begins))?;
        Some(format!("{what} {key}={}", clipped(value)))
    };
    let in_history = |what: &str, field: fn(&oci::History) -> Option<&String>| {
        let text = config.history.iter().filter_map(field).find(|text| text.starts_with(begins))?;
        Some(format!("history: {what} \"{}\"", clipped(text)))
    };
    match place {
        Place::Label => key("label", &config.config.labels),
        Place::Author => match config.author.as_ref().filter(|a| a.starts_with(begins)) {
            Some(author) => Some(format!("author \"{}\"", clipped(author))),
            None => in_history("author", |h| h.author.as_ref()),
        },
        Place::CreatedBy => in_history("created by", |h| h.created_by.as_ref()),
        Place::Comment => in_history("comment", |h| h.comment.as_ref()),
    }
}

/// The first line, not too long of it.
fn clipped(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    match line.char_indices().nth(60) {
        Some((at, _)) => format!("{}…", &line[..at]),
        None => line.to_owned(),
    }
}
