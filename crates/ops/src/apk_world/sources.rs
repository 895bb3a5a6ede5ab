//! From a recipe's distribution and repositories to the indexes that are read.

use diag::{Diagnostic, Kind};
use package::Arch;
use recipe::archives::{Archive, KeySet, archive_of};
use recipe::{BaseImage, KeySource, LocalPath, Repository, Resolved};
use solve::apk::Compat;

use crate::place::{Place, check_names, id_of};
use crate::recipes::{Loaded, find};
use crate::request::LockPlace;
use crate::shop::Shop;

/// The repositories of a recipe, and who may sign them.
pub(crate) struct Repositories {
    /// Those of all variants, each once.
    pub(crate) list: Vec<Source>,
    /// The keys of all variants. By them something may be looked at, but not taken: whether a variant
    /// takes what is signed is a matter of its own keys.
    pub(crate) trusted: Trusted,
    /// What each variant named itself, in the order of the variants.
    pub(crate) shares: Vec<Share>,
    /// The image below, of all variants.
    pub(crate) base: Option<BaseImage>,
    /// Whose verdict is wanted.
    pub(crate) compat: Compat,
    /// A package must be there for all architectures in the same version.
    pub(crate) alike: bool,
    /// An index that nobody signed, or nobody known, is taken by the user's word.
    pub(crate) ignore_signatures: bool,
}

/// Who may sign. As on a system of apk's, a key counts for all repositories of the image.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Trusted {
    /// Keys that the recipe names.
    pub(crate) keyring: Vec<KeySource>,
    /// Keys of distributions that are part of the program.
    pub(crate) builtin: Vec<KeySet>,
}

/// From where one variant takes packages, and whom it trusts. What another names is nothing to it.
pub(crate) struct Share {
    /// The variant's name, `latest` for the untagged one.
    pub(crate) variant: String,
    /// Its architectures.
    pub(crate) archs: Vec<Arch>,
    /// In the recipe's order, those of the distribution first; apko sorts them.
    pub(crate) list: Vec<Source>,
    /// Who may sign them.
    pub(crate) trusted: Trusted,
}

/// One repository: what a line of `/etc/apk/repositories` names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Source {
    /// Its id in locks and pins: `alpine/v3.22/main`, `apk.example.com/stable`, `./packages`.
    pub(crate) id: String,
    /// Where it is.
    pub(crate) place: Place,
    /// `@tag` before it.
    pub(crate) tag: Option<String>,
    /// The line, by which apko sorts.
    line: String,
}

impl Source {
    /// Its address or directory as the recipe has it, without tag and login.
    pub(crate) fn address(&self) -> &str {
        match &self.tag {
            Some(_) => self.line.split_once(' ').map_or(self.line.as_str(), |(_, rest)| rest.trim_start()),
            None => &self.line,
        }
    }
}

impl Trusted {
    /// These keys, too.
    fn add(&mut self, other: &Trusted) {
        let new = other.keyring.iter().filter(|key| !self.keyring.contains(key));
        self.keyring.extend(new.cloned().collect::<Vec<_>>());
        other.builtin.iter().for_each(|set| self.add_set(Some(*set)));
    }

    fn add_set(&mut self, keys: Option<KeySet>) {
        self.builtin.extend(keys.filter(|k| !self.builtin.contains(k)));
    }
}

impl Share {
    /// Of a variant.
    pub(crate) fn of(shop: &Shop<'_>, variant: &Resolved) -> Share {
        let mut share = Share {
            variant: Loaded::variant_name(variant).to_owned(),
            archs: variant.archs.clone(),
            list: Vec::new(),
            trusted: Trusted::default(),
        };
        let distribution = variant.distribution.iter().flat_map(|d| d.apk_repositories());
        let mut more: Vec<Source> = distribution.map(|(archive, path)| of_archive(archive, path)).collect();
        more.extend(variant.package_repositories().into_iter().filter_map(|r| of_recipe(shop, r)));
        for source in more {
            // The host says who signs it.
            if let Place::Archive(archive, _) = &source.place {
                share.trusted.add_set(archive.apk_keys());
            }
            if !share.list.contains(&source) {
                share.list.push(source);
            }
        }
        let set = variant.distribution.as_ref().map(recipe::archives::Distribution::keys);
        share.trusted.add_set(set);
        share.trusted.add(&Trusted { keyring: variant.keyring.clone(), builtin: Vec::new() });
        share
    }

    /// Is that repository one of them?
    pub(crate) fn names(&self, id: &str) -> bool {
        self.list.iter().any(|s| s.id == id)
    }
}

impl Repositories {
    /// Those of all variants.
    pub(crate) fn of(
        shop: &Shop<'_>,
        recipe: &Loaded,
        place: &LockPlace,
    ) -> Result<Repositories, Diagnostic> {
        let mut all = Repositories {
            list: Vec::new(),
            trusted: Trusted::default(),
            shares: recipe.variants.iter().map(|variant| Share::of(shop, variant)).collect(),
            base: one_base(recipe)?,
            compat: place.compat,
            alike: place.alike || place.compat == Compat::Apko,
            ignore_signatures: place.ignore_signatures,
        };
        for (share, variant) in all.shares.iter_mut().zip(&recipe.variants) {
            if all.compat == Compat::Apko {
                share.list.sort_by(|a, b| a.line.cmp(&b.line));
            }
            if share.list.is_empty() && !variant.packages.is_empty() {
                return Err(no_repository(recipe, &share.variant));
            }
            all.trusted.add(&share.trusted);
            let new = share.list.iter().filter(|source| !all.list.contains(source));
            all.list.extend(new.cloned().collect::<Vec<_>>());
        }
        check_names(shop, &recipe.typed, all.list.iter().map(|s| (s.id.as_str(), &s.place)))?;
        Ok(all)
    }

    /// A directory of the user's needs no signature for a variant that names no key: that it names the
    /// directory is the user's word.
    pub(crate) fn goes_unsigned(&self, id: &str) -> bool {
        let directory =
            |share: &&Share| share.list.iter().any(|s| s.id == id && matches!(s.place, Place::Directory(_)));
        self.shares.iter().filter(directory).any(|share| share.trusted.keyring.is_empty())
    }

    /// The id of the source at an address, or of a directory of the user's. A lock of apko's may name one
    /// that the recipe does not: its command line did.
    pub(crate) fn at(&mut self, shop: &Shop<'_>, base: &str) -> String {
        let source = match base.contains("://") {
            true => of_url(base.to_owned(), None, base.to_owned()),
            false => {
                let directory = LocalPath { path: base.to_owned(), beside: String::new() };
                let place = Place::Directory(find(shop, &directory));
                Source { id: base.to_owned(), place, tag: None, line: base.to_owned() }
            }
        };
        let id = source.id.clone();
        if self.find(&id).is_none() {
            self.list.push(source);
        }
        id
    }

    /// The source of a lock's suite, whichever variant names it.
    pub(crate) fn find(&self, id: &str) -> Option<&Source> {
        self.list.iter().find(|s| s.id == id)
    }
}

fn no_repository(recipe: &Loaded, variant: &str) -> Diagnostic {
    let text = format!("cannot resolve {}: it names no repository of packages", recipe.typed);
    let d = match recipe.variants.len() {
        1 => Diagnostic::new(Kind::Input, text),
        _ => Diagnostic::new(Kind::Input, text)
            .detail(format!("in {variant}: what only another variant names is nothing to it")),
    };
    d.hint("name a `distribution: alpine-3.NN` or `wolfi`, or `repositories`, under `contents:`")
}

/// All variants are chosen from one set of packages, so they stand upon one image, or none.
fn one_base(recipe: &Loaded) -> Result<Option<BaseImage>, Diagnostic> {
    let first = recipe.variants.first().and_then(|v| v.base_image.clone());
    if recipe.variants.iter().any(|v| v.base_image != first) {
        let text = format!("cannot resolve {}: not all of its variants have one `baseimage`", recipe.typed);
        return Err(Diagnostic::new(Kind::Input, text).hint("name it above the variants"));
    }
    Ok(first)
}

fn of_archive(archive: Archive, path: String) -> Source {
    let line = format!("{}/{path}", archive.default_url()).trim_end_matches('/').to_owned();
    Source { id: id_of(&line), place: Place::Archive(archive, path), tag: None, line }
}

fn of_url(url: String, tag: Option<String>, line: String) -> Source {
    let id = id_of(&url);
    let place = match archive_of(&url).filter(|(archive, _)| archive.apk_keys().is_some()) {
        Some((archive, rest)) => Place::Archive(archive, rest.to_owned()),
        None => Place::Url(url),
    };
    Source { id, place, tag, line }
}

fn of_recipe(shop: &Shop<'_>, repository: &Repository) -> Option<Source> {
    let line = repository.apk_line()?;
    Some(match repository {
        Repository::Deb(_) => return None,
        Repository::Apk(apk) => of_url(apk.url.clone(), apk.tag.clone(), line),
        Repository::Local(local) => Source {
            id: local.directory.path.clone(),
            place: Place::Directory(find(shop, &local.directory)),
            tag: local.tag.clone(),
            line,
        },
    })
}
