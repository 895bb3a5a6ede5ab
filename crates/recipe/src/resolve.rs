//! From what is written to what is meant: variants, defaults, and what only the whole recipe can tell.

use std::collections::{BTreeMap, BTreeSet};

use package::Arch;

use crate::apk_contents;
use crate::archives;
use crate::chosen::Chosen;
use crate::entrypoint::S6_PACKAGE;
use crate::error::{Problem, RecipeError};
use crate::merge::merge;
use crate::place::{Spanned, without_user};
use crate::recipe::{ArchWord, Body, Recipe, Variant};
use crate::world;
use crate::{Allow, Layering, Repository, Resolved, RunAs, Slim, Strategy, World};

/// How deep variants are made of variants.
const DEEPEST: usize = 32;

/// `all` of a deb recipe.
const ALL_DEB: [&str; 6] = ["amd64", "arm64", "armhf", "s390x", "ppc64el", "riscv64"];
/// `all` of an apk recipe, as apko has it.
const ALL_APK: [&str; 9] =
    ["i386", "amd64", "arm64", "armel", "armhf", "loong64", "ppc64el", "riscv64", "s390x"];

impl Recipe {
    /// The variants that a build makes: the untagged one (none), then those that the recipe lists.
    pub fn variants_to_build(&self) -> Vec<Option<&str>> {
        let own =
            self.variants.iter().filter(|(_, v)| !v.value.inherited).map(|(name, _)| Some(name.as_str()));
        std::iter::once(None).chain(own).collect()
    }

    /// One variant with everything decided; `None` and `latest` are the untagged one. `host` is what
    /// `archs: [host]` means.
    ///
    /// # Errors
    /// No such variant; variants in a circle; two package worlds; a package line that its world cannot
    /// read; root without `allow`; and what else only the whole recipe tells.
    pub fn resolve(&self, variant: Option<&str>, host: &Arch) -> Result<Resolved, RecipeError> {
        let variant = variant.filter(|name| *name != "latest");
        let mut body = self.body.clone();
        if let Some(name) = variant {
            for step in self.order(name)? {
                body = merge(&body, &step.body);
            }
        }
        Decision { body: &body, hint: self.world_hint }.decide(variant, host)
    }

    /// Each of [`Recipe::variants_to_build`], resolved.
    ///
    /// # Errors
    /// As [`Recipe::resolve`].
    pub fn resolve_all(&self, host: &Arch) -> Result<Vec<Resolved>, RecipeError> {
        self.variants_to_build().into_iter().map(|name| self.resolve(name, host)).collect()
    }

    /// A variant after all those that it is made `of`, each once.
    fn order<'a>(&'a self, name: &'a str) -> Result<Vec<&'a Variant>, RecipeError> {
        let start = self.variant(name).map_err(|problem| {
            let fault = RecipeError::named(&self.file, problem);
            fault.hint(self.variant_hint(name))
        })?;
        let mut order = Order::default();
        self.visit(name, start, &mut vec![name], &mut order)?;
        Ok(order.steps)
    }

    fn visit<'a>(
        &'a self,
        name: &'a str,
        variant: &'a Variant,
        chain: &mut Vec<&'a str>,
        order: &mut Order<'a>,
    ) -> Result<(), RecipeError> {
        for part in &variant.of {
            let next = self
                .variant(&part.value)
                .map_err(|problem| RecipeError::at(&part.at, problem).hint(self.variant_hint(&part.value)))?;
            if order.done.contains(part.value.as_str()) {
                continue;
            }
            if chain.contains(&part.value.as_str()) {
                let text = format!("the variants go in a circle: {} → {}", chain.join(" → "), part.value);
                return Err(RecipeError::clash(&part.at, text));
            }
            if chain.len() >= DEEPEST {
                let text = format!("variants are made `of` each other more than {DEEPEST} deep");
                return Err(RecipeError::clash(&part.at, text));
            }
            chain.push(&part.value);
            self.visit(&part.value, next, chain, order)?;
            chain.pop();
        }
        if order.done.insert(name) {
            order.steps.push(variant);
        }
        Ok(())
    }

    fn variant(&self, name: &str) -> Result<&Variant, Problem> {
        let unknown = || Problem::Unknown { what: "variant", name: name.to_owned() };
        self.variants.get(name).map(|v| &v.value).ok_or_else(unknown)
    }

    fn variant_hint(&self, name: &str) -> String {
        let names: Vec<&str> = self.variants.keys().map(String::as_str).collect();
        match diag::nearest(name, names.iter().copied(), 1).first() {
            Some(near) => format!("did you mean `{near}`?"),
            None if names.is_empty() => "the recipe has no `variants`".to_owned(),
            None => format!("it has {}", names.join(", ")),
        }
    }
}

/// Variants in the order in which they merge.
#[derive(Default)]
struct Order<'a> {
    steps: Vec<&'a Variant>,
    done: BTreeSet<&'a str>,
}

struct Decision<'a> {
    body: &'a Body,
    hint: Option<World>,
}

impl Decision<'_> {
    fn decide(&self, variant: Option<&str>, host: &Arch) -> Result<Resolved, RecipeError> {
        let body = self.body;
        let world = world::decide(body, self.hint)?;
        let chosen = self.packages(world)?;
        self.check_sources(world)?;
        apk_contents::check_base_image(body)?;
        let allow: BTreeSet<Allow> = plain(&body.allow).into_iter().collect();
        let entrypoint = body.entrypoint.as_ref().map(|e| e.value.clone()).unwrap_or_default();
        let annotations = apk_contents::annotations(body);
        Ok(Resolved {
            variant: variant.map(str::to_owned),
            world,
            distribution: body.contents.distribution.as_ref().map(|s| s.value.clone()),
            snapshot: self.snapshot()?,
            repositories: once(plain(&body.contents.repositories)),
            build_repositories: once(plain(&body.contents.build_repositories)),
            runtime_repositories: once(plain(&body.contents.runtime_repositories)),
            keyring: once(plain(&body.contents.keyring)),
            runtime_keyring: apk_contents::runtime_keyring(body)?,
            base_image: body.contents.base_image.as_ref().map(|b| b.value.clone()),
            packages: chosen.asks,
            removed: chosen.removed,
            parts: chosen.parts,
            overruled: chosen.overruled,
            files: plain(&body.contents.files),
            slim: self.slim(world),
            keep: once(plain(&body.contents.keep)),
            drop: once(plain(&body.contents.drop)),
            run_as: self.run_as(world, &allow)?,
            allow,
            certificates: plain(&body.certificates),
            certificate_providers: once(plain(&body.providers)),
            users: plain(&body.users),
            groups: plain(&body.groups),
            entrypoint: entrypoint.words(),
            service_bundle: entrypoint.service_bundle,
            shell_fragment: entrypoint.shell_fragment,
            services: entrypoint.services,
            cmd: some_words(&body.cmd),
            environment: values(&body.environment),
            work_dir: body.work_dir.as_ref().map(|s| s.value.clone()),
            stop_signal: body.stop_signal.as_ref().map(|s| s.value.clone()),
            ports: once(plain(&body.ports)),
            volumes: once(plain(&body.volumes)),
            paths: plain(&body.paths),
            labels: apk_contents::labels(body, world, &annotations),
            annotations,
            vcs_url: body.vcs_url.as_ref().map(|s| s.value.clone()),
            archs: self.archs(world, host),
            layering: self.layering()?,
        })
    }

    fn packages(&self, world: World) -> Result<Chosen, RecipeError> {
        let mut chosen = Chosen::default();
        for line in &self.body.contents.packages {
            chosen.add(line, world)?;
        }
        if self.body.entrypoint.as_ref().is_some_and(|e| e.value.service_bundle) {
            chosen.add_name(S6_PACKAGE);
        }
        let contents = &self.body.contents;
        if let (Some(first), None, true) =
            (contents.packages.first(), &contents.distribution, self.has_no_repositories())
        {
            return Err(RecipeError::clash(
                &first.at,
                "there are packages, but no distribution or repository to take them from",
            )
            .hint(match world {
                World::Deb => "add `distribution: debian-13` to `contents`, or `include: base`",
                World::Apk => "add `distribution: wolfi` to `contents`, or `repositories`",
            }));
        }
        Ok(chosen)
    }

    fn has_no_repositories(&self) -> bool {
        let contents = &self.body.contents;
        contents.repositories.is_empty() && contents.build_repositories.is_empty()
    }

    fn check_sources(&self, world: World) -> Result<(), RecipeError> {
        let contents = &self.body.contents;
        for repository in &contents.repositories {
            if let Repository::Deb(deb) = &repository.value {
                let signed = deb.trusted || !deb.signed_by.is_empty() || !contents.keyring.is_empty();
                if !signed && archives::archive_of(&deb.uri).is_none() {
                    let text =
                        format!("nothing says whose signature `{}` must carry", without_user(&deb.uri));
                    return Err(RecipeError::clash(&repository.at, text)
                        .hint("add `[signed-by=FILE]`, or `[trusted=yes]` to take it without a signature"));
                }
            }
            if let (World::Deb, Repository::Local(local)) = (world, &repository.value)
                && local.tag.is_some()
            {
                return Err(RecipeError::clash(
                    &repository.at,
                    "a `@tag` is apk's, and this is a deb recipe",
                ));
            }
        }
        Ok(())
    }

    fn snapshot(&self) -> Result<Option<crate::Snapshot>, RecipeError> {
        let contents = &self.body.contents;
        let Some(snapshot) = &contents.snapshot else { return Ok(None) };
        match &contents.distribution {
            Some(d) if d.value.world() == World::Deb => Ok(Some(snapshot.value.clone())),
            Some(d) => {
                Err(RecipeError::clash(&snapshot.at, format!("`{}` has no snapshot archive", d.value)))
            }
            None => {
                Err(RecipeError::clash(&snapshot.at, "`snapshot` pins the distribution, and there is none")
                    .hint("add `distribution: debian-13`"))
            }
        }
    }

    fn slim(&self, world: World) -> Slim {
        let default = match world {
            World::Deb => Slim::Classes,
            World::Apk => Slim::None,
        };
        self.body.contents.slim.as_ref().map_or(default, |s| s.value)
    }

    fn run_as(&self, world: World, allow: &BTreeSet<Allow>) -> Result<Option<RunAs>, RecipeError> {
        let inherited = self.body.inherited_run_as.as_ref().filter(|_| world == World::Apk);
        let Some(run_as) = self.body.run_as.as_ref().or(inherited) else {
            return Ok((world == World::Deb).then(|| RunAs::Name("nonroot".to_owned())));
        };
        let users = plain(&self.body.users);
        let root = run_as.value.uid(&users) == Some(0);
        if root && world == World::Deb && !allow.contains(&Allow::Root) {
            return Err(RecipeError::clash(&run_as.at, "the image would run as root, and nothing allows it")
                .hint("add `allow: [root]`, or leave `run-as` out to run as nonroot (65532)"));
        }
        Ok(Some(run_as.value.clone()))
    }

    fn archs(&self, world: World, host: &Arch) -> Vec<Arch> {
        let distribution = self.body.contents.distribution.as_ref();
        let all: Vec<&str> = match world {
            World::Deb => ALL_DEB.to_vec(),
            World::Apk => distribution.and_then(|d| d.value.apk_archs()).unwrap_or_else(|| ALL_APK.to_vec()),
        };
        let all = || all.iter().map(|word| Arch::new(*word)).collect::<Vec<_>>();
        let Some(words) = &self.body.archs else {
            return match world {
                World::Deb => vec![Arch::new("amd64"), Arch::new("arm64")],
                World::Apk => all(),
            };
        };
        let each = words.value.iter().flat_map(|word| match &word.value {
            ArchWord::All => all(),
            ArchWord::Host => vec![host.clone()],
            ArchWord::One(arch) => vec![arch.clone()],
            ArchWord::Armhf => vec![Arch::new(if world == World::Apk { "armel" } else { "armhf" })],
        });
        once(each.collect())
    }

    fn layering(&self) -> Result<Layering, RecipeError> {
        let strategy = self.body.strategy.as_ref().map_or(Strategy::Split, |s| s.value);
        if let Some(budget) = &self.body.budget
            && !matches!(strategy, Strategy::Package | Strategy::Origin)
        {
            return Err(RecipeError::clash(
                &budget.at,
                "`budget` goes with the strategies `package` and `origin`",
            ));
        }
        Ok(Layering { strategy, budget: self.body.budget.as_ref().map(|b| b.value) })
    }
}

fn plain<T: Clone>(list: &[Spanned<T>]) -> Vec<T> {
    list.iter().map(|s| s.value.clone()).collect()
}

pub(crate) fn values(map: &BTreeMap<String, Spanned<String>>) -> BTreeMap<String, String> {
    map.iter().map(|(k, v)| (k.clone(), v.value.clone())).collect()
}

/// Each element once, where it came first.
pub(crate) fn once<T: PartialEq>(list: Vec<T>) -> Vec<T> {
    list.into_iter().fold(Vec::new(), |mut all, next| {
        if !all.contains(&next) {
            all.push(next);
        }
        all
    })
}

/// An empty list takes back what an include gave.
fn some_words(words: &Option<Spanned<Vec<String>>>) -> Option<Vec<String>> {
    words.as_ref().map(|w| w.value.clone()).filter(|w| !w.is_empty())
}
