//! Every command that the README shows, run as shown.

use std::os::unix::fs::PermissionsExt;

use crate::distil::{Home, built, done};

/// What is run by somebody else: these build or test the program that is running this test.
const BY_OTHERS: [&str; 3] =
    ["cargo build --release", "cargo run --release -- build base", "cargo xtask test"];

#[test]
fn the_readme_works_as_it_stands() {
    let Some(first) = built() else { testkit::skip!("no mirror in apt's configuration") };
    let home = Home::with_downloads_of(first);
    let readme = std::fs::read_to_string(testkit::workspace().join("README.md")).expect("the README");
    let recipe = readme.split("```yaml\n").nth(1).and_then(|r| r.split("```").next()).expect("the first app");
    home.write("app.yaml", recipe);
    let server = home.write("server", "#!/nothing\n");
    std::fs::set_permissions(server, std::fs::Permissions::from_mode(0o755)).expect("a mode");
    let mut ran = 0;
    let mut engine = None;
    for shown in testkit::shown_commands(&readme) {
        let Some(words) = shown.command.strip_prefix("distil ") else {
            assert!(BY_OTHERS.contains(&shown.command.as_str()), "line {}: {}", shown.line, shown.command);
            continue;
        };
        let words: Vec<&str> = words.split_whitespace().collect();
        let mut command = home.command();
        command.args(&words);
        if words.contains(&"--load") {
            match engine.get_or_insert_with(testkit::machine::docker) {
                Ok(docker) => {
                    command.env("DOCKER_HOST", format!("unix://{}", docker.socket().display()));
                }
                Err(why) => {
                    testkit::record_skip("docs::load", &format!("no engine: {why}"));
                    continue;
                }
            };
        }
        done(command.output().expect("distil runs"));
        ran += 1;
    }
    assert!(ran >= 1, "the README shows no command of ours");
}

/// The commands of each `--help`'s examples are ones that the program takes.
#[test]
fn examples_in_help_are_understood() {
    let home = Home::new();
    let mut seen = 0;
    for verb in [
        "build",
        "lock",
        "update",
        "settings",
        "schema",
        "cache",
        "completions",
        "man",
        "push",
        "pull",
        "copy",
        "tag",
        "ls",
        "rm",
    ] {
        let help = home.run(&[verb, "--help"]);
        assert!(help.contains("Examples:"), "{verb} shows no example");
        for line in help.lines().filter_map(|l| l.trim().strip_prefix("distil ")) {
            // An example ends where its explanation begins, or at the shell's part.
            let words = line.split("  ").next().unwrap_or_default();
            let words = words.split(['|', '>']).next().unwrap_or_default();
            let words: Vec<&str> = words.split_whitespace().collect();
            let taken = distil::command()
                .try_get_matches_from(std::iter::once("distil").chain(words.iter().copied()));
            assert!(taken.is_ok(), "{verb}: {words:?}: {}", taken.unwrap_err());
            seen += 1;
        }
    }
    assert!(seen > 12, "{seen} examples");
}
