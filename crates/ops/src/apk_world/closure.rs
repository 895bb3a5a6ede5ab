//! What apk (or apko) would choose.

use diag::Diagnostic;
use package::{Cause, Closure, Pin, Universe};
use recipe::Resolved;
use solve::apk::{Compat, Preferred, Request};
use trust::Verified;

use crate::ecosystem::Wish;
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
