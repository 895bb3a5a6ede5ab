use bstr::{BStr, BString, ByteSlice};

use crate::DebError;

/// The control paragraph of a package, byte for byte, with its fields findable (deb822(5)).
///
/// Kept verbatim because `var/lib/dpkg/status.d/NAME` is exactly this text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Control {
    raw: BString,
    package: String,
    version: String,
    architecture: String,
}

impl Control {
    /// Reads a paragraph: one, with at least Package, Version and Architecture.
    ///
    /// # Errors
    /// [`DebError::Control`] for a line that is no field, a field twice, a second paragraph, or a
    /// name or version with bytes that Policy 5.6.1, 5.6.12 do not have (they become paths).
    pub fn parse(raw: impl Into<BString>) -> Result<Control, DebError> {
        let raw = raw.into();
        check_paragraph(&raw)?;
        let package = required(
            &raw,
            "Package",
            |b| matches!(b, b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'+' | b'-' | b'.'),
        )?;
        let version = required(&raw, "Version", |b| {
            b.is_ascii_alphanumeric() || matches!(b, b'.' | b'+' | b'-' | b'~' | b':')
        })?;
        let architecture = required(&raw, "Architecture", |b| b.is_ascii_alphanumeric() || b == b'-')?;
        if !package.starts_with(|c: char| c.is_ascii_alphanumeric()) {
            return Err(fail(format!("`{package}` is not the name of a package")));
        }
        Ok(Control { raw, package, version, architecture })
    }

    /// The text as it stands in the package.
    pub fn raw(&self) -> &BStr {
        self.raw.as_bstr()
    }

    /// The package's name.
    pub fn package(&self) -> &str {
        &self.package
    }

    /// Its version.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Its architecture, `all` included.
    pub fn architecture(&self) -> &str {
        &self.architecture
    }

    /// A field's value, continuation lines included as they stand; names are compared without case.
    pub fn field(&self, name: &str) -> Option<&BStr> {
        field(&self.raw, name)
    }

    /// Installed-Size, in KiB.
    pub fn installed_kib(&self) -> Option<u64> {
        self.field("Installed-Size")?.to_str().ok()?.parse().ok()
    }
}

fn fail(why: impl Into<String>) -> DebError {
    DebError::Control { why: why.into() }
}

fn required(raw: &[u8], name: &str, allowed: fn(u8) -> bool) -> Result<String, DebError> {
    let value = field(raw, name).ok_or_else(|| fail(format!("it has no {name}")))?;
    let text = value.to_str_lossy();
    if value.is_empty() || value.len() > 256 || !value.bytes().all(allowed) {
        return Err(fail(format!("`{text}` is no value for {name}")));
    }
    Ok(text.into_owned())
}

/// Every line is `Name: value` or a continuation of one; no name twice; nothing after an empty line.
fn check_paragraph(raw: &[u8]) -> Result<(), DebError> {
    let mut names: Vec<&[u8]> = Vec::new();
    let mut ended = false;
    for (number, line) in raw.lines().enumerate() {
        let at = number + 1;
        match line.first() {
            None => {
                ended = true;
                continue;
            }
            _ if ended => return Err(fail(format!("line {at} begins a second paragraph"))),
            Some(b' ' | b'\t') if !names.is_empty() => continue,
            _ => {}
        }
        let colon = line.find_byte(b':').ok_or_else(|| fail(format!("line {at} is not a field")))?;
        let name = &line[..colon];
        if name.is_empty() || !name.iter().all(|b| b.is_ascii_graphic()) || name[0] == b'-' || name[0] == b'#'
        {
            return Err(fail(format!("line {at} has no name of a field")));
        }
        // Real paragraphs have some thirty fields.
        if names.len() >= 512 {
            return Err(fail("it has more than 512 fields"));
        }
        if names.iter().any(|n| n.eq_ignore_ascii_case(name)) {
            return Err(fail(format!("the field {} stands twice", BStr::new(name))));
        }
        names.push(name);
    }
    Ok(())
}

fn field<'a>(raw: &'a [u8], name: &str) -> Option<&'a BStr> {
    let mut at = 0;
    while at < raw.len() {
        let line_end = raw[at..].find_byte(b'\n').map_or(raw.len(), |n| at + n);
        let line = &raw[at..line_end];
        let mut end = line_end;
        // Lines that begin with a blank belong to the field.
        while raw.get(end + 1).is_some_and(|b| *b == b' ' || *b == b'\t') {
            end = raw[end + 1..].find_byte(b'\n').map_or(raw.len(), |n| end + 1 + n);
        }
        if let Some(colon) = line.find_byte(b':')
            && line[..colon].eq_ignore_ascii_case(name.as_bytes())
        {
            return Some(raw[at + colon + 1..end].trim_ascii().as_bstr());
        }
        at = end + 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_fields_and_keeps_the_text() {
        let text = "Package: libc6\nVersion: 2.41-12\nArchitecture: amd64\ninstalled-size: 13342\nDescription: GNU C Library\n long text\n .\n more\nHomepage: x\n";
        let control = Control::parse(text).unwrap();
        assert_eq!(control.raw(), text);
        assert_eq!(
            (control.package(), control.version(), control.architecture()),
            ("libc6", "2.41-12", "amd64")
        );
        assert_eq!(control.installed_kib(), Some(13342));
        assert_eq!(control.field("description").unwrap(), "GNU C Library\n long text\n .\n more");
        assert_eq!(control.field("Homepage").unwrap(), "x");
        assert_eq!(control.field("Depends"), None);
    }

    #[test]
    fn refuses_what_is_no_paragraph() {
        let good = "Package: a\nVersion: 1\nArchitecture: all\n";
        assert!(Control::parse(good).is_ok());
        for bad in [
            "",
            "Package: a\nVersion: 1\n",
            "Package: ../../etc/x\nVersion: 1\nArchitecture: all\n",
            "Package: a/b\nVersion: 1\nArchitecture: all\n",
            "Package: .\nVersion: 1\nArchitecture: all\n",
            "Package: a\nVersion: 1/2\nArchitecture: all\n",
            "Package: a\nVersion: 1\nArchitecture: all\nnonsense\n",
            "Package: a\nVersion: 1\nArchitecture: all\npackage: b\n",
            "Package: a\nVersion: 1\nArchitecture: all\n\nPackage: b\n",
            " Package: a\nVersion: 1\nArchitecture: all\n",
        ] {
            let error = Control::parse(bad).unwrap_err();
            assert!(matches!(error, DebError::Control { .. }), "{bad:?}: {error}");
        }
    }
}
