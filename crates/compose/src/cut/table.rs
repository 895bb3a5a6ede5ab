use std::fmt::Write;

/// Files that no program reads while it serves, by the places where Debian's Policy and the file
/// hierarchy put them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Class {
    /// Its name in summaries.
    pub name: &'static str,
    /// What it is and why nothing misses it.
    pub what: &'static str,
    /// Where it is.
    pub globs: &'static [&'static str],
    /// What stays all the same.
    pub except: &'static [&'static str],
}

/// What `slim: classes` leaves out.
pub const CLASSES: [Class; 12] = [
    Class {
        name: "documentation",
        what: "Documentation for people. The licence of each package stays.",
        globs: &[
            "/usr/share/doc/**",
            "/usr/share/doc-base/**",
            "/usr/share/gtk-doc/**",
            "/usr/share/help/**",
            "/usr/local/share/doc/**",
        ],
        except: &["/usr/share/doc/*/copyright"],
    },
    Class {
        name: "man",
        what: "Manual pages; nothing in the image shows them.",
        globs: &["/usr/share/man/**", "/usr/local/share/man/**", "/usr/local/man/**"],
        except: &[],
    },
    Class { name: "info", what: "Info pages, likewise.", globs: &["/usr/share/info/**"], except: &[] },
    Class {
        name: "lintian",
        what: "Remarks for Debian's package checker.",
        globs: &["/usr/share/lintian/**"],
        except: &[],
    },
    Class {
        name: "bug",
        what: "Scripts and remarks for Debian's bug reporter.",
        globs: &["/usr/share/bug/**"],
        except: &[],
    },
    Class {
        name: "menu",
        what: "Entries of Debian's old menu system.",
        globs: &["/usr/share/menu/**", "/usr/lib/menu/**"],
        except: &[],
    },
    Class {
        name: "locales",
        what: "Translations and compiled locales. `C.utf8` stays; another one needs `keep`.",
        globs: &["/usr/share/locale/**", "/usr/lib/locale/**", "/usr/share/i18n/**"],
        except: &["/usr/lib/locale/C.utf8/**"],
    },
    Class {
        name: "completions",
        what: "Completions for interactive shells.",
        globs: &[
            "/usr/share/bash-completion/**",
            "/etc/bash_completion.d/**",
            "/usr/share/zsh/**",
            "/usr/share/fish/**",
        ],
        except: &[],
    },
    Class {
        name: "services",
        what: "Init scripts, cron jobs, log rotation and systemd units: a container starts its one program itself. \
               What `sysusers.d` and `tmpfiles.d` ask for is applied when the image is built.",
        globs: &[
            "/etc/init.d/**",
            "/etc/init/**",
            "/etc/rc?.d/**",
            "/etc/cron.d/**",
            "/etc/cron.hourly/**",
            "/etc/cron.daily/**",
            "/etc/cron.weekly/**",
            "/etc/cron.monthly/**",
            "/etc/logrotate.d/**",
            "/etc/systemd/**",
            "/usr/lib/systemd/system/**",
            "/usr/lib/systemd/user/**",
            "/usr/lib/systemd/system-preset/**",
            "/usr/lib/systemd/user-preset/**",
        ],
        except: &[],
    },
    Class {
        name: "headers",
        what: "Headers of C and C++.",
        globs: &["/usr/include/**", "/usr/local/include/**"],
        except: &[],
    },
    Class {
        name: "static-libraries",
        what: "Archives for linkers, and what tells build systems of libraries.",
        globs: &[
            "/usr/lib/**/*.a",
            "/usr/lib/**/*.la",
            "/usr/lib/**/pkgconfig/**",
            "/usr/share/pkgconfig/**",
            "/usr/share/aclocal/**",
        ],
        except: &[],
    },
    Class {
        name: "gconv",
        what: "glibc's conversions between character sets (8 MB), but for UTF-16, UTF-32, ISO8859-1, ISO8859-15 and \
               CP1252; UTF-8 and UCS-4 are in the library itself. `gconv-modules` is made anew without the others, and \
               its cache goes, so that `iconv_open` says of the others that it does not know them.",
        globs: &["/usr/lib*/**/gconv/*.so", "/usr/lib*/**/gconv/gconv-modules.cache"],
        except: &[
            "/usr/lib*/**/gconv/UTF-16.so",
            "/usr/lib*/**/gconv/UTF-32.so",
            "/usr/lib*/**/gconv/ISO8859-1.so",
            "/usr/lib*/**/gconv/ISO8859-15.so",
            "/usr/lib*/**/gconv/CP1252.so",
        ],
    },
];

/// The table as Markdown, as `docs/slimming.md` has it.
pub fn documentation() -> String {
    let mut out = String::from("| class | what | left out | but for |\n|---|---|---|---|\n");
    let list = |globs: &[&str]| globs.iter().map(|g| format!("`{g}`")).collect::<Vec<_>>().join(" ");
    for class in &CLASSES {
        let (globs, except) = (list(class.globs), list(class.except));
        let _ = writeln!(out, "| {} | {} | {globs} | {except} |", class.name, class.what);
    }
    out
}
