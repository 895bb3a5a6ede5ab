use diag::Explain;

/// A lock: what was read is written and read again the same, and written again in the same bytes.
pub(crate) fn lock(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    match lockfile::read("fuzz.lock", text) {
        Ok(lock) => {
            let written = lockfile::write(&lock);
            let again = lockfile::read("fuzz.lock", &written).expect("what we wrote");
            assert_eq!(again, lock);
            assert_eq!(lockfile::write(&again), written);
            let _ = lockfile::json_view(&lock, "latest");
        }
        Err(error) => {
            if let Some(excerpt) = error.excerpt() {
                assert!(excerpt.line >= 1 && excerpt.width >= 1);
            }
        }
    }
}
