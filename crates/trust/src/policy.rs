/// What is asked of a signature and its key, beyond that the numbers agree.
///
/// Fixed, because nobody should have to weaken it: version 4 keys; RSA of [`MIN_RSA_BITS`] and more,
/// or Ed25519; SHA-256 and stronger in the signature and in the self-signatures that make the key
/// valid; the key may sign, was valid when it signed, and is not revoked; a signing subkey is bound
/// both ways (RFC 9580 section 5.2.1.9).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// By how many seconds the signer's clock may be ahead of ours; apt allows 10.
    pub skew: i64,
    /// How many different trusted certificates must have signed; apt asks for 1.
    pub require: usize,
    /// Whether a key that expired since it signed is good enough: for the archive's past
    /// (a snapshot, a lock that is proved again), never for what is current, because whoever holds an
    /// expired key can date a signature back.
    pub expired_since: bool,
}

/// The shortest RSA modulus that is accepted, in bits.
pub const MIN_RSA_BITS: u16 = 2048;

impl Policy {
    /// For what is current: one trusted key, valid when it signed and now.
    pub fn current() -> Policy {
        Policy { skew: 10, require: 1, expired_since: false }
    }

    /// For the past (snapshots, `lock --verify`): the key must have been valid when it signed.
    pub fn past() -> Policy {
        Policy { expired_since: true, ..Policy::current() }
    }

    /// The same, and at least `keys` different trusted certificates must have signed.
    pub fn require(self, keys: usize) -> Policy {
        Policy { require: keys.max(1), ..self }
    }
}

impl Default for Policy {
    fn default() -> Policy {
        Policy::current()
    }
}
