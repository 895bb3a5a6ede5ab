use bstr::{BStr, BString, ByteSlice};

/// What is wrong with a path from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// Nothing in it.
    #[error("the path is empty")]
    Empty,
    /// Begins with a slash.
    #[error("the path is absolute")]
    Absolute,
    /// Has a `..`.
    #[error("the path climbs out with `..`")]
    Climbs,
    /// Has a NUL byte.
    #[error("the path has a NUL byte")]
    Nul,
    /// Has another control character, where none may be.
    #[error("the path has a control character, by which it would forge lines in lists of files")]
    Control,
    /// Longer than [`MAX_PATH`].
    #[error("the path is longer than 4096 bytes")]
    TooLong,
    /// A component is longer than [`MAX_NAME`].
    #[error("a name in the path is longer than 255 bytes, which no file system of Linux takes")]
    NameTooLong,
}

/// The longest path and the longest target of a link: Linux's `PATH_MAX`.
pub const MAX_PATH: usize = 4096;

/// The longest component of a path: Linux's `NAME_MAX`. An image with a longer one can be built and pushed,
/// and no engine can unpack it.
pub const MAX_NAME: usize = 255;

/// Brings a path of an archive into a tree's form: without leading `./`, trailing or doubled
/// slashes and `.` components; `./` is the root (empty). Climbing and absolute paths are refused,
/// never mended: readers disagree about what they mean.
pub fn normalise(path: &[u8]) -> Result<BString, PathError> {
    if path.is_empty() {
        return Err(PathError::Empty);
    }
    if path.len() > MAX_PATH {
        return Err(PathError::TooLong);
    }
    if path[0] == b'/' {
        return Err(PathError::Absolute);
    }
    if path.contains(&0) {
        return Err(PathError::Nul);
    }
    let mut out = BString::new(Vec::with_capacity(path.len()));
    for part in path.split(|&b| b == b'/') {
        match part {
            b"" | b"." => {}
            b".." => return Err(PathError::Climbs),
            part if part.len() > MAX_NAME => return Err(PathError::NameTooLong),
            part => {
                if !out.is_empty() {
                    out.push(b'/');
                }
                out.extend_from_slice(part);
            }
        }
    }
    Ok(out)
}

/// The same for what other tools write (Go's `filepath.Clean` behind the root, as engines take it): leading
/// slashes and `.` are taken off, and `..` with the name before it. What climbs out of the root is refused.
pub fn normalise_foreign(path: &[u8]) -> Result<BString, PathError> {
    if path.is_empty() {
        return Err(PathError::Empty);
    }
    let inner = path.trim_start_with(|c| c == '/');
    if inner.is_empty() {
        return Ok(BString::default());
    }
    if !inner.split(|&b| b == b'/').any(|part| part == b"..") {
        return normalise(inner);
    }
    let mut parts: Vec<&[u8]> = Vec::new();
    for part in inner.split(|&b| b == b'/') {
        match part {
            b"" | b"." => {}
            b".." => drop(parts.pop().ok_or(PathError::Climbs)?),
            part => parts.push(part),
        }
    }
    if parts.is_empty() { Ok(BString::default()) } else { normalise(&parts.join(&b'/')) }
}

/// The directory that a path is in; none for the root.
pub fn parent(path: &BStr) -> Option<&BStr> {
    if path.is_empty() {
        return None;
    }
    Some(path.rfind_byte(b'/').map_or(BStr::new(b""), |at| path[..at].as_bstr()))
}

/// The last component.
pub fn file_name(path: &BStr) -> &BStr {
    path.rfind_byte(b'/').map_or(path, |at| path[at + 1..].as_bstr())
}

/// A path that does not lead anywhere.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ResolveError {
    /// More than 40 symbolic links, as Linux counts them.
    #[error("cannot follow /{path}: too many levels of symbolic links")]
    Loop {
        /// The path that was asked for.
        path: BString,
    },
    /// Longer than [`MAX_PATH`] on the way.
    #[error("cannot follow /{path}: the path becomes longer than 4096 bytes")]
    TooLong {
        /// The path that was asked for.
        path: BString,
    },
}

/// Linux's `MAXSYMLINKS`.
const MAX_LINKS: u32 = 40;

/// Follows `path` through the symbolic links that `link` knows, inside the tree: an absolute target
/// starts at the tree's root and `..` stops there, as in a chroot. Components that `link` does not
/// know are taken as they are, so the result need not exist. The last component is followed only
/// where `last` says so.
pub fn follow<'a>(
    path: &BStr,
    last: bool,
    link: impl Fn(&BStr) -> Option<&'a BStr>,
) -> Result<BString, ResolveError> {
    let mut done = BString::new(Vec::with_capacity(path.len()));
    // Components still to walk, next one at the end.
    let mut todo: Vec<BString> = components_backwards(path);
    let mut links = 0;
    while let Some(part) = todo.pop() {
        if part == ".." {
            let up = parent(done.as_bstr()).map_or(0, |p| p.len());
            done.truncate(up);
            continue;
        }
        let before = done.len();
        if !done.is_empty() {
            done.push(b'/');
        }
        done.extend_from_slice(&part);
        if done.len() > MAX_PATH {
            return Err(ResolveError::TooLong { path: path.into() });
        }
        if todo.is_empty() && !last {
            break;
        }
        if let Some(target) = link(done.as_bstr()) {
            links += 1;
            if links > MAX_LINKS {
                return Err(ResolveError::Loop { path: path.into() });
            }
            done.truncate(if target.starts_with(b"/") { 0 } else { before });
            todo.extend(components_backwards(target));
            if todo.len() > MAX_PATH {
                return Err(ResolveError::TooLong { path: path.into() });
            }
        }
    }
    Ok(done)
}

fn components_backwards(path: &BStr) -> Vec<BString> {
    path.rsplit(|&b| b == b'/').filter(|p| !p.is_empty() && *p != b".").map(BString::from).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn normalises_what_archives_write_and_refuses_the_rest() {
        for (from, to) in
            [("./", ""), (".", ""), ("./usr/", "usr"), ("usr//bin/./x", "usr/bin/x"), ("..x", "..x")]
        {
            assert_eq!(normalise(from.as_bytes()).unwrap(), to);
        }
        for (from, why) in [
            (&b""[..], PathError::Empty),
            (b"/etc", PathError::Absolute),
            (b"./../etc", PathError::Climbs),
            (b"a/..", PathError::Climbs),
            (b"a\0b", PathError::Nul),
            (&[b'a'; 4097], PathError::TooLong),
            (&[b'a'; 256], PathError::NameTooLong),
        ] {
            assert_eq!(normalise(from), Err(why));
        }
        let longest = format!("{0}/{0}", "a".repeat(255));
        assert_eq!(normalise(longest.as_bytes()).unwrap(), longest);
    }

    #[test]
    fn takes_what_other_tools_write_and_lets_nothing_climb() {
        for (from, to) in
            [("/etc/x", "etc/x"), ("//", ""), ("./a/../b", "b"), ("a/..", ""), ("/./a/", "a"), ("..x", "..x")]
        {
            assert_eq!(normalise_foreign(from.as_bytes()).unwrap(), to);
        }
        for bad in ["..", "/../etc", "a/../../b", "./../etc"] {
            assert_eq!(normalise_foreign(bad.as_bytes()), Err(PathError::Climbs));
        }
        assert_eq!(normalise_foreign(b""), Err(PathError::Empty));
        assert_eq!(normalise_foreign(b"/a\0b"), Err(PathError::Nul));
    }

    #[test]
    fn follows_links_inside_the_tree() {
        let links = |p: &BStr| -> Option<&'static BStr> {
            let to = match p.to_str_lossy().as_ref() {
                "lib" => "usr/lib",
                "usr/lib/abs" => "/etc/../../../lib/x",
                "a" => "b",
                "b" => "./a",
                _ => return None,
            };
            Some(BStr::new(to))
        };
        let go = |p: &str, last| follow(BStr::new(p), last, links).map(|p| p.to_string());
        assert_eq!(go("lib/x", true).unwrap(), "usr/lib/x");
        assert_eq!(go("lib", false).unwrap(), "lib");
        assert_eq!(go("lib/abs", true).unwrap(), "usr/lib/x");
        assert!(matches!(go("a", true), Err(ResolveError::Loop { .. })));
        assert_eq!(go("../../x", true).unwrap(), "x");
    }
}
