//! Whom an image runs as, in numbers: as runc reads `etc/passwd` and `etc/group` (libcontainer, user.go).

use bstr::ByteSlice;
use report::RunAs;

/// The user of a config. A name that `passwd` does not have stays without a number.
pub(super) fn run_as(user: &str, passwd: &[u8], group: &[u8]) -> RunAs {
    let (name, group_name) = match user.split_once(':') {
        Some((name, group)) => (name, Some(group)),
        None => (user, None),
    };
    let name = if name.is_empty() { "0" } else { name };
    let row = rows(passwd).find(|row| row.first() == Some(&name) || row.get(2) == Some(&name));
    let number = |text: Option<&&str>| text.and_then(|t| t.parse().ok());
    let listed = row.as_ref().and_then(|row| number(row.get(2)));
    let uid = listed.or_else(|| name.parse().ok()).or((name == "root").then_some(0));
    let mut gids: Vec<u32> = match group_name {
        Some(wanted) => {
            let row = rows(group).find(|row| row.first() == Some(&wanted) || row.get(2) == Some(&wanted));
            let listed = row.and_then(|row| number(row.get(2)));
            listed.or_else(|| wanted.parse().ok()).into_iter().collect()
        }
        None => {
            let listed = row.as_ref().and_then(|row| number(row.get(3))).unwrap_or(0);
            let login = row.as_ref().and_then(|row| row.first().copied());
            let member = |row: &Vec<&str>| {
                login.is_some_and(|login| row.get(3).is_some_and(|list| list.split(',').any(|m| m == login)))
            };
            let others = rows(group).filter(member).filter_map(|row| number(row.get(2)));
            std::iter::once(listed).chain(others).collect()
        }
    };
    gids.sort_unstable();
    gids.dedup();
    RunAs { text: user.to_owned(), uid, gids }
}

fn rows(text: &[u8]) -> impl Iterator<Item = Vec<&str>> {
    text.lines().filter_map(|line| line.to_str().ok()).map(|line| line.split(':').collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWD: &[u8] = b"root:x:0:0:root:/root:/bin/sh\nweb:x:33:33::/:/x\nnonroot:x:65532:65532::/:/x\n";
    const GROUP: &[u8] = b"root:x:0:\nweb:x:33:\nssl-cert:x:104:web,nonroot\n";

    #[test]
    fn names_and_numbers_as_an_engine_reads_them() {
        for (user, uid, gids) in [
            ("", Some(0), vec![0]),
            ("root", Some(0), vec![0]),
            ("web", Some(33), vec![33, 104]),
            ("33", Some(33), vec![33, 104]),
            ("65532:0", Some(65532), vec![0]),
            ("web:ssl-cert", Some(33), vec![104]),
            ("1234", Some(1234), vec![0]),
            ("nobody-knows", None, vec![0]),
        ] {
            let found = run_as(user, PASSWD, GROUP);
            assert_eq!((found.uid, found.gids), (uid, gids), "{user}");
        }
        assert_eq!(run_as("root", b"", b"").uid, Some(0), "an image without accounts");
    }
}
