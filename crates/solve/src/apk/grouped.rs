use super::pool::NameIx;

/// A list for each name, all in one.
pub(super) struct Grouped<T> {
    /// Where each name's list ends; it begins where the one before ends.
    ends: Vec<u32>,
    items: Vec<T>,
}

impl<T> Default for Grouped<T> {
    fn default() -> Grouped<T> {
        Grouped { ends: Vec::new(), items: Vec::new() }
    }
}

impl<T: Copy> Grouped<T> {
    /// Groups by name, and keeps the order within a group.
    pub(super) fn new(names: usize, all: impl Iterator<Item = (NameIx, T)> + Clone) -> Grouped<T> {
        let mut ends = vec![0u32; names + 1];
        let mut first = None;
        for (name, item) in all.clone() {
            ends[name.at() + 1] += 1;
            first.get_or_insert(item);
        }
        let mut sum = 0;
        for end in &mut ends {
            sum += *end;
            *end = sum;
        }
        // Each start moves on to its end while the items are put down.
        let mut items = first.map_or_else(Vec::new, |first| vec![first; sum as usize]);
        for (name, item) in all {
            let at = &mut ends[name.at()];
            items[*at as usize] = item;
            *at += 1;
        }
        Grouped { ends, items }
    }

    pub(super) fn of(&self, name: NameIx) -> &[T] {
        let start = name.at().checked_sub(1).map_or(0, |before| self.end(before));
        self.items.get(start..self.end(name.at())).unwrap_or(&[])
    }

    /// Names that were added after grouping have nothing.
    fn end(&self, place: usize) -> usize {
        self.ends.get(place).map_or(self.items.len(), |end| *end as usize)
    }
}
