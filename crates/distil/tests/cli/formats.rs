//! Images in Docker's format, changed: everything in a manifest is of one format, as podman and skopeo want it.

use image::{Layout, Sink as _, Source as _};
use oci::{Descriptor, MediaType, Raw};
use serde_json::{Value, json};

use crate::foreign::put;
use crate::run::Machine;

const BOTH: [&str; 2] = ["linux/amd64", "linux/arm64"];

/// The image NAME of the layout `in`, in Docker's format as NAME-docker.
fn in_docker_format(machine: &Machine, name: &str) {
    let layout = Layout::open(machine.path("work/in")).unwrap();
    let text = |bytes: &[u8]| {
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        [
            (MediaType::INDEX, MediaType::DOCKER_MANIFEST_LIST),
            (MediaType::MANIFEST, MediaType::DOCKER_MANIFEST),
            (MediaType::CONFIG, MediaType::DOCKER_CONFIG),
            (MediaType::LAYER_GZIP, MediaType::DOCKER_LAYER_GZIP),
        ]
        .iter()
        .fold(text, |text, (oci, docker)| text.replace(oci.as_str(), docker.as_str()))
    };
    let index = layout.document(name).unwrap();
    let mut index: Value = serde_json::from_str(&text(index.bytes())).unwrap();
    for part in index["manifests"].as_array_mut().unwrap() {
        let hex = part["digest"].as_str().unwrap().trim_start_matches("sha256:").to_owned();
        let bytes = std::fs::read(machine.path("work/in/blobs/sha256").join(hex)).unwrap();
        let mut manifest: Value = serde_json::from_str(&text(&bytes)).unwrap();
        manifest.as_object_mut().unwrap().remove("annotations");
        let bytes = manifest.to_string().into_bytes();
        let new = Descriptor::of(MediaType::DOCKER_MANIFEST, &bytes);
        layout.put(&new, &mut &bytes[..]).unwrap();
        (part["digest"], part["size"]) = (json!(new.digest), json!(new.size));
    }
    layout.publish(&format!("{name}-docker"), &Raw::read(index.to_string().into_bytes()).unwrap()).unwrap();
}

/// Every media type of an image of the layout `in`: of the index, of its entries, and in each manifest of itself, of
/// the config and of the layers.
fn types(machine: &Machine, name: &str) -> Vec<String> {
    let layout = Layout::open(machine.path("work/in")).unwrap();
    let index: Value = serde_json::from_slice(layout.document(name).unwrap().bytes()).unwrap();
    let mut all = vec![index["mediaType"].clone()];
    for part in index["manifests"].as_array().unwrap() {
        all.push(part["mediaType"].clone());
        let hex = part["digest"].as_str().unwrap().trim_start_matches("sha256:").to_owned();
        let bytes = std::fs::read(machine.path("work/in/blobs/sha256").join(hex)).unwrap();
        let manifest: Value = serde_json::from_slice(&bytes).unwrap();
        all.extend([manifest["mediaType"].clone(), manifest["config"]["mediaType"].clone()]);
        all.extend(manifest["layers"].as_array().unwrap().iter().map(|layer| layer["mediaType"].clone()));
    }
    all.iter().map(|kind| kind.as_str().unwrap_or_default().to_owned()).collect()
}

#[track_caller]
fn assert_all(machine: &Machine, name: &str, family: &str, layers: usize) {
    let types = types(machine, name);
    assert_eq!(types.len(), 1 + BOTH.len() * (3 + layers), "{types:#?}");
    assert!(types.iter().all(|kind| kind.starts_with(family)), "{types:#?}");
}

const DOCKER: &str = "application/vnd.docker.";
const OCI: &str = "application/vnd.oci.";

#[test]
fn a_new_layer_is_of_the_format_of_its_manifest() {
    let machine = Machine::new();
    put(&machine, "in", "1", &BOTH);
    in_docker_format(&machine, "1");
    machine.write("work/x", "x");
    let append = |more: &[&str], to: &str| {
        let words = ["append", "oci:in:1-docker", "--file", "x:/x", "-o", to];
        machine.distil(&[&words[..], more].concat()).good()
    };
    append(&[], "oci:in:gzip");
    assert_all(&machine, "gzip", DOCKER, 4);
    // Docker's format has no such layers.
    let ran = append(&["--compression", "zstd"], "oci:in:zstd");
    ran.says(&["OCI's format", MediaType::LAYER_ZSTD.as_str()]);
    assert_all(&machine, "zstd", OCI, 4);
    assert_eq!(types(&machine, "zstd").iter().filter(|t| t.ends_with("+zstd")).count(), BOTH.len());
    // One image of it, too, which then stands without an index.
    machine
        .distil(&[
            "append",
            "oci:in:1-docker",
            "--file",
            "x:/x",
            "--platform",
            "linux/amd64",
            "-o",
            "oci:one:1",
        ])
        .good();
    let one = Layout::open(machine.path("work/one")).unwrap();
    assert_eq!(one.document("1").unwrap().value().media_type(), MediaType::DOCKER_MANIFEST);
}

#[test]
fn another_bases_layers_are_of_the_format_of_the_image() {
    let machine = Machine::new();
    put(&machine, "in", "1", &BOTH);
    in_docker_format(&machine, "1");
    machine.write("work/x", "x");
    let append = |from: &str, more: &[&str], to: &str| {
        machine.distil(&[&["append", from, "--file", "x:/new", "-o", to], more].concat()).good();
    };
    append("oci:in:1", &[], "oci:in:new");
    append("oci:in:1-docker", &[], "oci:in:new-docker");
    append("oci:in:1", &["--compression", "zstd"], "oci:in:new-zstd");
    machine.write("work/x", "mine");
    for (old, new, family) in
        [("1-docker", "new", DOCKER), ("1", "new-docker", OCI), ("1-docker", "new-zstd", OCI)]
    {
        let (old, new) = (format!("oci:in:{old}"), format!("oci:in:{new}"));
        machine.distil(&["append", &old, "--file", "x:/app", "-o", "oci:in:app"]).good();
        let words = ["rebase", "oci:in:app", "--old-base", &old, "--new-base", &new, "-o", "oci:in:moved"];
        machine.distil(&words).good();
        assert_all(&machine, "moved", family, 5);
        let file = machine.distil(&["extract", "oci:in:moved", "/app", "-o", "-"]).good().stdout;
        assert_eq!(file, "mine");
    }
}
