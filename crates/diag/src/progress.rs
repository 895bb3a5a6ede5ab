use std::fmt;

/// Told what is going on, asked whether to go on. The binary draws bars or writes plain lines.
pub trait Reporter: Send + Sync {
    /// Work begins; `total` where it is known.
    fn begin(&self, label: &str, total: Option<u64>, unit: Unit) -> TaskId;
    /// `by` more units of `task` are done.
    fn advance(&self, task: TaskId, by: u64);
    /// The task is over.
    fn end(&self, task: TaskId);
    /// A line for the user that is no failure.
    fn note(&self, note: Note);
    /// The user pressed Ctrl-C; long work stops at the next chance with [`Cancelled`].
    fn cancelled(&self) -> bool {
        false
    }
}

impl dyn Reporter + '_ {
    /// A task that ends when it goes out of scope.
    pub fn task(&self, label: &str, total: Option<u64>, unit: Unit) -> Task<'_> {
        Task { reporter: self, id: self.begin(label, total, unit) }
    }

    /// An error once the user has asked to stop.
    pub fn check(&self) -> Result<(), Cancelled> {
        if self.cancelled() { Err(Cancelled) } else { Ok(()) }
    }
}

/// Names a task of a [`Reporter`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TaskId(pub u64);

/// What a task counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Bytes.
    Bytes,
    /// Packages, layers, files.
    Items,
}

/// A line that is no failure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Note {
    /// Worth knowing.
    Info(String),
    /// Worth acting on.
    Warning(String),
    /// Shown with `-v` only.
    Detail(String),
}

/// A running task; ends when dropped.
pub struct Task<'a> {
    reporter: &'a dyn Reporter,
    id: TaskId,
}

impl Task<'_> {
    /// `by` more units are done.
    pub fn advance(&self, by: u64) {
        self.reporter.advance(self.id, by);
    }
}

impl Drop for Task<'_> {
    fn drop(&mut self) {
        self.reporter.end(self.id);
    }
}

/// The user asked to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cancelled;

impl fmt::Display for Cancelled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("stopped by the user")
    }
}

impl std::error::Error for Cancelled {}

impl crate::Explain for Cancelled {
    fn kind(&self) -> crate::Kind {
        crate::Kind::Machine
    }
}

/// Says nothing to anybody.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Reporter for Silent {
    fn begin(&self, _: &str, _: Option<u64>, _: Unit) -> TaskId {
        TaskId(0)
    }
    fn advance(&self, _: TaskId, _: u64) {}
    fn end(&self, _: TaskId) {}
    fn note(&self, _: Note) {}
}
