//! What apt would choose, and what the tables then cut.

use deb::edges::{CUT, HIDDEN};
use diag::Diagnostic;
use package::{Arch, Closure, Pin, Reason, Universe};
use recipe::{Resolved, Want};
use solve::apt::{Ask, Preferred, Request};
use trust::Verified;

use crate::ecosystem::Wish;
use crate::report::ExplainRow;

/// The closure of a variant.
pub(crate) fn closure(
    universe: &Verified<Universe>,
    wish: &Wish<'_>,
    explain: &mut Vec<ExplainRow>,
) -> Result<Verified<Closure>, Diagnostic> {
    universe.choose(|universe: &Universe| {
        let request = request(universe, wish);
        let solution = solve::apt::solve(universe, &request)?;
        let removed: Vec<&str> = wish.variant.removed.iter().map(String::as_str).collect();
        let pruned = solve::apt::prune(universe, &request, &solution, CUT, &removed);
        explain_closure(&pruned, explain);
        Ok(pruned.closure)
    })
}

fn request(universe: &Universe, wish: &Wish<'_>) -> Request {
    let prefer = |p: &&Pin| Preferred {
        name: p.name.clone(),
        arch: p.arch.as_str().to_owned(),
        version: p.version.clone(),
    };
    let (asks, foreign) = asks(universe, wish.variant, wish.arch);
    Request {
        arch: wish.arch.as_str().to_owned(),
        foreign,
        asks,
        prefer: wish.prefer.iter().map(prefer).collect(),
        hidden: HIDDEN.to_vec(),
    }
}

/// The package lines, and the further architectures that they name.
fn asks(universe: &Universe, variant: &Resolved, arch: &Arch) -> (Vec<Ask>, Vec<String>) {
    let mut foreign: Vec<String> = Vec::new();
    let asks = variant
        .packages
        .iter()
        .map(|ask| {
            let word = ask.arch.as_ref().map(ToString::to_string);
            if let Some(word) = &word
                && word != arch.as_str()
                && word != "all"
                && !foreign.contains(word)
                // An architecture without any record has no packages to choose from, whatever their name.
                && universe.ids().any(|id| universe.record(id).arch() == word)
            {
                foreign.push(word.clone());
            }
            let (bound, suite) = match &ask.want {
                Want::Bound { comparison, version } => (Some((*comparison, version.clone())), None),
                Want::Suite(suite) => (None, Some(suite.clone())),
                Want::Any | Want::Apk { .. } => (None, None),
            };
            Ask { text: ask.text.clone(), name: ask.name.clone(), arch: word, bound, suite }
        })
        .collect();
    (asks, foreign)
}

fn explain_closure(pruned: &solve::apt::Pruned, explain: &mut Vec<ExplainRow>) {
    for applied in &pruned.applied {
        let kept = if applied.still_there { " (it stays: something else needs it)" } else { "" };
        explain.push(ExplainRow {
            rule: "cut edge".to_owned(),
            subject: format!("{} → {}", applied.edge.package, applied.edge.dependency),
            reason: format!("{}{kept}", applied.edge.reason),
        });
    }
    for left in pruned.closure.left_out.iter().filter(|l| l.reason == Reason::Removed) {
        explain.push(ExplainRow {
            rule: "removed".to_owned(),
            subject: left.pin.name.clone(),
            reason: "the recipe says so".to_owned(),
        });
    }
    for pin in &pruned.closure.pins {
        for cause in &pin.because {
            if let package::Cause::Hidden { by, reason } = cause {
                explain.push(ExplainRow {
                    rule: "hidden edge".to_owned(),
                    subject: format!("{by} → {}", pin.name),
                    reason: reason.clone(),
                });
            }
        }
    }
}
