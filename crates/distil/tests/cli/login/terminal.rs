//! A password that is typed.

use std::io::Write;
use std::process::{Command, Stdio};

use super::{REGISTRY_PASSWORD, REGISTRY_USER, asking, check};
use crate::run::Machine;

/// What a terminal shows of `distil login HOST`, where these keys are pressed at its prompts.
fn typed(machine: &Machine, words: &[&str], keys: &str) -> Option<(String, bool)> {
    if !cfg!(target_os = "linux") {
        // Elsewhere `script` takes other words.
        return None;
    }
    let own = machine.command(words);
    let line: Vec<String> = std::iter::once(own.get_program())
        .chain(own.get_args())
        .map(|w| format!("'{}'", w.to_string_lossy()))
        .collect();
    // `script` gives it a terminal of its own, and copies what that shows.
    let mut script = Command::new("script");
    script.args(["-qec", &line.join(" "), "/dev/null"]).env_clear().current_dir(machine.path("work"));
    own.get_envs().filter_map(|(k, v)| Some((k, v?))).for_each(|(k, v)| {
        script.env(k, v);
    });
    let mut child = script.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().ok()?;
    let mut input = child.stdin.take().expect("a pipe");
    let mut output = child.stdout.take().expect("a pipe");
    let mut shown = Vec::new();
    for key in keys.split_inclusive('\n') {
        // Each answer is typed once its question is there.
        let mut byte = [0];
        while !shown.ends_with(b": ") {
            if std::io::Read::read(&mut output, &mut byte).ok()? == 0 {
                break;
            }
            shown.push(byte[0]);
        }
        input.write_all(key.as_bytes()).ok()?;
        shown.push(b' ');
    }
    std::io::Read::read_to_end(&mut output, &mut shown).ok()?;
    Some((String::from_utf8_lossy(&shown).into_owned(), child.wait().ok()?.success()))
}

#[test]
fn what_is_typed_is_not_shown() {
    let registry = match asking() {
        Ok(registry) => registry,
        Err(why) => testkit::skip!("{why}"),
    };
    let (machine, host) = (Machine::new(), registry.address().to_string());
    let keys = format!("{REGISTRY_USER}\nx\u{7f}{REGISTRY_PASSWORD}\n");
    let Some((shown, good)) = typed(&machine, &["login", &host], &keys) else {
        testkit::skip!("no `script` to make a terminal")
    };
    assert!(good, "{shown}");
    assert!(
        shown.contains("User name: ") && shown.contains(&format!("Password of {REGISTRY_USER} at {host}: "))
    );
    assert!(shown.contains("logged in to"), "{shown}");
    assert!(!shown.contains(REGISTRY_PASSWORD), "{shown}");
    check(&machine, &host).good();
}

#[test]
fn ctrl_c_at_the_prompt_stops() {
    let machine = Machine::new();
    let Some((shown, good)) = typed(&machine, &["login", "127.0.0.1:9", "-u", "ann"], "sec\u{3}") else {
        testkit::skip!("no `script` to make a terminal")
    };
    assert!(!good && shown.contains("stopped by the user"), "{shown}");
    assert!(!shown.contains("sec\n"), "{shown}");
}
