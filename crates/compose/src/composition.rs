use bstr::BString;
use oci::ContainerConfig;
use rootfs::{LayerGroup, MemoryPayload, Owner, Rootfs};

use crate::policy::Violation;

/// What an image is made of, before any byte of it is written.
#[derive(Debug)]
pub struct Composition {
    /// The tree, and what was left out.
    pub rootfs: Rootfs,
    /// The layers, bottom first.
    pub groups: Vec<LayerGroup>,
    /// The bodies of derived and inline files.
    pub derived: MemoryPayload,
    /// Execution parameters.
    pub config: ContainerConfig,
    /// When the image was made: SOURCE_DATE_EPOCH, or the newest mtime of a kept package file; of apk
    /// packages, when the newest was built.
    pub created: i64,
    /// Paths that we made or changed, with the rule, by path.
    pub made: Vec<Made>,
    /// Sums of what was left out, by reason.
    pub cuts: Vec<CutTotal>,
    /// What is against the distroless policy, where it is reported and not refused.
    pub reported: Vec<Violation>,
    /// What the user should know.
    pub notes: Vec<Note>,
}

/// A path that a rule of ours made or changed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Made {
    /// The path.
    pub path: BString,
    /// The rule.
    pub rule: Rule,
}

/// The documented rules that make or change files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rule {
    /// `/etc/passwd`, `/etc/group` and home directories.
    Accounts,
    /// `/tmp` and the like, where no package brings them.
    Directories,
    /// `os-release`.
    OsRelease,
    /// `/etc/nsswitch.conf`.
    NameService,
    /// The bundle of trusted certificates.
    CaBundle,
    /// The same as a Java keystore.
    JavaKeystore,
    /// `/etc/ld.so.cache`.
    LibraryCache,
    /// Links from sonames to libraries.
    SonameLinks,
    /// `/etc/localtime`.
    LocalTime,
    /// `/bin` → `usr/bin` and its kin.
    UsrMerge,
    /// `/etc/alternatives` and the links into it.
    Alternatives,
    /// What packages ask for: literal changes of scripts, sysusers.d, tmpfiles.d.
    PackageSteps,
    /// `/etc/shells`.
    Shells,
    /// `/etc/pam.d/common-*`.
    Pam,
    /// The list of character conversions, without those that were cut.
    CharacterSets,
    /// `/var/lib/dpkg/status.d`.
    PackageStatus,
    /// apk's database and settings.
    ApkState,
    /// Links to busybox.
    BusyboxLinks,
    /// What s6 supervises.
    Services,
    /// `/dev/null` and its kin.
    Devices,
}

impl Rule {
    /// All rules, in the order of the documentation.
    pub const ALL: [Rule; 20] = [
        Rule::Accounts,
        Rule::Directories,
        Rule::OsRelease,
        Rule::NameService,
        Rule::CaBundle,
        Rule::JavaKeystore,
        Rule::LibraryCache,
        Rule::SonameLinks,
        Rule::LocalTime,
        Rule::UsrMerge,
        Rule::Alternatives,
        Rule::PackageSteps,
        Rule::Shells,
        Rule::Pam,
        Rule::CharacterSets,
        Rule::PackageStatus,
        Rule::ApkState,
        Rule::BusyboxLinks,
        Rule::Services,
        Rule::Devices,
    ];

    /// The name in summaries and documentation.
    pub fn name(self) -> &'static str {
        match self {
            Rule::Accounts => "accounts",
            Rule::Directories => "directories",
            Rule::OsRelease => "os-release",
            Rule::NameService => "name-service",
            Rule::CaBundle => "ca-bundle",
            Rule::JavaKeystore => "java-keystore",
            Rule::LibraryCache => "library-cache",
            Rule::SonameLinks => "soname-links",
            Rule::LocalTime => "local-time",
            Rule::UsrMerge => "usr-merge",
            Rule::Alternatives => "alternatives",
            Rule::PackageSteps => "package-steps",
            Rule::Shells => "shells",
            Rule::Pam => "pam",
            Rule::CharacterSets => "character-sets",
            Rule::PackageStatus => "package-status",
            Rule::ApkState => "apk-state",
            Rule::BusyboxLinks => "busybox-links",
            Rule::Services => "services",
            Rule::Devices => "devices",
        }
    }
}

/// How much one reason left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CutTotal {
    /// The reason, as in [`rootfs::Cut::why`].
    pub why: String,
    /// How many paths that are not directories.
    pub files: u64,
    /// The bytes of their contents.
    pub bytes: u64,
}

/// Something that the user should know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Note {
    /// The licence of a package is not in the image.
    NoCopyright {
        /// The package.
        package: String,
    },
    /// Python is in the image, and its modules are not byte-compiled: the first import is slow.
    PythonNotCompiled,
    /// No package of the image provides what `certificates: {providers}` names.
    NoProvider {
        /// The name.
        name: String,
    },
    /// A file among those to trust is not one certificate (of deb packages: certificates only), and counts for
    /// nothing (apko's rule).
    NoCertificate {
        /// Its path.
        path: BString,
    },
    /// `services` without `type: service-bundle`: they are in the image, and nothing starts them.
    ServicesNotRun,
    /// An account that a package asks for has a number that another has already; busybox makes none.
    NoAccount {
        /// Its name.
        name: BString,
    },
    /// A package has a link where the image has a directory of the name: the link is not there.
    LinkLost {
        /// The package.
        package: String,
        /// The path.
        path: BString,
    },
    /// A file of accounts is a link of a package's: what is written goes where it leads.
    AccountsElsewhere {
        /// The file.
        path: BString,
        /// Where it leads.
        real: BString,
    },
    /// A step that a package asks for could not be made.
    StepSkipped {
        /// The path it is about.
        path: BString,
        /// Why not.
        why: String,
    },
}

impl Composition {
    /// Who brought a path; none for what is not in the tree.
    pub fn owner(&self, path: impl AsRef<[u8]>) -> Option<Owner> {
        self.rootfs.tree.get(path).map(|e| e.owner)
    }

    /// The rule that made a path.
    pub fn rule(&self, path: impl AsRef<[u8]>) -> Option<Rule> {
        let path = path.as_ref();
        let at = self.made.binary_search_by(|m| m.path.as_slice().cmp(path)).ok()?;
        Some(self.made[at].rule)
    }
}

#[cfg(test)]
mod tests {
    use super::Rule;

    #[test]
    fn each_rule_is_documented() {
        let page = testkit::workspace().join("docs/derived.md");
        #[allow(clippy::disallowed_methods, reason = "a test reads the documentation")]
        let text = std::fs::read_to_string(page).unwrap();
        let rows: Vec<&str> = text
            .lines()
            .filter_map(|l| l.strip_prefix("| ")?.split(" |").next())
            .filter(|name| *name != "rule")
            .collect();
        assert_eq!(rows, Rule::ALL.map(Rule::name));
    }
}
