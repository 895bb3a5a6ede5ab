//! The peers: apt's choice, and dose-debcheck's verdict.

use std::collections::{BTreeSet, HashSet};
use std::fmt;
use std::fmt::Write as _;
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context, Result, bail};
use package::Universe;

use super::draw::Case;
use super::root::{FOREIGN, Root};

/// One chosen package.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Chosen {
    pub(super) name: String,
    pub(super) arch: String,
    pub(super) version: String,
}

impl fmt::Display for Chosen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}={}", self.name, self.arch, self.version)
    }
}

/// apt's answer.
pub(super) enum Answer {
    Set(BTreeSet<Chosen>),
    Refused(String),
}

pub(super) fn apt_version() -> Result<String> {
    let out = Command::new("apt-get").arg("--version").output().context("cannot run apt-get")?;
    Ok(String::from_utf8_lossy(&out.stdout).lines().next().unwrap_or("").to_owned())
}

/// Asks apt case by case, on as many threads as the machine has.
pub(super) fn ask_apt(root: &Root, cases: &[Case]) -> Result<Vec<Answer>> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let next = AtomicUsize::new(0);
    let answers: Mutex<Vec<Option<Result<Answer>>>> = Mutex::new(cases.iter().map(|_| None).collect());
    // The first run of each kind builds apt's cache; two at once would build it twice.
    for foreign in [false, true] {
        root.apt(foreign).args(["-s", "install", "base-files"]).output().context("cannot run apt-get")?;
    }
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let i = next.fetch_add(1, Ordering::Relaxed);
                    let Some(case) = cases.get(i) else { break };
                    let answer = ask_one(root, case);
                    if let Ok(mut all) = answers.lock() {
                        all[i] = Some(answer);
                    }
                }
            });
        }
    });
    let all = answers.into_inner().map_err(|_| anyhow::anyhow!("a thread panicked"))?;
    all.into_iter().map(|a| a.unwrap_or_else(|| bail!("a request was not asked"))).collect()
}

/// Asks apt, or reads what it answered before: answers are kept beside the indexes that they are for.
fn ask_one(root: &Root, case: &Case) -> Result<Answer> {
    let kept = root.answers()?.join(file_name(case));
    if let Ok(text) = std::fs::read_to_string(&kept) {
        return Ok(read_answer(&text));
    }
    let text = run_apt(root, case)?;
    std::fs::write(&kept, &text).with_context(|| format!("cannot write {}", kept.display()))?;
    Ok(read_answer(&text))
}

fn file_name(case: &Case) -> String {
    let text = case.to_string();
    let hash =
        text.bytes().fold(0xcbf2_9ce4_8422_2325u64, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3));
    format!("{hash:016x}")
}

/// `E: …` for a refusal, else apt's `Inst` lines.
fn read_answer(text: &str) -> Answer {
    match text.strip_prefix("E: ") {
        Some(why) => Answer::Refused(why.trim_end().to_owned()),
        None => Answer::Set(text.lines().filter_map(read_inst).collect()),
    }
}

fn run_apt(root: &Root, case: &Case) -> Result<String> {
    let mut apt = root.apt(case.foreign);
    apt.args(["-s", "--no-install-recommends", "install"]).args(&case.words);
    let out = apt.output().context("cannot run apt-get")?;
    let keep = |text: &[u8], start: &str| -> Vec<String> {
        String::from_utf8_lossy(text).lines().filter(|l| l.starts_with(start)).map(str::to_owned).collect()
    };
    if out.status.success() {
        return Ok(keep(&out.stdout, "Inst ").join("\n"));
    }
    let errors =
        keep(&out.stderr, "E: ").iter().map(|l| l.trim_start_matches("E: ").to_owned()).collect::<Vec<_>>();
    Ok(format!("E: {}", errors.join(" ")))
}

/// `Inst libc6 (2.41-12 Debian:13.1/stable [amd64])`, with more in brackets after it.
fn read_inst(line: &str) -> Option<Chosen> {
    let rest = line.strip_prefix("Inst ")?;
    let (name, rest) = rest.split_once(" (")?;
    let (version, rest) = rest.split_once(' ')?;
    let (_, rest) = rest.split_once('[')?;
    let (arch, _) = rest.split_once(']')?;
    let name = name.split_once(':').map_or(name, |(n, _)| n);
    Some(Chosen { name: name.into(), arch: arch.into(), version: version.into() })
}

/// Can each request be met at all? One run over made-up packages that depend on what is asked.
pub(super) fn ask_dose(root: &Root, universes: [&Universe; 2], cases: &[Case]) -> Result<Vec<bool>> {
    let mut out = vec![true; cases.len()];
    for (foreign, universe) in [(false, universes[0]), (true, universes[1])] {
        let mine: Vec<usize> = (0..cases.len()).filter(|i| cases[*i].foreign == foreign).collect();
        if mine.is_empty() {
            continue;
        }
        let broken = run_dose(root, universe, cases, &mine, foreign)?;
        for i in mine {
            out[i] = !broken.contains(&i);
        }
    }
    Ok(out)
}

fn run_dose(
    root: &Root,
    universe: &Universe,
    cases: &[Case],
    mine: &[usize],
    foreign: bool,
) -> Result<HashSet<usize>> {
    let mut text = String::new();
    for &i in mine {
        let depends = cases[i].clauses(universe).join(", ");
        writeln!(text, "Package: request-{i}\nVersion: 1\nArchitecture: amd64\nDepends: {depends}\n")?;
    }
    let file = root.directory().join(format!("requests-{foreign}"));
    std::fs::write(&file, text)?;
    let mut dose = Command::new("dose-debcheck");
    // Essential packages are no part of the question: apt adds none to an empty system either.
    dose.args([
        "--deb-native-arch=amd64",
        "--deb-ignore-essential",
        "-f",
        &format!("--fg={}", file.display()),
    ]);
    if foreign {
        dose.arg(format!("--deb-foreign-archs={FOREIGN}"));
    }
    for list in root.packages_files(foreign)? {
        dose.arg(format!("--bg={}", list.display()));
    }
    let out = dose.output().context("cannot run dose-debcheck (package dose-distcheck)")?;
    let report = String::from_utf8_lossy(&out.stdout);
    if !report.contains("total-packages") && !report.contains("broken-packages") {
        bail!("dose-debcheck says: {report} {}", String::from_utf8_lossy(&out.stderr));
    }
    let broken =
        report.lines().filter_map(|l| l.trim().trim_start_matches("- ").strip_prefix("package: request-"));
    Ok(broken.filter_map(|n| n.trim().parse().ok()).collect())
}
