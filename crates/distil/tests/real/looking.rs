//! Looking into an image where a real engine keeps it.

use crate::distil::{Home, built, done};
use crate::docker::load;

#[test]
fn an_image_in_docker_is_the_one_that_was_loaded() {
    let Some(first) = built() else { testkit::skip!("no mirror in apt's configuration") };
    let docker = match testkit::machine::docker() {
        Ok(docker) => docker,
        Err(why) => testkit::skip!("no engine: {why}"),
    };
    let home = Home::with_downloads_of(first);
    let only = ["build", "base", "--arch", "host", "--variant", "latest", "-q"];
    load(&home, &docker, &[&only[..], &["-t", "looked:1", "--load"]].concat());
    let socket = format!("unix://{}", docker.socket().display());
    let distil = |words: &[&str]| {
        done(home.command().args(words).env("DOCKER_HOST", &socket).output().expect("distil runs"))
    };
    let said = distil(&["diff", "looked:1", "docker-daemon:looked:1", "--times", "--exit-code"]);
    assert!(said.ends_with("nothing differs: it is the same image, stored another way\n"), "{said}");
    let of = |image: &str| -> serde_json::Value {
        serde_json::from_str(&distil(&["inspect", image, "--json"])).expect("JSON")
    };
    let (stored, loaded) = (of("looked:1"), of("docker-daemon:looked:1"));
    for same in ["config_digest", "packages", "size"] {
        let size =
            |v: &serde_json::Value| if same == "size" { v["size"]["files"].clone() } else { v[same].clone() };
        assert_eq!(size(&stored), size(&loaded), "{same}");
    }
    let passwd = distil(&["extract", "docker-daemon:looked:1", "/etc/passwd"]);
    assert!(passwd.contains("nonroot:x:65532:65532"), "{passwd}");
}
