//! An image of somebody else's, made up: dpkg's database, a merged `/usr`, three layers, a whiteout.

use image::{Document, Layout, Sink};
use oci::{Descriptor, DiffId, Digest, History, MediaType, Raw};
use testkit::Compression;
use testkit::tar::{Entry, tar};

use crate::run::Machine;

pub(crate) fn file(path: &str, body: &str) -> Entry {
    Entry::file(path, 0o644, body)
}

const STATUS: &str = "Package: dash\nStatus: install ok installed\nVersion: 0.5.12-12\nArchitecture: amd64\n\
    Installed-Size: 200\nDepends: libc6 (>= 2.38)\n\n\
    Package: libc6\nStatus: install ok installed\nVersion: 2.41-12\nArchitecture: amd64\nSource: glibc\n\n\
    Package: left\nStatus: deinstall ok config-files\nVersion: 1\nArchitecture: amd64\n";

/// The layers of the image, bottom first, and the command of each.
pub(crate) fn layers() -> Vec<(&'static str, Vec<Entry>)> {
    let base = vec![
        Entry::dir("usr/", 0o755),
        Entry::symlink("bin", "usr/bin"),
        Entry::symlink("lib", "usr/lib"),
        Entry::file("usr/bin/dash", 0o755, "#!elf"),
        Entry::symlink("usr/bin/sh", "dash"),
        Entry::hardlink("usr/bin/ash", "usr/bin/dash"),
        Entry::file("usr/lib/libc.so.6", 0o755, "a libc, long ago"),
        file(
            "etc/os-release",
            "ID=debian\nVERSION_ID=\"13\"\nPRETTY_NAME=\"Debian GNU/Linux 13 (trixie)\"\n",
        ),
        file("etc/motd", "hello\n"),
        file("tmp/build/cache", "0123456789"),
        file("var/lib/dpkg/status", STATUS),
        file("var/lib/dpkg/info/dash.list", "/.\n/bin\n/bin/dash\n/bin/sh\n/usr/share/man/man1/dash.1.gz\n"),
        file("var/lib/dpkg/info/libc6:amd64.list", "/.\n/lib\n/lib/libc.so.6\n"),
    ];
    let app = vec![Entry::file("srv/app", 0o4755, "the application"), file("tmp/.wh.build", "")];
    let config = vec![file("etc/motd", "goodbye\n"), file("srv/own.conf", "a=1\n")];
    vec![
        ("/bin/sh -c #(nop) ADD file:abc in / ", base),
        ("RUN /bin/sh -c make install # buildkit", app),
        ("COPY own.conf /srv/ # buildkit", config),
    ]
}

/// Puts an image of these layers into `oci:NAME` in the machine's directory.
pub(crate) fn put(machine: &Machine, name: &str, layers: &[(&str, Vec<Entry>)], env: &[&str]) {
    put_with_user(machine, name, layers, env, "");
}

/// The same, run as `user`.
pub(crate) fn put_with_user(
    machine: &Machine,
    name: &str,
    layers: &[(&str, Vec<Entry>)],
    env: &[&str],
    user: &str,
) {
    let layout = Layout::create(machine.path("work").join(name)).expect("a layout");
    let (mut parts, mut diff_ids, mut history) = (Vec::new(), Vec::new(), Vec::new());
    for (by, entries) in layers {
        let tar = tar(entries);
        diff_ids.push(DiffId(Digest::of(&tar)));
        let stored = Compression::Gzip.compress(&tar);
        let part = Descriptor::of(MediaType::DOCKER_LAYER_GZIP, &stored);
        layout.put(&part, &mut &stored[..]).expect("a layer");
        parts.push(part);
        let created = Some("2026-11-01T10:00:00Z".to_owned());
        history.push(History { created, created_by: Some((*by).to_owned()), ..History::default() });
    }
    history.push(History {
        created_by: Some("ENV PATH=/bin".to_owned()),
        comment: Some("buildkit.dockerfile.v0".to_owned()),
        empty_layer: Some(true),
        ..History::default()
    });
    let config = format!(
        r#"{{"architecture":"amd64","os":"linux","config":{{"User":{user:?},"Env":{env:?},"Cmd":["sh"],"Volumes":null,"Labels":null}},
            "history":{},"rootfs":{{"type":"layers","diff_ids":{}}}}}"#,
        json(&history),
        json(&diff_ids)
    );
    let config = config.into_bytes();
    let part = Descriptor::of(MediaType::DOCKER_CONFIG, &config);
    layout.put(&part, &mut &config[..]).expect("a config");
    let manifest = format!(
        r#"{{"schemaVersion":2,"mediaType":"{}","config":{},"layers":{}}}"#,
        MediaType::DOCKER_MANIFEST,
        json(&part),
        json(&parts)
    );
    let document: Raw<Document> = Raw::read(manifest.into_bytes()).expect("a manifest");
    layout.publish("it", &document).expect("a name");
}

/// Puts an image of one layer into `oci:NAME`, with these keys in its config and these annotations at its manifest.
pub(crate) fn put_as(
    machine: &Machine,
    name: &str,
    entries: &[Entry],
    keys: serde_json::Value,
    annotations: serde_json::Value,
) {
    let layout = Layout::create(machine.path("work").join(name)).expect("a layout");
    let blob = |kind: MediaType, bytes: &[u8]| {
        let part = Descriptor::of(kind, bytes);
        layout.put(&part, &mut &bytes[..]).expect("a blob");
        part
    };
    let tar = tar(entries);
    let layer = blob(MediaType::LAYER_GZIP, &Compression::Gzip.compress(&tar));
    let mut config = serde_json::json!({
        "architecture": "amd64", "os": "linux", "config": {},
        "rootfs": { "type": "layers", "diff_ids": [DiffId(Digest::of(&tar))] },
    });
    for (key, value) in keys.as_object().expect("keys") {
        config[key] = value.clone();
    }
    let config = blob(MediaType::CONFIG, config.to_string().as_bytes());
    let manifest = serde_json::json!({
        "schemaVersion": 2, "mediaType": MediaType::MANIFEST, "config": config, "layers": [layer],
        "annotations": annotations,
    });
    let document: Raw<Document> = Raw::read(manifest.to_string().into_bytes()).expect("a manifest");
    layout.publish("it", &document).expect("a name");
}

fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).expect("JSON")
}

/// A machine with that image as `oci:foreign`.
pub(crate) fn machine() -> Machine {
    let machine = Machine::new();
    put(&machine, "foreign", &layers(), &["PATH=/bin"]);
    machine
}
