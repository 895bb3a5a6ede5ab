//! Every command that the README shows, run as shown.

use std::os::unix::fs::PermissionsExt;

use crate::distil::{Home, built, done, patiently};

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
        done(patiently(&mut command));
        ran += 1;
    }
    assert!(ran >= 1, "the README shows no command of ours");
}

#[test]
fn the_page_about_looking_inside_works_as_it_stands() {
    let Some(home) = built() else { testkit::skip!("no mirror in apt's configuration") };
    let page =
        std::fs::read_to_string(testkit::workspace().join("docs/looking-inside.md")).expect("the page");
    let work = home.work().join("looking-inside");
    std::fs::create_dir(&work).expect("a directory");
    let mut ran = 0;
    for shown in testkit::shown_commands(&page) {
        let fails = shown.command.strip_suffix(" || true");
        let (command, file) = match fails.unwrap_or(&shown.command).split_once(" > ") {
            Some((command, file)) => (command, Some(file)),
            None => (fails.unwrap_or(&shown.command), None),
        };
        let words: Vec<&str> = command.split_whitespace().collect();
        assert_eq!(words[0], "distil", "line {}", shown.line);
        let out = home.command().args(&words[1..]).current_dir(&work).output().expect("distil runs");
        let said = if fails.is_some() { &out.stderr } else { &out.stdout };
        let said = String::from_utf8_lossy(said);
        assert_eq!(
            out.status.success(),
            fails.is_none(),
            "line {}: {}",
            shown.line,
            String::from_utf8_lossy(&out.stderr)
        );
        // Digests, versions and sizes change with the archive; what kind of line it is does not.
        let kind = |line: &str| line.split_whitespace().next().unwrap_or_default().to_owned();
        let first = shown.prints.first().map(|l| kind(l)).filter(|_| !shown.command.contains("-o "));
        if let Some(first) = first {
            assert!(said.lines().any(|l| kind(l) == first), "line {}: no `{first}` in {said}", shown.line);
        }
        if let Some(file) = file {
            std::fs::write(work.join(file), &out.stdout).expect("the output");
            assert!(out.stdout.len() > 10_000, "{} bytes", out.stdout.len());
        }
        ran += 1;
    }
    assert!(work.join("europe/Paris").exists() && work.join("passwd").exists());
    assert!(ran > 15, "{ran} commands");
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
        "inspect",
        "tree",
        "why",
        "diff",
        "extract",
        "history",
        "settings",
        "schema",
        "cache",
        "completions",
        "man",
        "report",
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
            let words = words.split(['|', '>', '<']).next().unwrap_or_default();
            let words: Vec<&str> = words.split_whitespace().collect();
            let taken = distil::command()
                .try_get_matches_from(std::iter::once("distil").chain(words.iter().copied()));
            assert!(taken.is_ok(), "{verb}: {words:?}: {}", taken.unwrap_err());
            seen += 1;
        }
    }
    assert!(seen > 12, "{seen} examples");
}
