//! How many packages have maintainer scripts that are fully accounted for? Draws packages, reads
//! their control files from the mirror of apt's own configuration, and prints what is left over.

mod apk;

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use deb::scripts::{Alone, ScriptReport, Subject, classify};
use deb::{ControlFiles, DebError, Limits, ScriptKind};
use shell::Report;

use crate::run::run as run_command;

/// What the user asked of this task.
struct Options {
    sample: usize,
    seed: u64,
    catalogue: bool,
    apk: Option<PathBuf>,
}

/// A package of an index.
struct Package {
    name: String,
    path: String,
    section: String,
    arch: String,
}

/// Enough for control.tar of all but a few packages, which are fetched whole.
const HEAD: u64 = 96 << 10;

/// Packages that the catalogue's images carry, and the language images that come next.
const CATALOGUE: &[&str] = &[
    "base-files",
    "netbase",
    "tzdata",
    "tzdata-legacy",
    "media-types",
    "ca-certificates",
    "libc6",
    "libc-bin",
    "libssl3",
    "libssl3t64",
    "libzstd1",
    "zlib1g",
    "openssl-provider-legacy",
    "libgomp1",
    "libstdc++6",
    "libgcc-s1",
    "gcc-12-base",
    "gcc-14-base",
    "python3.13-minimal",
    "libpython3.13-minimal",
    "libpython3.13-stdlib",
    "python3.11-minimal",
    "libpython3.11-minimal",
    "libpython3.11-stdlib",
    "fontconfig-config",
    "fonts-dejavu-core",
    "fonts-dejavu-mono",
    "busybox-static",
    "libbz2-1.0",
    "libdb5.3t64",
    "libexpat1",
    "liblzma5",
    "libsqlite3-0",
    "libuuid1",
    "libncursesw6",
    "libtinfo6",
    "libcom-err2",
    "libcrypt1",
    "libffi8",
    "libreadline8t64",
    "readline-common",
    "libjpeg62-turbo",
    "liblcms2-2",
    "libfreetype6",
    "libfontconfig1",
    "libbrotli1",
    "libpng16-16t64",
    "libatomic1",
];

/// Runs `scripts [--sample N] [--seed S] [--catalogue] [--apk DIR]`.
pub(crate) fn run(args: &[String]) -> Result<()> {
    let options = read_options(args)?;
    if let Some(folder) = &options.apk {
        return apk::report(folder);
    }
    let mirror =
        testkit::mirror().context("apt's configuration on this machine names no mirror of Debian")?;
    if options.catalogue {
        return check_catalogue(&mirror.debian);
    }
    let folder = work_folder("trixie", "amd64")?;
    let all = read_index(&mirror.debian, "trixie", "amd64", &folder)?;
    let drawn = draw(all, options.sample, options.seed);
    println!("{} packages of trixie, amd64 (seed {})", drawn.len(), options.seed);
    let mut all = Tally::default();
    let mut carried = Tally::default();
    for (package, control) in fetch(&mirror.debian, drawn, &folder)? {
        let reports = reports_of(&control, &package.arch);
        all.take(&package.name, &reports, ScriptKind::name);
        if is_carried(&package) {
            carried.take(&package.name, &reports, ScriptKind::name);
        }
    }
    all.print_leftovers();
    println!("all packages:                    {}", all.line());
    println!("those that an image would carry: {}", carried.line());
    Ok(())
}

fn read_options(args: &[String]) -> Result<Options> {
    let mut options = Options { sample: 300, seed: 1, catalogue: false, apk: None };
    let mut rest = args.iter();
    while let Some(arg) = rest.next() {
        let mut number = || {
            rest.next().and_then(|v| v.parse::<u64>().ok()).with_context(|| format!("{arg} wants a number"))
        };
        match arg.as_str() {
            "--sample" => options.sample = usize::try_from(number()?)?,
            "--seed" => options.seed = number()?,
            "--catalogue" => options.catalogue = true,
            "--apk" => options.apk = Some(rest.next().context("--apk wants a folder")?.into()),
            other => bail!(
                "`{other}` is not known; usage: scripts [--sample N] [--seed S] [--catalogue] [--apk DIR]"
            ),
        }
    }
    Ok(options)
}

/// Every package of the catalogue, both releases, both architectures: nothing may be left over.
fn check_catalogue(mirror: &str) -> Result<()> {
    let mut all = Tally::default();
    for suite in ["trixie", "bookworm"] {
        for arch in ["amd64", "arm64"] {
            let folder = work_folder(suite, arch)?;
            let mut wanted = read_index(mirror, suite, arch, &folder)?;
            wanted.retain(|p| CATALOGUE.contains(&p.name.as_str()));
            for (package, control) in fetch(mirror, wanted, &folder)? {
                let name = format!("{suite}/{arch}/{}", package.name);
                all.take(&name, &reports_of(&control, arch), ScriptKind::name);
            }
        }
    }
    all.print_leftovers();
    println!("packages of the catalogue: {}", all.line());
    if all.good < all.packages { bail!("something is left over") } else { Ok(()) }
}

fn work_folder(suite: &str, arch: &str) -> Result<PathBuf> {
    let folder = crate::run::target_dir().join("scripts").join(format!("{suite}-{arch}"));
    std::fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    Ok(folder)
}

fn reports_of(control: &ControlFiles, arch: &str) -> Vec<ScriptReport> {
    let conffiles = control.conffiles();
    let conffiles = conffiles.iter().map(|c| c.as_slice().into());
    let world = Alone::of_files(control.listed_files().chain(conffiles));
    classify(&Subject { files: control, tree: None, arch }, &world)
}

/// Libraries, language runtimes, fonts and data: no headers, documentation, desktops or daemons.
fn is_carried(package: &Package) -> bool {
    const SECTIONS: [&str; 14] = [
        "libs",
        "python",
        "perl",
        "ruby",
        "php",
        "java",
        "javascript",
        "interpreters",
        "fonts",
        "gnu-r",
        "lisp",
        "ocaml",
        "haskell",
        "rust",
    ];
    const NOT: [&str; 7] = ["-dev", "-doc", "-dbg", "-dbgsym", "-examples", "-tests", "-common-dev"];
    let section = package.section.rsplit('/').next().unwrap_or_default();
    let data = package.name.ends_with("-data") || package.name.ends_with("-common");
    (SECTIONS.contains(&section) || data) && !NOT.iter().any(|n| package.name.ends_with(n))
}

fn read_index(mirror: &str, suite: &str, arch: &str, folder: &Path) -> Result<Vec<Package>> {
    let file = folder.join("Packages.xz");
    if !file.exists() {
        let url = format!("{mirror}/dists/{suite}/main/binary-{arch}/Packages.xz");
        run_command(Command::new("curl").args(["-sSf", "--retry", "3", "-o"]).arg(&file).arg(url))?;
    }
    let bytes = std::fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?;
    let mut text = String::new();
    deb::packages::decompressor(&bytes, deb::release::Compression::Xz, 1 << 30, 2)?
        .read_to_string(&mut text)?;
    Ok(text.split("\n\n").filter_map(|stanza| read_stanza(stanza, arch)).collect())
}

fn read_stanza(stanza: &str, arch: &str) -> Option<Package> {
    let field = |name: &str| stanza.lines().find_map(|l| l.strip_prefix(name)?.strip_prefix(": "));
    let (name, path) = (field("Package")?.to_owned(), field("Filename")?.to_owned());
    Some(Package {
        name,
        path,
        section: field("Section").unwrap_or_default().to_owned(),
        arch: arch.to_owned(),
    })
}

/// A sample that only the seed decides (xorshift; names in the index are in a fixed order).
fn draw(mut all: Vec<Package>, sample: usize, seed: u64) -> Vec<Package> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut drawn = Vec::new();
    while drawn.len() < sample && !all.is_empty() {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let at = usize::try_from(state % all.len() as u64).unwrap_or(0);
        drawn.push(all.swap_remove(at));
    }
    drawn
}

/// The control files of packages: the first bytes of each in one run of curl, whole packages where
/// these do not suffice.
fn fetch(mirror: &str, packages: Vec<Package>, folder: &Path) -> Result<Vec<(Package, ControlFiles)>> {
    let file_of = |p: &Package| folder.join(p.path.rsplit('/').next().unwrap_or_default());
    let mut config = String::new();
    for package in packages.iter().filter(|p| !file_of(p).exists()) {
        let file = file_of(package);
        config.push_str(&format!("url = \"{mirror}/{}\"\noutput = \"{}\"\n", package.path, file.display()));
    }
    if !config.is_empty() {
        let list = folder.join("curl.config");
        std::fs::write(&list, config)?;
        let range = format!("0-{}", HEAD - 1);
        let mut curl = Command::new("curl");
        curl.args([
            "-Sf",
            "--retry",
            "3",
            "--parallel",
            "--parallel-max",
            "8",
            "--no-progress-meter",
            "--range",
            &range,
            "--config",
        ]);
        run_command(curl.arg(&list))?;
    }
    let mut all = Vec::new();
    for package in packages {
        let file = file_of(&package);
        let control = match read_control(&file) {
            Err(DebError::Truncated | DebError::Decode { .. } | DebError::Tar { .. }) => {
                let url = format!("{mirror}/{}", package.path);
                run_command(Command::new("curl").args(["-sSf", "--retry", "3", "-o"]).arg(&file).arg(url))?;
                read_control(&file)
            }
            other => other,
        };
        let control = control.with_context(|| format!("cannot read {}", package.path))?;
        all.push((package, control));
    }
    Ok(all)
}

fn read_control(file: &Path) -> Result<ControlFiles, DebError> {
    deb::read_control_files(std::fs::File::open(file)?, &Limits::default())
}

#[derive(Default)]
struct Tally {
    packages: usize,
    with_scripts: usize,
    good: usize,
    good_with_scripts: usize,
    scripts: usize,
    leftovers: BTreeMap<String, Vec<String>>,
}

impl Tally {
    fn take<K: Copy>(&mut self, name: &str, reports: &[Report<K>], kind: fn(K) -> &'static str) {
        let good = reports.iter().all(Report::is_accounted_for);
        self.packages += 1;
        self.scripts += reports.len();
        self.good += usize::from(good);
        if !reports.is_empty() {
            self.with_scripts += 1;
            self.good_with_scripts += usize::from(good);
        }
        for report in reports {
            for leftover in report.leftovers() {
                let command = leftover.command.split(' ').next().unwrap_or_default();
                let line = format!("{name} {}: {}", kind(report.kind), leftover.command);
                self.leftovers.entry(command.to_owned()).or_default().push(line);
            }
        }
    }

    fn print_leftovers(&self) {
        let mut all: Vec<_> = self.leftovers.iter().collect();
        all.sort_by_key(|(_, lines)| std::cmp::Reverse(lines.len()));
        for (command, lines) in all {
            println!("{:5}  {command}", lines.len());
            for line in lines.iter().take(3) {
                println!("         {line}");
            }
        }
    }

    fn line(&self) -> String {
        let percent = |part: usize, of: usize| 100.0 * part as f64 / of.max(1) as f64;
        format!(
            "{} of {} fully accounted for ({:.1} %); of {} that have scripts, {} ({:.1} %); {} scripts",
            self.good,
            self.packages,
            percent(self.good, self.packages),
            self.with_scripts,
            self.good_with_scripts,
            percent(self.good_with_scripts, self.with_scripts),
            self.scripts
        )
    }
}
