//! Which world of packages a recipe is of, and what the other world has no word for.

use crate::error::{Problem, RecipeError};
use crate::place::{At, without_user};
use crate::recipe::{Body, Recipe};
use crate::{KeySource, LocalPath, Repository, World};

impl Recipe {
    /// The local directories of packages, if nothing else in the recipe tells its world: whoever can
    /// look into them sets [`Recipe::world_hint`] (a directory of apk packages has an
    /// `ARCH/APKINDEX.tar.gz`). Empty where the world is clear.
    pub fn undecided_directories(&self) -> Vec<&LocalPath> {
        let bodies = || std::iter::once(&self.body).chain(self.variants.values().map(|v| &v.value.body));
        if self.world_hint.is_some() || bodies().any(|b| tells(b).is_some()) {
            return Vec::new();
        }
        bodies()
            .flat_map(|b| &b.contents.repositories)
            .filter_map(|r| match &r.value {
                Repository::Local(local) => Some(&local.directory),
                _ => None,
            })
            .collect()
    }
}

/// A place that names a world: distribution or repository.
struct Clue<'a> {
    world: World,
    name: String,
    at: &'a At,
}

/// The package world, from distribution, repositories and keys; all of them must agree.
pub(crate) fn decide(body: &Body, hint: Option<World>) -> Result<World, RecipeError> {
    let clues = clues(body);
    let Some(first) = clues.first() else {
        let world = tells(body).or(hint).unwrap_or(World::Deb);
        return refuse_foreign(body, world).map(|()| world);
    };
    match clues.iter().find(|c| c.world != first.world) {
        Some(other) => Err(mixed(first, other)),
        None => refuse_foreign(body, first.world).map(|()| first.world),
    }
}

fn clues(body: &Body) -> Vec<Clue<'_>> {
    let contents = &body.contents;
    let distribution = contents.distribution.iter().map(|d| Clue {
        world: d.value.world(),
        name: d.value.to_string(),
        at: &d.at,
    });
    let all = contents.repositories.iter().chain(&contents.build_repositories);
    let repositories = all.filter_map(|r| match &r.value {
        Repository::Deb(deb) => {
            Some(Clue { world: World::Deb, name: format!("deb {}", without_user(&deb.uri)), at: &r.at })
        }
        Repository::Apk(apk) => Some(Clue { world: World::Apk, name: without_user(&apk.url), at: &r.at }),
        Repository::Local(_) => None,
    });
    distribution.chain(repositories).collect()
}

fn mixed(first: &Clue<'_>, other: &Clue<'_>) -> RecipeError {
    let said = |clue: &Clue<'_>| {
        format!("`{}` ({}, line {}) is {}", clue.name, clue.at.file(), clue.at.line(), clue.world.as_str())
    };
    let text = format!("one image has one package world, but {} and {}", said(first), said(other));
    RecipeError::clash(other.at, text)
        .label(format!("this is {}", other.world.as_str()))
        .hint("build two images, or take the packages of one world only")
}

/// The world, if anything in the recipe tells it: with only local directories (or nothing) as sources,
/// keys, package lines and what only apk recipes have.
fn tells(body: &Body) -> Option<World> {
    let contents = &body.contents;
    if let Some(clue) = clues(body).first() {
        return Some(clue.world);
    }
    let key = contents.keyring.iter().any(|k| match &k.value {
        KeySource::Local(path) => path.path.ends_with(".rsa.pub"),
        KeySource::Url(url) => url.ends_with(".rsa.pub"),
    });
    let tagged = contents
        .repositories
        .iter()
        .any(|r| matches!(&r.value, Repository::Local(local) if local.tag.is_some()));
    if key || tagged || !apk_only(body).is_empty() {
        return Some(World::Apk);
    }
    contents.packages.iter().find_map(|p| world_of_line(&p.value.text))
}

/// A package line that only one world can read.
fn world_of_line(text: &str) -> Option<World> {
    let text = text.trim_start_matches('!').trim_start();
    if text.contains('(') {
        return Some(World::Deb);
    }
    let virtual_name = ["so:", "cmd:", "pc:"].iter().any(|prefix| text.starts_with(prefix));
    (virtual_name || text.contains(['~', '@', '<', '>'])).then_some(World::Apk)
}

/// The keys of the recipe that only apk recipes have, with their places.
fn apk_only(body: &Body) -> Vec<(&'static str, &At)> {
    let contents = &body.contents;
    let mut found: Vec<(&'static str, &At)> = Vec::new();
    found.extend(contents.build_repositories.first().map(|r| ("build_repositories", &r.at)));
    found.extend(contents.runtime_repositories.first().map(|r| ("runtime_repositories", &r.at)));
    found.extend(contents.runtime_keyring.first().map(|k| ("runtime_keyring", &k.at)));
    found.extend(contents.base_image.as_ref().map(|b| ("baseimage", &b.at)));
    found.extend(body.providers.first().map(|p| ("providers", &p.at)));
    if let Some(e) = &body.entrypoint {
        found.extend(e.value.service_bundle.then_some(("type: service-bundle", &e.at)));
        found.extend((!e.value.services.is_empty()).then_some(("services", &e.at)));
    }
    found
}

/// What the recipe says that its world has no meaning for.
fn refuse_foreign(body: &Body, world: World) -> Result<(), RecipeError> {
    let apk = apk_only(body);
    let (Some((key, at)), World::Deb) = (apk.first(), world) else { return Ok(()) };
    let problem = Problem::OtherWorld { key, world: World::Apk.as_str(), other: World::Deb.as_str() };
    let hint = match *key {
        "providers" => "name the PEM files: `certificates: {additional: [corp-ca.pem]}`",
        "baseimage" => "build upon a recipe: `include: base`",
        "type: service-bundle" | "services" => "name one program: `entrypoint: {command: …}`",
        "build_repositories" => "in a deb recipe all of `repositories` are for the build only",
        _ => "a deb image keeps no sources of packages; leave it out",
    };
    Err(RecipeError::at(at, problem).hint(hint))
}
