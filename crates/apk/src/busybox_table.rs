//! What `busybox --list-full` says, read from the program's own tables without running it.
//!
//! Two tables of its read-only data say it: `applet_names`, sorted, each with a NUL behind it; and
//! `applet_install_loc`, half a byte for each, the lower half first (busybox, `applets/applet_tables.c`
//! and `libbb/appletlib.c`). The first is known by how it begins; the second has no mark, but some
//! programs whose place is the same in every build, and is taken only if one place in the file fits.

use bstr::ByteSlice;

/// Directories by number (`enum install_loc_t`).
const DIRECTORIES: [&str; 5] = ["", "bin/", "sbin/", "usr/bin/", "usr/sbin/"];

/// Programs that are in nearly every busybox, and the number of their directory.
const ANCHORS: [(&str, u8); 14] = [
    ("[", 3),
    ("ash", 1),
    ("awk", 3),
    ("cat", 1),
    ("chroot", 4),
    ("env", 3),
    ("ifconfig", 2),
    ("init", 2),
    ("ls", 1),
    ("mount", 1),
    ("sh", 1),
    ("sleep", 1),
    ("sysctl", 2),
    ("wc", 3),
];

/// So many of them must be there: by chance half-bytes fit once in five to this power.
const FEWEST_ANCHORS: usize = 8;
const MOST_APPLETS: usize = 1024;

/// The links that a busybox would install, relative to the root, in the program's order; `None` where
/// its tables are not found beyond doubt.
pub fn applet_paths(program: &[u8]) -> Option<Vec<String>> {
    let names = names(program)?;
    let places = places(program, &names)?;
    let path = |(name, place): (&&str, u8)| format!("{}{name}", DIRECTORIES[usize::from(place)]);
    Some(names.iter().zip(places).map(path).collect())
}

fn names(program: &[u8]) -> Option<Vec<&str>> {
    let at = program.find(b"[\0[[\0")?;
    let mut names: Vec<&str> = Vec::new();
    for name in program[at..].split(|b| *b == 0) {
        let fine = |b: u8| b.is_ascii_alphanumeric() || b"[_-+.".contains(&b);
        let Ok(name) = name.to_str() else { break };
        let sorted = names.last().is_none_or(|last| *last < name);
        if name.is_empty() || name.len() > 32 || !name.bytes().all(fine) || !sorted {
            break;
        }
        names.push(name);
    }
    (names.len() <= MOST_APPLETS).then_some(names)
}

fn places(program: &[u8], names: &[&str]) -> Option<Vec<u8>> {
    let known: Vec<(usize, u8)> =
        ANCHORS.iter().filter_map(|(name, place)| Some((names.binary_search(name).ok()?, *place))).collect();
    if known.len() < FEWEST_ANCHORS {
        return None;
    }
    let half = |table: &[u8], n: usize| table[n / 2] >> (n % 2 * 4) & 0xf;
    let fits = |table: &&[u8]| {
        known.iter().all(|(n, place)| half(table, *n) == *place)
            && (0..names.len()).all(|n| usize::from(half(table, n)) < DIRECTORIES.len())
            && (names.len().is_multiple_of(2) || half(table, names.len()) == 0)
    };
    let mut found = program.windows(names.len().div_ceil(2)).filter(fits);
    let table = found.next()?;
    // The same bytes twice would say the same.
    found.all(|other| other == table).then(|| (0..names.len()).map(|n| half(table, n)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `[ [[ ash awk cat chroot env ifconfig init ls mount`, and where they belong.
    fn program(table: &[u8]) -> Vec<u8> {
        let mut program = b"\x7fELF.....".to_vec();
        program.extend_from_slice(table);
        program
            .extend_from_slice(b"[\0[[\0ash\0awk\0cat\0chroot\0env\0ifconfig\0init\0ls\0mount\0\0/bin/ash\0");
        program
    }

    #[test]
    fn names_and_places_are_read() {
        let table = [0x33, 0x31, 0x41, 0x23, 0x12, 0x01];
        let paths = applet_paths(&program(&table)).unwrap();
        assert_eq!(
            paths.join(" "),
            "usr/bin/[ usr/bin/[[ bin/ash usr/bin/awk bin/cat usr/sbin/chroot usr/bin/env sbin/ifconfig sbin/init bin/ls bin/mount"
        );
    }

    #[test]
    fn what_is_in_doubt_is_not_believed() {
        assert_eq!(applet_paths(b""), None);
        assert_eq!(applet_paths(&program(b"")), None, "no table");
        assert_eq!(applet_paths(&program(&[0x33, 0x31, 0x41, 0x23, 0x12, 0x11])), None, "a half too many");
        let two = [0x33, 0x31, 0x41, 0x23, 0x12, 0x01, 0x34, 0x31, 0x41, 0x23, 0x12, 0x01];
        assert_eq!(applet_paths(&program(&two)).unwrap().len(), 11, "the second differs by an anchor");
        let two = [0x33, 0x31, 0x41, 0x23, 0x12, 0x01, 0x13, 0x31, 0x41, 0x23, 0x12, 0x01];
        assert_eq!(applet_paths(&program(&two)), None, "two that fit");
        assert_eq!(applet_paths(b"[\0[[\0ash\0cat\0\0"), None, "too few to know");
    }
}
