//! What we build runs: C, C++ and static programs in a real engine, arm64 under emulation.

use std::path::Path;

use testkit::machine::Docker;

use crate::distil::{Home, built, done, patiently};
use crate::programs::{ARM64, NATIVE, Target};

/// What a program says in an image; on stderr too, where it fails.
pub(crate) fn run_in(docker: &Docker, image: &str, program: &Path, words: &[&str]) -> Result<String, String> {
    let mount = format!("{}:/probe:ro", program.display());
    let mut all = vec!["run", "--rm", "--network", "host", "-v", &mount, image, "/probe"];
    all.extend(words);
    docker.run(&all)
}

pub(crate) fn load(home: &Home, docker: &Docker, words: &[&str]) {
    let socket = format!("unix://{}", docker.socket().display());
    let mut command = home.command();
    done(patiently(command.args(words).env("DOCKER_HOST", socket)));
}

const BASE: &str = "pthread_cancel ok\ngetaddrinfo ok\nsetlocale ok UTF-8\niconv ok\niconv-latin9 ok\n";
const STATIC: &str = "zone true\ncertificates true\nservices true\ntmp true\n";

/// Runs every program on its image; `suffix` is what the images' names end with.
fn programs_run(docker: &Docker, target: &Target, suffix: &str) {
    let dir = tempfile::tempdir().expect("a directory");
    let run = |image: &str, variant: &str, program: &Path| {
        let image = format!("{image}{suffix}:{variant}");
        run_in(docker, &image, program, &[]).unwrap_or_else(|e| panic!("{image}: {e}"))
    };
    let skipped = |what: &str, why: &str| {
        testkit::record_skip(&format!("docker::programs_run::{}::{what}", target.arch), why);
    };
    match target.c("base.c", dir.path(), &["-lpthread"]) {
        Some(c) => {
            assert_eq!(run("base", "latest", &c), format!("{BASE}user root\nzone CET\n"));
            assert_eq!(run("base", "nonroot", &c), format!("{BASE}user nonroot\nzone CET\n"));
        }
        None => skipped("c", &format!("no {}", target.cc)),
    }
    match target.cxx("cc.cpp", dir.path(), &["-fopenmp"]) {
        Some(cxx) => {
            assert_eq!(run("cc", "latest", &cxx), "caught 5050 1\n");
            assert_eq!(run("cc", "nonroot", &cxx), "caught 5050 1\n");
        }
        None => skipped("c++", &format!("no {}", target.cxx)),
    }
    let both = [
        ("static C", target.c("static.c", dir.path(), &["-static"])),
        ("static Rust", target.static_rust("static.rs", dir.path())),
    ];
    for (what, program) in both {
        let Some(program) = program else {
            skipped(what, "no compiler for it");
            continue;
        };
        assert_eq!(run("static", "latest", &program), format!("uid 0\ncwd /\n{STATIC}"), "{what}");
        let nonroot = format!("uid 65532\ncwd /home/nonroot\n{STATIC}");
        assert_eq!(run("static", "nonroot", &program), nonroot, "{what}");
    }
}

#[test]
fn programs_run_on_static_base_and_cc() {
    let Some(home) = built() else { testkit::skip!("no mirror in apt's configuration") };
    let docker = match testkit::machine::docker() {
        Ok(docker) => docker,
        Err(why) => testkit::skip!("no engine: {why}"),
    };
    load(home, &docker, &["build", "static", "base", "cc", "--load", "-q"]);
    programs_run(&docker, &NATIVE, "");
}

#[test]
fn arm64_images_run_under_emulation() {
    let Some(home) = built() else { testkit::skip!("no mirror in apt's configuration") };
    let docker = match testkit::machine::docker() {
        Ok(docker) => docker,
        Err(why) => testkit::skip!("no engine: {why}"),
    };
    if let Err(why) = testkit::machine::register_arm64() {
        testkit::skip!("arm64 cannot be emulated: {why}");
    }
    for image in ["static", "base", "cc"] {
        let name = format!("{image}-arm64");
        load(home, &docker, &["build", image, "--arch", "arm64", "-t", &name, "--load", "-q"]);
    }
    programs_run(&docker, &ARM64, "-arm64");
}
