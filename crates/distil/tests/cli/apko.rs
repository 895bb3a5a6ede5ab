//! apko's command line: each verb against a made-up signed repository.

use serde_json::Value;
use testkit::apk::{Algorithm, ApkKey, ApkPackage, ApkRepository, PublishedApk, Signer};
use testkit::registry::{Registry, Setup};

use crate::run::Machine;

/// A program and its library for two architectures, and a package that nobody needs.
fn repository(machine: &Machine) -> ApkRepository {
    let mut repository = ApkRepository::new(&machine.path("repository"));
    for arch in ["x86_64", "aarch64"] {
        repository = repository
            .add(ApkPackage::new("libhello", "1.0-r0").arch(arch).provides("so:libhello.so.1=1").file(
                "usr/share/hello/words",
                0o644,
                "hello\n",
            ))
            .add(ApkPackage::new("hello", "1.2-r3").arch(arch).depends("so:libhello.so.1").file(
                "usr/bin/hello",
                0o755,
                "made up",
            ))
            .add(ApkPackage::new("other", "2.0-r0").arch(arch).file("usr/share/other", 0o644, "other\n"));
    }
    repository
}

/// A machine with that repository, and `app.yaml` that takes `hello` from it.
fn ready() -> (Machine, PublishedApk) {
    let machine = Machine::new();
    let published = repository(&machine).publish(&ApkKey::test_only(1));
    machine.write("work/app.yaml", recipe(&published));
    (machine, published)
}

fn recipe(published: &PublishedApk) -> String {
    format!(
        "contents:\n  repositories: [{}]\n  keyring: [{}]\n  packages: [hello]\n\
         archs: [x86_64, aarch64]\nentrypoint: {{command: /usr/bin/hello}}\n",
        published.root().display(),
        published.key_file().display()
    )
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|e| panic!("{e}: {text}"))
}

/// What a layout's only image says of its first platform: the index, and its manifest.
fn image(machine: &Machine, layout: &str) -> (Value, Value) {
    let blob = |digest: &Value| {
        let name = digest.as_str().expect("a digest").replace(':', "/");
        json(&machine.read(&format!("{layout}/blobs/{name}")))
    };
    let index = json(&machine.read(&format!("{layout}/index.json")));
    let manifest = blob(&index["manifests"][0]["digest"]);
    (index, manifest)
}

#[test]
fn a_recipe_as_apko_understands_it() {
    let (machine, published) = ready();
    let shown =
        machine.distil(&["apko", "show-config", "app.yaml", "-r", "@x https://apk.example.org/x"]).good();
    let mut read = recipe::parse("app.yaml", &recipe(&published)).expect("a recipe");
    read.world_hint = Some(recipe::World::Apk);
    let more = recipe::Appended {
        repositories: vec!["@x https://apk.example.org/x".to_owned()],
        ..recipe::Appended::default()
    };
    read.append(&more).expect("one more repository");
    let host = package::Arch::from_any_word("amd64").expect("an architecture");
    let config = recipe::apko_config(&read.resolve(None, &host).expect("resolved"));
    assert_eq!(shown.stdout, recipe::apko_yaml(&config));
    let shown = machine.distil(&["apko", "show-config", "app.yaml", "--json", "--arch", "aarch64"]).good();
    assert_eq!(json(&shown.stdout)["config"]["archs"], serde_json::json!(["arm64"]));
}

#[test]
fn packages_in_apkos_formats() {
    let (machine, published) = ready();
    let show = |more: &[&str]| {
        machine
            .distil(&[&["apko", "show-packages", "app.yaml", "--arch", "x86_64"], more].concat())
            .good()
            .stdout
    };
    assert_eq!(show(&[]), "libhello 1.0-r0\nhello 1.2-r3\n");
    assert_eq!(show(&["--format", "name=version"]), "libhello=1.0-r0\nhello=1.2-r3\n");
    assert_eq!(show(&["--format", "packagelock"]), "- libhello=1.0-r0\n- hello=1.2-r3\n");
    assert_eq!(show(&["--format", "<{{ .Version }}>"]), "<1.0-r0>\n<1.2-r3>\n");
    let source = format!("{}/x86_64/hello-1.2-r3.apk", published.root().display());
    assert!(show(&["--format", "name-(version)-source"]).ends_with(&format!("hello (1.2-r3) {source}\n")));
    assert_eq!(show(&["-p", "other", "--format", "{{.Name}}"]), "libhello\nhello\nother\n");
    let graph = machine.distil(&["apko", "dot", "app.yaml"]).good().stdout;
    assert!(graph.contains("\"hello\" -> \"libhello\" [tooltip=\"so:libhello.so.1\"];"), "{graph}");
    assert!(!machine.path("work/app.lock").exists(), "a look writes nothing");
    let both = machine.distil(&["apko", "show-packages", "app.yaml"]).good().says(&["x86_64", "aarch64"]);
    assert_eq!(both.stdout.lines().count(), 4);
    let bad = ["apko", "show-packages", "app.yaml", "--format", "{{ .Origin }}"];
    machine.distil(&bad).fails(2, &["`.Origin` is not understood", "packagelock"]);
}

#[test]
fn a_file_for_docker_and_a_layout() {
    let (machine, _) = ready();
    let file = machine.distil(&["apko", "build", "app.yaml", "acme/app:1", "app.tar"]).good();
    assert!(file.stdout.starts_with("acme/app:1@sha256:"), "{}", file.stdout);
    let bytes = std::fs::read(machine.path("work/app.tar")).expect("an archive");
    let start = String::from_utf8_lossy(&bytes[512..4096]).into_owned();
    for tag in ["\"acme/app:1-amd64\"", "\"acme/app:1-arm64\""] {
        assert!(start.contains(tag), "{start}");
    }
    std::fs::create_dir(machine.path("work/out")).expect("a directory");
    let layout = machine.distil(&["apko", "build", "app.yaml", "acme/app:1", "out/"]).good();
    assert_eq!(file.digests(), layout.digests());
    let (index, _) = image(&machine, "work/out");
    // The layout's index is the image's own, as apko's is: each entry names its platform.
    let digest = oci::Digest::of(machine.read("work/out/index.json").as_bytes()).to_string();
    assert_eq!(layout.digests(), [digest]);
    let platforms = index["manifests"].as_array().expect("manifests").iter();
    let platforms: Vec<&Value> = platforms.map(|m| &m["platform"]["architecture"]).collect();
    assert_eq!(platforms, ["amd64", "arm64"]);
    // Another image takes its place.
    let words = ["apko", "build", "app.yaml", "acme/app:2", "out/", "--arch", "aarch64"];
    let second = machine.distil(&words).good();
    assert_ne!(second.digests(), layout.digests());
    let digest = oci::Digest::of(machine.read("work/out/index.json").as_bytes()).to_string();
    assert_eq!(second.digests(), [digest]);
    machine
        .distil(&["apko", "build", "app.yaml", "acme/app:1", "none/"])
        .fails(2, &["there is no such directory"]);
}

#[test]
fn a_command_line_on_top_of_the_recipe() {
    let (machine, published) = ready();
    let key = published.key_file().display().to_string();
    let root = published.root().display().to_string();
    machine.write("work/bare.yaml", "contents:\n  packages: [hello]\n");
    std::fs::create_dir_all(machine.path("work/.git/refs/heads")).expect("a directory");
    std::fs::create_dir(machine.path("work/out")).expect("a directory");
    let commit = "d57ac2d0d57ac2d0d57ac2d0d57ac2d0d57ac2d0";
    machine.write("work/.git/HEAD", "ref: refs/heads/main\n");
    machine.write("work/.git/refs/heads/main", format!("{commit}\n"));
    machine.write("work/.git/config", "[remote \"origin\"]\n\turl = git@git.example.org:acme/app.git\n");
    let words = ["apko", "build", "bare.yaml", "acme/app:1", "out", "-k", &key, "-r", &root, "-p", "other"];
    let more =
        ["--arch", "x86_64", "--build-date", "2023-01-10T22:47:06Z", "--annotations", "org.example:a:b"];
    machine.distil(&[&words[..], &more].concat()).good();
    let (index, manifest) = image(&machine, "work/out");
    assert_eq!(index["manifests"].as_array().map(Vec::len), Some(1));
    for annotations in [&index["annotations"], &manifest["annotations"]] {
        assert_eq!(annotations["org.example"], "a:b");
        assert_eq!(annotations["org.opencontainers.image.revision"], commit);
        assert_eq!(annotations["org.opencontainers.image.source"], "git+ssh://git.example.org/acme/app.git");
        assert_eq!(annotations["org.opencontainers.image.created"], "2023-01-10T22:47:06Z");
    }
    assert!(machine.read("work/bare.lock").contains("name = \"other\""));
    machine.distil(&[&words[..], &more, &["--vcs=false"]].concat()).good();
    let (index, _) = image(&machine, "work/out");
    assert_eq!(index["annotations"]["org.opencontainers.image.revision"], Value::Null);
    // Words that have no meaning.
    for (more, why) in [
        (&["--annotations", "nothing"][..], "it has no colon"),
        (&["--build-date", "yesterday"], "it is no time"),
        (&["--format", "erofs"], "cannot write layers as erofs"),
        (&["--sbom-path", "."], "this distil writes none yet"),
        (&["--log-level", "loud"], "cannot use --log-level loud"),
    ] {
        machine.distil(&[&words[..], more].concat()).fails(2, &[why]);
    }
}

#[test]
fn a_lock_of_apkos_is_written_and_built_from() {
    let (machine, published) = ready();
    machine.distil(&["apko", "lock", "app.yaml"]).good().says(&["app.lock written", "app.lock.json"]);
    let lock = json(&machine.read("work/app.lock.json"));
    assert_eq!(lock["version"], "v1");
    let packages = lock["contents"]["packages"].as_array().expect("packages");
    let names: Vec<&str> = packages.iter().filter_map(|p| p["name"].as_str()).collect();
    assert_eq!(names, ["libhello", "hello", "libhello", "hello"], "in install order, by architecture");
    assert_eq!(lock["contents"]["keyring"][0]["content"], ApkKey::test_only(1).public_pem());
    let first = machine.distil(&["apko", "build", "app.yaml", "acme/app:1", "a.tar"]).good();
    // The index is gone and our own lock too: the lock of apko's is all there is.
    for arch in ["x86_64", "aarch64"] {
        std::fs::remove_file(published.index(arch)).expect("an index");
    }
    std::fs::remove_file(machine.path("work/app.lock")).expect("the lock");
    machine.forget();
    let words = ["apko", "build", "app.yaml", "acme/app:1", "b.tar", "--lockfile", "app.lock.json"];
    let second = machine.distil(&words).good().says(&["apko lock app.lock.json"]);
    assert_eq!(first.digests(), second.digests());
    assert!(!machine.path("work/app.lock").exists());
    // The ends of lines are no change of the recipe; another package is.
    let text = machine.read("work/app.yaml");
    machine.write("work/app.yaml", text.replace('\n', "\r\n"));
    machine.distil(&words).good();
    machine.write("work/app.yaml", text.replace("[hello]", "[hello, other]"));
    machine.distil(&words).fails(3, &["the recipe was changed since", "distil apko lock app.yaml"]);
    machine.write("work/app.yaml", &text);
    machine.distil(&[&words[..], &["-p", "other"]].concat()).fails(3, &["it does not fit", "other"]);
    machine.distil(&[&words[..], &["--arch", "s390x"]].concat()).fails(3, &["linux/s390x is not locked"]);
}

#[test]
fn a_lock_of_apkos_that_was_tampered_with() {
    let (machine, _) = ready();
    machine.distil(&["apko", "lock", "app.yaml", "--output", "theirs.json"]).good();
    let text = machine.read("work/theirs.json");
    let lock = json(&text);
    let (lib, hello) = (&lock["contents"]["packages"][0], &lock["contents"]["packages"][1]);
    let words = ["apko", "build", "app.yaml", "acme/app:1", "a.tar", "--lockfile", "theirs.json"];
    let part = |p: &Value, part: &str| p[part]["checksum"].as_str().expect("a checksum").to_owned();
    let whole = |p: &Value| p["checksum"].as_str().expect("a checksum").to_owned();
    // Data of one package with the name of another; another control part; a name that is not the file's.
    let swapped = text.replace(&part(lib, "data"), &part(hello, "data"));
    let control = text.replace(&whole(lib), &whole(hello));
    let renamed = text.replace("\"name\": \"libhello\"", "\"name\": \"libhullo\"");
    for (bad, code) in [(swapped, 5), (control, 5), (renamed, 5)] {
        assert_ne!(bad, text);
        machine.write("work/theirs.json", bad);
        machine.forget();
        machine.distil(&words).fails(code, &["hello"]);
    }
    // The part's own sum, with the whole one as it was.
    let mut own = lock.clone();
    own["contents"]["packages"][0]["control"]["checksum"] = hello["control"]["checksum"].clone();
    machine.write("work/theirs.json", own.to_string());
    machine.distil(&words).fails(5, &["libhello 1.0-r0: it is not what theirs.json says"]);
    // One that would be there twice, and one that would be dropped.
    let (mut twice, mut foreign) = (lock.clone(), lock.clone());
    let packages = |lock: &mut Value| lock["contents"]["packages"].as_array_mut().expect("packages").clone();
    let more = |lock: &mut Value, package: Value| {
        let all = [packages(lock), vec![package]].concat();
        lock["contents"]["packages"] = all.into();
    };
    more(&mut twice, lib.clone());
    let mut mips = lib.clone();
    mips["architecture"] = "mips".into();
    more(&mut foreign, mips);
    for (bad, why) in [(twice, "is not the only libhello for "), (foreign, "libhello 1.0-r0 is for `mips`")] {
        machine.write("work/theirs.json", bad.to_string());
        machine.distil(&words).fails(3, &[why, "restore it"]);
    }
    let outside = text.replace("/x86_64/libhello-1.0-r0.apk", "/x86_64/..");
    for (bad, why) in [(outside, "has no address"), (text.replace("\"v1\"", "\"v2\""), "version `v2`")] {
        machine.write("work/theirs.json", bad);
        machine.distil(&words).fails(3, &[why, "distil"]);
    }
    machine
        .distil(&["apko", "build", "app.yaml", "a:1", "a.tar", "--lockfile", "no.json"])
        .fails(3, &["no.json"]);
}

/// Neither an index nor apko's lock asks for a package's own signature; that there is none is said.
#[test]
fn packages_that_nobody_signed() {
    let machine = Machine::new();
    let signer = Signer::new(&ApkKey::test_only(1), Algorithm::Rsa256);
    let published = repository(&machine).unsigned().also_signed_by(signer).publish(&ApkKey::test_only(1));
    machine.write("work/app.yaml", recipe(&published));
    let names = "no signature of its own by a key that is trusted: libhello 1.0-r0, hello 1.2-r3";
    machine
        .distil(&["apko", "lock", "app.yaml", "--output", "theirs.json"])
        .good()
        .says(&[names, "the hash that the signed index has"]);
    machine
        .distil(&["apko", "build", "app.yaml", "acme/app:1", "a.tar", "--lockfile", "theirs.json"])
        .good()
        .says(&[names, "the sums that theirs.json has"]);
    // One that is there must be good, even where the package was unpacked long ago.
    let (machine, _) = ready();
    let lines = machine.distil(&["apko", "lock", "app.yaml", "--output", "theirs.json"]).good().stderr;
    assert!(!lines.contains("signature of its own"), "{lines}");
}

/// Other people's locks, whose packages are not here: each fits its recipe, and what it names is missing.
#[test]
fn real_locks_of_apkos_are_taken() {
    let Some(data) = testkit::shared_data("apk/locks/taihen") else { testkit::skip!("no locks") };
    let machine = Machine::new();
    for file in std::fs::read_dir(&data).expect("the locks").flatten() {
        let to = machine.path("work").join(file.file_name());
        std::fs::copy(file.path(), to).expect("a copy");
    }
    for (name, packages) in [("base", 6), ("glibc", 14), ("debug", 32)] {
        let (recipe, lock) = (format!("{name}.yaml"), format!("{name}.lock.json"));
        let words = ["apko", "build", &recipe, "acme/app:1", "a.tar", "--offline", "--lockfile", &lock];
        machine.distil(&words).fails(4, &["--offline asks nobody", &format!("(and {} more", packages - 1)]);
    }
    let words =
        ["apko", "build", "glibc.yaml", "acme/app:1", "a.tar", "--offline", "--lockfile", "base.lock.json"];
    machine.distil(&words).fails(3, &["the recipe was changed since", "it was made for base.yaml"]);
}

#[test]
fn an_index_that_nobody_signed() {
    let machine = Machine::new();
    let published = repository(&machine).unsigned().publish(&ApkKey::test_only(1));
    let server = published.serve();
    let text = recipe(&published).replace(
        &format!("repositories: [{}]", published.root().display()),
        &format!("repositories: [\"http://{}\"]", server.address()),
    );
    machine.write("work/app.yaml", text);
    let words = ["apko", "build", "app.yaml", "acme/app:1", "a.tar"];
    machine.distil(&words).fails(5, &["cannot trust"]);
    machine
        .distil(&[&words[..], &["--ignore-signatures"]].concat())
        .good()
        .says(&["is not signed", "--ignore-signatures"]);
    assert!(machine.read("work/app.lock").contains("unsigned = \"--ignore-signatures "));
}

#[test]
fn publish_pushes_under_every_name() {
    let (machine, _) = ready();
    let registry = Registry::start(Setup::default());
    let name = |tag: &str| format!("{}/acme/app:{tag}", registry.host());
    let words = ["apko", "publish", "app.yaml", &name("1"), &name("2"), "--image-refs", "refs"];
    let digest = machine.distil(&words).good().digests().remove(0);
    assert_eq!(registry.tags("acme/app"), ["1", "2"]);
    registry.check().unwrap();
    let refs = machine.read("work/refs");
    assert_eq!(refs.lines().last(), Some(&*format!("{}/acme/app@{digest}", registry.host())), "{refs}");
    for line in refs.lines() {
        machine.distil(&["pull", line, "again"]).good();
    }
}

#[test]
fn what_this_distil_does_not_do_is_said_first() {
    let (machine, _) = ready();
    let ran = machine.distil(&["apko", "show-packages", "app.yaml", "--web"]);
    assert_eq!(ran.code, Some(2));
}

#[test]
fn elsewhere_and_afterwards() {
    let (machine, _) = ready();
    std::fs::create_dir(machine.path("work/ci")).expect("a directory");
    std::fs::rename(machine.path("work/app.yaml"), machine.path("work/ci/app.yaml")).expect("moved");
    machine
        .distil(&["apko", "-C", "ci", "build", "app.yaml", "acme/app:1", "a.tar", "--arch", "x86_64"])
        .good();
    assert!(machine.path("work/ci/a.tar").exists() && machine.path("work/ci/app.lock").exists());
    // A recipe that is found in another directory.
    machine.distil(&["apko", "show-config", "app.yaml", "--include-paths", "ci"]).good();
    machine.distil(&["apko", "show-config", "app.yaml"]).fails(3, &["app.yaml"]);
    machine.distil(&["apko", "clean", "--dry-run"]).good().says(&["would delete"]);
    let before = machine.files("cache").len();
    machine.distil(&["apko", "clean"]).good().says(&["deleted"]);
    assert!(machine.files("cache").len() < before);
    assert!(machine.distil(&["apko", "version"]).good().stdout.starts_with("distil "));
}

/// `docs/apko.md` as it stands there, its repository being the made-up one.
#[test]
fn the_page_works_as_it_stands() {
    let (machine, published) = ready();
    let page = std::fs::read_to_string(testkit::workspace().join("docs/apko.md")).expect("the page");
    let shown = page.split("```yaml\n").nth(1).and_then(|r| r.split("```").next()).expect("a recipe");
    let there = |text: &str, path: &std::path::Path| shown.contains(text).then(|| path.display().to_string());
    let root = there("https://apk.example.org/stable", published.root()).expect("the repository");
    let key = there("keys/acme.rsa.pub", published.key_file()).expect("the key");
    let recipe = shown.replace("https://apk.example.org/stable", &root).replace("keys/acme.rsa.pub", &key);
    machine.write("work/app.yaml", recipe);
    let mut ran = 0;
    for shown in testkit::shown_commands(&page) {
        let words: Vec<&str> = shown.command.split_whitespace().collect();
        match words.as_slice() {
            ["mkdir", dir] => std::fs::create_dir(machine.path("work").join(dir)).expect("a directory"),
            ["distil", words @ ..] => {
                let out = machine.distil(words).good().stdout;
                let prints: Vec<&str> = shown.prints.iter().map(String::as_str).collect();
                assert!(prints.is_empty() || out.lines().eq(prints), "line {}: {out}", shown.line);
                ran += 1;
            }
            _ => panic!("line {}: {}", shown.line, shown.command),
        }
    }
    assert!(ran > 6, "{ran} commands");
}

/// The commands of each `--help`'s examples are ones that the program takes.
#[test]
fn examples_in_help_are_understood() {
    let machine = Machine::new();
    for verb in
        ["", "build", "publish", "lock", "show-packages", "show-config", "dot", "login", "clean", "version"]
    {
        let words = ["apko", verb, "--help"];
        let help =
            machine.distil(&words.into_iter().filter(|w| !w.is_empty()).collect::<Vec<_>>()).good().stdout;
        assert!(help.contains("Examples:"), "{verb} shows no example");
        let examples: Vec<&str> =
            help.lines().filter_map(|l| l.trim().strip_prefix("distil apko ")).collect();
        assert!(!examples.is_empty(), "{verb}: {help}");
        for line in examples {
            let words =
                line.split("  ").next().unwrap_or_default().split(['|', '>', '<']).next().unwrap_or_default();
            let taken = distil::command()
                .try_get_matches_from(["distil", "apko"].into_iter().chain(words.split_whitespace()));
            assert!(taken.is_ok(), "{verb}: {words}: {}", taken.unwrap_err());
        }
    }
}
