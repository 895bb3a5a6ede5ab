use std::collections::BTreeSet;

use bstr::{BString, ByteSlice};
use package::Pin;
use recipe::{Strategy, World};
use rootfs::actions::Actions;
use rootfs::path::file_name;
use rootfs::{Entry, MemoryPayload, MergeError, Owner, Rootfs, Tree, WHITEOUT};

use crate::account_uses::Uses;
use crate::accounts::Accounts;
use crate::cut::{Cutter, totals};
use crate::draft::Draft;
use crate::merge::{lost_links, merge_packages, note_sizes, take_parts};
use crate::policy::{self, PolicyError};
use crate::{
    ApkKeyError, AskedError, ComposeInput, Composition, DraftError, GlobError, Note, alternatives, apk_rules,
    certificates, config, derive, layers, library_cache, own, pam, status, steps, upon,
};

/// Why a recipe and its packages make no image.
#[derive(Debug, thiserror::Error)]
pub enum ComposeError {
    /// Two packages are in each other's way.
    #[error(transparent)]
    Merge(#[from] MergeError),
    /// What is said of the packages of an image below.
    #[error("cannot read the packages of the base image: {0}")]
    BasePackages(#[source] apk::ApkError),
    /// Something cannot be put into the tree.
    #[error(transparent)]
    Draft(#[from] DraftError),
    /// A glob of the recipe.
    #[error(transparent)]
    Glob(#[from] GlobError),
    /// A key of the recipe for apk.
    #[error(transparent)]
    ApkKey(#[from] ApkKeyError),
    /// The recipe asks for what cannot be done.
    #[error(transparent)]
    Asked(#[from] AskedError),
    /// The image would not be distroless.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// A certificate of the recipe.
    #[error("cannot trust the certificate {name}: {why}")]
    Certificate {
        /// The file or its name in the recipe.
        name: String,
        /// What is wrong.
        why: &'static str,
    },
    /// The recipe's certificates cannot be added to a package's Java keystore.
    #[error("cannot add certificates to /{path}: it is no Java keystore of trusted certificates (JKS)")]
    Keystore {
        /// The path.
        path: &'static str,
    },
    /// The user of the image is not in `/etc/passwd`.
    #[error("cannot run the image as `{name}`: it has no such user")]
    NoUser {
        /// The name in the recipe.
        name: String,
        /// The users that there are.
        users: Vec<String>,
    },
    /// Two of the user's files at one path.
    #[error("cannot put /{path}: two of `files` go there, {first} and {second}")]
    Twice {
        /// The path.
        path: BString,
        /// The one, as the recipe has it.
        first: String,
        /// The other.
        second: String,
    },
    /// A file whose name layers do not have.
    #[error(
        "cannot put /{path} of {owner} into a layer: there a name that begins with `.wh.` says that a file is gone"
    )]
    Whiteout {
        /// The path.
        path: BString,
        /// Who brings it.
        owner: String,
    },
    /// A file of the user's was not handed over.
    #[error("cannot put {path}: its content was not read")]
    NotRead {
        /// The path in the recipe.
        path: String,
    },
}

impl diag::Explain for ComposeError {
    fn kind(&self) -> diag::Kind {
        match self {
            ComposeError::Merge(e) => e.kind(),
            ComposeError::Draft(e) => e.kind(),
            ComposeError::Glob(e) => e.kind(),
            ComposeError::ApkKey(e) => e.kind(),
            ComposeError::Asked(e) => e.kind(),
            ComposeError::Policy(e) => e.kind(),
            ComposeError::BasePackages(_)
            | ComposeError::Certificate { .. }
            | ComposeError::Keystore { .. }
            | ComposeError::NoUser { .. }
            | ComposeError::Whiteout { .. }
            | ComposeError::Twice { .. } => diag::Kind::Input,
            ComposeError::NotRead { .. } => diag::Kind::Internal,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            ComposeError::Merge(e) => e.hint(),
            ComposeError::Draft(e) => e.hint(),
            ComposeError::Glob(e) => e.hint(),
            ComposeError::ApkKey(e) => e.hint(),
            ComposeError::Asked(e) => e.hint(),
            ComposeError::Policy(e) => e.hint(),
            ComposeError::Certificate { .. } => {
                Some("give a file with `-----BEGIN CERTIFICATE-----` blocks".to_owned())
            }
            ComposeError::NoUser { users, .. } => {
                let text = match users.as_slice() {
                    [] => "the image has no users (no package brings `/etc/passwd`)".to_owned(),
                    users => format!("the image has the users {}", users.join(", ")),
                };
                Some(format!("{text}; add one under `accounts: {{users: […]}}`, or use its number"))
            }
            ComposeError::Twice { .. } => Some(
                "take one of the two away; `files` of includes and variants are one list, in which none is \
                 the last word"
                    .to_owned(),
            ),
            ComposeError::Keystore { path } => {
                Some(format!("leave the keystore out (`drop: [/{path}]`), or make it with `-storetype JKS`"))
            }
            ComposeError::Whiteout { path, .. } => {
                Some(format!("give it another name, or leave it out (`drop: [/{path}]`)"))
            }
            ComposeError::BasePackages(_) | ComposeError::NotRead { .. } => None,
        }
    }

    fn excerpt(&self) -> Option<diag::Excerpt> {
        match self {
            ComposeError::Asked(e) => e.excerpt(),
            _ => None,
        }
    }

    fn details(&self) -> Vec<String> {
        match self {
            ComposeError::Policy(e) => e.details(),
            _ => Vec::new(),
        }
    }
}

/// Makes a composition of unpacked packages, the user's files and a recipe.
///
/// # Errors
/// Two packages on one path, globs or certificates that are none, paths that cannot be made, and
/// whatever is against the distroless policy of a recipe of deb packages.
pub fn compose(mut input: ComposeInput<'_>) -> Result<Composition, ComposeError> {
    let recipe = input.recipe;
    let deb = recipe.world == World::Deb;
    let mtime = input.epoch.unwrap_or(0);
    let pins: Vec<&Pin> = input.packages.iter().map(|p| p.pin).collect();
    let mut notes = Vec::new();

    // What rules read of packages they read before anything of them is left out.
    let authorities = input.packages.iter().find(|p| p.pin.name == "ca-certificates").filter(|_| deb);
    let authorities = authorities.map(|p| certificates::of_package(&p.tree)).unwrap_or_default();
    let mut actions = Actions::default();
    for package in &mut input.packages {
        actions.append(std::mem::take(&mut package.actions));
    }

    // merge
    let (mut cuts, mut sizes) = take_parts(&mut input)?;
    // apk's database says of a file what its package does, whatever became of it.
    let trees = match recipe.world {
        World::Deb => input.packages.iter_mut().map(|p| std::mem::take(&mut p.tree)).collect(),
        World::Apk => input.packages.iter().map(|p| p.tree.clone()).collect::<Vec<Tree>>(),
    };
    let tree = merge_packages(&input, trees, &actions, mtime)?;
    let lost = if deb { Vec::new() } else { lost_links(&input.packages, &tree) };
    let tree = upon_base(&input, tree)?;
    let mut draft = Draft::new(tree, input.bodies, MemoryPayload::new(input.derived), mtime);
    if recipe.world == World::Apk {
        notes.extend(lost);
        notes.extend(apk_rules::begin(&mut draft, &mut actions)?);
        // Whom names in the archives mean, only a merged tree tells.
        if let Some(trees) = apk_rules::owned_trees(&draft, &input.packages, &actions)? {
            draft.take(upon_base(&input, merge_packages(&input, trees, &actions, mtime)?)?);
        }
    }
    let mut accounts = Accounts::gather(&draft, recipe, &actions)?;
    let not_taken: BTreeSet<BString> = cuts.iter().map(|c| c.path.clone()).collect();
    notes.extend(steps::apply(&mut draft, &actions.steps, &accounts, &not_taken)?);
    steps::apply_overrides(&mut draft, &actions.overrides, &accounts);
    let mut uses = Uses::default();
    if deb {
        // Before the cut, since a unit tells as whom a program is meant to run.
        uses.add_configuration(&draft)?;
        uses.add_actions(&actions);
        uses.add_recipe(&input);
    }

    // cut
    let mut tree = draft.give();
    note_sizes(&tree, &mut sizes);
    cuts.extend(Cutter::new(recipe.slim, &recipe.keep, &recipe.drop)?.apply(&mut tree));
    draft.take(tree);

    // derive
    match recipe.world {
        World::Deb => {
            uses.add_owners(draft.entries.values());
            accounts.add_used(&uses);
            notes.extend(derive_deb(&mut draft, &input, &mut accounts, &actions, &authorities)?);
        }
        World::Apk => notes.extend(apk_rules::derive(&mut draft, &input, &accounts, &actions)?),
    }
    notes.extend(remarks(&draft, &input));

    // policy
    let uid = user_of(&input, &accounts)?;
    let violations = policy::check(&draft, recipe, uid, &pins);
    if deb && !violations.is_empty() {
        return Err(PolicyError { violations }.into());
    }

    // layers
    check_names(draft.entries.values(), &pins)?;
    let names = status::names(&input);
    let mut tree = draft.give();
    if let Some(base) = &input.base {
        tree = upon::difference(base, &tree, &mut draft.derived);
    }
    let mut groups = layers::split(&tree, &input.packages, &names, recipe.layering);
    if recipe.world == World::Apk && recipe.layering.strategy == Strategy::Origin {
        apk_rules::add_databases(&mut groups, &tree, &input.packages, &mut draft.derived);
    }
    cuts.sort_by(|a, b| (&a.path, a.owner).cmp(&(&b.path, b.owner)));
    let totals = totals(&cuts, |cut| sizes.get(&(cut.owner, cut.path.clone())).copied());
    let created = input.epoch.unwrap_or_else(|| newest(&tree, &input));
    let mut made: Vec<_> = std::mem::take(&mut draft.made).into_iter().collect();
    made.retain(|(path, _)| tree.get(path).is_some());
    Ok(Composition {
        groups,
        config: match &input.base {
            Some(base) => upon::config(base.config, config::config(recipe, None, created)),
            None => config::config(recipe, uid, created),
        },
        created,
        made: made.into_iter().map(|(path, rule)| crate::Made { path, rule }).collect(),
        cuts: totals,
        reported: violations,
        notes,
        derived: draft.derived,
        rootfs: Rootfs { lower: input.base.map(|base| base.tree.clone()), tree, cut: cuts },
    })
}

/// Whiteouts are what layers of ours say of the image below, never a file of anybody's (image-spec, layer.md).
fn check_names<'e>(mut entries: impl Iterator<Item = &'e Entry>, pins: &[&Pin]) -> Result<(), ComposeError> {
    let found = entries.find(|e| file_name(e.path.as_bstr()).starts_with(WHITEOUT));
    let Some(Entry { path, owner, .. }) = found else { return Ok(()) };
    let owner = match owner {
        Owner::Package(n) => pins.get(*n as usize).map(|p| format!("the package {}", p.name)),
        Owner::User => Some("the recipe".to_owned()),
        Owner::Derived | Owner::Implicit => None,
    };
    let owner = owner.unwrap_or_else(|| "a package's script".to_owned());
    Err(ComposeError::Whiteout { path: path.clone(), owner })
}

/// What installation makes of packages of Debian's, with the user's own files where they belong.
fn derive_deb(
    draft: &mut Draft<'_>,
    input: &ComposeInput<'_>,
    accounts: &mut Accounts,
    actions: &Actions,
    authorities: &[(BString, rootfs::Body)],
) -> Result<Vec<Note>, ComposeError> {
    accounts.write(draft, input.recipe)?;
    derive::directories(draft)?;
    derive::os_release(draft, input.recipe)?;
    derive::name_service(draft)?;
    derive::local_time(draft)?;
    derive::character_sets(draft)?;
    alternatives::apply(draft, &actions.alternatives)?;
    derive::shells(draft, &actions.shells)?;
    pam::make(draft)?;
    own::put_files(draft, input)?;
    let notes = certificates::make(draft, input, authorities)?;
    library_cache::make(draft, input)?;
    own::change_paths(draft, input.recipe)?;
    // Only now, since the user's own files may be what the links lead to.
    derive::settle_aliases(draft);
    status::write(draft, input)?;
    Ok(notes)
}

fn upon_base(input: &ComposeInput<'_>, tree: Tree) -> Result<Tree, ComposeError> {
    match &input.base {
        Some(base) => upon::stacked(base, &input.packages, input.bodies, tree),
        None => Ok(tree),
    }
}

/// When the image was made, if nobody says: of apk packages when the newest was built, as apko has it;
/// else the newest time of a file.
fn newest(tree: &Tree, input: &ComposeInput<'_>) -> i64 {
    match input.recipe.world {
        World::Deb => layers::newest(tree),
        World::Apk => {
            let built = input.packages.iter().filter_map(|p| p.apk()).map(|files| files.info.build_time);
            // Never older than what it stands upon.
            let below = input.base.and_then(|base| upon::newest(base.installed));
            built
                .chain(below)
                .max()
                .and_then(|t| i64::try_from(t).ok())
                .unwrap_or_else(|| layers::newest(tree))
        }
    }
}

fn user_of(input: &ComposeInput<'_>, accounts: &Accounts) -> Result<Option<u32>, ComposeError> {
    if let Some(base) = &input.base {
        return Ok(upon::user(base, accounts));
    }
    let Some(run_as) = &input.recipe.run_as else { return Ok(None) };
    match accounts.run_as(run_as) {
        Some(uid) => Ok(Some(uid)),
        None => Err(ComposeError::NoUser { name: run_as.to_string(), users: accounts.names() }),
    }
}

fn remarks(draft: &Draft<'_>, input: &ComposeInput<'_>) -> Vec<Note> {
    let mut notes = Vec::new();
    for package in input.packages.iter().filter(|p| p.deb().is_some_and(|r| !r.control.is_empty())) {
        let path = format!("usr/share/doc/{}/copyright", package.pin.name);
        if draft.body(path.as_bytes().as_bstr()).is_none() {
            notes.push(Note::NoCopyright { package: package.pin.name.clone() });
        }
    }
    if derive::has_python(draft) {
        notes.push(Note::PythonNotCompiled);
    }
    notes
}
