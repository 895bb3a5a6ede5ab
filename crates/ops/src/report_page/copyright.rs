//! Licences in Debian's copyright files.

use std::collections::BTreeSet;

use bstr::ByteSlice;

/// The licences that a copyright file names: of the machine-readable form (DEP 5) the `License` fields of its
/// stanzas; of any other the texts of `/usr/share/common-licenses` that it refers to (Policy 12.5). Empty where
/// neither says anything.
pub(super) fn licences(text: &[u8]) -> String {
    let text = text.to_str_lossy();
    let found: BTreeSet<&str> = if is_machine_readable(&text) {
        let values = text.lines().filter_map(|line| line.strip_prefix("License:"));
        values.map(str::trim).filter(|value| !value.is_empty()).collect()
    } else {
        text.split("/usr/share/common-licenses/").skip(1).map(name).filter(|n| !n.is_empty()).collect()
    };
    found.into_iter().collect::<Vec<_>>().join(", ")
}

fn is_machine_readable(text: &str) -> bool {
    let format = text
        .lines()
        .find_map(|line| line.strip_prefix("Format:").or(line.strip_prefix("Format-Specification:")));
    format.is_some_and(|value| {
        value.contains("copyright-format") || value.contains("dep5") || value.contains("DEP5")
    })
}

/// `GPL-2` of ``GPL-2'.``
fn name(rest: &str) -> &str {
    let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || "-.+".contains(c))).unwrap_or(rest.len());
    rest[..end].trim_end_matches('.')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_both_forms() {
        let dep5 = "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n\n\
                    Files: *\nLicense: GPL-2+\n text\n\nFiles: x\nLicense: Expat\n\nLicense: GPL-2+\n On Debian see\n";
        assert_eq!(licences(dep5.as_bytes()), "Expat, GPL-2+");
        let prose =
            "It is free.\nSee `/usr/share/common-licenses/GPL-2'.\nOr /usr/share/common-licenses/LGPL-2.1.\n";
        assert_eq!(licences(prose.as_bytes()), "GPL-2, LGPL-2.1");
        assert_eq!(licences(b"Public domain."), "");
    }
}
