//! The binary's inside: arguments become options once, a verb of `ops` is called, and its value is
//! rendered. Standard output carries data only; standard error is talk.
//!
//! Why a library: tests can reach the command model (for docs and completions) without a process.

mod apko;
mod append_args;
mod args;
mod commands;
mod environment;
mod exit;
mod inspect_args;
mod login;
mod login_args;
mod looking;
mod options;
mod registries;
mod render;
mod report_args;
mod surroundings;
mod terminal;
mod transfer_args;
mod transfers;

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use clap::{CommandFactory, Parser};
use diag::Diagnostic;

use crate::args::Cli;
use crate::environment::Environment;
use crate::render::progress::Loudness;
use crate::render::style::Style;

/// Runs the command line and gives the exit code.
pub fn run() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(e) => return usage(&e),
    };
    let env = Environment::read();
    let talk = Talk::new(&cli.global, &env);
    match commands::run(&cli, &env, &talk) {
        Ok(code) => exit::status(code),
        Err(d) => {
            talk.failure(&d);
            exit::status(exit::code(d.kind))
        }
    }
}

/// The command model, for completions, manual pages and tests.
pub fn command() -> clap::Command {
    Cli::command()
}

/// clap's own text; `--help` and `--version` are no failure.
fn usage(e: &clap::Error) -> ExitCode {
    // A closed pipe (`distil --help | head -1`) is no failure either.
    let _ = e.print();
    exit::status(if e.use_stderr() { exit::code(diag::Kind::Usage) } else { exit::DONE })
}

/// How to talk to the user.
pub(crate) struct Talk {
    json: bool,
    loudness: Loudness,
    style: Style,
    is_terminal: bool,
    cancelled: Arc<AtomicBool>,
}

impl Talk {
    fn new(global: &args::Global, env: &Environment) -> Talk {
        let loudness = match (global.quiet, global.verbose) {
            (true, _) => Loudness::Quiet,
            (false, 0) => Loudness::Normal,
            (false, _) => Loudness::Verbose,
        };
        Talk {
            json: global.json,
            loudness,
            style: Style::new(env.wants_color()),
            is_terminal: env.stderr_is_terminal,
            cancelled: Arc::new(AtomicBool::new(false)),
        }
    }

    #[expect(clippy::disallowed_methods, reason = "a second Ctrl-C means now; files are safe at any moment")]
    /// The first Ctrl-C asks to stop at the next chance; the second one stops at once.
    pub(crate) fn watch_for_interrupt(&self) {
        let flag = Arc::clone(&self.cancelled);
        // Without a handler Ctrl-C ends the process as ever, which is safe at any moment.
        let _ = ctrlc::set_handler(move || {
            if flag.swap(true, Ordering::Relaxed) {
                std::process::exit(130);
            }
        });
    }

    /// The same, louder or less so.
    pub(crate) fn at(&self, loudness: Loudness) -> Talk {
        Talk { loudness, cancelled: Arc::clone(&self.cancelled), ..*self }
    }

    pub(crate) fn reporter(&self) -> Arc<dyn diag::Reporter> {
        Arc::new(render::progress::Terminal::new(
            self.loudness,
            self.is_terminal,
            self.style,
            Arc::clone(&self.cancelled),
        ))
    }

    fn failure(&self, d: &Diagnostic) {
        let text = if self.json {
            format!("{}\n", render::diagnostic::json(d))
        } else {
            render::diagnostic::human(d, self.style)
        };
        write_err(&text);
    }

    /// A line of talk that `-q` silences.
    pub(crate) fn say_line(&self, text: &str) {
        self.say(&self.style.line(text));
    }

    /// Rendered lines of talk that `-q` silences.
    pub(crate) fn say(&self, text: &str) {
        if self.loudness >= Loudness::Normal {
            write_err(text);
        }
    }
}

/// A closed standard error leaves nobody to tell.
fn write_err(text: &str) {
    use std::io::Write;
    let _ = std::io::stderr().lock().write_all(text.as_bytes());
}
