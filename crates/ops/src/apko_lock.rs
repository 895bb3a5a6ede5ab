//! apko's lock files (version v1) in the place of ours: read, and written.
//!
//! Such a lock names no index that was signed: it stands in the user's tree and is the user's word for
//! its packages. What it says of each is checked: the control part by its SHA-1, the data by the
//! SHA-256 of the lock, name and version by the package itself, and the package's own signature by the
//! keys that the lock holds.

use std::collections::BTreeSet;
use std::path::Path;

use apk::lock_v1::{
    self, LockV1, LockedConfig, LockedContents, LockedKey, LockedPackage, LockedParts, LockedRepository,
};
use apk::{Limits, read_control_files};
use diag::{Diagnostic, Kind, Note};
use lockfile::{Fit, KeyPin, LockedPin, Lockfile, SuitePin};
use package::{Arch, Cause, Identity, Pin};
use recipe::{KeySource, Repository, Resolved, without_user};
use trust::{RsaKey, RsaKeyring};

use crate::apk_world::Repositories;
use crate::apk_world::keys::{Keys, embedded, pem_of};
use crate::apk_world::signatures::say_unsigned;
use crate::ecosystem::Ecosystem;
use crate::packages::{Supply, blob_name, bring};
use crate::pins::{COMPOSITION, How, Pinned, Wanted, learn, report};
use crate::recipes::Loaded;
use crate::report::LockState;
use crate::request::LockMode;
use crate::shop::Shop;

/// The packages of a recipe as the lock `path` has them.
pub(crate) fn pinned(
    shop: &Shop<'_>,
    recipe: &Loaded,
    how: &How<'_>,
    path: &Path,
) -> Result<Pinned, Diagnostic> {
    let below = path.strip_prefix(&shop.world.working_dir).ok().filter(|p| !p.as_os_str().is_empty());
    let shown = below.unwrap_or(path).display().to_string();
    let theirs = read(shop, path, &shown)?;
    check_recipe(shop, recipe, &theirs, &shown)?;
    let Ecosystem::Apk(mut repositories) = Ecosystem::of(shop, recipe, how.place)? else {
        let text = format!("cannot use {shown} for {}: its packages are deb packages", recipe.typed);
        return Err(Diagnostic::new(Kind::Usage, text).hint("leave --lockfile away"));
    };
    check_packages(&theirs, &shown)?;
    let wanted = Wanted::of(shop, &recipe.variants, how.place.compat)?;
    let mut lock = Lockfile::new(COMPOSITION, how.codec.clone(), wanted.requests.clone(), Vec::new());
    lock.keys = keep_keys(shop, &theirs)?;
    for (arch, platform) in wanted.archs.iter().zip(&wanted.platforms) {
        for package in theirs.contents.packages.iter().filter(|p| is_for(p, arch)) {
            let pin = pin_of(shop, &mut repositories, package, arch, &recipe.variants)?;
            lock.packages.push(LockedPin {
                platform: platform.clone(),
                pin,
                variants: Vec::new(),
                scripts: Vec::new(),
            });
        }
    }
    lock.suites = suites(&lock, &shown);
    if let Fit::Drifted(lines) = lock.fit(&wanted.requests, &wanted.platforms, COMPOSITION) {
        let text = format!("cannot build {} from {shown}: it does not fit", recipe.typed);
        let d = lines.into_iter().fold(Diagnostic::new(Kind::Input, text), Diagnostic::detail);
        return Err(d.hint(anew(recipe)));
    }
    let keys = keyring(shop, &repositories, &theirs, &lock, &wanted.archs)?;
    let ecosystem = Ecosystem::Apk(repositories);
    if !how.dry_run {
        let offline = shop.world.offline.then_some("--offline");
        let frozen = (how.mode == LockMode::Frozen).then_some("--frozen");
        let supply = Supply {
            ecosystem: &ecosystem,
            lock: &lock,
            place: how.place,
            recipe: &recipe.typed,
            no_network: frozen.or(offline),
        };
        bring(shop, &supply, |_| true)?;
        agree(shop, &lock, &theirs, &shown)?;
        let instead = format!("the sums that {shown} has of it");
        say_unsigned(shop, lock.packages.iter().map(|row| &row.pin), |_| true, &keys, &instead)?;
        learn(shop, &mut lock, &keys)?;
    }
    let report = report(shop, recipe, path, LockState::Kept, &lock, Vec::new());
    Ok(Pinned { lock, ecosystem, report })
}

fn read(shop: &Shop<'_>, path: &Path, shown: &str) -> Result<LockV1, Diagnostic> {
    let bytes = shop.own.read(path).map_err(|e| {
        Diagnostic::new(Kind::Input, format!("cannot read lock {shown}: {e}"))
            .hint("name a lock that `apko lock` or `distil apko lock` wrote")
    })?;
    lock_v1::parse_lock_v1(&bytes).map_err(|e| Diagnostic::from(e).while_doing(format!("cannot use {shown}")))
}

fn anew(recipe: &Loaded) -> String {
    format!("make it anew with `distil apko lock {}`", recipe.typed)
}

/// Was it made for this recipe, as it stands there now? The ends of lines do not count: a checkout on
/// another system may change them.
fn check_recipe(shop: &Shop<'_>, recipe: &Loaded, theirs: &LockV1, shown: &str) -> Result<(), Diagnostic> {
    if recipe.variants.len() > 1 {
        let text = format!("cannot use {shown} for {}: apko's locks know no variants", recipe.typed);
        return Err(Diagnostic::new(Kind::Usage, text).hint("use distil's own lock: leave --lockfile away"));
    }
    let Some(config) = &theirs.config else {
        let text = format!("{shown} does not say for which recipe it was made");
        shop.world.reporter.note(Note::Warning(text));
        return Ok(());
    };
    let with_ends = |ends: &str| {
        let texts = recipe.sources.iter().map(|s| s.text.replace("\r\n", "\n").replace('\n', ends));
        let texts: Vec<String> = texts.collect();
        lock_v1::config_checksum(texts.iter().map(String::as_bytes))
    };
    if config.checksum == checksum(recipe) || ["\n", "\r\n"].iter().any(|e| config.checksum == with_ends(e)) {
        return Ok(());
    }
    let text = format!("cannot build {} from {shown}: the recipe was changed since", recipe.typed);
    Err(Diagnostic::new(Kind::Input, text)
        .detail(format!("it was made for {} with {}", config.name, config.checksum))
        .detail(format!("{} has {} now", recipe.typed, checksum(recipe)))
        .hint(anew(recipe)))
}

/// Every package is there once, and for machines that are known: one that is dropped in silence is missing in
/// the image.
fn check_packages(theirs: &LockV1, shown: &str) -> Result<(), Diagnostic> {
    let mut seen = BTreeSet::new();
    for package in &theirs.contents.packages {
        let LockedPackage { name, version, architecture, .. } = package;
        let why = if Arch::from_apk(architecture).is_err() {
            format!("is for `{architecture}`, which is no architecture of apk's")
        } else if !seen.insert((name, architecture)) {
            format!("is not the only {name} for {architecture}")
        } else {
            continue;
        };
        let text = format!("cannot use {shown}: {name} {version} {why}").replace(char::is_control, "?");
        return Err(Diagnostic::new(Kind::Input, text)
            .hint("the lock was changed by hand; restore it, or make it anew with `distil apko lock`"));
    }
    Ok(())
}

fn checksum(recipe: &Loaded) -> String {
    lock_v1::config_checksum(recipe.sources.iter().map(|s| s.text.as_bytes()))
}

/// Keys that the lock holds are the ones that the recipe's URLs mean.
fn keep_keys(shop: &Shop<'_>, theirs: &LockV1) -> Result<Vec<KeyPin>, Diagnostic> {
    let held = theirs.contents.keyring.iter().filter(|k| !k.content.is_empty() && k.url.contains("://"));
    held.map(|key| {
        let digest = shop.blobs.put(key.content.as_bytes())?;
        Ok(KeyPin { url: without_user(&key.url), digest })
    })
    .collect()
}

/// Those of the recipe, of the distributions, and of the lock.
fn keyring(
    shop: &Shop<'_>,
    repositories: &Repositories,
    theirs: &LockV1,
    lock: &Lockfile,
    archs: &[Arch],
) -> Result<RsaKeyring, Diagnostic> {
    let offline = shop.world.offline.then_some("--offline");
    let trusted = &repositories.trusted;
    let keys = Keys::load(shop, trusted, &lock.keys, offline)?;
    let words = archs.iter().filter_map(|a| a.apk().ok());
    let mut all = words.fold(RsaKeyring::empty(), |all, word| all.merge(keys.ring(trusted, word)));
    for key in theirs.contents.keyring.iter().filter(|k| !k.content.is_empty()) {
        all.add(RsaKey::from_pem(key.file_name(), key.content.as_bytes())?);
    }
    Ok(all)
}

fn is_for(package: &LockedPackage, arch: &Arch) -> bool {
    Arch::from_apk(&package.architecture).is_ok_and(|a| a == *arch)
}

fn pin_of(
    shop: &Shop<'_>,
    repositories: &mut Repositories,
    package: &LockedPackage,
    arch: &Arch,
    variants: &[Resolved],
) -> Result<Pin, Diagnostic> {
    let LockedPackage { name, version, url, .. } = package;
    let unusable = |why: &str| {
        let text = format!("cannot use the apko lock: {name} {version} {why}").replace(char::is_control, "?");
        Diagnostic::new(Kind::Input, text).hint("make the lock anew with `distil apko lock`")
    };
    let mut parts = url.rsplitn(3, '/');
    let (Some(file), Some(folder), Some(base)) = (parts.next(), parts.next(), parts.next()) else {
        return Err(unusable("has no address ARCHITECTURE/NAME.apk below a repository"));
    };
    let word = |text: &str| !text.is_empty() && text != ".." && !text.contains(char::is_control);
    if !word(file) || folder != package.architecture || base.is_empty() {
        return Err(unusable("has no address ARCHITECTURE/NAME.apk below a repository"));
    }
    let control = package.control_sha1().ok_or_else(|| unusable("has no hash of its control part"))?;
    let asked =
        |v: &Resolved| v.packages.iter().find(|a| a.name == *name).map(|ask| Cause::Asked(ask.text.clone()));
    Ok(Pin {
        name: name.clone(),
        version: version.clone(),
        arch: arch.clone(),
        source: None,
        repository: repositories.at(shop, base),
        tag: None,
        path: format!("{folder}/{file}"),
        size: package.size().ok_or_else(|| unusable("does not say where its data lies"))?,
        identity: Identity::ApkControl(control),
        sha256: None,
        because: variants.iter().find_map(asked).into_iter().collect(),
    })
}

/// Each repository that a package came from, by the user's word.
fn suites(lock: &Lockfile, shown: &str) -> Vec<SuitePin> {
    let mut suites: Vec<SuitePin> = Vec::new();
    for row in &lock.packages {
        if !suites.iter().any(|s| s.id == row.pin.repository) {
            suites.push(SuitePin {
                id: row.pin.repository.clone(),
                components: Vec::new(),
                snapshot: None,
                inrelease: None,
                date: None,
                valid_until: None,
                signed_by: Vec::new(),
                unsigned: Some(format!("{} (apko lock {shown})", row.pin.repository)),
                indexes: Vec::new(),
            });
        }
    }
    suites
}

/// Name, version and data of each package are those that the lock says.
fn agree(shop: &Shop<'_>, lock: &Lockfile, theirs: &LockV1, shown: &str) -> Result<(), Diagnostic> {
    for row in &lock.packages {
        let pin = &row.pin;
        let missing = || Diagnostic::new(Kind::Internal, format!("no blob is known of {}", pin.name));
        let bytes = shop.blobs.read(&blob_name(shop, pin).ok_or_else(missing)?)?;
        let info = read_control_files(bytes.as_slice(), &Limits::default())?.info;
        let control = LockedParts::of(&bytes, &Limits::default())?.control.checksum;
        let said = theirs.contents.packages.iter().filter(|p| p.control_sha1() == control_of(pin));
        let same = |p: &LockedPackage| {
            (p.control.checksum.is_empty() || p.control.checksum == control)
                && p.data_sha256() == info.data_hash
                && p.name == info.name
                && p.version == info.version
        };
        if !said.clone().all(same) {
            let text = format!("cannot use {} {}: it is not what {shown} says", pin.name, pin.version);
            return Err(Diagnostic::new(Kind::Trust, text)
                .detail(format!("the package calls itself {} {}", info.name, info.version))
                .hint("the lock was changed by hand; restore it, or make it anew with `distil apko lock`"));
        }
    }
    Ok(())
}

fn control_of(pin: &Pin) -> Option<package::Sha1> {
    match pin.identity {
        Identity::ApkControl(sha1) => Some(sha1),
        Identity::Whole(_) => None,
    }
}

/// The lock that apko would write of what was pinned; the packages must be in the store.
pub(crate) fn write(shop: &Shop<'_>, recipe: &Loaded, pinned: &Pinned) -> Result<String, Diagnostic> {
    let Ecosystem::Apk(repositories) = &pinned.ecosystem else {
        let text = format!("cannot write an apko lock of {}: its packages are deb packages", recipe.typed);
        return Err(Diagnostic::new(Kind::Usage, text).hint("use `distil lock`"));
    };
    let variant = &recipe.variants[0];
    let wanted = Wanted::of(shop, &recipe.variants[..1], repositories.compat)?;
    let mut contents = LockedContents {
        keyring: locked_keys(shop, repositories, variant, &pinned.lock, &wanted.archs)?,
        ..LockedContents::default()
    };
    for (arch, platform) in wanted.archs.iter().zip(&wanted.platforms) {
        let word = arch.apk().map_err(|e| Diagnostic::new(Kind::Input, e.to_string()))?;
        for row in pinned.lock.pins(platform, Loaded::variant_name(variant)) {
            contents.packages.push(locked_package(shop, repositories, &row.pin, word)?);
        }
        contents.repositories.extend(locked(variant.distribution_lines(), word));
        contents.repositories.extend(locked(lines(&variant.repositories), word));
        contents.build_repositories.extend(locked(lines(&variant.build_repositories), word));
        contents.runtime_repositories.extend(locked(lines(&variant.runtime_repositories), word));
    }
    let config = LockedConfig { name: recipe.typed.clone(), checksum: checksum(recipe) };
    Ok(lock_v1::write_lock_v1(&LockV1 { version: "v1".to_owned(), config: Some(config), contents }))
}

fn lines(repositories: &[Repository]) -> Vec<String> {
    let untagged = |line: String| match line.strip_prefix('@').and_then(|l| l.split_once(' ')) {
        Some((_, rest)) => rest.trim_start().to_owned(),
        None => line,
    };
    repositories.iter().filter_map(Repository::apk_line).map(untagged).collect()
}

fn locked(lines: Vec<String>, arch: &str) -> impl Iterator<Item = LockedRepository> {
    lines.into_iter().map(move |line| LockedRepository {
        name: format!("{}/{arch}", without_scheme(&line)),
        url: format!("{line}/{arch}/APKINDEX.tar.gz"),
        architecture: arch.to_owned(),
    })
}

fn without_scheme(url: &str) -> &str {
    url.strip_prefix("https://").or_else(|| url.strip_prefix("http://")).unwrap_or(url)
}

fn locked_keys(
    shop: &Shop<'_>,
    repositories: &Repositories,
    variant: &Resolved,
    lock: &Lockfile,
    archs: &[Arch],
) -> Result<Vec<LockedKey>, Diagnostic> {
    let offline = shop.world.offline.then_some("--offline");
    let key = |url: String, pem: &[u8]| LockedKey {
        name: without_scheme(&url).to_owned(),
        content: String::from_utf8_lossy(pem).into_owned(),
        url,
    };
    let mut keys = Vec::new();
    for source in &variant.keyring {
        let written = match source {
            KeySource::Local(path) => path.path.clone(),
            KeySource::Url(url) => without_user(url),
        };
        keys.push(key(written, &pem_of(shop, source, &lock.keys, offline)?.0));
    }
    let words: Vec<&str> = archs.iter().filter_map(|a| a.apk().ok()).collect();
    for set in &repositories.trusted.builtin {
        for built_in in embedded(*set).iter().filter(|k| words.iter().any(|w| k.is_for(w))) {
            let url = recipe::archives::builtin_key_url(*set, built_in.name);
            let new = key(url.unwrap_or_else(|| built_in.name.to_owned()), built_in.pem());
            if !keys.iter().any(|k: &LockedKey| k.file_name() == new.file_name()) {
                keys.push(new);
            }
        }
    }
    keys.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(keys)
}

fn locked_package(
    shop: &Shop<'_>,
    repositories: &Repositories,
    pin: &Pin,
    arch: &str,
) -> Result<LockedPackage, Diagnostic> {
    let missing = || Diagnostic::new(Kind::Internal, format!("no blob is known of {}", pin.name));
    let bytes = shop.blobs.read(&blob_name(shop, pin).ok_or_else(missing)?)?;
    let LockedParts { signature, control, data } = LockedParts::of(&bytes, &Limits::default())?;
    Ok(LockedPackage {
        name: pin.name.clone(),
        url: url_of(repositories, pin),
        version: pin.version.clone(),
        architecture: arch.to_owned(),
        signature,
        control,
        data,
        checksum: control_of(pin).map(|c| c.q1()).unwrap_or_default(),
    })
}

/// Where the recipe says that a package lies.
pub(crate) fn url_of(repositories: &Repositories, pin: &Pin) -> String {
    let base = repositories.find(&pin.repository).map_or(pin.repository.as_str(), |s| s.address());
    format!("{}/{}", base.trim_end_matches('/'), pin.path)
}
