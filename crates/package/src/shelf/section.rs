use super::World;

/// Bytes of one value of a wide column.
pub(super) const WIDE: u64 = 8;

macro_rules! sections {
    ($($(#[$doc:meta])* $name:ident = $kind:literal, $width:literal;)*) => {
        /// The sections of a shelf. The kinds are part of the format and are never used again.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(super) enum Section { $($(#[$doc])* $name,)* }

        impl Section {
            pub(super) const ALL: &[Section] = &[$(Section::$name,)*];
            pub(super) const COUNT: usize = Section::ALL.len();

            /// The number that stands in the file.
            pub(super) fn kind(self) -> u32 {
                match self { $(Section::$name => $kind,)* }
            }

            pub(super) fn from_kind(kind: u32) -> Option<Section> {
                match kind { $($kind => Some(Section::$name),)* _ => None }
            }

            /// Bytes of one row's value; 0 for what is not one value per row.
            pub(super) fn width(self) -> u64 {
                match self { $(Section::$name => $width,)* }
            }
        }
    };
}

sections! {
    /// Texts and digests, each after its length.
    Heap = 1, 0;
    /// Sorted distinct names: (offset of the text, first row).
    Names = 2, 0;
    /// Provided names, sorted by hash: (hash, offset of the name, row, offset of the version).
    Provided = 3, 0;
    /// apk's dependencies: (name's number, operator << 27, conflict << 31; version's number).
    Links = 4, 0;
    /// Names and versions by number: (offset of the text, hash).
    LinkNames = 5, 0;
    LinkVersions = 6, 0;
    /// Text columns.
    Name = 16, 4;
    Version = 17, 4;
    Arch = 18, 4;
    Source = 19, 4;
    SourceVersion = 20, 4;
    Path = 21, 4;
    PreDepends = 22, 4;
    Depends = 23, 4;
    Provides = 24, 4;
    Conflicts = 25, 4;
    Breaks = 26, 4;
    Replaces = 27, 4;
    Category = 28, 4;
    Recommends = 29, 4;
    Suggests = 30, 4;
    InstallIf = 31, 4;
    Commit = 32, 4;
    /// A tag byte (1 SHA-256 of the file, 2 SHA-512 of the file, 3 SHA-1 of apk's control) and the hash.
    Identity = 40, 4;
    /// SHA-256 of the file where the identity is another hash.
    Sha256 = 41, 4;
    /// Bits 0–1 Multi-Arch, 2 Essential, 3 Important or Protected, 4–6 priority, 7 uninstallable.
    Flags = 48, 4;
    /// The record's place in the index, from 0.
    Ordinal = 49, 4;
    /// When the name was first seen in the index, in a record or in a relation; apt's tie-break.
    Mention = 50, 4;
    ProviderPriority = 51, 4;
    /// Number of the package's name; bit 27: its dependencies cannot be read.
    LinkName = 52, 4;
    /// Number of its version.
    LinkVersion = 53, 4;
    /// Where its links begin: `depends`, `provides`, `install_if`, and where they end.
    LinkDepends = 60, 4;
    LinkProvides = 61, 4;
    LinkInstallIf = 62, 4;
    LinkEnd = 63, 4;
    /// The beginning of the identity's hash, never 0 where there is one.
    LinkIdentity = 64, 4;
    /// Bytes of the file.
    Size = 56, 8;
    /// Bytes once installed.
    InstalledSize = 57, 8;
    /// When it was built: seconds since 1970.
    BuildTime = 58, 8;
}

impl Section {
    /// Has a shelf of this world such a column? Others would only be zeros.
    pub(super) fn is_of(self, world: World) -> bool {
        use Section::*;
        match self {
            InstallIf | Commit | ProviderPriority | BuildTime | LinkName | LinkVersion | LinkDepends
            | LinkProvides | LinkInstallIf | LinkEnd | LinkIdentity => world == World::Apk,
            SourceVersion | PreDepends | Conflicts | Breaks | Category | Recommends | Suggests | Sha256
            | Mention => world == World::Debian,
            _ => true,
        }
    }
}
