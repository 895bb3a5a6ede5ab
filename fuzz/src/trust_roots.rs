use trust::{Keyring, Policy, Time, verify, verify_detached};

use super::halves;

/// When the seeds were signed, and a bit.
const NOW: Time = Time(1_800_000_000);

/// Who signed the seeds; the fuzzer has not got the secret half.
pub(crate) fn key() -> testkit::Key {
    testkit::Key::seeded(7).with_subkey()
}

fn keys() -> &'static Keyring {
    static KEYS: std::sync::OnceLock<Keyring> = std::sync::OnceLock::new();
    KEYS.get_or_init(|| {
        Keyring::from_bytes(key().public_armored().as_bytes(), "made-up").expect("the key of the seeds")
    })
}

/// A clear-signed document. A fuzzer cannot forge: what is accepted was signed as it stands.
pub(crate) fn signature(data: &[u8]) {
    if let Ok(verified) = verify(data, keys(), &Policy::past(), NOW) {
        let text = verified.value();
        assert!(SIGNED.iter().any(|s| s.as_bytes() == &text[..]), "accepted what nobody signed");
    }
    let (document, signature) = halves(data);
    if verify_detached(document, signature, keys(), &Policy::past(), NOW).is_ok() {
        assert!(SIGNED.iter().any(|s| s.as_bytes() == document), "accepted what nobody signed");
    }
}

/// All that the key of the seeds ever signed (`seeds.rs`).
pub(crate) const SIGNED: &[&str] = &["Origin: made up\nSuite: stable\n- dashed\n\nend\n", "Origin: other\n"];

/// A keyring, armoured or binary.
pub(crate) fn keyring(data: &[u8]) {
    if let Ok(keyring) = Keyring::from_bytes(data, "fuzz") {
        let _ = (keyring.fingerprints(), keyring.passed_over().len());
    }
}
