//! Alpine's own programs run in our images, and its `apk` finds everything as it would have left it.

use testkit::machine::Docker;

use super::{ALPINE, Source, alpine, alpine_arm64, written};
use crate::distil::{Home, has};
use crate::docker::{load, run_in};
use crate::programs::NATIVE;
use crate::tls::Server;

/// Makes keys, starts the server of the image on the container's loopback, and logs in to it. Its
/// user, whom it needs for the separation of privileges, is one that a script of the package makes.
const LOGIN: &str = "set -e
ssh-keygen -A >/dev/null
/usr/sbin/sshd -t
mkdir -p -m 700 /root/.ssh
ssh-keygen -q -t ed25519 -N '' -f /root/key
cp /root/key.pub /root/.ssh/authorized_keys
/usr/sbin/sshd -p 2222 -o ListenAddress=127.0.0.1
# It goes to the background before it listens.
for second in 1 2 3 4 5 6 7 8 9 10; do
  ssh -q -p 2222 -i /root/key -o BatchMode=yes -o StrictHostKeyChecking=no root@127.0.0.1 'echo logged in as $(id -un)' && exit 0
  sleep 1
done
exit 1";

/// What the container says, without what apk warns of on stderr.
fn say(docker: &Docker, image: &str, more: &[&str], words: &[&str]) -> String {
    let all = [&["run", "--rm", "--network", "none"], more, &[image], words].concat();
    docker.run(&all).unwrap_or_else(|e| panic!("{e}"))
}

fn shell(docker: &Docker, image: &str, script: &str) -> String {
    say(docker, image, &[], &["/bin/busybox", "sh", "-c", script])
}

/// Builds and loads the images whose packages the source has; `names` of [`ALPINE`].
fn loaded(home: &Home, docker: &Docker, source: &Source, names: &[(&str, &str)]) {
    for (name, packages) in names {
        let recipe = written(home, name, &source.recipe(packages, ""));
        load(home, docker, &["build", &recipe, "-t", name, "--load", "-q"]);
    }
}

/// The real apk in the image misses nothing, would change nothing, and believes the repository by the
/// keys in the image.
fn apk_is_content(docker: &Docker, image: &str, source: &Source, world: &str) {
    assert_eq!(say(docker, image, &[], &["apk", "audit", "--system"]), "", "{image}: apk audit --system");
    let at = source.repository.display().to_string();
    let mount = format!("{at}:{at}:ro");
    let words = ["apk", "add", "--simulate", "--no-network", "--no-cache"];
    let words: Vec<&str> = words.into_iter().chain(world.split(' ')).collect();
    let said = say(docker, image, &["-v", &mount], &words);
    assert!(said.starts_with("OK: ") && said.lines().count() == 1, "{image}: {said}");
    assert_eq!(shell(docker, image, "cat /etc/apk/world").split_whitespace().collect::<Vec<_>>(), {
        let mut sorted: Vec<&str> = world.split(' ').collect();
        sorted.sort_unstable();
        sorted
    });
}

#[test]
fn alpine_images_run_and_their_apk_is_content() {
    let Some(source) = alpine() else { testkit::skip!("no ../shared/data/apk") };
    let docker = match testkit::machine::docker() {
        Ok(docker) => docker,
        Err(why) => testkit::skip!("no engine: {why}"),
    };
    let home = Home::new();
    loaded(&home, &docker, &source, &ALPINE);
    assert_eq!(shell(&docker, "alpine-base", "id -un; cat /etc/alpine-release"), "root\n3.19.1\n");
    // `su` is for everybody by bbsuid, which has setuid.
    let whoami = ["/bin/busybox", "sh", "-c", "su -s /bin/sh daemon -c 'id -un'"];
    assert_eq!(say(&docker, "alpine-base", &[], &whoami), "daemon\n");
    let version = say(&docker, "alpine-openssl", &[], &["openssl", "version"]);
    assert!(version.starts_with("OpenSSL 3.1.4 24 Oct 2023"), "{version}");
    assert_eq!(shell(&docker, "alpine-sshd", LOGIN), "logged in as root\n");
    for (name, packages) in ALPINE {
        if packages.contains("apk") || packages.contains("alpine-base ") || packages == "alpine-base" {
            apk_is_content(&docker, name, &source, packages);
        }
    }
    let dir = tempfile::tempdir().expect("a directory");
    match NATIVE.c("static.c", dir.path(), &["-static"]) {
        None => testkit::record_skip("apk::run::static", &format!("no {}", NATIVE.cc)),
        Some(program) => assert_eq!(
            run_in(&docker, "alpine-static", &program, &[]).as_deref(),
            Ok("uid 0\ncwd /\nzone true\ncertificates true\nservices true\ntmp true\n")
        ),
    }
}

#[test]
fn alpine_images_for_arm64_run_under_emulation() {
    let Some(source) = alpine_arm64() else { testkit::skip!("no ../shared/data/apk") };
    let docker = match testkit::machine::docker() {
        Ok(docker) => docker,
        Err(why) => testkit::skip!("no engine: {why}"),
    };
    if let Err(why) = testkit::machine::register_arm64() {
        testkit::skip!("arm64 cannot be emulated: {why}");
    }
    let home = Home::new();
    let images = [
        ("alpine-base-arm64", "alpine-base"),
        ("alpine-openssl-arm64", "alpine-base ca-certificates-bundle openssl"),
        ("alpine-sshd-arm64", "alpine-base openssh"),
    ];
    loaded(&home, &docker, &source, &images);
    let said = shell(&docker, "alpine-base-arm64", "uname -m; cat /etc/alpine-release");
    assert_eq!(said, "aarch64\n3.13.4\n");
    let version = say(&docker, "alpine-openssl-arm64", &[], &["openssl", "version"]);
    assert!(version.starts_with("OpenSSL 1.1.1k"), "{version}");
    let keys = "ssh-keygen -A >/dev/null && /usr/sbin/sshd -t && echo good";
    assert_eq!(shell(&docker, "alpine-sshd-arm64", keys), "good\n");
    for (name, packages) in images {
        apk_is_content(&docker, name, &source, packages);
    }
}

#[test]
fn openssl_of_alpine_trusts_a_certificate_of_the_recipe() {
    let Some(source) = alpine() else { testkit::skip!("no ../shared/data/apk") };
    let docker = match testkit::machine::docker() {
        Ok(docker) => docker,
        Err(why) => testkit::skip!("no engine: {why}"),
    };
    if !has("openssl") {
        testkit::skip!("no openssl on this machine to serve");
    }
    let (home, server) = (Home::new(), Server::start());
    let pem = std::fs::read_to_string(server.authority()).expect("a certificate");
    let pem: String = pem.lines().map(|l| format!("\n        {l}")).collect();
    let more = format!("certificates:\n  additional:\n    - name: test\n      content: |{pem}\n");
    let packages = ALPINE[2].1;
    for (name, more) in [("alpine-tls", more.as_str()), ("alpine-no-tls", "")] {
        let recipe = written(&home, name, &source.recipe(packages, more));
        load(&home, &docker, &["build", &recipe, "-t", name, "--load", "-q"]);
    }
    let connect = format!(
        "openssl s_client -connect localhost:{} -verify_hostname localhost -verify_return_error </dev/null 2>&1",
        server.port()
    );
    let ask = |image: &str| {
        docker.run(&["run", "--rm", "--network", "host", image, "/bin/busybox", "sh", "-c", &connect])
    };
    let said = ask("alpine-tls").unwrap_or_else(|e| panic!("{e}"));
    assert!(said.contains("Verify return code: 0 (ok)"), "{said}");
    let refused = ask("alpine-no-tls").expect_err("a stranger was trusted");
    assert!(refused.contains("certificate verify failed"), "{refused}");
}
