//! The accounts of every Debian system, with the numbers that Policy 9.2.2 fixes.
//!
//! Taken line by line from `passwd.master` and `group.master` (public domain) of base-passwd 3.6.1
//! (Debian 12) and 3.6.7 (Debian 13), where the two files are the same; a test of `compose` holds the
//! table against the real package. The price of having it here, on a floor that knows no file
//! format: it is Debian's alone, and nothing of the other package world may ask it.

/// A user that exists on every Debian system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BaseUser {
    /// Name.
    pub name: &'static str,
    /// Number.
    pub uid: u32,
    /// Primary group.
    pub gid: u32,
    /// The comment field of passwd(5).
    pub comment: &'static str,
    /// Home directory.
    pub home: &'static str,
}

/// A group that exists on every Debian system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BaseGroup {
    /// Name.
    pub name: &'static str,
    /// Number.
    pub gid: u32,
}

const fn user(name: &'static str, uid: u32, gid: u32, comment: &'static str, home: &'static str) -> BaseUser {
    BaseUser { name, uid, gid, comment, home }
}

const fn group(name: &'static str, gid: u32) -> BaseGroup {
    BaseGroup { name, gid }
}

/// All users. Their login shell is `/usr/sbin/nologin`, but for root and `sync`, for whom it is a
/// program that a distroless image has not.
pub const USERS: [BaseUser; 18] = [
    user("root", 0, 0, "root", "/root"),
    user("daemon", 1, 1, "daemon", "/usr/sbin"),
    user("bin", 2, 2, "bin", "/bin"),
    user("sys", 3, 3, "sys", "/dev"),
    user("sync", 4, 65534, "sync", "/bin"),
    user("games", 5, 60, "games", "/usr/games"),
    user("man", 6, 12, "man", "/var/cache/man"),
    user("lp", 7, 7, "lp", "/var/spool/lpd"),
    user("mail", 8, 8, "mail", "/var/mail"),
    user("news", 9, 9, "news", "/var/spool/news"),
    user("uucp", 10, 10, "uucp", "/var/spool/uucp"),
    user("proxy", 13, 13, "proxy", "/bin"),
    user("www-data", 33, 33, "www-data", "/var/www"),
    user("backup", 34, 34, "backup", "/var/backups"),
    user("list", 38, 38, "Mailing List Manager", "/var/list"),
    user("irc", 39, 39, "ircd", "/run/ircd"),
    user("_apt", 42, 65534, "", "/nonexistent"),
    user("nobody", 65534, 65534, "nobody", "/nonexistent"),
];

/// All groups.
pub const GROUPS: [BaseGroup; 38] = [
    group("root", 0),
    group("daemon", 1),
    group("bin", 2),
    group("sys", 3),
    group("adm", 4),
    group("tty", 5),
    group("disk", 6),
    group("lp", 7),
    group("mail", 8),
    group("news", 9),
    group("uucp", 10),
    group("man", 12),
    group("proxy", 13),
    group("kmem", 15),
    group("dialout", 20),
    group("fax", 21),
    group("voice", 22),
    group("cdrom", 24),
    group("floppy", 25),
    group("tape", 26),
    group("sudo", 27),
    group("audio", 29),
    group("dip", 30),
    group("www-data", 33),
    group("backup", 34),
    group("operator", 37),
    group("list", 38),
    group("irc", 39),
    group("src", 40),
    group("shadow", 42),
    group("utmp", 43),
    group("video", 44),
    group("sasl", 45),
    group("plugdev", 46),
    group("staff", 50),
    group("games", 60),
    group("users", 100),
    group("nogroup", 65534),
];

/// The user of a name.
pub fn user_named(name: impl AsRef<[u8]>) -> Option<&'static BaseUser> {
    USERS.iter().find(|u| u.name.as_bytes() == name.as_ref())
}

/// The group of a name.
pub fn group_named(name: impl AsRef<[u8]>) -> Option<&'static BaseGroup> {
    GROUPS.iter().find(|g| g.name.as_bytes() == name.as_ref())
}

/// The user of a number.
pub fn user_numbered(uid: u32) -> Option<&'static BaseUser> {
    USERS.iter().find(|u| u.uid == uid)
}

/// The group of a number.
pub fn group_numbered(gid: u32) -> Option<&'static BaseGroup> {
    GROUPS.iter().find(|g| g.gid == gid)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_primary_group_is_in_the_table_and_no_number_twice() {
        for user in &USERS {
            assert!(group_numbered(user.gid).is_some(), "{}", user.name);
        }
        assert!(USERS.windows(2).all(|w| w[0].uid < w[1].uid));
        assert!(GROUPS.windows(2).all(|w| w[0].gid < w[1].gid));
        assert_eq!(user_named("www-data").map(|u| (u.uid, u.home)), Some((33, "/var/www")));
        assert_eq!(group_named(b"adm").map(|g| g.gid), Some(4));
        assert_eq!((user_numbered(11), group_named("wheel")), (None, None));
    }
}
