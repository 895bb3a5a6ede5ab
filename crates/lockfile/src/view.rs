use std::collections::BTreeMap;

use serde::Serialize;

use crate::Lockfile;

#[derive(Serialize)]
struct View<'a> {
    schema: u32,
    platforms: BTreeMap<String, Vec<Package<'a>>>,
}

#[derive(Serialize)]
struct Package<'a> {
    name: &'a str,
    version: &'a str,
    digest: String,
    size: u64,
}

/// `distil lock --json`: the pins of a variant per platform, in install order.
pub fn json_view(lock: &Lockfile, variant: &str) -> Vec<u8> {
    let mut platforms: BTreeMap<String, Vec<Package<'_>>> = BTreeMap::new();
    for row in &lock.packages {
        let list = platforms.entry(platform_word(&row.platform)).or_default();
        if !row.variants.is_empty() && !row.variants.iter().any(|v| v == variant) {
            continue;
        }
        let digest = match (row.pin.sha256, row.pin.identity) {
            (Some(digest), _) | (None, package::Identity::Whole(digest)) => digest.to_string(),
            (None, package::Identity::ApkControl(sha1)) => format!("sha1:{}", sha1.hex()),
        };
        list.push(Package { name: &row.pin.name, version: &row.pin.version, digest, size: row.pin.size });
    }
    oci::canonical_json(&View { schema: 0, platforms })
}

/// `linux/arm64`: the variant is left away where it is the only one of its architecture.
fn platform_word(platform: &oci::Platform) -> String {
    match (platform.architecture.as_str(), platform.variant.as_deref()) {
        ("arm64", Some("v8")) => format!("{}/arm64", platform.os),
        _ => platform.to_string(),
    }
}
