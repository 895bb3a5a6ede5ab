//! A certificate of the recipe is trusted by what runs in the image.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use testkit::machine::Docker;

use crate::distil::{Home, built, has};
use crate::docker::{load, run_in};
use crate::programs::{ARM64, NATIVE, Target};

/// `openssl s_server` on the loopback, with a certificate for `localhost` by an authority of its own.
pub(crate) struct Server {
    dir: tempfile::TempDir,
    port: testkit::Port,
    child: Child,
}

const COMMANDS: [&str; 3] = [
    "req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -days 2 -subj /CN=test",
    "req -newkey rsa:2048 -nodes -keyout server.key -out server.csr -subj /CN=localhost",
    "x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -out server.pem -days 1 -extfile ext",
];

impl Server {
    pub(crate) fn start() -> Server {
        let dir = tempfile::tempdir().expect("a directory");
        std::fs::write(dir.path().join("ext"), "subjectAltName=DNS:localhost\n").expect("a file");
        for words in COMMANDS {
            let mut openssl = Command::new("openssl");
            let run = openssl.args(words.split(' ')).current_dir(dir.path()).output().expect("openssl runs");
            assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
        }
        let port = testkit::Port::reserve();
        let child = port.serve(|at| {
            Command::new("openssl")
                .args(["s_server", "-cert", "server.pem", "-key", "server.key", "-quiet", "-accept"])
                .arg(at.port().to_string())
                .current_dir(dir.path())
                .stdin(Stdio::piped())
                .stderr(Stdio::null())
                .spawn()
        });
        Server { dir, port, child: child.expect("openssl serves") }
    }

    pub(crate) fn authority(&self) -> PathBuf {
        self.dir.path().join("ca.pem")
    }

    pub(crate) fn port(&self) -> String {
        self.port.address().port().to_string()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The client. For arm64 it is linked with the image's own libraries, as no cross compiler brings
/// OpenSSL; its headers are this machine's, which are the same for every 64-bit Linux.
fn client(docker: &Docker, target: &Target, image: &str, to: &Path) -> Option<PathBuf> {
    if target.cc == NATIVE.cc {
        return target.c("tls.c", to, &["-lssl", "-lcrypto"]);
    }
    let headers = to.join("include/openssl");
    std::fs::create_dir_all(&headers).expect("a directory");
    for folder in ["/usr/include/openssl", "/usr/include/x86_64-linux-gnu/openssl"] {
        for file in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            std::fs::copy(file.path(), headers.join(file.file_name())).expect("a header");
        }
    }
    let container = docker.run(&["create", "--network", "none", image, "/x"]).expect("a container");
    for library in ["libssl.so.3", "libcrypto.so.3"] {
        let from = format!("{}:/usr/lib/aarch64-linux-gnu/{library}", container.trim());
        docker.run(&["cp", "-L", &from, &to.join(library).display().to_string()]).expect("a library");
    }
    docker.run(&["rm", container.trim()]).expect("no container");
    let include = format!("-I{}", to.join("include").display());
    let libraries = format!("-L{}", to.display());
    // The image's libc is newer than the compiler's: what the libraries ask of it is there at run time.
    let lenient = "-Wl,--allow-shlib-undefined";
    target.c("tls.c", to, &[&include, &libraries, lenient, "-l:libssl.so.3", "-l:libcrypto.so.3"])
}

/// Connects from an image with the authority and from one without; none where nothing compiles for it.
fn connect(home: &Home, docker: &Docker, target: &Target) -> Option<()> {
    let (with, without) = (format!("tls-{}", target.arch), format!("no-tls-{}", target.arch));
    let server = Server::start();
    let authority = format!("authority-{}.pem", target.arch);
    std::fs::copy(server.authority(), home.work().join(&authority)).expect("a copy");
    let text = format!("include: base\ncertificates: {{additional: [{authority}]}}\narchs: [amd64, arm64]\n");
    home.write(&format!("{with}.yaml"), &text);
    let recipe = format!("./{with}.yaml");
    load(home, docker, &["build", &recipe, "--arch", target.arch, "-t", &with, "--load", "-q"]);
    load(home, docker, &["build", "base", "--arch", target.arch, "-t", &without, "--load", "-q"]);
    let dir = tempfile::tempdir().expect("a directory");
    let client = client(docker, target, &with, dir.path())?;
    assert_eq!(run_in(docker, &with, &client, &[&server.port()]).as_deref(), Ok("verified ok\n"));
    let refused = run_in(docker, &without, &client, &[&server.port()]).expect_err("a stranger was trusted");
    assert!(refused.contains("certificate verify failed"), "{refused}");
    Some(())
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
    for target in [NATIVE, ARM64] {
        let emulated = testkit::machine::register_arm64();
        if target.arch == "arm64" && emulated.is_err() {
            testkit::record_skip("tls::arm64", &format!("arm64 cannot be emulated: {emulated:?}"));
        } else if connect(home, &docker, &target).is_none() {
            testkit::record_skip(&format!("tls::{}", target.arch), &format!("no {}", target.cc));
        }
    }
}
