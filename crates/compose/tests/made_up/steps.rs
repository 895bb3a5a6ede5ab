//! What scripts do with files, against names of one file and against merged `/usr`.

use bstr::BString;
use compose::Note;
use rootfs::actions::{Account, Attributes, Change, Existing, FileAction, Keeps, Override};

use crate::world::{Made, World};
use crate::{NONROOT, step};

fn made(lines: &[&str], actions: Vec<FileAction>) -> Made {
    let mut world = World::new();
    world.package("a", lines).actions.steps = actions.into_iter().map(step).collect();
    world.compose(NONROOT).unwrap_or_else(|e| panic!("{e}"))
}

fn path(text: &str) -> BString {
    text.into()
}

fn mode(at: &str, set: u32, recursive: bool) -> FileAction {
    FileAction::Change { path: path(at), change: Change::Mode { keep: 0, set }, recursive }
}

const PROGRAM: [&str; 3] = ["*usr/bin/a", "usr/bin/b = usr/bin/a", "usr/bin/c = usr/bin/a"];

#[test]
fn a_file_has_one_mode_and_owner_by_whichever_name_they_are_given() {
    let lines = |made: &Made| ["a", "b", "c"].map(|n| made.line(&format!("usr/bin/{n}")));
    for name in ["usr/bin/a", "usr/bin/b", "usr/bin"] {
        let made = made(&PROGRAM, vec![mode(name, 0o700, name == "usr/bin")]);
        assert_eq!(
            lines(&made),
            ["0700 0:0 file \"usr/bin/a\"", "0700 0:0 = usr/bin/a", "0700 0:0 = usr/bin/a"],
            "{name}"
        );
    }
    let mut world = World::new();
    let (user, group) = (Account::Id(0), Account::Id(8));
    let over = Override { path: path("usr/bin/c"), user, group, mode: 0o711 };
    world.package("a", &PROGRAM).actions.overrides.push(over);
    let made = world.compose(NONROOT).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(lines(&made), ["0711 0:8 file \"usr/bin/a\"", "0711 0:8 = usr/bin/a", "0711 0:8 = usr/bin/a"]);
}

#[test]
fn names_of_one_file_come_alike_out_of_a_package() {
    let mut world = World::new();
    world.package("a", &PROGRAM).entry("usr/bin/b").uid = 7;
    let made = world.compose(NONROOT).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(made.line("usr/bin/b"), "0755 0:0 = usr/bin/a");
}

#[test]
fn what_is_moved_onto_itself_stays() {
    let moved = |from: &str, to: &str| FileAction::Move {
        from: path(from),
        to: path(to),
        existing: Existing::Replace,
    };
    let into = moved("usr/share", "usr/share/deep");
    let all = vec![moved("bin/a", "usr/bin/a"), moved("usr/bin/c", "bin"), into];
    let made = made(&[&PROGRAM[..], &["usr/share/x"]].concat(), all);
    assert_eq!(made.line("usr/bin/a"), "0755 0:0 file \"usr/bin/a\"");
    assert_eq!(made.line("usr/bin/c"), "0755 0:0 = usr/bin/a");
    assert_eq!(made.line("usr/share/x"), "0644 0:0 file \"usr/share/x\"");
    let why = made.composition.notes.iter().filter_map(|n| match n {
        Note::StepSkipped { why, .. } => Some(why.as_str()),
        _ => None,
    });
    let said =
        ["usr/bin/a", "usr/bin/c", "usr/share"].map(|p| format!("cannot move /{p} onto or into itself"));
    assert_eq!(why.collect::<Vec<_>>(), said);
}

#[test]
fn a_copy_keeps_what_the_program_that_makes_it_keeps() {
    let copy = |to: &str, keeps: Keeps| FileAction::Copy {
        from: path("usr/share/a"),
        to: path(to),
        recursive: false,
        keeps,
        attributes: Attributes::default(),
        existing: Existing::Replace,
    };
    let mut world = World::new();
    let package = world.package("a", &["usr/share/a: new", "etc/a: old"]);
    let source = package.entry("usr/share/a");
    (source.mode, source.uid, source.gid) = (0o775, 7, 8);
    let old = package.entry("etc/a");
    (old.mode, old.gid) = (0o640, 9);
    let all = [("etc/all", Keeps::All), ("etc/mode", Keeps::Mode), ("etc/none", Keeps::Nothing)];
    let all = all.into_iter().chain([("etc/a", Keeps::Mode)]);
    package.actions.steps = all.map(|(to, keeps)| step(copy(to, keeps))).collect();
    let made = world.compose(NONROOT).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(made.line("etc/all"), "0775 7:8 file \"new\"");
    assert_eq!(made.line("etc/mode"), "0755 0:0 file \"new\"");
    assert_eq!(made.line("etc/none"), "0755 0:0 file \"new\"");
    assert_eq!(made.line("etc/a"), "0640 0:9 file \"new\"", "cp writes into the file that is there");
}

#[test]
fn a_hard_link_takes_no_place_unless_it_is_forced() {
    let link = |replace: bool| FileAction::Hardlink {
        path: path("usr/bin/old"),
        target: path("usr/bin/a"),
        replace,
    };
    let lines = [&PROGRAM[..], &["usr/bin/old: old"]].concat();
    assert_eq!(made(&lines, vec![link(false)]).line("usr/bin/old"), "0644 0:0 file \"old\"");
    assert_eq!(made(&lines, vec![link(true)]).line("usr/bin/old"), "0755 0:0 = usr/bin/a");
}
