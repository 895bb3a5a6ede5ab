//! Two tables of dependencies, as data with reasons: edges that only a maintainer script needs and
//! that are cut once the set is solved, and edges that nobody declares and that are added before.
//!
//! A row belongs into [`CUT`] only if nothing that stays in an image opens or runs what it points
//! at, and if what the script would have done is done here in another way (or means nothing in an
//! image). A package that the user names, or that something else needs, stays in any case.

use package::{CutEdge, HiddenEdge};

/// `debconf` asks questions while a package is configured; the answers that matter in an image are
/// the recipe's.
const ASKS: &str =
    "debconf is called by the config and postinst scripts only; the recipe decides what they would ask";
/// Accounts are made from the recipe and from sysusers.d.
const ACCOUNTS: &str =
    "adduser is called by the postinst only; accounts are made from the recipe and from sysusers.d";
/// There is no init system to register with.
const SERVICES: &str =
    "called by the maintainer scripts to register and start a service; an image has no init system";
/// Configuration files are taken as they are shipped.
const UCF: &str =
    "ucf is called by the postinst to merge an administrator's changes on upgrade; an image has none";
/// The list of login shells.
const SHELLS: &str = "the postinst runs update-shells, which lists login shells for interactive logins";

const fn cut(package: &'static str, dependency: &'static str, reason: &'static str) -> CutEdge {
    CutEdge { package, dependency, reason }
}

/// Dependencies that only maintainer scripts need.
pub const CUT: &[CutEdge] = &[
    cut("base-files", "awk", "the preinst and postinst call awk; what is shipped is data"),
    cut("tzdata", "debconf", ASKS),
    cut("tzdata", "debconf-2.0", ASKS),
    cut(
        "ca-certificates",
        "openssl",
        "update-ca-certificates rehashes with it; the bundle is a derived file here",
    ),
    cut("ca-certificates", "debconf", ASKS),
    cut("ca-certificates", "debconf-2.0", ASKS),
    cut("locales", "debconf", ASKS),
    cut("locales", "debconf-2.0", ASKS),
    cut("fontconfig-config", "debconf", ASKS),
    cut("fontconfig-config", "debconf-2.0", ASKS),
    cut("libpam0g", "debconf", ASKS),
    cut("libpam0g", "debconf-2.0", ASKS),
    cut("libpam-modules", "debconf", ASKS),
    cut("libpam-modules", "debconf-2.0", ASKS),
    cut("libpam-runtime", "debconf", ASKS),
    cut("libpam-runtime", "debconf-2.0", ASKS),
    cut("iproute2", "debconf", ASKS),
    cut("iproute2", "debconf-2.0", ASKS),
    cut("nginx-common", "debconf", ASKS),
    cut("nginx-common", "debconf-2.0", ASKS),
    cut("postgresql-common", "debconf", ASKS),
    cut("postgresql-common", "debconf-2.0", ASKS),
    cut("ssl-cert", "debconf", ASKS),
    cut("ssl-cert", "debconf-2.0", ASKS),
    cut("mariadb-server", "debconf", ASKS),
    cut("mariadb-server", "debconf-2.0", ASKS),
    cut("openssh-server", "debconf", ASKS),
    cut("openssh-server", "debconf-2.0", ASKS),
    cut("slapd", "debconf", ASKS),
    cut("slapd", "debconf-2.0", ASKS),
    cut("libpaper*", "debconf", ASKS),
    cut("libpaper*", "debconf-2.0", ASKS),
    cut("dictionaries-common", "debconf", ASKS),
    cut("dictionaries-common", "debconf-2.0", ASKS),
    cut("ucf", "debconf", ASKS),
    cut("ucf", "debconf-2.0", ASKS),
    cut(
        "python3-minimal",
        "dpkg",
        "py3compile asks dpkg for file lists in postinst scripts, to byte-compile; Python runs without",
    ),
    cut("postgresql-common", "adduser", ACCOUNTS),
    cut("openssh-server", "adduser", ACCOUNTS),
    cut("ssl-cert", "adduser", ACCOUNTS),
    cut("slapd", "adduser", ACCOUNTS),
    cut("dbus-system-bus-common", "adduser", ACCOUNTS),
    cut("redis-tools", "adduser", ACCOUNTS),
    cut("memcached", "adduser", ACCOUNTS),
    cut(
        "openssh-client",
        "passwd",
        "the postinst adds a group; accounts are made from the recipe and from sysusers.d",
    ),
    cut("dbus", "init-system-helpers", SERVICES),
    cut("redis-server", "init-system-helpers", SERVICES),
    cut("postgresql-common", "init-system-helpers", SERVICES),
    cut("postgresql-common", "sysvinit-utils", SERVICES),
    cut("postgresql-common", "lsb-base", SERVICES),
    cut("openssh-server", "init-system-helpers", SERVICES),
    cut("openssh-server", "lsb-base", SERVICES),
    cut("slapd", "init-system-helpers", SERVICES),
    cut("x11-common", "lsb-base", SERVICES),
    cut("php8*", "ucf", UCF),
    cut("openssh-server", "ucf", UCF),
    cut("postgresql-common", "ucf", UCF),
    cut("dash", "debianutils", SHELLS),
    cut("bash", "debianutils", SHELLS),
];

/// Dependencies that nobody declares.
pub const HIDDEN: &[HiddenEdge] = &[HiddenEdge {
    package: "libc6",
    dependency: "libgcc-s1",
    reason: "pthread_cancel, pthread_exit and backtrace open libgcc_s.so.1 with dlopen",
}];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_whole_and_stand_once() {
        for (i, row) in CUT.iter().enumerate() {
            assert!(row.reason.len() > 20, "{row:?} says why");
            assert_eq!(package::parse_relations(row.dependency).unwrap().len(), 1, "{row:?} is one name");
            assert!(
                !CUT[i + 1..].iter().any(|other| other.cuts(row.package, row.dependency)),
                "{row:?} stands twice"
            );
        }
        for row in HIDDEN {
            assert!(row.reason.len() > 20, "{row:?} says why");
            assert_eq!(package::parse_relations(row.dependency).unwrap().len(), 1, "{row:?} is one clause");
        }
    }

    #[test]
    fn a_row_covers_names_by_its_beginning() {
        let row = CUT.iter().find(|row| row.package == "php8*").unwrap();
        assert!(
            row.cuts("php8.4-cli", "ucf")
                && !row.cuts("php7.4-cli", "ucf")
                && !row.cuts("php8.4-cli", "libc6")
        );
    }
}
