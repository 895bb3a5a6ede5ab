use std::collections::HashMap;
use std::fmt;

use package::version::Order;
use package::{Alternative, ArchQualifier, MultiArch, Record, RecordId, Universe, parse_relations};

/// A relation that a set of packages does not keep.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Name and version of the package whose relation it is.
    pub package: String,
    /// The field.
    pub field: &'static str,
    /// The clause, or what else is wrong.
    pub clause: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}: {}", self.package, self.field, self.clause)
    }
}

/// Checks a set on its own terms, sharing nothing with the solver but the reading of relations:
/// every Depends and Pre-Depends met, no Conflicts or Breaks, one version per name and architecture.
pub fn validate(universe: &Universe, arch: &str, set: &[RecordId]) -> Vec<Violation> {
    let records: Vec<Record<'_>> = set.iter().map(|id| universe.record(*id)).collect();
    let check = Check { arch, records: &records };
    let mut out = check.duplicates();
    for r in &records {
        for (field, text) in [("Pre-Depends", r.pre_depends()), ("Depends", r.depends())] {
            check.positive(*r, field, text, &mut out);
        }
        for (field, text) in [("Conflicts", r.conflicts()), ("Breaks", r.breaks())] {
            check.negative(*r, field, text, &mut out);
        }
    }
    out
}

struct Check<'a> {
    arch: &'a str,
    records: &'a [Record<'a>],
}

impl<'a> Check<'a> {
    fn arch_of(&self, r: Record<'a>) -> &'a str {
        if r.arch() == "all" { self.arch } else { r.arch() }
    }

    fn duplicates(&self) -> Vec<Violation> {
        let mut out = Vec::new();
        let mut by_name: HashMap<&str, Vec<Record<'_>>> = HashMap::new();
        for r in self.records {
            by_name.entry(r.name()).or_default().push(*r);
        }
        for list in by_name.values().filter(|l| l.len() > 1) {
            let same = |r: &Record<'_>| r.multi_arch() == MultiArch::Same && r.version() == list[0].version();
            let mut archs: Vec<&str> = list.iter().map(|r| self.arch_of(*r)).collect();
            archs.sort_unstable();
            archs.dedup();
            if archs.len() != list.len() || !list.iter().all(same) {
                out.push(self.violation(list[0], "Multi-Arch", "several of one name"));
            }
        }
        out
    }

    fn violation(&self, r: Record<'_>, field: &'static str, clause: &str) -> Violation {
        Violation { package: format!("{} {}", r.name(), r.version()), field, clause: clause.to_owned() }
    }

    fn positive(&self, r: Record<'a>, field: &'static str, text: &str, out: &mut Vec<Violation>) {
        let Ok(relations) = parse_relations(text) else {
            out.push(self.violation(r, field, "malformed"));
            return;
        };
        for relation in relations {
            let met = relation.alternatives.iter().any(|a| self.records.iter().any(|o| self.meets(r, a, *o)));
            if !met {
                out.push(self.violation(r, field, &relation.to_string()));
            }
        }
    }

    fn negative(&self, r: Record<'a>, field: &'static str, text: &str, out: &mut Vec<Violation>) {
        let Ok(relations) = parse_relations(text) else {
            out.push(self.violation(r, field, "malformed"));
            return;
        };
        for a in relations.iter().flat_map(|relation| &relation.alternatives) {
            for o in self.records.iter().filter(|o| o.name() != r.name()) {
                let admits = |version: &str| {
                    a.bound.is_none_or(|b| !version.is_empty() && b.admits(version, Order::Debian))
                };
                let in_arch = match a.qualifier {
                    Some(ArchQualifier::Arch(word)) => self.arch_of(*o) == word,
                    _ => true,
                };
                if in_arch
                    && ((o.name() == a.name && admits(o.version()))
                        || provided(*o, a.name).iter().any(|v| admits(v)))
                {
                    out.push(self.violation(r, field, &format!("{a} against {} {}", o.name(), o.version())));
                }
            }
        }
    }

    /// Does `o` meet what `r` needs?
    fn meets(&self, r: Record<'a>, a: &Alternative<'_>, o: Record<'a>) -> bool {
        let same_arch = self.arch_of(r) == self.arch_of(o);
        let multi_arch = o.multi_arch();
        let in_arch = match a.qualifier {
            None => same_arch || multi_arch == MultiArch::Foreign,
            Some(ArchQualifier::Any) => multi_arch == MultiArch::Allowed,
            Some(ArchQualifier::Native) => self.arch_of(o) == self.arch,
            Some(ArchQualifier::Arch(word)) => self.arch_of(o) == word,
        };
        let admits =
            |version: &str| a.bound.is_none_or(|b| !version.is_empty() && b.admits(version, Order::Debian));
        in_arch
            && ((o.name() == a.name && admits(o.version())) || provided(o, a.name).iter().any(|v| admits(v)))
    }
}

/// The versions under which a record provides a name; "" where it gives none.
fn provided<'a>(r: Record<'a>, name: &str) -> Vec<&'a str> {
    let relations = parse_relations(r.provides()).unwrap_or_default();
    let all = relations.into_iter().flat_map(|relation| relation.alternatives);
    all.filter(|a| a.name == name).map(|a| a.bound.map_or("", |b| b.version)).collect()
}
