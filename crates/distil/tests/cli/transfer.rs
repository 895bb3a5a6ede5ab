//! Images among all places.

use testkit::registry::{Deed, Fault, Registry, Setup};
use testkit::tar::{Entry, tar};

use crate::foreign::{noise, put, put_layers, sound};
use crate::run::Machine;

const BOTH: [&str; 2] = ["linux/amd64", "linux/arm64"];

/// Places that keep index and manifest as they are.
fn keeping(registry: &Registry, n: usize) -> [String; 4] {
    [
        format!("stored-{n}:1"),
        format!("oci:layout-{n}:1"),
        format!("oci-archive:archive-{n}.tar:1"),
        format!("{}/acme/app-{n}:1", registry.host()),
    ]
}

#[test]
fn digests_survive_from_everywhere_to_everywhere() {
    let (machine, registry) = (Machine::new(), Registry::start(Setup::default()));
    let image = put(&machine, "in", "1", &BOTH);
    for first in keeping(&registry, 0) {
        machine.distil(&["copy", "oci:in:1", &first]).good();
        for (n, second) in keeping(&registry, 1).iter().enumerate() {
            let copied = machine.distil(&["copy", &first, second]).good();
            assert_eq!(copied.digests(), [&*image.digest], "{first} to {second}");
            let end = format!("oci:end:{n}");
            machine.distil(&["copy", second, &end]).good();
            assert_eq!(sound(&machine, "end", &n.to_string()).document.digest.to_string(), image.digest);
        }
        let _ = std::fs::remove_dir_all(machine.path("work/end"));
    }
    registry.check().unwrap();
}

/// Through what Docker reads and writes: one platform, config and diff ids.
#[test]
fn config_and_diff_ids_survive_an_archive_of_docker() {
    let (machine, registry) = (Machine::new(), Registry::start(Setup::default()));
    let image = put(&machine, "in", "1", &BOTH);
    for (n, place) in keeping(&registry, 0).iter().enumerate() {
        machine.distil(&["copy", "oci:in:1", place]).good();
        let saved = format!("docker-archive:saved-{n}.tar:acme/app:1");
        let ran = machine.distil(&["copy", place, &saved, "--platform", "linux/arm64"]).good();
        assert_eq!(ran.stdout, format!("{saved} {}\n", image.configs[1]));
        for (m, to) in keeping(&registry, 2).iter().enumerate() {
            machine.distil(&["copy", &saved, to]).good();
            let end = format!("oci:end:{n}-{m}");
            machine.distil(&["copy", to, &end]).good();
            let valid = sound(&machine, "end", &format!("{n}-{m}"));
            assert_eq!(valid.images[0].manifest.config.digest, image.configs[1], "{place} {to}");
            let ids: Vec<_> = valid.images[0].config.rootfs.diff_ids.iter().map(|d| d.to_string()).collect();
            assert_eq!(ids, image.diff_ids[1]);
        }
    }
    // One that Docker can read may be written from one as well.
    machine.distil(&["copy", "docker-archive:saved-0.tar", "docker-archive:again.tar"]).good();
    let listed = machine.distil(&["ls", "docker-archive:again.tar"]).good();
    assert_eq!(listed.stdout, "@0\n");
    machine.distil(&["copy", "docker-archive:again.tar:@0", "counted:1"]).good();
    machine
        .distil(&["copy", "counted:1", "docker-archive:x.tar:@0"])
        .fails(2, &["archives are written anew"]);
    let listed = machine.distil(&["ls", "docker-archive:saved-0.tar"]).good();
    assert_eq!(listed.stdout, "acme/app:1\n");
}

/// What an engine would not take is not said to be copied.
#[test]
fn an_archive_of_docker_is_of_an_image() {
    let machine = Machine::new();
    put(&machine, "in", "1", &["linux/amd64"]);
    let index: serde_json::Value = serde_json::from_str(&machine.read("work/in/index.json")).unwrap();
    let layout = image::Layout::open(machine.path("work/in")).unwrap();
    let put = |kind: &str, bytes: &[u8]| {
        let part = oci::Descriptor::of(oci::MediaType::new(kind.to_owned()), bytes);
        image::Sink::put(&layout, &part, &mut &bytes[..]).unwrap();
        serde_json::to_value(part).unwrap()
    };
    let config = put("application/vnd.cncf.helm.config.v1+json", b"{}");
    let chart = put("application/vnd.cncf.helm.chart.content.v1.tar+gzip", b"chart");
    let manifest = serde_json::json!({ "schemaVersion": 2, "config": config, "layers": [chart] });
    let mut manifest = put("application/vnd.oci.image.manifest.v1+json", manifest.to_string().as_bytes());
    manifest["annotations"] = serde_json::json!({ "org.opencontainers.image.ref.name": "chart" });
    let entries = [&index["manifests"][0], &manifest];
    let both = serde_json::json!({ "schemaVersion": 2, "manifests": entries });
    machine.write("work/in/index.json", both.to_string());
    machine.distil(&["copy", "oci:in:chart", "docker-archive:x.tar"]).fails(
        3,
        &["cannot copy oci:in:chart", "no image but an artifact with a config of type application/vnd.cncf"],
    );
    assert!(!machine.path("work/x.tar").exists());
    machine.distil(&["copy", "oci:in:1", "docker-archive:x.tar"]).good();
}

/// `docker save | gzip`, as people send images.
#[test]
fn archives_may_be_compressed_as_a_whole() {
    let machine = Machine::new();
    let image = put(&machine, "in", "1", &BOTH);
    let compress = |file: &str, kind: testkit::Compression| {
        let bytes = std::fs::read(machine.path("work").join(file)).expect("an archive");
        machine.write(&format!("work/{file}{}", kind.suffix()), kind.compress(&bytes));
    };
    machine
        .distil(&["copy", "oci:in:1", "docker-archive:saved.tar:acme/app:1", "--platform", "linux/arm64"])
        .good();
    compress("saved.tar", testkit::Compression::Gzip);
    let ran = machine
        .distil(&["copy", "docker-archive:saved.tar.gz:acme/app:1", "docker-archive:again.tar"])
        .good();
    assert_eq!(ran.stdout, format!("docker-archive:again.tar {}\n", image.configs[1]));
    assert_eq!(machine.distil(&["ls", "docker-archive:saved.tar.gz"]).good().stdout, "acme/app:1\n");
    let words =
        ["extract", "docker-archive:saved.tar.gz", "/usr/bin/app", "-o", "-", "--platform", "linux/arm64"];
    assert!(machine.distil(&words).good().stdout.starts_with("app of linux/arm64"));
    machine.distil(&["copy", "oci:in:1", "oci-archive:all.tar:1"]).good();
    compress("all.tar", testkit::Compression::Xz);
    assert_eq!(
        machine.distil(&["copy", "oci-archive:all.tar.xz:1", "moved:1"]).good().digests(),
        [image.digest]
    );
    assert_eq!(machine.files("cache/saved"), [""; 0].map(std::path::PathBuf::from));
    let half = std::fs::read(machine.path("work/saved.tar.gz")).expect("an archive");
    machine.write("work/half.tar.gz", &half[..half.len() / 2]);
    machine
        .distil(&["copy", "docker-archive:half.tar.gz", "half:1"])
        .fails(3, &["half.tar.gz", "compressed with gzip", "cut short", "hint:"]);
    assert!(!machine.distil(&["ls"]).good().stdout.contains("half"));
}

#[test]
fn several_platforms_do_not_fit_where_one_is_taken() {
    let machine = Machine::new();
    put(&machine, "in", "1", &BOTH);
    let words = ["it has 2 platforms", "--platform linux/amd64", "linux/arm64"];
    machine.distil(&["copy", "oci:in:1", "docker-archive:x.tar"]).fails(2, &words);
    assert!(!machine.path("work/x.tar").exists());
    let words = ["cannot find linux/s390x in oci:in:1", "--platform linux/amd64"];
    machine.distil(&["copy", "oci:in:1", "oci:out", "--platform", "linux/s390x"]).fails(2, &words);
    machine
        .distil(&["copy", "oci:in:1", "oci:out", "--platform", "amd64"])
        .fails(2, &["cannot choose a platform"]);
    assert!(!machine.path("work/out").exists());
    // One of one platform needs no word.
    put(&machine, "one", "1", &["linux/riscv64"]);
    machine.distil(&["copy", "oci:one:1", "docker-archive:x.tar"]).good();
}

#[test]
fn a_platform_is_copied_alone() {
    let (machine, registry) = (Machine::new(), Registry::start(Setup::default()));
    let image = put(&machine, "in", "1", &BOTH);
    let to = format!("{}/acme/app:arm", registry.host());
    let ran = machine.distil(&["push", "oci:in:1", &to, "--platform", "linux/arm64"]).good();
    let digest = ran.digests().remove(0);
    assert_ne!(digest, image.digest);
    machine.distil(&["copy", &to, "oci:out:1"]).good();
    let valid = sound(&machine, "out", "1");
    assert_eq!(valid.document.digest.to_string(), digest, "the manifest itself, as the index names it");
    assert_eq!(valid.images[0].manifest.config.digest, image.configs[1]);
    let ran = machine.distil(&["push", "oci:in:1", &to, "--all-platforms", "--platform", "linux/arm64"]);
    assert_eq!(ran.code, Some(2), "{}", ran.stderr);
}

#[test]
fn what_breaks_leaves_nothing_half() {
    let machine = Machine::new();
    let image = put(&machine, "in", "1", &BOTH);
    let layout = image::Layout::open(machine.path("work/in")).unwrap();
    let part = image.configs[1];
    std::fs::write(layout.blob_path(&part), b"other bytes").unwrap();
    let registry = Registry::start(Setup::default());
    let to = format!("{}/acme/app:1", registry.host());
    machine.distil(&["push", "oci:in:1", &to]).fails(5, &["cannot copy oci:in:1 to", &part.to_string()]);
    assert_eq!(registry.tags("acme/app"), Vec::<String>::new());
    for to in ["oci:out:1", "oci-archive:out.tar", "stored:1"] {
        machine.distil(&["copy", "oci:in:1", to]).fails(5, &["cannot copy oci:in:1 to"]);
    }
    assert!(!machine.path("work/out").exists() && !machine.path("work/out.tar").exists());
    let listed = machine.distil(&["ls"]).good();
    assert_eq!(listed.stdout, "");
    std::fs::remove_file(layout.blob_path(&part)).unwrap();
    machine.distil(&["push", "oci:in:1", &to]).fails(3, &["cannot find", &part.to_string()]);
    registry.check().unwrap();
}

#[test]
fn a_bad_line_loses_nothing() {
    let (machine, registry) = (Machine::new(), Registry::start(Setup::default()));
    let image = put(&machine, "in", "1", &BOTH);
    let name = format!("{}/acme/app:1", registry.host());
    registry.break_at_random(7, 6);
    machine.distil(&["push", "oci:in:1", &name]).good();
    registry.check().unwrap();
    registry.break_at_random(8, 6);
    assert_eq!(machine.distil(&["pull", &name]).good().digests(), [&*image.digest]);
    machine.distil(&["copy", &format!("store:{name}"), "oci:out:1"]).good();
    assert_eq!(sound(&machine, "out", "1").document.digest.to_string(), image.digest);
}

#[test]
fn json_says_what_went_over() {
    let (machine, registry) = (Machine::new(), Registry::start(Setup::default()));
    let image = put(&machine, "in", "1", &BOTH);
    let to = format!("{}/acme/app:1", registry.host());
    let said = |to: &str| {
        let ran = machine.distil(&["push", "oci:in:1", to, "--json"]).good();
        serde_json::from_str::<serde_json::Value>(&ran.stdout).unwrap()
    };
    let first = said(&to);
    assert_eq!(first["schema"], 0);
    let told = &first["images"][0];
    assert_eq!((told["digest"].as_str(), told["sent"].as_u64()), (Some(&*image.digest), Some(6)));
    assert_eq!(told["platforms"], serde_json::json!(BOTH));
    assert_eq!(said(&to)["images"][0]["sent"], 0, "all is there");
    // Of the same content under another name nothing goes over: the registry takes it from the first.
    registry.forget_requests();
    let second = said(&format!("{}/other/place:1", registry.host()));
    assert_eq!((&second["images"][0]["mounted"], &second["images"][0]["sent"]), (&6.into(), &0.into()));
    let sent: u64 = registry.requests().iter().filter(|r| r.target.contains("/blobs/")).map(|r| r.body).sum();
    assert_eq!(sent, 0);
    registry.check().unwrap();
}

/// What is wrong with an input is the input's fault, and no hint leads to its loss.
#[test]
fn an_input_that_is_another_sort_is_named() {
    let machine = Machine::new();
    put(&machine, "in", "1", &["linux/amd64"]);
    machine.distil(&["copy", "oci:in:1", "docker-archive:saved.tar:a/b:1"]).good();
    machine.distil(&["copy", "oci:in:1", "oci-archive:layout.tar:1"]).good();
    machine.write("work/text", "hello");
    for (name, says) in [
        ("oci:nothing", "nothing is there"),
        ("oci-archive:nothing.tar", "nothing is there"),
        ("docker-archive:nothing.tar", "nothing is there"),
        ("oci-archive:saved.tar", "docker-archive:"),
        ("docker-archive:layout.tar", "oci-archive:"),
        ("oci-archive:in", "oci:"),
        ("oci:saved.tar", "docker-archive:"),
        ("docker-archive:text", "have it written anew where it came from"),
        ("oci:data", "nothing is there"),
        ("saved.tar", "docker-archive:saved.tar"),
        ("in", "oci:in"),
    ] {
        let ran = machine.distil(&["inspect", name]).fails(3, &[says]);
        assert!(!ran.stderr.contains("remove it"), "{}", ran.stderr);
    }
    for path in ["./in", "/tmp/x.tar", "../in", "sub/x.tar"] {
        machine.distil(&["inspect", path]).fails(2, &["it looks like a path", &format!("oci:{path}")]);
    }
}

#[test]
fn what_is_printed_is_a_name() {
    let (machine, registry) = (Machine::new(), Registry::start(Setup::default()));
    let image = put(&machine, "in", "1", &["linux/amd64"]);
    let at = |rest: &str| format!("docker://{}/acme/app{rest}", registry.host());
    let by_digest = at(&format!("@{}", image.digest));
    let ran = machine.distil(&["copy", "oci:in:1", &by_digest]).good();
    assert_eq!(ran.stdout, format!("{by_digest}\n"));
    let with_tag = at(&format!(":1@{}", image.digest));
    let ran = machine.distil(&["copy", "oci:in:1", &with_tag]).good();
    assert_eq!(ran.stdout, format!("{with_tag}\n"));
    let ran = machine.distil(&["pull", ran.stdout.trim()]).good();
    machine.distil(&["inspect", ran.stdout.trim()]).good();
    let ran = machine.distil(&["pull", &by_digest]).good();
    assert_eq!(ran.stdout.matches("sha256:").count(), 1, "{}", ran.stdout);
    machine.distil(&["inspect", ran.stdout.trim()]).good();
}

#[test]
fn a_line_that_is_not_understood_is_told_as_every_failure() {
    let machine = Machine::new();
    machine
        .distil(&["push"])
        .fails(2, &["error: cannot understand the command line: ", "<NAME>", "usage: distil push", "hint: "]);
    machine.distil(&["build", "--lod"]).fails(2, &["'--lod'", "'--load'"]);
    let ran = machine.distil(&["--json", "frobnicate"]);
    assert_eq!(ran.code, Some(2));
    let told: serde_json::Value = serde_json::from_str(ran.stderr.trim()).unwrap();
    assert_eq!((&told["schema"], &told["error"]["kind"]), (&0.into(), &"usage".into()));
}

#[test]
fn what_is_interrupted_says_so_and_leaves_nothing() {
    use std::process::Stdio;

    use rustix::process::{Pid, Signal, kill_process};
    let (machine, registry) = (Machine::new(), Registry::start(Setup::default()));
    // Of a kilobyte a second half a megabyte comes for minutes, however late the signal is; and something comes after
    // the signal, too, for who waits for it to look up.
    let layers = |_: &str| vec![tar(&[Entry::file("noise", 0o644, noise(1, 500_000))])];
    put_layers(&machine, "in", "1", &["linux/amd64"], layers);
    let name = format!("docker://{}/acme/app:1", registry.host());
    machine.distil(&["copy", "oci:in:1", &name]).good();
    let before = registry.requests().len();
    let slow = Deed::Slow(std::time::Duration::from_secs(1));
    registry.fail(Fault::once("GET", "/blobs/", slow).times(999));
    let mut running = machine.command(&["pull", &name]);
    let mut running = running.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    testkit::wait_for("a request for a blob", || {
        assert_eq!(running.try_wait().unwrap(), None, "it ended too early");
        registry.requests()[before..].iter().find(|asked| asked.target.contains("/blobs/")).cloned()
    });
    kill_process(Pid::from_child(&running), Signal::INT).unwrap();
    let ended = running.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&ended.stderr);
    assert_eq!(ended.status.code(), Some(130), "{said}");
    assert!(said.contains("stopped by the user"), "{said}");
    assert_eq!(machine.distil(&["ls"]).good().stdout, "");
}
