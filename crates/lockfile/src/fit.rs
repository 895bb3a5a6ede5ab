use std::collections::BTreeMap;

use oci::Platform;
use package::version::Order;
use package::{Arch, Bound, Cause, Comparison, Op, parse_dependency};

use crate::Lockfile;
use crate::text::order_of;

/// Whether a lock still fits a recipe. Found without any index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fit {
    /// It has what the recipe asks for.
    Fits,
    /// The recipe asks for something else now, or the lock has lost what it had: what, one line each.
    Drifted(Vec<String>),
}

impl Lockfile {
    /// Compares what was asked when the lock was made with what is asked now, and looks whether what is
    /// asked is there, for every platform.
    pub fn fit(
        &self,
        requests: &BTreeMap<String, Vec<String>>,
        platforms: &[Platform],
        composition: u32,
    ) -> Fit {
        let mut drift = Vec::new();
        for (variant, now) in requests {
            let Some(then) = self.requests.get(variant) else {
                drift.push(format!("variant {variant} is not locked"));
                continue;
            };
            let (new, gone) = (missing(now, then), missing(then, now));
            drift.extend(new.map(|l| format!("{variant}: asked now: {l}")));
            drift.extend(gone.map(|l| format!("{variant}: no longer asked: {l}")));
        }
        let gone = self.requests.keys().filter(|v| !requests.contains_key(*v));
        drift.extend(gone.map(|v| format!("variant {v} is gone from the recipe")));
        for platform in platforms {
            let asks_packages = requests.values().flatten().any(|l| l.starts_with("package "));
            if asks_packages && !self.packages.iter().any(|p| p.platform == *platform) {
                drift.push(format!("platform {platform} is not locked"));
            }
        }
        if self.composition != composition {
            drift.push(format!(
                "made by revision {} of the rules of composition; this is {composition}",
                self.composition
            ));
        }
        // What was edited away is looked for only in a lock that is otherwise of this recipe.
        if drift.is_empty() {
            drift = self.lost(requests, platforms);
        }
        if drift.is_empty() { Fit::Fits } else { Fit::Drifted(drift) }
    }

    /// Asks that no package of the lock answers.
    fn lost(&self, requests: &BTreeMap<String, Vec<String>>, platforms: &[Platform]) -> Vec<String> {
        let mut lost = Vec::new();
        for (variant, lines) in requests {
            let here =
                |p: &&Platform| lines.contains(&format!("arch {}", debian_word(p))) || !names_archs(lines);
            let order = order_of(lines);
            for platform in platforms.iter().filter(here) {
                let asks = lines.iter().filter_map(|l| l.strip_prefix("package "));
                let asks = asks.map(|line| Ask::read(line, order));
                let removed = |ask: &Ask<'_>| {
                    lines.iter().any(|l| l.strip_prefix("removed ").is_some_and(|name| name == ask.name))
                };
                // An image below has it already.
                let below = |ask: &Ask<'_>| lines.contains(&format!("below {platform} has {}", ask.name));
                let unanswered =
                    asks.filter(|ask| !removed(ask) && !below(ask) && !self.answers(platform, variant, ask));
                lost.extend(
                    unanswered.map(|ask| format!("{variant} on {platform}: the lock has lost {}", ask.line)),
                );
            }
        }
        lost
    }

    /// A package of that name and within that bound; or, of a name that others provide, one that is
    /// there because of it.
    fn answers(&self, platform: &Platform, variant: &str, ask: &Ask<'_>) -> bool {
        self.pins(platform, variant).any(|locked| {
            let pin = &locked.pin;
            let asked =
                |cause: &Cause| matches!(cause, Cause::Asked(text) if begins_with_name(text, ask.name));
            match pin.name == ask.name {
                true => ask.admits(&pin.version),
                false => pin.because.iter().any(asked),
            }
        })
    }
}

/// A package line as a request has it.
struct Ask<'a> {
    line: &'a str,
    name: &'a str,
    order: Order,
}

impl<'a> Ask<'a> {
    fn read(line: &'a str, order: Order) -> Ask<'a> {
        let end: &[char] = match order {
            Order::Debian => &[' ', ':'],
            // Names of apk have colons in them: `so:libc.musl-x86_64.so.1`.
            Order::Apk => &[' '],
        };
        Ask { line, name: line.split(end).next().unwrap_or_default(), order }
    }

    /// Is the version within the bound, if there is one that can be read?
    fn admits(&self, version: &str) -> bool {
        match self.order {
            Order::Debian => bound_of(self.line).is_none_or(|b| b.admits(version, Order::Debian)),
            Order::Apk => {
                let constraint = self.line.split(' ').skip(1).find(|w| !w.is_empty() && !w.starts_with('@'));
                let text = format!("{}{}", self.name, constraint.unwrap_or_default());
                // An identity (`><`) is judged where the index is.
                parse_dependency(&text).map_or(true, |d| d.op == Op::Identity || d.admits(version, None))
            }
        }
    }
}

fn missing<'a>(these: &'a [String], those: &'a [String]) -> impl Iterator<Item = &'a String> {
    these.iter().filter(|l| !those.contains(l))
}

fn names_archs(lines: &[String]) -> bool {
    lines.iter().any(|l| l.starts_with("arch "))
}

fn debian_word(platform: &Platform) -> String {
    Arch::of(platform).map_or_else(|_| platform.architecture.clone(), |a| a.to_string())
}

/// The bound in a line `NAME OPERATOR VERSION`.
fn bound_of(ask: &str) -> Option<Bound<'_>> {
    let mut words = ask.split(' ').skip(1);
    let (operator, version) = (words.next()?, words.next()?);
    let comparison = match operator {
        "<<" => Comparison::Less,
        "<=" => Comparison::LessEqual,
        "=" => Comparison::Equal,
        ">=" => Comparison::GreaterEqual,
        ">>" => Comparison::Greater,
        _ => return None,
    };
    Some(Bound { comparison, version })
}

/// Does what a user wrote begin with this name, and not only with its letters?
fn begins_with_name(text: &str, name: &str) -> bool {
    let rest = text.trim_start().strip_prefix(name);
    rest.is_some_and(|rest| !rest.starts_with(|c: char| c.is_ascii_alphanumeric() || "+-._".contains(c)))
}
