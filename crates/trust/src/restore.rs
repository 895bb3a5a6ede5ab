use oci::Digest;

use crate::certificate::{self, Component, Moment};
use crate::signature::{Fault, names_of};
use crate::{Fingerprint, Keyring, Policy, Receipt, Signer, Time, Verified};

/// Why a receipt that was kept is no longer good.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RestoreError {
    /// Only signatures can be kept; a declaration is made again each time.
    #[error("cannot use the kept receipt: it is not one of signatures")]
    NotSigned,
    /// It is the receipt of another document.
    #[error("cannot use the kept receipt: it is for {receipt}, and the document is {document}")]
    OtherDocument {
        /// What the receipt names.
        receipt: Box<Digest>,
        /// What is at hand.
        document: Box<Digest>,
    },
    /// The keys of the receipt no longer vouch.
    #[error(
        "cannot use the kept receipt: {good} trusted keys still vouch where {require} must{}",
        last(faults)
    )]
    NotEnough {
        /// How many still do.
        good: usize,
        /// How many must.
        require: usize,
        /// Why the others do not.
        faults: Vec<(Fingerprint, Fault)>,
    },
}

fn last(faults: &[(Fingerprint, Fault)]) -> String {
    faults.last().map(|(key, fault)| format!(" (key {key}: {fault})")).unwrap_or_default()
}

impl diag::Explain for RestoreError {
    fn kind(&self) -> diag::Kind {
        diag::Kind::Trust
    }
    fn hint(&self) -> Option<String> {
        Some("the document is verified anew from its signature".into())
    }
}

/// Trusts again what was verified before: the way in for a shelf that is kept beside its receipt.
///
/// `signed` is the digest of the signed document as it came, taken anew. The arithmetic is not
/// repeated (that is the gain), all else is: the keys must still be in `keys`, fit, unexpired and not
/// revoked, the signatures not in the future nor over. Dates of the *content* are the business of
/// [`Freshness`](crate::Freshness), each time.
///
/// It believes the receipt, so the place where receipts are kept must be as much the user's own as
/// the recipe is.
pub fn restore(
    receipt: Receipt,
    signed: &Digest,
    keys: &Keyring,
    policy: &Policy,
    now: Time,
) -> Result<Verified<()>, RestoreError> {
    let Receipt::Signed(kept) = &receipt else {
        return Err(RestoreError::NotSigned);
    };
    if kept.document != *signed {
        return Err(RestoreError::OtherDocument {
            receipt: Box::new(kept.document),
            document: Box::new(*signed),
        });
    }
    let mut good = Vec::new();
    let mut faults = Vec::new();
    for signer in &kept.by {
        match still_vouches(signer, keys, policy, now) {
            Ok(()) => good.push(signer.certificate),
            Err(fault) => faults.push((signer.key, fault)),
        }
    }
    good.sort();
    good.dedup();
    let require = policy.require.max(1);
    if good.len() < require {
        return Err(RestoreError::NotEnough { good: good.len(), require, faults });
    }
    Ok(Verified::new((), receipt))
}

fn still_vouches(signer: &Signer, keys: &Keyring, policy: &Policy, now: Time) -> Result<(), Fault> {
    let latest = now.plus(policy.skew);
    if signer.at > latest {
        return Err(Fault::Future { at: signer.at });
    }
    if let Some(until) = signer.until.filter(|until| *until <= now) {
        return Err(Fault::Expired { until });
    }
    let wanted = Some((signer.key, signer.certificate));
    let (certificate, component): (_, Component<'_>) =
        keys.components().find(|(c, k)| names_of(c, *k) == wanted).ok_or(Fault::UnknownKey)?;
    certificate::judge(certificate, component, Moment { signed: signer.at, now: latest, policy })
}
