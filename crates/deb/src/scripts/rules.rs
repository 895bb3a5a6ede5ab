//! What distil does instead of running maintainer scripts: the rules, as data.
//!
//! `docs/scripts.md` is made from these tables, and a test holds the two equal.

mod commands;

pub use commands::COMMANDS;

use shell::matches;
use shell::rules::paths;
pub use shell::rules::{Instead, Rule, Rules};

use Instead::{Derived, Nothing};

/// Files that composition makes itself, or that no image has: asked first.
pub const FILES: &[Rule] = &[
    paths(
        "ca-bundle",
        &[
            "/etc/ca-certificates.conf",
            "/etc/ca-certificates.conf.",
            "/etc/ssl/certs/",
            "/usr/local/share/ca-certificates",
        ],
        Derived(
            "the PEM bundle, and the Java keystore where Java is, are made from all trusted certificates",
        ),
    ),
    paths(
        "localtime",
        &["/etc/localtime", "/etc/localtime.", "/etc/timezone"],
        Derived("/etc/localtime is made for the recipe's time zone, UTC if it names none"),
    ),
    paths(
        "ld-so-cache",
        &["/etc/ld.so.cache", "/var/cache/ldconfig/"],
        Derived("ld.so.cache is made from the libraries of the image"),
    ),
    paths(
        "accounts-files",
        &["/etc/passwd", "/etc/group", "/etc/shadow", "/etc/gshadow", "/etc/subuid", "/etc/subgid"],
        Derived("passwd and group are made from the accounts of packages and recipe"),
    ),
    paths(
        "login-files",
        &[
            "/etc/profile",
            "/etc/motd",
            "/root/.profile",
            "/root/.bashrc",
            "/etc/skel/",
            "/etc/shells",
            "/etc/issue",
            "/etc/environment",
        ],
        Nothing("nobody logs in to a container"),
    ),
    paths(
        "engine-files",
        &["/etc/hosts", "/etc/resolv.conf", "/etc/hostname"],
        Nothing("the engine puts its own in place when the container starts"),
    ),
    paths(
        "login-records",
        &["/var/log/wtmp", "/var/log/btmp", "/var/log/lastlog", "/var/log/faillog"],
        Nothing("nobody logs in to a container"),
    ),
    paths(
        "services-files",
        &[
            "/etc/init.d/",
            "/etc/rc0.d/",
            "/etc/rc1.d/",
            "/etc/rc2.d/",
            "/etc/rc3.d/",
            "/etc/rc4.d/",
            "/etc/rc5.d/",
            "/etc/rc6.d/",
            "/etc/rcS.d/",
            "/etc/inittab",
            "/etc/inetd.conf",
            "/etc/systemd/",
            "/etc/rc.local",
            "/var/lib/systemd/",
            "/etc/init/",
        ],
        Nothing("an image has no service manager; what runs is its entrypoint"),
    ),
    paths(
        "scheduled",
        &["/etc/cron.", "/etc/crontab", "/etc/logrotate.d/", "/var/spool/cron/"],
        Nothing("an image has no scheduler"),
    ),
    paths(
        "documentation",
        &[
            "/usr/share/doc/",
            "/usr/share/man/",
            "/usr/share/info/",
            "/usr/share/lintian/",
            "/usr/share/menu/",
            "/usr/doc/",
            "/var/cache/man/",
        ],
        Nothing("documentation is not needed to run, and is cut by default"),
    ),
    paths(
        "package-manager",
        &[
            "/var/lib/dpkg/",
            "/var/lib/apt/",
            "/etc/apt/",
            "/etc/dpkg/dpkg.cfg.d/",
            "/var/cache/apt/",
            "/var/cache/debconf/",
            "/var/backups/",
        ],
        Nothing("an image has no package manager; its packages are noted in /var/lib/dpkg/status.d"),
    ),
    paths(
        "python-cache",
        &["/var/lib/python/", "/var/lib/python3/"],
        Derived("Python byte code is compiled when the image is made, if Python is in it"),
    ),
];

/// Places that are the running system's: asked last, for what cannot be applied literally.
pub const STATE: &[Rule] = &[paths(
    "state",
    &[
        "/run/",
        "/var/run/",
        "/var/cache/",
        "/var/log/",
        "/var/tmp/",
        "/tmp/",
        "/var/lock/",
        "/var/spool/",
        "/dev/",
        "/proc/",
        "/sys/",
    ],
    Nothing("what is in these directories is made while the container runs, and belongs to no image"),
)];

/// Files that scripts source.
pub const SOURCES: &[Rule] = &[
    paths(
        "debconf",
        &["/usr/share/debconf/confmodule"],
        Nothing("nobody is asked; questions have the answers that their templates give"),
    ),
    paths(
        "helpers",
        &[
            "/lib/lsb/",
            "/usr/lib/lsb/",
            "/usr/share/dpkg/",
            "/usr/share/debhelper/",
            "/usr/share/dbconfig-common/",
            "/usr/share/postgresql-common/",
            "/usr/share/wwwconfig-common/",
        ],
        Nothing("functions only; what they are used for is accounted for where they are called"),
    ),
    paths(
        "settings",
        &["/etc/default/", "/etc/os-release", "/usr/lib/os-release", "/etc/lsb-release", "/etc/environment"],
        Nothing("settings only; where the script depends on one, both ways are taken"),
    ),
];

/// Reading commands that write after all.
const WRITES: &[&str] = &[
    "sed -i*",
    "sed --in-place*",
    "find -delete",
    "find -exec*",
    "find -ok*",
    "find -fprint*",
    "dpkg --configure",
    "dpkg -i",
    "dpkg --install",
    "dpkg --unpack",
    "dpkg --purge",
    "dpkg --remove",
    "dpkg -P",
    "dpkg -r",
    "sort -o*",
    "sort --output*",
    "date -s*",
    "date --set*",
    "awk -i",
    "gawk -i",
    "ip link",
    "ip addr",
    "stty *",
    "tr --help",
];

/// Commands of packages that every Debian system has (Essential, debconf), which a script finds
/// although the image does not have them: their effects are accounted for by rules.
const ESSENTIAL: &[&str] = &[
    "add-shell",
    "awk",
    "bash",
    "basename",
    "cat",
    "chgrp",
    "chmod",
    "chown",
    "cmp",
    "cp",
    "cut",
    "dash",
    "date",
    "dd",
    "deb-systemd-helper",
    "deb-systemd-invoke",
    "debconf",
    "debconf-communicate",
    "df",
    "diff",
    "dirname",
    "dpkg",
    "dpkg-divert",
    "dpkg-maintscript-helper",
    "dpkg-query",
    "dpkg-statoverride",
    "dpkg-trigger",
    "echo",
    "egrep",
    "env",
    "expr",
    "false",
    "fgrep",
    "find",
    "getent",
    "getopt",
    "grep",
    "gzip",
    "head",
    "hostname",
    "iconv",
    "id",
    "install",
    "invoke-rc.d",
    "ischroot",
    "ldconfig",
    "ln",
    "ls",
    "md5sum",
    "mkdir",
    "mktemp",
    "mount",
    "mv",
    "perl",
    "printf",
    "readlink",
    "realpath",
    "remove-shell",
    "rm",
    "rmdir",
    "run-parts",
    "sed",
    "seq",
    "service",
    "sh",
    "sha256sum",
    "sort",
    "stat",
    "tail",
    "tar",
    "tempfile",
    "test",
    "touch",
    "tr",
    "true",
    "tty",
    "uname",
    "uniq",
    "update-alternatives",
    "update-passwd",
    "update-rc.d",
    "wc",
    "which",
    "xargs",
];

/// The rules of Debian.
pub(super) static RULES: Rules = Rules {
    files: FILES,
    commands: COMMANDS,
    state: STATE,
    sources: SOURCES,
    declared: &["accounts-declared", "directories-declared"],
    writes: WRITES,
    essential: ESSENTIAL,
    present: &["usr/share/debconf/confmodule"],
};

/// What a trigger stands for that a package sets off or waits for (deb-triggers(5)).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TriggerRule {
    /// Pattern of the trigger's name.
    pub name: &'static str,
    /// The rule, in reports and locks.
    pub id: &'static str,
    /// What happens instead.
    pub instead: Instead,
}

/// Triggers, in the order in which they are asked; the last covers all.
pub const TRIGGERS: &[TriggerRule] = &[
    TriggerRule {
        name: "ldconfig",
        id: "ld-so-cache",
        instead: Derived("ld.so.cache is made from the libraries of the image"),
    },
    TriggerRule {
        name: "update-ca-certificates*",
        id: "ca-bundle",
        instead: Derived("the PEM bundle is made from all trusted certificates"),
    },
    TriggerRule {
        name: "update-initramfs",
        id: "services",
        instead: Nothing("an image has no kernel of its own"),
    },
    TriggerRule {
        name: "*",
        id: "triggers",
        instead: Nothing(
            "the package that waits for it is accounted for by its own script, which is read as run by the \
             trigger too",
        ),
    },
];

/// The rule that covers a trigger.
pub fn for_trigger(name: &str) -> &'static TriggerRule {
    let found = TRIGGERS.iter().find(|t| matches(t.name, name));
    found.unwrap_or(&TRIGGERS[TRIGGERS.len() - 1])
}
