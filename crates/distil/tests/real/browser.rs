//! A headless Chromium, driven over WebDriver (W3C) on the loopback: one request, one connection.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

/// A browser with one window; ends when dropped.
pub(crate) struct Browser {
    driver: Child,
    port: u16,
    session: String,
    _profile: tempfile::TempDir,
}

impl Browser {
    /// Starts one; why not, where the machine has none.
    pub(crate) fn start() -> Result<Browser, &'static str> {
        for (program, why) in [("chromium", "no chromium"), ("chromedriver", "no chromedriver")] {
            if !crate::distil::has(program) {
                return Err(why);
            }
        }
        let profile = tempfile::tempdir().expect("a directory");
        let mut command = Command::new("chromedriver");
        command.arg("--port=0").stdout(Stdio::piped()).stderr(Stdio::null());
        let mut driver = command.env("HOME", profile.path()).spawn().expect("chromedriver starts");
        let port = port(&mut driver);
        let mut browser = Browser { driver, port, session: String::new(), _profile: profile };
        let flags = [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--window-size=1280,1000",
        ];
        let data = format!("--user-data-dir={}", browser._profile.path().join("profile").display());
        let flags: Vec<&str> = flags.into_iter().chain([data.as_str()]).collect();
        let wanted = json!({ "capabilities": { "alwaysMatch": {
            "browserName": "chrome",
            // axe looks at thousands of elements, on a machine that may have other work.
            "timeouts": { "script": 180_000 },
            "goog:chromeOptions": { "args": flags },
            "goog:loggingPrefs": { "browser": "ALL", "performance": "ALL" },
        } } });
        let answer = browser.request("POST", "/session", &wanted);
        browser.session =
            answer["sessionId"].as_str().unwrap_or_else(|| panic!("no session: {answer}")).to_owned();
        Ok(browser)
    }

    /// Loads a file from disk.
    pub(crate) fn open(&self, file: &Path) {
        self.call("POST", "/url", &json!({ "url": format!("file://{}", file.display()) }));
    }

    /// Runs the body of a function in the page and gives what it returns.
    pub(crate) fn run(&self, script: &str) -> Value {
        self.call("POST", "/execute/sync", &json!({ "script": script, "args": [] }))
    }

    /// The same of a script that calls its last argument when it is done.
    pub(crate) fn run_async(&self, script: &str, arguments: &[Value]) -> Value {
        self.call("POST", "/execute/async", &json!({ "script": script, "args": arguments }))
    }

    /// Presses keys, where the focus is.
    pub(crate) fn press(&self, keys: &[&str]) {
        let strokes: Vec<Value> = keys
            .iter()
            .flat_map(|key| ["keyDown", "keyUp"].map(|kind| json!({ "type": kind, "value": key })))
            .collect();
        let actions = json!({ "actions": [{ "type": "key", "id": "keyboard", "actions": strokes }] });
        self.call("POST", "/actions", &actions);
    }

    /// A command of the DevTools protocol.
    pub(crate) fn devtools(&self, command: &str, parameters: &Value) {
        self.call("POST", "/goog/cdp/execute", &json!({ "cmd": command, "params": parameters }));
    }

    /// What was logged since last asked: `browser` is the console, `performance` events of the DevTools protocol.
    pub(crate) fn log(&self, kind: &str) -> Vec<String> {
        let entries = self.call("POST", "/se/log", &json!({ "type": kind }));
        let text = |e: &Value| e["message"].as_str().unwrap_or_default().to_owned();
        entries.as_array().expect("a list of messages").iter().map(text).collect()
    }

    fn call(&self, method: &str, path: &str, body: &Value) -> Value {
        self.request(method, &format!("/session/{}{path}", self.session), body)
    }

    fn request(&self, method: &str, path: &str, body: &Value) -> Value {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).expect("chromedriver listens");
        stream.set_read_timeout(Some(std::time::Duration::from_secs(300))).expect("a time limit");
        let body = body.to_string();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\
             Connection: close\r\n\r\n",
            self.port,
            body.len()
        );
        stream
            .write_all(head.as_bytes())
            .and_then(|()| stream.write_all(body.as_bytes()))
            .expect("a request");
        let mut reader = BufReader::new(stream);
        let mut length = 0;
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).expect("a head");
            let line = line.trim_end().to_ascii_lowercase();
            if let Some(n) = line.strip_prefix("content-length:") {
                length = n.trim().parse().expect("a length");
            }
            if line.is_empty() {
                break;
            }
        }
        let mut answer = vec![0; length];
        reader.read_exact(&mut answer).expect("a body");
        let mut answer: Value = serde_json::from_slice(&answer).expect("JSON");
        let value = answer["value"].take();
        assert!(value["error"].is_null(), "{method} {path}: {}", value["message"]);
        value
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // A driver that is killed leaves its browser running: the session is ended first, also after a failure.
        if let Ok(mut stream) = TcpStream::connect(("127.0.0.1", self.port)) {
            let head = format!(
                "DELETE /session/{} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n",
                self.session
            );
            let _ = stream.set_read_timeout(Some(std::time::Duration::from_secs(20)));
            let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.read(&mut [0; 64]));
        }
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}

/// What the driver says when it listens: `… started successfully on port N.`
fn port(driver: &mut Child) -> u16 {
    let out = driver.stdout.take().expect("its standard output");
    for line in BufReader::new(out).lines().map_while(Result::ok) {
        if let Some((_, port)) = line.split_once("successfully on port ") {
            return port.trim_end_matches('.').parse().expect("a port");
        }
    }
    panic!("chromedriver ended without a port");
}

/// axe-core, which looks for what keeps people from reading a page: the file that `DISTIL_TEST_AXE` names, else of
/// npm's registry, kept beside the tests' other leftovers.
pub(crate) fn axe() -> Result<String, String> {
    const VERSION: &str = "4.14.1";
    const SHA256: &str = "sha256:e6b0ce02b84d892e2e33e403485e7f3d6c29e2be6df65daf44d89ba564139745";
    if let Some(file) = std::env::var_os("DISTIL_TEST_AXE") {
        return std::fs::read_to_string(&file).map_err(|e| format!("{}: {e}", PathBuf::from(file).display()));
    }
    let packed = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("axe-core-{VERSION}.tgz"));
    let is_it =
        |file: &Path| std::fs::read(file).is_ok_and(|bytes| oci::Digest::of(&bytes).to_string() == SHA256);
    if !is_it(&packed) {
        // Where npm itself would look.
        let registry = std::env::var("npm_config_registry").ok();
        let registry =
            registry.as_deref().unwrap_or("https://registry.npmjs.org").trim_end_matches('/').to_owned();
        let url = format!("{registry}/axe-core/-/axe-core-{VERSION}.tgz");
        let partial = tempfile::NamedTempFile::new_in(env!("CARGO_TARGET_TMPDIR")).expect("a file");
        let status = Command::new("curl")
            .args(["-fsSL", "--max-time", "60", "-o"])
            .arg(partial.path())
            .arg(&url)
            .status();
        if !status.is_ok_and(|s| s.success()) {
            return Err(format!("no axe-core: cannot fetch {url}"));
        }
        assert!(is_it(partial.path()), "{url} is not what it was when this test was written");
        partial.persist(&packed).expect("a file in its place");
    }
    let unpacked =
        Command::new("tar").arg("-xzOf").arg(&packed).arg("package/axe.min.js").output().expect("tar runs");
    assert!(unpacked.status.success(), "{}", String::from_utf8_lossy(&unpacked.stderr));
    Ok(String::from_utf8(unpacked.stdout).expect("a script"))
}
