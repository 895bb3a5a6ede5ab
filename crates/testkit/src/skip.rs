use std::io::Write;

/// Ends the test as skipped, visibly: says why on stderr (past the capture of libtest) and notes it
/// for `cargo xtask test`, which counts and names the skipped tests in its closing lines.
///
/// Only for what a machine may lack (root, Docker, the mirror, `../shared/data`); never for a test
/// that does not work yet.
///
/// ```no_run
/// # fn docker() -> Option<()> { None }
/// fn runs_in_docker() {
///     let Some(_docker) = docker() else { testkit::skip!("no Docker") };
/// }
/// # runs_in_docker()
/// ```
#[macro_export]
macro_rules! skip {
    ($($why:tt)*) => {{
        fn here() {}
        $crate::record_skip(::std::any::type_name_of_val(&here), &::std::format!($($why)*));
        return;
    }};
}

/// Behind [`skip!`]: `here` is the path of a function inside the test.
pub fn record_skip(here: &str, why: &str) {
    let test = here.trim_end_matches("::here").trim_end_matches("::{{closure}}");
    let line = format!("SKIPPED {test}: {why}\n");
    // Not eprint!: libtest swallows that for tests that pass.
    let _ = std::io::stderr().write_all(line.as_bytes());
    if let Some(path) = std::env::var_os("DISTIL_TEST_SKIPS") {
        let mut file =
            std::fs::File::options().create(true).append(true).open(path).expect("the file of skips");
        // One write, so that tests that run at once do not mix their lines.
        file.write_all(line.as_bytes()).expect("a line in the file of skips");
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn names_the_test_not_the_helper() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("skips");
        let program = std::env::current_exe().unwrap();
        let run = std::process::Command::new(program)
            .args(["--exact", "skip::tests::skips_when_told", "--nocapture"])
            .env("DISTIL_TEST_SKIPS", &file)
            .env("TESTKIT_SKIP_NOW", "1")
            .output()
            .unwrap();
        assert!(run.status.success());
        let noted = std::fs::read_to_string(&file).unwrap();
        assert_eq!(noted, "SKIPPED testkit::skip::tests::skips_when_told: because 42\n");
        assert!(String::from_utf8_lossy(&run.stderr).contains(noted.trim_end()));
    }

    #[test]
    fn skips_when_told() {
        if std::env::var_os("TESTKIT_SKIP_NOW").is_some() {
            skip!("because {}", 42);
        }
    }
}
