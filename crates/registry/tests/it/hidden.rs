//! Registries that answer as if there were nothing to whoever they do not know.

use image::{Sink as _, Source as _};
use registry::{Credentials, Login, Options};
use testkit::http::{Reply, Server};
use testkit::registry::{Logins, Registry, Setup};

use crate::door::{Door, along, client, street};
use crate::logins::basic;
use crate::world::{bytes, image, password, shown, told};

const NAME: &str = "registry.example";

fn tokens() -> Logins {
    Logins::Token { user: "u".into(), password: "p".into(), good_for: 1000, claimed: 300, anonymous: false }
}

fn hiding(logins: Logins, status: u16) -> Registry {
    let called = Some(format!("https://{NAME}"));
    Registry::start(Setup { logins, hides: Some(status), called, ..Setup::default() })
}

/// `a` of the registry behind the door.
fn open(door: &Door, street: &Server, options: Options) -> registry::Repository {
    client(&[door], along(street), options).repository(&format!("{NAME}/a").parse().unwrap()).unwrap()
}

#[test]
fn the_login_is_shown_where_a_refusal_may_hide_something() {
    let made = image("amd64", &[bytes(1, 10)]);
    for (logins, status) in [(basic(), 404), (tokens(), 404), (tokens(), 403), (basic(), 401)] {
        let registry = hiding(logins, status);
        registry.add_manifest("a", "1", "application/vnd.oci.image.manifest.v1+json", made.document.bytes());
        let door = Door::before(&registry, NAME);
        let street = street(&[&door]);
        let there = open(&door, &street, password("u", "p"));
        assert_eq!(there.document("1").unwrap().digest(), made.document.digest(), "{status}");
        assert_eq!(there.tags().unwrap(), ["1"]);
        assert_eq!(there.digest_of("1").unwrap(), Some(made.document.digest()));
        assert!(!there.has(&crate::world::layer(b"x")).unwrap());
        // `/v2/` is asked once, and by nobody in particular.
        let asked = door.asked();
        let knocks: Vec<_> = asked.iter().filter(|r| r.target == "/v2/").collect();
        assert_eq!(knocks.len(), 1, "{asked:#?}");
        assert_eq!(knocks[0].header("authorization"), None);
        let strangers = asked.iter().filter(|r| r.target.starts_with("/v2/a/"));
        assert_eq!(strangers.filter(|r| r.header("authorization").is_none()).count(), 1, "{asked:#?}");
        // Deleting begins as nobody too, to hear what a token for it is called; here nothing is heard.
        assert!(there.delete(&made.document.digest().to_string()).unwrap());
        assert_eq!(registry.tags("a"), [""; 0]);
        assert!(street.received().iter().all(|r| r.method == "CONNECT"), "{:#?}", street.received());
    }
}

#[test]
fn what_is_hidden_stays_so_without_a_good_login() {
    for logins in [basic(), tokens()] {
        let registry = hiding(logins, 404);
        let door = Door::before(&registry, NAME);
        let street = street(&[&door]);
        let error = told(open(&door, &street, Options::default()).document("1").unwrap_err());
        assert!(shown(&error).contains("without a login"), "{}", shown(&error));
        assert!(error.hint.as_deref().unwrap().contains("hidden until `distil login"), "{}", shown(&error));
        let error = told(open(&door, &street, password("eve", "hunter2")).document("1").unwrap_err());
        assert!(shown(&error).contains("logged in as `eve`"), "{}", shown(&error));
        assert!(!shown(&error).contains("hunter2"));
    }
}

#[test]
fn nobody_is_asked_for_a_login_where_none_is_wanted() {
    struct Never;
    impl Credentials for Never {
        fn login(&self, host: &str, _: &str) -> Result<Option<Login>, diag::Diagnostic> {
            unreachable!("{host} wants no login")
        }
    }
    let registry = Registry::start(Setup::default());
    let door = Door::before(&registry, NAME);
    let street = street(&[&door]);
    let options = Options { credentials: std::sync::Arc::new(Never), ..Options::default() };
    let there = open(&door, &street, options);
    let asked = told(there.document("1").unwrap_err());
    assert!(asked.message.contains("404"), "{asked}");
    assert_eq!(there.digest_of("1").unwrap(), None);
    assert_eq!(door.asked().iter().filter(|r| r.target == "/v2/").count(), 1);
}

#[test]
fn nobody_but_the_registry_says_where_a_login_goes() {
    let thief = Door::open("thief.example", |request| {
        let challenge = r#"Bearer realm="https://thief.example/token",service="x""#;
        match request.target.starts_with("/token") {
            true => Reply::ok(r#"{"token":"x"}"#),
            false => Reply::new(401, "").header("WWW-Authenticate", challenge),
        }
    });
    // Whoever stands behind a redirect of `/v2/` has nothing to say.
    let door = Door::open(NAME, |request| match request.target.as_str() {
        "/v2/" => Reply::redirect("https://thief.example/v2/"),
        _ => Reply::new(404, ""),
    });
    let street = street(&[&door, &thief]);
    let client = client(&[&door, &thief], along(&street), password("u", "p"));
    let there = client.repository(&format!("{NAME}/a").parse().unwrap()).unwrap();
    there.document("1").unwrap_err();
    let login = Login::basic("u", diag::Secret::new("p"), "a test");
    client.check_login(NAME, &login).unwrap_err();
    let asked = thief.asked();
    assert!(asked.len() >= 2 && asked.iter().all(|r| r.target == "/v2/"), "{asked:#?}");
    assert!(asked.iter().all(|r| r.header("authorization").is_none()), "{asked:#?}");
}
