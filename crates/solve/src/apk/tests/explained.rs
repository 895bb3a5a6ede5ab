use diag::Explain;
use package::Universe;

use super::reader::universe;
use crate::apk::{Request, solve};

/// `name version [field:value]…`, one package a line.
pub(super) fn index(lines: &[&str]) -> String {
    let mut text = String::new();
    for (i, line) in lines.iter().enumerate() {
        let mut words = line.split(' ');
        let (name, version) = (words.next().unwrap(), words.next().unwrap());
        text += &format!("C:made-up-{i}-{line}\nP:{name}\nV:{version}\nI:1\n");
        for field in line.split(" | ").skip(1) {
            text += &format!("{field}\n");
        }
        text.push('\n');
    }
    text
}

fn explained(universe: &Universe, world: &[&str]) -> String {
    let why = solve(universe, &Request::lines("amd64", world.iter().copied())).unwrap_err();
    let mut lines = vec![why.to_string()];
    lines.extend(why.details());
    lines.extend(why.hint().map(|h| format!("hint: {h}")));
    lines.join("\n")
}

#[test]
fn failures_are_chains_that_end_in_a_remedy() {
    let main = index(&[
        "app 1 | D:lib>1 sh",
        "lib 1",
        "tool 2 | D:lib2",
        "busybox 1 | p:sh",
        "dash 1 | p:sh",
        "old 1 | D:!new",
        "new 3",
        "user 1 | D:new",
        "wants 1 | D:so:libz.so.1",
        "zlib 1 | p:so:libz.so.2=2",
    ]);
    let edge = index(&["lib2 9", "openssl 4"]);
    let universe = universe([(None, main.as_str()), (Some("edge"), edge.as_str())]);
    for (world, wanted) in [
        (
            &["app"][..],
            "cannot solve the packages asked for: they do not fit together\n\
             you asked for `app`, which is app 1\n\
             app 1 needs lib>1\n\
             lib exists only as 1 (repository-0)\n\
             hint: relax the version, or add the repository that has it",
        ),
        (
            &["sh"],
            "cannot choose package `sh`: several packages provide sh without a priority: busybox, dash\n\
             hint: name one: busybox, dash",
        ),
        (
            &["tool"],
            "cannot solve the packages asked for: they do not fit together\n\
             you asked for `tool`, which is tool 2\n\
             tool 2 needs lib2\n\
             lib2 is only in repositories with the tag edge\n\
             hint: allow the repository for it: add lib2@edge to the packages",
        ),
        (
            &["tool@nowhere"],
            "cannot choose package `tool@nowhere`: no repository has the tag `nowhere`\n\
             hint: the tags are edge",
        ),
        (
            &["old", "user"],
            "cannot solve the packages asked for: they do not fit together\n\
             you asked for `old`, which is old 1\n\
             old 1 excludes new\n\
             you asked for `user`, which is user 1\n\
             user 1 needs new\n\
             hint: remove or replace one of the packages named above, or name the version that fits",
        ),
        (
            &["bussybox", "dahs", "app"],
            "cannot find package `bussybox`: no index has the name `bussybox`\n\
             nor is there `dahs`; did you mean dash\n\
             hint: did you mean busybox?",
        ),
        (
            &["wants"],
            "cannot solve the packages asked for: they do not fit together\n\
             you asked for `wants`, which is wants 1\n\
             wants 1 needs so:libz.so.1\n\
             no index has so:libz.so.1, and no package provides it\n\
             hint: check the name and whether its repository is in `repositories:`",
        ),
        (
            &["lib=x"],
            "cannot read package `lib=x`: apk has no such version\n\
             hint: write name, name=1.2-r0, name~1.2, name>=1.2, name@tag or !name",
        ),
    ] {
        assert_eq!(explained(&universe, world), wanted, "{world:?}");
    }
}

#[test]
fn where_nothing_is_left_each_package_has_its_reason() {
    let main = index(&["editor 2 | D:colours=1", "colours 2", "colours 1 | A:s390x"]);
    let edge = index(&["colours 1"]);
    let universe = universe([(None, main.as_str()), (Some("edge"), edge.as_str())]);
    assert_eq!(
        explained(&universe, &["editor", "colours"]),
        "cannot choose package `colours`: nothing is left for colours: \
         colours 2: editor 2 needs colours=1; colours 1: it cannot be installed here; \
         colours 1: nothing that needs it allows its repository's tag\n\
         hint: remove or replace one of the packages named above, or name the version that fits"
    );
}
