//! How Debian's packages hang together: `Depends` and the tables of edges.

use deb::Control;
use deb::edges::{CUT, HIDDEN};
use package::version::Order;
use package::{Alternative, ArchQualifier, Relation, parse_relations};
use recipe::Resolved;

use crate::closed::{Links, Need, Offers, Says};

/// What a package says of others by its control file.
pub(crate) fn says(control: &Control) -> Says {
    let field = |name: &str| control.field(name).map(ToString::to_string);
    Says {
        name: control.package().to_owned(),
        version: control.version().to_owned(),
        provides: field("Provides").unwrap_or_default(),
        requires: ["Pre-Depends", "Depends"].into_iter().filter_map(field).collect(),
        excludes: ["Conflicts", "Breaks"].into_iter().filter_map(field).collect(),
        install_if: String::new(),
    }
}

/// The links of a set.
pub(crate) fn links(variant: &Resolved, all: &[&Says]) -> Links {
    let offers = offers(all);
    Links {
        asked: variant.packages.iter().flat_map(|ask| offers.meet(&ask.name, |_| true)).collect(),
        needs: all.iter().map(|says| needs(says, !variant.removed.is_empty(), &offers)).collect(),
        excludes: all.iter().enumerate().map(|(i, says)| excludes(i, says, &offers)).collect(),
        comes_if: vec![Vec::new(); all.len()],
    }
}

/// What each of a set needs that no recipe chose: an image's.
pub(crate) fn needs_of(all: &[&Says]) -> Vec<Vec<Need>> {
    let offers = offers(all);
    all.iter().map(|says| needs(says, false, &offers)).collect()
}

/// Beside what each of an image's packages cannot be, and which others are that; `archs` are theirs, in the same
/// order. A name without an architecture is one of any (deb-control(5), `Conflicts`), and packages of one name are
/// instances of one package, which do not exclude each other.
pub(crate) fn excludes_of(all: &[&Says], archs: &[&str]) -> Vec<Vec<Need>> {
    let offers = offers(all);
    let of = |(own, says): (usize, &&Says)| -> Vec<Need> {
        let fields = says.excludes.iter().flat_map(|field| parse_relations(field).unwrap_or_default());
        let clash = |relation: Relation<'_>| {
            let mut clash = need(&relation, &offers, |_| false, false).by_others_than(own);
            let is_for = |other: &usize| {
                let named = relation.alternatives.iter().find_map(|a| match a.qualifier {
                    Some(ArchQualifier::Arch(arch)) => Some(arch),
                    _ => None,
                });
                all[*other].name != says.name && named.is_none_or(|arch| archs[*other] == arch)
            };
            clash.met_by.retain(is_for);
            clash
        };
        fields.map(clash).collect()
    };
    all.iter().enumerate().map(of).collect()
}

fn offers<'a>(all: &[&'a Says]) -> Offers<'a> {
    let own = all.iter().enumerate().map(|(i, says)| (says.name.as_str(), says.version.as_str(), i));
    let relations: Vec<_> =
        all.iter().map(|says| parse_relations(&says.provides).unwrap_or_default()).collect();
    let provided = relations.iter().enumerate().flat_map(|(i, relations)| {
        let names = relations.iter().flat_map(|relation| &relation.alternatives);
        names.map(move |a| (a.name, a.bound.map_or("", |b| b.version), i))
    });
    Offers::of(own.chain(provided))
}

fn needs(says: &Says, removed: bool, offers: &Offers<'_>) -> Vec<Need> {
    let fields = says.requires.iter().flat_map(|field| parse_relations(field).unwrap_or_default());
    let declared = fields.map(|relation| {
        let is_cut = |a: &Alternative<'_>| CUT.iter().any(|edge| edge.cuts(&says.name, a.name));
        let excused = relation.alternatives.iter().any(is_cut);
        need(&relation, offers, is_cut, excused || removed)
    });
    let hidden = HIDDEN.iter().filter(|edge| edge.is_of(&says.name));
    let hidden = hidden.flat_map(|edge| parse_relations(edge.dependency).unwrap_or_default());
    let hidden = hidden.map(|relation| need(&relation, offers, |_| false, removed));
    declared.chain(hidden).collect()
}

/// Policy 7.4: nobody is in conflict with itself, nor with what it provides itself.
fn excludes(own: usize, says: &Says, offers: &Offers<'_>) -> Vec<Need> {
    let fields = says.excludes.iter().flat_map(|field| parse_relations(field).unwrap_or_default());
    let clashes = fields.map(|relation| need(&relation, offers, |_| false, false));
    clashes.map(|need| need.by_others_than(own)).collect()
}

/// What the recipe removed may have been all that a clause was met by; which names it had, only an index
/// knows.
fn need(
    relation: &Relation<'_>,
    offers: &Offers<'_>,
    is_cut: impl Fn(&Alternative<'_>) -> bool,
    excused: bool,
) -> Need {
    let met = |a: &Alternative<'_>| {
        offers.meet(a.name, |version| {
            a.bound.is_none_or(|b| !version.is_empty() && b.admits(version, Order::Debian))
        })
    };
    let met_by = relation.alternatives.iter().filter(|a| !is_cut(a)).flat_map(met).collect();
    Need { clause: relation.to_string(), met_by, excused }
}
