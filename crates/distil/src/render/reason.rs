//! `distil why` for people.

use ops::look::FileKind;
use ops::why::{Appended, PackageWhy, PathWhy, Why};

use super::inspection::one_line;
use super::size::count;
use super::style::escaped;

/// How many of those who need a package, or have a directory, are shown.
const MOST: usize = 20;

pub(crate) fn text(why: &Why) -> String {
    let mut out = String::new();
    if let Some(path) = &why.path {
        out.push_str(&path_lines(path, why.package.is_some()));
    }
    if let Some(package) = &why.package {
        out.push_str(&package_lines(package));
    }
    for package in &why.link_packages {
        out.push_str("the link is of\n");
        out.push_str(&package_lines(package));
    }
    out
}

fn path_lines(path: &PathWhy, owned: bool) -> String {
    let mut out = String::new();
    for link in &path.followed {
        let of = link.package.as_ref().map(|p| format!(" (of {p})")).unwrap_or_default();
        out.push_str(&format!("{} is a link to {}{of}\n", escaped(&link.path), escaped(&link.target)));
    }
    let file = &path.file;
    let leads = match (file.kind, &file.target) {
        (FileKind::Symlink, Some(target)) => format!(" to {}, where nothing is", escaped(target)),
        (FileKind::Hardlink, Some(first)) => format!(", the same file as {}", escaped(first)),
        _ => String::new(),
    };
    let size = if file.size > 0 { format!(", {}", diag::bytes(file.size)) } else { String::new() };
    out.push_str(&format!(
        "{}: {}{leads}, mode {}, owner {}:{}{size}\n",
        escaped(&file.path),
        file.kind.word(),
        file.mode,
        file.uid,
        file.gid
    ));
    for touch in &path.layers {
        let by = touch.created_by.as_deref().map(|by| format!(" ({})", one_line(by))).unwrap_or_default();
        out.push_str(&format!("  layer {} {} it{by}\n", touch.layer, touch.what));
    }
    if !path.below.is_empty() {
        out.push_str("  below it\n");
        for (owner, n) in &path.below {
            let owner = if owner.is_empty() { "of no package" } else { owner };
            out.push_str(&format!("    {n:>6}  {owner}\n"));
        }
    }
    if let Some(appended) = &path.appended {
        out.push_str(&appended_line(appended, &path.unread));
        return out;
    }
    let lines = if path.lines.is_empty() { String::new() } else { format!(" ({})", path.lines.join(", ")) };
    match (&file.made_by, owned) {
        (Some(rule), _) if rule == "recipe" => out.push_str(&format!("  it is the recipe's own{lines}\n")),
        (Some(rule), _) => out.push_str(&format!("  the rule {rule} made it (docs/derived.md)\n")),
        (None, _) if !lines.is_empty() => out.push_str(&format!("  the recipe says how it is{lines}\n")),
        // What is below tells whose it is.
        (None, false) if path.below.is_empty() && !path.packages.is_empty() => {
            out.push_str(&format!("  several packages have it: {}\n", some_of(&path.packages)));
        }
        (None, false) if !path.unread.is_empty() => {
            out.push_str(&format!("  whose it is is not known: {} was not read\n", path.unread.join(", ")))
        }
        (None, false) if path.below.is_empty() => out.push_str("  no package owns it\n"),
        _ => {}
    }
    out
}

/// The first of them.
fn some_of(names: &[String]) -> String {
    let shown = names[..names.len().min(MOST)].join(", ");
    if names.len() <= MOST {
        shown
    } else {
        format!("{shown} and {} more (--json has all)", names.len() - MOST)
    }
}

fn appended_line(appended: &Appended, unread: &[String]) -> String {
    let instead = match (&appended.package, &appended.made_by) {
        (Some(package), _) => format!(", in place of what {package} has there"),
        (None, Some(rule)) if rule == "recipe" => ", in place of the recipe's own".to_owned(),
        (None, Some(rule)) => format!(", in place of what the rule {rule} made"),
        (None, None) if unread.is_empty() => "; no package owns it".to_owned(),
        (None, None) => format!("; whose was there is not known: {} was not read", unread.join(", ")),
    };
    format!("  it came with layer {}, by `distil append`{instead}\n", appended.layer)
}

fn package_lines(package: &PackageWhy) -> String {
    let source = package.source.as_ref().map(|s| format!(", source {s}")).unwrap_or_default();
    let mut out = format!(
        "package {} {} ({} {}{source}): {} in {}, layer {}\n",
        package.name,
        package.version,
        package.kind,
        package.arch,
        diag::bytes(package.size),
        count(package.files as u64, "path", "paths"),
        package.layer,
    );
    for (n, step) in package.chain.iter().enumerate() {
        let indent = "  ".repeat(n + 1);
        let at = step.at.as_ref().map(|at| format!("{at}: ")).unwrap_or_default();
        match n {
            0 if step.because.is_empty() => {
                out.push_str(&format!("{indent}{} {}\n", step.name, step.version))
            }
            0 => out.push_str(&format!(
                "{indent}{} {}: the recipe asks ({at}{})\n",
                step.name, step.version, step.because
            )),
            _ => out.push_str(&format!("{indent}needs {} {} ({})\n", step.name, step.version, step.because)),
        }
    }
    if let Some(asked) = package.asked.as_ref().filter(|_| package.chain.is_empty()) {
        out.push_str(&format!("  the image says so ({})\n", escaped(asked)));
    }
    let needs: Vec<_> = package.needed_by.iter().filter(|need| !need.by.is_empty()).collect();
    match (needs.is_empty(), package.from_build) {
        (true, false) if package.asked.is_some() => {}
        (true, false) => out.push_str("  no package of the image says that it needs it\n"),
        (true, true) => {}
        (false, _) => out.push_str("  needed by\n"),
    }
    for need in needs.iter().take(MOST) {
        out.push_str(&format!("    {} ({})\n", need.by, need.requirement));
    }
    if needs.len() > MOST {
        out.push_str(&format!("    … and {} more (--json has all)\n", needs.len() - MOST));
    }
    out
}
