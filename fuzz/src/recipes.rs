use diag::Explain;
use package::Arch;
use recipe::NoFiles;

/// A recipe: read, with what it includes of the catalogue, and each variant resolved. Every mistake
/// has a place in the file.
pub(crate) fn recipe(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    match recipe::parse("fuzz.yaml", text) {
        Err(error) => {
            assert!(!error.to_string().is_empty());
            if let Some(excerpt) = error.excerpt() {
                assert!(excerpt.line >= 1 && excerpt.column >= 1 && excerpt.width >= 1);
                let lines = text.lines().count().max(1);
                assert!(excerpt.line as usize <= lines + 1, "line {} of {lines}", excerpt.line);
            }
        }
        Ok(_) => {
            if let Ok(whole) = recipe::load("fuzz.yaml", text, &NoFiles) {
                for resolved in whole.resolve_all(&Arch::new("amd64")).unwrap_or_default() {
                    let config = recipe::apko_yaml(&recipe::apko_config(&resolved));
                    assert!(config.starts_with("accounts:\n"));
                }
            }
        }
    }
}
