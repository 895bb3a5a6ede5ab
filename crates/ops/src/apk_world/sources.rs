//! From a recipe's distribution and repositories to the indexes that are read.

use diag::{Diagnostic, Kind};
use recipe::archives::{Archive, KeySet, archive_of};
use recipe::{KeySource, Repository, Resolved};
use solve::apk::Compat;

use crate::place::{Place, id_of};
use crate::recipes::{Loaded, find};
use crate::shop::Shop;

/// The repositories of a recipe, and who may sign them. As on a system of apk's, a key counts for all.
pub(crate) struct Repositories {
    /// In the recipe's order, those of the distribution first; apko sorts them.
    pub(crate) list: Vec<Source>,
    /// Keys that the recipe names.
    pub(crate) keyring: Vec<KeySource>,
    /// Keys of distributions that are part of the program.
    pub(crate) builtin: Vec<KeySet>,
    /// Whose verdict is wanted.
    pub(crate) compat: Compat,
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

impl Repositories {
    /// Those of all variants.
    pub(crate) fn of(shop: &Shop<'_>, recipe: &Loaded, compat: Compat) -> Result<Repositories, Diagnostic> {
        let mut all = Repositories { list: Vec::new(), keyring: Vec::new(), builtin: Vec::new(), compat };
        for variant in &recipe.variants {
            all.add(shop, variant);
        }
        if compat == Compat::Apko {
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
            compat: Compat::default(),
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

    /// The source of a lock's suite.
    pub(crate) fn find(&self, id: &str) -> Option<&Source> {
        self.list.iter().find(|s| s.id == id)
    }
}

fn of_archive(archive: Archive, path: String) -> Source {
    let line = format!("{}/{path}", archive.default_url()).trim_end_matches('/').to_owned();
    Source { id: id_of(&line), place: Place::Archive(archive, path), tag: None, line }
}

fn of_recipe(shop: &Shop<'_>, repository: &Repository) -> Option<Source> {
    let line = repository.apk_line()?;
    Some(match repository {
        Repository::Deb(_) => return None,
        Repository::Apk(apk) => {
            let place = match archive_of(&apk.url).filter(|(archive, _)| archive.apk_keys().is_some()) {
                Some((archive, rest)) => Place::Archive(archive, rest.to_owned()),
                None => Place::Url(apk.url.clone()),
            };
            Source { id: id_of(&apk.url), place, tag: apk.tag.clone(), line }
        }
        Repository::Local(local) => Source {
            id: local.directory.path.clone(),
            place: Place::Directory(find(shop, &local.directory)),
            tag: local.tag.clone(),
            line,
        },
    })
}
