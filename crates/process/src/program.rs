use std::ffi::OsString;
use std::fmt;
use std::io;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use diag::Reporter;
use rustix::process::{Pid, Signal, kill_process_group};

use crate::output::Output;
use crate::{Input, ProcessError};

/// A program to run: its name, its words, and what it may have.
#[derive(Debug, Clone)]
pub struct Program {
    name: OsString,
    words: Vec<OsString>,
    environment: Option<Vec<(OsString, OsString)>>,
    time: Duration,
    output: usize,
}

/// How a program ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// By itself, with this exit code.
    Code(i32),
    /// By this signal.
    Signal(i32),
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Ended::Code(code) => write!(f, "exit code {code}"),
            Ended::Signal(signal) => write!(f, "signal {signal}"),
        }
    }
}

/// What a program did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ran {
    /// How it ended.
    pub ended: Ended,
    /// What it wrote to stdout.
    pub stdout: Vec<u8>,
    /// What it wrote to stderr.
    pub stderr: Vec<u8>,
}

impl Ran {
    /// Whether its exit code is 0.
    pub fn is_good(&self) -> bool {
        self.ended == Ended::Code(0)
    }

    /// Its own words about what went wrong, in one line of a bounded length: stderr, else stdout, else
    /// how it ended. Not for programs whose stdout may hold a secret.
    pub fn complaint(&self) -> String {
        let said = one_line(&self.stderr);
        let said = if said.is_empty() { one_line(&self.stdout) } else { said };
        if said.is_empty() { format!("it says nothing ({})", self.ended) } else { said }
    }
}

/// Text of somebody else's in one line, its length bounded and its control characters gone.
fn one_line(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let words = text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|w| !w.is_empty());
    words.collect::<Vec<_>>().join(" ").chars().take(400).collect()
}

/// What a program may take where nothing else is said.
const TIME: Duration = Duration::from_secs(60);
/// What it may say on each of its two outputs.
const OUTPUT: usize = 1 << 20;
/// How long a pipe may stay open after the program's end, held by something that it left behind.
const AFTERWARDS: Duration = Duration::from_millis(500);

impl Program {
    /// The program `name`, looked for in `PATH` where it has no slash.
    pub fn new(name: impl Into<OsString>) -> Program {
        Program { name: name.into(), words: Vec::new(), environment: None, time: TIME, output: OUTPUT }
    }

    /// The same with one more word.
    pub fn word(mut self, word: impl Into<OsString>) -> Program {
        self.words.push(word.into());
        self
    }

    /// The same with more words.
    pub fn words<W: Into<OsString>>(mut self, words: impl IntoIterator<Item = W>) -> Program {
        self.words.extend(words.into_iter().map(Into::into));
        self
    }

    /// The same, with exactly these variables instead of the caller's own. `PATH` among them is also
    /// where the program is looked for.
    pub fn only_with(mut self, variables: impl IntoIterator<Item = (OsString, OsString)>) -> Program {
        self.environment = Some(variables.into_iter().collect());
        self
    }

    /// The same with another limit of time than a minute.
    pub fn within(mut self, time: Duration) -> Program {
        self.time = time;
        self
    }

    /// The same with another limit of each output than 1 MiB.
    pub fn saying_at_most(mut self, bytes: usize) -> Program {
        self.output = bytes;
        self
    }

    /// Its name, for messages.
    pub fn name(&self) -> String {
        self.name.to_string_lossy().into_owned()
    }

    /// Runs it to its end and gives what it said; whether that is good is for the caller to judge. Of
    /// stderr the beginning is kept.
    ///
    /// # Errors
    /// It does not start, or is ended by us: it took too long or said too much, its input failed, or
    /// the user stopped it. Nothing that it started in its group is left then.
    pub fn run(&self, input: Input<'_>, reporter: &dyn Reporter) -> Result<Ran, ProcessError> {
        let mut child = self.spawn(input.is_nothing())?;
        let leash = Leash::on(&child);
        let end = |child: &mut Child| {
            leash.kill();
            let _ = child.wait();
        };
        let mut words = match Words::of(&mut child, self.output) {
            Ok(words) => words,
            Err(error) => {
                end(&mut child);
                return Err(ProcessError::Start { program: self.name(), error });
            }
        };
        let pipe = child.stdin.take();
        let status = std::thread::scope(|scope| {
            let writer = scope.spawn(|| feed(pipe, input, &leash));
            let waited = self.wait(&mut child, &leash, &mut words, reporter);
            if waited.is_err() {
                end(&mut child);
            }
            match writer.join() {
                Ok(Ok(())) => waited,
                Ok(Err(error)) => {
                    reporter.check().map_err(ProcessError::Stopped)?;
                    Err(ProcessError::Input { program: self.name(), error })
                }
                Err(panic) => std::panic::resume_unwind(panic),
            }
        })?;
        let Words { stdout, stderr } = words;
        let ended = Ended::from(status);
        Ok(Ran { ended, stdout: stdout.finish(AFTERWARDS), stderr: stderr.finish(AFTERWARDS) })
    }

    fn spawn(&self, no_input: bool) -> Result<Child, ProcessError> {
        let mut command = Command::new(&self.name);
        command.args(&self.words);
        if let Some(only) = &self.environment {
            command.env_clear().envs(only.iter().map(|(name, value)| (name, value)));
        }
        command.stdin(if no_input { Stdio::null() } else { Stdio::piped() });
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
        command.spawn().map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => ProcessError::Missing { program: self.name() },
            _ => ProcessError::Start { program: self.name(), error },
        })
    }

    /// Looks again and again, soon at first: helpers answer in milliseconds.
    fn wait(
        &self,
        child: &mut Child,
        leash: &Leash,
        words: &mut Words,
        reporter: &dyn Reporter,
    ) -> Result<ExitStatus, ProcessError> {
        const SOON: Duration = Duration::from_micros(500);
        let (start, mut pause) = (Instant::now(), SOON);
        loop {
            let status = leash.look(child);
            // After the look: of a program that has ended all is there.
            let came = words.take();
            if words.stdout.is_too_long() {
                return Err(ProcessError::Talkative { program: self.name(), limit: self.output });
            }
            match status {
                Ok(Some(status)) => return Ok(status),
                Ok(None) => {}
                Err(error) => return Err(ProcessError::Start { program: self.name(), error }),
            }
            reporter.check().map_err(ProcessError::Stopped)?;
            if start.elapsed() >= self.time {
                return Err(ProcessError::Late { program: self.name(), limit: self.time });
            }
            std::thread::sleep(pause);
            pause = if came { SOON } else { (pause * 2).min(Duration::from_millis(20)) };
        }
    }
}

impl From<ExitStatus> for Ended {
    fn from(status: ExitStatus) -> Ended {
        match (status.code(), status.signal()) {
            (Some(code), _) => Ended::Code(code),
            (None, signal) => Ended::Signal(signal.unwrap_or_default()),
        }
    }
}

/// What it says, on both of its outputs.
struct Words {
    stdout: Output<ChildStdout>,
    stderr: Output<ChildStderr>,
}

impl Words {
    fn of(child: &mut Child, limit: usize) -> io::Result<Words> {
        let (Some(stdout), Some(stderr)) = (child.stdout.take(), child.stderr.take()) else {
            return Err(io::Error::other("it has no pipes"));
        };
        Ok(Words { stdout: Output::of(stdout, limit)?, stderr: Output::of(stderr, limit)? })
    }

    /// Takes what is there now; whether anything was.
    fn take(&mut self) -> bool {
        let (said, complained) = (self.stdout.take(), self.stderr.take());
        said || complained
    }
}

/// Writes the input. Where that fails, the program is ended first and its input closed then: it must
/// not take the break for the end.
fn feed(pipe: Option<ChildStdin>, input: Input<'_>, leash: &Leash) -> io::Result<()> {
    let Some(mut pipe) = pipe else { return Ok(()) };
    let written = input.write(&mut pipe);
    if written.is_err() {
        leash.kill();
    }
    written
}

/// Ends a program and all of its group, as long as the group's number is still its own.
struct Leash {
    group: Pid,
    reaped: Mutex<bool>,
}

impl Leash {
    fn on(child: &Child) -> Leash {
        Leash { group: Pid::from_child(child), reaped: Mutex::new(false) }
    }

    fn look(&self, child: &mut Child) -> io::Result<Option<ExitStatus>> {
        let mut reaped = self.reaped.lock().unwrap_or_else(PoisonError::into_inner);
        let status = child.try_wait()?;
        *reaped = status.is_some();
        Ok(status)
    }

    fn kill(&self) {
        let reaped = self.reaped.lock().unwrap_or_else(PoisonError::into_inner);
        if !*reaped {
            // It fails where everybody is gone already, which is what is wanted.
            let _ = kill_process_group(self.group, Signal::KILL);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::os::unix::fs::PermissionsExt;
    use std::path::PathBuf;

    use diag::{Cancelled, Note, Silent, TaskId, Unit};

    use super::*;

    fn sh(script: &str) -> Program {
        Program::new("/bin/sh").words(["-c", script])
    }

    #[test]
    fn gives_what_it_said_and_how_it_ended() {
        let ran = sh("cat; echo \"$0 $1\" >&2; exit 3").words(["a b", "$HOME;x"]);
        let ran = ran.run(Input::Bytes(b"in\0put"), &Silent).unwrap();
        assert_eq!(ran.stdout, b"in\0put");
        assert_eq!(ran.ended, Ended::Code(3));
        assert_eq!(ran.complaint(), "a b $HOME;x");
        assert!(!ran.is_good());
        let killed = sh("kill -9 $$").run(Input::Nothing, &Silent).unwrap();
        assert_eq!(killed.ended, Ended::Signal(9));
        assert_eq!(killed.complaint(), "it says nothing (signal 9)");
        let spoken = Ran { stderr: b"\x1b[1mred\x07\n\tline ".to_vec(), ..killed };
        assert_eq!(spoken.complaint(), "[1mred line");
    }

    #[test]
    fn what_is_not_there_is_named() {
        let error = Program::new("docker-credential-none-such").run(Input::Nothing, &Silent).unwrap_err();
        let said = diag::Diagnostic::from(error);
        assert_eq!(
            said.to_string(),
            "cannot run docker-credential-none-such: there is no such program in PATH"
        );
        assert!(said.hint.as_deref().unwrap().contains("install docker-credential-none-such"));
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("plain");
        std::fs::write(&file, "x").unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
        let error = Program::new(&file).run(Input::Nothing, &Silent).unwrap_err();
        assert!(matches!(error, ProcessError::Start { .. }), "{error}");
    }

    #[test]
    fn only_the_environment_that_is_named() {
        let only = [("A".into(), "1".into()), ("PATH".into(), "/usr/bin:/bin".into())];
        let ran = Program::new("env").only_with(only).run(Input::Nothing, &Silent).unwrap();
        let mut lines: Vec<_> = std::str::from_utf8(&ran.stdout).unwrap().lines().collect();
        lines.sort_unstable();
        assert_eq!(lines, ["A=1", "PATH=/usr/bin:/bin"]);
    }

    /// Whether a process is there and no zombie.
    fn lives(pid: rustix::process::Pid) -> bool {
        // Behind its name, which ends with the last parenthesis, stands its state (proc_pid_stat(5)).
        match std::fs::read_to_string(format!("/proc/{pid}/stat")) {
            Ok(stat) => !stat.rsplit_once(')').unwrap().1.trim_start().starts_with('Z'),
            Err(_) => rustix::process::test_kill_process(pid).is_ok(),
        }
    }

    #[test]
    fn what_takes_too_long_is_ended() {
        let error =
            sh("sleep 600").within(Duration::from_millis(50)).run(Input::Nothing, &Silent).unwrap_err();
        assert!(matches!(error, ProcessError::Late { .. }), "{error}");
        assert!(error.to_string().contains("did not end within 0.05 s"), "{error}");
    }

    /// Ctrl-C as soon as a file is there.
    struct StopsAt(PathBuf);
    impl Reporter for StopsAt {
        fn begin(&self, _: &str, _: Option<u64>, _: Unit) -> TaskId {
            TaskId(0)
        }
        fn advance(&self, _: TaskId, _: u64) {}
        fn end(&self, _: TaskId) {}
        fn note(&self, _: Note) {}
        fn cancelled(&self) -> bool {
            self.0.exists()
        }
    }

    #[test]
    fn the_user_stops_it_and_its_children() {
        let dir = tempfile::tempdir().unwrap();
        let pid = dir.path().join("pid");
        let script = format!("sleep 600 & echo $! > {0}.new; mv {0}.new {0}; wait", pid.display());
        let stopped = sh(&script).run(Input::Nothing, &StopsAt(pid.clone()));
        assert!(matches!(stopped, Err(ProcessError::Stopped(Cancelled))), "{stopped:?}");
        let child: i32 = std::fs::read_to_string(&pid).unwrap().trim().parse().unwrap();
        let child = rustix::process::Pid::from_raw(child).unwrap();
        testkit::wait_for("the end of the child", || (!lives(child)).then_some(()));
    }

    #[test]
    fn what_says_too_much_is_ended() {
        let error = sh("while :; do echo spam; done").saying_at_most(4096).run(Input::Nothing, &Silent);
        assert!(matches!(error, Err(ProcessError::Talkative { limit: 4096, .. })), "{error:?}");
        // Even if it has ended by the time that anybody looks.
        for _ in 0..20 {
            let error = sh("head -c 5000 /dev/zero").saying_at_most(4096).run(Input::Nothing, &Silent);
            assert!(matches!(error, Err(ProcessError::Talkative { limit: 4096, .. })), "{error:?}");
            let ran = sh("head -c 4096 /dev/zero").saying_at_most(4096).run(Input::Nothing, &Silent).unwrap();
            assert_eq!(ran.stdout.len(), 4096);
        }
        let quiet = sh("i=0; while [ $i -lt 3000 ]; do echo spam >&2; i=$((i+1)); done; echo ok");
        let ran = quiet.saying_at_most(100).run(Input::Nothing, &Silent).unwrap();
        assert_eq!((ran.stdout.as_slice(), ran.stderr.len()), (&b"ok\n"[..], 100));
    }

    #[test]
    fn an_input_that_fails_is_not_taken_for_a_whole_one() {
        let dir = tempfile::tempdir().unwrap();
        let whole = dir.path().join("whole");
        let script = format!("cat >/dev/null; touch {}", whole.display());
        let mut half = |out: &mut dyn Write| {
            out.write_all(&[0; 100_000])?;
            Err(io::Error::other("the registry hung up"))
        };
        let error = sh(&script).run(Input::Stream(&mut half), &Silent).unwrap_err();
        assert_eq!(error.to_string(), "cannot give /bin/sh its input: the registry hung up");
        assert!(!whole.exists());
    }

    #[test]
    fn who_does_not_read_is_judged_by_its_words() {
        let mut long = |out: &mut dyn Write| out.write_all(&[0; 1 << 20]);
        let ran = sh("echo not to my taste >&2; exit 1").run(Input::Stream(&mut long), &Silent).unwrap();
        assert_eq!(ran.complaint(), "not to my taste");
    }

    #[test]
    fn what_is_left_behind_does_not_hold_us() {
        // An agent keeps the pipe; it ends by itself so that nothing stays after the test.
        let ran = sh("sleep 5 & echo done").run(Input::Nothing, &Silent).unwrap();
        assert_eq!(ran.stdout, b"done\n");
    }
}
