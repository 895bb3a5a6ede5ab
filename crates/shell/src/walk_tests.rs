//! Whole scripts on a system that has nothing: what they ask for, and what is left of them.

use rootfs::actions::{FileAction, Keeps};

use crate::reading::{Answers, Outcome, Run, read};
use crate::report::Verdict;
use crate::state::Act;
use crate::system::{Bare, Scene};
use crate::world::Unknown;

fn walked(script: &str) -> Outcome {
    let scene = Scene { system: &Bare, world: &Unknown, unpacked: true };
    read(script.as_bytes(), &scene, Answers::new(), &[Run::default()])
}

fn leftovers(script: &str) -> Vec<String> {
    match walked(script).verdict {
        Verdict::NotReplaced { commands, .. } => commands.into_iter().map(|l| l.command).collect(),
        _ => Vec::new(),
    }
}

fn asked(script: &str) -> Vec<FileAction> {
    let file = |act| match act {
        Act::File(action) => action,
        other => panic!("{other:?}"),
    };
    walked(script).asked.into_iter().map(|a| file(a.act)).collect()
}

#[test]
fn what_another_umask_decides_is_left_over() {
    let made = ["mkdir /a", "touch /a", "mkdir -p -m 700 /a/b", "cp /b /a", "chmod +w /a", "chmod a-x,=r /a"];
    for command in made {
        for umask in ["umask 077", "umask \"$(mask)\"", "umask 022; if /no/such; then umask 27; fi"] {
            let left = leftovers(&format!("{umask}\n{command}\n"));
            assert!(left.contains(&command.to_owned()), "{umask}: {command}: {left:?}");
        }
        for umask in ["umask", "umask -S", "umask 0022", "umask 077; umask u=rwx,g=rx,o=rx", "(umask 077)"] {
            assert_eq!(leftovers(&format!("{umask}\n{command}\n")), [""; 0], "{umask}: {command}");
        }
    }
    for command in ["mkdir -m 700 /a", "cp -p /b /a", "chmod a+w /a", "install /b /a", "ln /b /a", "rm /a"] {
        assert_eq!(leftovers(&format!("umask 077\n{command}\n")), [""; 0], "{command}");
    }
    assert_eq!(leftovers("umask 077\necho x > /a\n"), ["> /a"]);
}

#[test]
fn copies_and_links_say_what_they_keep_and_replace() {
    let keeps = |command: &str| match asked(command).as_slice() {
        [FileAction::Copy { keeps, .. }] => *keeps,
        other => panic!("{command}: {other:?}"),
    };
    for (command, wanted) in [
        ("cp /a /b", Keeps::Mode),
        ("cp -r /a /b", Keeps::Mode),
        ("cp -p /a /b", Keeps::All),
        ("cp -a /a /b", Keeps::All),
        ("cp --preserve=mode,ownership /a /b", Keeps::All),
        ("install -m 644 /a /b", Keeps::Nothing),
    ] {
        assert_eq!(keeps(command), wanted, "{command}");
    }
    assert_eq!(leftovers("cp --preserve=ownership /a /b"), ["cp --preserve=ownership /a /b"]);
    for (command, wanted) in [("ln /a /b", false), ("ln -f /a /b", true)] {
        let [FileAction::Hardlink { replace, .. }] = asked(command)[..] else { panic!("{command}") };
        assert_eq!(replace, wanted, "{command}");
    }
}

/// Stacks and time end, scripts may go on: each of these is left over, soon.
#[test]
fn what_goes_too_deep_or_on_too_long_is_left_over() {
    let wrapped = "nice env ".repeat(20_000) + "true\n";
    assert_eq!(leftovers(&wrapped), ["a command in too many others"]);
    let applets = "busybox ".repeat(20_000) + "true\n";
    assert_eq!(leftovers(&applets), ["a command in too many others"]);
    let branches = format!("if :; then :; {}fi\n", "elif test -e /a; then :; ".repeat(20_000));
    assert_eq!(leftovers(&branches), [""; 0], "the first is taken");
    let branches = format!("if false; then :; {}fi\n", "elif false; then :; ".repeat(20_000));
    assert_eq!(leftovers(&branches), [""; 0], "none is taken");
    let branches = format!("if false; then :; {}fi\n", "elif test -e /a; then :; ".repeat(20_000));
    assert_eq!(leftovers(&branches), ["an `if` with too many branches"]);
    let few = format!("if false; then :; {}fi\n", "elif test -e /a; then :; ".repeat(20));
    assert_eq!(leftovers(&few), [""; 0]);
}

#[test]
fn cutting_strings_is_work() {
    let (long, pattern) = ("a".repeat(2000), "a*".repeat(120));
    let cut = format!("${{x#{pattern}b}}");
    let unknown = format!("x={long}\nmkdir \"/{cut}\"\n");
    assert_eq!(leftovers(&unknown).len(), 1, "one is too much");
    assert_eq!(leftovers("x=usr/lib/a.so.1\nmkdir /${x##*/} /${x%%.*} /${x#*a}\n"), [""; 0]);
    let long = "a".repeat(1000);
    let many = format!("x={long}\n: {}\n:\n", "${x#*ab} ".repeat(2_000));
    assert_eq!(leftovers(&many), ["the rest of a script that is too long"]);
}

#[test]
fn arguments_weigh_what_they_take() {
    let arguments = "0123456789 ".repeat(10_000);
    let many = format!("set -- {arguments}\n{}", "if x; then :; fi\n".repeat(1_000));
    assert!(leftovers(&many).contains(&"the rest of a script that is too long".to_owned()));
}

#[test]
fn a_command_that_is_not_applied_touches_nothing() {
    let script = "mkdir /a\nif test -d /a; then mkdir /b; fi\nrm /a/c\ncp /x \"/a/$(date)\" /c\n\
                  if test -e /c; then rm /d; fi\n";
    let outcome = walked(script);
    let last = outcome.asked.last().unwrap();
    assert_eq!(last.when.len(), 1, "whether /c is there depends on the tree: {:?}", outcome.asked);
}
