//! apk packages and indexes that must be refused, each with the reason why.
//!
//! The attacks on tar that [`crate::hostile`] collects are all here again, inside the data of packages
//! whose signatures and hashes are good: a reader meets the attack itself, not a broken chain.

use std::sync::OnceLock;

use base64::Engine as _;
use sha2::Digest as _;

use super::archive::Style;
use super::built::{BuiltApk, signature_part};
use super::key::{Algorithm, ApkKey, Signer};
use super::package::ApkPackage;
use super::repository::ApkRepository;
use crate::hostile::{gzip_zeros, named_tars};
use crate::tar::Entry;

/// At which step a package or an index is to be refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Harm {
    /// Nobody who is trusted signed it, though the hashes are good.
    Signature,
    /// A link of the chain index → control part → data does not hold.
    Chain,
    /// Chain and signature hold; what is inside attacks its reader.
    Content,
}

/// One attack by a package.
#[derive(Debug, Clone)]
pub struct HostileApk {
    /// A name for test output and seed files.
    pub name: &'static str,
    /// What it tries.
    pub tries: &'static str,
    /// Where it must end.
    pub harm: Harm,
    /// The package.
    pub apk: Vec<u8>,
    /// What a signed index names it by: SHA-1 of the control part, as it should be.
    pub identity: [u8; 20],
}

/// One attack by an index.
#[derive(Debug, Clone)]
pub struct HostileIndex {
    /// A name for test output and seed files.
    pub name: &'static str,
    /// What it tries.
    pub tries: &'static str,
    /// Where it must end.
    pub harm: Harm,
    /// `APKINDEX.tar.gz`.
    pub index: Vec<u8>,
}

/// A sound package of another name than its file and the index's record say: only who knows both names
/// can refuse it.
pub fn misnamed() -> HostileApk {
    let package = ApkPackage::new("good", "1-r0").file("a", 0o644, "x");
    content("misnamed", "another package than the index names", &package)
}

/// The key that signs all of them, but where being signed by another is the attack.
pub fn key() -> ApkKey {
    ApkKey::test_only(1)
}

/// All packages; the one that they are made of is sound (see [`sound`]).
pub fn packages() -> &'static [HostileApk] {
    static ALL: OnceLock<Vec<HostileApk>> = OnceLock::new();
    ALL.get_or_init(|| [signatures(), chains(), controls(), checksums(), bombs(), tar_attacks()].concat())
}

/// All indexes. Of records that must not be believed, either the index is refused or its only package,
/// `evil`, is not to be installed (apk itself keeps a record with an identity that it cannot read).
pub fn indexes() -> &'static [HostileIndex] {
    static ALL: OnceLock<Vec<HostileIndex>> = OnceLock::new();
    ALL.get_or_init(|| [index_signatures(), index_contents()].concat())
}

/// A package with nothing wrong, of which the attacks are variations.
pub fn sound() -> ApkPackage {
    ApkPackage::new("evil", "1-r0")
        .file("usr/share/evil/a", 0o644, "body")
        .script(".post-install", "#!/bin/sh\n")
}

fn signer() -> Signer {
    Signer::new(&key(), Algorithm::Rsa256)
}

fn built() -> BuiltApk {
    sound().build(&[signer()])
}

fn row(name: &'static str, tries: &'static str, harm: Harm, apk: &BuiltApk) -> HostileApk {
    HostileApk { name, tries, harm, apk: apk.bytes(), identity: apk.control_sha1() }
}

/// A package as it is, its signature and chain good.
fn content(name: &'static str, tries: &'static str, package: &ApkPackage) -> HostileApk {
    row(name, tries, Harm::Content, &package.build(&[signer()]))
}

fn signatures() -> Vec<HostileApk> {
    let by = |signers: &[Signer]| sound().build(signers);
    let mut moved = built();
    moved.signatures = ApkPackage::new("good", "1-r0").build(&[signer()]).signatures;
    let mut flipped = built();
    let raw = signature_part(Style::Melange, &[signer()], b"something else");
    flipped.signatures = raw;
    vec![
        row("unsigned", "no signature", Harm::Signature, &by(&[])),
        row(
            "stranger",
            "a key nobody trusts",
            Harm::Signature,
            &by(&[Signer::new(&ApkKey::test_only(2), Algorithm::Rsa256)]),
        ),
        row(
            "impostor",
            "a stranger's signature under the name of the trusted key",
            Harm::Signature,
            &by(&[Signer::new(&ApkKey::test_only(2).named(key().file_name()), Algorithm::Rsa256)]),
        ),
        row(
            "algorithm-lies",
            "a signature over SHA-256 that says SHA-1",
            Harm::Signature,
            &by(&[signer().saying(&format!("RSA.{}", key().file_name()))]),
        ),
        row(
            "algorithm-unknown",
            "an algorithm nobody knows",
            Harm::Signature,
            &by(&[signer().saying(&format!("ROT13.{}", key().file_name()))]),
        ),
        row(
            "key-name-traversal",
            "a key to be looked for outside the keyring",
            Harm::Signature,
            &by(&[signer().saying(&format!("RSA256.../../keys/{}", key().file_name()))]),
        ),
        row("signature-of-another", "the signature of another package", Harm::Signature, &moved),
        row("signature-of-nothing", "a signature of other bytes", Harm::Signature, &flipped),
    ]
}

fn chains() -> Vec<HostileApk> {
    let good = built();
    let other = sound().file("usr/bin/hidden", 0o4755, "evil").build(&[signer()]);
    let with = |change: &dyn Fn(&mut BuiltApk)| {
        let mut apk = good.clone();
        change(&mut apk);
        HostileApk { apk: apk.bytes(), identity: good.control_sha1(), ..row("", "", Harm::Chain, &good) }
    };
    let cut = |bytes: usize| HostileApk { apk: good.bytes()[..bytes].to_vec(), ..with(&|_| {}) };
    let (first, second) = (good.signatures.len(), good.signatures.len() + good.control.len());
    let named = |name, tries, apk: HostileApk| HostileApk { name, tries, ..apk };
    let no_hash = {
        let info = Entry::file(".PKGINFO", 0o644, sound().info_text());
        let control = Style::Melange.gzip(&Style::Melange.cut([&info]));
        let signatures = signature_part(Style::Melange, &[signer()], &control);
        row(
            "no-datahash",
            "a control part that names no data",
            Harm::Chain,
            &BuiltApk { signatures, control, ..good.clone() },
        )
    };
    vec![
        no_hash,
        named("data-swapped", "the data of another package", with(&|a| a.data.clone_from(&other.data))),
        named(
            "control-swapped",
            "the control part of another package",
            with(&|a| {
                a.control.clone_from(&other.control);
            }),
        ),
        named(
            "data-bit",
            "one bit of the data turned",
            with(&|a| {
                let middle = a.data.len() / 2;
                a.data[middle] ^= 1;
            }),
        ),
        named(
            "control-bit",
            "one bit of the control part turned",
            with(&|a| {
                let middle = a.control.len() / 2;
                a.control[middle] ^= 1;
            }),
        ),
        named(
            "data-header",
            "one bit of the data's gzip header turned, which no checksum covers",
            with(&|a| {
                a.data[4] ^= 1;
            }),
        ),
        named("garbage-after", "bytes after the data", with(&|a| a.data.extend_from_slice(b"garbage"))),
        named(
            "member-after",
            "one more gzip member after the data",
            with(&|a| {
                let more =
                    Style::Melange.gzip(&Style::Melange.tar([&Entry::file("usr/bin/hidden", 0o755, "evil")]));
                a.data.extend_from_slice(&more);
            }),
        ),
        named("cut-signature", "the end within the signature", cut(first / 2)),
        named("cut-control", "the end within the control part", cut(first + (second - first) / 2)),
        named("cut-before-data", "no data", cut(second)),
        named("cut-data", "the end within the data", cut(good.bytes().len() - 20)),
        named("empty", "no bytes", cut(0)),
    ]
}

/// Control parts that say what must not be believed.
fn controls() -> Vec<HostileApk> {
    let info = |name: &'static str, tries: &'static str, key: &str, value: &str| {
        content(name, tries, &sound().info(key, value))
    };
    let named = |name: &str, version: &str| ApkPackage::new(name, version).file("a", 0o644, "x");
    let twice = {
        let good = built();
        let hash = |text: &str| Entry::file(".PKGINFO", 0o644, text);
        let first = format!("{}datahash = {}\n", sound().info_text(), "0".repeat(64));
        let second = format!(
            "{}datahash = {}\n",
            sound().info_text(),
            crate::world::hex(&sha2::Sha256::digest(&good.data),)
        );
        let control = Style::Melange.gzip(&Style::Melange.cut([&hash(&first), &hash(&second)]));
        let signatures = signature_part(Style::Melange, &[signer()], &control);
        BuiltApk { signatures, control, ..good }
    };
    vec![
        content("info-name-empty", "a package without a name", &named("", "1-r0")),
        content("info-name-outside", "a package name that is a path", &named("../../evil", "1-r0")),
        content("info-version-outside", "a version that is a path", &named("evil", "1/../../x")),
        content("info-version-none", "no version", &named("evil", "")),
        info("datahash-twice", "a second hash of the data", "datahash", &"0".repeat(64)),
        row("info-twice", "two .PKGINFO, of which readers pick different ones", Harm::Content, &twice),
        info("info-huge", "a .PKGINFO of 20 MiB", "x", &"a".repeat(20 << 20)),
        content(
            "control-unknown",
            "a member of the control part below a folder",
            &sound().control_member("usr/bin/hidden", 0o755, "evil"),
        ),
    ]
}

/// SHA-1 of single files that do not hold, under a chain that does.
fn checksums() -> Vec<HostileApk> {
    let with = |sum: &str| sound().file("usr/bin/a", 0o755, "x").pax(super::CHECKSUM, sum);
    vec![
        content("checksum-lies", "a file whose SHA-1 is another's", &with(&"0".repeat(40))),
        content("checksum-short", "a SHA-1 of 4 bytes", &with("00000000")),
        content("checksum-not-hex", "a SHA-1 that is no number", &with(&"z".repeat(40))),
        content(
            "checksum-of-link-lies",
            "a link whose target's SHA-1 is another's",
            &sound().symlink("usr/bin/a", "b").pax(super::CHECKSUM, "0".repeat(40)),
        ),
    ]
}

fn bombs() -> Vec<HostileApk> {
    let header = Style::Melange.cut([&Entry::file("zeros", 0o644, "")]);
    let mut header = header;
    // The size of the file: 1 GiB.
    header[124..136].copy_from_slice(b"10000000000\0");
    super::archive::mend_checksum(&mut header);
    let zeros = sound().build_around(gzip_zeros(&header, 1 << 30), &[signer()]);
    let good = built();
    let control = gzip_zeros(&Style::Melange.cut([&Entry::file(".PKGINFO", 0o644, "")]), 1 << 30);
    let fat_control = BuiltApk {
        signatures: signature_part(Style::Melange, &[signer()], &control),
        control,
        ..good.clone()
    };
    let many: Vec<Entry> = (0..300_000).map(|n| Entry::dir(n.to_string(), 0o755)).collect();
    let many = sound().build_around(Style::Melange.gzip(&Style::Melange.tar(&many)), &[signer()]);
    let mut crowd = good;
    let entry = Entry::file(signer().member(), 0o644, vec![0; 256]);
    crowd.signatures = Style::Melange.gzip(&Style::Melange.cut(std::iter::repeat_n(&entry, 100_000)));
    vec![
        row("bomb-data", "1 GiB of zeros in the data", Harm::Content, &zeros),
        row("bomb-control", "1 GiB of zeros in the control part", Harm::Content, &fat_control),
        row("bomb-members", "300,000 members", Harm::Content, &many),
        row("bomb-signatures", "100,000 signatures", Harm::Signature, &crowd),
    ]
}

/// Every attack on tar, as the data of a package.
fn tar_attacks() -> Vec<HostileApk> {
    let data = |tar: &[u8]| sound().build_around(Style::Melange.gzip(tar), &[signer()]);
    // Attacks on ar and on dpkg's control member have sound data.
    let of_data = |name: &str| !name.starts_with("ar-") && !name.starts_with("control-");
    named_tars()
        .into_iter()
        .filter(|(attack, _)| of_data(attack.name))
        .map(|(attack, tar)| row(attack.name, attack.tries, Harm::Content, &data(&tar)))
        .collect()
}

/// The index's own folder means nothing here: it is never written.
fn index(records: &[String], signers: &[Signer]) -> Vec<u8> {
    ApkRepository::new(std::path::Path::new("")).index(records, signers)
}

fn index_signatures() -> Vec<HostileIndex> {
    let record = [built().record("x86_64")];
    let bad = |name, tries, harm, index| HostileIndex { name, tries, harm, index };
    let stranger = Signer::new(&ApkKey::test_only(2), Algorithm::Rsa256);
    let good = index(&record, &[signer()]);
    let unsigned = index(&record, &[]);
    let other = index(&[record[0].replace("P:evil", "P:good")], &[]);
    let signature = &good[..good.len() - unsigned.len()];
    vec![
        bad("index-unsigned", "no signature", Harm::Signature, unsigned.clone()),
        bad("index-stranger", "a key nobody trusts", Harm::Signature, index(&record, &[stranger])),
        bad(
            "index-impostor",
            "a stranger under the trusted name",
            Harm::Signature,
            index(&record, &[Signer::new(&ApkKey::test_only(2).named(key().file_name()), Algorithm::Rsa256)]),
        ),
        bad("index-swapped", "other records under a good signature", Harm::Signature, {
            [signature, &other].concat()
        }),
        bad(
            "index-algorithm-lies",
            "SHA-256 that says SHA-1",
            Harm::Signature,
            index(&record, &[signer().saying(&format!("RSA.{}", key().file_name()))]),
        ),
        bad("index-member-after", "one more gzip member than was signed", Harm::Signature, {
            [good.as_slice(), &other].concat()
        }),
        bad("index-member-before", "a member before the signature", Harm::Signature, {
            [other.as_slice(), &good].concat()
        }),
        bad("index-cut", "the end within the records", Harm::Chain, good[..good.len() - 40].to_vec()),
        bad("index-empty", "no bytes", Harm::Chain, Vec::new()),
    ]
}

/// Indexes signed by the trusted key whose records must not be believed.
fn index_contents() -> Vec<HostileIndex> {
    let record = built().record("x86_64");
    let signed = |records: &[String]| index(records, &[signer()]);
    let one = |name, tries, from: &str, to: &str| {
        let changed = record.replace(from, to);
        assert_ne!(changed, record, "{name}");
        HostileIndex { name, tries, harm: Harm::Content, index: signed(&[changed]) }
    };
    let identity = built().identity();
    let short = format!("Q1{}", base64::engine::general_purpose::STANDARD.encode([0; 10]));
    let raw = |name, tries, bytes: Vec<u8>| {
        let signatures = signature_part(Style::Melange, &[signer()], &bytes);
        HostileIndex { name, tries, harm: Harm::Content, index: [signatures, bytes].concat() }
    };
    let zeros = {
        let mut header = Style::Melange.cut([&Entry::file("APKINDEX", 0o644, "")]);
        header[124..136].copy_from_slice(b"10000000000\0");
        super::archive::mend_checksum(&mut header);
        gzip_zeros(&header, 1 << 30)
    };
    let nothing = Style::Melange.gzip(&Style::Melange.tar([&Entry::file("DESCRIPTION", 0o644, "none")]));
    vec![
        one("record-name-empty", "a package without a name", "P:evil", "P:"),
        one("record-name-outside", "a name that is a path", "P:evil", "P:../../evil"),
        one("record-version-outside", "a version that is a path", "V:1-r0", "V:1/../../x"),
        one("record-no-name", "no name at all", "P:evil\n", ""),
        one("record-no-version", "no version", "V:1-r0\n", ""),
        one("record-no-identity", "nothing to know the package by", &format!("C:{identity}\n"), ""),
        one("record-identity-short", "an identity of 10 bytes", &identity, &short),
        one("record-identity-wrong", "an identity that is no base64", &identity, "Q1!!!!"),
        one("record-size-wrong", "a size that is no number", "\nS:", "\nS:x"),
        one("record-no-colon", "a line without a colon", "\nT:", "\nnonsense\nT:"),
        raw("index-nothing", "no records' file", nothing),
        raw("index-bomb", "1 GiB of zeros", zeros),
        HostileIndex {
            name: "index-adb",
            tries: "an index of format 3",
            harm: Harm::Content,
            index: b"ADB.indx\0\0\0\0".to_vec(),
        },
    ]
}
