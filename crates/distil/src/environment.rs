//! The process's surroundings, read here and nowhere else: variables, clock, terminal, processors.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::IsTerminal;
use std::path::PathBuf;

/// A snapshot of what a command may depend on besides its arguments.
#[derive(Debug, Clone)]
pub(crate) struct Environment {
    /// What was typed after `distil`.
    pub(crate) arguments: Vec<String>,
    variables: BTreeMap<OsString, OsString>,
    /// Seconds since the epoch.
    pub(crate) now: i64,
    pub(crate) working_dir: PathBuf,
    /// Our own executable: a rebuilt distil makes old answers invalid.
    pub(crate) program: Option<PathBuf>,
    pub(crate) processors: usize,
    pub(crate) stderr_is_terminal: bool,
    pub(crate) stdin_is_terminal: bool,
}

impl Environment {
    #[expect(clippy::disallowed_methods, reason = "the one place that asks the world")]
    pub(crate) fn read() -> Environment {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        Environment {
            arguments: std::env::args_os().skip(1).map(|a| a.to_string_lossy().into_owned()).collect(),
            variables: std::env::vars_os().collect(),
            now: now.map_or(0, |d| i64::try_from(d.as_secs()).unwrap_or(i64::MAX)),
            working_dir: std::env::current_dir().unwrap_or_else(|_| PathBuf::from(".")),
            program: std::env::current_exe().ok(),
            processors: std::thread::available_parallelism().map_or(1, usize::from),
            stderr_is_terminal: std::io::stderr().is_terminal(),
            stdin_is_terminal: std::io::stdin().is_terminal(),
        }
    }

    /// The same, but for the working directory: `dir`, meant from the old one.
    pub(crate) fn working_in(&self, dir: &std::path::Path) -> Environment {
        Environment { working_dir: self.working_dir.join(dir), ..self.clone() }
    }

    /// A variable that is set and not empty.
    pub(crate) fn variable(&self, name: &str) -> Option<&str> {
        self.variables.get(&OsString::from(name)).and_then(|v| v.to_str()).filter(|v| !v.is_empty())
    }

    /// The same as a path, which need not be UTF-8.
    pub(crate) fn path(&self, name: &str) -> Option<PathBuf> {
        self.variables.get(&OsString::from(name)).filter(|v| !v.is_empty()).map(PathBuf::from)
    }

    /// The variables whose names begin so: the rest of each name, and its value. Empty ones count as not
    /// there.
    pub(crate) fn beginning_with(&self, start: &str) -> Vec<(&str, &str)> {
        let named = self.variables.iter().filter_map(|(name, value)| Some((name.to_str()?, value.to_str()?)));
        named
            .filter_map(|(name, value)| Some((name.strip_prefix(start)?, value)))
            .filter(|(rest, value)| !rest.is_empty() && !value.is_empty())
            .collect()
    }

    /// An XDG base directory: the variable if it is absolute, else `$HOME/fallback`
    /// (XDG Base Directory Specification: relative paths are invalid and ignored).
    pub(crate) fn xdg(&self, name: &str, fallback: &str) -> PathBuf {
        let home = || self.path("HOME").unwrap_or_else(|| PathBuf::from("/")).join(fallback);
        self.path(name).filter(|p| p.is_absolute()).unwrap_or_else(home)
    }

    /// Colours: a terminal, and no `NO_COLOR` (no-color.org), and no `TERM=dumb`.
    pub(crate) fn wants_color(&self) -> bool {
        self.stderr_is_terminal
            && self.variable("NO_COLOR").is_none()
            && self.variable("TERM") != Some("dumb")
    }
}
