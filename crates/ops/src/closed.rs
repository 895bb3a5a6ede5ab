//! Is a locked set of packages whole, and is nothing in it that the recipe has no use for?
//!
//! A lock holds facts beside its pins, and each can be proved alone; a pin that is missing, or one that
//! somebody added, is seen only by following what the packages say of each other: what the index says of
//! them (`lock --verify`), or they themselves (`build`). Nothing is chosen here. A version that a solver
//! would not have taken counts for as much as one that it would: that every requirement is met by something
//! in the set is what is asked, not by what.

use std::collections::HashMap;

use diag::{Diagnostic, Kind};
use package::Arch;
use recipe::Resolved;
use solve::apk::Compat;

use crate::World;
use crate::base;
use crate::ecosystem;
use crate::payloads::Unpacked;
use crate::recipes::Loaded;
use crate::request::LockPlace;
use crate::shop::Shop;

/// What a package says of others, in the words of its world.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Says {
    pub(crate) name: String,
    pub(crate) version: String,
    /// What it is besides its name.
    pub(crate) provides: String,
    /// What it needs, field by field.
    pub(crate) requires: Vec<String>,
    /// Beside what it cannot be, field by field; apk says that among its requirements.
    pub(crate) excludes: Vec<String>,
    /// apk: the conditions under which it comes by itself.
    pub(crate) install_if: String,
}

impl Says {
    /// By an index.
    pub(crate) fn by_index(record: &package::Record<'_>) -> Says {
        Says {
            name: record.name().to_owned(),
            version: record.version().to_owned(),
            provides: record.provides().to_owned(),
            requires: record.requires().map(str::to_owned).collect(),
            excludes: vec![record.conflicts().to_owned(), record.breaks().to_owned()],
            install_if: record.install_if().to_owned(),
        }
    }
}

/// The packages of a set by everything that they are called.
pub(crate) struct Offers<'a>(HashMap<&'a str, Vec<Offer<'a>>>);

/// A package under one of its names.
pub(crate) struct Offer<'a> {
    /// Which of the set.
    pub(crate) package: usize,
    /// The version that it has under this name, if any.
    pub(crate) version: &'a str,
}

impl<'a> Offers<'a> {
    /// Of names, versions and numbers in the set.
    pub(crate) fn of(all: impl Iterator<Item = (&'a str, &'a str, usize)>) -> Offers<'a> {
        let mut by_name: HashMap<&str, Vec<Offer<'_>>> = HashMap::new();
        for (name, version, package) in all {
            by_name.entry(name).or_default().push(Offer { package, version });
        }
        Offers(by_name)
    }

    /// Those of a name whose version is one that `fits`.
    pub(crate) fn meet(&self, name: &str, fits: impl Fn(&str) -> bool) -> Vec<usize> {
        let all = self.0.get(name).into_iter().flatten();
        all.filter(|offer| fits(offer.version)).map(|offer| offer.package).collect()
    }
}

/// Something that a package needs.
pub(crate) struct Need {
    /// As the package says it.
    pub(crate) clause: String,
    /// Which of the set do.
    pub(crate) met_by: Vec<usize>,
    /// It may go unmet: a table or the recipe took it out.
    pub(crate) excused: bool,
}

impl Need {
    /// Without the package itself.
    pub(crate) fn by_others_than(mut self, own: usize) -> Need {
        self.met_by.retain(|other| *other != own);
        self
    }
}

/// How the packages of a set hang together.
#[derive(Default)]
pub(crate) struct Links {
    /// Those that the recipe's lines mean.
    pub(crate) asked: Vec<usize>,
    /// What each needs.
    pub(crate) needs: Vec<Vec<Need>>,
    /// Beside what each cannot be, and who of the others is that.
    pub(crate) excludes: Vec<Vec<Need>>,
    /// Of each, the conditions under which it comes by itself, and who meets them; none: it does not.
    pub(crate) comes_if: Vec<Vec<Vec<usize>>>,
}

/// What is wrong with a set.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Fault {
    /// A package needs what is not there.
    #[error("it has nothing for `{clause}`, which {by} needs")]
    Open { by: String, clause: String },
    /// Two packages that cannot be together.
    #[error("it has {other} beside {by}, which excludes `{clause}`")]
    Clash { by: String, clause: String, other: String },
    /// Nothing asks for a package.
    #[error("it has {what}, which no line of the recipe leads to")]
    Idle { what: String },
}

/// The packages of one variant on one platform.
pub(crate) struct Set<'a> {
    pub(crate) variant: &'a Resolved,
    pub(crate) compat: Compat,
    /// Of the lock.
    pub(crate) packages: Vec<Says>,
    /// Of the image below: they are there, whatever the recipe says.
    pub(crate) below: Vec<Says>,
}

impl<'a> Set<'a> {
    /// A variant's packages with the image below, if there is one.
    pub(crate) fn of(
        shop: &Shop<'_>,
        (variant, arch): (&'a Resolved, &Arch),
        compat: Compat,
        packages: Vec<Says>,
    ) -> Result<Set<'a>, Diagnostic> {
        let below = match &variant.base_image {
            Some(below) => {
                let shelf = base::shelf(shop, below, arch)?;
                let shelf = shelf.value();
                (0..shelf.len()).map(|row| Says::by_index(&shelf.record(row))).collect()
            }
            None => Vec::new(),
        };
        Ok(Set { variant, compat, packages, below })
    }

    /// `latest on amd64`.
    pub(crate) fn whose(&self, arch: &Arch) -> String {
        format!("{} on {arch}", Loaded::variant_name(self.variant))
    }

    /// Whether every requirement is met, and everything is there for a reason.
    pub(crate) fn check(&self) -> Result<(), Fault> {
        let all: Vec<&Says> = self.packages.iter().chain(&self.below).collect();
        let links = ecosystem::links(self.variant, self.compat, &all);
        let titled = |says: &Says| format!("{} {}", says.name, says.version);
        for (says, needs) in self.packages.iter().zip(&links.needs) {
            if let Some(open) = needs.iter().find(|n| n.met_by.is_empty() && !n.excused) {
                return Err(Fault::Open { by: titled(says), clause: open.clause.clone() });
            }
        }
        for (says, excludes) in self.packages.iter().zip(&links.excludes) {
            let clash = excludes.iter().find_map(|e| e.met_by.first().map(|other| (e, *other)));
            if let Some((clash, other)) = clash {
                let (by, other) = (titled(says), titled(all[other]));
                return Err(Fault::Clash { by, clause: clash.clause.clone(), other });
            }
        }
        let reached = reach(&links, self.packages.len());
        match self.packages.iter().zip(&reached).find(|(_, reached)| !**reached) {
            Some((says, _)) => Err(Fault::Idle { what: titled(says) }),
            None => Ok(()),
        }
    }
}

/// What packages say themselves.
pub(crate) fn by_packages<'u>(unpacked: impl IntoIterator<Item = &'u Unpacked>) -> Vec<Says> {
    unpacked.into_iter().map(|u| u.control.says()).collect()
}

/// What can be come to from what is asked, and from what stands behind the first `own`.
fn reach(links: &Links, own: usize) -> Vec<bool> {
    let mut reached = vec![false; links.needs.len()];
    let mut todo: Vec<usize> = links.asked.iter().copied().chain(own..links.needs.len()).collect();
    loop {
        while let Some(at) = todo.pop() {
            if !std::mem::replace(&mut reached[at], true) {
                todo.extend(links.needs[at].iter().flat_map(|need| &need.met_by));
            }
        }
        let comes = |at: &usize| {
            let conditions = &links.comes_if[*at];
            let holds = |by: &Vec<usize>| by.iter().any(|other| reached[*other]);
            !reached[*at] && !conditions.is_empty() && conditions.iter().all(holds)
        };
        todo.extend((0..reached.len()).filter(comes));
        if todo.is_empty() {
            return reached;
        }
    }
}

impl Fault {
    /// What is said of it: `doing` is the verb and its object, `whose` the variant and platform.
    pub(crate) fn diagnose(
        &self,
        doing: &str,
        whose: &str,
        (world, place, typed): (&World, &LockPlace, &str),
    ) -> Diagnostic {
        let command = place.command(world, "lock", typed);
        let hint = match self {
            Fault::Open { .. } => format!(
                "complete the lock with `{command}`. If it was just made, the package asks for more than its index \
                 says: tell its maker, and name what it needs under `packages:`"
            ),
            Fault::Clash { .. } | Fault::Idle { .. } => {
                format!("put the lock in order with `{command}`; what is wanted stands under `packages:`")
            }
        };
        Diagnostic::new(Kind::Input, format!("{doing}: {self}")).detail(format!("in {whose}")).hint(hint)
    }
}
