use std::fmt;

/// A text that nobody may be shown: a password, a token. `Debug` and `Display` print `***`, so that it
/// cannot slip into a log or an error by way of a struct that holds it.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Secret(String);

impl Secret {
    /// Wraps it.
    pub fn new(text: impl Into<String>) -> Secret {
        Secret(text.into())
    }

    /// The text itself, for whoever sends it to where it belongs.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_never_shown() {
        let secret = [Secret::new("hunter2")];
        assert!(!format!("{secret:?} {secret:#?} {}", secret[0]).contains("hunter2"));
        assert_eq!(secret[0].reveal(), "hunter2");
    }
}
