//! The names (or versions) of several shelves under common numbers.

use package::shelf::{Words as ShelfWords, word_hash};

/// Words by number: those of the first shelf as they are there, then what each other one has more.
pub(super) struct Words<'u> {
    shelves: Vec<ShelfWords<'u>>,
    /// Where each word is.
    places: Vec<Place>,
    hashes: Vec<u32>,
    /// Open addressing by hash: number + 1, or 0.
    slots: Vec<u32>,
    /// Words of requests that no shelf has.
    more: Vec<&'u str>,
}

#[derive(Clone, Copy)]
struct Place {
    /// [`MORE`] for those of requests.
    shelf: u32,
    number: u32,
}

const MORE: u32 = u32::MAX;

/// For each shelf, the common numbers of its words.
pub(super) type Numbers = Vec<Vec<u32>>;

impl<'u> Words<'u> {
    pub(super) fn new(shelves: Vec<ShelfWords<'u>>) -> (Words<'u>, Numbers) {
        let total: usize = shelves.iter().map(ShelfWords::len).sum();
        let mut words = Words {
            places: Vec::with_capacity(total),
            hashes: Vec::with_capacity(total),
            slots: vec![0; (2 * total).next_power_of_two()],
            shelves: Vec::with_capacity(shelves.len()),
            more: Vec::new(),
        };
        let numbers = shelves.into_iter().map(|shelf| words.add(shelf)).collect();
        (words, numbers)
    }

    fn add(&mut self, shelf: ShelfWords<'u>) -> Vec<u32> {
        let place = self.shelves.len() as u32;
        self.shelves.push(shelf);
        // The words of one shelf differ from each other.
        let others = self.places.len() as u32;
        let number = |(i, hash): (u32, u32)| {
            let mut slot = hash as usize & (self.slots.len() - 1);
            while let Some(found) = self.slots[slot].checked_sub(1) {
                let is_it = found < others && self.hashes[found as usize] == hash;
                if is_it && self.bytes(found) == shelf.bytes(i) {
                    return found;
                }
                slot = (slot + 1) & (self.slots.len() - 1);
            }
            self.places.push(Place { shelf: place, number: i });
            self.hashes.push(hash);
            self.slots[slot] = self.places.len() as u32;
            self.places.len() as u32 - 1
        };
        (0..).zip(shelf.hashes()).map(number).collect()
    }

    /// The number of a word; one that no shelf has gets a number too.
    pub(super) fn number(&mut self, text: &'u str) -> u32 {
        let hash = word_hash(text);
        if let Some(found) = self.find(text, hash) {
            return found;
        }
        self.places.push(Place { shelf: MORE, number: self.more.len() as u32 });
        self.hashes.push(hash);
        self.more.push(text);
        self.places.len() as u32 - 1
    }

    fn find(&self, text: &str, hash: u32) -> Option<u32> {
        let mut slot = hash as usize & (self.slots.len() - 1);
        while let Some(found) = self.slots[slot].checked_sub(1) {
            if self.hashes[found as usize] == hash && self.text(found) == text {
                return Some(found);
            }
            slot = (slot + 1) & (self.slots.len() - 1);
        }
        let first = self.places.len() - self.more.len();
        Some((first + self.more.iter().position(|m| *m == text)?) as u32)
    }

    pub(super) fn len(&self) -> usize {
        self.places.len()
    }

    pub(super) fn text(&self, number: u32) -> &'u str {
        let Some(place) = self.places.get(number as usize) else { return "" };
        match self.shelves.get(place.shelf as usize) {
            Some(shelf) => shelf.text(place.number),
            None => self.more[place.number as usize],
        }
    }

    fn bytes(&self, number: u32) -> &'u [u8] {
        let place = self.places[number as usize];
        self.shelves.get(place.shelf as usize).map_or(&[], |shelf| shelf.bytes(place.number))
    }

    /// apk's hash of a word.
    pub(super) fn hash(&self, number: u32) -> u32 {
        self.hashes[number as usize]
    }
}
