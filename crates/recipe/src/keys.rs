//! Every key that a recipe may have, by the mapping it stands in. The walker reads by these tables
//! and the JSON Schema is tested against them.

/// The keys of one sort of mapping.
#[derive(Debug)]
pub struct Keys {
    /// How messages name the mapping.
    pub place: &'static str,
    /// What it may have.
    pub known: &'static [&'static str],
    /// What apko has there, and distil does not build yet.
    pub not_yet: &'static [&'static str],
}

const fn keys(place: &'static str, known: &'static [&'static str]) -> Keys {
    Keys { place, known, not_yet: &[] }
}

/// The recipe itself.
pub const RECIPE: Keys = Keys {
    place: "the recipe",
    known: &[
        "include",
        "contents",
        "allow",
        "certificates",
        "accounts",
        "entrypoint",
        "cmd",
        "environment",
        "work-dir",
        "stop-signal",
        "ports",
        "volumes",
        "paths",
        "labels",
        "annotations",
        "archs",
        "layering",
        "variants",
    ],
    not_yet: &["vcs-url", "format"],
};

/// One of the variants: what a recipe has but `include` and `variants`, and `of`.
pub const VARIANT: Keys = Keys {
    place: "the variant",
    known: &[
        "of",
        "contents",
        "allow",
        "certificates",
        "accounts",
        "entrypoint",
        "cmd",
        "environment",
        "work-dir",
        "stop-signal",
        "ports",
        "volumes",
        "paths",
        "labels",
        "annotations",
        "archs",
        "layering",
    ],
    not_yet: &["vcs-url", "format"],
};

/// `contents`.
pub const CONTENTS: Keys = Keys {
    place: "`contents`",
    known: &[
        "distribution",
        "snapshot",
        "repositories",
        "keyring",
        "packages",
        "files",
        "slim",
        "keep",
        "drop",
    ],
    not_yet: &["build_repositories", "runtime_repositories", "runtime_keyring", "baseimage"],
};

/// A repository in its map form.
pub const REPOSITORY: Keys = keys("the repository", &["deb", "signed-by", "priority", "max-age"]);

/// A package of which a part is taken.
pub const PACKAGE: Keys = keys("the package", &["name", "only", "drop"]);

/// One of `files`.
pub const FILE: Keys =
    keys("the file", &["path", "content", "source", "url", "sha256", "extract", "mode", "uid", "gid"]);

/// `certificates`.
pub const CERTIFICATES: Keys =
    Keys { place: "`certificates`", known: &["additional"], not_yet: &["providers"] };

/// A certificate written in the recipe.
pub const CERTIFICATE: Keys = keys("the certificate", &["name", "content"]);

/// `accounts`.
pub const ACCOUNTS: Keys = keys("`accounts`", &["run-as", "users", "groups"]);

/// One of the users.
pub const USER: Keys = keys("the user", &["username", "uid", "gid", "shell", "homedir"]);

/// One of the groups.
pub const GROUP: Keys = keys("the group", &["groupname", "gid", "members"]);

/// `entrypoint`.
pub const ENTRYPOINT: Keys =
    Keys { place: "`entrypoint`", known: &["command"], not_yet: &["type", "shell-fragment", "services"] };

/// One of `paths`.
pub const PATH: Keys =
    keys("the path", &["path", "type", "uid", "gid", "permissions", "source", "recursive", "capabilities"]);

/// `layering`.
pub const LAYERING: Keys = keys("`layering`", &["strategy", "budget"]);

/// All tables.
pub const ALL: [&Keys; 14] = [
    &RECIPE,
    &VARIANT,
    &CONTENTS,
    &REPOSITORY,
    &PACKAGE,
    &FILE,
    &CERTIFICATES,
    &CERTIFICATE,
    &ACCOUNTS,
    &USER,
    &GROUP,
    &ENTRYPOINT,
    &PATH,
    &LAYERING,
];
