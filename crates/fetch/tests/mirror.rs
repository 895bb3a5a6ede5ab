//! The mirror that this machine's apt uses: what comes from it verifies, whole and in parts.

#![allow(clippy::disallowed_methods, reason = "tests ask the machine: files, sockets, the clock")]

use std::time::{SystemTime, UNIX_EPOCH};

use diag::Silent;
use fetch::{Client, Fault, FetchError, Job, Options, Size, Url};
use trust::{Policy, Time, debian_keys, verify};

fn is_unreachable(error: &FetchError) -> bool {
    let fault = error.fault();
    matches!(fault, Some(Fault::Lookup { .. } | Fault::Refused { .. } | Fault::Unreachable { .. }))
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
        let job = Job { name: format!("{suite} InRelease"), urls: vec![url], size: Size::AtMost(4 << 20) };
        let bytes = match client.fetch_bytes(&job, &Silent) {
            Ok(bytes) => bytes,
            Err(error) if is_unreachable(&error) => testkit::skip!("no mirror: {error}"),
            Err(error) => panic!("{error}"),
        };
        let verified = verify(&bytes, &debian_keys::all(), &Policy::current(), now);
        let verified = verified.unwrap_or_else(|e| panic!("{suite}: {e}"));
        let text = String::from_utf8(verified.into_parts().0).unwrap();
        assert!(text.lines().any(|l| l == format!("Codename: {suite}")), "{suite}");
        // The second half alone, as after a broken connection.
        let size = bytes.len();
        let mut half = bytes[..size / 2].to_vec();
        let job = Job { size: Size::Exact(size as u64), ..job };
        let fetched = client.fetch(&job, &mut half, &Silent).unwrap();
        assert_eq!((half, fetched.size), (bytes, size as u64), "{suite}");
    }
}
