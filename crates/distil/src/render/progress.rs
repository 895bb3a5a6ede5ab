//! Progress: bars on a terminal, a plain line per task elsewhere, nothing with `-q`.

use std::collections::HashMap;
use std::io::Write;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use diag::{Note, Reporter, TaskId, Unit};
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::style::{Style, escaped};

/// How much is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Loudness {
    /// Failures and warnings only.
    Quiet,
    /// Progress and summary too.
    Normal,
    /// Details too.
    Verbose,
}

/// Writes to standard error.
pub(crate) struct Terminal {
    loudness: Loudness,
    style: Style,
    bars: Option<MultiProgress>,
    running: Mutex<HashMap<u64, Running>>,
    next: AtomicU64,
    cancelled: Arc<AtomicBool>,
}

struct Running {
    bar: Option<ProgressBar>,
    label: String,
    done: u64,
    unit: Unit,
}

impl Terminal {
    pub(crate) fn new(
        loudness: Loudness,
        is_terminal: bool,
        style: Style,
        cancelled: Arc<AtomicBool>,
    ) -> Terminal {
        let bars = (is_terminal && loudness >= Loudness::Normal)
            .then(|| MultiProgress::with_draw_target(ProgressDrawTarget::stderr_with_hz(10)));
        Terminal {
            loudness,
            style,
            bars,
            running: Mutex::new(HashMap::new()),
            next: AtomicU64::new(1),
            cancelled,
        }
    }

    fn line(&self, text: &str) {
        // A broken pipe on standard error leaves nobody to tell.
        let text = self.style.line(text);
        let write = || drop(std::io::stderr().lock().write_all(text.as_bytes()));
        match &self.bars {
            Some(bars) => bars.suspend(write),
            None => write(),
        }
    }

    fn bar(&self, label: &str, total: Option<u64>, unit: Unit) -> Option<ProgressBar> {
        let bars = self.bars.as_ref()?;
        let template = match (total, unit) {
            (Some(_), Unit::Bytes) => "{msg:32} {bar:24} {bytes:>10}/{total_bytes:10} {bytes_per_sec}",
            (Some(_), Unit::Items) => "{msg:32} {bar:24} {pos:>10}/{len}",
            (None, Unit::Bytes) => "{msg:32} {spinner} {bytes}",
            (None, Unit::Items) => "{msg:32} {spinner} {pos}",
        };
        let bar = bars.add(total.map_or_else(ProgressBar::new_spinner, ProgressBar::new));
        let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
        bar.set_style(style.progress_chars("=> "));
        bar.set_message(escaped(label).into_owned());
        Some(bar)
    }
}

impl Reporter for Terminal {
    fn begin(&self, label: &str, total: Option<u64>, unit: Unit) -> TaskId {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let bar = self.bar(label, total, unit);
        if let Ok(mut running) = self.running.lock() {
            running.insert(id, Running { bar, label: label.to_owned(), done: 0, unit });
        }
        TaskId(id)
    }

    fn advance(&self, task: TaskId, by: u64) {
        if let Ok(mut running) = self.running.lock()
            && let Some(r) = running.get_mut(&task.0)
        {
            r.done += by;
            if let Some(bar) = &r.bar {
                bar.inc(by);
            }
        }
    }

    fn end(&self, task: TaskId) {
        let Some(r) = self.running.lock().ok().and_then(|mut running| running.remove(&task.0)) else {
            return;
        };
        match &r.bar {
            Some(bar) => bar.finish_and_clear(),
            None if self.loudness >= Loudness::Normal && r.done > 0 => {
                let amount = match r.unit {
                    Unit::Bytes => diag::bytes(r.done),
                    Unit::Items => r.done.to_string(),
                };
                self.line(&format!("{}: {amount}", r.label));
            }
            None => {}
        }
    }

    fn note(&self, note: Note) {
        match note {
            Note::Info(text) if self.loudness >= Loudness::Normal => self.line(&text),
            Note::Detail(text) if self.loudness >= Loudness::Verbose => self.line(&self.style.faint(&text)),
            Note::Warning(text) => self.line(&format!("{} {text}", self.style.warning("warning:"))),
            Note::Info(_) | Note::Detail(_) => {}
        }
    }

    fn cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed)
    }
}
