//! Before and after: what people show to each other.

use super::sorting;
use super::surface::tag;
use crate::compare::{Mark, PackageChange};
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
    out.push_str(&surfaces(facts, versus));
    out.push_str(&packages(versus));
    out.push_str(&files(versus));
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

fn packages(versus: &Versus<'_>) -> String {
    let comparison = &versus.comparison;
    let heading = format!(
        "<h3 class=\"part\">Packages</h3>\n<p class=\"lead\">{} added, {} removed, {} changed, {} the same.</p>\n",
        number(comparison.packages_with(Mark::Added)),
        number(comparison.packages_with(Mark::Removed)),
        number(comparison.packages_with(Mark::Changed)),
        number(comparison.same_packages)
    );
    if comparison.packages.is_empty() {
        return heading;
    }
    let rows: String = comparison.packages.iter().map(package).collect();
    format!(
        "{heading}<div class=\"tools\"><label class=\"grow\">Filter the changed packages\
         <input type=\"search\" data-filters=\"changed-packages\" autocomplete=\"off\" spellcheck=\"false\"></label>{}</div>\n\
         <p class=\"status\" id=\"changed-packages-status\" role=\"status\">{}</p>\n\
         <div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Packages that changed\">\
         <table class=\"sortable\" id=\"changed-packages\"><thead><tr>{}{}{}{}{}{}</tr></thead>\n<tbody>\n{rows}</tbody></table></div>\n",
        choice("data-chooses=\"changed-packages\""),
        count(comparison.packages.len() as u64, "package", "packages"),
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
    let code = |t: &str| if t.is_empty() { String::new() } else { format!("<code>{}</code>", text(t)) };
    let size = |n: u64, there: bool| {
        format!("<td class=\"n\" data-n=\"{n}\">{}</td>", if there { diag::bytes(n) } else { String::new() })
    };
    format!(
        "<tr data-mark=\"{}\"><td>{} {}</td><th scope=\"row\">{}</th><td>{}</td><td>{}</td>{}{}</tr>\n",
        if p.mark == Mark::Removed { '-' } else { p.mark.sign() },
        p.mark.sign(),
        p.mark.word(),
        text(&p.name),
        code(&p.before),
        code(&p.after),
        size(p.size_before, p.mark != Mark::Added),
        size(p.size_after, p.mark != Mark::Removed),
    )
}

fn files(versus: &Versus<'_>) -> String {
    let comparison = &versus.comparison;
    format!(
        "<h3 class=\"part\">Files</h3>\n<p class=\"lead\">{} added, {} removed, {} changed, {} the same.</p>\n\
         <div class=\"only-screen\"><div class=\"tools\" role=\"search\" aria-label=\"Changed files\">\
         <label class=\"grow\">Search the changed paths<input type=\"search\" id=\"change-search\" autocomplete=\"off\" spellcheck=\"false\"></label>{}</div>\n\
         <p class=\"status\" id=\"change-status\" role=\"status\"></p>\n<div class=\"grid\" id=\"change-grid\"></div></div>\n",
        number(comparison.files_with(Mark::Added)),
        number(comparison.files_with(Mark::Removed)),
        number(comparison.files_with(Mark::Changed)),
        number(comparison.same_files),
        choice("id=\"change-mark\""),
    )
}
