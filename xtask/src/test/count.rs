use std::collections::BTreeSet;
use std::fmt;

/// What all test programs together said.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Count {
    passed: usize,
    failed: usize,
    failures: Vec<String>,
    skipped: BTreeSet<String>,
}

impl Count {
    /// A line of libtest's output.
    pub(super) fn read(&mut self, line: &str) {
        if let Some(rest) = line.strip_prefix("test result: ") {
            for part in rest.split(['.', ';']) {
                match part.trim().split_once(' ') {
                    Some((n, "passed")) => self.passed += n.parse().unwrap_or(0),
                    Some((n, "failed")) => self.failed += n.parse().unwrap_or(0),
                    _ => {}
                }
            }
        } else if let Some(name) = line.strip_prefix("test ").and_then(|l| l.strip_suffix(" ... FAILED")) {
            self.failures.push(name.to_owned());
        }
    }

    /// The notes of the tests that skipped; libtest counted them as passed.
    pub(super) fn skip(&mut self, notes: &str) {
        self.skipped.extend(notes.lines().map(str::to_owned));
        self.passed = self.passed.saturating_sub(self.skipped.len());
    }
}

/// Names what was skipped and what failed, then one line that says it all.
impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for note in &self.skipped {
            writeln!(f, "{note}")?;
        }
        for name in &self.failures {
            writeln!(f, "FAILED {name}")?;
        }
        write!(f, "{} passed, {} failed, {} skipped", self.passed, self.failed, self.skipped.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn adds_up_and_names_what_did_not_run() {
        let mut count = Count::default();
        count.read("test a::b ... ok");
        count.read("test a::c ... FAILED");
        count.read("test result: FAILED. 12 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.58s");
        count.read(
            "test result: ok. 3 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s",
        );
        count.skip("SKIPPED x::y: no Docker\nSKIPPED x::y: no Docker\n");
        let want = "SKIPPED x::y: no Docker\nFAILED a::c\n14 passed, 1 failed, 1 skipped";
        assert_eq!(count.to_string(), want);
    }
}
