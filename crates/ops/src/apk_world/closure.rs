//! What apk (or apko) would choose.

use diag::{Diagnostic, Kind, Note};
use package::{Cause, Closure, Pin, Universe, parse_dependency};
use recipe::{Overruled, Resolved, Spanned};
use solve::apk::{Compat, Preferred, Request};
use trust::Verified;

use super::Repositories;
use crate::base;
use crate::ecosystem::Wish;
use crate::recipes::Loaded;
use crate::report::ExplainRow;
use crate::shop::Shop;

/// The closure of a variant.
pub(crate) fn closure(
    universe: &Verified<Universe>,
    wish: &Wish<'_>,
    compat: Compat,
    explain: &mut Vec<ExplainRow>,
) -> Result<Verified<Closure>, Diagnostic> {
    universe.choose(|universe: &Universe| {
        let prefer = |p: &&Pin| Preferred { name: p.name.clone(), version: p.version.clone() };
        let request = Request {
            arch: wish.arch.as_str().to_owned(),
            world: upon(universe, wish.variant, compat)?,
            prefer: wish.prefer.iter().map(prefer).collect(),
            compat,
            barred: wish.barred.cloned().unwrap_or_default(),
        };
        let mut closure = solve::apk::solve(universe, &request)?.closure(universe);
        if let Some(below) = &wish.variant.base_image {
            let there = base::packages(universe, below);
            closure.pins.retain(|pin| there.iter().all(|(name, _)| *name != pin.name));
        }
        explain_closure(&closure, explain);
        Ok(closure)
    })
}

/// The lines of `/etc/apk/world`: what is asked, then what may not be there.
fn lines(variant: &Resolved) -> Vec<String> {
    let asked = variant.packages.iter().map(|ask| ask.text.clone());
    asked.chain(variant.removed.iter().map(|name| format!("!{name}"))).collect()
}

/// The lines of the world with the packages of the image below, each at its version, as apko has it: they
/// are there and stay. apk's world has one line of a name, so that one of the recipe that wants another
/// version must be an error here.
fn upon(universe: &Universe, variant: &Resolved, compat: Compat) -> Result<Vec<String>, Diagnostic> {
    let mut world = match compat {
        Compat::Apk => lines(&variant.with_last_words()),
        Compat::Apko => lines(variant),
    };
    let Some(below) = &variant.base_image else { return Ok(world) };
    for (name, version) in base::packages(universe, below) {
        let about = |line: &String| parse_dependency(line).is_ok_and(|d| d.name == name);
        if let Some(other) = world.iter().find(|line| {
            about(line) && parse_dependency(line).is_ok_and(|d| d.conflict || !d.admits(&version, None))
        }) {
            let text = format!("cannot put {other} upon {}: it has {name} {version}", below.image.path);
            return Err(Diagnostic::new(Kind::Input, text).hint(
                "take a base image that has it, or leave the version out: packages of the image below stay",
            ));
        }
        world.retain(|line| !about(line));
        world.push(format!("{name}={version}"));
    }
    Ok(world)
}

/// Says which package lines count for nothing. apk's world has one line of a name, and the last one is it:
/// one of the recipe takes the word from that of an included one.
pub(crate) fn say_overruled(shop: &Shop<'_>, recipe: &Loaded, compat: Compat) {
    if compat == Compat::Apko {
        return;
    }
    let mut said: Vec<&Overruled> = Vec::new();
    for overruled in recipe.variants.iter().flat_map(|v| &v.overruled) {
        if said.contains(&overruled) {
            continue;
        }
        said.push(overruled);
        let line = |s: &Spanned<String>| format!("`{}` ({}:{})", s.value, s.at.file(), s.at.line());
        let text = format!(
            "{} does not count: {} has the last word, as on apk's command line; `--compat apko` takes both",
            line(&overruled.lost),
            line(&overruled.counts)
        );
        shop.world.reporter.note(Note::Warning(text));
    }
}

/// Looks whether the tags that package lines name are those of repositories; apk commits nothing
/// otherwise (`apk_db_check_world`).
pub(crate) fn check_tags(recipe: &Loaded, repositories: &Repositories) -> Result<(), Diagnostic> {
    let shares = recipe.variants.iter().zip(&repositories.shares);
    for (text, share) in shares.flat_map(|(v, share)| lines(v).into_iter().map(move |l| (l, share))) {
        let known: Vec<&str> = share.list.iter().filter_map(|s| s.tag.as_deref()).collect();
        let tag = parse_dependency(&text).ok().and_then(|d| d.tag);
        let Some(tag) = tag.filter(|tag| !known.contains(tag)) else { continue };
        let what = format!("cannot resolve {text}: no repository has the tag `{tag}`");
        let hint = match diag::nearest(tag, known.iter().copied(), 1).first() {
            Some(near) => format!("did you mean `@{near}`?"),
            None => format!("name one under `repositories:`, as `@{tag} https://…`"),
        };
        return Err(Diagnostic::new(Kind::Input, what).hint(hint));
    }
    Ok(())
}

fn explain_closure(closure: &Closure, explain: &mut Vec<ExplainRow>) {
    for pin in &closure.pins {
        let by = |cause: &Cause| match cause {
            Cause::InstallIf { by, .. } => Some(by.clone()),
            _ => None,
        };
        let all: Vec<String> = pin.because.iter().filter_map(by).collect();
        if !all.is_empty() {
            explain.push(ExplainRow {
                rule: "install_if".to_owned(),
                subject: format!("{} → {}", all.join(" + "), pin.name),
                reason: "its index says that it comes where these are".to_owned(),
            });
        }
    }
}
