use apk::scripts::Owners;
use apk::{Installed, write_installed, write_scripts, write_triggers, write_world};
use bstr::BStr;
use package::parse_dependency;
use recipe::{Resolved, Want};
use rootfs::actions::Actions;
use rootfs::{Entry, Node, Owner, Tree};

use crate::draft::{Draft, DraftError};
use crate::{ComposeInput, Rule, upon};

/// apk's state, by path, with its mode: where apk and scanners look. A `/lib` that is a link leads to
/// `/usr/lib/apk/db`.
///
/// apko has `/usr/lib/apk/db` always, and a link `/lib/apk`; but scanners that read layers as they lie find
/// nothing there (trivy until 0.59), and Alpine's own apk makes it here.
const FILES: [(&str, u32); 7] = [
    ("lib/apk/db/installed", 0o644),
    ("lib/apk/db/triggers", 0o644),
    ("lib/apk/db/scripts.tar", 0o644),
    ("lib/apk/db/lock", 0o600),
    ("etc/apk/world", 0o644),
    ("etc/apk/arch", 0o644),
    ("etc/apk/repositories", 0o644),
];

/// What an image below has of it.
#[derive(Default)]
pub(super) struct Below {
    triggers: Vec<u8>,
    scripts: Vec<u8>,
    world: Option<Vec<u8>>,
}

/// Puts the files of apk's state where they are: before the user's own files, which take their place, and
/// `paths:`, which may change their modes and owners, as with apko. What stands in them depends on the
/// finished tree: [`finish`].
pub(super) fn begin(draft: &mut Draft<'_>) -> Result<Below, DraftError> {
    let text = |path: &str| draft.read(BStr::new(path));
    let below = Below {
        triggers: text("lib/apk/db/triggers")?.unwrap_or_default(),
        scripts: text("lib/apk/db/scripts.tar")?.unwrap_or_default(),
        world: text("etc/apk/world")?,
    };
    for (path, mode) in FILES {
        draft.put_file(path, b"", mode, Rule::ApkState)?;
    }
    Ok(below)
}

/// Writes apk's database and settings, over the tree as it is now: `installed`, `triggers`, `scripts.tar`
/// and `lock`; what was asked for, the architecture, the repositories. What the user put there stays.
pub(super) fn finish(
    draft: &mut Draft<'_>,
    input: &ComposeInput<'_>,
    below: &Below,
) -> Result<(), DraftError> {
    let arch = input.arch.apk().unwrap_or_default();
    let mut installed = installed(draft, input, arch)?;
    let all = || input.packages.iter().filter_map(crate::PackageTree::apk);
    let mut scripts = write_scripts(all(), u64::try_from(draft.mtime).unwrap_or(0));
    let mut triggers = write_triggers(all());
    let mut world = world(input.recipe);
    if let Some(base) = &input.base {
        triggers = [below.triggers.as_slice(), &triggers].concat().into();
        scripts = upon::archives(&below.scripts, &scripts);
        let records = upon::records(base, input.bodies)?;
        world = upon::world(below.world.as_deref(), &records, &world);
        let theirs = upon::without(&records, &|path| belongs_to(draft, path, Owner::Implicit));
        installed = upon::installed(&theirs, &installed);
    }
    let arch = format!("{arch}\n");
    let repositories = input.recipe.apk_repository_lines().join("\n") + "\n";
    let contents: [&[u8]; FILES.len()] =
        [&installed, &triggers, &scripts, b"", &world, arch.as_bytes(), repositories.as_bytes()];
    for ((path, _), content) in FILES.into_iter().zip(contents) {
        let real = draft.real(BStr::new(path), false)?;
        let body = draft.derived.add(content);
        let entry = draft.entries.get_mut(&real);
        // Its other names, which `paths:` made, lead to it.
        if let Some(entry) = entry.filter(|e| e.owner == Owner::Derived && matches!(e.node, Node::File(_))) {
            entry.node = Node::File(body);
        }
    }
    Ok(())
}

fn installed(draft: &Draft<'_>, input: &ComposeInput<'_>, arch: &str) -> Result<bstr::BString, DraftError> {
    let with_record = || input.packages.iter().enumerate().filter_map(|(n, p)| Some((n, p, p.apk()?)));
    let text = |path: &str| draft.read(BStr::new(path)).map(Option::unwrap_or_default);
    let (passwd, group) = (text("etc/passwd")?, text("etc/group")?);
    let owners = Owners::of(BStr::new(&passwd), BStr::new(&group), &Actions::default());
    let owned: Vec<Option<Tree>> =
        with_record().map(|(_, p, files)| owners.applied(&p.tree, files)).collect();
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
    if is_dir {
        return draft.real(path, true).is_ok_and(|real| draft.entries.get(&real).is_some_and(Entry::is_dir));
    }
    u32::try_from(package).is_ok_and(|n| belongs_to(draft, path, Owner::Package(n)))
}

/// Is a file of this owner there, or what a rule of ours made of it?
fn belongs_to(draft: &Draft<'_>, path: &BStr, whose: Owner) -> bool {
    let Ok(real) = draft.real(path, false) else { return false };
    let Some(entry) = draft.entries.get(&real).filter(|e| !e.is_dir()) else { return false };
    match entry.owner {
        Owner::Derived => draft.instead_of.get(&real) == Some(&whose),
        owner => owner == whose,
    }
}

/// What the recipe asks for, in apk's spelling. apk's world has one line of a name, and the last one counts
/// for the solver, too: an earlier one would contradict the image.
fn world(recipe: &Resolved) -> bstr::BString {
    let recipe = recipe.with_last_words();
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
