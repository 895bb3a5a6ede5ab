//! A key of the recipe at an https URL: fetched once, pinned by the lock, and no other from then on.

use std::process::{Child, Command, Stdio};

use testkit::{ApkKey, ApkPackage, ApkRepository};

use crate::distil::{Home, has};

const CERTIFICATES: [&str; 3] = [
    "req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -days 2 -subj /CN=test",
    "req -newkey rsa:2048 -nodes -keyout server.key -out server.csr -subj /CN=localhost",
    "x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -out server.pem -days 1 -extfile ext",
];

/// `openssl s_server` that gives the files of a directory.
struct Files {
    dir: tempfile::TempDir,
    port: testkit::Port,
    child: Child,
}

impl Files {
    fn serve() -> Files {
        let dir = tempfile::tempdir().expect("a directory");
        std::fs::write(dir.path().join("ext"), "subjectAltName=DNS:localhost\n").expect("a file");
        for words in CERTIFICATES {
            let mut openssl = Command::new("openssl");
            let run = openssl.args(words.split(' ')).current_dir(dir.path()).output().expect("openssl runs");
            assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
        }
        let port = testkit::Port::reserve();
        let child = port.serve(|at| {
            Command::new("openssl")
                .args(["s_server", "-WWW", "-quiet", "-cert", "server.pem", "-key", "server.key", "-accept"])
                .arg(at.port().to_string())
                .current_dir(dir.path())
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
        });
        Files { dir, port, child: child.expect("openssl serves") }
    }

    fn put(&self, name: &str, text: &str) {
        std::fs::write(self.dir.path().join(name), text).expect("a file");
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_key_at_a_url_is_pinned_by_the_lock() {
    if !has("openssl") {
        testkit::skip!("no openssl");
    }
    let (home, files) = (Home::new(), Files::serve());
    let key = ApkKey::test_only(1);
    let hello = ApkPackage::new("hello", "1.0-r0").file("usr/bin/hello", 0o755, "x");
    ApkRepository::new(&home.work().join("packages")).add(hello).publish(&key);
    files.put(key.file_name(), &key.public_pem());
    let url = format!("https://localhost:{}/{}", files.port.address().port(), key.file_name());
    home.write(
        "app.yaml",
        &format!("archs: [amd64]\ncontents:\n  repositories: [packages]\n  keyring: [\"{url}\"]\n  packages: [hello]\n"),
    );
    let authority = files.dir.path().join("ca.pem");
    let settings = home.write("settings.yaml", &format!("ca-certificates: {}\n", authority.display()));
    let distil = |words: &[&str]| {
        let run = home.command().arg("--config").arg(&settings).args(words).output().expect("distil runs");
        (run.status.code(), String::from_utf8_lossy(&run.stderr).into_owned())
    };
    let (code, said) = distil(&["build", "app.yaml"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(!said.contains("unsigned"), "{said}");
    let lock = std::fs::read_to_string(home.work().join("app.lock")).expect("a lock");
    assert!(lock.contains("[[key]]") && lock.contains(&url), "{lock}");
    // Kept by the lock and the cache, and in a vendor directory.
    files.put(key.file_name(), &ApkKey::test_only(2).public_pem());
    for words in [&["lock", "app.yaml", "--verify"][..], &["lock", "app.yaml", "--vendor", "deps"]] {
        assert_eq!(distil(words).0, Some(0), "{words:?}: {}", distil(words).1);
    }
    let forget = || std::fs::remove_dir_all(home.dir.path().join("cache")).expect("the cache");
    forget();
    let (code, said) = distil(&["build", "app.yaml", "--frozen", "--vendor", "deps", "--data-dir", "other"]);
    assert_eq!(code, Some(0), "{said}");
    // Another one there now is not the one that was meant.
    forget();
    let (code, said) = distil(&["update", "app.yaml"]);
    assert_eq!(code, Some(5), "{said}");
    assert!(said.contains("is not the one that the lock has") && said.contains("[[key]]"), "{said}");
    let (code, said) = distil(&["update", "app.yaml", "--offline"]);
    assert_eq!(code, Some(4), "{said}");
    assert!(said.contains("cannot get key") && said.contains("--offline"), "{said}");
}
