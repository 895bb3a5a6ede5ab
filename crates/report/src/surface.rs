//! What somebody who broke in would find to work with.

use serde::Serialize;

use crate::escape::{inert, shown};
use crate::page::{File, FileKind, Image, Role};

/// One kind of help.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Category {
    /// The process is root.
    RootUser,
    /// Shells.
    Shells,
    /// Programs that install packages.
    PackageManagers,
    /// Programs that run as their owner or group.
    Setuid,
    /// Programs with file capabilities.
    Capabilities,
    /// Programs that run scripts.
    Interpreters,
    /// Programs that talk to the network.
    NetworkTools,
    /// Compilers, linkers, debuggers.
    Compilers,
    /// What everybody may write, directories with the sticky bit left out.
    WorldWritable,
    /// What the image's own user may write.
    Writable,
}

impl Category {
    /// In the order of the page.
    pub const ALL: [Category; 10] = [
        Category::RootUser,
        Category::Shells,
        Category::PackageManagers,
        Category::Setuid,
        Category::Capabilities,
        Category::Interpreters,
        Category::NetworkTools,
        Category::Compilers,
        Category::WorldWritable,
        Category::Writable,
    ];

    /// Its heading.
    pub fn title(self) -> &'static str {
        match self {
            Category::RootUser => "Root as its user",
            Category::Shells => "Shells",
            Category::PackageManagers => "Package managers",
            Category::Setuid => "Setuid and setgid files",
            Category::Capabilities => "Files with capabilities",
            Category::Interpreters => "Interpreters",
            Category::NetworkTools => "Network tools",
            Category::Compilers => "Compilers and debuggers",
            Category::WorldWritable => "World-writable paths",
            Category::Writable => "Paths its user may write",
        }
    }

    /// Why it matters, in one sentence.
    pub fn meaning(self) -> &'static str {
        match self {
            Category::RootUser => "A break-in starts as root inside the container.",
            Category::Shells => "Most exploits begin by starting one.",
            Category::PackageManagers => "They bring in whatever else is missing.",
            Category::Setuid => "They run with more rights than whoever starts them.",
            Category::Capabilities => "They gain single rights of root when started.",
            Category::Interpreters => "They run any script without a compiler or an executable file.",
            Category::NetworkTools => "They fetch tools and carry data out.",
            Category::Compilers => "They build or take apart programs on the spot.",
            Category::WorldWritable => {
                "Any process may change them; sticky directories such as /tmp are left out."
            }
            Category::Writable => "The application itself, taken over, may change them.",
        }
    }
}

/// What was found of one kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The kind.
    pub category: Category,
    /// The paths with a slash in front, in the order of the alphabet; for the user, its name.
    pub what: Vec<String>,
    /// All paths of the image: root may write each, and no list is made of them.
    pub all: bool,
    /// Nothing can be said: who the user is, the image does not tell.
    pub unknown: bool,
}

/// All kinds, those of which nothing was found too.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Surface {
    /// In the order of [`Category::ALL`].
    pub findings: Vec<Finding>,
}

impl Surface {
    /// Of an image.
    pub fn of(image: &Image) -> Surface {
        let findings = Category::ALL.map(|category| Finding {
            category,
            what: found(category, image),
            all: category == Category::Writable && image.config.run_as.is_root(),
            unknown: matches!(category, Category::Writable | Category::RootUser)
                && image.config.run_as.uid.is_none(),
        });
        Surface { findings: findings.into() }
    }

    /// What was found of a kind.
    pub(crate) fn of_kind(&self, category: Category) -> &Finding {
        // Every kind has its finding, in order.
        &self.findings[Category::ALL.iter().position(|c| *c == category).unwrap_or_default()]
    }

    /// Of how many kinds it can be said whether there is something of them.
    pub(crate) fn known(&self) -> u64 {
        self.findings.iter().filter(|f| !f.unknown).count() as u64
    }

    /// How many kinds there are something of.
    pub(crate) fn kinds(&self) -> u64 {
        self.findings.iter().filter(|f| f.all || !f.what.is_empty()).count() as u64
    }
}

fn found(category: Category, image: &Image) -> Vec<String> {
    let user = &image.config.run_as;
    if category == Category::RootUser {
        let name = if user.text.is_empty() { "no user is set, which is root" } else { &user.text };
        return if user.is_root() { vec![inert(name)] } else { Vec::new() };
    }
    // Root may write everything: a list of that says nothing.
    if category == Category::Writable && (user.is_root() || user.uid.is_none()) {
        return Vec::new();
    }
    let is_in = |file: &&File| match category {
        Category::Shells => file.role == Some(Role::Shell),
        Category::PackageManagers => file.role == Some(Role::PackageManager),
        Category::Setuid => is_file(file) && file.mode & 0o6000 != 0,
        Category::Capabilities => file.capabilities,
        Category::Interpreters => is_program(file, INTERPRETERS),
        Category::NetworkTools => is_program(file, NETWORK_TOOLS),
        Category::Compilers => is_program(file, COMPILERS),
        Category::WorldWritable => has_mode(file) && file.mode & 0o1002 == 0o002,
        Category::Writable => has_mode(file) && may_write(file, image),
        Category::RootUser => false,
    };
    let mut paths: Vec<&File> = image.files.iter().filter(is_in).collect();
    paths.sort_by(|a, b| a.path.cmp(&b.path));
    paths.iter().map(|f| format!("/{}", shown(&f.path))).collect()
}

fn is_file(file: &File) -> bool {
    matches!(file.kind, FileKind::File | FileKind::Hardlink)
}

/// Of a link, the mode says nothing (path_resolution(7)).
fn has_mode(file: &File) -> bool {
    is_file(file) || file.kind == FileKind::Directory
}

/// By the mode alone, as the kernel asks: owner, else group, else others.
fn may_write(file: &File, image: &Image) -> bool {
    let user = &image.config.run_as;
    let write = if user.uid == Some(file.uid) {
        0o200
    } else if user.gids.contains(&file.gid) {
        0o020
    } else {
        0o002
    };
    file.mode & write != 0
}

/// Directories of programs; below these a name says what a file does.
const PROGRAMS: [&str; 8] =
    ["bin/", "sbin/", "usr/bin/", "usr/sbin/", "usr/local/bin/", "usr/local/sbin/", "usr/games/", "busybox/"];

/// Is it one of these programs, with or without a version or an architecture in its name?
fn is_program(file: &File, names: &[&str]) -> bool {
    let in_place = match file.kind {
        FileKind::Symlink => true,
        FileKind::File | FileKind::Hardlink => file.mode & 0o111 != 0,
        _ => false,
    };
    let path: &[u8] = &file.path;
    let in_path = || {
        PROGRAMS.iter().any(|dir| path.strip_prefix(dir.as_bytes()).is_some_and(|rest| !rest.contains(&b'/')))
            || path.starts_with(b"opt/")
            || path.windows(5).any(|w| w == b"/bin/")
    };
    in_place && in_path() && std::str::from_utf8(file.name()).is_ok_and(|name| is_called(name, names))
}

/// `python3.13`, `perl5.40-x86_64-linux-gnu` and `x86_64-linux-gnu-gcc-14` are python, perl and gcc.
fn is_called(name: &str, names: &[&str]) -> bool {
    let is = |name: &str| {
        names.iter().any(|listed| {
            name.strip_prefix(listed).is_some_and(|rest| {
                let version = rest.strip_prefix('-').unwrap_or(rest);
                rest.is_empty() || version.starts_with(|c: char| c.is_ascii_digit())
            })
        })
    };
    is(name)
        || name
            .split_once("-linux-gnu-")
            .or(name.split_once("-alpine-linux-musl-"))
            .is_some_and(|(_, n)| is(n))
}

/// Run scripts, or enough of a language to write one in.
const INTERPRETERS: &[&str] = &[
    "awk", "gawk", "mawk", "bun", "deno", "elixir", "erl", "escript", "expect", "ghci", "gjs", "groovy",
    "guile", "ipython", "irb", "iex", "java", "jshell", "jjs", "julia", "lua", "luajit", "mono", "node",
    "nodejs", "ocaml", "octave", "perl", "php", "php-cgi", "pypy", "python", "Rscript", "R", "ruby", "tclsh",
    "wish",
];

/// Fetch, send, listen or look around.
const NETWORK_TOOLS: &[&str] = &[
    "aria2c",
    "arp",
    "curl",
    "delv",
    "dig",
    "dropbear",
    "ethtool",
    "ftp",
    "git",
    "host",
    "httpie",
    "http",
    "ifconfig",
    "ip",
    "iperf",
    "lftp",
    "links",
    "lynx",
    "mosh",
    "nc",
    "nc.openbsd",
    "nc.traditional",
    "ncat",
    "netcat",
    "netstat",
    "nft",
    "nmap",
    "nslookup",
    "openssl",
    "ping",
    "ping6",
    "rsync",
    "scp",
    "sftp",
    "socat",
    "ss",
    "ssh",
    "ssh-keyscan",
    "sshd",
    "tcpdump",
    "telnet",
    "tftp",
    "tnftp",
    "traceroute",
    "tracepath",
    "tshark",
    "wget",
    "wget2",
    "whois",
    "iptables",
    "ip6tables",
    "xtables-nft-multi",
    "ssl_client",
];

/// Make programs, or look into running ones.
const COMPILERS: &[&str] = &[
    "as", "bpftrace", "c++", "c89", "c99", "cc", "clang", "clang++", "cmake", "cpp", "dmd", "g++", "gcc",
    "gcj", "gdc", "gdb", "gfortran", "ghc", "gnat", "go", "gold", "javac", "kotlinc", "ld", "ld.bfd",
    "ld.gold", "ld.lld", "lld", "lldb", "ltrace", "make", "gmake", "mcs", "meson", "nasm", "ninja",
    "objdump", "ocamlc", "ocamlopt", "perf", "rustc", "scalac", "strace", "swiftc", "tcc", "tsc", "valgrind",
    "yasm", "zig",
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::page::RunAs;

    fn file(path: &str, mode: u32, uid: u32, gid: u32) -> File {
        File { path: path.into(), mode, uid, gid, ..File::default() }
    }

    fn image(files: Vec<File>, uid: u32) -> Image {
        let mut image = Image { files, ..Image::default() };
        image.config.run_as = RunAs { text: uid.to_string(), uid: Some(uid), gids: vec![uid] };
        image
    }

    #[test]
    fn programs_by_their_names() {
        for name in ["python3.13", "python", "perl5.40-x86_64-linux-gnu", "perl", "lua5.4"] {
            assert!(is_called(name, INTERPRETERS), "{name}");
        }
        for name in ["x86_64-linux-gnu-gcc-14", "gcc-14", "ld.bfd", "aarch64-alpine-linux-musl-gcc"] {
            assert!(is_called(name, COMPILERS), "{name}");
        }
        for name in ["pythonic", "make-first-existing-target", "ldd", "ldconfig", "nodejs-doc"] {
            assert!(!is_called(name, COMPILERS) && !is_called(name, INTERPRETERS), "{name}");
        }
        assert!(!is_program(&file("usr/share/doc/curl", 0o644, 0, 0), NETWORK_TOOLS), "not a program");
        assert!(is_program(&file("usr/bin/curl", 0o755, 0, 0), NETWORK_TOOLS));
        assert!(
            !is_program(&file("usr/share/x/curl", 0o755, 0, 0), NETWORK_TOOLS),
            "not in a place of programs"
        );
    }

    #[test]
    fn rights_as_the_kernel_sees_them() {
        let tmp = File { kind: FileKind::Directory, ..file("tmp", 0o1777, 0, 0) };
        let link = File { kind: FileKind::Symlink, ..file("lib", 0o777, 0, 0) };
        let files = vec![
            tmp,
            link,
            file("usr/bin/su", 0o4755, 0, 0),
            file("srv/all", 0o666, 0, 0),
            file("home/mine", 0o644, 65532, 65532),
            file("home/closed", 0o466, 65532, 0),
            file("var/group", 0o664, 0, 65532),
        ];
        let surface = Surface::of(&image(files.clone(), 65532));
        let of = |category| {
            surface
                .findings
                .iter()
                .find(|f| f.category == category)
                .map(|f| f.what.clone())
                .unwrap_or_default()
        };
        assert_eq!(of(Category::Setuid), ["/usr/bin/su"]);
        assert_eq!(of(Category::WorldWritable), ["/home/closed", "/srv/all"]);
        assert_eq!(of(Category::Writable), ["/home/mine", "/srv/all", "/tmp", "/var/group"]);
        assert_eq!(of(Category::RootUser), [""; 0]);
        let root = Surface::of(&image(files, 0));
        assert_eq!(root.of_kind(Category::RootUser).what, ["0"]);
        assert!(root.of_kind(Category::Writable).all && root.of_kind(Category::Writable).what.is_empty());
        // Of a user whom no account file knows nothing is said, and not that there is none.
        let mut somebody = image(Vec::new(), 0);
        somebody.config.run_as.uid = None;
        let somebody = Surface::of(&somebody);
        assert!(somebody.of_kind(Category::RootUser).unknown && somebody.of_kind(Category::Writable).unknown);
        assert!(!somebody.of_kind(Category::Setuid).unknown);
    }
}
