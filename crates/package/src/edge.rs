/// A dependency that only a maintainer script needs: cut once the set is solved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CutEdge {
    /// The package whose dependency it is; `*` at the end stands for any rest of a name.
    pub package: &'static str,
    /// The name it depends on, as the clause has it (a virtual name too).
    pub dependency: &'static str,
    /// Why nothing at run time needs it, and what does the script's work here.
    pub reason: &'static str,
}

/// A dependency that nobody declares, but that something at run time needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HiddenEdge {
    /// The needing package; `*` at the end stands for any rest of a name.
    pub package: &'static str,
    /// What it needs: a clause in the syntax of `Depends`.
    pub dependency: &'static str,
    /// Who opens it, and how.
    pub reason: &'static str,
}

impl CutEdge {
    /// Is it about this clause of this package?
    pub fn cuts(&self, package: &str, dependency: &str) -> bool {
        covers(self.package, package) && self.dependency == dependency
    }
}

impl HiddenEdge {
    /// Is it about this package?
    pub fn is_of(&self, package: &str) -> bool {
        covers(self.package, package)
    }
}

fn covers(pattern: &str, name: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(start) => name.starts_with(start),
        None => pattern == name,
    }
}
