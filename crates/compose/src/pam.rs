//! `/etc/pam.d/common-*`, as `pam-auth-update --package` writes them on a first installation: the
//! templates of libpam-runtime with the lines of all profiles that are on by default
//! (pam-auth-update(8); the profiles' format is PAMConfigFrameworkSpec of Ubuntu's wiki).

use std::collections::{BTreeMap, BTreeSet};

use bstr::{BStr, BString, ByteSlice};

use crate::Rule;
use crate::draft::{Draft, DraftError};

/// The files, each with the prefix of its fields in a profile and the word that its lines begin with.
const STACKS: [(&str, &str, &str); 5] = [
    ("auth", "Auth", "auth"),
    ("account", "Account", "account"),
    ("password", "Password", "password"),
    ("session", "Session", "session"),
    ("session-noninteractive", "Session-noninteractive", "session"),
];

/// Between these lines of a template stand the profiles' lines.
const PRIMARY: &[u8] = b"# here are the per-package modules (the \"Primary\" block)";
const FALLBACK: &[u8] = b"# here's the fallback if no module succeeds";
const ADDITIONAL: &[u8] = b"# and here are more per-package modules (the \"Additional\" block)";
const END: &[u8] = b"# end of pam-auth-update config";

/// A profile of `/usr/share/pam-configs`.
#[derive(Debug, Default)]
struct Profile {
    name: BString,
    fields: BTreeMap<BString, BString>,
    conflicts: BTreeSet<BString>,
}

/// Writes the files, where libpam-runtime's templates are in the image and the files are not.
pub(crate) fn make(draft: &mut Draft<'_>) -> Result<(), DraftError> {
    let profiles = enabled(draft)?;
    if profiles.is_empty() {
        return Ok(());
    }
    for (name, field, word) in STACKS {
        let path = format!("etc/pam.d/common-{name}");
        let template = draft.read(format!("usr/share/pam/common-{name}").as_bytes().as_bstr())?;
        let Some(template) = template.filter(|_| !draft.exists(path.as_bytes().as_bstr())) else { continue };
        if let Some(text) = fill(&template, &profiles, field, word) {
            draft.put_file(&path, &text, 0o644, Rule::Pam)?;
        }
    }
    Ok(())
}

/// The profiles that are on, highest priority first, of equals the later name.
fn enabled(draft: &Draft<'_>) -> Result<Vec<Profile>, DraftError> {
    let files: Vec<BString> =
        draft.list(b"usr/share/pam-configs".as_bstr()).into_iter().map(|e| e.path.clone()).collect();
    let mut profiles = Vec::new();
    for path in files {
        let name = rootfs::path::file_name(path.as_bstr());
        if name.ends_with(b"~") || (name.starts_with(b"#") && name.ends_with(b"#")) {
            continue;
        }
        let Some(text) = draft.read(path.as_bstr())? else { continue };
        profiles.extend(Profile::read(name, &text));
    }
    profiles.retain(|p| p.get("Default") == b"yes");
    profiles.sort_by(|a, b| (b.priority(), &b.name).cmp(&(a.priority(), &a.name)));
    // Of two that exclude each other, the one that the other names goes.
    let mut at = 0;
    while at < profiles.len() {
        let conflicts = std::mem::take(&mut profiles[at].conflicts);
        let (name, mut n) = (profiles[at].name.clone(), 0);
        profiles.retain(|p| !conflicts.contains(&p.name) || p.name == name);
        while n < profiles.len() && profiles[n].name != name {
            n += 1;
        }
        at = n + 1;
    }
    Ok(profiles)
}

impl Profile {
    /// None for one that names a module which Linux-PAM has no more.
    fn read(name: &BStr, text: &[u8]) -> Option<Profile> {
        let mut profile = Profile { name: name.into(), ..Profile::default() };
        let mut field = BString::default();
        for line in text.lines() {
            if let Some((key, value)) = header(line) {
                // What the first specification called the last of the stack.
                field = key.strip_suffix(b"-Final").unwrap_or(key).into();
                if field == "Conflicts" {
                    profile.conflicts.extend(value.split_str(", ").map(BString::from));
                } else {
                    profile.fields.insert(field.clone(), value.into());
                }
                continue;
            }
            let line = line.trim_ascii();
            let value = profile.fields.entry(field.clone()).or_default();
            if !line.is_empty() {
                value.push(b'\n');
                value.extend_from_slice(line);
            }
            if value.contains_str("pam_tally") {
                return None;
            }
        }
        if !profile.fields.contains_key("Session-Interactive-Only".as_bytes().as_bstr()) {
            for ending in ["-Type", "", "-Initial"] {
                let value = profile.get(&format!("Session{ending}")).to_owned();
                profile.fields.insert(format!("Session-noninteractive{ending}").into(), value.into());
            }
        }
        Some(profile)
    }

    fn get(&self, field: &str) -> &[u8] {
        self.fields.get(field.as_bytes().as_bstr()).map(|v| v.trim_ascii()).unwrap_or_default()
    }

    fn priority(&self) -> i64 {
        self.get("Priority").to_str().ok().and_then(|p| p.parse().ok()).unwrap_or(0)
    }

    /// Its lines in a stack; the first module of a block has lines of its own.
    fn lines(&self, field: &str, first: bool) -> Vec<&[u8]> {
        let initial = self.get(&format!("{field}-Initial"));
        let text = if first && !initial.is_empty() { initial } else { self.get(field) };
        text.lines().filter(|l| !l.is_empty()).collect()
    }
}

/// `Field: value` at the beginning of a line; the value may be empty behind a blank.
fn header(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = line.iter().position(u8::is_ascii_whitespace).unwrap_or(line.len());
    let key = line[..end].strip_suffix(b":").filter(|k| !k.is_empty());
    // `Auth:` alone begins lines that follow.
    key.map(|key| (key, line[end..].trim_ascii()))
}

/// A template with the blocks of the profiles; none if it has not all the marks.
fn fill(template: &[u8], profiles: &[Profile], field: &str, word: &str) -> Option<BString> {
    let mut out = BString::default();
    // The mark that is waited for, and whether lines before it stay.
    let mut marks = [(PRIMARY, true), (FALLBACK, false), (ADDITIONAL, true), (END, false)].into_iter();
    let mut next = marks.next();
    for line in template.lines_with_terminator() {
        let found = next.filter(|(mark, _)| line.starts_with(mark));
        if found.is_some() || next.is_none_or(|(_, stays)| stays) {
            out.extend_from_slice(line);
        }
        let Some((mark, _)) = found else { continue };
        if mark == PRIMARY {
            block(&mut out, profiles, field, word, "Primary");
        } else if mark == ADDITIONAL {
            block(&mut out, profiles, field, word, "Additional");
        }
        next = marks.next();
    }
    next.is_none().then_some(out)
}

fn block(out: &mut BString, profiles: &[Profile], field: &str, word: &str, kind: &str) {
    let of_kind = profiles.iter().filter(|p| p.get(&format!("{field}-Type")) == kind.as_bytes());
    let lines: Vec<&[u8]> = of_kind.enumerate().flat_map(|(n, p)| p.lines(field, n == 0)).collect();
    if lines.is_empty() && kind == "Primary" {
        out.extend_from_slice(format!("{word}\t[default=1]\t\t\tpam_permit.so\n").as_bytes());
    }
    for (n, line) in lines.iter().enumerate() {
        // `end` means so many lines on; nothing jumps off the end of the second block.
        let rest = lines.len() - n;
        let jump = if kind == "Additional" { rest - 1 } else { rest };
        let (module, options) = split_module(line);
        out.extend_from_slice(word.as_bytes());
        out.push(b'\t');
        out.extend_from_slice(&module.replace("end", jump.to_string()));
        out.push(b' ');
        let options: Vec<&[u8]> = options.fields_with(|c| c.is_whitespace()).collect();
        out.extend_from_slice(&bstr::join(" ", options));
        out.push(b'\n');
    }
}

/// Control (a word or `[…]`) and module, and the module's options.
fn split_module(line: &[u8]) -> (&[u8], &[u8]) {
    let control = if line.starts_with(b"[") {
        line.find_byte(b']').map_or(line.len(), |at| at + 1)
    } else {
        line.iter().position(u8::is_ascii_whitespace).unwrap_or(line.len())
    };
    let blank = |from: usize| line[from..].iter().position(|b| !b.is_ascii_whitespace()).map(|n| from + n);
    let Some(module) = blank(control) else { return (line, b"") };
    let end = line[module..].iter().position(u8::is_ascii_whitespace).map_or(line.len(), |n| module + n);
    line.split_at(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEMPLATE: &str = "# top\n# here are the per-package modules (the \"Primary\" block)\n$x\n\
        # here's the fallback if no module succeeds\nauth requisite pam_deny.so\n\
        # and here are more per-package modules (the \"Additional\" block)\n$y\n\
        # end of pam-auth-update config\n# tail\n";

    fn profile(name: &str, text: &str) -> Profile {
        Profile::read(name.as_bytes().as_bstr(), text.as_bytes()).unwrap()
    }

    #[test]
    fn counts_jumps_to_the_end_of_a_block() {
        let all = [
            profile(
                "a",
                "Name: A\nAuth-Type: Primary\nAuth:\n\t[success=end default=ignore]\tpam_a.so x\nAuth-Initial:\n\
                 \t[success=end]  pam_a.so   first  y\n\toptional pam_b.so\n",
            ),
            profile("b", "Auth-Type: Primary\nAuth-Final:\n\t[success=end default=ignore]\tpam_c.so\n"),
            profile("c", "Auth-Type: Additional\nAuth:\n\t[default=end]\tpam_d.so\n"),
        ];
        let text = fill(TEMPLATE.as_bytes(), &all, "Auth", "auth").unwrap();
        assert_eq!(
            text,
            "# top\n# here are the per-package modules (the \"Primary\" block)\n\
             auth\t[success=3]  pam_a.so first y\nauth\toptional pam_b.so \n\
             auth\t[success=1 default=ignore]\tpam_c.so \n\
             # here's the fallback if no module succeeds\nauth requisite pam_deny.so\n\
             # and here are more per-package modules (the \"Additional\" block)\n\
             auth\t[default=0]\tpam_d.so \n# end of pam-auth-update config\n# tail\n"
        );
        let empty = fill(TEMPLATE.as_bytes(), &all, "Account", "account").unwrap();
        assert!(empty.contains_str("account\t[default=1]\t\t\tpam_permit.so\n"));
        assert_eq!(fill(b"# no marks\n", &all, "Auth", "auth"), None);
    }

    #[test]
    fn a_session_counts_for_programs_too_unless_it_says_otherwise() {
        let both = profile("a", "Session-Type: Additional\nSession:\n\toptional pam_a.so\n");
        assert_eq!(both.get("Session-noninteractive"), b"optional pam_a.so");
        let one = profile("a", "Session-Interactive-Only: yes\nSession:\n\toptional pam_a.so\n");
        assert_eq!(one.get("Session-noninteractive"), b"");
        assert!(Profile::read("t".as_bytes().as_bstr(), b"Auth:\n\trequired pam_tally.so\n").is_none());
    }
}
