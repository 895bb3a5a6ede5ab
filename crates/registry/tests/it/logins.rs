//! Who asks, and who is told what of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use diag::{Diagnostic, Kind, Secret};
use image::{Sink as _, Source as _};
use registry::{Credentials, Login, Options, Proof};
use testkit::registry::{Deed, Fault, Logins, Registry, Setup};

use crate::world::{One, bytes, client, image, layer, open, open_with, password, shown, told};

pub(crate) fn basic() -> Logins {
    Logins::Basic { user: "u".to_owned(), password: "p".to_owned() }
}

pub(crate) fn tokens(good_for: u32) -> Logins {
    Logins::Token { user: "u".into(), password: "p".into(), good_for, claimed: 300, anonymous: true }
}

pub(crate) fn with(logins: Logins) -> Registry {
    Registry::start(Setup { logins, ..Setup::default() })
}

fn asked_for(registry: &Registry, path: &str) -> usize {
    registry.requests().iter().filter(|r| r.target.starts_with(path)).count()
}

#[test]
fn a_password_is_shown_once_asked_for() {
    let registry = with(basic());
    let there = open_with(&registry, "a", password("u", "p"));
    image("amd64", &[bytes(1, 1000)]).push(&there, "1").unwrap();
    there.document("1").unwrap();
    let requests = registry.requests();
    assert_eq!(requests[0].authorization, None);
    assert!(requests[1..].iter().all(|r| r.authorization.is_some() && r.status != 401), "{requests:#?}");
}

#[test]
fn tokens_are_fetched_once_for_each_scope() {
    let registry = with(tokens(1000));
    let all = bytes(1, 1000);
    let other = open_with(&registry, "other", password("u", "p"));
    other.put(&layer(&all), &mut &all[..]).unwrap();
    registry.forget_requests();
    let client = client(password("u", "p"));
    let there = client.repository(&format!("{}/a", registry.host()).parse().unwrap()).unwrap();
    image("amd64", &[bytes(1, 10), bytes(2, 10)]).push(&there, "1").unwrap();
    assert_eq!(asked_for(&registry, "/token"), 1);
    assert!(there.mount(&layer(&all), "other").unwrap());
    assert_eq!(asked_for(&registry, "/token"), 2);
    there.document("1").unwrap();
    there.document("1").unwrap();
    assert_eq!(asked_for(&registry, "/token"), 3);
    assert!(there.delete("1").unwrap());
    assert_eq!(asked_for(&registry, "/token"), 4);
}

#[test]
fn what_the_token_server_does_not_allow_is_not_mounted() {
    let registry = with(tokens(1000));
    let there = open_with(&registry, "a", password("u", "p"));
    let all = bytes(1, 10);
    there.put(&layer(&all), &mut &all[..]).unwrap();
    registry.fail(Fault::once("GET", "repository%3Aother", Deed::Status(403, String::new())));
    assert!(!there.mount(&layer(&bytes(2, 10)), "other").unwrap());
    there.put(&layer(&bytes(2, 10)), &mut &bytes(2, 10)[..]).unwrap();
}

#[test]
fn threads_share_a_token() {
    let registry = with(tokens(1000));
    let there = open_with(&registry, "a", password("u", "p"));
    std::thread::scope(|scope| {
        for n in 0..8 {
            let there = &there;
            scope.spawn(move || {
                let all = bytes(n, 10_000);
                there.put(&layer(&all), &mut &all[..]).unwrap();
            });
        }
    });
    assert_eq!(asked_for(&registry, "/token"), 1);
    registry.check().unwrap();
}

#[test]
fn a_token_that_ends_in_the_middle_is_renewed() {
    for good_for in [1, 2, 3, 5] {
        let registry = with(tokens(good_for));
        let there = open_with(&registry, "a", password("u", "p"));
        let made = image("amd64", &[bytes(1, 3_000_000), bytes(2, 100_000), bytes(3, 5)]);
        made.push(&there, "1").unwrap();
        assert_eq!(there.document("1").unwrap().bytes(), made.document.bytes());
        registry.check().unwrap();
    }
    // In the middle of the pieces of one upload.
    let registry = with(tokens(1000));
    registry.fail(Fault::once("PATCH", "/uploads/", Deed::ExpireTokens).after(1));
    let all = bytes(5, 6_000_000);
    open_with(&registry, "a", password("u", "p")).put(&layer(&all), &mut &all[..]).unwrap();
    assert_eq!(registry.blob("a", &layer(&all).digest.to_string()).unwrap(), all);
    assert_eq!(asked_for(&registry, "/token"), 2);
}

#[test]
fn a_claimed_time_is_not_outlived() {
    // Said to be over at once: then each request gets its own.
    let logins = Logins::Token {
        user: "u".into(),
        password: "p".into(),
        good_for: 1000,
        claimed: 1,
        anonymous: false,
    };
    let registry = with(logins);
    let there = open_with(&registry, "a", password("u", "p"));
    image("amd64", &[]).push(&there, "1").unwrap();
    assert!(asked_for(&registry, "/token") > 2);
    assert_eq!(registry.requests().iter().filter(|r| r.status == 401).count(), 1);
}

#[test]
fn an_identity_token_is_exchanged() {
    let registry = with(tokens(1000));
    let identity = Arc::new(One(Proof::IdentityToken(Secret::new("p"))));
    let there = open_with(&registry, "a", Options { credentials: identity, ..Options::default() });
    image("amd64", &[]).push(&there, "1").unwrap();
    let posts: Vec<_> = registry.requests().into_iter().filter(|r| r.target == "/token").collect();
    assert_eq!((posts.len(), posts[0].method.as_str()), (1, "POST"));
    assert_eq!(posts[0].content_type.as_deref(), Some("application/x-www-form-urlencoded"));
    assert_eq!(posts[0].authorization, None);
}

#[test]
fn everybody_may_read_and_nobody_write_without_a_login() {
    let registry = with(tokens(1000));
    image("amd64", &[]).push(&open_with(&registry, "a", password("u", "p")), "1").unwrap();
    let there = open(&registry, "a");
    there.document("1").unwrap();
    let all = bytes(1, 10);
    let error = told(there.put(&layer(&all), &mut &all[..]).unwrap_err());
    assert_eq!(error.kind, Kind::Network);
    assert!(error.message.contains("answered 401 (UNAUTHORIZED"), "{error}");
    assert!(shown(&error).contains("without a login"), "{}", shown(&error));
    assert_eq!(error.hint, Some(format!("log in with `distil login {}`", registry.host())));
}

#[test]
fn a_wrong_password_is_named_by_where_it_came_from() {
    for logins in [basic(), tokens(1000)] {
        let registry = with(logins);
        let there = open_with(&registry, "acme/app", password("eve", "hunter2"));
        let error = told(there.document("1").unwrap_err());
        let all = shown(&error);
        assert_eq!(error.kind, Kind::Network, "{all}");
        for word in [
            "acme/app",
            "401",
            "`eve` from a test's file",
            "distil login",
            &registry.host(),
            "asked: GET http://",
        ] {
            assert!(all.contains(word), "{word}: {all}");
        }
        assert!(!all.contains("hunter2") && !all.contains("ZXZl"), "{all}");
        // Not asked again and again with what is known to be wrong.
        assert!(registry.requests().len() <= 4, "{:#?}", registry.requests());
    }
}

#[test]
fn a_registry_token_is_shown_as_it_is() {
    let registry = with(tokens(1000));
    let given = Arc::new(One(Proof::RegistryToken(Secret::new("no-such"))));
    let there = open_with(&registry, "a", Options { credentials: given, ..Options::default() });
    let error = told(there.document("1").unwrap_err());
    assert!(shown(&error).contains("the registry token from a test's file"), "{}", shown(&error));
    assert_eq!(asked_for(&registry, "/token"), 0);
    assert!(registry.requests().iter().any(|r| r.authorization.as_deref() == Some("Bearer no-such")));
}

#[test]
fn whoever_knows_logins_is_asked_once_and_only_if_need_be() {
    struct Counting(AtomicUsize);
    impl Credentials for Counting {
        fn login(&self, host: &str, repository: &str) -> Result<Option<Login>, Diagnostic> {
            self.0.fetch_add(1, Ordering::SeqCst);
            assert!(host.starts_with("127.0.0.1:") && repository == "a/b");
            Ok(Some(Login::basic("u", Secret::new("p"), "a test")))
        }
    }
    let counting = Arc::new(Counting(AtomicUsize::new(0)));
    let options = || Options { credentials: counting.clone(), ..Options::default() };
    let registry = with(Logins::None);
    let there = open_with(&registry, "a/b", options());
    image("amd64", &[]).push(&there, "1").unwrap();
    assert_eq!(counting.0.load(Ordering::SeqCst), 0);
    let registry = with(basic());
    let there = open_with(&registry, "a/b", options());
    image("amd64", &[bytes(1, 10)]).push(&there, "1").unwrap();
    assert_eq!(counting.0.load(Ordering::SeqCst), 1);
}

#[test]
fn a_helper_that_fails_is_the_error() {
    struct Failing;
    impl Credentials for Failing {
        fn login(&self, _: &str, _: &str) -> Result<Option<Login>, Diagnostic> {
            let error = Diagnostic::new(Kind::Machine, "cannot run docker-credential-x: not found");
            Err(error.hint("install docker-credential-x"))
        }
    }
    let registry = with(basic());
    let there = open_with(&registry, "a", Options { credentials: Arc::new(Failing), ..Options::default() });
    let error = told(there.document("1").unwrap_err());
    assert_eq!((error.kind, error.hint.as_deref()), (Kind::Machine, Some("install docker-credential-x")));
    assert!(error.message.contains("docker-credential-x: not found"), "{error}");
    assert_eq!(error.details[0], format!("asked: GET http://{}/v2/a/manifests/1", registry.host()));
}

#[test]
fn a_token_server_that_fails_is_named() {
    let registry = with(tokens(1000));
    registry.fail(Fault::once("GET", "/token", Deed::Status(503, "0".into())));
    registry.fail(Fault::once("GET", "/token", Deed::BreakHead));
    let there = open_with(&registry, "a", password("u", "p"));
    image("amd64", &[]).push(&there, "1").unwrap();
    let registry = with(tokens(1000));
    registry.fail(Fault::once("GET", "/token", Deed::WrongByte));
    let there = open_with(&registry, "a", password("u", "p"));
    let error = told(there.document("1").unwrap_err());
    assert!(error.message.contains("log in for") && error.message.contains("makes no sense"), "{error}");
}

#[test]
fn an_unknown_way_to_log_in_is_named() {
    let registry = with(basic());
    let header = Deed::Header("WWW-Authenticate".into(), "Negotiate".into());
    registry.fail(Fault::once("GET", "/v2/", header).times(9));
    let there = open_with(&registry, "a", password("u", "p"));
    let error = told(there.document("1").unwrap_err());
    assert!(error.message.contains("does not know how to give (Negotiate)"), "{error}");
}

#[test]
fn an_upload_that_is_continued_elsewhere_takes_no_login_along() {
    let elsewhere = testkit::http::Server::start(|_| testkit::http::Reply::new(201, ""));
    for logins in [basic(), tokens(1000)] {
        let registry = with(logins);
        let there = open_with(&registry, "a", password("u", "p"));
        let location = Deed::Header("Location".into(), elsewhere.url("/upload?signature=x"));
        registry.fail(Fault::once("POST", "/uploads/", location));
        there.put(&layer(b""), &mut &b""[..]).unwrap();
        let request = elsewhere.received().pop().unwrap();
        assert_eq!((request.method.as_str(), request.header("authorization")), ("PUT", None));
        assert!(request.target.starts_with("/upload?signature=x&digest=sha256"), "{}", request.target);
    }
}

#[test]
fn no_password_goes_to_a_token_server_without_tls() {
    let registry = with(basic());
    let realm = r#"Bearer realm="http://auth.invalid/token",service="x""#;
    let header = Deed::Header("WWW-Authenticate".into(), realm.into());
    registry.fail(Fault::once("GET", "/v2/", header).times(9));
    let error = told(open_with(&registry, "a", password("u", "p")).document("1").unwrap_err());
    assert!(error.message.contains("--insecure-registry auth.invalid"), "{error}");
    assert!(
        shown(&error).contains(&format!("asked: GET http://{}/v2/", registry.host())),
        "{}",
        shown(&error)
    );
}

#[test]
fn a_token_to_delete_is_called_what_the_registry_calls_it() {
    const QUAY: &[&str] = &["pull", "push", "*"];
    // Its own word counts; where it has none, what the token server knows is found.
    for (actions, deleting, says, tokens_asked) in [
        (QUAY, "pull,push", true, 2),
        (QUAY, "pull,push", false, 3),
        (&QUAY[..2], "pull,push", false, 4),
        (&[][..], "delete", true, 2),
        (&[][..], "*", true, 2),
    ] {
        let setup = Setup { logins: tokens(1000), actions, deleting, ..Setup::default() };
        let registry = Registry::start(setup);
        let made = image("amd64", &[]);
        made.push(&open_with(&registry, "a", password("u", "p")), "1").unwrap();
        registry.forget_requests();
        if !says {
            let realm = format!(r#"Bearer realm="http://{}/token",service="a test""#, registry.host());
            let header = Deed::Header("WWW-Authenticate".into(), realm);
            registry.fail(Fault::once("DELETE", "/manifests/", header));
        }
        let there = open_with(&registry, "a", password("u", "p"));
        // By digest it is read first, with a token of its own.
        assert!(there.delete(&made.document.digest().to_string()).unwrap(), "{actions:?} {says}");
        assert_eq!(registry.tags("a"), [""; 0]);
        let requests = registry.requests();
        assert_eq!(asked_for(&registry, "/token"), tokens_asked, "{requests:#?}");
        let deletes = requests.iter().filter(|r| r.method == "DELETE");
        assert!(deletes.count() <= 3, "{requests:#?}");
    }
}

#[test]
fn a_token_that_may_not_delete_is_exchanged_once() {
    let registry = with(tokens(1000));
    image("amd64", &[]).push(&open_with(&registry, "a", password("u", "p")), "1").unwrap();
    // A registry that speaks of reading whatever it is asked.
    let realm = format!(
        r#"Bearer realm="http://{}/token",service="a test",scope="repository:a:pull""#,
        registry.host()
    );
    registry.fail(Fault::once("DELETE", "/manifests/", Deed::Header("WWW-Authenticate".into(), realm)));
    assert!(open_with(&registry, "a", password("u", "p")).delete("1").unwrap());
    assert_eq!(registry.tags("a"), [""; 0]);
}
