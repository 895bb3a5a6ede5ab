//! What `distil apko` makes for Docker is taken by a real one, and runs: Alpine's own openssl.

use crate::distil::Home;
use crate::docker::load;

#[test]
fn what_apkos_words_make_is_loaded_and_runs() {
    let Some(repository) = testkit::shared_data("apk/alpine-3.19.1-iso") else {
        testkit::skip!("no packages")
    };
    if oci::Platform::host().architecture != "amd64" {
        testkit::skip!("the packages are for amd64");
    }
    let docker = match testkit::machine::docker() {
        Ok(docker) => docker,
        Err(why) => testkit::skip!("no engine: {why}"),
    };
    let home = Home::new();
    home.write(
        "app.yaml",
        &format!(
            "contents:\n  repositories: [{}]\n  packages: [openssl]\narchs: [x86_64]\n\
             entrypoint: {{command: /usr/bin/openssl version}}\n",
            repository.display()
        ),
    );
    let run = |image: &str| docker.run(&["run", "--rm", "--network", "none", image]).expect("it runs");
    home.run(&["apko", "build", "app.yaml", "acme/app:1", "app.tar", "-q"]);
    let file = home.work().join("app.tar").display().to_string();
    let loaded = docker.run(&["load", "-i", &file]).expect("it is loaded");
    assert!(loaded.contains("acme/app:1-amd64"), "{loaded}");
    assert!(run("acme/app:1-amd64").starts_with("OpenSSL 3.1.4"));
    load(&home, &docker, &["apko", "publish", "--local", "app.yaml", "acme/local:1", "acme/local:2", "-q"]);
    for image in ["acme/local:1", "acme/local:2"] {
        assert!(run(image).starts_with("OpenSSL 3.1.4"), "{image}");
    }
}
