//! What we build runs: C, C++ and static programs in a real engine, arm64 under emulation.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::distil::{Home, built, done, has, program_source};

fn compile(compiler: &str, source: &str, to: &Path, flags: &[&str]) -> PathBuf {
    let out = to.join(format!("{source}.out"));
    let run = Command::new(compiler).arg(program_source(source)).arg("-o").arg(&out).args(flags).output();
    let run = run.unwrap_or_else(|e| panic!("{compiler}: {e}"));
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    out
}

fn run_in(docker: &testkit::machine::Docker, image: &str, program: &Path, words: &[&str]) -> String {
    let mount = format!("{}:/probe:ro", program.display());
    let mut all = vec!["run", "--rm", "--network", "host", "-v", &mount, image, "/probe"];
    all.extend(words);
    docker.run(&all).unwrap_or_else(|e| panic!("{image}: {e}"))
}

fn load(home: &Home, docker: &testkit::machine::Docker, words: &[&str]) {
    let socket = format!("unix://{}", docker.socket().display());
    let mut command = home.command();
    done(command.args(words).env("DOCKER_HOST", socket).output().expect("distil runs"));
}

const BASE: &str = "pthread_cancel ok\ngetaddrinfo ok\nsetlocale ok UTF-8\niconv ok\niconv-latin9 ok\n";

#[test]
fn programs_run_on_static_base_and_cc() {
    let Some(home) = built() else { testkit::skip!("no mirror in apt's configuration") };
    let docker = match testkit::machine::docker() {
        Ok(docker) => docker,
        Err(why) => testkit::skip!("no engine: {why}"),
    };
    let dir = tempfile::tempdir().expect("a directory");
    load(home, &docker, &["build", "static", "base", "cc", "--load", "-q"]);

    let c = compile("cc", "base.c", dir.path(), &["-lpthread"]);
    assert_eq!(run_in(&docker, "base:latest", &c, &[]), format!("{BASE}user root\nzone CET\n"));
    assert_eq!(run_in(&docker, "base:nonroot", &c, &[]), format!("{BASE}user nonroot\nzone CET\n"));
    match has("c++") {
        true => {
            let cc = compile("c++", "cc.cpp", dir.path(), &["-fopenmp"]);
            assert_eq!(run_in(&docker, "cc:latest", &cc, &[]), "caught 5050 1\n");
        }
        false => testkit::record_skip("docker::cc", "no C++ compiler"),
    }
    let st = compile("rustc", "static.rs", dir.path(), &["-Ctarget-feature=+crt-static"]);
    let rest = "zone true\ncertificates true\nservices true\ntmp true\n";
    assert_eq!(run_in(&docker, "static:latest", &st, &[]), format!("uid 0\ncwd /\n{rest}"));
    assert_eq!(run_in(&docker, "static:nonroot", &st, &[]), format!("uid 65532\ncwd /home/nonroot\n{rest}"));
}

#[test]
fn arm64_images_run_under_emulation() {
    let Some(home) = built() else { testkit::skip!("no mirror in apt's configuration") };
    let docker = match testkit::machine::docker() {
        Ok(docker) => docker,
        Err(why) => testkit::skip!("no engine: {why}"),
    };
    if !has("aarch64-linux-gnu-gcc") {
        testkit::skip!("no aarch64-linux-gnu-gcc");
    }
    if let Err(why) = testkit::machine::register_arm64() {
        testkit::skip!("arm64 cannot be emulated: {why}");
    }
    let dir = tempfile::tempdir().expect("a directory");
    load(home, &docker, &["build", "base", "--arch", "arm64", "-t", "base-arm64", "--load", "-q"]);
    let c = compile("aarch64-linux-gnu-gcc", "base.c", dir.path(), &["-lpthread"]);
    assert_eq!(run_in(&docker, "base-arm64:latest", &c, &[]), format!("{BASE}user root\nzone CET\n"));
    assert_eq!(run_in(&docker, "base-arm64:nonroot", &c, &[]), format!("{BASE}user nonroot\nzone CET\n"));
}

#[test]
fn a_certificate_of_the_recipe_is_trusted() {
    let Some(home) = built() else { testkit::skip!("no mirror in apt's configuration") };
    let docker = match testkit::machine::docker() {
        Ok(docker) => docker,
        Err(why) => testkit::skip!("no engine: {why}"),
    };
    if !has("openssl") || !Path::new("/usr/include/openssl/ssl.h").exists() {
        testkit::skip!("no openssl, or not its headers");
    }
    let dir = tempfile::tempdir().expect("a directory");
    let openssl = |words: &[&str]| {
        let run = Command::new("openssl").args(words).current_dir(dir.path()).output().expect("openssl runs");
        assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    };
    openssl(&[
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-keyout",
        "ca.key",
        "-out",
        "ca.pem",
        "-days",
        "2",
        "-subj",
        "/CN=test CA",
    ]);
    openssl(&[
        "req",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-keyout",
        "server.key",
        "-out",
        "server.csr",
        "-subj",
        "/CN=localhost",
    ]);
    std::fs::write(dir.path().join("ext"), "subjectAltName=DNS:localhost\n").expect("a file");
    openssl(&[
        "x509",
        "-req",
        "-in",
        "server.csr",
        "-CA",
        "ca.pem",
        "-CAkey",
        "ca.key",
        "-CAcreateserial",
        "-out",
        "server.pem",
        "-days",
        "1",
        "-extfile",
        "ext",
    ]);
    std::fs::copy(dir.path().join("ca.pem"), home.work().join("corp-ca.pem")).expect("a copy");
    home.write("tls.yaml", "include: base\ncertificates: {additional: [corp-ca.pem]}\narchs: [amd64]\n");
    load(home, &docker, &["build", "./tls.yaml", "--load", "-q"]);

    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .and_then(|l| l.local_addr())
        .expect("a port")
        .port()
        .to_string();
    let mut server = Command::new("openssl")
        .args(["s_server", "-accept", &port, "-cert", "server.pem", "-key", "server.key", "-quiet"])
        .current_dir(dir.path())
        .stdin(std::process::Stdio::piped())
        .spawn()
        .expect("openssl serves");
    for _ in 0..100 {
        if std::net::TcpStream::connect(format!("127.0.0.1:{port}")).is_ok() {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    let client = compile("cc", "tls.c", dir.path(), &["-lssl", "-lcrypto"]);
    let with = run_in(&docker, "tls:latest", &client, &[&port]);
    let mount = format!("{}:/probe:ro", client.display());
    let without =
        docker.run(&["run", "--rm", "--network", "host", "-v", &mount, "base:latest", "/probe", &port]);
    let _ = server.kill();
    let _ = server.wait();
    assert_eq!(with, "verified ok\n");
    assert!(without.is_err(), "a stranger's certificate was trusted");
}
