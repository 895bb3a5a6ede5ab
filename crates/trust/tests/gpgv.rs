//! gpgv as a second opinion: it accepts what we accept, and refuses what was changed, revoked or has
//! expired. (The framing that we refuse on principle, it lets pass.)

#![allow(clippy::disallowed_methods, reason = "tests ask the machine: files, programs")]

use std::path::Path;
use std::process::Command;

use testkit::{Key, SignWith};
use trust::{Keyring, Policy, Time, verify};

const BORN: u32 = 1_704_067_200;

/// Whether gpgv finds a good signature, by the machine's clock; none if it is not installed.
fn gpgv(dir: &Path, ring: &[u8], signed: &[u8]) -> Option<bool> {
    let (keys, file) = (dir.join("ring.gpg"), dir.join("InRelease"));
    std::fs::write(&keys, ring).unwrap();
    std::fs::write(&file, signed).unwrap();
    let run =
        Command::new("gpgv").args(["--status-fd", "1", "--keyring"]).args([&keys, &file]).output().ok()?;
    let status = String::from_utf8_lossy(&run.stdout);
    Some(status.contains("[GNUPG:] GOODSIG") && !status.contains("BADSIG"))
}

#[test]
fn agrees_on_made_up_keys() {
    let dir = tempfile::tempdir().unwrap();
    let text = "Origin: x\n- dash\nFrom here\n\nlast line\n";
    let with = SignWith::sha256(BORN + 1000);
    let now = Time(i64::from(BORN) + 2_000_000);
    for (key, changed, good) in [
        (Key::seeded(1), false, true),
        (Key::seeded(2).with_subkey(), false, true),
        (Key::seeded(1), true, false),
        (Key::seeded(1).revoked(), false, false),
        (Key::seeded(1).lives(1_500_000), false, false),
    ] {
        let mut signed = key.clear_sign(text, with);
        if changed {
            signed = signed.replace("dash", "d4sh");
        }
        let ring = Keyring::from_bytes(&key.public_binary(), "ring").unwrap();
        let ours = verify(signed.as_bytes(), &ring, &Policy::current(), now);
        assert_eq!(ours.is_ok(), good, "{ours:?}");
        let Some(theirs) = gpgv(dir.path(), &key.public_binary(), signed.as_bytes()) else {
            testkit::skip!("gpgv is not installed")
        };
        assert_eq!(theirs, good, "gpgv, {key:?}");
    }
}

#[test]
fn agrees_on_debian() {
    let dir = tempfile::tempdir().unwrap();
    let all: Vec<u8> = trust::debian_keys::ALL.iter().flat_map(|k| k.bytes().iter().copied()).collect();
    for name in ["bookworm_InRelease.gz", "bookworm-security_InRelease.gz", "inrelease-tamper-t1.gz"] {
        let Some(path) = testkit::shared_data(&format!("vuln/derived/{name}")) else {
            testkit::skip!("no shared data")
        };
        let mut signed = Vec::new();
        let mut file = flate2::read::GzDecoder::new(std::fs::File::open(path).unwrap());
        std::io::Read::read_to_end(&mut file, &mut signed).unwrap();
        let now = Time(1_795_222_800);
        let ours = verify(&signed, &trust::debian_keys::all(), &Policy::current(), now).is_ok();
        let Some(theirs) = gpgv(dir.path(), &all, &signed) else { testkit::skip!("gpgv is not installed") };
        assert_eq!((ours, theirs), (!name.contains("tamper"), ours), "{name}");
    }
}
