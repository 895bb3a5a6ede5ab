//! Files that installation or Google's images have and no package carries, each by a rule.

use std::collections::{BTreeMap, BTreeSet};

use bstr::{BStr, BString, ByteSlice};
use recipe::Resolved;
use rootfs::{Entry, Node, Owner};

use crate::Rule;
use crate::accounts::make_directory;
use crate::draft::{Draft, DraftError};

/// usr-merge (Debian 12 and later): these are links whatever a package ships.
pub(crate) const ALIASES: [(&str, &str); 4] =
    [("bin", "usr/bin"), ("lib", "usr/lib"), ("lib64", "usr/lib64"), ("sbin", "usr/sbin")];

/// Takes away links that we put there before merging and that lead to nothing; notes the others.
pub(crate) fn settle_aliases(draft: &mut Draft<'_>) {
    for (link, target) in ALIASES {
        let link = link.as_bytes().as_bstr();
        if draft.entries.get(link).is_some_and(|e| e.owner == Owner::Derived) {
            if draft.entries.contains_key(target.as_bytes().as_bstr()) {
                draft.made.insert(link.into(), Rule::UsrMerge);
            } else {
                draft.entries.remove(link);
            }
        }
    }
}

/// Directories that every program expects.
pub(crate) fn directories(draft: &mut Draft<'_>) -> Result<(), DraftError> {
    make_directory(draft, "tmp", 0o1777, 0, Rule::Directories)?;
    make_directory(draft, "var/tmp", 0o1777, 0, Rule::Directories)
}

/// `usr/lib/os-release`: says "Distroless" as Google's images do, and else what base-files says, so
/// that scanners find ID and VERSION_ID, and VERSION_CODENAME besides.
pub(crate) fn os_release(draft: &mut Draft<'_>, recipe: &Resolved) -> Result<(), DraftError> {
    const PATH: &str = "usr/lib/os-release";
    let theirs = draft.read(PATH.as_bytes().as_bstr())?.unwrap_or_default();
    let mut fields: BTreeMap<String, String> = theirs.lines().filter_map(field).collect();
    if fields.is_empty() {
        let release = recipe.distribution.as_ref().and_then(|d| d.debian_release());
        let Some((version, codename)) = release else { return Ok(()) };
        fields.insert("ID".into(), "debian".into());
        fields.insert("NAME".into(), "Debian GNU/Linux".into());
        fields.insert("VERSION_ID".into(), version.to_string());
        fields.insert("VERSION".into(), format!("{version} ({codename})"));
        fields.insert("VERSION_CODENAME".into(), codename.to_string());
    }
    // Derivatives say themselves what they are.
    if fields.get("ID").is_none_or(|id| id != "debian") {
        return Ok(());
    }
    let get = |key: &str| fields.get(key).cloned();
    let name = get("NAME").unwrap_or_else(|| "Debian GNU/Linux".to_owned());
    let version = get("VERSION").map(|v| format!("{name} {v}"));
    let mut text = String::new();
    for (key, value) in [
        ("PRETTY_NAME", Some("Distroless".to_owned())),
        ("NAME", Some(name.clone())),
        ("ID", get("ID")),
        ("VERSION_ID", get("VERSION_ID")),
        ("VERSION", version),
        ("VERSION_CODENAME", get("VERSION_CODENAME")),
        ("HOME_URL", get("HOME_URL")),
        ("SUPPORT_URL", get("SUPPORT_URL")),
        ("BUG_REPORT_URL", get("BUG_REPORT_URL")),
    ] {
        if let Some(value) = value {
            text.push_str(&format!("{key}=\"{value}\"\n"));
        }
    }
    draft.put_file(PATH, text.as_bytes(), 0o644, Rule::OsRelease)?;
    if !draft.exists(b"etc/os-release".as_bstr()) {
        draft.put_link("etc/os-release", "../usr/lib/os-release", Rule::OsRelease)?;
    }
    Ok(())
}

fn field(line: &[u8]) -> Option<(String, String)> {
    let (key, value) = line.to_str().ok()?.split_once('=')?;
    // Values that need escapes do not occur in the fields that we pass on.
    let value = value.trim().trim_matches(['"', '\'']);
    let plain = !value.contains(['"', '\\', '$', '`']);
    plain.then(|| (key.trim().to_owned(), value.to_owned()))
}

/// As in Google's images: files first, names of hosts by DNS.
const NSSWITCH: &str = "# /etc/nsswitch.conf: where libc looks names up.

passwd:         compat
group:          compat
shadow:         compat
gshadow:        files

hosts:          files dns
networks:       files

protocols:      db files
services:       db files
ethers:         db files
rpc:            db files

netgroup:       nis
";

/// `/etc/nsswitch.conf`.
pub(crate) fn name_service(draft: &mut Draft<'_>) -> Result<(), DraftError> {
    if draft.exists(b"etc/nsswitch.conf".as_bstr()) {
        return Ok(());
    }
    draft.put_file("etc/nsswitch.conf", NSSWITCH.as_bytes(), 0o644, Rule::NameService)
}

/// `/etc/localtime`: UTC, where the image knows time zones.
pub(crate) fn local_time(draft: &mut Draft<'_>) -> Result<(), DraftError> {
    let utc = b"usr/share/zoneinfo/Etc/UTC".as_bstr();
    if draft.behind(utc).is_none() || draft.exists(b"etc/localtime".as_bstr()) {
        return Ok(());
    }
    draft.put_link("etc/localtime", "/usr/share/zoneinfo/Etc/UTC", Rule::LocalTime)
}

/// `/etc/shells`, as packages with a shell register it.
pub(crate) fn shells(draft: &mut Draft<'_>, shells: &[BString]) -> Result<(), DraftError> {
    let there = |s: &&BString| draft.behind(s.trim_start_with(|c| c == '/').as_bstr()).is_some();
    let listed: BTreeSet<&BString> = shells.iter().filter(there).collect();
    if listed.is_empty() || draft.exists(b"etc/shells".as_bstr()) {
        return Ok(());
    }
    let mut text = b"# /etc/shells: valid login shells\n".to_vec();
    for shell in listed {
        if !shell.starts_with(b"/") {
            text.push(b'/');
        }
        text.extend_from_slice(shell);
        text.push(b'\n');
    }
    draft.put_file("etc/shells", &text, 0o644, Rule::Shells)
}

/// Makes the lists of character conversions say only what is there: `iconv_open` would otherwise
/// promise a conversion and fail to load it.
pub(crate) fn character_sets(draft: &mut Draft<'_>) -> Result<(), DraftError> {
    let lists: Vec<BString> = draft
        .entries
        .keys()
        .filter(|p| p.ends_with(b"/gconv/gconv-modules") || p.contains_str("/gconv/gconv-modules.d/"))
        .cloned()
        .collect();
    for path in lists {
        let Some(text) = draft.read(path.as_bstr())? else { continue };
        let at = path.find("/gconv/").unwrap_or_default();
        let directory = path[..at + "/gconv".len()].as_bstr();
        let kept = keep_present(draft, directory, &text);
        if kept == text {
            continue;
        }
        let mut entry = match draft.entries.get(&path) {
            Some(entry) => entry.clone(),
            None => continue,
        };
        entry.node = Node::File(draft.derived.add(&kept));
        draft.put_made(entry, Rule::CharacterSets)?;
    }
    Ok(())
}

/// The lines `module FROM TO FILE COST` whose file is there, and the aliases of what remains.
fn keep_present(draft: &Draft<'_>, directory: &BStr, text: &[u8]) -> Vec<u8> {
    let fields = |line: &[u8]| -> Vec<BString> {
        let line = line.split(|b| *b == b'#').next().unwrap_or_default();
        line.split(|b| b.is_ascii_whitespace()).filter(|f| !f.is_empty()).map(BString::from).collect()
    };
    let present = |file: &BString| {
        let mut path = BString::from(directory);
        path.push(b'/');
        path.extend_from_slice(file);
        if !file.ends_with(b".so") {
            path.extend_from_slice(b".so");
        }
        draft.behind(path.as_bstr()).is_some()
    };
    let mut known: BTreeSet<BString> = BTreeSet::new();
    let mut lost = false;
    for line in text.lines() {
        if let [kind, from, to, file, ..] = fields(line).as_slice()
            && *kind == "module"
        {
            if present(file) {
                known.extend([from.clone(), to.clone()]);
            } else {
                lost = true;
            }
        }
    }
    if !lost {
        return text.to_vec();
    }
    let mut out = b"# Without the conversions that are not in this image.\n".to_vec();
    for line in text.lines() {
        let stays = match fields(line).as_slice() {
            [kind, _, _, file, ..] if *kind == "module" => present(file),
            [kind, _, of, ..] if *kind == "alias" => known.contains(of),
            _ => false,
        };
        if stays {
            out.extend_from_slice(line);
            out.push(b'\n');
        }
    }
    out
}

/// Is Python in the image?
pub(crate) fn has_python(draft: &Draft<'_>) -> bool {
    let library = |e: &&Entry| {
        let name = rootfs::path::file_name(e.path.as_bstr());
        name.starts_with(b"python3.") && e.is_dir()
    };
    let lists = ["usr/lib", "usr/local/lib"];
    lists.iter().any(|dir| draft.list(dir.as_bytes().as_bstr()).iter().any(library))
}
