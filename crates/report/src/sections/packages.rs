//! The packages: a table that is sorted and filtered.

use super::{number_cell, sorting};
use crate::document::Facts;
use crate::escape::html as text;
use crate::page::Package;
use crate::size::{count, number};

pub(crate) fn html(facts: &Facts<'_>) -> String {
    let packages = &facts.image.packages;
    if packages.is_empty() {
        return "<p class=\"lead\">Nothing in the image records a package.</p>\n".to_owned();
    }
    let mut rows: Vec<(usize, &Package)> = packages.iter().enumerate().collect();
    rows.sort_by(|(i, a), (j, b)| (&a.name, &a.version, i).cmp(&(&b.name, &b.version, j)));
    let with_why = packages.iter().any(|p| !p.why.is_empty());
    let body: String = rows.iter().map(|(i, p)| row(*i, p, facts.owned[*i], with_why)).collect();
    let why = if with_why { "<th scope=\"col\">Why</th>" } else { "" };
    format!(
        "<div class=\"tools\"><label class=\"grow\">Filter by name, version, licence or reason\
         <input type=\"search\" data-filters=\"package-table\" autocomplete=\"off\" spellcheck=\"false\"></label></div>\n\
         <p class=\"status\" id=\"package-table-status\" role=\"status\">{}</p>\n\
         <div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Table of packages\"><table class=\"sortable\" id=\"package-table\">\n\
         <thead><tr>{}{}{}{}{}{why}</tr></thead>\n<tbody>\n{body}</tbody></table></div>\n",
        count(packages.len() as u64, "package", "packages"),
        sorting("Name", "", "ascending"),
        sorting("Version", "", "none"),
        sorting("Size", "n", "none"),
        sorting("Files", "n", "none"),
        sorting("Licence", "", "none"),
    )
}

fn row(at: usize, package: &Package, (size, files): (u64, u64), with_why: bool) -> String {
    let why = match (with_why, package.why.as_slice()) {
        (false, _) => String::new(),
        (true, []) => "<td class=\"why\">–</td>".to_owned(),
        (true, reasons) => format!("<td class=\"why\">{}</td>", text(&reasons.join(" ← "))),
    };
    let licence = if package.licence.is_empty() { "–".to_owned() } else { text(&package.licence) };
    format!(
        "<tr><th scope=\"row\"><button type=\"button\" class=\"link\" data-package=\"{at}\" title=\"Show its files\">{}</button></th>\
         <td><code>{}</code></td>{}{}<td class=\"licence\">{licence}</td>{why}</tr>\n",
        text(&package.name),
        text(&package.version),
        number_cell(size, &diag::bytes(size)),
        number_cell(files, &number(files)),
    )
}
