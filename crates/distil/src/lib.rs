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
        Err(e) => return usage(&e, &Environment::read()),
    };
    let env = Environment::read();
    let talk = Talk::new(&cli.global, &env);
    match commands::run(&cli, &env, &talk) {
        Ok(code) => exit::status(code),
        Err(d) => {
            talk.failure(&d);
            let stopped = talk.cancelled.load(Ordering::Relaxed);
            exit::status(if stopped { exit::STOPPED } else { exit::code(d.kind) })
        }
    }
}

/// The command model, for completions, manual pages and tests.
pub fn command() -> clap::Command {
    Cli::command()
}

/// What clap has to say; `--help` and `--version` are no failure.
fn usage(e: &clap::Error, env: &Environment) -> ExitCode {
    use clap::error::ErrorKind;
    if !e.use_stderr() || e.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        // A closed pipe (`distil --help | head -1`) is no failure either.
        let _ = e.print();
        return exit::status(if e.use_stderr() { exit::code(diag::Kind::Usage) } else { exit::DONE });
    }
    let d = misunderstood(&e.render().to_string());
    let json = env.arguments.iter().take_while(|a| *a != "--").any(|a| a == "--json");
    write_err(&match json {
        true => format!("{}\n", render::diagnostic::json(&d)),
        false => render::diagnostic::human(&d, Style::new(env.wants_color())),
    });
    exit::status(exit::code(d.kind))
}

/// clap's text in the grammar of every other failure: the cause, its tips, how the command is used.
fn misunderstood(text: &str) -> Diagnostic {
    let mut parts = text.split("\n\n").map(str::trim).filter(|part| !part.is_empty());
    let first = parts.next().unwrap_or_default();
    let cause: Vec<&str> = first.strip_prefix("error:").unwrap_or(first).lines().map(str::trim).collect();
    let mut d = Diagnostic::new(
        diag::Kind::Usage,
        format!("cannot understand the command line: {}", cause.join(" ")),
    );
    let mut tips = Vec::new();
    for part in parts {
        if let Some(usage) = part.strip_prefix("Usage:") {
            let lines = usage.lines().map(str::trim).filter(|line| !line.is_empty());
            d = lines.fold(d, |d, line| d.detail(format!("usage: {line}")));
        } else if let Some(more) = part.strip_prefix("For more information, try ") {
            tips.push(format!("{} tells more", more.trim_end_matches('.').replace('\'', "`")));
        } else {
            let lines = part.lines().map(str::trim);
            tips.extend(lines.map(|line| line.strip_prefix("tip: ").unwrap_or(line).to_owned()));
        }
    }
    d.hint(tips.join("; "))
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
