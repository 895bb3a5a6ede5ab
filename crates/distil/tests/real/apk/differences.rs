//! The classes of differences from apko's images, and who is right.

use rootfs::{Aspect, Difference, Entry, Node};

/// Something that is not the same in both images.
pub(super) struct Found {
    /// A path without its first slash, or `config:` or `manifest:` and a key.
    pub(super) at: String,
    pub(super) ours: Option<String>,
    pub(super) theirs: Option<String>,
    pub(super) aspects: Vec<Aspect>,
}

impl Found {
    pub(super) fn path(difference: &Difference<'_>) -> Found {
        Found {
            at: difference.path.to_string(),
            ours: difference.before.map(said),
            theirs: difference.after.map(said),
            aspects: difference.aspects(),
        }
    }

    pub(super) fn fact(key: &str, ours: Option<&String>, theirs: Option<&String>) -> Found {
        Found { at: key.to_owned(), ours: ours.cloned(), theirs: theirs.cloned(), aspects: Vec::new() }
    }

    pub(super) fn say(&self) -> String {
        let side = |s: &Option<String>| s.clone().unwrap_or_else(|| "nothing".to_owned());
        format!("{} {:?}: ours {}, apko's {}", self.at, self.aspects, side(&self.ours), side(&self.theirs))
    }
}

fn said(entry: &Entry) -> String {
    let what = match &entry.node {
        Node::Dir => "directory".to_owned(),
        Node::File(body) => format!("file of {} bytes", body.size),
        Node::Symlink(to) => format!("link to {to}"),
        Node::Hardlink(to) => format!("hard link to {to}"),
        Node::Special(device) => format!("{device:?}"),
    };
    format!("{what} {:o} {}:{} @{}", entry.mode, entry.uid, entry.gid, entry.mtime)
}

/// A difference that is known, and meant.
pub(super) struct Class {
    pub(super) name: &'static str,
    pub(super) right: &'static str,
    pub(super) why: &'static str,
    pub(super) holds: fn(&Found) -> bool,
}

fn within(found: &Found, places: &[&str]) -> bool {
    places
        .iter()
        .any(|p| found.at == *p || found.at.strip_prefix(p).is_some_and(|rest| rest.starts_with('/')))
}

/// Whether exactly one side has it, and which.
fn only(found: &Found, ours: bool) -> bool {
    (found.ours.is_some(), found.theirs.is_some()) == (ours, !ours)
}

fn content(found: &Found, paths: &[&str]) -> bool {
    paths.contains(&found.at.as_str()) && found.aspects.contains(&Aspect::Content)
}

/// In the order of the page; the first that holds explains a difference.
pub(super) const CLASSES: &[Class] = &[
    Class {
        name: "times of directories, of links to busybox, and of files that are made",
        right: "either",
        why: "apk itself keeps no time of a directory; ours is that of the package that brought it, or 0 where a rule made it. apko has the time of the last package",
        holds: |f| f.aspects == [Aspect::Mtime],
    },
    Class {
        name: "`/lib/apk` is a directory; apko's a link to `/usr/lib/apk`",
        right: "ours",
        why: "where `/usr` is not merged the real apk makes a directory; scanners that read layers as they lie look in `lib/apk/db` (trivy 0.59 finds no package behind apko's link)",
        holds: |f| within(f, &["lib/apk"]) || within(f, &["usr/lib/apk", "usr/lib"]) && only(f, false),
    },
    Class {
        name: "`installed`, `scripts.tar`, `triggers`: other bytes",
        right: "ours",
        why: "they are the real apk's, to the byte; apko keeps the order of installation, writes empty fields, and `i:[]`",
        holds: |f| within(f, &["usr/lib/apk/db"]) && f.aspects == [Aspect::Content],
    },
    Class {
        name: "`/etc/apk/world` has what was asked for; apko's every package with its version",
        right: "ours",
        why: "`apk add` and `apk upgrade` in an image of apko's cannot move anything",
        holds: |f| content(f, &["etc/apk/world"]),
    },
    Class {
        name: "no `/etc/apko.json`",
        right: "either",
        why: "our lock lies beside the recipe and is not shipped",
        holds: |f| f.at == "etc/apko.json" && only(f, false),
    },
    Class {
        name: "layers (`rootfs`), and what the config's `history` says of each",
        right: "either",
        why: "ours are packages, then what was derived, each by name; apko has one where no `layering` is asked for, and calls it `apko`",
        holds: |f| {
            let said = ["author", "comment", "created_by"].map(|key| format!("config:history/{key}"));
            f.at == "config:rootfs/diff_ids" || said.contains(&f.at)
        },
    },
    Class {
        name: "variables of a base image",
        right: "ours",
        why: "what runs in it may need them; apko keeps entrypoint, user and folder of the base image and drops its environment",
        holds: |f| f.at == "config:config/Env" && f.ours.as_ref().is_some_and(|o| o.contains("WHO=below")),
    },
    Class {
        name: "directories of a base image keep their modes",
        right: "ours",
        why: "as with apk, where a second package that brings a directory opens it no further; apko writes it again",
        holds: |f| f.at == "var/empty" && f.aspects.contains(&Aspect::Mode),
    },
    Class {
        name: "`author` of the config",
        right: "either",
        why: "apko names itself",
        holds: |f| f.at == "config:author" && only(f, false),
    },
    Class {
        name: "`variant` v8 of arm64",
        right: "either",
        why: "containerd takes `arm64` and `arm64/v8` for the same; Docker's own images say v8",
        holds: |f| f.at == "config:variant" && only(f, true),
    },
    Class {
        name: "links to `bbsuid`",
        right: "ours",
        why: "apk's script makes them: `su`, `passwd`, `mount` need the setuid program; apko links them to a busybox without setuid",
        holds: |f| {
            f.aspects.contains(&Aspect::Target) && f.ours.as_ref().is_some_and(|o| o.contains("/bin/bbsuid"))
        },
    },
    Class {
        name: "owners by name: `/etc/shadow` is of group 42",
        right: "ours",
        why: "the real apk looks the archive's name (`shadow`) up in the image; apko takes the number, 0",
        holds: |f| f.at == "etc/shadow" && f.aspects == [Aspect::Owner],
    },
    Class {
        name: "accounts that scripts ask for, and locked lines in `/etc/shadow`",
        right: "ours",
        why: "apko runs no script and reads none; the lines in `shadow` are made by newer apko, too",
        holds: |f| content(f, &["etc/group", "etc/passwd", "etc/shadow"]),
    },
    Class {
        name: "an empty `/etc/passwd` where no package brings one",
        right: "either",
        why: "apko opens it to read",
        holds: |f| f.at == "etc/passwd" && only(f, false),
    },
    Class {
        name: "`/var/tmp` keeps its sticky bit",
        right: "ours",
        why: "the package says 1777, and the real apk makes it so",
        holds: |f| f.at == "var/tmp" && f.aspects.contains(&Aspect::Mode),
    },
    Class {
        name: "packages that `install_if` brings",
        right: "ours",
        why: "apk installs `ssl_client` beside busybox and libssl, and what is OpenRC's of openssh beside OpenRC; apko does not know the field",
        holds: |f| {
            let brought = ["usr/bin/ssl_client", "etc/conf.d/sshd", "etc/init.d/sshd"];
            brought.contains(&f.at.as_str()) && only(f, true)
        },
    },
    Class {
        name: "`ld.so.cache`",
        right: "ours",
        why: "the list is `ldconfig`'s; apko has a library once for each of its names and folders, twice where `/lib` is `/usr/lib`",
        holds: |f| content(f, &["etc/ld.so.cache"]),
    },
    Class {
        name: "no empty `/opt` that no package brings",
        right: "ours",
        why: "the real apk makes none; apko makes one in every image",
        holds: |f| f.at == "opt" && only(f, false),
    },
    Class {
        name: "a hard link of `paths:` is one",
        right: "ours",
        why: "apko asks for one file under two names and writes two files",
        holds: |f| f.aspects == [Aspect::Kind] && f.ours.as_ref().is_some_and(|o| o.starts_with("hard link")),
    },
    Class {
        name: "sums of the bundles beside them",
        right: "either",
        why: "newer apko writes them, too",
        holds: |f| within(f, &["etc/ssl/certs"]) && f.at.ends_with(".sha256") && only(f, true),
    },
    Class {
        name: "certificates of the recipe in Java's keystore",
        right: "ours",
        why: "newer apko does the same",
        holds: |f| content(f, &["etc/ssl/certs/java/cacerts"]),
    },
];
