use std::cmp::Reverse;
use std::collections::BTreeMap;

use apk::PkgInfo;
use package::parse_dependency;

/// Groups packages for layers as apko does (`groupByOriginAndSize`), by their numbers: packages of one
/// origin together, with those whose files they replace; the largest group first; where there are more
/// groups than `budget`, the last takes all that is left. Each group has a title.
pub(crate) fn by_origin(infos: &[(usize, &PkgInfo)], budget: usize) -> Vec<(String, Vec<usize>)> {
    let mut groups: BTreeMap<&str, Group<'_>> = BTreeMap::new();
    for (n, info) in infos {
        groups.entry(&info.origin).or_default().packages.push((*n, info));
    }
    let mut groups: Vec<Group<'_>> = groups.into_values().collect();
    merge_replaced(&mut groups);
    groups.sort_by_key(|g| (Reverse(g.size()), g.greatest_name()));
    if groups.len() > budget {
        let rest = groups.split_off(budget.saturating_sub(1));
        let packages = rest.into_iter().flat_map(|g| g.packages).collect();
        groups.push(Group { packages });
    }
    groups.into_iter().map(Group::into_numbers).collect()
}

#[derive(Default)]
struct Group<'a> {
    packages: Vec<(usize, &'a PkgInfo)>,
}

impl Group<'_> {
    fn size(&self) -> u64 {
        self.packages.iter().map(|(_, info)| info.size).sum()
    }

    fn greatest_name(&self) -> String {
        self.packages.iter().map(|(_, info)| info.name.clone()).max().unwrap_or_default()
    }

    fn replaces(&self, other: &Group<'_>) -> bool {
        let lines = self.packages.iter().flat_map(|(_, info)| &info.replaces);
        lines.filter_map(|line| parse_dependency(line).ok()).any(|r| {
            other.packages.iter().any(|(_, o)| r.name == o.name && !r.conflict && r.admits(&o.version, None))
        })
    }

    fn into_numbers(mut self) -> (String, Vec<usize>) {
        self.packages.sort_by_key(|(n, _)| *n);
        let origin = self.packages.first().map_or("", |(_, info)| info.origin_or_name());
        let title = match self.packages.iter().all(|(_, info)| info.origin_or_name() == origin) {
            true => origin.to_owned(),
            false => format!("{} packages", self.packages.len()),
        };
        (title, self.packages.iter().map(|(n, _)| *n).collect())
    }
}

fn merge_replaced(groups: &mut Vec<Group<'_>>) {
    let pair = |groups: &[Group<'_>]| {
        let all = || 0..groups.len();
        all().find_map(|a| all().find(|b| a != *b && groups[a].replaces(&groups[*b])).map(|b| (a, b)))
    };
    while let Some((a, b)) = pair(groups) {
        let taken = groups.remove(a.max(b));
        groups[a.min(b)].packages.extend(taken.packages);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use apk::parse_pkginfo;

    fn info(name: &str, origin: &str, size: u64, more: &str) -> PkgInfo {
        let text = format!("pkgname = {name}\npkgver = 1-r0\norigin = {origin}\nsize = {size}\n{more}\n");
        parse_pkginfo(text.as_bytes()).unwrap()
    }

    fn grouped(infos: &[PkgInfo], budget: usize) -> Vec<String> {
        let numbered: Vec<(usize, &PkgInfo)> = infos.iter().enumerate().collect();
        by_origin(&numbered, budget).into_iter().map(|(title, all)| format!("{title} {all:?}")).collect()
    }

    #[test]
    fn as_apko_groups() {
        let all = [
            info("a", "a", 10, ""),
            info("b1", "b", 30, ""),
            info("b2", "b", 30, "replaces = c<2"),
            info("c", "c", 1, ""),
            info("d", "d", 10, "replaces = a>2"),
            info("e", "e", 5, ""),
        ];
        assert_eq!(grouped(&all, 10), ["3 packages [1, 2, 3]", "a [0]", "d [4]", "e [5]"]);
        assert_eq!(grouped(&all, 2), ["3 packages [1, 2, 3]", "3 packages [0, 4, 5]"]);
        assert_eq!(grouped(&all, 1), ["6 packages [0, 1, 2, 3, 4, 5]"]);
    }
}
