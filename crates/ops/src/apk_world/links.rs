//! How apk's packages hang together: dependencies, and `install_if`.

use apk::PkgInfo;
use package::{Dependency, Op, parse_dependency};
use recipe::Resolved;
use solve::apk::Compat;

use crate::closed::{Links, Need, Offers, Says};

/// What a package says of others by its `.PKGINFO`.
pub(crate) fn says(info: &PkgInfo) -> Says {
    Says {
        name: info.name.clone(),
        version: info.version.clone(),
        provides: info.provides.join(" "),
        requires: info.depends.clone(),
        excludes: Vec::new(),
        install_if: info.install_if.join(" "),
    }
}

/// The links of a set.
pub(crate) fn links(variant: &Resolved, compat: Compat, all: &[&Says]) -> Links {
    let offers = offers(all);
    let met = |d: &Dependency<'_>| met(&offers, d, compat);
    // apko takes packages together that apk would not.
    let excludes = |(own, says): (usize, &&Says)| -> Vec<Need> {
        let all = says.requires.iter().flat_map(|field| read(field));
        let all = all.filter(|d| d.conflict && compat == Compat::Apk);
        let clash = |d: Dependency<'_>| Need { clause: spelled(&d), met_by: met(&d), excused: false };
        all.map(|d| clash(d).by_others_than(own)).collect()
    };
    let comes_if = |says: &&Says| read(&says.install_if).filter(|d| !d.conflict).map(|d| met(&d)).collect();
    Links {
        asked: variant.packages.iter().flat_map(|ask| offers.meet(&ask.name, |_| true)).collect(),
        needs: all.iter().map(|says| needs(says, compat, &offers)).collect(),
        excludes: all.iter().enumerate().map(excludes).collect(),
        comes_if: all.iter().map(comes_if).collect(),
    }
}

/// What each of a set needs that no recipe chose: an image's.
pub(crate) fn needs_of(all: &[&Says]) -> Vec<Vec<Need>> {
    let offers = offers(all);
    all.iter().map(|says| needs(says, Compat::Apk, &offers)).collect()
}

/// Beside what each of an image's packages cannot be (`!name`), and which others are that. A name that is provided
/// without a version is none of any version (apk-package(5)), and which package a hash means, no database says.
pub(crate) fn excludes_of(all: &[&Says]) -> Vec<Vec<Need>> {
    let offers = offers(all);
    let is_that = |d: &Dependency<'_>, version: &str| match d.op {
        Op::Any => true,
        Op::Identity => false,
        op => !version.is_empty() && op.admits(version, d.version),
    };
    let of = |(own, says): (usize, &&Says)| -> Vec<Need> {
        let all = says.requires.iter().flat_map(|field| read(field)).filter(|d| d.conflict);
        let met = |d: &Dependency<'_>| offers.meet(d.name, |version| is_that(d, version));
        let clash =
            |d: Dependency<'_>| Need { clause: format!("!{}", spelled(&d)), met_by: met(&d), excused: false };
        all.map(|d| clash(d).by_others_than(own)).collect()
    };
    all.iter().enumerate().map(of).collect()
}

fn offers<'a>(all: &[&'a Says]) -> Offers<'a> {
    let own = all.iter().enumerate().map(|(i, says)| (says.name.as_str(), says.version.as_str(), i));
    let provided = all
        .iter()
        .enumerate()
        .flat_map(|(i, says)| read(&says.provides).map(move |d| (d.name, d.version, i)));
    Offers::of(own.chain(provided))
}

fn needs(says: &Says, compat: Compat, offers: &Offers<'_>) -> Vec<Need> {
    let all = says.requires.iter().flat_map(|field| read(field)).filter(|d| !d.conflict);
    all.map(|d| Need { clause: spelled(&d), met_by: met(offers, &d, compat), excused: false }).collect()
}

fn met(offers: &Offers<'_>, d: &Dependency<'_>, compat: Compat) -> Vec<usize> {
    offers.meet(d.name, |version| fits(d, version, compat))
}

fn read(field: &str) -> impl Iterator<Item = Dependency<'_>> {
    field.split_ascii_whitespace().filter_map(|word| parse_dependency(word).ok())
}

/// apko at times takes what apk would not, so that of its choice only the names count; and a name that is
/// provided without a version is not held to one.
fn fits(d: &Dependency<'_>, version: &str, compat: Compat) -> bool {
    let named_only = compat == Compat::Apko || d.op == Op::Identity || version.is_empty();
    named_only || d.op.admits(version, d.version)
}

fn spelled(d: &Dependency<'_>) -> String {
    format!("{}{}{}", d.name, d.op.as_str(), d.version)
}
