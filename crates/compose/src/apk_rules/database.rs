use apk::scripts::with_owners;
use apk::{Installed, write_installed, write_scripts, write_triggers, write_world};
use bstr::BStr;
use package::parse_dependency;
use recipe::{Resolved, Want};
use rootfs::{Entry, Owner, Tree};

use crate::draft::{Draft, DraftError};
use crate::{ComposeInput, Rule, upon};

/// Where apk and scanners look. A `/lib` that is a link leads to `/usr/lib/apk/db`.
///
/// apko has `/usr/lib/apk/db` always, and a link `/lib/apk`; but scanners that read layers as they lie find
/// nothing there (trivy until 0.59), and Alpine's own apk makes it here.
const FOLDER: &str = "lib/apk/db";

/// Writes apk's database and settings, over the tree as it is now: `installed`, `triggers`, `scripts.tar`
/// and `lock`; what was asked for, the architecture, the repositories.
pub(super) fn make(draft: &mut Draft<'_>, input: &ComposeInput<'_>) -> Result<(), DraftError> {
    let arch = input.arch.apk().unwrap_or_default();
    let mut installed = installed(draft, input, arch)?;
    let all = || input.packages.iter().filter_map(crate::PackageTree::apk);
    let mut scripts = write_scripts(all(), u64::try_from(draft.mtime).unwrap_or(0));
    let mut triggers = write_triggers(all());
    let mut world = world(input.recipe);
    if let Some(base) = &input.base {
        let text = |path: String| draft.read(BStr::new(&path));
        let first = text(format!("{FOLDER}/triggers"))?.unwrap_or_default();
        triggers = [first, triggers.into()].concat().into();
        let first = text(format!("{FOLDER}/scripts.tar"))?.unwrap_or_default();
        scripts = upon::archives(&first, &scripts);
        world = upon::world(text("etc/apk/world".to_owned())?.as_deref(), base.installed, &world);
        installed = upon::installed(base.installed, &installed);
    }
    let lines = input.recipe.apk_repository_lines();
    for (path, bytes, mode) in [
        (format!("{FOLDER}/installed"), installed.as_slice(), 0o644),
        (format!("{FOLDER}/triggers"), triggers.as_slice(), 0o644),
        (format!("{FOLDER}/scripts.tar"), scripts.as_slice(), 0o644),
        (format!("{FOLDER}/lock"), b"", 0o600),
        ("etc/apk/world".to_owned(), world.as_slice(), 0o644),
        ("etc/apk/arch".to_owned(), format!("{arch}\n").as_bytes(), 0o644),
        ("etc/apk/repositories".to_owned(), (lines.join("\n") + "\n").as_bytes(), 0o644),
    ] {
        draft.put_file(&path, bytes, mode, Rule::ApkState)?;
    }
    Ok(())
}

fn installed(draft: &Draft<'_>, input: &ComposeInput<'_>, arch: &str) -> Result<bstr::BString, DraftError> {
    let with_record = || input.packages.iter().enumerate().filter_map(|(n, p)| Some((n, p, p.apk()?)));
    let text = |path: &str| draft.read(BStr::new(path)).map(Option::unwrap_or_default);
    let (passwd, group) = (text("etc/passwd")?, text("etc/group")?);
    let owned: Vec<Option<Tree>> = with_record()
        .map(|(_, p, files)| with_owners(&p.tree, files, BStr::new(&passwd), BStr::new(&group)))
        .collect();
    let packages: Vec<Installed<'_>> = with_record()
        .zip(&owned)
        .map(|((_, p, files), owned)| {
            let tree = owned.as_ref().unwrap_or(&p.tree);
            Installed { files, tree, size: p.pin.size, arch, tag: p.pin.tag.as_deref() }
        })
        .collect();
    let numbers: Vec<usize> = with_record().map(|(n, _, _)| n).collect();
    let listed = |n: usize, path: &BStr| is_listed(draft, packages[n].tree.get(path), path, numbers[n]);
    Ok(write_installed(&packages, &listed))
}

/// Is the path still there, and still this package's? A file that a rule of ours completed is (`passwd`),
/// one that the user gave is not. Directories are everybody's.
fn is_listed(draft: &Draft<'_>, brought: Option<&Entry>, path: &BStr, package: usize) -> bool {
    let is_dir = brought.is_none_or(Entry::is_dir);
    let Ok(real) = draft.real(path, is_dir) else { return false };
    let Some(entry) = draft.entries.get(&real) else { return false };
    if entry.is_dir() {
        return is_dir;
    }
    let owner = match entry.owner {
        Owner::Derived => draft.instead_of.get(&real).copied(),
        owner => Some(owner),
    };
    owner == u32::try_from(package).ok().map(Owner::Package)
}

/// What the recipe asks for, in apk's spelling. apk's world has one line of a name, and the last one counts
/// for the solver, too: an earlier one would contradict the image.
fn world(recipe: &Resolved) -> bstr::BString {
    let asked = recipe.packages.iter().map(|ask| match &ask.want {
        Want::Apk { constraint, tag: Some(tag) } => format!("{}@{tag}{constraint}", ask.name),
        Want::Apk { constraint, tag: None } => format!("{}{constraint}", ask.name),
        _ => ask.name.clone(),
    });
    let removed = recipe.removed.iter().map(|name| format!("!{name}"));
    let spelled = asked.chain(removed).map(|text| match parse_dependency(&text) {
        Ok(dependency) => dependency.to_string(),
        Err(_) => text,
    });
    let mut lines: Vec<String> = Vec::new();
    for line in spelled {
        let name = |text: &str| parse_dependency(text).map(|d| d.name.to_owned()).ok();
        lines.retain(|earlier| name(earlier).is_none() || name(earlier) != name(&line));
        lines.push(line);
    }
    write_world(lines.iter().map(String::as_str))
}
