//! Programs that a distroless image has not: the table, as data. `docs/distroless.md` shows it, and a
//! test holds the two equal. The names are those of Debian's `Contents` of 12 and 13 (section
//! `shells`, and all that installs packages), and of what people copy in by hand.

use bstr::BStr;
use recipe::Allow;

/// Where a name means the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Wherever it is executable: nothing else is called so.
    Anywhere,
    /// In a directory of programs only: elsewhere it is a word of something else.
    Programs,
}

/// Programs of one kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Listed {
    /// File names.
    pub names: &'static [&'static str],
    /// Where they mean it.
    pub place: Place,
    /// The word that allows them.
    pub word: Allow,
    /// What they are.
    pub what: &'static str,
}

const fn shells(names: &'static [&'static str], what: &'static str) -> Listed {
    Listed { names, place: Place::Anywhere, word: Allow::Shell, what }
}

const fn shells_in_path(names: &'static [&'static str], what: &'static str) -> Listed {
    Listed { names, place: Place::Programs, word: Allow::Shell, what }
}

const fn managers(names: &'static [&'static str], what: &'static str) -> Listed {
    Listed { names, place: Place::Programs, word: Allow::PackageManager, what }
}

/// What is refused, in the order of the documentation.
pub const TABLE: &[Listed] = &[
    shells(&["sh", "ash", "dash", "hush", "bash", "bash-static", "rbash"], "Bourne shells: dash, bash"),
    shells(
        &["ksh", "ksh93", "rksh", "rksh93", "mksh", "mksh-static", "rmksh", "lksh", "rlksh", "posh", "yash"],
        "Korn shells and kin: ksh93u+m, mksh, posh, yash",
    ),
    shells(
        &["zsh", "zsh5", "zsh-static", "zsh5-static", "rzsh", "fizsh"],
        "the Z shell: zsh, zsh-static, fizsh",
    ),
    shells(&["csh", "bsd-csh", "tcsh"], "C shells: csh, tcsh"),
    shells(
        &["fish", "elvish", "xonsh", "pwsh", "sash", "fdsh"],
        "others: fish, elvish, xonsh, PowerShell, sash, fdclone",
    ),
    shells(&["busybox", "busybox-static", "toybox"], "many programs in one, a shell among them"),
    shells_in_path(
        &["es", "nu", "nushell", "rc", "rc.byron", "oils-for-unix", "osh", "static-sh"],
        "shells whose names are words of other things too: es, Nushell, rc, Oils",
    ),
    shells_in_path(
        &["rush", "lshell", "rssh", "scponly"],
        "restricted login shells that run what their configuration says",
    ),
    managers(
        &[
            "apt", "apt-get", "aptitude", "dpkg", "dpkg-deb", "dselect", "synaptic", "nala", "cupt", "wajig",
            "gdebi",
        ],
        "Debian's",
    ),
    managers(
        &[
            "apk",
            "dnf",
            "microdnf",
            "tdnf",
            "yum",
            "rpm",
            "zypper",
            "pacman",
            "opkg",
            "emerge",
            "xbps-install",
            "nix",
            "nix-env",
            "guix",
            "brew",
            "snap",
            "flatpak",
        ],
        "of other systems",
    ),
    managers(
        &["pip", "pipx", "pipenv", "poetry", "pdm", "uv", "easy_install", "conda", "mamba", "micromamba"],
        "Python's",
    ),
    managers(&["npm", "npx", "yarn", "yarnpkg", "pnpm", "corepack", "bower"], "JavaScript's"),
    managers(&["composer", "pecl", "pear"], "PHP's"),
    managers(
        &["cargo", "rustup", "opam", "cabal", "stack", "luarocks", "cpanm", "nuget"],
        "of other languages",
    ),
];

/// Known and passed over, with the reason.
pub const PASSED_OVER: &[(&[&str], &str)] = &[
    (
        &["gem", "bundle", "bundler", "cpan", "cpanp"],
        "the package of the interpreter itself brings them (ruby, perl): to refuse them were to refuse the \
         language; `drop:` takes them away",
    ),
    (&["git-shell"], "runs git's three server commands and no other"),
    (&["capsh", "chsh", "tclsh", "wish"], "not shells, in spite of their names"),
    (&["go", "mvn", "gradle"], "compilers and build tools, which put nothing into the system"),
];

/// Directories of programs; the last are busybox's in Google's images and 9base's.
const PROGRAMS: [&str; 8] =
    ["usr/bin", "usr/sbin", "bin", "sbin", "usr/local/bin", "usr/local/sbin", "busybox", "usr/lib/plan9/bin"];

/// Is it a directory of programs? Relative to the root.
pub fn is_of_programs(dir: &BStr) -> bool {
    PROGRAMS.iter().any(|p| *dir == **p)
}

/// The row that a file of this name belongs to; `in_path`: it is in a directory of programs.
pub fn find(name: &[u8], in_path: bool) -> Option<&'static Listed> {
    let here = |row: &&Listed| in_path || row.place == Place::Anywhere;
    TABLE.iter().filter(here).find(|row| row.names.iter().any(|n| is_called(row, n, name)))
}

/// Package managers also carry a version: `pip3`, `pip3.13`, `dnf-3`, `luarocks-5.4`.
fn is_called(row: &Listed, listed: &str, name: &[u8]) -> bool {
    if listed.as_bytes() == name {
        return true;
    }
    let Some(rest) = name.strip_prefix(listed.as_bytes()).filter(|_| row.word == Allow::PackageManager)
    else {
        return false;
    };
    let version = rest.strip_prefix(b"-").unwrap_or(rest);
    version.first().is_some_and(u8::is_ascii_digit)
        && version.iter().all(|b| b.is_ascii_digit() || *b == b'.')
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Everything below a directory of programs in section `shells` of Debian 12 and 13 (Contents,
    /// 2026), and whether it is a shell.
    const DEBIAN_SHELLS: [(&str, bool); 53] = [
        ("usr/bin/antidote", false),
        ("usr/bin/ash", true),
        ("usr/bin/autojump", false),
        ("usr/bin/bash", true),
        ("usr/bin/bash-static", true),
        ("usr/bin/bashacks", false),
        ("usr/bin/bashbug", false),
        ("usr/bin/bats", false),
        ("usr/bin/bsd-csh", true),
        ("usr/bin/busybox", true),
        ("usr/bin/clear_console", false),
        ("usr/bin/cleo", false),
        ("usr/bin/csharp", false),
        ("usr/bin/dash", true),
        ("usr/bin/dh_bash-completion", false),
        ("usr/bin/elvish", true),
        ("usr/bin/esh", false),
        ("usr/bin/fd", false),
        ("usr/bin/fdsh", true),
        ("usr/bin/fish", true),
        ("usr/bin/fish_indent", false),
        ("usr/bin/fish_key_reader", false),
        ("usr/bin/fizsh", true),
        ("usr/bin/ksh93", true),
        ("usr/bin/lksh", true),
        ("usr/bin/mksh", true),
        ("usr/bin/mksh-static", true),
        ("usr/bin/posh", true),
        ("usr/bin/rbash", true),
        ("usr/bin/rc.byron", true),
        ("usr/bin/rksh93", true),
        ("usr/bin/rlksh", true),
        ("usr/bin/rmksh", true),
        ("usr/bin/rush-po", false),
        ("usr/bin/rushlast", false),
        ("usr/bin/rushwho", false),
        ("usr/bin/rzsh", true),
        ("usr/bin/sash", true),
        ("usr/bin/screenie", false),
        ("usr/bin/sh", true),
        ("usr/bin/shcomp93", false),
        ("usr/bin/tcsh", true),
        ("usr/bin/toybox", true),
        ("usr/bin/xonsh", true),
        ("usr/bin/xonsh-uname", false),
        ("usr/bin/yash", true),
        ("usr/bin/zsh", true),
        ("usr/bin/zsh-static", true),
        ("usr/bin/zsh5", true),
        ("usr/bin/zsh5-static", true),
        ("usr/lib/klibc/bin/mksh", true),
        ("usr/lib/x86_64-linux-musl/bin/mksh", true),
        ("usr/sbin/rush", true),
    ];

    /// The same for package managers, with what looks alike.
    const DEBIAN_MANAGERS: [(&str, bool); 30] = [
        ("usr/bin/apt", true),
        ("usr/bin/apt-get", true),
        ("usr/bin/apt-cacher", false),
        ("usr/bin/bundle3.3", false),
        ("usr/bin/cargo", true),
        ("usr/bin/composer", true),
        ("usr/bin/corepack", true),
        ("usr/bin/cpan", false),
        ("usr/bin/cpanm", true),
        ("usr/bin/dnf-3", true),
        ("usr/bin/dpkg", true),
        ("usr/bin/dpkg-deb", true),
        ("usr/bin/gem3.3", false),
        ("usr/bin/luarocks-5.4", true),
        ("usr/bin/nix-env", true),
        ("usr/bin/npm", true),
        ("usr/bin/npx", true),
        ("usr/bin/pacman", true),
        ("usr/bin/pacman4console", false),
        ("usr/bin/pecl", true),
        ("usr/bin/pip", true),
        ("usr/bin/pip3", true),
        ("usr/bin/pip3.11", true),
        ("usr/bin/pipewire", false),
        ("usr/bin/pipx", true),
        ("usr/bin/rpm", true),
        ("usr/bin/rpm2cpio", false),
        ("usr/bin/yarnpkg", true),
        ("usr/lib/node_modules/npm/bin/npm", false),
        ("usr/sbin/synaptic", true),
    ];

    fn word(path: &str) -> Option<Allow> {
        let (dir, name) = path.rsplit_once('/').unwrap();
        find(name.as_bytes(), dir == "usr/bin" || dir == "usr/sbin").map(|row| row.word)
    }

    #[test]
    fn knows_debians_shells_and_package_managers() {
        for (path, is_shell) in DEBIAN_SHELLS {
            assert_eq!(word(path), is_shell.then_some(Allow::Shell), "{path}");
        }
        for (path, is_manager) in DEBIAN_MANAGERS {
            assert_eq!(word(path), is_manager.then_some(Allow::PackageManager), "{path}");
        }
    }

    #[test]
    fn every_name_is_once_in_the_table() {
        let passed = PASSED_OVER.iter().flat_map(|(names, _)| names.iter());
        let mut all: Vec<&str> = TABLE.iter().flat_map(|row| row.names).chain(passed).copied().collect();
        let count = all.len();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), count);
    }

    #[test]
    fn the_table_is_documented() {
        let quoted = |names: &[&str]| names.iter().map(|n| format!("`{n}`")).collect::<Vec<_>>().join(" ");
        let mut expected: Vec<String> = TABLE
            .iter()
            .map(|row| {
                let place = if row.place == Place::Anywhere { "anywhere" } else { "programs" };
                format!("| {} | {} | {place} | {} |", row.word.as_str(), row.what, quoted(row.names))
            })
            .collect();
        expected.extend(PASSED_OVER.iter().map(|(names, why)| format!("| {} | {why} |", quoted(names))));
        let page = testkit::workspace().join("docs/distroless.md");
        #[allow(clippy::disallowed_methods, reason = "a test reads the documentation")]
        let text = std::fs::read_to_string(page).unwrap();
        let rows: Vec<&str> = text.lines().filter(|l| l.starts_with("| ") && l.contains('`')).collect();
        assert_eq!(rows, expected, "\n{}", expected.join("\n"));
    }
}
