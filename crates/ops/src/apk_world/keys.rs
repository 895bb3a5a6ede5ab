//! The keys that a recipe's repositories may be signed with: of distributions, which are part of the
//! program, and the recipe's `keyring`.
//!
//! A key file of the user's is the user's word. So is a URL of one, once: what was fetched is written
//! into the lock by its digest, and from then on that key is meant and no other.

use compose::ApkKey;
use diag::{Diagnostic, Kind};
use fetch::{Job, Size};
use lockfile::KeyPin;
use oci::Digest;
use recipe::archives::{KeySet, builtin_key};
use recipe::{KeySource, without_user};
use trust::apk_keys::{self, EmbeddedRsa};
use trust::{RsaKey, RsaKeyring};

use super::sources::Trusted;
use crate::mirrors::base_url;
use crate::recipes::own_file;
use crate::shop::Shop;

/// More than a public key has in PEM (4096 bits take 0.8 KB).
const MOST_KEY: u64 = 64 << 10;

/// The keys of a recipe.
pub(crate) struct Keys {
    /// The recipe's own, in its order: where it is, the key, its file.
    own: Vec<(KeySource, RsaKey, Vec<u8>)>,
    builtin: Vec<KeySet>,
    /// Those that came from a URL, for the lock.
    pub(crate) pins: Vec<KeyPin>,
}

impl Keys {
    /// Reads the keys of `trusted`. Of URLs, `known` says what was there before; `no_network` is
    /// the flag by which none is asked.
    pub(crate) fn load(
        shop: &Shop<'_>,
        trusted: &Trusted,
        known: &[KeyPin],
        no_network: Option<&str>,
    ) -> Result<Keys, Diagnostic> {
        let mut keys = Keys { own: Vec::new(), builtin: trusted.builtin.clone(), pins: Vec::new() };
        for source in &trusted.keyring {
            let (pem, pin) = pem_of(shop, source, known, no_network)?;
            keys.pins.extend(pin);
            let key = RsaKey::from_pem(key_name(source), &pem)?;
            keys.own.push((source.clone(), key, pem));
        }
        Ok(keys)
    }

    /// Those of them that `trusted` names, as far as they sign for an architecture (in apk's word).
    pub(crate) fn ring(&self, trusted: &Trusted, arch: &str) -> RsaKeyring {
        let own = self.own.iter().filter(|(source, ..)| trusted.keyring.contains(source));
        let own: RsaKeyring = own.map(|(_, key, _)| key.clone()).collect();
        let builtin = self.builtin.iter().filter(|set| trusted.builtin.contains(set));
        builtin.fold(own, |ring, set| ring.merge(apk_keys::keyring(embedded(*set), arch)))
    }

    /// For `/etc/apk/keys` of the image.
    pub(crate) fn files(&self, arch: &str) -> Vec<ApkKey> {
        let own =
            self.own.iter().map(|(_, key, pem)| ApkKey { name: key.name().to_owned(), pem: pem.clone() });
        let builtin = self.builtin.iter().flat_map(|set| embedded(*set)).filter(|k| k.is_for(arch));
        let builtin = builtin.map(|k| ApkKey { name: k.name.to_owned(), pem: k.pem().to_vec() });
        let mut all: Vec<ApkKey> = Vec::new();
        for key in own.chain(builtin) {
            if !all.iter().any(|k| k.name == key.name) {
                all.push(key);
            }
        }
        all
    }
}

/// The key that a recipe names, and (of one that was fetched) what the lock says of it.
pub(crate) fn pem_of(
    shop: &Shop<'_>,
    source: &KeySource,
    known: &[KeyPin],
    no_network: Option<&str>,
) -> Result<(Vec<u8>, Option<KeyPin>), Diagnostic> {
    match source {
        KeySource::Local(path) => Ok((own_file(shop, path)?, None)),
        KeySource::Url(url) => match embedded_at(url) {
            Some(key) => Ok((key.pem().to_vec(), None)),
            None => fetched(shop, url, known, no_network).map(|(pin, pem)| (pem, Some(pin))),
        },
    }
}

/// What signatures call the key.
fn key_name(source: &KeySource) -> &str {
    match source {
        KeySource::Local(path) => file_name(&path.path),
        KeySource::Url(url) => file_name(url),
    }
}

pub(crate) fn embedded(set: KeySet) -> &'static [EmbeddedRsa] {
    match set {
        KeySet::Alpine => apk_keys::ALPINE,
        KeySet::Wolfi => apk_keys::WOLFI,
        KeySet::Debian12 | KeySet::Debian13 => &[],
    }
}

/// The key of a distribution to which a URL leads, if it is part of the program.
fn embedded_at(url: &str) -> Option<&'static EmbeddedRsa> {
    let (set, name) = builtin_key(url)?;
    embedded(set).iter().find(|key| key.name == name)
}

fn file_name(path: &str) -> &str {
    let path = path.split(['?', '#']).next().unwrap_or_default();
    path.rsplit('/').next().unwrap_or(path)
}

/// The key at a URL: the one that the lock knows, if it knows one.
fn fetched(
    shop: &Shop<'_>,
    url: &str,
    known: &[KeyPin],
    no_network: Option<&str>,
) -> Result<(KeyPin, Vec<u8>), Diagnostic> {
    let shown = without_user(url);
    let pin = known.iter().find(|k| k.url == shown);
    if let Some(pin) = pin
        && let Ok(pem) = shop.blobs.read(&pin.digest)
    {
        return Ok((pin.clone(), pem));
    }
    if let Some(flag) = no_network {
        let text = format!("cannot get key {shown}: not in the cache, and {flag} asks nobody");
        return Err(Diagnostic::new(Kind::Network, text).hint(format!(
            "run once without {flag}, or keep the key beside the recipe and name that file in `keyring`"
        )));
    }
    let mut address = base_url(url).ok_or_else(|| {
        Diagnostic::new(Kind::Input, format!("cannot get key {shown}: it is no URL"))
            .hint("write an https URL or the path of a file")
    })?;
    let path = address.path().trim_end_matches('/').to_owned();
    address.set_path(&path);
    let job = Job { name: format!("key {shown}"), urls: vec![address], size: Size::AtMost(MOST_KEY) };
    let pem = shop.client()?.fetch_bytes(&job, shop.world.reporter.as_ref())?;
    let now = KeyPin { url: shown, digest: Digest::of(&pem) };
    if let Some(pin) = pin.filter(|pin| pin.digest != now.digest) {
        return Err(changed(pin, &now));
    }
    shop.blobs.put(&pem)?;
    Ok((now, pem))
}

fn changed(pin: &KeyPin, now: &KeyPin) -> Diagnostic {
    let text = format!("cannot trust key {}: it is not the one that the lock has", pin.url);
    Diagnostic::new(Kind::Trust, text)
        .detail(format!("in the lock: {}", pin.digest))
        .detail(format!("there now:   {}", now.digest))
        .hint(
            "ask its owner whether it was changed; if so, take its `[[key]]` out of the lock, and lock again",
        )
}
