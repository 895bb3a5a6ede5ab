use std::collections::BTreeMap;

use bstr::ByteSlice;

use crate::draft::Draft;
use crate::java_keystore::{self, TrustedCertificate};
use crate::{ComposeError, Rule};

/// Where Java's packages of Alpine and Wolfi have their keystore.
pub(super) const JAVA: &str = "etc/ssl/certs/java/cacerts";

/// Adds certificates (a name and DER) to the Java keystore, if there is one.
pub(crate) fn add_to_java<'a>(
    draft: &mut Draft<'_>,
    trusted: impl Iterator<Item = (&'a str, &'a [u8])>,
) -> Result<(), ComposeError> {
    let Some(bytes) = draft.read(JAVA.as_bytes().as_bstr())? else { return Ok(()) };
    let unreadable = || ComposeError::Keystore { path: JAVA };
    let mut all = java_keystore::read(&bytes).ok_or_else(unreadable)?;
    for (alias, der) in trusted {
        all.insert(alias.to_lowercase(), (draft.mtime.saturating_mul(1000), der.to_vec()));
    }
    draft.rewrite(JAVA, &bytes_of(&all), 0o644, Rule::JavaKeystore)?;
    Ok(())
}

fn bytes_of(all: &BTreeMap<String, (i64, Vec<u8>)>) -> Vec<u8> {
    let certificates: Vec<TrustedCertificate<'_>> = all
        .iter()
        .map(|(alias, (milliseconds, der))| TrustedCertificate { alias, since: milliseconds / 1000, der })
        .collect();
    java_keystore::write(&certificates)
}
