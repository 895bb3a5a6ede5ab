//! What a reader wants to know first.

use super::{code_or, command_line, definition};
use crate::document::Facts;
use crate::escape;
use crate::page::Image;
use crate::size::{count, number};
use crate::surface::Category;

pub(crate) fn html(facts: &Facts<'_>) -> String {
    let image = facts.image;
    let mut out = String::from("<dl class=\"facts\">\n");
    let (kinds, known) = (facts.surface.kinds(), facts.surface.known());
    let unknown = match Category::ALL.len() as u64 - known {
        0 => String::new(),
        n => format!(", {n} not known"),
    };
    let owners = image.files.iter().filter(|f| f.package.is_none() && !is_directory(f)).count() as u64;
    for (term, value, more) in [
        ("Download", diag::bytes(image.compressed()), count(image.layers.len() as u64, "layer", "layers")),
        ("Unpacked", diag::bytes(image.unpacked()), "what a container sees".to_owned()),
        ("Packages", number(image.packages.len() as u64), kinds_of_packages(image)),
        ("Files", number(image.file_count()), format!("{} of no package", number(owners))),
        ("Attack surface", format!("{kinds} of {known}"), format!("kinds found{unknown}")),
        ("Runs as", escape::html(&user(image)), user_line(image)),
    ] {
        out.push_str(&format!("<div><dt>{term}</dt><dd>{value}</dd><dd class=\"more\">{more}</dd></div>\n"));
    }
    out.push_str("</dl>\n<dl class=\"plain\">\n");
    let config = &image.config;
    let command = [command_line(&config.entrypoint), command_line(&config.cmd)];
    out.push_str(&definition(
        "Starts",
        &code_or(command.join(" ").trim(), "nothing: a command must be given"),
    ));
    out.push_str(&definition("Platforms", &escape::html(&image.platforms.join(", "))));
    out.push_str(&definition("Made by", &code_or(&image.made_by, "nobody says")));
    out.push_str("</dl>\n");
    out.push_str(&notes(&image.notes));
    out
}

/// What must be known of what the page says.
pub(super) fn notes(notes: &[String]) -> String {
    if notes.is_empty() {
        return String::new();
    }
    let items: String = notes.iter().map(|n| format!("<li>{}</li>", escape::html(n))).collect();
    format!("<ul class=\"notes\">{items}</ul>\n")
}

fn is_directory(file: &crate::page::File) -> bool {
    file.kind == crate::page::FileKind::Directory
}

fn kinds_of_packages(image: &Image) -> String {
    let kinds: std::collections::BTreeSet<&str> = image.packages.iter().map(|p| p.kind.as_str()).collect();
    let kinds: Vec<&str> = kinds.into_iter().filter(|k| !k.is_empty()).collect();
    if kinds.is_empty() { "none recorded".to_owned() } else { escape::html(&kinds.join(", ")) }
}

fn user(image: &Image) -> String {
    let user = &image.config.run_as;
    if user.is_root() { "root".to_owned() } else { user.text.clone() }
}

fn user_line(image: &Image) -> String {
    let user = &image.config.run_as;
    match user.uid {
        Some(0) => "inside the container".to_owned(),
        Some(uid) if uid.to_string() != user.text => format!("user {uid}"),
        Some(_) => "not root".to_owned(),
        None => "a name that the image does not know".to_owned(),
    }
}
