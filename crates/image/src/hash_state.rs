use oci::Digest;
use sha2::digest::common::hazmat::{SerializableState, SerializedState};
use sha2::{Digest as _, Sha256};

/// A SHA-256 that can be put aside in the middle and gone on with in another process.
#[derive(Clone)]
pub(crate) struct Resumable(Sha256);

impl Resumable {
    /// Bytes of a saved state.
    pub(crate) const SAVED: usize = size_of::<SerializedState<Sha256>>();

    pub(crate) fn new() -> Resumable {
        Resumable(Sha256::new())
    }

    pub(crate) fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    pub(crate) fn finish(self) -> Digest {
        Digest::Sha256(self.0.finalize().into())
    }

    pub(crate) fn save(&self) -> Vec<u8> {
        self.0.serialize().to_vec()
    }

    /// None where the bytes are no saved state.
    pub(crate) fn restore(saved: &[u8]) -> Option<Resumable> {
        let state = SerializedState::<Sha256>::try_from(saved).ok()?;
        Sha256::deserialize(&state).ok().map(Resumable)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn goes_on_where_it_stopped_at_every_place() {
        let bytes: Vec<u8> = (0..=255).collect();
        for at in 0..bytes.len() {
            let mut first = Resumable::new();
            first.update(&bytes[..at]);
            let saved = first.save();
            assert_eq!(saved.len(), Resumable::SAVED);
            let mut second = Resumable::restore(&saved).unwrap();
            second.update(&bytes[at..]);
            assert_eq!(second.finish(), Digest::of(&bytes));
        }
        assert!(Resumable::restore(b"short").is_none());
    }
}
