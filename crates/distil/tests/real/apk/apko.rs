//! apko beside us: the same recipe from the same repository gives the same tree and config, but for the
//! differences of `docs/apko-differences.md`, which this test holds to what is found.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use super::differences::{CLASSES, Found};
use super::{Source, alpine, page, upon};
use crate::distil::{Home, done, has};

/// What becomes of an example's text, one after another.
pub(super) type Changes = Vec<(String, String)>;

/// Examples of apko that are built of Alpine 3.19.1.
const OF_ALPINE: [&str; 7] = [
    "alpine-amd64",
    "alpine-base",
    "alpine-base-rootless",
    "alpine-slim",
    "certificates",
    "options",
    "overlay",
];

/// Examples, and recipes of taihen/base-image, that are built of made-up packages.
const MADE_UP: [&str; 17] = [
    "abseil-regression",
    "alias-only",
    "alpine-python3",
    "apko-devenv",
    "certificates",
    "include",
    "nginx",
    "nginx-rootless",
    "old-glibc",
    "options",
    "package-certificates",
    "runtime-keyring",
    "wolfi-base",
    "wolfi-go",
    "base",
    "debug",
    "glibc",
];

/// The program, where there is one: `DISTIL_TEST_APKO`, or on the PATH.
fn apko() -> Option<PathBuf> {
    let named = std::env::var_os("DISTIL_TEST_APKO").map(PathBuf::from);
    named.or_else(|| has("apko").then(|| "apko".into()))
}

/// Where an example takes its packages from.
fn repository_of(example: &str) -> String {
    let file = testkit::shared_data(&format!("apk/apko/examples/{example}.yaml")).expect("the example");
    let text = std::fs::read_to_string(file).expect("the example");
    let mut lines = text.lines().skip_while(|l| l.trim() != "repositories:");
    let line = lines.nth(1).expect("a repository");
    line.trim_start_matches([' ', '-']).to_owned()
}

/// Wolfi, and the releases of Alpine.
fn public() -> (String, String) {
    let (wolfi, alpine) = (repository_of("wolfi-base"), repository_of("alpine-base"));
    (wolfi, alpine.trim_end_matches("/v3.22/main").to_owned())
}

/// The 3.19.1 medium in the place of Wolfi and Alpine 3.22, and of packages that it lacks its own.
fn to_medium(source: &Source) -> Changes {
    let keys: Vec<String> = source.keys.iter().map(|k| k.display().to_string()).collect();
    let repository = source.repository.display().to_string();
    let (wolfi, alpine) = public();
    let pairs = [
        (format!("{wolfi}/wolfi-signing.rsa.pub"), keys.join("\n    - ")),
        (wolfi, repository.clone()),
        (format!("{alpine}/v3.22/main"), repository),
        (
            "contents:\n  repositories:".to_owned(),
            format!("contents:\n  keyring:\n    - {}\n  repositories:", keys.join("\n    - ")),
        ),
        ("    - java-cacerts\n".to_owned(), String::new()),
        ("- x86_64\n- aarch64".to_owned(), "- x86_64".to_owned()),
        ("  - amd64\n  - arm64".to_owned(), "  - amd64".to_owned()),
        ("wolfi-baselayout".to_owned(), "alpine-baselayout".to_owned()),
        ("- glibc".to_owned(), "- musl".to_owned()),
        ("- libgcc".to_owned(), "- zlib".to_owned()),
        ("- nano".to_owned(), "- wget".to_owned()),
        ("- clang".to_owned(), "- openssh".to_owned()),
    ];
    pairs.into()
}

/// Made-up repositories in the place of Wolfi's, Alpine's and apko's own.
pub(super) fn to_made_up(dir: &Path) -> Changes {
    let made = testkit::apk::example_repositories(dir);
    let at = |path: &Path| path.display().to_string();
    let key = at(made.wolfi.key_file());
    let (wolfi, alpine) = public();
    let pairs = [
        (format!("{wolfi}/wolfi-signing.rsa.pub"), key.clone()),
        (wolfi, at(made.wolfi.root())),
        ("    - ./internal/cli/testdata/melange.rsa.pub\n".to_owned(), String::new()),
        ("./internal/cli/testdata/packages".to_owned(), at(made.local.root())),
        (format!("    - {alpine}/v3.22/community\n"), String::new()),
        (format!("{alpine}/v3.22/main"), at(made.alpine.root())),
        (format!("{alpine}/edge/main"), at(made.alpine.root())),
        ("contents:\n  repositories:".to_owned(), format!("contents:\n  keyring: [{key}]\n  repositories:")),
    ];
    pairs.into()
}

/// Copies the recipes of a folder into `examples` of the home, changed.
pub(super) fn copied(home: &Home, from: &Path, changes: &Changes) {
    let to = home.work().join("examples");
    std::fs::create_dir_all(&to).expect("a folder");
    for file in std::fs::read_dir(from).expect("recipes").flatten().map(|e| e.path()) {
        if file.extension().is_none_or(|e| e != "yaml") {
            continue;
        }
        let text = std::fs::read_to_string(&file).expect("a recipe");
        let text = changes.iter().fold(text, |text, (from, by)| match by.contains("keyring:") {
            true if text.contains("keyring:") => text,
            _ => text.replace(from, by),
        });
        std::fs::write(to.join(file.file_name().expect("a name")), text).expect("a recipe");
    }
}

/// apko's image of `examples/NAME.yaml`, as an image that we read under the name `apko`; or which key
/// of the recipe it does not know.
fn built_by_apko(home: &Home, apko: &Path, name: &str, arch: &str) -> Result<image::ValidImage, String> {
    let (recipe, layout) = (format!("examples/{name}.yaml"), home.work().join(format!("apko-{name}")));
    std::fs::create_dir(&layout).expect("a folder");
    let run = |words: &[&str]| {
        let mut command = Command::new(apko);
        home.prepare(&mut command);
        command.args(words).args(["--arch", arch, "--log-level", "error", "--cache-dir"]);
        command.arg(home.dir.path().join("apko")).output().expect("apko runs")
    };
    let to = layout.display().to_string();
    let mut words = vec!["build", &recipe, name, &to, "--sbom=false", "--vcs=false"];
    // Upon an image apko builds from a lock only.
    if upon::is(&home.work().join(&recipe)) {
        done(run(&["lock", &recipe, "--output", "upon.lock.json"]));
        words.extend(["--lockfile", "upon.lock.json"]);
    }
    let ran = run(&words);
    let said = String::from_utf8_lossy(&ran.stderr).into_owned();
    if let Some(key) = said.split("field ").nth(1).filter(|_| said.contains("not found in type")) {
        return Err(key.split(' ').next().unwrap_or_default().to_owned());
    }
    done(ran);
    // apko's index.json is the image; the names of a layout are in one above it.
    let index = std::fs::read(layout.join("index.json")).expect("an index");
    let digest = oci::Digest::of(&index).to_string();
    std::fs::write(layout.join("blobs").join(digest.replace(':', "/")), &index).expect("a blob");
    let named = serde_json::json!({"schemaVersion": 2, "manifests": [{
        "mediaType": "application/vnd.oci.image.index.v1+json", "digest": digest, "size": index.len(),
        "annotations": {"org.opencontainers.image.ref.name": "apko"},
    }]});
    std::fs::write(layout.join("index.json"), named.to_string()).expect("an index");
    Ok(first(&layout, "apko"))
}

pub(super) fn first(layout: &Path, name: &str) -> image::ValidImage {
    let layout = image::Layout::open(layout).expect("a layout");
    image::validate(&layout, name).expect("an image").images.remove(0)
}

pub(super) fn built_by_us(home: &Home, name: &str, arch: &str) -> image::ValidImage {
    let to = format!("oci:ours-{name}:ours");
    home.run(&["build", &format!("./examples/{name}.yaml"), "--arch", arch, "-o", &to, "-q"]);
    first(&home.work().join(format!("ours-{name}")), "ours")
}

/// Config and manifest as a list of values, one for each key; lists are values.
fn facts(image: &image::ValidImage) -> BTreeMap<String, String> {
    fn add(value: &serde_json::Value, at: &str, to: &mut BTreeMap<String, String>) {
        match value {
            serde_json::Value::Object(map) => map.iter().for_each(|(k, v)| {
                let slash = if at.ends_with(':') { "" } else { "/" };
                add(v, &format!("{at}{slash}{k}"), to);
            }),
            value => drop(to.insert(at.to_owned(), value.to_string())),
        }
    }
    let mut all = BTreeMap::new();
    let mut config = serde_json::to_value(&image.config).expect("a config");
    // Of the history each key with what any entry says: there is an entry for each layer.
    let history = config["history"].as_array().cloned().unwrap_or_default();
    config["history"] = serde_json::json!({});
    for (key, value) in history.iter().filter_map(|h| h.as_object()).flatten() {
        let said =
            config["history"].as_object_mut().expect("a map").entry(key).or_insert(serde_json::json!([]));
        let said = said.as_array_mut().expect("a list");
        if !said.contains(value) {
            said.push(value.clone());
        }
    }
    add(&config, "config:", &mut all);
    let kinds: BTreeSet<String> = image.manifest.layers.iter().map(|l| l.media_type.to_string()).collect();
    let manifest = serde_json::json!({
        "annotations": image.manifest.annotations,
        "config": image.manifest.config.media_type.to_string(),
        "layers": kinds,
    });
    add(&manifest, "manifest:", &mut all);
    all
}

/// Everything that differs between two images.
fn differences(ours: &image::ValidImage, theirs: &image::ValidImage) -> Vec<Found> {
    let trees = rootfs::diff(&ours.tree, &theirs.tree);
    let mut all: Vec<Found> = trees.iter().filter(|d| !d.path.is_empty()).map(Found::path).collect();
    let (a, b) = (facts(ours), facts(theirs));
    let keys: BTreeSet<&String> = a.keys().chain(b.keys()).collect();
    let differ = keys.into_iter().filter(|k| a.get(*k) != b.get(*k));
    all.extend(differ.map(|k| Found::fact(k, a.get(k), b.get(k))));
    all
}

/// Which recipes show which of [`CLASSES`], and what no class explains.
#[derive(Default)]
struct Seen {
    classes: BTreeMap<&'static str, BTreeSet<String>>,
    unexplained: Vec<String>,
    /// How many paths our images have; which key apko does not know.
    recipes: BTreeMap<String, Result<usize, String>>,
}

impl Seen {
    fn compare(&mut self, home: &Home, apko: &Path, names: &[&str], of: &str) {
        for name in names {
            let arch = if *name == "abseil-regression" { "arm64" } else { "amd64" };
            let (ours, title) = (built_by_us(home, name, arch), format!("{name}{of}"));
            let theirs = match built_by_apko(home, apko, name, arch) {
                Ok(theirs) => theirs,
                Err(key) => {
                    self.recipes.insert(title, Err(key));
                    continue;
                }
            };
            self.recipes.insert(title.clone(), Ok(ours.tree.entries().len()));
            for found in differences(&ours, &theirs) {
                match CLASSES.iter().find(|c| (c.holds)(&found)) {
                    Some(class) => drop(self.classes.entry(class.name).or_default().insert(title.clone())),
                    None => self.unexplained.push(format!("{title}: {}", found.say())),
                }
            }
        }
    }
}

#[test]
fn trees_and_configs_are_apkos_but_for_what_the_page_says() {
    let Some(apko) = apko() else { testkit::skip!("no apko on the PATH or in DISTIL_TEST_APKO") };
    let (Some(examples), Some(source)) = (testkit::shared_data("apk/apko/examples"), alpine()) else {
        testkit::skip!("no ../shared/data/apk");
    };
    let mut seen = Seen::default();
    let home = Home::new();
    copied(&home, &examples, &to_medium(&source));
    seen.compare(&home, &apko, &OF_ALPINE, "");
    copied(&home, &examples.join("on_top_of_base"), &to_medium(&source));
    upon::put_base(&home, &source);
    seen.compare(&home, &apko, &["base_image"], " (on_top_of_base)");
    let home = Home::new();
    let changes = to_made_up(&home.dir.path().join("made-up"));
    copied(&home, &examples, &changes);
    let taihen = testkit::shared_data("apk/locks/taihen").expect("the recipes beside");
    let mut changes = changes;
    changes.push(("include: ".to_owned(), "include: examples/".to_owned()));
    copied(&home, &taihen, &changes);
    seen.compare(&home, &apko, &MADE_UP, r"\*");
    assert!(seen.unexplained.is_empty(), "no class explains:\n{}", seen.unexplained.join("\n"));
    page::hold(&seen.classes, &seen.recipes);
}
