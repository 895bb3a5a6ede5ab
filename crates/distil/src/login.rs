//! `distil login` and `distil logout`: words in, a password from standard input or the terminal, and what
//! became of it.

use std::io::Read;

use diag::{Cancelled, Diagnostic, Kind, Secret};
use ops::World;
use ops::login::LoginRequest;
use serde_json::json;

use crate::environment::Environment;
use crate::login_args::{LoginArgs, LogoutArgs};
use crate::{Talk, exit, terminal};

/// A longer password or token no registry takes.
const LONGEST: u64 = 64 << 10;

/// What is to be kept. Asks the user for what was not given, where there is a user; `password` is what apko's
/// command line may hold.
pub(crate) fn request(
    args: &LoginArgs,
    password: Option<&str>,
    env: &Environment,
    talk: &Talk,
) -> Result<LoginRequest, Diagnostic> {
    let refuse = |what: &str, hint: &str| {
        let text = format!("cannot log in to {} without {what}: nobody is there to be asked", args.registry);
        Diagnostic::new(Kind::Usage, text).hint(hint)
    };
    let asks = env.stdin_is_terminal && env.stderr_is_terminal && !talk.json;
    let user = match &args.user {
        Some(user) => user.clone(),
        None if asks && !args.password_stdin => ask("User name: ", terminal::read_line)?,
        None => return Err(refuse("a user's name", "give it with -u USER")),
    };
    let password = if let Some(password) = password {
        password.to_owned()
    } else if args.password_stdin {
        password_of_stdin(&args.registry)?
    } else if asks {
        ask(&format!("Password of {user} at {}: ", args.registry), terminal::read_secret)?
    } else {
        return Err(refuse("a password", "give it on standard input, with --password-stdin"));
    };
    Ok(LoginRequest { registry: args.registry.clone(), user, password: Secret::new(password) })
}

fn ask(prompt: &str, read: fn(&str) -> std::io::Result<Option<String>>) -> Result<String, Diagnostic> {
    match read(&crate::render::style::escaped_lines(prompt)) {
        Ok(Some(text)) => Ok(text),
        Ok(None) => Err(Cancelled.into()),
        Err(e) => Err(Diagnostic::new(Kind::Machine, format!("cannot read from the terminal: {e}"))
            .hint("give the password on standard input, with --password-stdin")),
    }
}

/// All of standard input, but for the end of its line.
fn password_of_stdin(registry: &str) -> Result<String, Diagnostic> {
    let fail = |why: String| {
        Diagnostic::new(Kind::Usage, format!("cannot log in to {registry}: {why}"))
            .hint("give one password or token on standard input, as in `--password-stdin < FILE`")
    };
    let mut bytes = Vec::new();
    let read = std::io::stdin().lock().take(LONGEST + 1).read_to_end(&mut bytes);
    read.map_err(|e| fail(format!("standard input cannot be read: {e}")))?;
    if bytes.len() as u64 > LONGEST {
        return Err(fail("what standard input holds is too long for a password".to_owned()));
    }
    let text = String::from_utf8(bytes).map_err(|_| fail("the password is not UTF-8".to_owned()))?;
    let text = text.strip_suffix('\n').unwrap_or(&text);
    let text = text.strip_suffix('\r').unwrap_or(text);
    if text.contains(['\n', '\r', '\0']) {
        return Err(fail("the password on standard input has several lines".to_owned()));
    }
    Ok(text.to_owned())
}

pub(crate) fn login(world: &World, request: &LoginRequest, talk: &Talk) -> Result<u8, Diagnostic> {
    let done = ops::login::login(world, request)?;
    let untried = if done.checked { "" } else { ", which asks nobody for a login, so it was not tried" };
    talk.say_line(&format!("logged in to {} as {}{untried}", done.registry, done.user));
    talk.say_line(&format!("kept {} {}", if done.by_helper { "by" } else { "in" }, done.kept_in));
    talk.data(|| {
        json!({
            "schema": 0,
            "registry": done.registry,
            "user": done.user,
            "kept-in": done.kept_in,
            "by-helper": done.by_helper,
            "checked": done.checked,
        })
    })?;
    Ok(exit::DONE)
}

pub(crate) fn check(world: &World, args: &LoginArgs, talk: &Talk) -> Result<u8, Diagnostic> {
    let known = ops::login::known(world, &args.registry)?;
    let who = known.user.as_deref().unwrap_or("a token");
    let untried = if known.checked { "" } else { "; it asks nobody for a login, so it was not tried" };
    talk.say_line(&format!("{}: {who}, from {}{untried}", known.registry, known.from));
    talk.data(|| {
        json!({
            "schema": 0,
            "registry": known.registry,
            "user": known.user,
            "from": known.from,
            "checked": known.checked,
        })
    })?;
    Ok(exit::DONE)
}

pub(crate) fn logout(world: &World, args: &LogoutArgs, talk: &Talk) -> Result<u8, Diagnostic> {
    let gone = ops::login::logout(world, args.registry.as_deref())?;
    for login in &gone {
        talk.say_line(&format!("took the login for {} out of {}", login.key, login.from));
    }
    if gone.is_empty() {
        let place = args.registry.as_deref().unwrap_or("any registry");
        talk.say_line(&format!("no login for {place} was kept"));
    }
    let gone: Vec<_> = gone.iter().map(|l| json!({ "key": l.key, "from": l.from })).collect();
    talk.data(|| json!({ "schema": 0, "gone": gone }))?;
    Ok(exit::DONE)
}
