//! The frame of the page: head, navigation, the parts in their order, data and script.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;

use crate::columns::Columns;
use crate::compare::{ChangeColumns, Changes};
use crate::escape::{data_block, html, inert};
use crate::page::{Image, Page};
use crate::sections::{comparison, config, contents, files, layers, packages, summary, surface};
use crate::size::number;
use crate::surface::Surface;

const STYLE: &str = include_str!("../assets/page.css");

/// In the order in which they need each other. One scope for all; nothing is left on `window`.
const SCRIPTS: [&str; 7] = [
    include_str!("../assets/data.js"),
    include_str!("../assets/theme.js"),
    include_str!("../assets/tables.js"),
    include_str!("../assets/grid.js"),
    include_str!("../assets/files.js"),
    include_str!("../assets/treemap.js"),
    include_str!("../assets/changes.js"),
];

/// A drop: what is distilled.
const DROP: &str = r#"<svg viewBox="0 0 24 24" aria-hidden="true" focusable="false"><path fill="currentColor" d="M12 1.5c3.6 4.9 7 9 7 13a7 7 0 0 1-14 0c0-4 3.4-8.1 7-13Zm-3.2 13a1.1 1.1 0 0 0-2.2.1A5.3 5.3 0 0 0 12 20a1.1 1.1 0 0 0 0-2.2 3.2 3.2 0 0 1-3.2-3.3Z"/></svg>"#;

/// The same for the tab of a browser; a data URL, the only kind of picture that the page may load.
const ICON: &str = "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 24 24'%3E%3Cpath fill='%230a8f99' d='M12 1.5c3.6 4.9 7 9 7 13a7 7 0 0 1-14 0c0-4 3.4-8.1 7-13Z'/%3E%3C/svg%3E";

/// What sections have worked out of a page, once.
pub(crate) struct Facts<'a> {
    pub(crate) image: &'a Image,
    pub(crate) surface: Surface,
    /// Bytes and number of files of each package.
    pub(crate) owned: Vec<(u64, u64)>,
    /// Against the image before.
    pub(crate) versus: Option<Versus<'a>>,
}

/// The image before, and what changed since.
pub(crate) struct Versus<'a> {
    pub(crate) image: &'a Image,
    pub(crate) surface: Surface,
    pub(crate) changes: &'a Changes,
}

impl Page {
    fn facts(&self) -> Facts<'_> {
        let versus = self.against.as_ref().map(|before| Versus {
            image: &before.image,
            surface: Surface::of(&before.image),
            changes: &before.changes,
        });
        Facts { image: &self.image, surface: Surface::of(&self.image), owned: self.image.owned(), versus }
    }
}

/// The whole page as HTML.
pub fn page(page: &Page) -> String {
    let facts = page.facts();
    let script = format!("'use strict';\n(() => {{\n{}}})();\n", SCRIPTS.concat());
    let mut out = head(page, &script);
    let parts = parts(&facts);
    out.push_str(&top(&facts, &parts));
    out.push_str("<main id=\"content\">\n");
    for part in &parts {
        out.push_str(&format!(
            "<section id=\"{0}\" aria-labelledby=\"{0}-title\">\n<h2 id=\"{0}-title\">{1}</h2>\n{2}</section>\n",
            part.id, part.title, part.html
        ));
    }
    out.push_str("</main>\n");
    out.push_str(&format!(
        "<footer>Made by {}. This page holds everything it shows and asks no server for anything.</footer>\n",
        html(&page.program)
    ));
    out.push_str(&format!("<script type=\"application/json\" id=\"data\">{}</script>\n", data(&facts)));
    out.push_str(&format!("<script>{script}</script>\n</body>\n</html>\n"));
    out
}

/// A part of the page.
struct Part {
    id: &'static str,
    title: &'static str,
    /// In the navigation, where it is a number.
    count: Option<u64>,
    html: String,
}

fn parts(facts: &Facts<'_>) -> Vec<Part> {
    let image = facts.image;
    let part = |id, title, count, html| Part { id, title, count, html };
    let mut out = vec![part("summary", "Summary", None, summary::html(facts))];
    if let Some(versus) = &facts.versus {
        out.push(part("changes", "Before and after", None, comparison::html(facts, versus)));
    }
    out.extend([
        part("map-part", "Where the size is", None, contents::html(facts)),
        part("surface", "Attack surface", Some(facts.surface.kinds()), surface::html(facts)),
        part("packages", "Packages", Some(image.packages.len() as u64), packages::html(facts)),
        part("files", "Files", Some(image.file_count()), files::html()),
        part("layers", "Layers", Some(image.layers.len() as u64), layers::html(image)),
        part("config", "Config", None, config::html(image)),
    ]);
    out
}

fn head(page: &Page, script: &str) -> String {
    let against = page.against.as_ref().map(|a| format!(" against {}", a.image.name)).unwrap_or_default();
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src '{style_hash}'; \
         script-src '{script_hash}'; img-src data:; base-uri 'none'; form-action 'none'\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"referrer\" content=\"no-referrer\">\n<meta name=\"color-scheme\" content=\"light dark\">\n\
         <meta name=\"generator\" content=\"{program}\">\n<title>{title} · distil report</title>\n\
         <link rel=\"icon\" href=\"{ICON}\">\n<style>{STYLE}</style>\n</head>\n",
        style_hash = source_hash(STYLE),
        script_hash = source_hash(script),
        program = html(&page.program),
        title = html(&format!("{}{against}", page.image.name)),
    )
}

/// What a Content-Security-Policy calls an inline style or script by (CSP 3, 2.3.1).
fn source_hash(text: &str) -> String {
    format!("sha256-{}", STANDARD.encode(oci::Digest::of(text.as_bytes()).as_bytes()))
}

fn top(facts: &Facts<'_>, parts: &[Part]) -> String {
    let image = facts.image;
    let versus = facts
        .versus
        .as_ref()
        .map(|v| format!(" <span class=\"versus\">against {}</span>", html(&v.image.name)));
    let chips: String = chips(image).iter().map(|c| format!("<li>{}</li>", html(c))).collect();
    let digest = html(&image.digest);
    let theme = |value: &str, label: &str, checked: &str| {
        format!(
            "<label><input type=\"radio\" name=\"theme\" value=\"{value}\"{checked}><span>{label}</span></label>"
        )
    };
    format!(
        "<body>\n<a class=\"skip\" href=\"#content\">Skip to the content</a>\n<header class=\"top\">\n<div class=\"who\">\n\
         <div class=\"brand\">{DROP}<span>distil report</span></div>\n<h1>{name}{versus}</h1>\n\
         <div class=\"digest\"><code>{digest}</code><button type=\"button\" class=\"link\" data-copy=\"{digest}\" \
         aria-label=\"Copy the digest\">Copy</button></div>\n<ul class=\"chips\" aria-label=\"In short\">{chips}</ul>\n</div>\n\
         <fieldset class=\"theme\"><legend class=\"sr\">Colours</legend>{auto}{light}{dark}</fieldset>\n</header>\n\
         <nav class=\"parts\" aria-label=\"Parts of this page\"><ul>{links}</ul></nav>\n",
        name = html(&image.name),
        versus = versus.unwrap_or_default(),
        auto = theme("auto", "Auto", " checked"),
        light = theme("light", "Light", ""),
        dark = theme("dark", "Dark", ""),
        links = links(parts),
    )
}

fn chips(image: &Image) -> Vec<String> {
    let mut out = vec![image.platform.clone()];
    out.extend([&image.system, &image.made_by].into_iter().filter(|t| !t.is_empty()).cloned());
    out.extend(image.created.as_ref().map(|t| t.get(..10).unwrap_or(t).to_owned()));
    out
}

fn links(parts: &[Part]) -> String {
    let link = |part: &Part| {
        let count = part.count.map(|n| format!("<small>{}</small>", number(n))).unwrap_or_default();
        format!("<li><a href=\"#{}\">{}{count}</a></li>", part.id, part.title)
    };
    parts.iter().map(link).collect()
}

/// What the script reads.
#[derive(Serialize)]
struct Data<'a> {
    name: &'a str,
    files: Columns,
    /// Name, version, why.
    packages: Vec<(String, String, Vec<String>)>,
    layers: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    changes: Option<ChangeColumns>,
}

fn data(facts: &Facts<'_>) -> String {
    let text = |t: &String| inert(t);
    let image = facts.image;
    data_block(&Data {
        name: &text(&image.name),
        files: Columns::of(image),
        packages: image
            .packages
            .iter()
            .map(|p| (text(&p.name), text(&p.version), p.why.iter().map(text).collect()))
            .collect(),
        layers: image.layers.iter().map(|l| text(&l.digest)).collect(),
        changes: facts.versus.as_ref().map(|v| ChangeColumns::of(v.changes)),
    })
}
