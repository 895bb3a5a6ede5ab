//! What is fuzzed: for each reader of outside bytes a function that runs it and holds what must
//! hold for any bytes at all. None may panic, hang, or take memory that the input did not pay for.
//!
//! cargo-fuzz runs them for hours (`cargo xtask fuzz`); `xtask/tests/fuzz_targets.rs` includes this
//! file and feeds them the seeds and some thousand mutations on the stable compiler, in CI.

mod apk_files;
mod apk_words;
mod compositions;
mod elf_files;
mod host_files;
mod images;
mod inventories;
mod locks;
mod packages;
mod recipes;
mod registry_replies;
mod seeds;
mod trees;
mod trust_roots;

pub use seeds::seeds;

/// A target: its name, which is also its corpus's folder, and its function.
pub type Target = (&'static str, fn(&[u8]));

/// All of them; `fuzz_targets/NAME.rs` for each, and the table in `fuzz/Cargo.toml` says what it covers.
pub const TARGETS: &[Target] = &[
    ("apk", apk_files::package),
    ("apk_control", apk_files::stored),
    ("apk_dependencies", apk_words::dependencies),
    ("apk_index", apk_files::index),
    ("apk_scripts", apk_files::scripts),
    ("apk_signature", apk_files::signature),
    ("apk_texts", apk_files::texts),
    ("apk_versions", apk_words::versions),
    ("apt_files", host_files::apt_files),
    ("certificates", compositions::certificates),
    ("control", packages::control),
    ("deb", packages::deb),
    ("docker_archive", images::docker_archive),
    ("docker_context", host_files::docker_context),
    ("elf", elf_files::elf),
    ("elf_facts", elf_files::facts),
    ("foreign_layer", inventories::foreign_layer),
    ("http_response", host_files::http_response),
    ("image_documents", images::documents),
    ("inventory", inventories::texts),
    ("keyring", trust_roots::keyring),
    ("layers", trees::layers),
    ("ld_so_cache", elf_files::ld_so_cache),
    ("lock", locks::lock),
    ("names", images::names),
    ("oci_archive", images::oci_archive),
    ("packages", packages::packages),
    ("payload", trees::payload),
    ("recipe", recipes::recipe),
    ("registry_logins", host_files::registry_logins),
    ("registry_replies", registry_replies::replies),
    ("relations", packages::relations),
    ("release", packages::release),
    ("scripts", packages::scripts),
    ("settings", host_files::settings_file),
    ("shelf", packages::shelf),
    ("signature", trust_roots::signature),
    ("sysusers", packages::sysusers),
    ("tar", trees::tar),
    ("tmpfiles", packages::tmpfiles),
    ("triggers", packages::triggers),
    ("versions", packages::versions),
];

/// Runs one target; the entry of `fuzz_targets/*.rs`.
pub fn run(name: &str, data: &[u8]) {
    let target = TARGETS.iter().find(|(n, _)| *n == name);
    target.expect("a target of the table").1(data);
}

/// Some targets want a choice beside their bytes: the first byte.
fn choice(data: &[u8]) -> (u8, &[u8]) {
    data.split_first().map_or((0, data), |(first, rest)| (*first, rest))
}

/// The text before the first NUL, and what follows.
fn halves(data: &[u8]) -> (&[u8], &[u8]) {
    let at = data.iter().position(|b| *b == 0).unwrap_or(data.len());
    (&data[..at], data.get(at + 1..).unwrap_or_default())
}
