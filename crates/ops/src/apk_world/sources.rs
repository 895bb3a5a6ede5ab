//! From a recipe's distribution and repositories to the indexes that are read.

use diag::{Diagnostic, Kind};
use recipe::archives::{Archive, KeySet, archive_of};
use recipe::{BaseImage, KeySource, LocalPath, Repository, Resolved};
use solve::apk::Compat;

use crate::place::{Place, id_of};
use crate::recipes::{Loaded, find};
use crate::request::LockPlace;
use crate::shop::Shop;

/// The repositories of a recipe, and who may sign them. As on a system of apk's, a key counts for all.
pub(crate) struct Repositories {
    /// In the recipe's order, those of the distribution first; apko sorts them.
    pub(crate) list: Vec<Source>,
    /// Keys that the recipe names.
    pub(crate) keyring: Vec<KeySource>,
    /// Keys of distributions that are part of the program.
    pub(crate) builtin: Vec<KeySet>,
    /// The image below, of all variants.
    pub(crate) base: Option<BaseImage>,
    /// Whose verdict is wanted.
    pub(crate) compat: Compat,
    /// A package must be there for all architectures in the same version.
    pub(crate) alike: bool,
    /// An index that nobody signed, or nobody known, is taken by the user's word.
    pub(crate) ignore_signatures: bool,
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

impl Repositories {
    /// Those of all variants.
    pub(crate) fn of(
        shop: &Shop<'_>,
        recipe: &Loaded,
        place: &LockPlace,
    ) -> Result<Repositories, Diagnostic> {
        let mut all = Repositories {
            list: Vec::new(),
            keyring: Vec::new(),
            builtin: Vec::new(),
            base: one_base(recipe)?,
            compat: place.compat,
            alike: place.alike || place.compat == Compat::Apko,
            ignore_signatures: place.ignore_signatures,
        };
        for variant in &recipe.variants {
            all.add(shop, variant);
        }
        if all.compat == Compat::Apko {
            all.list.sort_by(|a, b| a.line.cmp(&b.line));
        }
        let asks = recipe.variants.iter().any(|v| !v.packages.is_empty());
        if asks && all.list.is_empty() {
            let text = format!("cannot resolve {}: it names no repository of packages", recipe.typed);
            return Err(Diagnostic::new(Kind::Input, text).hint(
                "name a `distribution: alpine-3.NN` or `wolfi`, or `repositories`, under `contents:`",
            ));
        }
        Ok(all)
    }

    /// Those of one variant.
    pub(crate) fn of_variant(shop: &Shop<'_>, variant: &Resolved) -> Repositories {
        let mut all = Repositories {
            list: Vec::new(),
            keyring: Vec::new(),
            builtin: Vec::new(),
            base: None,
            compat: Compat::default(),
            alike: false,
            ignore_signatures: false,
        };
        all.add(shop, variant);
        all
    }

    fn add(&mut self, shop: &Shop<'_>, variant: &Resolved) {
        let distribution = variant.distribution.iter().flat_map(|d| d.apk_repositories());
        let mut more: Vec<Source> = distribution.map(|(archive, path)| of_archive(archive, path)).collect();
        more.extend(variant.package_repositories().into_iter().filter_map(|r| of_recipe(shop, r)));
        for source in more {
            // The host says who signs it.
            if let Place::Archive(archive, _) = &source.place {
                self.trust(archive.apk_keys());
            }
            if !self.list.contains(&source) {
                self.list.push(source);
            }
        }
        self.trust(variant.distribution.as_ref().map(recipe::archives::Distribution::keys));
        for key in &variant.keyring {
            if !self.keyring.contains(key) {
                self.keyring.push(key.clone());
            }
        }
    }

    fn trust(&mut self, keys: Option<KeySet>) {
        self.builtin.extend(keys.filter(|k| !self.builtin.contains(k)));
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

    /// The source of a lock's suite.
    pub(crate) fn find(&self, id: &str) -> Option<&Source> {
        self.list.iter().find(|s| s.id == id)
    }
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
