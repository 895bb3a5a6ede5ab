//! What packages ask for beyond the files they carry, as plain data.
//!
//! A package room fills an [`Actions`] from its own formats (maintainer scripts, `sysusers.d`,
//! `tmpfiles.d`); composition applies it to the merged tree and never sees those formats. Nothing
//! here runs: every action is literal, and where it depends on the tree it says so by
//! [`Condition`]s, which whoever applies it asks of the tree as it then is.
//!
//! All paths are relative to the root and normal, as in [`crate::Entry::path`].

use bstr::BString;

/// Everything that packages ask for, in install order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Actions {
    /// Alternatives; of several with one link the highest priority wins, the first of equals.
    pub alternatives: Vec<Alternative>,
    /// Groups, before users.
    pub groups: Vec<Group>,
    /// Users.
    pub users: Vec<User>,
    /// Users that are put into further groups.
    pub memberships: Vec<Membership>,
    /// Accounts that packages name and expect to be there.
    pub named: Vec<Named>,
    /// Diversions: two packages may bring `path`, the diverted one's file goes to `to`.
    pub diversions: Vec<Diversion>,
    /// Modes and owners that hold whatever a package says (`dpkg-statoverride --add`).
    pub overrides: Vec<Override>,
    /// Literal changes to the tree.
    pub steps: Vec<Step>,
    /// Login shells for `/etc/shells`.
    pub shells: Vec<BString>,
}

impl Actions {
    /// Adds what `later` asks for behind what is here.
    pub fn append(&mut self, mut later: Actions) {
        self.alternatives.append(&mut later.alternatives);
        self.groups.append(&mut later.groups);
        self.users.append(&mut later.users);
        self.memberships.append(&mut later.memberships);
        self.named.append(&mut later.named);
        self.diversions.append(&mut later.diversions);
        self.overrides.append(&mut later.overrides);
        self.steps.append(&mut later.steps);
        self.shells.append(&mut later.shells);
    }

    /// Nothing is asked for.
    pub fn is_empty(&self) -> bool {
        *self == Actions::default()
    }
}

/// One choice for a name, as `update-alternatives --install` takes it (update-alternatives(1)).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Alternative {
    /// The generic name, as `usr/bin/editor`; a link to `etc/alternatives/NAME`.
    pub link: BString,
    /// The name in `etc/alternatives`.
    pub name: BString,
    /// What the link means when this is chosen.
    pub path: BString,
    /// The highest wins.
    pub priority: i32,
    /// Links that follow the choice.
    pub followers: Vec<Follower>,
}

/// A link that follows an [`Alternative`] (`--slave`).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Follower {
    /// The generic name.
    pub link: BString,
    /// The name in `etc/alternatives`.
    pub name: BString,
    /// What it means; where that file does not exist the link is not made.
    pub path: BString,
}

/// A group.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Group {
    /// Name.
    pub name: BString,
    /// Number; `None`: the composition chooses one.
    pub gid: Option<u32>,
}

/// A user.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct User {
    /// Name.
    pub name: BString,
    /// Number; `None`: the composition chooses one.
    pub uid: Option<u32>,
    /// Primary group; `None`: a group of the same name and number.
    pub group: Option<Account>,
    /// The comment field.
    pub comment: BString,
    /// Home directory, absolute as in passwd(5).
    pub home: BString,
    /// Login shell, absolute as in passwd(5).
    pub shell: BString,
}

/// A user in a further group.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Membership {
    /// The user's name.
    pub user: BString,
    /// The group's name.
    pub group: BString,
}

/// A user or group by its name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Named {
    /// A user.
    User(BString),
    /// A group.
    Group(BString),
}

/// A user or group, by name or number.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Account {
    /// By number.
    Id(u32),
    /// By name, looked up in the finished passwd or group.
    Name(BString),
}

/// A file of other packages that goes elsewhere (dpkg-divert(1)).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Diversion {
    /// The package whose file stays at `path`; `None`: nobody's.
    pub by: Option<BString>,
    /// The contested path.
    pub path: BString,
    /// Where everybody else's file goes.
    pub to: BString,
}

/// Mode and owner of a path, whatever its package says.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Override {
    /// The path.
    pub path: BString,
    /// User.
    pub user: Account,
    /// Group.
    pub group: Account,
    /// Permission bits.
    pub mode: u32,
}

/// One change to the tree.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Step {
    /// It is made only where all of these hold, asked in order right before it.
    pub when: Vec<Condition>,
    /// The change.
    pub action: FileAction,
}

/// A question to the tree; symbolic links are followed inside the tree, except by
/// [`Test::Symlink`].
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Condition {
    /// About this path.
    pub path: BString,
    /// What is asked.
    pub test: Test,
    /// The answer it takes.
    pub expect: bool,
}

/// What a [`Condition`] asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Test {
    /// Is anything there?
    Exists,
    /// Is it a directory?
    Directory,
    /// Is it a regular file?
    File,
    /// Is it a symbolic link?
    Symlink,
    /// Is it a file with any execute bit?
    Executable,
    /// Is it a file with content?
    NotEmpty,
    /// The path is one word: is there an executable of that name in a directory of Debian's
    /// default `PATH`?
    Command,
}

/// A literal change.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum FileAction {
    /// Makes a directory and its parents (0755, root); one that exists only takes what is `Some`.
    Directory {
        /// Where.
        path: BString,
        /// Mode, owner.
        attributes: Attributes,
    },
    /// Makes a symbolic link.
    Symlink {
        /// Where.
        path: BString,
        /// The target, as written.
        target: BString,
        /// Takes the place of a file or link that exists; else an existing path stays.
        replace: bool,
    },
    /// Makes a hard link.
    Hardlink {
        /// The new name.
        path: BString,
        /// The existing file.
        target: BString,
        /// Takes the place of a file or link that exists; else an existing path stays.
        replace: bool,
    },
    /// Writes a file.
    File {
        /// Where.
        path: BString,
        /// The bytes.
        content: BString,
        /// Mode (0644 for a new one), owner.
        attributes: Attributes,
        /// What becomes of a file that exists.
        existing: Existing,
    },
    /// Copies a file or link (a directory with all below it where `recursive`).
    Copy {
        /// From.
        from: BString,
        /// To; a directory that exists takes the copy in under its own name.
        to: BString,
        /// Directories too.
        recursive: bool,
        /// What of the original the copy has besides its content.
        keeps: Keeps,
        /// Mode and owner that the copy gets whatever it keeps.
        attributes: Attributes,
        /// What becomes of a file that exists.
        existing: Existing,
    },
    /// Moves a path.
    Move {
        /// From; nothing there: nothing happens.
        from: BString,
        /// To.
        to: BString,
        /// What becomes of a file that exists.
        existing: Existing,
    },
    /// Changes mode or owner of a path that exists; a path that does not exist is passed over,
    /// because it may have been cut.
    Change {
        /// Where.
        path: BString,
        /// The change.
        change: Change,
        /// All below it too.
        recursive: bool,
    },
    /// Takes a path away, if it is there.
    Remove {
        /// Where.
        path: BString,
        /// Directories with all below them; else only files and links.
        recursive: bool,
    },
    /// Takes a directory away, if it is there and empty.
    RemoveEmpty {
        /// Where.
        path: BString,
    },
}

/// Mode and owner; `None` is the default of the action.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Attributes {
    /// Permission bits (`07777`).
    pub mode: Option<u32>,
    /// User.
    pub user: Option<Account>,
    /// Group.
    pub group: Option<Account>,
}

/// What a copy has of its original besides the content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Keeps {
    /// Mode, owner and attributes (`cp -a`, `cp -p`).
    All,
    /// The mode, without the set-ID bits and what the umask 022 takes; the copy is root's. A file that is
    /// written over keeps mode and owner of its own (cp(1)).
    Mode,
    /// Nothing: the copy is made anew, root's and 0755 (install(1)).
    Nothing,
}

/// What becomes of a file that is already there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Existing {
    /// It stays as it is.
    Keep,
    /// It is replaced.
    Replace,
    /// The content is put behind its own.
    Append,
}

/// How an existing path changes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Change {
    /// `mode = (mode & keep) | set`, so that `0755` is `keep: 0, set: 0755` and `g+w` is
    /// `keep: 07777, set: 020`.
    Mode {
        /// Bits that stay.
        keep: u32,
        /// Bits that are set.
        set: u32,
    },
    /// Owner; `None` stays. Symbolic links are followed.
    Owner {
        /// User.
        user: Option<Account>,
        /// Group.
        group: Option<Account>,
    },
}
