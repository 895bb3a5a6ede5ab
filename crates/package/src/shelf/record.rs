use oci::Digest;

use super::{Section, Shelf};
use crate::{Identity, Sha1};

/// One record of a [`Shelf`]: borrowed, cheap to copy.
///
/// Texts are as the index has them; a field that is missing (or that hostile bytes spoil) is empty.
#[derive(Clone, Copy)]
pub struct Record<'a> {
    pub(super) shelf: &'a Shelf,
    pub(super) row: u32,
}

/// Debian's `Multi-Arch`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub enum MultiArch {
    /// `no`, or nothing said.
    #[default]
    No,
    /// `same`: may be installed for several architectures at once.
    Same,
    /// `foreign`: satisfies dependencies of other architectures.
    Foreign,
    /// `allowed`: does so where the dependency says `:any`.
    Allowed,
}

/// Debian's `Priority`, most important first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Hash)]
pub enum Priority {
    /// `required`.
    Required,
    /// `important`.
    Important,
    /// `standard`.
    Standard,
    /// `optional`.
    Optional,
    /// `extra`, which Policy no longer has.
    Extra,
    /// Nothing (or another word) said.
    #[default]
    Unknown,
}

macro_rules! texts {
    ($($(#[$doc:meta])* $name:ident => $section:ident;)*) => {
        impl<'a> Record<'a> { $($(#[$doc])* pub fn $name(self) -> &'a str { self.text(Section::$section) })* }
    };
}

texts! {
    /// Package name.
    name => Name;
    /// Version.
    version => Version;
    /// Architecture (`all` is possible).
    arch => Arch;
    /// Path of the file, relative to the archive.
    path => Path;
    /// `Pre-Depends`.
    pre_depends => PreDepends;
    /// `Depends`.
    depends => Depends;
    /// `Provides`.
    provides => Provides;
    /// `Conflicts`.
    conflicts => Conflicts;
    /// `Breaks`.
    breaks => Breaks;
    /// `Replaces`.
    replaces => Replaces;
    /// `Recommends`.
    recommends => Recommends;
    /// `Suggests`.
    suggests => Suggests;
    /// `Section`.
    section => Category;
    /// apk's `install_if`: the package comes in by itself where all of these are satisfied.
    install_if => InstallIf;
    /// The commit that an apk package was built from.
    commit => Commit;
}

impl<'a> Record<'a> {
    /// The row of its shelf.
    pub fn row(self) -> u32 {
        self.row
    }

    /// The shelf that it stands on.
    pub fn shelf(self) -> &'a Shelf {
        self.shelf
    }

    /// Place in the index file, from 0.
    pub fn ordinal(self) -> u32 {
        self.number(Section::Ordinal)
    }

    /// When the package's name was first seen in the index, in a record or in a relation of one:
    /// only the order means something. apt decides between equal providers by it.
    pub fn mention(self) -> u32 {
        self.number(Section::Mention)
    }

    /// Source package (apk: origin); the package's own name where the index says nothing.
    pub fn source(self) -> &'a str {
        match self.text(Section::Source) {
            "" => self.name(),
            source => source,
        }
    }

    /// Version of the source package; the package's own where the index says nothing.
    pub fn source_version(self) -> &'a str {
        match self.text(Section::SourceVersion) {
            "" => self.version(),
            version => version,
        }
    }

    /// `Pre-Depends` and `Depends`, in this order, those that are not empty.
    pub fn requires(self) -> impl Iterator<Item = &'a str> {
        [self.pre_depends(), self.depends()].into_iter().filter(|field| !field.is_empty())
    }

    /// Size of the file in bytes.
    pub fn size(self) -> u64 {
        self.shelf.wide_cell(Section::Size, self.row)
    }

    /// Size once installed, in bytes, as the index estimates it.
    pub fn installed_size(self) -> u64 {
        self.shelf.wide_cell(Section::InstalledSize, self.row)
    }

    /// What the index says the file is, by the strongest hash that it gives.
    pub fn identity(self) -> Option<Identity> {
        let blob = self.shelf.blob(self.number(Section::Identity));
        let (tag, hash) = blob.split_first()?;
        match tag {
            1 => Some(Identity::Whole(Digest::Sha256(hash.try_into().ok()?))),
            2 => Some(Identity::Whole(Digest::Sha512(hash.try_into().ok()?))),
            3 => Some(Identity::ApkControl(Sha1(hash.try_into().ok()?))),
            _ => None,
        }
    }

    /// SHA-256 of the file, where the index gives it.
    pub fn sha256(self) -> Option<Digest> {
        if let Some(Identity::Whole(digest @ Digest::Sha256(_))) = self.identity() {
            return Some(digest);
        }
        let hash = self.shelf.blob(self.number(Section::Sha256));
        Some(Digest::Sha256(hash.try_into().ok()?))
    }

    /// `Multi-Arch`.
    pub fn multi_arch(self) -> MultiArch {
        match self.number(Section::Flags) & 3 {
            1 => MultiArch::Same,
            2 => MultiArch::Foreign,
            3 => MultiArch::Allowed,
            _ => MultiArch::No,
        }
    }

    /// `Essential: yes`.
    pub fn is_essential(self) -> bool {
        self.number(Section::Flags) & 4 != 0
    }

    /// `Important: yes` or `Protected: yes`.
    pub fn is_protected(self) -> bool {
        self.number(Section::Flags) & 8 != 0
    }

    /// `Priority`.
    pub fn priority(self) -> Priority {
        match self.number(Section::Flags) >> 4 & 7 {
            1 => Priority::Required,
            2 => Priority::Important,
            3 => Priority::Standard,
            4 => Priority::Optional,
            5 => Priority::Extra,
            _ => Priority::Unknown,
        }
    }

    /// apk's `provider_priority`: which of several providers of a name is taken; 0 where none is said.
    pub fn provider_priority(self) -> u32 {
        self.number(Section::ProviderPriority)
    }

    /// When an apk package was built: seconds since 1970, 0 where nothing is said.
    pub fn build_time(self) -> u64 {
        self.shelf.wide_cell(Section::BuildTime, self.row)
    }

    /// Says the index something of it that only a newer apk understands? Then it is never installed.
    pub fn is_uninstallable(self) -> bool {
        self.number(Section::Flags) & 128 != 0
    }

    fn number(self, section: Section) -> u32 {
        self.shelf.cell(section, u64::from(self.row) * 4)
    }

    fn text(self, section: Section) -> &'a str {
        self.shelf.text(self.number(section))
    }
}

impl std::fmt::Debug for Record<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}={}:{}", self.name(), self.version(), self.arch())
    }
}
