//! `distil inspect` for people.

use ops::inspect::{Inspection, LayerRow, PackageRow};

use super::size::count;
use super::style::escaped;

/// How many packages are shown where not all are asked for.
const LARGEST: usize = 5;

/// The whole page.
pub(crate) fn text(image: &Inspection, all_packages: bool) -> String {
    let mut out = format!("{} ({})\n", image.image, image.platform);
    let mut row = |name: &str, value: String| {
        if !value.is_empty() {
            out.push_str(&format!("  {name:<10} {}\n", escaped(&value)));
        }
    };
    row("digest", image.digest.to_string());
    row("manifest", if image.manifest == image.digest { String::new() } else { image.manifest.to_string() });
    row("image id", image.config_digest.to_string());
    row("platforms", if image.platforms.len() > 1 { image.platforms.join(", ") } else { String::new() });
    row("created", image.created.clone().unwrap_or_default());
    row("system", system(image));
    row("made by", maker(image));
    for attestation in &image.attestations {
        let kinds = match attestation.predicates.as_slice() {
            [] => "of a kind that is not said".to_owned(),
            kinds => kinds.join(", "),
        };
        row("attested", format!("{kinds} (not checked)"));
    }
    let size = &image.size;
    row(
        "size",
        format!(
            "{} stored, {} of files in {}",
            diag::bytes(size.stored),
            diag::bytes(size.files),
            count(image.layers.len() as u64, "layer", "layers"),
        ),
    );
    row(
        "hidden",
        match size.hidden {
            0 => String::new(),
            n => format!("{} in layers, replaced or deleted above", diag::bytes(n)),
        },
    );
    row(
        "content",
        format!(
            "{}, {}, {}",
            count(size.file_count as u64, "file", "files"),
            count(size.directory_count as u64, "directory", "directories"),
            count(size.link_count as u64, "link", "links"),
        ),
    );
    let unread = image.databases.iter().any(|d| d.not_read.is_some());
    row(
        "unowned",
        match size.unowned {
            0 => String::new(),
            n if unread => {
                format!("of {} it is not known: a database was not read", count(n as u64, "path", "paths"))
            }
            n => format!(
                "{} of no package (`distil tree {} --unowned`)",
                count(n as u64, "path", "paths"),
                image.image
            ),
        },
    );
    for database in &image.databases {
        let what = match (&database.packages, &database.not_read) {
            (Some(n), _) => format!("{} {} in {}", n, database.kind, database.path),
            (None, why) => {
                let why = why.as_deref().unwrap_or_default();
                format!("not read: {} ({}): {why}", database.path, database.kind)
            }
        };
        row("packages", what);
    }
    if image.databases.is_empty() {
        row("packages", "no package database found".to_owned());
    }
    out.push_str(&config(image));
    out.push_str("layers\n");
    image.layers.iter().for_each(|layer| out.push_str(&layer_line(layer)));
    out.push_str(&packages(image, all_packages));
    out
}

fn system(image: &Inspection) -> String {
    let Some(system) = &image.system else { return String::new() };
    let spelled = [Some(system.id.as_str()), system.version.as_deref()];
    let spelled = spelled.into_iter().flatten().collect::<Vec<_>>().join(" ");
    system.name.clone().unwrap_or(spelled)
}

fn maker(image: &Inspection) -> String {
    let maker = &image.maker;
    let tool = maker.tool.as_deref().unwrap_or("not known");
    match (&maker.recipe, &maker.evidence) {
        (Some(recipe), _) => format!("{tool}, from {recipe}"),
        (None, Some(evidence)) => format!("{tool} ({evidence})"),
        (None, None) => tool.to_owned(),
    }
}

fn config(image: &Inspection) -> String {
    let config = &image.config;
    let words = |words: &Option<Vec<String>>| {
        words.as_ref().map(|w| serde_json::to_string(w).unwrap_or_default()).unwrap_or_default()
    };
    let mut out = String::from("config\n");
    let mut row = |name: &str, value: &str| {
        if !value.is_empty() {
            out.push_str(&format!("  {name:<10} {}\n", escaped(value)));
        }
    };
    row("user", if config.user.is_empty() { "root (none is set)" } else { &config.user });
    row("entrypoint", &words(&config.entrypoint));
    row("cmd", &words(&config.cmd));
    row("directory", &config.working_dir);
    config.env.iter().for_each(|variable| row("env", variable));
    row("ports", &config.exposed_ports.keys().cloned().collect::<Vec<_>>().join(", "));
    row("volumes", &config.volumes.keys().cloned().collect::<Vec<_>>().join(", "));
    row("stop", &config.stop_signal);
    if let Some(check) = &config.healthcheck {
        row("health", &check.test.join(" "));
    }
    config.labels.iter().for_each(|(name, value)| row("label", &format!("{name}={value}")));
    image.annotations.iter().for_each(|(name, value)| row("annotation", &format!("{name}={value}")));
    config.other.iter().chain(&image.other).for_each(|(key, value)| row(&escaped(key), &value.to_string()));
    out
}

fn layer_line(layer: &LayerRow) -> String {
    let by = one_line(layer.created_by.as_deref().unwrap_or(""));
    let digest = &layer.digest.short();
    format!("  {:>3}  {digest}  {:>8}  {by}\n", layer.number, diag::bytes(layer.size)).trim_end().to_owned()
        + "\n"
}

/// A command of a history: its first hundred characters, without what builders put around it.
pub(crate) fn one_line(text: &str) -> String {
    let text = text.strip_prefix("/bin/sh -c #(nop) ").unwrap_or(text).trim();
    let text: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match text.char_indices().nth(100) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text,
    }
}

fn packages(image: &Inspection, all: bool) -> String {
    if image.packages.is_empty() {
        return String::new();
    }
    let mut rows: Vec<&PackageRow> = image.packages.iter().collect();
    rows.sort_by_key(|p| std::cmp::Reverse(p.size));
    let shown = if all { rows.len() } else { LARGEST.min(rows.len()) };
    let mut out = String::from("packages, the largest first\n");
    let name = rows[..shown].iter().map(|p| p.name.chars().count()).max().unwrap_or(0);
    for p in &rows[..shown] {
        out.push_str(&format!(
            "  {:>8}  {:<name$}  {} ({})\n",
            diag::bytes(p.size),
            p.name,
            p.version,
            p.arch
        ));
    }
    if shown < rows.len() {
        out.push_str(&format!("  … and {} more (--packages)\n", rows.len() - shown));
    }
    out
}
