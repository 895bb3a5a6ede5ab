//! What `docs/registries.md` says of logins and settings, as it stands there.

use std::path::Path;
use std::process::Command;

use super::{REGISTRY_PASSWORD, asking, run};
use crate::run::{Machine, Ran};

fn page() -> String {
    std::fs::read_to_string(testkit::workspace().join("docs/registries.md")).expect("the page")
}

/// The part under a heading.
fn section<'a>(page: &'a str, heading: &str) -> &'a str {
    let rest = page.split(&format!("\n## {heading}\n")).nth(1).expect("the heading");
    rest.split("\n## ").next().expect("a part")
}

#[test]
fn its_logins_work() {
    let registry = match asking() {
        Ok(registry) => registry,
        Err(why) => testkit::skip!("{why}"),
    };
    let (machine, host) = (Machine::new(), registry.address().to_string());
    machine.write("work/token", format!("{REGISTRY_PASSWORD}\n"));
    let page = page();
    let text = section(&page, "Logins").replace("registry.example:5000", &host);
    let shown = testkit::shown_commands(&text);
    assert!(shown.len() >= 3, "{shown:?}");
    for shown in shown {
        let own = machine.command(&[]);
        let program = Path::new(own.get_program()).parent().expect("a directory").display().to_string();
        let mut sh = Command::new("/bin/sh");
        sh.args(["-c", &shown.command]).current_dir(machine.path("work")).env_clear();
        own.get_envs().filter_map(|(k, v)| Some((k, v?))).for_each(|(k, v)| {
            sh.env(k, v);
        });
        sh.env("PATH", format!("{program}:/usr/bin:/bin")).env("XDG_RUNTIME_DIR", machine.path("run"));
        let ran = Ran::of(sh.output().expect("a shell"));
        assert_eq!(ran.code, Some(0), "{}: {}", shown.command, ran.stderr);
    }
}

#[test]
fn its_settings_are_taken() {
    let machine = Machine::new();
    let page = page();
    let text = section(&page, "Mirrors and rewritten names");
    let yaml = text.split("```yaml\n").nth(1).and_then(|t| t.split("```").next()).expect("settings");
    machine.write("work/settings.yaml", yaml);
    // Files that the page only names.
    for name in ["corp.pem", "me.pem", "me.key"] {
        machine.write(&format!("work/{name}"), "");
    }
    let shown = run(&machine, &["settings", "--config", "settings.yaml"], &[], "").good().stdout;
    for line in [
        "registry docker.io/acme rewritten to registry.example:5000/acme",
        "registry ghcr.io certificate authorities",
    ] {
        let there =
            shown.lines().any(|l| l.split_whitespace().collect::<Vec<_>>().join(" ").starts_with(line));
        assert!(there, "{line}: {shown}");
    }
}
