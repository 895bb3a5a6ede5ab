use pgp::composed::{ArmorOptions, CleartextSignedMessage, DetachedSignature, SignedKeyDetails};
use pgp::composed::{SignedSecretKey, SignedSecretSubKey};
use pgp::crypto::ed25519::{Mode, SecretKey as Ed25519};
use pgp::crypto::hash::HashAlgorithm;
use pgp::crypto::public_key::PublicKeyAlgorithm;
use pgp::packet::{self, KeyFlags, PubKeyInner, Signature, SignatureConfig, SignatureType};
use pgp::packet::{Subpacket, SubpacketData, UserId};
use pgp::ser::Serialize;
use pgp::types::{Duration, KeyVersion, Password, PlainSecretParams, PublicParams, SecretParams};
use pgp::types::{KeyDetails, SignedUser, SigningKey, Tag, Timestamp};

/// A made-up OpenPGP key (v4, Ed25519 as Debian's stable keys are). The same seed gives the same key
/// and, Ed25519 being deterministic, the same signatures.
#[derive(Debug, Clone)]
pub struct Key {
    seed: u8,
    created: u32,
    lives: Option<u32>,
    subkey: bool,
    may_sign: bool,
    revoked: bool,
}

/// How a signature is made, where it should be other than sound.
#[derive(Debug, Clone, Copy)]
pub struct SignWith {
    /// Seconds since 1970.
    pub at: u32,
    /// The hash: SHA-256 as the archive's, or one that must be refused.
    pub hash: HashAlgorithm,
    /// Seconds after which the signature has expired.
    pub lives: Option<u32>,
}

impl SignWith {
    /// A sound signature made at `at`.
    pub fn sha256(at: u32) -> SignWith {
        SignWith { at, hash: HashAlgorithm::Sha256, lives: None }
    }
}

impl Key {
    /// The key of this number, made on 2024-01-01, without end.
    pub fn seeded(seed: u8) -> Key {
        Key { seed, created: 1_704_067_200, lives: None, subkey: false, may_sign: true, revoked: false }
    }

    /// The same, made at another time.
    pub fn created(mut self, unix: u32) -> Key {
        self.created = unix;
        self
    }

    /// The same, expired `seconds` after it was made.
    pub fn lives(mut self, seconds: u32) -> Key {
        self.lives = Some(seconds);
        self
    }

    /// The same, signing by a subkey, as Debian's automatic keys do.
    pub fn with_subkey(mut self) -> Key {
        self.subkey = true;
        self
    }

    /// The same, without the flag that allows signing.
    pub fn may_not_sign(mut self) -> Key {
        self.may_sign = false;
        self
    }

    /// The same, revoked by its owner a day after it was made.
    pub fn revoked(mut self) -> Key {
        self.revoked = true;
        self
    }

    /// Fingerprint of the primary key, lower-case hexadecimal.
    pub fn fingerprint(&self) -> String {
        self.primary().fingerprint().to_string()
    }

    /// Fingerprint of the key that makes the signatures: the subkey's, where there is one.
    pub fn signing_fingerprint(&self) -> String {
        if self.subkey { self.sub().fingerprint().to_string() } else { self.fingerprint() }
    }

    /// The public half, armoured, as `signed-by=` files are.
    pub fn public_armored(&self) -> String {
        let public = self.certificate().to_public_key();
        public.to_armored_string(ArmorOptions::default()).expect("armour")
    }

    /// The public half, binary, as `/usr/share/keyrings/*.gpg` are.
    pub fn public_binary(&self) -> Vec<u8> {
        self.certificate().to_public_key().to_bytes().expect("to memory")
    }

    /// `text` as a clear-signed message (an InRelease).
    pub fn clear_sign(&self, text: &str, with: SignWith) -> String {
        clear_sign_by(&[self], text, with)
    }

    /// A detached, armoured signature of `text` (a Release.gpg).
    pub fn detach_sign(&self, text: &[u8], with: SignWith) -> String {
        let signature = self.sign(SignatureType::Binary, text, with);
        DetachedSignature::new(signature).to_armored_string(ArmorOptions::default()).expect("armour")
    }

    fn sign(&self, typ: SignatureType, text: &[u8], with: SignWith) -> Signature {
        if self.subkey {
            sign_by(&self.sub(), typ, text, with)
        } else {
            sign_by(&self.primary(), typ, text, with)
        }
    }

    fn primary(&self) -> packet::SecretKey {
        let (public, secret) = self.parameters(0);
        let public = packet::PublicKey::from_inner(public).expect("a key");
        packet::SecretKey::new(public, secret).expect("a key")
    }

    fn sub(&self) -> packet::SecretSubkey {
        let (public, secret) = self.parameters(1);
        let public = packet::PublicSubkey::from_inner(public).expect("a key");
        packet::SecretSubkey::new(public, secret).expect("a key")
    }

    fn parameters(&self, which: u8) -> (PubKeyInner, SecretParams) {
        let mut raw = [self.seed; 32];
        raw[0] = which;
        let secret = Ed25519::try_from_bytes(raw, Mode::EdDSALegacy).expect("any 32 bytes are a key");
        let public = PubKeyInner::new(
            KeyVersion::V4,
            PublicKeyAlgorithm::EdDSALegacy,
            Timestamp::from_secs(self.created),
            None,
            PublicParams::EdDSALegacy((&secret).into()),
        );
        let secret = PlainSecretParams::EdDSALegacy(pgp::crypto::eddsa_legacy::SecretKey::Ed25519(secret));
        (public.expect("a key"), SecretParams::Plain(secret))
    }

    fn certificate(&self) -> SignedSecretKey {
        let primary = self.primary();
        let public = primary.public_key().clone();
        let id = UserId::from_str(
            Default::default(),
            format!("Made-up archive {} <archive@example.org>", self.seed),
        );
        let id = id.expect("a user id");
        let config = self.binding(&primary, SignatureType::CertPositive, !self.subkey, true);
        let user = config.sign_certification(&primary, &public, &Password::empty(), Tag::UserId, &id);
        let users = vec![SignedUser::new(id, vec![user.expect("a certification")])];
        let revocations = self.revoked.then(|| {
            let at = SignWith::sha256(self.created + 86_400);
            let config = config_for(&primary, SignatureType::KeyRevocation, at);
            config.sign_key(&primary, &Password::empty(), &public).expect("a revocation")
        });
        let details = SignedKeyDetails::new(revocations.into_iter().collect(), vec![], users, vec![]);
        let subkeys = if self.subkey { vec![self.bound_subkey(&primary, &public)] } else { Vec::new() };
        SignedSecretKey::new(primary, details, vec![], subkeys)
    }

    /// The subkey, bound to the primary one in both directions (RFC 9580, 5.2.1.9).
    fn bound_subkey(&self, primary: &packet::SecretKey, public: &packet::PublicKey) -> SignedSecretSubKey {
        let sub = self.sub();
        let back = config_for(&sub, SignatureType::KeyBinding, SignWith::sha256(self.created))
            .sign_primary_key_binding(&sub, sub.public_key(), &Password::empty(), public)
            .expect("a back signature");
        let mut config = self.binding(primary, SignatureType::SubkeyBinding, true, false);
        config.hashed_subpackets.push(subpacket(SubpacketData::EmbeddedSignature(Box::new(back))));
        let binding = config.sign_subkey_binding(primary, public, &Password::empty(), sub.public_key());
        SignedSecretSubKey::new(sub.clone(), vec![binding.expect("a binding")])
    }

    fn binding(
        &self,
        by: &packet::SecretKey,
        typ: SignatureType,
        signs: bool,
        certifies: bool,
    ) -> SignatureConfig {
        let mut config = config_for(by, typ, SignWith::sha256(self.created));
        let mut flags = KeyFlags::default();
        flags.set_sign(signs && self.may_sign);
        flags.set_certify(certifies);
        config.hashed_subpackets.push(subpacket(SubpacketData::KeyFlags(flags)));
        if let Some(lives) = self.lives {
            config
                .hashed_subpackets
                .push(subpacket(SubpacketData::KeyExpirationTime(Duration::from_secs(lives))));
        }
        config
    }
}

/// One message signed by several keys, as Debian's InRelease is.
pub(crate) fn clear_sign_by(keys: &[&Key], text: &str, with: SignWith) -> String {
    // The end of the last line is no part of what is signed (RFC 9580, 7.1); rpgp adds one.
    let text = text.strip_suffix('\n').unwrap_or(text);
    let message = CleartextSignedMessage::new_many(text, |normal| {
        Ok(keys.iter().map(|k| k.sign(SignatureType::Text, normal.as_bytes(), with)).collect())
    });
    message.expect("a signature").to_armored_string(ArmorOptions::default()).expect("armour")
}

fn sign_by(key: &impl SigningKey, typ: SignatureType, text: &[u8], with: SignWith) -> Signature {
    let mut config = config_for(key, typ, with);
    if let Some(lives) = with.lives {
        let life = SubpacketData::SignatureExpirationTime(Duration::from_secs(lives));
        config.hashed_subpackets.push(subpacket(life));
    }
    config.sign(key, &Password::empty(), text).expect("a signature")
}

fn config_for(key: &impl SigningKey, typ: SignatureType, with: SignWith) -> SignatureConfig {
    let mut config = SignatureConfig::v4(typ, key.algorithm(), with.hash);
    config.hashed_subpackets = vec![
        subpacket(SubpacketData::SignatureCreationTime(Timestamp::from_secs(with.at))),
        subpacket(SubpacketData::IssuerFingerprint(key.fingerprint())),
    ];
    config.unhashed_subpackets = vec![subpacket(SubpacketData::IssuerKeyId(key.legacy_key_id()))];
    config
}

fn subpacket(data: SubpacketData) -> Subpacket {
    Subpacket::regular(data).expect("a subpacket")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_bytes() {
        let with = SignWith::sha256(1_735_689_600);
        let sign = || Key::seeded(1).with_subkey().clear_sign("Origin: x\n- y\n", with);
        assert_eq!(sign(), sign());
        assert_eq!(Key::seeded(1).public_binary(), Key::seeded(1).public_binary());
        assert_ne!(Key::seeded(1).fingerprint(), Key::seeded(2).fingerprint());
    }

    #[test]
    fn gpgv_believes_it() {
        let dir = tempfile::tempdir().unwrap();
        let (ring, file) = (dir.path().join("ring.gpg"), dir.path().join("InRelease"));
        let with = SignWith::sha256(1_735_689_600);
        for (key, good) in [
            (Key::seeded(1), true),
            (Key::seeded(1).with_subkey(), true),
            (Key::seeded(1).lives(1), false),
            (Key::seeded(1).revoked(), false),
        ] {
            std::fs::write(&ring, key.public_binary()).unwrap();
            std::fs::write(&file, key.clear_sign("Origin: x\n- y\n", with)).unwrap();
            let run = std::process::Command::new("gpgv")
                .args(["--status-fd", "1", "--keyring"])
                .args([&ring, &file])
                .output();
            let Ok(run) = run else { crate::skip!("no gpgv") };
            let said = String::from_utf8_lossy(&run.stdout).into_owned();
            assert_eq!(said.contains("] GOODSIG") || said.contains("GNUPG:] GOODSIG"), good, "{said}");
            let by = key.signing_fingerprint().to_uppercase();
            assert_eq!(said.contains(&format!("VALIDSIG {by}")), good || said.contains("VALIDSIG"), "{said}");
        }
    }
}
