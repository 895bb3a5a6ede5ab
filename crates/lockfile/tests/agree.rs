//! Whoever writes locks and whoever reads them agree, whatever indexes name.

use std::collections::BTreeMap;

use lockfile::{LockError, LockedPin, Lockfile, ScriptFact, SuitePin, check, read, write};
use oci::{Digest, Platform};
use package::{Arch, Cause, Identity, Pin, Sha1};
use proptest::prelude::*;

fn suite(id: &str) -> SuitePin {
    SuitePin {
        id: id.to_owned(),
        components: Vec::new(),
        snapshot: None,
        inrelease: None,
        date: None,
        valid_until: None,
        signed_by: Vec::new(),
        unsigned: Some("a test".to_owned()),
        indexes: Vec::new(),
    }
}

fn lock_of(pin: Pin, verdict: &str) -> Lockfile {
    let requests = BTreeMap::from([("latest".to_owned(), vec!["world apk".to_owned()])]);
    let mut lock = Lockfile::new(1, "gzip".to_owned(), requests, vec![suite(&pin.repository)]);
    let script =
        ScriptFact { kind: "post-install".to_owned(), digest: Digest::of(b""), verdict: verdict.to_owned() };
    let (platform, variants) = (Platform::linux("amd64"), Vec::new());
    lock.packages.push(LockedPin { platform, pin, variants, scripts: vec![script] });
    lock
}

/// What a pin says in words; the rest of it is numbers.
#[derive(Debug, Clone)]
struct Words {
    name: String,
    version: String,
    arch: String,
    source: Option<String>,
    by: String,
    text: String,
    repository: String,
}

fn pin(words: &Words, cause: u8, identity: u8) -> Pin {
    let digest = Digest::of(words.text.as_bytes());
    let (by, text) = (words.by.clone(), words.text.clone());
    let mut pin: Pin = serde_json::from_value(serde_json::json!({
        "name": words.name, "version": words.version, "arch": Arch::new(&words.arch),
        "source": words.source, "repository": words.repository,
        "path": format!("x86_64/{}-{}.apk", words.name, words.version), "size": 1,
        "identity": Identity::ApkControl(Sha1([7; 20])), "because": [],
    }))
    .expect("a pin");
    pin.because.push(match cause {
        0 => Cause::Asked(text),
        1 => Cause::Needed { by, requirement: text },
        2 => Cause::Hidden { by, reason: text },
        _ => Cause::InstallIf { by, condition: text },
    });
    (pin.identity, pin.sha256) = match identity {
        0 => (Identity::Whole(digest), Some(digest)),
        1 => (Identity::Whole(digest), None),
        2 => (Identity::ApkControl(Sha1([7; 20])), None),
        _ => (Identity::ApkControl(Sha1([7; 20])), Some(digest)),
    };
    pin
}

/// What names and versions are made of in every archive that was looked at.
fn word() -> impl Strategy<Value = String> {
    "[A-Za-z0-9_][A-Za-z0-9+._:~-]{0,20}"
}

fn usual() -> impl Strategy<Value = Words> {
    let source = prop::option::of(any::<String>());
    let arch = prop_oneof![Just("amd64".to_owned()), Just("all".to_owned())];
    (word(), word(), arch, source, word(), any::<String>(), "[^\\p{C}]{1,20}").prop_map(
        |(name, version, arch, source, by, text, repository)| Words {
            name,
            version,
            arch,
            source,
            by,
            text,
            repository,
        },
    )
}

/// What the readers of indexes let pass, and worse.
fn unusual() -> impl Strategy<Value = Words> {
    let any = || prop_oneof![word(), any::<String>(), "[a-z/. :@!\\\\-]{0,8}"];
    (usual(), any(), any(), any(), any(), any()).prop_map(|(usual, name, version, arch, by, repository)| {
        Words { name, version, arch, by, repository, ..usual }
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(512) })]

    /// Reasons, sources and verdicts may say anything; they come back.
    #[test]
    fn what_solvers_give_comes_back(words in usual(), cause in 0u8..4, identity in 0u8..4, verdict: String) {
        let lock = lock_of(pin(&words, cause, identity), &verdict);
        prop_assert_eq!(read("a", &write(&lock)).expect("our own lock"), lock.clone());
        prop_assert_eq!(check(&lock), Ok(()));
    }

    /// What cannot be read again is refused by name, before it is written.
    #[test]
    fn the_rest_is_refused(words in unusual(), cause in 0u8..4, identity in 0u8..4) {
        let lock = lock_of(pin(&words, cause, identity), "nothing to do");
        match check(&lock) {
            Ok(()) => prop_assert_eq!(read("a", &write(&lock)).expect("our own lock"), lock),
            Err(e) => prop_assert!(matches!(e, LockError::Unwritable { .. }), "{}", e),
        }
    }
}

#[test]
fn says_what_cannot_be_locked() {
    let words = Words {
        name: "a@b".to_owned(),
        version: "1".to_owned(),
        arch: "amd64".to_owned(),
        source: None,
        by: "c".to_owned(),
        text: "d".to_owned(),
        repository: "r".to_owned(),
    };
    let said = |words: &Words| check(&lock_of(pin(words, 1, 0), "")).expect_err("it is refused").to_string();
    assert_eq!(
        said(&words),
        "cannot lock package a@b: its `name` is no single word of letters, digits and `+-._:~`"
    );
    let words = Words { name: "a".to_owned(), by: "b: c".to_owned(), ..words };
    assert_eq!(said(&words), "cannot lock package a: its `because` would be read as something else");
}
