//! Every key that a recipe may have, by the mapping it stands in. The walker reads by these tables
//! and the JSON Schema is tested against them.

/// The keys of one sort of mapping.
#[derive(Debug)]
pub struct Keys {
    /// How messages name the mapping.
    pub place: &'static str,
    /// What it may have.
    pub known: &'static [&'static str],
    /// Those of `known` whose empty text means that the key is absent, as it does to apko.
    pub blank: &'static [&'static str],
}

const fn keys(place: &'static str, known: &'static [&'static str]) -> Keys {
    Keys { place, known, blank: &[] }
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
        "vcs-url",
        "format",
        "variants",
    ],
    blank: &["include", "cmd", "stop-signal", "work-dir", "vcs-url", "format"],
};

/// What to do instead of a key that apko once had and dropped.
pub(crate) fn gone(key: &str) -> Option<&'static str> {
    match key {
        "os-release" => Some(
            "apko dropped it: /etc/os-release comes from a package (alpine-release, wolfi-baselayout), or from \
             `contents: {files: [..]}`",
        ),
        "options" => Some("apko dropped it: write `variants`, which are built from one lock"),
        "tags" => Some("apko dropped it: name tags on the command line, with `-t`"),
        _ => None,
    }
}

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
        "vcs-url",
        "format",
    ],
    blank: &["cmd", "stop-signal", "work-dir", "vcs-url", "format"],
};

/// `contents`.
pub const CONTENTS: Keys = Keys {
    place: "`contents`",
    known: &[
        "distribution",
        "snapshot",
        "repositories",
        "build_repositories",
        "runtime_repositories",
        "keyring",
        "runtime_keyring",
        "packages",
        "files",
        "slim",
        "keep",
        "drop",
        "baseimage",
    ],
    blank: &[],
};

/// A key that is written in the recipe, for the image's own package manager.
pub const RUNTIME_KEY: Keys = keys("the key", &["name", "content"]);

/// `baseimage`.
pub const BASE_IMAGE: Keys = keys("`baseimage`", &["image", "apkindex"]);

/// A repository in its map form.
pub const REPOSITORY: Keys = keys("the repository", &["deb", "signed-by", "priority", "max-age"]);

/// A package of which a part is taken.
pub const PACKAGE: Keys = keys("the package", &["name", "only", "drop"]);

/// One of `files`.
pub const FILE: Keys =
    keys("the file", &["path", "content", "source", "url", "sha256", "extract", "mode", "uid", "gid"]);

/// `certificates`.
pub const CERTIFICATES: Keys = keys("`certificates`", &["additional", "providers"]);

/// A certificate written in the recipe.
pub const CERTIFICATE: Keys = keys("the certificate", &["name", "content"]);

/// `accounts`.
pub const ACCOUNTS: Keys =
    Keys { place: "`accounts`", known: &["run-as", "users", "groups"], blank: &["run-as"] };

/// One of the users.
pub const USER: Keys = Keys {
    place: "the user",
    known: &["username", "uid", "gid", "shell", "homedir"],
    blank: &["shell", "homedir"],
};

/// One of the groups.
pub const GROUP: Keys = keys("the group", &["groupname", "gid", "members"]);

/// `entrypoint`.
pub const ENTRYPOINT: Keys = Keys {
    place: "`entrypoint`",
    known: &["type", "command", "shell-fragment", "services"],
    blank: &["type", "command", "shell-fragment"],
};

/// One of `paths`.
pub const PATH: Keys = Keys {
    place: "the path",
    known: &["path", "type", "uid", "gid", "permissions", "source", "recursive", "capabilities"],
    blank: &["source"],
};

/// `layering`.
pub const LAYERING: Keys = keys("`layering`", &["strategy", "budget"]);

/// All tables.
pub const ALL: [&Keys; 16] = [
    &RECIPE,
    &VARIANT,
    &CONTENTS,
    &RUNTIME_KEY,
    &BASE_IMAGE,
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
