use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use oci::Digest;

use super::build_links::{LinkBuilder, LinkRow};
use super::heap::Heap;
use super::section::{Section, WIDE};
use super::{
    FORMAT, HASH_START, HEADER, MAGIC, MultiArch, Priority, TABLE_ROW, World, hash, hash_step, hash_wide,
};
use crate::requirement::parse_alternative;
use crate::{DependencyError, Identity, RelationError, parse_dependencies};

/// What a record will say; texts are borrowed from wherever the index lies.
#[derive(Debug, Clone, Copy, Default)]
pub struct RecordDraft<'a> {
    /// Package name.
    pub name: &'a str,
    /// Version.
    pub version: &'a str,
    /// Architecture, in Debian's word.
    pub arch: &'a str,
    /// Source package, or "" where it is the name.
    pub source: &'a str,
    /// Version of the source package, or "" where it is the version.
    pub source_version: &'a str,
    /// Path of the file, relative to the archive.
    pub path: &'a str,
    /// Size of the file in bytes.
    pub size: u64,
    /// Size once installed, in bytes.
    pub installed_size: u64,
    /// What the index says the file is; the strongest hash.
    pub identity: Option<Identity>,
    /// SHA-256 beside a stronger identity.
    pub sha256: Option<Digest>,
    /// `Pre-Depends`.
    pub pre_depends: &'a str,
    /// `Depends`.
    pub depends: &'a str,
    /// `Provides`.
    pub provides: &'a str,
    /// `Conflicts`.
    pub conflicts: &'a str,
    /// `Breaks`.
    pub breaks: &'a str,
    /// `Replaces`.
    pub replaces: &'a str,
    /// `Recommends`.
    pub recommends: &'a str,
    /// `Suggests`.
    pub suggests: &'a str,
    /// `Enhances`: not kept, it only counts as a mention.
    pub enhances: &'a str,
    /// `Section`.
    pub section: &'a str,
    /// `Multi-Arch`.
    pub multi_arch: MultiArch,
    /// `Essential: yes`.
    pub essential: bool,
    /// `Important: yes` or `Protected: yes`.
    pub protected: bool,
    /// `Priority`.
    pub priority: Priority,
    /// apk's `install_if`.
    pub install_if: &'a str,
    /// apk's `provider_priority`.
    pub provider_priority: u32,
    /// When an apk package was built, in seconds since 1970.
    pub build_time: u64,
    /// The commit that an apk package was built from.
    pub commit: &'a str,
    /// The index says something of it that only a newer apk understands.
    pub uninstallable: bool,
}

/// A record that cannot be put on a shelf.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BuildError {
    /// `Provides` is no list of names with `=` versions.
    #[error("Provides: {0}")]
    Provides(#[source] RelationError),
    /// apk's `provides` is no list of names.
    #[error("provides: {0}")]
    ApkProvides(#[source] DependencyError),
    /// More than 4 GiB of text or 2³² records.
    #[error("the index is larger than a shelf can be (4 GiB)")]
    TooLarge,
}

/// Takes records in the order of the index and makes the bytes of a [`super::Shelf`].
pub struct ShelfBuilder {
    world: World,
    heap: Heap,
    columns: Vec<(Section, Vec<u32>)>,
    wide: Vec<(Section, Vec<u64>)>,
    names: Vec<u32>,
    provided: Vec<[u32; 4]>,
    /// Only for apk.
    links: Option<LinkBuilder>,
    /// When each name was first seen, by the name's hash.
    mentions: HashMap<u64, u32, BuildHasherDefault<Ready>>,
    /// Words that thousands of records share (architectures, sections).
    shared: HashMap<Box<str>, u32>,
    rows: u32,
}

impl ShelfBuilder {
    /// An empty shelf.
    pub fn new(world: World) -> ShelfBuilder {
        let sections = |width| Section::ALL.iter().filter(move |s| s.width() == width && s.is_of(world));
        ShelfBuilder {
            world,
            heap: Heap::new(),
            links: (world == World::Apk).then(LinkBuilder::new),
            columns: sections(4).map(|s| (*s, Vec::new())).collect(),
            wide: sections(WIDE).map(|s| (*s, Vec::new())).collect(),
            names: Vec::new(),
            provided: Vec::new(),
            mentions: HashMap::default(),
            shared: HashMap::new(),
            rows: 0,
        }
    }

    /// How many records it has.
    pub fn len(&self) -> u32 {
        self.rows
    }

    /// Has it none?
    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// Adds the next record.
    pub fn push(&mut self, draft: &RecordDraft<'_>) -> Result<(), BuildError> {
        if self.world == World::Debian {
            self.mention(draft);
        }
        let name = self.put(draft.name.as_bytes());
        self.names.push(name);
        match self.world {
            World::Debian => self.push_provides(draft.provides)?,
            World::Apk => self.push_apk_provides(draft.provides)?,
        }
        let links = match &mut self.links {
            Some(links) => links.push(draft, &mut self.heap)?,
            None => LinkRow::default(),
        };
        for i in 0..self.columns.len() {
            let section = self.columns[i].0;
            let value = match section {
                Section::Name => name,
                // Filled in when all mentions are known.
                Section::Mention => 0,
                _ => links.value(section).unwrap_or_else(|| self.value(section, draft)),
            };
            self.columns[i].1.push(value);
        }
        for (section, values) in &mut self.wide {
            values.push(match section {
                Section::Size => draft.size,
                Section::InstalledSize => draft.installed_size,
                _ => draft.build_time,
            });
        }
        self.rows = self.rows.checked_add(1).ok_or(BuildError::TooLarge)?;
        if u32::try_from(self.heap.len()).is_err() { Err(BuildError::TooLarge) } else { Ok(()) }
    }

    fn value(&mut self, section: Section, draft: &RecordDraft<'_>) -> u32 {
        let text = match section {
            Section::Version => draft.version,
            Section::Source => draft.source,
            Section::SourceVersion => draft.source_version,
            Section::Path => draft.path,
            Section::PreDepends => draft.pre_depends,
            Section::Depends => draft.depends,
            Section::Provides => draft.provides,
            Section::Conflicts => draft.conflicts,
            Section::Breaks => draft.breaks,
            Section::Replaces => draft.replaces,
            Section::Recommends => draft.recommends,
            Section::Suggests => draft.suggests,
            Section::InstallIf => draft.install_if,
            Section::Commit => draft.commit,
            Section::ProviderPriority => return draft.provider_priority,
            Section::Arch => return self.put_shared(draft.arch),
            Section::Category => return self.put_shared(draft.section),
            Section::Identity => return self.put_identity(draft.identity),
            Section::Sha256 => return draft.sha256.map_or(0, |d| self.put(d.as_bytes())),
            Section::Flags => return flags(draft),
            Section::Ordinal => return self.rows,
            _ => "",
        };
        self.put(text.as_bytes())
    }

    /// Notes the names of a record in the order in which apt's cache generator meets them
    /// (apt 2.6, deblistparser.cc, `NewVersion`).
    fn mention(&mut self, draft: &RecordDraft<'_>) {
        self.mention_key(hash_wide(draft.name));
        let fields = [
            draft.pre_depends,
            draft.depends,
            draft.conflicts,
            draft.breaks,
            draft.recommends,
            draft.suggests,
            draft.replaces,
            draft.enhances,
            draft.provides,
        ];
        for field in fields {
            self.mention_field(field.as_bytes());
        }
    }

    /// Every name of a relation field; by hand, since each byte of an index's relations passes here.
    fn mention_field(&mut self, field: &[u8]) {
        let mut at = 0;
        while at < field.len() {
            if matches!(field[at], b' ' | b'\n' | b'\t' | b',' | b'|') {
                at += 1;
                continue;
            }
            let (mut key, mut qualified) = (HASH_START, false);
            while let Some(&b) =
                field.get(at).filter(|b| !matches!(b, b' ' | b'\n' | b'\t' | b',' | b'|' | b'('))
            {
                key = hash_step(key, b);
                qualified |= b == b':';
                at += 1;
            }
            if !qualified {
                self.mention_key(key);
            }
            // What is left of the alternative is its version.
            while field.get(at).is_some_and(|b| !matches!(b, b',' | b'|')) {
                at += 1;
            }
        }
    }

    fn mention_key(&mut self, key: u64) {
        let next = self.mentions.len() as u32;
        self.mentions.entry(key).or_insert(next);
    }

    fn push_provides(&mut self, field: &str) -> Result<(), BuildError> {
        for clause in field.split(',').map(str::trim).filter(|c| !c.is_empty()) {
            let provided = parse_alternative(clause).map_err(BuildError::Provides)?;
            let name = self.put(provided.name.as_bytes());
            let version = provided.bound.map_or(0, |b| self.put(b.version.as_bytes()));
            self.provided.push([hash(provided.name), name, self.rows, version]);
        }
        Ok(())
    }

    fn push_apk_provides(&mut self, field: &str) -> Result<(), BuildError> {
        for provided in parse_dependencies(field) {
            let provided = provided.map_err(BuildError::ApkProvides)?;
            let name = self.put(provided.name.as_bytes());
            let version = self.put(provided.version.as_bytes());
            self.provided.push([hash(provided.name), name, self.rows, version]);
        }
        Ok(())
    }

    fn put(&mut self, bytes: &[u8]) -> u32 {
        self.heap.put(bytes)
    }

    fn put_shared(&mut self, text: &str) -> u32 {
        if let Some(&at) = self.shared.get(text) {
            return at;
        }
        let at = self.put(text.as_bytes());
        self.shared.insert(text.into(), at);
        at
    }

    fn put_identity(&mut self, identity: Option<Identity>) -> u32 {
        let (tag, hash): (u8, &[u8]) = match &identity {
            None => return 0,
            Some(Identity::Whole(d @ Digest::Sha256(_))) => (1, d.as_bytes()),
            Some(Identity::Whole(d @ Digest::Sha512(_))) => (2, d.as_bytes()),
            Some(Identity::ApkControl(sha1)) => (3, &sha1.0),
        };
        let mut blob = [0; 65];
        blob[0] = tag;
        blob[1..=hash.len()].copy_from_slice(hash);
        self.put(&blob[..=hash.len()])
    }

    /// The bytes of the shelf.
    pub fn finish(self) -> Vec<u8> {
        let rows = self.sorted_rows();
        let mut place = vec![0u32; rows.len()];
        for (new, &old) in rows.iter().enumerate() {
            place[old as usize] = new as u32;
        }
        let more = if self.links.is_some() { 6 } else { 3 };
        let sections = more + self.columns.len() + self.wide.len();
        let mut out = Writer::new(self.world, self.rows, sections, self.heap.len());
        out.section(Section::Names, self.name_table(&rows).into_iter().flatten());
        let mentions = self.mention_column(&rows);
        let mut provided = self.provided;
        // Texts lie on the heap in the index's order, which providers of one name keep.
        provided.sort_unstable_by_key(|p| (p[0], p[1]));
        let moved =
            provided.iter().flat_map(|p| [p[0], p[1], place.get(p[2] as usize).copied().unwrap_or(0), p[3]]);
        out.section(Section::Provided, moved);
        for (section, values) in &self.columns {
            if *section == Section::Mention {
                out.section(*section, mentions.iter().copied());
            } else {
                out.section(*section, rows.iter().map(|&r| values[r as usize]));
            }
        }
        for (section, values) in &self.wide {
            let halves = rows.iter().map(|&r| values[r as usize]).flat_map(|v| [v as u32, (v >> 32) as u32]);
            debug_assert_eq!(section.width(), WIDE);
            out.section(*section, halves);
        }
        if let Some(links) = &self.links {
            out.section(Section::Links, links.links.iter().flatten().copied());
            out.section(Section::LinkNames, links.names.words.iter().flatten().copied());
            out.section(Section::LinkVersions, links.versions.words.iter().flatten().copied());
        }
        out.heap(self.heap.as_bytes())
    }

    fn text(&self, at: u32) -> &[u8] {
        self.heap.text(at)
    }

    fn mention_column(&self, rows: &[u32]) -> Vec<u32> {
        let of = |&row: &u32| {
            let name = std::str::from_utf8(self.text(self.names[row as usize])).unwrap_or("");
            self.mentions.get(&hash_wide(name)).copied().unwrap_or(u32::MAX)
        };
        rows.iter().map(of).collect()
    }

    fn sorted_rows(&self) -> Vec<u32> {
        let text = |row: u32| self.text(self.names[row as usize]);
        // Most comparisons end in the first eight bytes, which need no look at the heap.
        let start = |row: u32| {
            let mut bytes = [0; 8];
            let text = text(row);
            let len = text.len().min(8);
            bytes[..len].copy_from_slice(&text[..len]);
            u64::from_be_bytes(bytes)
        };
        let mut rows: Vec<(u64, u32)> = (0..self.rows).map(|row| (start(row), row)).collect();
        rows.sort_unstable_by(|a, b| {
            a.0.cmp(&b.0).then_with(|| text(a.1).cmp(text(b.1))).then_with(|| a.1.cmp(&b.1))
        });
        rows.into_iter().map(|(_, row)| row).collect()
    }

    fn name_table(&self, rows: &[u32]) -> Vec<[u32; 2]> {
        let mut table: Vec<[u32; 2]> = Vec::with_capacity(rows.len());
        for (row, &old) in rows.iter().enumerate() {
            let name = self.names[old as usize];
            if table.last().is_none_or(|last| self.text(last[0]) != self.text(name)) {
                table.push([name, row as u32]);
            }
        }
        table
    }
}

/// A hasher for keys that are hashes already.
#[derive(Default)]
pub(super) struct Ready(u64);

impl Hasher for Ready {
    fn write(&mut self, _: &[u8]) {}
    fn write_u64(&mut self, key: u64) {
        self.0 = key;
    }
    fn finish(&self) -> u64 {
        self.0
    }
}

fn flags(draft: &RecordDraft<'_>) -> u32 {
    let multi_arch = match draft.multi_arch {
        MultiArch::No => 0,
        MultiArch::Same => 1,
        MultiArch::Foreign => 2,
        MultiArch::Allowed => 3,
    };
    let priority = match draft.priority {
        Priority::Unknown => 0,
        Priority::Required => 1,
        Priority::Important => 2,
        Priority::Standard => 3,
        Priority::Optional => 4,
        Priority::Extra => 5,
    };
    let bits = [(draft.essential, 2), (draft.protected, 3), (draft.uninstallable, 7)];
    bits.iter().fold(multi_arch | priority << 4, |flags, (bit, at)| flags | u32::from(*bit) << at)
}

/// Writes the sections one after the other and their table before them.
struct Writer {
    out: Vec<u8>,
    table_at: usize,
}

impl Writer {
    fn new(world: World, rows: u32, sections: usize, heap: usize) -> Writer {
        let mut out = Vec::with_capacity(HEADER + sections * (TABLE_ROW + 4 * rows as usize) + 2 * heap);
        out.extend_from_slice(&MAGIC);
        let world = match world {
            World::Debian => 1,
            World::Apk => 2,
        };
        for word in [FORMAT, world, rows, sections as u32] {
            out.extend_from_slice(&word.to_le_bytes());
        }
        out.resize(HEADER + sections * TABLE_ROW, 0);
        Writer { out, table_at: HEADER }
    }

    fn section(&mut self, section: Section, words: impl Iterator<Item = u32>) {
        let start = self.out.len();
        for word in words {
            self.out.extend_from_slice(&word.to_le_bytes());
        }
        self.enter(section, start);
    }

    fn heap(mut self, heap: &[u8]) -> Vec<u8> {
        let start = self.out.len();
        self.out.extend_from_slice(heap);
        self.enter(Section::Heap, start);
        self.out
    }

    fn enter(&mut self, section: Section, start: usize) {
        let len = (self.out.len() - start) as u64;
        let row = &mut self.out[self.table_at..self.table_at + TABLE_ROW];
        row[..4].copy_from_slice(&section.kind().to_le_bytes());
        row[8..16].copy_from_slice(&(start as u64).to_le_bytes());
        row[16..24].copy_from_slice(&len.to_le_bytes());
        self.table_at += TABLE_ROW;
    }
}
