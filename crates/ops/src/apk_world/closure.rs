//! What apk (or apko) would choose.

use diag::{Diagnostic, Kind};
use package::{Cause, Closure, Pin, Universe, parse_dependency};
use recipe::Resolved;
use solve::apk::{Compat, Preferred, Request};
use trust::Verified;

use super::Repositories;
use crate::ecosystem::Wish;
use crate::recipes::Loaded;
use crate::report::ExplainRow;

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
            world: lines(wish.variant),
            prefer: wish.prefer.iter().map(prefer).collect(),
            compat,
        };
        let closure = solve::apk::solve(universe, &request)?.closure(universe);
        explain_closure(&closure, explain);
        Ok(closure)
    })
}

/// The lines of `/etc/apk/world`: what is asked, then what may not be there.
fn lines(variant: &Resolved) -> Vec<String> {
    let asked = variant.packages.iter().map(|ask| ask.text.clone());
    asked.chain(variant.removed.iter().map(|name| format!("!{name}"))).collect()
}

/// Looks whether the tags that package lines name are those of repositories; apk commits nothing
/// otherwise (`apk_db_check_world`).
pub(crate) fn check_tags(recipe: &Loaded, repositories: &Repositories) -> Result<(), Diagnostic> {
    let known: Vec<&str> = repositories.list.iter().filter_map(|s| s.tag.as_deref()).collect();
    for text in recipe.variants.iter().flat_map(lines) {
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
