//! Which requests are compared: names at random, and sets of several kinds.

use std::fmt;

use package::version::Order;
use package::{Comparison, Record, Universe, parse_relations};
use solve::apt::{Ask, Request};

use super::root::FOREIGN;

/// What sort of request it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    One,
    Popular,
    Random,
    Versioned,
    Conflicting,
    MultiArch,
    Impossible,
}

/// One request, in apt's own words.
pub(super) struct Case {
    pub(super) kind: Kind,
    pub(super) words: Vec<String>,
    /// Asked with a second architecture.
    pub(super) foreign: bool,
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "[{}]{}",
            self.words.join(" "),
            if self.foreign { " with a second architecture" } else { "" }
        )
    }
}

impl Case {
    /// A request written as on apt's command line.
    pub(super) fn parse(text: &str) -> Case {
        let words: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
        let foreign = words.iter().any(|w| w.contains(&format!(":{FOREIGN}")));
        Case { kind: if words.len() == 1 { Kind::One } else { Kind::Random }, words, foreign }
    }

    /// The same for our solver.
    pub(super) fn request(&self) -> Request {
        Request {
            arch: "amd64".into(),
            foreign: if self.foreign { vec![FOREIGN.into()] } else { Vec::new() },
            asks: self.words.iter().map(|w| ask(w)).collect(),
            ..Request::default()
        }
    }

    /// The same as clauses of a `Depends` field. A name means the package itself in the version that
    /// would be taken, so the version is said: a bare name could be met by whoever provides it.
    pub(super) fn clauses(&self, universe: &Universe) -> Vec<String> {
        let newest = |name: &str, arch: &str| {
            let records = universe.named(name).map(|id| universe.record(id));
            let versions = records.filter(|r| r.arch() == arch || r.arch() == "all").map(|r| r.version());
            versions.max_by(|a, b| Order::Debian.compare(a, b))
        };
        let clause = |w: &String| {
            let a = ask(w);
            let arch = a.arch.as_deref();
            let version = a
                .bound
                .as_ref()
                .map(|(_, v)| v.as_str())
                .or_else(|| newest(&a.name, arch.unwrap_or("amd64")));
            let bound = version.map(|v| format!(" (= {v})")).unwrap_or_default();
            format!("{}{}{bound}", a.name, arch.map(|x| format!(":{x}")).unwrap_or_default())
        };
        self.words.iter().map(clause).collect()
    }
}

fn ask(word: &str) -> Ask {
    let (head, version) = word.split_once('=').map_or((word, None), |(h, v)| (h, Some(v)));
    let (name, arch) = head.split_once(':').map_or((head, None), |(n, a)| (n, Some(a.to_owned())));
    Ask {
        text: word.to_owned(),
        name: name.to_owned(),
        arch,
        bound: version.map(|v| (Comparison::Equal, v.to_owned())),
        suite: None,
    }
}

/// What people install, from popcon's upper end and from what images carry.
const POPULAR: &[&str] = &[
    "apache2",
    "nginx",
    "curl",
    "wget",
    "git",
    "vim",
    "emacs-nox",
    "python3",
    "python3-pip",
    "python3-numpy",
    "python3-venv",
    "nodejs",
    "npm",
    "default-jre-headless",
    "openjdk-17-jre",
    "postgresql",
    "mariadb-server",
    "redis-server",
    "php-fpm",
    "ruby",
    "perl",
    "gcc",
    "g++",
    "clang",
    "cmake",
    "make",
    "gdb",
    "build-essential",
    "openssh-server",
    "ca-certificates",
    "tzdata",
    "libc6",
    "libssl-dev",
    "zlib1g",
    "libstdc++6",
    "busybox",
    "imagemagick",
    "ffmpeg",
    "gimp",
    "libreoffice-writer",
    "firefox-esr",
    "chromium",
    "texlive-latex-base",
    "gnome-terminal",
    "xterm",
    "xfce4",
    "task-kde-desktop",
    "samba",
    "postfix",
    "exim4",
    "bind9",
    "docker.io",
    "podman",
    "golang-go",
    "rustc",
    "cargo",
    "systemd",
    "dbus",
    "cups",
    "rsync",
    "tmux",
    "htop",
    "jq",
    "sqlite3",
    "graphviz",
    "ghostscript",
    "inkscape",
    "vlc",
];

/// A small generator of pseudo-random numbers (splitmix64), so that a seed says everything.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: usize) -> usize {
        (self.roll() % n.max(1) as u64) as usize
    }

    fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }
}

/// `sample` single names and a third as many sets.
pub(super) fn draw(universe: &Universe, with_foreign: &Universe, sample: usize, seed: u64) -> Vec<Case> {
    let mut dice = Dice(seed);
    let names = all_names(universe);
    let mut cases: Vec<Case> = (0..sample)
        .map(|_| Case { kind: Kind::One, words: vec![dice.pick(&names).clone()], foreign: false })
        .collect();
    let popular: Vec<&str> = POPULAR.iter().copied().filter(|p| universe.named(p).next().is_some()).collect();
    for i in 0..sample.div_ceil(3) {
        cases.push(match i % 6 {
            0 => set(Kind::Popular, &mut dice, |d| (*d.pick(&popular)).to_owned()),
            1 => set(Kind::Random, &mut dice, |d| d.pick(&names).clone()),
            2 => set(Kind::Versioned, &mut dice, |d| versioned(universe, &names, d)),
            3 => conflicting(universe, &names, &mut dice),
            4 => multi_arch(with_foreign, &mut dice, &popular),
            _ => impossible(universe, &names, &mut dice),
        });
    }
    cases
}

fn all_names(universe: &Universe) -> Vec<String> {
    let mut names: Vec<String> = universe.shelves().flat_map(|(s, _)| s.names().map(str::to_owned)).collect();
    names.sort();
    names.dedup();
    names
}

fn set(kind: Kind, dice: &mut Dice, mut word: impl FnMut(&mut Dice) -> String) -> Case {
    let n = 2 + dice.below(7);
    let mut words: Vec<String> = Vec::new();
    for _ in 0..n {
        let w = word(dice);
        if !words.iter().any(|x| ask(x).name == ask(&w).name) {
            words.push(w);
        }
    }
    Case { kind, words, foreign: false }
}

/// `name=version`, rather of a package that has several.
fn versioned(universe: &Universe, names: &[String], dice: &mut Dice) -> String {
    let mut best = dice.pick(names);
    for _ in 0..40 {
        let name = dice.pick(names);
        if universe.named(name).count() > universe.named(best).count() {
            best = name;
        }
    }
    let ids: Vec<_> = universe.named(best).collect();
    format!("{best}={}", universe.record(*dice.pick(&ids)).version())
}

fn record_of<'u>(universe: &'u Universe, name: &'u str) -> Option<Record<'u>> {
    universe.named(name).next().map(|id| universe.record(id))
}

/// A package and one that it conflicts with, among others.
fn conflicting(universe: &Universe, names: &[String], dice: &mut Dice) -> Case {
    let mut case = set(Kind::Conflicting, dice, |d| d.pick(names).clone());
    case.words.truncate(4);
    for _ in 0..5000 {
        let name = dice.pick(names);
        let Some(record) = record_of(universe, name) else { continue };
        let relations = parse_relations(record.conflicts()).unwrap_or_default();
        let other = relations
            .iter()
            .flat_map(|r| &r.alternatives)
            .find(|a| a.bound.is_none() && a.name != name && universe.named(a.name).next().is_some());
        if let Some(other) = other {
            case.words.retain(|w| w != name && w != other.name);
            case.words.extend([name.clone(), other.name.to_owned()]);
            break;
        }
    }
    case
}

/// Names of the second architecture beside native ones.
fn multi_arch(universe: &Universe, dice: &mut Dice, popular: &[&str]) -> Case {
    let foreign: Vec<String> = universe
        .shelves()
        .flat_map(|(shelf, _)| shelf.records().filter(|r| r.arch() == FOREIGN).map(|r| r.name().to_owned()))
        .collect();
    let mut case = set(Kind::MultiArch, dice, |d| {
        if d.below(2) == 0 {
            format!("{}:{FOREIGN}", d.pick(&foreign))
        } else {
            (*d.pick(popular)).to_owned()
        }
    });
    case.words.truncate(4);
    case.foreign = true;
    case
}

/// A version that is not there, or two versions' worth of one source at odds.
fn impossible(universe: &Universe, names: &[String], dice: &mut Dice) -> Case {
    let mut case = set(Kind::Impossible, dice, |d| d.pick(names).clone());
    case.words.truncate(3);
    let by_version = (0..5000).find_map(|_| {
        // An older version of one binary beside the newest of another of the same source.
        let name = dice.pick(names);
        let ids: Vec<_> = universe.named(name).collect();
        let (first, last) = (universe.record(*ids.first()?), universe.record(*ids.last()?));
        if first.version() == last.version() {
            return None;
        }
        let relations = parse_relations(last.depends()).ok()?;
        let exact = relations.iter().flat_map(|r| &r.alternatives).find(|a| {
            a.bound.is_some_and(|b| b.comparison == Comparison::Equal)
                && universe.named(a.name).any(|id| universe.record(id).version() == first.version())
        })?;
        Some([format!("{name}={}", last.version()), format!("{}={}", exact.name, first.version())])
    });
    match by_version.filter(|_| dice.below(2) == 0) {
        Some(pair) => case.words.extend(pair),
        None => case.words.push(format!("{}=0~none", dice.pick(names))),
    }
    case
}
