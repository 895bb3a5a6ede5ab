use package::{
    Cause, Comparison, CutEdge, HiddenEdge, MultiArch, RecordDraft, Shelf, ShelfBuilder, ShelfSource,
    Standing, Universe, World,
};

use super::*;

/// A world as a text table: one record a line, `name version[:arch] field=value; …`, and a line
/// `[repository priority standing]` before the records of each further index.
fn world(table: &str) -> Universe {
    let mut universe = Universe::new();
    let mut source = ShelfSource::distribution("debian/trixie");
    let mut builder = ShelfBuilder::new(World::Debian);
    for line in table.lines().map(str::trim).filter(|l| !l.is_empty()) {
        if let Some(header) = line.strip_prefix('[') {
            let next = read_source(header.trim_end_matches(']'));
            let full = std::mem::replace(&mut builder, ShelfBuilder::new(World::Debian));
            if !full.is_empty() {
                universe.add(Shelf::from_bytes(full.finish()).unwrap(), source);
            }
            source = next;
        } else {
            push(&mut builder, line);
        }
    }
    universe.add(Shelf::from_bytes(builder.finish()).unwrap(), source);
    universe
}

fn read_source(header: &str) -> ShelfSource {
    let words: Vec<&str> = header.split_whitespace().collect();
    let mut source = ShelfSource::distribution(words[0]);
    source.suite = words[0].rsplit('/').next().unwrap().to_owned();
    source.priority = words.get(1).map_or(500, |w| w.parse().unwrap());
    source.standing = match words.get(2) {
        Some(&"third-party") => Standing::ThirdParty,
        Some(&"ranked") => Standing::Ranked,
        _ => Standing::Distribution,
    };
    source
}

fn push(builder: &mut ShelfBuilder, line: &str) {
    let (name, rest) = line.split_once(' ').unwrap();
    let (version, fields) = rest.split_once(' ').unwrap_or((rest, ""));
    let (version, arch) = version.split_once('@').unwrap_or((version, "amd64"));
    let digest = oci::Digest::of(format!("{line}{}", builder.len()).as_bytes());
    let mut draft = RecordDraft { name, version, arch, path: "x", ..RecordDraft::default() };
    draft.identity = Some(package::Identity::Whole(digest));
    for field in fields.split(';').map(str::trim).filter(|f| !f.is_empty()) {
        let (key, value) = field.split_once(": ").unwrap_or((field, ""));
        match key {
            "D" => draft.depends = value,
            "P" => draft.pre_depends = value,
            "C" => draft.conflicts = value,
            "B" => draft.breaks = value,
            "V" => draft.provides = value,
            "S" => draft.suggests = value,
            "essential" => draft.essential = true,
            "required" => draft.priority = package::Priority::Required,
            "optional" => draft.priority = package::Priority::Optional,
            "same" => draft.multi_arch = MultiArch::Same,
            "foreign" => draft.multi_arch = MultiArch::Foreign,
            "allowed" => draft.multi_arch = MultiArch::Allowed,
            other => panic!("no field {other}"),
        }
    }
    builder.push(&draft).unwrap();
}

fn show(universe: &Universe, solution: &Solution) -> String {
    let of = |c: &Chosen| {
        let r = universe.record(c.id);
        if r.arch() == "amd64" {
            format!("{}={}", r.name(), r.version())
        } else {
            format!("{}={}@{}", r.name(), r.version(), r.arch())
        }
    };
    solution.chosen.iter().map(of).collect::<Vec<_>>().join(" ")
}

/// Solves names and gives the set in install order, after checking it; or the details of the failure.
fn chosen(table: &str, names: &str) -> String {
    let universe = world(table);
    answer(&universe, &Request::names("amd64", names.split_whitespace()))
}

fn answer(universe: &Universe, request: &Request) -> String {
    match solve(universe, request) {
        Ok(solution) => {
            let ids: Vec<_> = solution.chosen.iter().map(|c| c.id).collect();
            assert_eq!(validate(universe, &request.arch, &ids), [], "the answer is valid");
            show(universe, &solution)
        }
        Err(error) => {
            let mut lines = vec![error.to_string()];
            lines.extend(diag::Explain::details(&error));
            lines.extend(diag::Explain::hint(&error).map(|h| format!("hint: {h}")));
            lines.join("\n")
        }
    }
}

#[test]
fn takes_the_first_alternative_that_works() {
    let table = "
        app 1 D: b | a, c
        a 1
        b 1
        c 1 D: a | b
    ";
    assert_eq!(chosen(table, "app"), "b=1 c=1 app=1");
    let without_b = table.replace("        b 1\n", "");
    assert_eq!(chosen(&without_b, "app"), "a=1 c=1 app=1");
}

#[test]
fn chooses_among_providers_as_apt_does() {
    let real_first = "app 1 D: v\n x 1 V: v\n v 2\n y 1 V: v";
    assert_eq!(chosen(real_first, "app"), "v=2 app=1");
    let priority = "app 1 D: v\n x 1 V: v; optional\n y 1 V: v; required\n z 1 V: v; optional";
    assert_eq!(chosen(priority, "app"), "y=1 app=1");
    let last_mentioned = "app 1 D: v\n x 1 V: v\n y 1 V: v\n z 1 V: v";
    assert_eq!(chosen(last_mentioned, "app"), "z=1 app=1");
    let mentioned_early = "a 1 D: z\n app 1 D: v\n x 1 V: v\n y 1 V: v\n z 1 V: v";
    assert_eq!(chosen(mentioned_early, "app"), "y=1 app=1", "z was mentioned before y");
    let versioned = "app 1 D: v (>= 2)\n x 1 V: v (= 3)\n y 1 V: v\n z 1 V: v (= 1)";
    assert_eq!(chosen(versioned, "app"), "x=1 app=1", "only a versioned Provides meets a bound");
}

#[test]
fn pins_and_standings_decide_the_candidate() {
    let table = "
        a 1
        [debian/trixie-security]
        a 1.1
        [debian/trixie-backports 100]
        a 2
        b 1
        [acme/stable 500 third-party]
        a 9
        c 1
    ";
    assert_eq!(chosen(table, "a b c"), "a=1.1 b=1 c=1");
    let ranked = table.replace("third-party", "ranked");
    assert_eq!(chosen(&ranked, "a"), "a=9");
    let universe = world(table);
    let mut request = Request::names("amd64", ["a"]);
    request.asks[0].suite = Some("acme/stable".into());
    assert_eq!(answer(&universe, &request), "a=9", "the line names the repository");
    request.asks[0].suite = Some("trixie-backports".into());
    assert_eq!(answer(&universe, &request), "a=2");
    request.asks[0].suite = None;
    request.asks[0].bound = Some((Comparison::GreaterEqual, "1.5".into()));
    assert_eq!(answer(&universe, &request), "a=2", "a bound looks in the distribution first");
    request.asks[0].bound = Some((Comparison::Equal, "1".into()));
    assert_eq!(answer(&universe, &request), "a=1");
}

#[test]
fn a_suite_brings_the_versions_that_its_package_needs() {
    let table = "
        a 1 D: lib (>= 1)
        lib 1
        [debian/backports 100]
        a 2 D: lib (>= 2)
        lib 2
    ";
    let universe = world(table);
    let mut request = Request::names("amd64", ["a"]);
    request.asks[0].suite = Some("backports".into());
    assert_eq!(answer(&universe, &request), "lib=2 a=2");
}

#[test]
fn conflicts_turn_to_other_alternatives() {
    let table = "
        app 1 D: x | y, z
        x 1
        y 1
        z 1 C: x
    ";
    assert_eq!(chosen(table, "app"), "y=1 z=1 app=1");
    let breaks = "app 1 D: x | y, z\n x 1\n y 1\n z 1 B: x (<< 2)";
    assert_eq!(chosen(breaks, "app"), "y=1 z=1 app=1");
    let own_virtual = "x 1 C: v; V: v\n y 1 C: v; V: v";
    assert_eq!(chosen(own_virtual, "x"), "x=1", "nobody conflicts with itself");
}

#[test]
fn multi_arch_decides_across_architectures() {
    let table = "
        app 1@arm64 D: lib, tool, perl:any
        lib 1 same
        lib 1@arm64 same
        tool 1 foreign
        perl 1 allowed
        data 1@all
        need-data 1@arm64 D: data
    ";
    let universe = world(table);
    let mut request = Request::names("amd64", ["app"]);
    request.asks[0].arch = Some("arm64".into());
    request.foreign = vec!["arm64".into()];
    assert_eq!(answer(&universe, &request), "lib=1@arm64 perl=1 tool=1 app=1@arm64");
    request.asks[0].name = "need-data".into();
    let refused = answer(&universe, &request);
    assert!(refused.contains("needs data"), "`all` counts as native: {refused}");
    request.asks[0].arch = None;
    request.asks[0].name = "lib".into();
    request.asks.push(Ask { arch: Some("arm64".into()), ..Ask::name("lib") });
    assert_eq!(answer(&universe, &request), "lib=1 lib=1@arm64", "`same` may be there twice");
}

#[test]
fn circles_are_ordered_by_pre_depends_then_by_name() {
    let table = "
        app 1 D: b
        b 1 D: c
        c 1 D: a
        a 1 D: b
        base 1 essential
        pre 1 D: late
        late 1 P: pre
    ";
    assert_eq!(
        chosen(table, "app late base"),
        "base=1 a=1 b=1 app=1 c=1 pre=1 late=1".replace("app=1 c=1", "c=1 app=1")
    );
    assert_eq!(
        chosen(table, "base late app"),
        chosen(table, "app late base"),
        "the request's order plays no part"
    );
}

#[test]
fn explains_what_cannot_be() {
    let table = "
        app 1 D: lib (>= 2)
        mid 1 D: app
        lib 1
        gone 1 D: nowhere | elsewhere
        left 1 D: x
        right 1 D: y
        x 1
        y 1 C: x
        virtual-a 1 V: mail
        virtual-b 1 V: mail
    ";
    for (names, expected) in [
        (
            "mid",
            "cannot solve the packages asked for: they do not fit together\nyou asked for `mid`, which is mid 1\nmid 1 needs app\n\
             app 1 needs lib (>= 2)\nlib exists only as 1 (debian/trixie)\n\
             hint: remove or replace one of the packages named above, or relax its version",
        ),
        (
            "gone",
            "cannot solve the packages asked for: they do not fit together\nyou asked for `gone`, which is gone 1\n\
             gone 1 needs nowhere | elsewhere\nno index has nowhere, and no package provides it\n\
             no index has elsewhere, and no package provides it\n\
             hint: remove or replace one of the packages named above, or relax its version",
        ),
        (
            "left right",
            "cannot solve the packages asked for: they do not fit together\nyou asked for `right`, which is right 1\n\
             right 1 needs y\nyou asked for `left`, which is left 1\nleft 1 needs x\ny 1 conflicts with x, which is x 1\n\
             hint: remove or replace one of the packages named above, or relax its version",
        ),
        ("lift", "cannot find package `lift`: no index has the name `lift`\nhint: did you mean left?"),
        (
            "mail",
            "cannot choose package `mail`: it is a virtual name with several providers\nprovided by virtual-b\nprovided by virtual-a\n\
             hint: name one: virtual-b, virtual-a",
        ),
    ] {
        assert_eq!(chosen(table, names), expected);
    }
}

#[test]
fn an_earlier_answer_is_kept_while_it_fits() {
    let table = "
        app 1 D: lib, mta
        lib 1
        lib 2
        x 1 V: mta
        y 1 V: mta
    ";
    let universe = world(table);
    let mut request = Request::names("amd64", ["app"]);
    assert_eq!(answer(&universe, &request), "lib=2 y=1 app=1");
    let keep = |name: &str, version: &str| Preferred {
        name: name.into(),
        arch: "amd64".into(),
        version: version.into(),
    };
    request.prefer = vec![keep("lib", "1"), keep("x", "1"), keep("gone", "1")];
    assert_eq!(answer(&universe, &request), "lib=1 x=1 app=1");
    let moved = world(&table.replace("D: lib,", "D: lib (>= 2),"));
    assert_eq!(answer(&moved, &request), "lib=2 x=1 app=1");
}

#[test]
fn cut_and_hidden_edges() {
    let table = "
        base 1 P: awk
        mawk 1 V: awk; D: lib
        lib 1 D: libgcc
        libgcc 1
        other 1 D: lib
    ";
    const CUT: &[CutEdge] =
        &[CutEdge { package: "base", dependency: "awk", reason: "only its postinst calls it" }];
    let universe = world(table);
    let mut request = Request::names("amd64", ["base", "other"]);
    request.hidden = vec![HiddenEdge { package: "base", dependency: "libgcc", reason: "it opens it" }];
    let solution = solve(&universe, &request).unwrap();
    let pruned = prune(&universe, &request, &solution, CUT, &[]);
    let names = |pins: &[package::Pin]| pins.iter().map(|p| p.name.clone()).collect::<Vec<_>>().join(" ");
    assert_eq!(names(&pruned.closure.pins), "libgcc lib base other");
    assert_eq!(pruned.closure.left_out.len(), 1);
    assert_eq!(pruned.closure.left_out[0].pin.name, "mawk");
    let edges = vec![("base".to_owned(), "awk".to_owned(), "only its postinst calls it".to_owned())];
    assert_eq!(pruned.closure.left_out[0].reason, package::Reason::OnlyForScripts { edges });
    assert_eq!(pruned.applied, [Applied { edge: CUT[0], still_there: false }]);
    let hidden = Cause::Hidden { by: "base".into(), reason: "it opens it".into() };
    assert!(pruned.closure.pins[0].because.contains(&hidden));
    let named = Request::names("amd64", ["base", "mawk"]);
    let solution = solve(&universe, &named).unwrap();
    let pruned = prune(&universe, &named, &solution, CUT, &[]);
    assert_eq!(names(&pruned.closure.pins), "libgcc lib mawk base", "what the user names stays");
    assert!(pruned.applied[0].still_there);
    let removed = prune(&universe, &named, &solution, &[], &["mawk"]);
    assert_eq!(names(&removed.closure.pins), "base");
    assert_eq!(removed.closure.left_out.iter().filter(|l| l.reason == package::Reason::Removed).count(), 1);
}

/// In worlds small enough to try every set: an answer is valid, and there is none only if none is.
#[test]
fn small_worlds_agree_with_trying_everything() {
    let mut seed = 42u64;
    let mut roll = |n: usize| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) as usize % n
    };
    let (mut met, mut refused, mut searched) = (0, 0, 0);
    for _ in 0..1500 {
        let mut table = String::new();
        for name in ["a", "b", "c", "d", "e"] {
            for version in 1..=1 + roll(2) {
                let mut line = format!("{name} {version} ");
                let other = |roll: &mut dyn FnMut(usize) -> usize| {
                    let bound = ["", "", " (>= 2)", " (<< 2)", " (= 1)"][roll(5)];
                    format!("{}{bound}", ["a", "b", "c", "d", "e", "v"][roll(6)])
                };
                if roll(3) > 0 {
                    line += &format!("D: {} | {}; ", other(&mut roll), other(&mut roll));
                }
                if roll(3) == 0 {
                    line += &format!("P: {}; ", other(&mut roll));
                }
                if roll(4) == 0 {
                    line += &format!("{}: {}; ", ["C", "B"][roll(2)], other(&mut roll));
                }
                if roll(5) == 0 {
                    line += ["V: v", "V: v (= 2)"][roll(2)];
                }
                table += &(line + "\n");
            }
        }
        let universe = world(&table);
        let request = Request::names("amd64", ["a", "b"]);
        let asked = solve(&universe, &request);
        let possible = try_everything(&universe);
        match &asked {
            Ok(solution) => {
                met += 1;
                searched += usize::from(solution.method == Method::Search);
                let ids: Vec<_> = solution.chosen.iter().map(|c| c.id).collect();
                assert_eq!(validate(&universe, "amd64", &ids), [], "{table}");
            }
            Err(error) => {
                refused += 1;
                assert!(!possible, "refused, but there is a set: {error}\n{table}");
            }
        }
    }
    assert!(met > 300 && refused > 300, "both verdicts occur: {met} {refused}");
    assert!(searched > 5, "the search has its cases: {searched}");
}

/// Is there any valid set with the candidates of `a` and `b`?
fn try_everything(universe: &Universe) -> bool {
    let ids: Vec<_> = universe.ids().collect();
    (0..1u32 << ids.len()).any(|bits| {
        let set: Vec<_> = (0..ids.len()).filter(|i| bits >> i & 1 == 1).map(|i| ids[i]).collect();
        let newest = |name: &str| {
            let all = universe.named(name).map(|id| universe.record(id).version());
            let best = all.max();
            set.iter()
                .any(|id| universe.record(*id).name() == name && Some(universe.record(*id).version()) == best)
        };
        newest("a") && newest("b") && validate(universe, "amd64", &set).is_empty()
    })
}
