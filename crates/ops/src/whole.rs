//! A lock as a whole, for `lock` and `lock --verify`: what its packages say of each other, and what it says
//! of their scripts. A build looks at its own part of that anyhow ([`crate::images`]).

use diag::{Diagnostic, Kind, Note};
use lockfile::{LockedPin, Lockfile};
use package::{Arch, Pin};
use recipe::Resolved;
use rootfs::PayloadIx;
use trust::RsaKeyring;

use crate::closed::{Says, Set};
use crate::packages::{Supply, bring};
use crate::payloads::{self, Parcel};
use crate::pins;
use crate::recipes::Loaded;
use crate::shop::Shop;

/// Looks into the packages of a lock; gives what is not as it was written, if anything is. Packages that
/// cannot be had are no reason to resolve anew: then nothing is known.
pub(crate) fn look(
    shop: &Shop<'_>,
    recipe: &Loaded,
    supply: &Supply<'_>,
) -> Result<Option<String>, Diagnostic> {
    let lock = supply.lock;
    match bring(shop, supply, |_| true) {
        Err(d) if d.kind == Kind::Network => {
            let text = format!("whether the lock is whole was not looked at: {d}");
            shop.world.reporter.note(Note::Warning(text));
            return Ok(None);
        }
        other => other?,
    }
    let mut again = lock.clone();
    pins::learn(shop, &mut again, &RsaKeyring::empty())?;
    let other = |(a, b): &(&LockedPin, &LockedPin)| a.scripts != b.scripts;
    if let Some((row, _)) = lock.packages.iter().zip(&again.packages).find(other) {
        return Ok(Some(format!("it does not say of {} what its scripts are", row.pin.name)));
    }
    let mut fault = None;
    each(recipe, |variant, arch| {
        let rows =
            lock.pins(&pins::platform(arch)?, Loaded::variant_name(variant)).cloned().collect::<Vec<_>>();
        fault = fault.take().or(rows.iter().find_map(|row| strange(supply, variant, row)));
        let says = rows.iter().map(|row| by_package(shop, &row.pin)).collect::<Result<_, _>>()?;
        let set = Set::of(shop, (variant, arch), supply.place.compat, says)?;
        fault = fault.take().or(set.check().err().map(|fault| format!("{fault} ({})", set.whose(arch))));
        Ok(())
    })?;
    Ok(fault)
}

/// Every variant with each of its architectures.
fn each(
    recipe: &Loaded,
    mut f: impl FnMut(&Resolved, &Arch) -> Result<(), Diagnostic>,
) -> Result<(), Diagnostic> {
    recipe.variants.iter().try_for_each(|variant| variant.archs.iter().try_for_each(|arch| f(variant, arch)))
}

/// What is wrong with a row that a variant has from a repository which only another one names.
fn strange(supply: &Supply<'_>, variant: &Resolved, row: &LockedPin) -> Option<String> {
    let Pin { name, version, repository, .. } = &row.pin;
    let whose = Loaded::variant_name(variant);
    (!supply.ecosystem.serves(variant, repository)).then(|| {
        format!("it has {name} {version} from {repository} for {whose}, which takes nothing from there")
    })
}

/// What an unpacked package says.
fn by_package(shop: &Shop<'_>, pin: &Pin) -> Result<Says, Diagnostic> {
    let none = || Diagnostic::new(Kind::Internal, format!("no digest of {}", pin.name));
    let parcel = Parcel::new(pins::sha256(shop, pin).ok_or_else(none)?, pin);
    Ok(payloads::open(shop, &parcel, PayloadIx(0))?.control.says())
}

/// Looks whether the set of packages of every variant is whole, by what indexes said of them (`proved`), and
/// of those that no signed index names by what they say themselves.
pub(crate) fn prove(
    shop: &Shop<'_>,
    recipe: &Loaded,
    supply: &Supply<'_>,
    proved: &[(&Pin, Says)],
) -> Result<(), Diagnostic> {
    let lock: &Lockfile = supply.lock;
    let by_index = |pin: &Pin| proved.iter().find(|(p, _)| std::ptr::eq(*p, pin)).map(|(_, says)| says);
    bring(shop, supply, |row| by_index(&row.pin).is_none())?;
    let rest = lock.packages.iter().filter(|row| by_index(&row.pin).is_none());
    let parcels = rest.filter_map(|row| Some(Parcel::new(pins::sha256(shop, &row.pin)?, &row.pin)));
    payloads::unpack_all(shop, parcels.collect::<Vec<_>>(), &RsaKeyring::empty())?;
    each(recipe, |variant, arch| {
        let platform = pins::platform(arch)?;
        let mut rows = lock.pins(&platform, Loaded::variant_name(variant));
        if let Some(why) = rows.find_map(|row| strange(supply, variant, row)) {
            let text = format!("cannot verify the lock of {}: {why}", recipe.typed);
            return Err(Diagnostic::new(Kind::Trust, text)
                .hint("the lock was changed by hand, or the recipe was since; restore it, or lock again"));
        }
        let rows = lock.pins(&platform, Loaded::variant_name(variant));
        let says = rows.map(|row| by_index(&row.pin).cloned().map_or_else(|| by_package(shop, &row.pin), Ok));
        let set = Set::of(shop, (variant, arch), supply.place.compat, says.collect::<Result<_, _>>()?)?;
        set.check().map_err(|fault| {
            let doing = format!("cannot verify the lock of {}", recipe.typed);
            fault.diagnose(&doing, &set.whose(arch), (shop.world, supply.place, supply.recipe))
        })
    })
}
