//! A thousand connections broken at random bytes.

use image::{Layout, Sink as _};
use registry::{Client, Options, Repository};
use testkit::registry::{Logins, Registry, Setup};

use crate::world::{Made, bytes, image, index, quick};

/// How many breaks in all.
const BREAKS: u32 = 1000;

/// How many while one image is written, and while it is read.
const AT_ONCE: u32 = 30;

#[test]
fn a_thousand_breaks_lose_nothing_and_show_no_half_image() {
    let longest_wait = std::time::Duration::from_millis(4);
    let fetch = fetch::Options { attempts: 60, longest_wait, ..quick() };
    let client = Client::new(
        &fetch::Client::new(fetch),
        Options { chunk: 200_000, ..crate::world::password("u", "p") },
    );
    let mut broken = 0;
    for round in 0.. {
        let setup = Setup {
            keeps_broken: round % 2 == 0,
            referrers: round % 3 == 0,
            ranges: round % 4 != 3,
            largest: if round % 5 == 4 { 300_000 } else { u64::MAX },
            blobs_elsewhere: round % 3 == 1,
            logins: Logins::Token {
                user: "u".into(),
                password: "p".into(),
                good_for: 7,
                claimed: 300,
                anonymous: false,
            },
            ..Setup::default()
        };
        let registry = Registry::start(setup);
        let there = client.repository(&format!("{}/a/b", registry.host()).parse().unwrap()).unwrap();
        // Of the same bytes in both platforms one layer, of others one each.
        let made = index(vec![
            ("amd64", image("amd64", &[bytes(1, 600_000), bytes(round, 1 << (round % 20))])),
            ("arm64", image("arm64", &[bytes(1, 600_000), bytes(round + 1000, 150_000 << (round % 5))])),
        ]);
        registry.break_at_random(round + 1, AT_ONCE);
        if round % 2 == 0 {
            push_by_parts(&made, &there, &registry);
        } else {
            push_from_layout(&made, &there);
        }
        registry.check().unwrap_or_else(|e| panic!("round {round}: {e}"));
        assert_eq!(registry.manifest("a/b", "1").unwrap(), made.document.bytes());
        broken += AT_ONCE - registry.breaks_left();
        registry.break_at_random(round + 500, AT_ONCE);
        let dir = tempfile::tempdir().unwrap();
        let layout = Layout::create(dir.path()).unwrap();
        image::copy(&there, "1", &layout, "1").unwrap_or_else(|e| panic!("round {round}: {e}"));
        for (part, bytes) in &made.parts {
            assert_eq!(&std::fs::read(layout.blob_path(&part.digest)).unwrap(), bytes);
        }
        broken += AT_ONCE - registry.breaks_left();
        if broken >= BREAKS {
            break;
        }
    }
    assert!(broken >= BREAKS, "{broken}");
}

/// Parts that come once each, of which all is seen in between.
fn push_by_parts(made: &Made, there: &Repository, registry: &Registry) {
    for (part, bytes) in &made.parts {
        let sent = there.put(part, &mut &bytes[..]);
        sent.unwrap_or_else(|e| panic!("{}: {e}", part.digest));
        // Nothing has a name before all is there, and what is there is whole.
        assert_eq!(registry.tags("a/b"), [""; 0]);
        registry.check().unwrap();
    }
    there.publish("1", &made.document).unwrap();
}

/// Parts that can be read again.
fn push_from_layout(made: &Made, there: &Repository) {
    let dir = tempfile::tempdir().unwrap();
    let layout = Layout::create(dir.path()).unwrap();
    made.push(&layout, "1").unwrap();
    image::copy(&layout, "1", there, "1").unwrap();
}
