//! Packages' own signatures. Neither apk nor apko asks for one where an index names the package by its hash,
//! and nor do we; but where keys are known, it is said whose is missing.

use apk::{Limits, own_signature};
use diag::{Diagnostic, Kind, Note};
use oci::Digest;
use package::{Identity, Pin};
use trust::RsaKeyring;

use crate::packages::blob_name;
use crate::shop::Shop;

/// Judges the own signatures of all packages by `keys`, also of those that were unpacked when no keys were
/// known. Of the packages that somebody else vouches for (`vouched`) it names those that carry none; `instead`
/// says what they are taken by.
///
/// # Errors
/// One has a signature by such a key that does not fit it.
pub(crate) fn say_unsigned<'p>(
    shop: &Shop<'_>,
    pins: impl Iterator<Item = &'p Pin>,
    vouched: impl Fn(&Pin) -> bool,
    keys: &RsaKeyring,
    instead: &str,
) -> Result<(), Diagnostic> {
    let mut unsigned: Vec<String> = Vec::new();
    for pin in pins.filter(|pin| matches!(pin.identity, Identity::ApkControl(_)) && !keys.is_empty()) {
        let Some(blob) = blob_name(shop, pin) else { continue };
        let titled = format!("{} {}", pin.name, pin.version);
        let doing =
            |d: Diagnostic| d.while_doing(format!("cannot use package {titled} of {}", pin.repository));
        let signed = own_signature(shop.blobs.open_blob(&blob)?, keys, &Limits::default())
            .map_err(|e| doing(refused(shop, &blob, e.into())))?;
        if signed.is_none() && vouched(pin) && !unsigned.contains(&titled) {
            unsigned.push(titled);
        }
    }
    if unsigned.is_empty() {
        return Ok(());
    }
    const MOST: usize = 10;
    let more = unsigned.len().saturating_sub(MOST);
    unsigned.truncate(MOST);
    let more = if more == 0 { String::new() } else { format!(" and {more} more") };
    let text = format!(
        "no signature of its own by a key that is trusted: {}{more}; taken by {instead}",
        unsigned.join(", ")
    );
    shop.world.reporter.note(Note::Warning(text));
    Ok(())
}

/// Another file of the same control part, with a good signature, has the same name for its index: what is bad
/// is not kept for it.
fn refused(shop: &Shop<'_>, blob: &Digest, d: Diagnostic) -> Diagnostic {
    if d.kind == Kind::Trust {
        shop.blobs.delete(blob);
    }
    d
}
