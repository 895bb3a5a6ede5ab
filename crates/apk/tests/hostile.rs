//! Packages and indexes made to fool their reader.
//!
//! What each is told stands in `hostile.txt`: an attack that begins to be refused for another reason
//! than it should shows there.

use apk::{ApkError, Limits, Proof, index, unpack};
use package::{Arch, Sha1, Shelf};
use rootfs::payload::Writer;
use testkit::apk::hostile::{self, Harm};
use trust::{RsaKey, RsaKeyring};

fn keys() -> RsaKeyring {
    let mut keys = RsaKeyring::empty();
    let key = hostile::key();
    keys.add(RsaKey::from_pem(key.file_name(), key.public_pem().as_bytes()).unwrap());
    keys
}

fn unpacked(bytes: &[u8], proof: &Proof<'_>) -> Result<(), ApkError> {
    let mut out = Writer::new(Vec::new());
    unpack(bytes, proof, &Limits::default(), &mut out)?;
    out.finish().map(drop).map_err(ApkError::Payload)
}

/// One line; long names are said, but not whole.
fn told(name: &str, error: ApkError) -> String {
    let causes = diag::Diagnostic::from(error).to_string();
    let short: String = causes.replace('\0', "\\0").replace('\n', " ").chars().take(160).collect();
    format!("{name}: {short}\n")
}

#[test]
fn every_hostile_file_is_refused_by_name() {
    let (keys, limits) = (keys(), Limits::default());
    let mut all = String::new();
    for attack in hostile::packages() {
        // A package that nobody signed is good where an index vouches for it.
        let control = (attack.harm != Harm::Signature).then_some(Sha1(attack.identity));
        match unpacked(&attack.apk, &Proof { control, keys: Some(&keys) }) {
            Ok(()) => all.push_str(&format!("{}: ACCEPTED, though it is {}\n", attack.name, attack.tries)),
            Err(error) => all.push_str(&told(attack.name, error)),
        }
    }
    for attack in hostile::indexes() {
        let read = index::verify(&attack.index, &keys, &limits).and_then(|signed| {
            index::read_index(signed.value(), &Arch::from_apk("x86_64").unwrap(), &limits)
        });
        match read {
            Ok(index) => {
                let shelf = Shelf::from_bytes(index.shelf).unwrap();
                let refused = shelf.records().all(|r| r.is_uninstallable());
                let verdict = if refused { "kept, not to be installed" } else { "ACCEPTED" };
                all.push_str(&format!("{}: {verdict}\n", attack.name));
            }
            Err(error) => all.push_str(&told(attack.name, error)),
        }
    }
    let expected = include_str!("hostile.txt");
    assert!(all == expected, "hostile.txt differs; now:\n{all}");
}
