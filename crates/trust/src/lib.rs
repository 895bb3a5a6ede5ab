//! Who vouches for bytes: keyrings, OpenPGP verification, freshness, and [`Verified`].
//!
//! A value that came from outside and matters carries the type [`Verified`], with a [`Receipt`] that
//! says whose word it is; functions that need trust ask for that type, so a forgotten check does not
//! compile. No key is ever fetched and no format parsed here: bytes come in, verified bytes go out.
//!
//! The OpenPGP arithmetic is rpgp's; the policy is ours ([`Policy`], `certificate`), since rpgp has
//! none, and so is the reading of the clear-text frame, which is stricter than anybody's. The price:
//! a hundred crates of cryptography in the tree, and a policy that must be tested case by case
//! (tests/policy.rs makes a key for each). apk's signatures are bare RSA ([`verify_rsa`]), with its own
//! keyring ([`RsaKeyring`]): OpenPGP's policy has no say there, and SHA-1 is taken, see [`RsaHash`].

pub mod apk_keys;
mod certificate;
pub mod debian_keys;
mod fingerprint;
mod framing;
mod freshness;
mod keyring;
mod policy;
mod restore;
mod rsa_keys;
mod rsa_signature;
mod signature;
mod time;
mod verified;

pub use fingerprint::{Fingerprint, FingerprintError};
pub use framing::FramingError;
pub use freshness::{Dates, Freshness, FreshnessError};
pub use keyring::{Keyring, KeyringError};
pub use policy::{MIN_RSA_BITS, Policy};
pub use restore::{RestoreError, restore};
pub use rsa_keys::{MAX_RSA_BITS, RsaKey, RsaKeyError, RsaKeyring};
pub use rsa_signature::{
    RsaFault, RsaHash, RsaSignature, RsaSigned, RsaSigner, RsaVerifyError, restore_rsa, verify_rsa,
};
pub use signature::{Fault, Faulty, VerifyError, verify, verify_detached};
pub use time::Time;
pub use verified::{AdmitError, Expectation, Names, Receipt, Signed, Signer, Verified};
