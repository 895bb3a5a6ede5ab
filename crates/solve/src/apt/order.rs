//! Install order: what a package needs comes before it. Packages that need one another in a circle
//! are ordered among themselves by Pre-Depends alone; where that says nothing (or is a circle too),
//! and wherever else several could come next, essential packages come first, then names in byte
//! order, then architectures. The order of the request plays no part.

use std::collections::{BTreeMap, BTreeSet};

use super::pool::{Kind, PkgIx};
use super::state::State;

type Key<'u> = (bool, &'u str, u32, PkgIx);

/// The packages that will be installed, in install order.
pub(crate) fn install_order(s: &mut State<'_>) -> Vec<PkgIx> {
    let members = s.installed();
    let mut needs: BTreeMap<PkgIx, BTreeSet<PkgIx>> = BTreeMap::new();
    let mut first: BTreeMap<PkgIx, BTreeSet<PkgIx>> = BTreeMap::new();
    for &p in &members {
        let Some(v) = s.cell(p).install else { continue };
        let clauses = s.pool.clauses(v);
        for clause in clauses.iter().filter(|c| !c.kind.is_negative()) {
            for choice in &clause.choices {
                for other in s.installed_for(choice.target, choice.bound).into_iter().filter(|o| *o != p) {
                    needs.entry(p).or_default().insert(other);
                    if clause.kind == Kind::PreDepends {
                        first.entry(p).or_default().insert(other);
                    }
                }
            }
        }
    }
    let circles = circles(&members, &needs);
    let key = |p: PkgIx| -> Key<'_> {
        let package = &s.pool.packages[p.at()];
        (!package.essential, s.pool.name_text(p), package.arch.0, p)
    };
    let mut of: BTreeMap<PkgIx, usize> = BTreeMap::new();
    let ordered: Vec<Vec<PkgIx>> = circles.iter().map(|circle| sorted(circle, &first, key)).collect();
    for (i, circle) in ordered.iter().enumerate() {
        of.extend(circle.iter().map(|p| (*p, i)));
    }
    let mut waiting = vec![0usize; ordered.len()];
    let mut waiters: Vec<Vec<usize>> = vec![Vec::new(); ordered.len()];
    let across = needs.iter().flat_map(|(p, others)| others.iter().map(|o| (of[p], of[o])));
    for (i, needed) in across.filter(|(i, needed)| i != needed).collect::<BTreeSet<_>>() {
        waiting[i] += 1;
        waiters[needed].push(i);
    }
    let best = |i: usize| ordered[i].iter().map(|p| key(*p)).min();
    let mut ready: BTreeSet<_> =
        (0..ordered.len()).filter(|i| waiting[*i] == 0).map(|i| (best(i), i)).collect();
    let mut out = Vec::with_capacity(members.len());
    while let Some((_, i)) = ready.pop_first() {
        out.extend(&ordered[i]);
        for &j in &waiters[i] {
            waiting[j] -= 1;
            if waiting[j] == 0 {
                ready.insert((best(j), j));
            }
        }
    }
    out
}

/// Within a circle: by Pre-Depends, then by key.
fn sorted<'u>(
    circle: &[PkgIx],
    first: &BTreeMap<PkgIx, BTreeSet<PkgIx>>,
    key: impl Fn(PkgIx) -> Key<'u>,
) -> Vec<PkgIx> {
    let mut left: BTreeSet<Key<'u>> = circle.iter().map(|p| key(*p)).collect();
    let mut out: Vec<PkgIx> = Vec::with_capacity(circle.len());
    while let Some(smallest) = left.first().copied() {
        let is_free = |k: &Key<'u>| {
            let waits = |o: &PkgIx| left.iter().any(|l| l.3 == *o);
            !first.get(&k.3).is_some_and(|needed| needed.iter().any(waits))
        };
        let next = left.iter().copied().find(is_free).unwrap_or(smallest);
        left.remove(&next);
        out.push(next.3);
    }
    out
}

/// Strongly connected components (Tarjan, without recursion).
fn circles(members: &[PkgIx], needs: &BTreeMap<PkgIx, BTreeSet<PkgIx>>) -> Vec<Vec<PkgIx>> {
    let none = BTreeSet::new();
    let mut number: BTreeMap<PkgIx, usize> = BTreeMap::new();
    let mut low: BTreeMap<PkgIx, usize> = BTreeMap::new();
    let (mut open, mut out): (Vec<PkgIx>, Vec<Vec<PkgIx>>) = (Vec::new(), Vec::new());
    let mut closed: BTreeSet<PkgIx> = BTreeSet::new();
    for &root in members {
        if number.contains_key(&root) {
            continue;
        }
        let mut path = vec![(root, needs.get(&root).unwrap_or(&none).iter())];
        number.insert(root, number.len());
        low.insert(root, number[&root]);
        open.push(root);
        while let Some((p, rest)) = path.last_mut() {
            let p = *p;
            if let Some(&next) = rest.next() {
                if !number.contains_key(&next) {
                    number.insert(next, number.len());
                    low.insert(next, number[&next]);
                    open.push(next);
                    path.push((next, needs.get(&next).unwrap_or(&none).iter()));
                } else if !closed.contains(&next) {
                    low.insert(p, low[&p].min(number[&next]));
                }
                continue;
            }
            path.pop();
            if let Some((parent, _)) = path.last() {
                low.insert(*parent, low[parent].min(low[&p]));
            }
            if low[&p] == number[&p] {
                let start = open.iter().position(|o| *o == p).unwrap_or(0);
                let circle = open.split_off(start);
                closed.extend(&circle);
                out.push(circle);
            }
        }
    }
    out
}
