use bstr::{BString, ByteSlice};
use rootfs::Owner;

use crate::draft::{Draft, DraftError};
use crate::{ComposeInput, Rule};

/// Where scanners look for packages of distroless images.
pub(crate) const DIRECTORY: &str = "var/lib/dpkg/status.d";

/// The names of the two files of each package, by its number; packages of a second architecture that
/// have a namesake carry it in the name.
pub(crate) fn names(input: &ComposeInput<'_>) -> Vec<String> {
    let packages = &input.packages;
    let twin = |n: usize| packages[..n].iter().any(|p| p.pin.name == packages[n].pin.name);
    (0..packages.len())
        .map(|n| {
            let pin = packages[n].pin;
            if twin(n) { format!("{}:{}", pin.name, pin.arch) } else { pin.name.clone() }
        })
        .collect()
}

/// Writes `status.d/NAME`, the control paragraph as it is, and `NAME.md5sums` with the lines of those
/// files that are in the image as the package brought them: a line for a file that was left out, or
/// that another rule rewrote, would tell scanners and verifiers something untrue.
pub(crate) fn write(draft: &mut Draft<'_>, input: &ComposeInput<'_>) -> Result<(), DraftError> {
    for (n, name) in names(input).into_iter().enumerate() {
        let Some(record) = input.packages[n].deb().filter(|r| !r.control.is_empty()) else { continue };
        let mut control = record.control.to_vec();
        if !control.ends_with(b"\n") {
            control.push(b'\n');
        }
        draft.put_file(&format!("{DIRECTORY}/{name}"), &control, 0o644, Rule::PackageStatus)?;
        if !record.md5sums.is_empty() {
            let sums = present(draft, &record.md5sums, n);
            draft.put_file(&format!("{DIRECTORY}/{name}.md5sums"), &sums, 0o644, Rule::PackageStatus)?;
        }
    }
    Ok(())
}

fn present(draft: &Draft<'_>, md5sums: &BString, package: usize) -> Vec<u8> {
    let mut out = Vec::new();
    for line in md5sums.lines() {
        let Some((_, path)) = line.split_once_str("  ") else { continue };
        let Ok(real) = draft.real(path.trim_start_with(|c| c == '/').as_bstr(), false) else { continue };
        let owner = draft.entries.get(&real).map(|e| e.owner);
        if owner == u32::try_from(package).ok().map(Owner::Package) {
            out.extend_from_slice(line);
            out.push(b'\n');
        }
    }
    out
}
