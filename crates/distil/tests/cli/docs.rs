//! The commands of docs/registries.md, run as shown against a registry inside the test.

use testkit::registry::{Registry, Setup};
use testkit::tar::{Entry, tar};

use crate::foreign::put;
use crate::run::Machine;

/// Where the page has its registry.
const SHOWN: &str = "localhost:5000";

#[test]
fn the_page_about_registries_works_as_it_stands() {
    let (machine, registry) = (Machine::new(), Registry::start(Setup::default()));
    put(&machine, "in", "1", &["linux/amd64", "linux/arm64"]);
    machine.distil(&["copy", "oci:in:1", "base"]).good();
    machine.write("work/hello.txt", "hello\n");
    machine.write("work/patch.txt", "mended\n");
    machine.write("work/more.tar", tar(&[Entry::dir("opt", 0o755), Entry::file("opt/x", 0o644, "x")]));
    let page = std::fs::read_to_string(testkit::workspace().join("docs/registries.md")).unwrap();
    let mut ran = 0;
    for shown in testkit::shown_commands(&page) {
        let command = shown.command.replace(SHOWN, &registry.host());
        let Some(words) = command.strip_prefix("distil ") else { panic!("line {}: {command}", shown.line) };
        // Logins have tests of their own: they ask for a password.
        if words.starts_with("login") || words.starts_with("logout") {
            continue;
        }
        let done = machine.distil(&words.split_whitespace().collect::<Vec<_>>());
        assert_eq!(done.code, Some(0), "line {}: {command}: {}", shown.line, done.stderr);
        ran += 1;
    }
    assert!(ran >= 17, "{ran} commands");
    registry.check().unwrap();
}
