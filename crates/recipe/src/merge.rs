//! What stands above what: include under recipe, recipe under variant.

use std::collections::BTreeMap;

use crate::place::Spanned;
use crate::recipe::{Body, Contents, Recipe, Variant};

/// `child` over `parent`, by the rules of docs/recipe.md: the lists in contents, accounts, paths,
/// volumes, ports and certificates concatenate, maps merge per key, all else replaces; `allow` adds up.
pub(crate) fn merge(parent: &Body, child: &Body) -> Body {
    Body {
        contents: merge_contents(&parent.contents, &child.contents),
        allow: joined(&parent.allow, &child.allow),
        certificates: joined(&parent.certificates, &child.certificates),
        providers: joined(&parent.providers, &child.providers),
        run_as: later(&parent.run_as, &child.run_as),
        inherited_run_as: later(&parent.inherited_run_as, &child.inherited_run_as),
        users: joined(&parent.users, &child.users),
        groups: joined(&parent.groups, &child.groups),
        entrypoint: later(&parent.entrypoint, &child.entrypoint),
        cmd: later(&parent.cmd, &child.cmd),
        environment: per_key(&parent.environment, &child.environment),
        work_dir: later(&parent.work_dir, &child.work_dir),
        stop_signal: later(&parent.stop_signal, &child.stop_signal),
        ports: joined(&parent.ports, &child.ports),
        volumes: joined(&parent.volumes, &child.volumes),
        paths: joined(&parent.paths, &child.paths),
        labels: per_key(&parent.labels, &child.labels),
        annotations: per_key(&parent.annotations, &child.annotations),
        archs: later(&parent.archs, &child.archs),
        strategy: later(&parent.strategy, &child.strategy),
        budget: later(&parent.budget, &child.budget),
        vcs_url: later(&parent.vcs_url, &child.vcs_url),
    }
}

fn merge_contents(parent: &Contents, child: &Contents) -> Contents {
    Contents {
        distribution: later(&parent.distribution, &child.distribution),
        snapshot: later(&parent.snapshot, &child.snapshot),
        repositories: joined(&parent.repositories, &child.repositories),
        build_repositories: joined(&parent.build_repositories, &child.build_repositories),
        runtime_repositories: joined(&parent.runtime_repositories, &child.runtime_repositories),
        keyring: joined(&parent.keyring, &child.keyring),
        runtime_keyring: joined(&parent.runtime_keyring, &child.runtime_keyring),
        packages: joined(&parent.packages, &child.packages),
        files: joined(&parent.files, &child.files),
        slim: later(&parent.slim, &child.slim),
        keep: joined(&parent.keep, &child.keep),
        drop: joined(&parent.drop, &child.drop),
        base_image: later(&parent.base_image, &child.base_image),
    }
}

fn later<T: Clone>(parent: &Option<T>, child: &Option<T>) -> Option<T> {
    child.clone().or_else(|| parent.clone())
}

fn joined<T: Clone>(parent: &[T], child: &[T]) -> Vec<T> {
    [parent, child].concat()
}

fn per_key<T: Clone>(parent: &BTreeMap<String, T>, child: &BTreeMap<String, T>) -> BTreeMap<String, T> {
    let mut all = parent.clone();
    all.extend(child.iter().map(|(k, v)| (k.clone(), v.clone())));
    all
}

/// `child` over the recipe that it includes.
///
/// What an image may hold and who it runs as is never taken from elsewhere: `allow` and `run-as` of
/// the included recipe are dropped, and the `allow` of its variants. A variant's own `run-as` stays:
/// it is what makes the variant, and root still needs an `allow` that is not inherited. For apk recipes,
/// where apko inherits it and nothing is allowed or refused, `run-as` is kept aside.
/// Where the source of the included recipe lives says nothing of this one (apko's rule, too).
pub(crate) fn include(mut parent: Recipe, child: Recipe) -> Recipe {
    parent.body.allow.clear();
    let run_as = parent.body.run_as.take();
    parent.body.inherited_run_as = run_as.or(parent.body.inherited_run_as);
    parent.body.vcs_url = None;
    let mut variants = parent.variants;
    for variant in variants.values_mut() {
        variant.value.inherited = true;
        variant.value.body.allow.clear();
    }
    for (name, own) in child.variants {
        let value = match variants.get(&name) {
            Some(old) => over(&old.value, &own.value),
            None => own.value,
        };
        variants.insert(name, Spanned::new(value, own.at));
    }
    let world_hint = child.world_hint.or(parent.world_hint);
    let sources = [child.sources, parent.sources].concat();
    let body = merge(&parent.body, &child.body);
    Recipe { file: child.file, include: None, body, variants, world_hint, sources }
}

fn over(parent: &Variant, child: &Variant) -> Variant {
    let of = if child.of.is_empty() { parent.of.clone() } else { child.of.clone() };
    Variant { of, body: merge(&parent.body, &child.body), inherited: false }
}
