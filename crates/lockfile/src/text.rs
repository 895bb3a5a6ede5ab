use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use diag::Excerpt;
use oci::Platform;
use package::version::Order;
use package::{Arch, Closure, Pin};
use serde::{Deserialize, Serialize};
use toml::Spanned;
use trust::Verified;

use crate::facts::{Row, Wrong};
use crate::{KeyPin, LockError, LockedPin, ScriptFact, SuitePin};

/// The newest format that we read, and the one that we write.
pub const FORMAT: u32 = 1;

/// The pinned closures of a recipe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lockfile {
    /// Revision of the rules of composition: another one may make other bytes of the same packages.
    pub composition: u32,
    /// How layers are compressed, and by which revision of which library.
    pub codec: String,
    /// What was asked, per variant (`latest` is the untagged one), a line a fact.
    pub requests: BTreeMap<String, Vec<String>>,
    /// Keys of the recipe that were fetched, as they were then.
    pub keys: Vec<KeyPin>,
    /// The suites that were read.
    pub suites: Vec<SuitePin>,
    /// All packages, by platform and then in install order.
    pub packages: Vec<LockedPin>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct File<S, P> {
    format: u32,
    composition: u32,
    codec: String,
    request: BTreeMap<String, Vec<String>>,
    #[serde(default, rename = "key", skip_serializing_if = "Vec::is_empty")]
    keys: Vec<KeyPin>,
    #[serde(default = "Vec::new", rename = "suite")]
    suites: Vec<S>,
    #[serde(default = "Vec::new", rename = "package")]
    packages: Vec<P>,
}

const HEAD: &str =
    "# Written by distil; `distil lock` and `distil update` change it. Keep it under version control.\n";

impl Lockfile {
    /// A lock without packages yet.
    pub fn new(
        composition: u32,
        codec: String,
        requests: BTreeMap<String, Vec<String>>,
        suites: Vec<SuitePin>,
    ) -> Lockfile {
        Lockfile { composition, codec, requests, keys: Vec::new(), suites, packages: Vec::new() }
    }

    /// Adds the closures of a platform's variants; only what was verified gets in. A package of several
    /// variants becomes one row; install order is that of the first closure which has it.
    pub fn add(&mut self, platform: &Platform, closures: Vec<(String, Verified<Closure>)>) {
        let all = closures.len();
        let mut rows: Vec<LockedPin> = Vec::new();
        for (variant, closure) in closures {
            let mut at = 0;
            for pin in closure.into_parts().0.pins {
                match rows.iter().position(|row| same(&row.pin, &pin)) {
                    Some(i) => {
                        rows[i].variants.push(variant.clone());
                        let new: Vec<_> =
                            pin.because.into_iter().filter(|b| !rows[i].pin.because.contains(b)).collect();
                        rows[i].pin.because.extend(new);
                        at = at.max(i + 1);
                    }
                    None => {
                        let row = LockedPin {
                            platform: platform.clone(),
                            pin,
                            variants: vec![variant.clone()],
                            scripts: Vec::new(),
                        };
                        rows.insert(at, row);
                        at += 1;
                    }
                }
            }
        }
        for row in &mut rows {
            if row.variants.len() == all {
                row.variants.clear();
            }
        }
        self.packages.extend(rows);
    }

    /// The packages of one variant's image on one platform, in install order.
    pub fn pins<'a>(
        &'a self,
        platform: &'a Platform,
        variant: &'a str,
    ) -> impl Iterator<Item = &'a LockedPin> {
        self.packages.iter().filter(move |p| {
            p.platform == *platform && (p.variants.is_empty() || p.variants.iter().any(|v| v == variant))
        })
    }

    /// Sets what was found out about a package file: its SHA-256 and its scripts.
    pub fn learn(&mut self, index: usize, sha256: oci::Digest, scripts: Vec<ScriptFact>) {
        if let Some(row) = self.packages.get_mut(index) {
            row.pin.sha256 = Some(sha256);
            row.scripts = scripts;
        }
    }

    /// The newest date of its indexes, seconds since the epoch; none where no index has a date.
    pub fn as_of(&self) -> Option<i64> {
        self.suites.iter().flat_map(|s| s.indexes.iter().map(|i| i.date).chain([s.date])).flatten().max()
    }

    /// The order of its packages' versions.
    pub fn order(&self) -> Order {
        order_of(self.requests.values().flatten())
    }
}

/// Is it the same file, from the same place and by the same right? One version may be built twice.
fn same(one: &Pin, other: &Pin) -> bool {
    (&one.name, &one.version, &one.arch, one.identity, &one.repository, &one.tag)
        == (&other.name, &other.version, &other.arch, other.identity, &other.repository, &other.tag)
}

/// The order of versions in the package world that a request's lines name.
pub(crate) fn order_of<'a>(lines: impl IntoIterator<Item = &'a String>) -> Order {
    match lines.into_iter().any(|line| line == "world apk") {
        true => Order::Apk,
        false => Order::Debian,
    }
}

/// The text of a lock.
pub fn write(lock: &Lockfile) -> String {
    let file = File {
        format: FORMAT,
        composition: lock.composition,
        codec: lock.codec.clone(),
        request: lock.requests.clone(),
        keys: lock.keys.clone(),
        suites: lock.suites.clone(),
        packages: lock.packages.iter().map(Row::from).collect(),
    };
    let text = toml::to_string_pretty(&file).expect("the types of a lock are TOML's");
    format!("{HEAD}{text}")
}

/// Looks whether [`read`] takes what [`write`] writes of this lock, and means the same by it. To be asked
/// before anything rests on a lock: an index may name what no lock can hold.
///
/// # Errors
/// [`LockError::Unwritable`], with the first package or suite that does not come back.
pub fn check(lock: &Lockfile) -> Result<(), LockError> {
    let unwritable = |subject: String, key, why| Err(LockError::Unwritable { subject, key, why });
    let back = match read("", &write(lock)) {
        Ok(back) if back == *lock => return Ok(()),
        Ok(back) => back,
        Err(LockError::Value { subject, key, why, .. }) => return unwritable(subject, key, why),
        Err(other) => return Err(other),
    };
    let why = "would be read as something else";
    let pins = lock.packages.iter().zip(&back.packages).find(|(now, then)| now != then);
    match pins {
        Some((now, _)) => unwritable(format!("package {}", now.pin.name.escape_debug()), "because", why),
        None => unwritable("the recipe".to_owned(), "request", why),
    }
}

/// Reads a lock; `file` is its name in errors.
///
/// # Errors
/// It is malformed, says what cannot be meant, or is newer than this program.
pub fn read(file: &str, text: &str) -> Result<Lockfile, LockError> {
    #[derive(Deserialize)]
    struct Version {
        format: u32,
    }
    let syntax = |e: &toml::de::Error| LockError::Syntax {
        file: file.to_owned(),
        why: e.message().trim_end().to_owned(),
        at: e.span().map(|span| Box::new(excerpt(file, text, span))),
    };
    // The format first: a newer one may have keys that we do not know.
    let version: Version = toml::from_str(text).map_err(|e| syntax(&e))?;
    if version.format > FORMAT || version.format == 0 {
        return Err(LockError::Newer { file: file.to_owned(), found: version.format, known: FORMAT });
    }
    let read: File<Spanned<SuitePin>, Spanned<Row>> = toml::from_str(text).map_err(|e| syntax(&e))?;
    meaning(read).map_err(|Strange { subject, wrong: (key, why), span }| LockError::Value {
        file: file.to_owned(),
        subject,
        key,
        why,
        at: Some(Box::new(excerpt(file, text, key_in(text, span, key)))),
    })
}

/// What cannot be meant, and where it stands.
struct Strange {
    subject: String,
    wrong: Wrong,
    span: Range<usize>,
}

fn meaning(read: File<Spanned<SuitePin>, Spanned<Row>>) -> Result<Lockfile, Strange> {
    let mut suites: Vec<SuitePin> = Vec::new();
    for suite in read.suites {
        let (span, suite) = (suite.span(), suite.into_inner());
        let subject = || format!("suite {}", suite.id.escape_debug());
        suite.check().map_err(|wrong| Strange { subject: subject(), wrong, span })?;
        suites.push(suite);
    }
    let mut packages = Vec::new();
    let mut seen = BTreeSet::new();
    for row in read.packages {
        let (span, row) = (row.span(), row.into_inner());
        let subject = row.subject();
        let pin = row.meaning().and_then(|pin| {
            fits_the_rest(&pin, &read.request, &suites, &mut seen)?;
            Ok(pin)
        });
        packages.push(pin.map_err(|wrong| Strange { subject, wrong, span })?);
    }
    Ok(Lockfile {
        composition: read.composition,
        codec: read.codec,
        requests: read.request,
        keys: read.keys,
        suites,
        packages,
    })
}

type Places = BTreeSet<(Platform, String, String, String)>;

/// A package comes from a suite that is there, is for its platform (or all), goes to variants that are there,
/// and only once to each.
fn fits_the_rest(
    locked: &LockedPin,
    requests: &BTreeMap<String, Vec<String>>,
    suites: &[SuitePin],
    seen: &mut Places,
) -> Result<(), Wrong> {
    if !suites.iter().any(|s| s.id == locked.pin.repository) {
        return Err(("repository", "is none of the suites of the lock"));
    }
    let arch = &locked.pin.arch;
    if *arch != Arch::all() && Arch::of(&locked.platform).is_ok_and(|a| a != *arch) {
        return Err(("arch", "is not that of its platform"));
    }
    if locked.variants.iter().any(|v| !requests.contains_key(v)) {
        return Err(("variants", "names one that the lock has no request of"));
    }
    let variants = if locked.variants.is_empty() {
        requests.keys().collect()
    } else {
        locked.variants.iter().collect::<Vec<_>>()
    };
    for variant in variants {
        let pin = &locked.pin;
        let place = (locked.platform.clone(), variant.clone(), pin.name.clone(), pin.arch.to_string());
        if !seen.insert(place) {
            return Err(("name", "stands here twice for the same image"));
        }
    }
    Ok(())
}

/// Where `key` stands in a table, or the table's head. The parser gives the place of the head only.
fn key_in(text: &str, head: Range<usize>, key: &str) -> Range<usize> {
    let mut at = head.start;
    for line in text.get(head.start..).unwrap_or_default().split_inclusive('\n') {
        if at > head.start && ["[[package]]", "[[suite]]"].iter().any(|next| line.starts_with(next)) {
            break;
        }
        if line.strip_prefix(key).is_some_and(|rest| rest.trim_start().starts_with('=')) {
            return at..at + line.trim_end().len();
        }
        at += line.len();
    }
    head
}

fn excerpt(file: &str, text: &str, span: Range<usize>) -> Excerpt {
    let start = (0..=span.start.min(text.len())).rev().find(|i| text.is_char_boundary(*i)).unwrap_or(0);
    let line_start = text[..start].rfind('\n').map_or(0, |i| i + 1);
    let line = text[line_start..].lines().next().unwrap_or_default();
    let column = text[line_start..start].chars().count();
    let width = span.end.saturating_sub(span.start).clamp(1, line.len().saturating_sub(column).max(1));
    Excerpt {
        file: file.to_owned(),
        line: text[..line_start].matches('\n').count() as u32 + 1,
        column: column as u32 + 1,
        width: width as u32,
        text: line.to_owned(),
        label: None,
    }
}
