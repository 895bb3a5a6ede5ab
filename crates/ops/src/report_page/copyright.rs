//! Licences in Debian's copyright files.

use std::collections::BTreeMap;

use bstr::ByteSlice;

/// The licences that a copyright file names: of the machine-readable form (DEP 5) the `License` fields of its
/// stanzas; of any other the texts of `/usr/share/common-licenses` that it refers to (Policy 12.5). Empty where
/// neither says anything.
pub(super) fn licences(text: &[u8]) -> String {
    let text = text.to_str_lossy();
    let found: Vec<&str> = if is_machine_readable(&text) {
        text.lines().filter_map(|line| line.strip_prefix("License:")).map(str::trim).collect()
    } else {
        text.split("/usr/share/common-licenses/").skip(1).map(name).collect()
    };
    // Names of licences are the same in any case (DEP 5).
    let mut names: BTreeMap<String, &str> = BTreeMap::new();
    for name in found.into_iter().filter(|n| !n.is_empty()) {
        names.entry(name.to_ascii_lowercase()).or_insert(name);
    }
    names.into_values().collect::<Vec<_>>().join(", ")
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
                    Files: *\nLicense: GPL-2+\n text\n\nFiles: x\nLicense: Expat\n\nLicense: gpl-2+\n On Debian see\n";
        assert_eq!(licences(dep5.as_bytes()), "Expat, GPL-2+");
        let prose =
            "It is free.\nSee `/usr/share/common-licenses/GPL-2'.\nOr /usr/share/common-licenses/LGPL-2.1.\n";
        assert_eq!(licences(prose.as_bytes()), "GPL-2, LGPL-2.1");
        assert_eq!(licences(b"Public domain."), "");
    }
}
