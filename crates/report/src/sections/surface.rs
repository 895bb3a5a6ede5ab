//! What somebody who broke in would find.

use crate::document::Facts;
use crate::escape;
use crate::size::{count, number};
use crate::surface::{Category, Finding};

/// So many paths are listed; the explorer has them all.
const MOST: usize = 300;

pub(crate) fn html(facts: &Facts<'_>) -> String {
    let mut out = String::from(
        "<p class=\"lead\">What somebody who broke into the application would find to work with, by names, modes and \
         the policy of distroless images.</p>\n<ul class=\"findings\">\n",
    );
    for finding in &facts.surface.findings {
        let before = facts.versus.as_ref().map(|v| v.surface.of_kind(finding.category));
        out.push_str(&card(finding, before));
    }
    out.push_str("</ul>\n");
    out
}

fn card(finding: &Finding, before: Option<&Finding>) -> String {
    let before = before.map(|f| format!("<p>Before: {}</p>", tag(f))).unwrap_or_default();
    format!(
        "<li><div class=\"head\"><h3>{}</h3>{}</div><p>{}</p>{before}{}</li>\n",
        finding.category.title(),
        tag(finding),
        finding.category.meaning(),
        paths(finding),
    )
}

/// The verdict in a word and a colour.
pub(crate) fn tag(finding: &Finding) -> String {
    match (finding.category, finding.what.len() as u64) {
        _ if finding.unknown => "<span class=\"tag\">not known</span>".to_owned(),
        _ if finding.all => "<span class=\"tag bad\">▲ all</span>".to_owned(),
        (Category::RootUser, 0) => "<span class=\"tag good\">✓ no</span>".to_owned(),
        (Category::RootUser, _) => "<span class=\"tag bad\">▲ yes</span>".to_owned(),
        (_, 0) => "<span class=\"tag good\">✓ none</span>".to_owned(),
        // Its own data: there to be judged, no fault.
        (Category::Writable, n) => format!("<span class=\"tag\">{}</span>", number(n)),
        (_, n) => format!("<span class=\"tag bad\">▲ {}</span>", number(n)),
    }
}

fn paths(finding: &Finding) -> String {
    if finding.what.is_empty() {
        return String::new();
    }
    if finding.category == Category::RootUser {
        return format!("<p><code>{}</code></p>", escape::html(&finding.what.join(", ")));
    }
    let mut items: String = finding
        .what
        .iter()
        .take(MOST)
        .map(|p| format!("<li><code>{}</code></li>", escape::html(p)))
        .collect();
    if finding.what.len() > MOST {
        items.push_str(&format!("<li>and {} more</li>", number((finding.what.len() - MOST) as u64)));
    }
    let label = count(finding.what.len() as u64, "path", "paths");
    format!(
        "<details><summary>Show {label}<span class=\"sr\"> of {title}</span></summary>\
         <ul tabindex=\"0\" aria-label=\"{title}\">{items}</ul></details>",
        title = finding.category.title()
    )
}
