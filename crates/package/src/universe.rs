use crate::shelf::{Record, Shelf};

/// Names one record of a [`Universe`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordId {
    /// Which shelf.
    pub shelf: u16,
    /// Which row of it.
    pub row: u32,
}

/// Where a shelf comes from, as far as choosing between versions needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShelfSource {
    /// The repository's id, as [`crate::Pin::repository`] has it.
    pub repository: String,
    /// `Suite` of its release (`stable-security`), "" where there is none.
    pub suite: String,
    /// `Codename` of its release (`trixie-security`), "" where there is none.
    pub codename: String,
    /// `Origin` of its release (`Debian`).
    pub origin: String,
    /// `Label` of its release (`Debian-Security`).
    pub label: String,
    /// The component (`main`).
    pub component: String,
    /// The pin: 500, 1 for NotAutomatic, 100 with ButAutomaticUpgrades, or what the recipe says.
    pub priority: i32,
    /// Whether it may shadow packages of the distribution.
    pub standing: Standing,
    /// apk's `@tag` before the address: only requests with that tag (and what they need) may choose
    /// from it.
    pub tag: Option<String>,
}

/// The place of a repository among the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Standing {
    /// Part of the distribution.
    #[default]
    Distribution,
    /// Another repository without a `priority:` in the recipe: it adds names, but never shadows a
    /// package of the distribution unless the package line names it.
    ThirdParty,
    /// Another repository to which the recipe gave a `priority:`; apt's rule alone decides.
    Ranked,
}

impl ShelfSource {
    /// A source of the distribution with the usual pin of 500.
    pub fn distribution(repository: impl Into<String>) -> ShelfSource {
        ShelfSource {
            repository: repository.into(),
            suite: String::new(),
            codename: String::new(),
            origin: String::new(),
            label: String::new(),
            component: String::new(),
            priority: 500,
            standing: Standing::Distribution,
            tag: None,
        }
    }

    /// Does a package line's `name/WORD` mean this source (its suite, codename or repository id)?
    pub fn answers_to(&self, word: &str) -> bool {
        !word.is_empty() && (self.suite == word || self.codename == word || self.repository == word)
    }
}

/// The records of all indexes of one run, by id; nothing is copied.
#[derive(Debug, Clone, Default)]
pub struct Universe {
    shelves: Vec<(Shelf, ShelfSource)>,
}

impl Universe {
    /// Without any record.
    pub fn new() -> Universe {
        Universe::default()
    }

    /// Adds an index. Order counts as the order of lines in apt's sources does: of two records
    /// with the same version and pin, the one added first is taken. For apk it is the order of lines
    /// in `/etc/apk/repositories`.
    pub fn add(&mut self, shelf: Shelf, source: ShelfSource) {
        debug_assert!(self.shelves.len() < usize::from(u16::MAX));
        self.shelves.push((shelf, source));
    }

    /// All shelves, in the order of adding.
    pub fn shelves(&self) -> impl Iterator<Item = (&Shelf, &ShelfSource)> {
        self.shelves.iter().map(|(shelf, source)| (shelf, source))
    }

    /// Number of records over all shelves.
    pub fn len(&self) -> usize {
        self.shelves.iter().map(|(shelf, _)| shelf.len() as usize).sum()
    }

    /// Has it no record?
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The record of an id of this universe.
    ///
    /// # Panics
    /// If the id's shelf is of another universe; rows are never out of bounds in that sense.
    pub fn record(&self, id: RecordId) -> Record<'_> {
        self.shelves[usize::from(id.shelf)].0.record(id.row)
    }

    /// Where the record comes from.
    ///
    /// # Panics
    /// As [`Universe::record`].
    pub fn source(&self, id: RecordId) -> &ShelfSource {
        &self.shelves[usize::from(id.shelf)].1
    }

    /// All records of a name, shelf by shelf.
    pub fn named<'a>(&'a self, name: &'a str) -> impl Iterator<Item = RecordId> + 'a {
        self.shelves.iter().enumerate().flat_map(move |(i, (shelf, _))| {
            shelf.rows_named(name).map(move |row| RecordId { shelf: i as u16, row })
        })
    }

    /// All records that provide a name, with the provided version ("" if none), shelf by shelf.
    pub fn providers<'a>(&'a self, name: &'a str) -> impl Iterator<Item = (RecordId, &'a str)> + 'a {
        self.shelves.iter().enumerate().flat_map(move |(i, (shelf, _))| {
            shelf.providers(name).map(move |(row, version)| (RecordId { shelf: i as u16, row }, version))
        })
    }

    /// Every id.
    pub fn ids(&self) -> impl Iterator<Item = RecordId> + '_ {
        self.shelves
            .iter()
            .enumerate()
            .flat_map(|(i, (shelf, _))| (0..shelf.len()).map(move |row| RecordId { shelf: i as u16, row }))
    }
}
