//! The mirror that this machine's apt uses: what comes from it verifies, whole and in parts.

#![allow(clippy::disallowed_methods, reason = "tests ask the machine: files, sockets, the clock")]

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use diag::Silent;
use fetch::{Client, Fault, FetchError, Job, Options, Size, Url};
use trust::{Policy, Time, debian_keys, verify};

/// Whether it is the network or the mirror that fails.
fn is_theirs(error: &FetchError) -> bool {
    error.fault().is_some_and(|f| f.is_transient() || matches!(f, Fault::Tls { .. }))
}

/// A file twice: whole, and its second half to the first, as after a broken connection.
fn whole_and_in_halves(client: &Client, url: &Url) -> Result<(Vec<u8>, Vec<u8>), FetchError> {
    let job = |size| Job { name: url.path().to_owned(), urls: vec![url.clone()], size };
    let whole = client.fetch_bytes(&job(Size::AtMost(4 << 20)), &Silent)?;
    let mut halves = whole[..whole.len() / 2].to_vec();
    let fetched = client.fetch(&job(Size::Exact(whole.len() as u64)), &mut halves, &Silent)?;
    assert_eq!(fetched.size, whole.len() as u64, "{url}");
    Ok((whole, halves))
}

#[test]
fn what_the_mirror_gives_verifies() {
    let Some(mirror) = testkit::mirror() else { testkit::skip!("apt knows no Debian mirror") };
    let client = Client::new(Options { attempts: 2, ..Options::default() });
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let now = Time(i64::try_from(now).unwrap());
    for (archive, suite) in [
        (&mirror.debian, "trixie"),
        (&mirror.debian, "trixie-updates"),
        (&mirror.debian, "bookworm"),
        (&mirror.security, "trixie-security"),
        (&mirror.security, "bookworm-security"),
    ] {
        let url = Url::parse(&format!("{archive}/dists/{suite}/InRelease")).unwrap();
        let mut got = whole_and_in_halves(&client, &url);
        // The archive may change in between, and of several machines behind one name each at its own time; but
        // not for long.
        for pause in [1, 10, 30] {
            if matches!(&got, Ok((whole, halves)) if whole == halves) {
                break;
            }
            std::thread::sleep(Duration::from_secs(pause));
            got = whole_and_in_halves(&client, &url);
        }
        let (bytes, halves) = match got {
            Ok(got) => got,
            Err(error) if is_theirs(&error) => testkit::skip!("no mirror: {error}"),
            Err(error) => panic!("{error}"),
        };
        let verified = verify(&bytes, &debian_keys::all(), &Policy::current(), now);
        let verified = verified.unwrap_or_else(|e| panic!("{suite}: {e}"));
        let text = String::from_utf8(verified.into_parts().0).unwrap();
        assert!(text.lines().any(|l| l == format!("Codename: {suite}")), "{suite}");
        assert!(halves == bytes, "{suite}");
    }
}
