//! What distil does instead of running maintainer scripts: the rules, as data.
//!
//! `docs/scripts.md` is made from these tables, and a test holds the two equal.

use super::text::{Text, matches};

/// What happens here instead of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Instead {
    /// Nothing, and why none is needed in an image.
    Nothing(&'static str),
    /// A documented rule of composition makes what the command would have made.
    Derived(&'static str),
    /// The command's words are read as data and applied to the tree.
    Applied(&'static str),
    /// Nothing: the command only reads. What it would have said is not known, so both ways are
    /// taken where the script asks.
    Reads,
}

/// Commands that one reason covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    /// Its name, in reports and locks.
    pub id: &'static str,
    /// Patterns of commands: the name, then words that must be among the arguments in this order.
    pub commands: &'static [&'static str],
    /// Paths: a command that only makes, changes or removes these, or a redirection into one. With
    /// a slash at the end everything below.
    pub paths: &'static [&'static str],
    /// What happens instead.
    pub instead: Instead,
}

const fn commands(id: &'static str, commands: &'static [&'static str], instead: Instead) -> Rule {
    Rule { id, commands, paths: &[], instead }
}

const fn paths(id: &'static str, paths: &'static [&'static str], instead: Instead) -> Rule {
    Rule { id, commands: &[], paths, instead }
}

use Instead::{Applied, Derived, Nothing, Reads};

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

/// Commands, in the order in which they are asked.
pub const COMMANDS: &[Rule] = &[
    commands(
        "alternatives",
        &["update-alternatives --install"],
        Applied("links in /etc/alternatives, highest priority first, for all packages"),
    ),
    commands(
        "alternatives-kept",
        &[
            "update-alternatives --remove",
            "update-alternatives --remove-all",
            "update-alternatives --auto",
            "update-alternatives --query",
            "update-alternatives --list",
            "update-alternatives --display",
            "update-alternatives --get-selections",
            "update-alternatives --set-selections",
        ],
        Nothing("on a first installation there is no earlier choice to change"),
    ),
    commands(
        "accounts",
        &["adduser", "addgroup", "useradd", "groupadd", "usermod", "gpasswd"],
        Applied("accounts of packages go into passwd and group"),
    ),
    commands(
        "accounts-removed",
        &[
            "deluser",
            "delgroup",
            "userdel",
            "groupdel",
            "chage",
            "passwd -l",
            "pwck",
            "grpck",
            "pwconv",
            "grpconv",
            "shadowconfig",
            "chfn",
        ],
        Nothing("there is no earlier account, and no password"),
    ),
    commands(
        "accounts-declared",
        &["systemd-sysusers", "update-passwd"],
        Applied("sysusers.d of all packages is applied; the base accounts are made"),
    ),
    commands(
        "directories-declared",
        &["systemd-tmpfiles"],
        Applied("tmpfiles.d of all packages is applied below /run and /var"),
    ),
    commands(
        "usr-merge",
        &["dpkg-divert *.usr-is-merged"],
        Derived("the links of merged /usr are made, and packages are written through them"),
    ),
    commands("diversions", &["dpkg-divert"], Applied("a diverted file goes where the diversion says")),
    commands(
        "diversions-removed",
        &["dpkg-divert --remove"],
        Nothing("on a first installation there is no earlier diversion"),
    ),
    commands("overrides", &["dpkg-statoverride --add"], Applied("the mode and owner hold for the path")),
    commands(
        "overrides-removed",
        &["dpkg-statoverride --remove"],
        Nothing("on a first installation there is no earlier override"),
    ),
    commands("shells", &["add-shell"], Applied("listed in /etc/shells where there is a shell at all")),
    commands(
        "shells-removed",
        &["remove-shell", "update-shells"],
        Nothing("on a first installation there is none to remove"),
    ),
    commands(
        "file-actions",
        &[
            "mkdir", "chmod", "chown", "chgrp", "ln", "cp", "mv", "rm", "rmdir", "touch", "install", "ucf",
            "echo", "cat",
        ],
        Applied("literal changes of files are made in the tree"),
    ),
    commands(
        "configuration-registry",
        &["ucfr", "ucf --purge"],
        Nothing("notes who owns a configuration file, for upgrades"),
    ),
    commands(
        "upgrades-only",
        &["dpkg-maintscript-helper"],
        Nothing("moves and removals that only an upgrade needs"),
    ),
    commands(
        "triggers",
        &["dpkg-trigger"],
        Nothing("the package that waits for the trigger is accounted for itself"),
    ),
    commands(
        "ld-so-cache",
        &["ldconfig", "ldconfig.real"],
        Derived("ld.so.cache is made from the libraries of the image"),
    ),
    commands(
        "ca-bundle",
        &["update-ca-certificates", "update-ca-certificates-java", "jks-keystore"],
        Derived(
            "the PEM bundle, and the Java keystore where Java is, are made from all trusted certificates",
        ),
    ),
    commands(
        "python-bytecode",
        &[
            "py3compile",
            "py3clean",
            "pycompile",
            "pyclean",
            "pypy3compile",
            "pypy3clean",
            "pypycompile",
            "python3* *py_compile.py",
            "python3* -m py_compile",
            "python3* -m compileall",
            "python3* *compileall.py",
            "dh_python3",
            "update-python-modules",
            "update-pycentral",
            "pycentral",
        ],
        Derived("Python byte code is compiled when the image is made, if Python is in it"),
    ),
    commands(
        "services",
        &[
            "systemctl",
            "deb-systemd-helper",
            "deb-systemd-invoke",
            "invoke-rc.d",
            "update-rc.d",
            "service",
            "initctl",
            "telinit",
            "init",
            "start-stop-daemon",
            "rc-service",
            "rc-update",
            "update-inetd",
            "insserv",
            "systemd-notify",
            "systemd-machine-id-setup",
            "busctl",
            "kill",
            "killall",
            "pkill",
            "systemd-hwdb",
            "udevadm",
            "modprobe",
            "sysctl",
            "update-initramfs",
            "update-grub",
            "update-service",
            "runit-helper",
            "update-runit",
            "upstart-*",
            "systemd-cat",
            "depmod",
            "kmodsign",
            "dkms",
            "swapon",
            "mount",
            "umount",
            "mountpoint",
        ],
        Nothing("an image has no service manager and no kernel of its own; what runs is its entrypoint"),
    ),
    commands(
        "desktop",
        &[
            "update-mime-database",
            "update-desktop-database",
            "update-icon-caches",
            "gtk-update-icon-cache",
            "gtk-update-icon-cache-3.0",
            "update-menus",
            "update-mime",
            "update-gconf-defaults",
            "gconf-schemas",
            "xdg-desktop-menu",
            "xdg-icon-resource",
            "update-app-install",
            "appstreamcli",
            "update-gdkpixbuf-loaders",
            "update-wm-menu",
            "update-gnome-*",
        ],
        Nothing("caches of menus, icons and file types, which the desktop's libraries do without"),
    ),
    commands(
        "documentation",
        &[
            "install-docs",
            "mandb",
            "update-info-dir",
            "install-info",
            "doc-base",
            "install-menu",
            "update-dochelp",
            "rarian-sk-update",
            "scrollkeeper-update",
            "texhash-doc",
            "update-catalog-doc",
            "catman",
        ],
        Nothing("documentation is not needed to run, and is cut by default"),
    ),
    commands(
        "fonts",
        &[
            "fc-cache",
            "update-fonts-scale",
            "update-fonts-dir",
            "update-fonts-alias",
            "mkfontdir",
            "mkfontscale",
            "defoma-*",
            "register-*font",
        ],
        Nothing("fontconfig reads fonts without a cache; the others serve X servers"),
    ),
    commands(
        "locales",
        &["locale-gen", "localedef", "update-locale", "validlocale"],
        Nothing("C.UTF-8 needs no generation; other locales are cut by default"),
    ),
    commands(
        "editors",
        &[
            "update-xmlcatalog",
            "update-catalog",
            "install-sgmlcatalog",
            "emacs-package-install",
            "emacs-package-remove",
            "emacsen-common",
            "vim-addons",
            "update-vlc-plugins",
            "update-elpa",
            "elpa-*",
        ],
        Nothing("catalogues and plug-ins of interactive programs"),
    ),
    commands(
        "selinux",
        &[
            "restorecon",
            "semodule",
            "selinuxenabled",
            "setsebool",
            "semanage",
            "aa-enabled",
            "apparmor_parser",
            "aa-status",
            "chcon",
        ],
        Nothing("the host's security module labels containers itself"),
    ),
    commands("binfmt", &["update-binfmts"], Nothing("binary formats are registered with the host's kernel")),
    commands(
        "debconf",
        &[
            "db_*",
            "ucf --debconf-ok",
            "debconf-communicate",
            "debconf-show",
            "debconf-set-selections",
            "dpkg-reconfigure",
            "debconf",
        ],
        Nothing("nobody is asked; questions have the answers that their templates give"),
    ),
    commands(
        "package-manager",
        &["apt-get", "apt", "aptitude", "dpkg-preconfigure", "apt-key", "debsums", "apt-config", "apt-mark"],
        Nothing("an image has no package manager"),
    ),
    commands(
        "web-servers",
        &[
            "apache2_invoke",
            "a2enmod",
            "a2enconf",
            "a2ensite",
            "a2dismod",
            "a2disconf",
            "apache2-maintscript-helper",
            "lighty-enable-mod",
            "lighttpd-enable-mod",
            "lighttpd-disable-mod",
        ],
        Nothing("only where that web server is installed and managed; an image configures its own"),
    ),
    commands(
        "dictionaries",
        &[
            "update-dictcommon-aspell",
            "update-dictcommon-hunspell",
            "update-default-ispell",
            "update-default-wordlist",
            "update-default-aspell",
            "installdeb-aspell",
            "aspell-autobuildhash",
            "ispell-autobuildhash",
            "dictionaries-common",
            "remove-dict-autobuildhash",
            "installdeb-*",
        ],
        Nothing("the choice of a default dictionary for interactive programs"),
    ),
    Rule {
        id: "reads",
        commands: &[
            "cat",
            "grep",
            "egrep",
            "fgrep",
            "zgrep",
            "sed",
            "awk",
            "mawk",
            "gawk",
            "cut",
            "head",
            "tail",
            "tr",
            "sort",
            "uniq",
            "wc",
            "ls",
            "stat",
            "find",
            "readlink",
            "realpath",
            "cmp",
            "diff",
            "md5sum",
            "sha1sum",
            "sha256sum",
            "sum",
            "cksum",
            "date",
            "hostname",
            "uname",
            "dpkg",
            "dpkg-query",
            "dpkg-architecture",
            "dpkg-vendor",
            "dpkg-parsechangelog",
            "getconf",
            "pidof",
            "pgrep",
            "ps",
            "who",
            "whoami",
            "logname",
            "groups",
            "id",
            "getent",
            "locale",
            "expr",
            "seq",
            "comm",
            "paste",
            "fold",
            "fmt",
            "rev",
            "tac",
            "nl",
            "od",
            "xxd",
            "basename",
            "dirname",
            "env",
            "printenv",
            "file",
            "lsb_release",
            "systemd-detect-virt",
            "systemd-escape",
            "mawk",
            "bc",
            "dc",
            "tput",
            "stty",
            "tty",
            "nproc",
            "arch",
            "py3versions",
            "pyversions",
            "gettext",
            "gettext.sh",
            "iconv",
            "findmnt",
            "lsmod",
            "blkid",
            "df",
            "du",
            "free",
            "running-in-container",
            "ucfq",
            "mktemp",
            "tempfile",
            "logger",
            "wall",
            "lsof",
            "fuser",
            "test",
            "xargs grep",
            "xargs echo",
            "dpkg-realpath",
            "lspci",
            "ip",
            "ifconfig",
            "catchsegv",
            "join",
            "column",
            "look",
            "openssl version",
            "pathchk",
            "printf",
            "echo",
        ],
        paths: &[],
        instead: Reads,
    },
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

/// Does every Debian system have a command of this name?
pub(super) fn is_essential(name: &str) -> bool {
    ESSENTIAL.contains(&name)
}

/// The rule that covers a command, by name and words.
pub(super) fn for_command(name: &str, arguments: &[Text]) -> Option<&'static Rule> {
    COMMANDS.iter().find(|rule| {
        // Literal ones are read elsewhere; here they would cover what is not literal.
        let covers = !matches!(rule.instead, Applied(_)) || DECLARED.contains(&rule.id);
        covers
            && rule.commands.iter().any(|c| fits(c, name, arguments))
            && !(rule.instead == Reads && WRITES.iter().any(|w| fits(w, name, arguments)))
    })
}

/// Applied from files of the package, whatever the command says.
const DECLARED: [&str; 2] = ["accounts-declared", "directories-declared"];

/// A pattern's name is the command's, and its words are among the arguments in this order.
fn fits(pattern: &str, name: &str, arguments: &[Text]) -> bool {
    let mut words = pattern.split(' ');
    if !words.next().is_some_and(|w| matches(w, name)) {
        return false;
    }
    let mut rest = arguments.iter();
    words.all(|word| rest.any(|a| matches(word, a.prefix())))
}

/// The rule for a path that composition makes itself or that no image has.
pub(super) fn for_path(path: &str) -> Option<&'static Rule> {
    FILES.iter().find(|r| covers_path(r, path))
}

/// The rule for a path that belongs to the running system.
pub(super) fn for_state_path(path: &str) -> Option<&'static Rule> {
    STATE.iter().find(|r| covers_path(r, path))
}

/// The rule for a file that a script sources.
pub(super) fn for_source(path: &str) -> Option<&'static Rule> {
    SOURCES.iter().find(|r| covers_path(r, path))
}

fn covers_path(rule: &Rule, path: &str) -> bool {
    rule.paths.iter().any(|p| {
        // A path that ends in a letter is that path; other endings begin longer ones.
        let whole = p.ends_with(|c: char| c.is_ascii_alphanumeric());
        if whole { path == *p } else { path.starts_with(p) || path == p.trim_end_matches('/') }
    })
}

/// The rule that covers a command on files because of all that it changes.
pub(super) fn for_target(name: &str, arguments: &[Text]) -> Option<&'static Rule> {
    for_all_targets(name, arguments, for_path)
}

/// The same for paths of the running system.
pub(super) fn for_state(name: &str, arguments: &[Text]) -> Option<&'static Rule> {
    for_all_targets(name, arguments, for_state_path)
}

fn for_all_targets(
    name: &str,
    arguments: &[Text],
    rule_of: fn(&str) -> Option<&'static Rule>,
) -> Option<&'static Rule> {
    let last_only = match name {
        "ln" | "cp" | "mv" | "install" => true,
        "mkdir" | "touch" | "chmod" | "chown" | "chgrp" | "rm" | "rmdir" | "unlink" | "tee" | "sed"
        | "find" | "dpkg-divert" | "dpkg-statoverride" | "chattr" | "setfacl" | "gzip" | "truncate"
        | "chcon" => false,
        _ => return None,
    };
    let paths: Vec<&str> = arguments.iter().map(Text::prefix).filter(|p| p.starts_with('/')).collect();
    // What does not show as a path may be one.
    let hidden = arguments.iter().any(|a| a.whole().is_none() && !a.prefix().starts_with('/'));
    if last_only {
        return arguments.last().and_then(|a| rule_of(a.prefix()));
    }
    let first = rule_of(paths.first()?)?;
    let all = paths.iter().all(|p| rule_of(p).is_some());
    (all && !(hidden && matches!(name, "rm" | "find"))).then_some(first)
}

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
