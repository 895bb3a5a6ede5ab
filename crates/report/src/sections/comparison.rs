//! Before and after: what people show to each other.

use super::sorting;
use super::summary::notes;
use super::surface::tag;
use crate::compare::{ConfigChange, Mark, PackageChange, tally};
use crate::document::{Facts, Versus};
use crate::escape::html as text;
use crate::size::{change, count, number};
use crate::surface::Category;

pub(crate) fn html(facts: &Facts<'_>, versus: &Versus<'_>) -> String {
    let (before, after) = (versus.image, facts.image);
    let mut out = format!(
        "<ul class=\"legend\"><li><i class=\"was\"></i>Before: <code>{}</code></li><li><i></i>After: <code>{}</code></li></ul>\n\
         <div class=\"versus-bars\">\n",
        text(&before.name),
        text(&after.name)
    );
    for (title, was, now, show) in [
        ("Download", before.compressed(), after.compressed(), diag::bytes as fn(u64) -> String),
        ("Unpacked", before.unpacked(), after.unpacked(), diag::bytes),
        ("Packages", before.packages.len() as u64, after.packages.len() as u64, number),
        ("Files", before.file_count(), after.file_count(), number),
    ] {
        out.push_str(&bars(title, was, now, show));
    }
    out.push_str("</div>\n");
    let before = before.notes.iter().map(|n| format!("Before: {n}")).collect::<Vec<_>>();
    out.push_str(&notes(&before));
    out.push_str(&surfaces(facts, versus));
    out.push_str(&config(versus));
    out.push_str(&packages(versus));
    out.push_str(&paths(versus));
    out
}

fn bars(title: &str, was: u64, now: u64, show: fn(u64) -> String) -> String {
    let most = was.max(now).max(1) as f64;
    let bar = |class: &str, label: &str, n: u64| {
        format!(
            "<div class=\"bar\"><svg viewBox=\"0 0 1000 10\" preserveAspectRatio=\"none\" aria-hidden=\"true\">\
             <rect class=\"{class}\" width=\"{:.1}\" height=\"10\"/></svg><span><span class=\"sr\">{label} </span>{}</span></div>",
            (n as f64 / most * 1000.0).max(if n > 0 { 4.0 } else { 0.0 }),
            show(n)
        )
    };
    let less = if now < was { " class=\"less\"" } else { "" };
    format!(
        "<div><h3>{title} <strong{less}>{}</strong></h3>{}{}</div>\n",
        change(was, now),
        bar("was", "before", was),
        bar("now", "after", now)
    )
}

fn surfaces(facts: &Facts<'_>, versus: &Versus<'_>) -> String {
    let row = |category: Category| {
        format!(
            "<tr><th scope=\"row\">{}</th><td>{}</td><td>{}</td></tr>\n",
            category.title(),
            tag(versus.surface.of_kind(category)),
            tag(facts.surface.of_kind(category))
        )
    };
    let rows: String = Category::ALL.into_iter().map(row).collect();
    format!(
        "<h3 class=\"part\">Attack surface</h3>\n<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Attack surface before and after\">\
         <table><thead><tr><th scope=\"col\">Kind</th><th scope=\"col\">Before</th><th scope=\"col\">After</th></tr></thead>\n\
         <tbody>\n{rows}</tbody></table></div>\n"
    )
}

fn config(versus: &Versus<'_>) -> String {
    let changes = &versus.changes.config;
    if changes.is_empty() {
        return "<h3 class=\"part\">Config</h3>\n<p class=\"lead\">The same.</p>\n".to_owned();
    }
    let marks = changes.iter().map(|c| Mark::of(c.before.as_ref(), c.after.as_ref()));
    let rows: String = changes.iter().map(key).collect();
    format!(
        "<h3 class=\"part\">Config</h3>\n<p class=\"lead\">{}.</p>\n\
         <div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Config before and after\"><table id=\"changed-config\">\
         <thead><tr><th scope=\"col\">Change</th><th scope=\"col\">Key</th><th scope=\"col\">Before</th>\
         <th scope=\"col\">After</th></tr></thead>\n<tbody>\n{rows}</tbody></table></div>\n",
        tally(marks)
    )
}

fn key(change: &ConfigChange) -> String {
    format!(
        "<tr><td>{}</td><th scope=\"row\">{}</th><td>{}</td><td>{}</td></tr>\n",
        marked(Mark::of(change.before.as_ref(), change.after.as_ref())),
        text(&change.key),
        code(change.before.as_deref()),
        code(change.after.as_deref())
    )
}

/// A sign and its word.
fn marked(mark: Mark) -> String {
    format!("{}&nbsp;{}", mark.sign(), mark.word())
}

fn code(value: Option<&str>) -> String {
    value.map(|v| format!("<code>{}</code>", text(v))).unwrap_or_default()
}

fn packages(versus: &Versus<'_>) -> String {
    let changes = versus.changes;
    let heading = format!(
        "<h3 class=\"part\">Packages</h3>\n<p class=\"lead\">{}, {} the same.</p>\n",
        tally(changes.packages.iter().map(PackageChange::mark)),
        number(changes.same_packages)
    );
    if changes.packages.is_empty() {
        return heading;
    }
    let rows: String = changes.packages.iter().map(package).collect();
    format!(
        "{heading}<div class=\"tools\"><label class=\"grow\">Filter the changed packages\
         <input type=\"search\" data-filters=\"changed-packages\" autocomplete=\"off\" spellcheck=\"false\"></label>{}</div>\n\
         <p class=\"status\" id=\"changed-packages-status\" role=\"status\">{}</p>\n\
         <div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Packages that changed\">\
         <table class=\"sortable\" id=\"changed-packages\"><thead><tr>{}{}{}{}{}{}</tr></thead>\n<tbody>\n{rows}</tbody></table></div>\n",
        choice("data-chooses=\"changed-packages\""),
        count(changes.packages.len() as u64, "package", "packages"),
        sorting("Change", "", "none"),
        sorting("Package", "", "ascending"),
        sorting("Version before", "", "none"),
        sorting("Version after", "", "none"),
        sorting("Size before", "n", "none"),
        sorting("Size after", "n", "none"),
    )
}

fn choice(what: &str) -> String {
    format!(
        "<label>Change<select {what}><option value=\"\">All</option><option value=\"+\">Added</option>\
         <option value=\"-\">Removed</option><option value=\"~\">Changed</option></select></label>"
    )
}

fn package(p: &PackageChange) -> String {
    let size = |n: u64, there: bool| {
        format!("<td class=\"n\" data-n=\"{n}\">{}</td>", if there { diag::bytes(n) } else { String::new() })
    };
    format!(
        "<tr data-mark=\"{}\"><td>{}</td><th scope=\"row\">{}</th><td>{}</td><td>{}</td>{}{}</tr>\n",
        p.mark().key(),
        marked(p.mark()),
        text(&p.name),
        code(p.before.as_deref()),
        code(p.after.as_deref()),
        size(p.size_before, p.before.is_some()),
        size(p.size_after, p.after.is_some()),
    )
}

fn paths(versus: &Versus<'_>) -> String {
    let changes = versus.changes;
    let heading = format!(
        "<h3 class=\"part\">Files and directories</h3>\n<p class=\"lead\">{}, {} the same.</p>\n",
        tally(changes.paths.iter().map(|p| p.mark)),
        number(changes.same_paths)
    );
    if changes.paths.is_empty() {
        return heading;
    }
    format!(
        "{heading}<div class=\"only-screen\"><div class=\"tools\" role=\"search\" aria-label=\"Changed paths\">\
         <label class=\"grow\">Search the changed paths, and what changed\
         <input type=\"search\" id=\"change-search\" autocomplete=\"off\" spellcheck=\"false\"></label>{}</div>\n\
         <p class=\"status\" id=\"change-status\" role=\"status\"></p>\n<div class=\"grid\" id=\"change-grid\"></div>\n\
         <div class=\"detail\" id=\"change-detail\" role=\"region\" aria-label=\"The chosen change\" aria-live=\"polite\" hidden></div></div>\n",
        choice("id=\"change-mark\""),
    )
}
