use std::fmt::Write;

use crate::place::without_user;
use crate::{Repository, Resolved, Want};

/// The part of a variant that decides which packages are chosen, in one stable text; a lock keeps the
/// digest of it, and a lock whose digest is another one has drifted.
///
/// Format 1: one fact a line, a word and its value; lines of packages sorted, since the order of asking
/// decides nothing. No user information of URLs. Contents of key files are not in it (they are not
/// the recipe's text); neither is what only decides which files of a package are taken, how old an
/// index may be, or what the image's config says.
pub fn request_text(resolved: &Resolved) -> String {
    let mut lines = vec![format!("world {}", resolved.world.as_str())];
    if let Some(distribution) = &resolved.distribution {
        lines.push(format!("distribution {distribution}"));
    }
    if let Some(snapshot) = &resolved.snapshot {
        lines.push(format!("snapshot {}", snapshot.as_str()));
    }
    lines.extend(resolved.repositories.iter().map(repository_line));
    lines.extend(resolved.build_repositories.iter().map(|r| format!("build {}", repository_line(r))));
    if let Some(base) = &resolved.base_image {
        lines.push(format!("base {} {}", base.image.path, base.apkindex.path));
    }
    let mut packages: Vec<String> = resolved.packages.iter().map(package_line).collect();
    packages.sort();
    packages.dedup();
    lines.extend(packages);
    let mut removed: Vec<String> = resolved.removed.iter().map(|name| format!("removed {name}")).collect();
    removed.sort();
    lines.extend(removed);
    let mut archs: Vec<String> = resolved.archs.iter().map(|arch| format!("arch {arch}")).collect();
    archs.sort();
    lines.extend(archs);
    lines.push(String::new());
    lines.join("\n")
}

fn repository_line(repository: &Repository) -> String {
    match repository {
        Repository::Deb(deb) => {
            let mut line = format!("repository deb {} {}", without_user(&deb.uri), deb.suite);
            deb.components.iter().for_each(|c| push(&mut line, "", c));
            if let Some(archs) = &deb.archs {
                let words: Vec<&str> = archs.iter().map(package::Arch::as_str).collect();
                push(&mut line, "arch=", &words.join(","));
            }
            if deb.trusted {
                push(&mut line, "", "trusted");
            }
            if let Some(priority) = deb.priority {
                push(&mut line, "priority=", &priority.to_string());
            }
            line
        }
        Repository::Apk(apk) => {
            let mut line = format!("repository apk {}", without_user(&apk.url));
            apk.tag.iter().for_each(|tag| push(&mut line, "@", tag));
            line
        }
        Repository::Local(local) => {
            let mut line = format!("repository local {}", local.directory.path);
            local.tag.iter().for_each(|tag| push(&mut line, "@", tag));
            line
        }
    }
}

fn push(line: &mut String, word: &str, value: &str) {
    // Writing to a text cannot fail.
    let _ = write!(line, " {word}{value}");
}

fn package_line(ask: &crate::Ask) -> String {
    let mut line = format!("package {}", ask.name);
    if let Some(arch) = &ask.arch {
        line.push(':');
        line.push_str(arch.as_str());
    }
    match &ask.want {
        Want::Any => {}
        Want::Bound { comparison, version } => push(&mut line, comparison.as_str(), &format!(" {version}")),
        Want::Suite(suite) => push(&mut line, "/", suite),
        Want::Apk { constraint, tag } => {
            push(&mut line, "", constraint);
            tag.iter().for_each(|tag| push(&mut line, "@", tag));
        }
    }
    line
}
