use std::io::{self, Write};
use std::time::Duration;

use diag::{Diagnostic, Kind};
use engine::{Candidate, Endpoint, EngineError, Run, connect};

use crate::fake::{DOCKER, Fake, SILENCE, json};

/// What `load` may fail with.
#[derive(Debug)]
enum Failed {
    Engine(EngineError),
    Own(String),
}

impl From<EngineError> for Failed {
    fn from(error: EngineError) -> Failed {
        Failed::Engine(error)
    }
}

impl From<io::Error> for Failed {
    fn from(error: io::Error) -> Failed {
        Failed::Own(error.to_string())
    }
}

fn load(fake: &Fake, bytes: usize) -> Result<engine::Loaded, String> {
    let archive = |out: &mut dyn Write| {
        for _ in 0..bytes / 1000 {
            out.write_all(&[7; 1000])?;
        }
        Ok(())
    };
    fake.engine().load::<Failed>(archive).map_err(|e| match e {
        Failed::Engine(e) => e.to_string().replace(&fake.socket.display().to_string(), "SOCKET"),
        Failed::Own(e) => format!("own: {e}"),
    })
}

#[test]
fn no_engine_names_every_place() {
    let dir = tempfile::tempdir().unwrap();
    let deaf = dir.path().join("deaf.sock");
    drop(std::os::unix::net::UnixListener::bind(&deaf).unwrap());
    let place =
        |path: &str| Candidate { endpoint: Endpoint::Unix(dir.path().join(path)), because: path.to_owned() };
    let error = Diagnostic::from(connect(&[place("gone.sock"), place("deaf.sock")]).unwrap_err());
    assert_eq!(error.kind, Kind::Machine);
    assert_eq!(error.message, "cannot find a container engine: neither Docker nor Podman answers");
    let at = dir.path().display();
    assert_eq!(
        error.details,
        [
            format!("{at}/gone.sock (gone.sock): nothing is there"),
            format!("{at}/deaf.sock (deaf.sock): nobody listens")
        ]
    );
    assert!(error.hint.as_deref().unwrap().contains("docker-archive:FILE"));
}

#[test]
fn a_socket_of_others_is_named() {
    use std::os::unix::fs::PermissionsExt;
    let fake = Fake::start(DOCKER, |_| Vec::new());
    std::fs::set_permissions(&fake.socket, std::fs::Permissions::from_mode(0o600)).unwrap();
    let parent = fake.socket.parent().unwrap();
    std::fs::set_permissions(parent, std::fs::Permissions::from_mode(0o755)).unwrap();
    if !rustix::process::geteuid().is_root() {
        testkit::skip!("only root can make a socket of another user");
    }
    let candidate = fake.candidate();
    // The identity of this thread alone; it ends with it.
    let stranger = std::thread::spawn(move || {
        rustix::thread::set_thread_uid(rustix::process::Uid::from_raw(65_534)).unwrap();
        connect(&[candidate]).unwrap_err()
    });
    let error = Diagnostic::from(stranger.join().unwrap());
    assert!(error.message.ends_with("engine.sock: permission denied"), "{error}");
    assert_eq!(error.details.len(), 1, "{:?}", error.details);
    assert!(error.hint.as_deref().unwrap().contains("usermod -aG docker"));
    assert_eq!(error.kind, Kind::Machine);
}

#[test]
fn what_listens_is_no_engine() {
    for (said, why) in [
        ("{}", "missing field `Version`"),
        (r#"{"Version":"1","ApiVersion":"new","Os":"linux","Arch":"amd64"}"#, "its API version is `new`"),
    ] {
        let fake = Fake::start(said, |_| Vec::new());
        let error = connect(&[fake.candidate()]).unwrap_err().to_string();
        assert!(
            error.contains("for its version: the answer is not one of the Docker Engine API: "),
            "{error}"
        );
        assert!(error.contains(why), "{error}");
        // With another one at hand, it is not the end.
        let docker = Fake::start(DOCKER, |_| Vec::new());
        assert_eq!(connect(&[fake.candidate(), docker.candidate()]).unwrap().about().name, "Docker");
    }
}

#[test]
fn speaks_the_version_that_the_engine_speaks() {
    const PODMAN: &str = r#"{"Version":"4.3.1","ApiVersion":"1.41","MinAPIVersion":"1.24","Os":"linux","Arch":"arm64","Components":[{"Name":"Podman Engine"}]}"#;
    const FUTURE: &str =
        r#"{"Version":"40","ApiVersion":"1.99","MinAPIVersion":"1.60","Os":"linux","Arch":"amd64"}"#;
    for (version, name, prefix) in
        [(DOCKER, "Docker", "/v1.44"), (PODMAN, "Podman", "/v1.41"), (FUTURE, "Docker", "/v1.60")]
    {
        let fake = Fake::start(version, |_| json(404, r#"{"message":"no such image"}"#));
        let engine = fake.engine();
        assert_eq!(engine.about().name, name);
        assert_eq!(engine.image("acme/app:1 0").unwrap(), None);
        assert_eq!(fake.questions()[1], format!("GET {prefix}/images/acme/app:1%200/json"));
    }
}

#[test]
fn loading_streams_and_names_what_was_loaded() {
    let talk = "{\"stream\":\"Loaded image: app:1\\n\"}\r\n{\"stream\":\"Loaded image ID: sha256:aa\\nLoaded image: b:2,c:3\\n\"}";
    let fake = Fake::start(DOCKER, move |_| json(200, talk));
    let loaded = load(&fake, 3_000_000).unwrap();
    assert_eq!(loaded.names, ["app:1", "b:2", "c:3"]);
    assert_eq!(loaded.ids, ["sha256:aa"]);
    let asked = fake.asked.lock().unwrap()[1].clone();
    assert_eq!(asked.line, "POST /v1.44/images/load?quiet=1");
    assert_eq!((asked.body.len(), asked.whole), (3_000_000, true));
}

#[test]
fn the_engines_own_words_are_kept() {
    let said = |answer: Vec<u8>| {
        let fake = Fake::start(DOCKER, move |_| answer.clone());
        load(&fake, 10_000).unwrap_err()
    };
    let cannot = "cannot load the image into Docker at SOCKET: ";
    assert_eq!(
        said(json(500, r#"{"message":"write /x: no space left on device"}"#)),
        format!("{cannot}the engine says: write /x: no space left on device (HTTP status 500)")
    );
    assert_eq!(
        said(json(502, "<html>\n<b>Bad Gateway</b>\x07</html>")),
        format!("{cannot}the engine says: <html> <b>Bad Gateway</b> </html> (HTTP status 502)")
    );
    assert_eq!(
        said(json(
            200,
            r#"{"stream":"Loaded image: a:1"}{"errorDetail":{"message":"x"},"error":"invalid tar\nheader"}"#
        )),
        format!("{cannot}the engine says: invalid tar header")
    );
    assert_eq!(said(json(200, "")), format!("{cannot}the engine says: nothing was loaded"));
    assert!(
        said(json(200, "welcome"))
            .starts_with(&format!("{cannot}the answer is not one of the Docker Engine API"))
    );
    let cut = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"stream\":\"Loaded image: a\"}".to_vec();
    assert_eq!(said(cut), format!("{cannot}the connection was closed in the middle"));
    assert_eq!(said(Vec::new()), format!("{cannot}the connection was closed in the middle"));
}

#[test]
fn a_refusal_in_the_middle_of_the_upload_is_heard() {
    let fake = Fake::start_hasty(DOCKER, 200_000, |_| json(400, r#"{"message":"too much"}"#));
    let error = load(&fake, 50_000_000).unwrap_err();
    assert_eq!(
        error,
        "cannot load the image into Docker at SOCKET: the engine says: too much (HTTP status 400)"
    );
}

#[test]
fn an_archive_that_is_not_written_to_its_end_is_not_ended() {
    let fake = Fake::start(DOCKER, |_| Vec::new());
    let failed = fake.engine().load::<Failed>(|out| {
        out.write_all(&[1; 300_000])?;
        Err(Failed::Own("the layer is damaged".to_owned()))
    });
    assert!(matches!(failed, Err(Failed::Own(why)) if why == "the layer is damaged"));
    // The fake logs a question when it ends.
    let upload = testkit::wait_for("the end of the upload", || fake.asked.lock().unwrap().get(1).cloned());
    assert!(!upload.whole);
}

#[test]
fn a_container_is_removed_whatever_happens() {
    let fake = Fake::start(DOCKER, |asked| match asked.line.as_str() {
        "POST /v1.44/containers/create" => json(201, r#"{"Id":"c1","Warnings":[]}"#),
        "POST /v1.44/containers/c1/start" => {
            json(400, r#"{"message":"exec: \"/app\": no such file or directory"}"#)
        }
        _ => json(204, ""),
    });
    let error = fake.engine().run(&Run { image: "app".to_owned(), ..Run::default() }).unwrap_err();
    assert!(error.to_string().contains("exec: \"/app\": no such file or directory"), "{error}");
    assert_eq!(fake.questions().last().unwrap(), "DELETE /v1.44/containers/c1?force=1&v=1");
}

#[test]
fn a_container_that_does_not_start_did_not_run() {
    // 404 at the start (Docker Engine API, ContainerStart): removed by somebody between the two calls.
    let fake = Fake::start(DOCKER, |asked| match asked.line.as_str() {
        "POST /v1.44/containers/create" => json(201, r#"{"Id":"c1"}"#),
        "POST /v1.44/containers/c1/start" => json(404, r#"{"message":"No such container: c1"}"#),
        "POST /v1.44/containers/c1/wait" => json(200, r#"{"StatusCode":0}"#),
        _ => json(200, ""),
    });
    let error = fake.engine().run(&Run { image: "app".to_owned(), ..Run::default() }).unwrap_err();
    assert!(error.to_string().contains("No such container: c1"), "{error}");
    assert!(!fake.questions().iter().any(|q| q.contains("/wait")));
}

#[test]
fn a_container_that_does_not_end_is_stopped() {
    let fake = Fake::start(DOCKER, |asked| match asked.line.as_str() {
        "POST /v1.44/containers/create" => json(201, r#"{"Id":"c1"}"#),
        "POST /v1.44/containers/c1/wait" => SILENCE.to_vec(),
        _ => json(204, ""),
    });
    let run = Run { image: "app".to_owned(), limit: Some(Duration::from_millis(50)), ..Run::default() };
    let error = fake.engine().run(&run).unwrap_err();
    assert!(matches!(error, EngineError::Unending { .. }), "{error}");
    assert_eq!(fake.questions().last().unwrap(), "DELETE /v1.44/containers/c1?force=1&v=1");
}

#[test]
fn plain_tcp_works_as_well() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            // All of it: who hangs up on what he has not read, may take his own words back.
            let _ = testkit::http::read_request(&mut io::BufReader::new(&stream));
            let _ = stream.write_all(&json(200, DOCKER));
        }
    });
    let endpoint: Endpoint = format!("tcp://127.0.0.1:{port}").parse().unwrap();
    let engine = connect(&[Candidate { endpoint, because: "DOCKER_HOST".to_owned() }]).unwrap();
    assert_eq!(engine.describe(), format!("Docker at tcp://127.0.0.1:{port}"));
}
