//! How the image runs, as its config says, and what is written on it.

use super::{code_or, command_line, definition};
use crate::escape::html as text;
use crate::page::Image;

pub(crate) fn html(image: &Image) -> String {
    let config = &image.config;
    let or = |value: &str, none: &str| if value.is_empty() { none.to_owned() } else { value.to_owned() };
    let mut out = String::from("<dl class=\"plain\">\n");
    for (term, html) in [
        ("User", code_or(&config.run_as.text, "not set: root")),
        ("Entrypoint", code_or(&command_line(&config.entrypoint), "none")),
        ("Command", code_or(&command_line(&config.cmd), "none")),
        ("Working directory", code_or(&or(&config.working_dir, "/"), "/")),
        ("Environment", list(&config.env)),
        ("Ports", list(&config.ports)),
        ("Volumes", list(&config.volumes)),
        ("Stop signal", code_or(&or(&config.stop_signal, "SIGTERM"), "SIGTERM")),
        ("Health check", code_or(&command_line(&config.healthcheck), "none")),
        ("Labels", pairs(&config.labels)),
        ("Annotations", pairs(&config.annotations)),
        ("Created", code_or(image.created.as_deref().unwrap_or_default(), "no time")),
    ] {
        out.push_str(&definition(term, &html));
    }
    for (key, value) in &config.others {
        out.push_str(&definition(&text(key), &code_or(value, "none")));
    }
    out.push_str("</dl>\n");
    out
}

fn list(values: &[String]) -> String {
    if values.is_empty() {
        return code_or("", "none");
    }
    let items: String = values.iter().map(|v| format!("<li><code>{}</code></li>", text(v))).collect();
    format!("<ul>{items}</ul>")
}

fn pairs(values: &[(String, String)]) -> String {
    list(&values.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>())
}
