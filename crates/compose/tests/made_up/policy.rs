use compose::ComposeError;
use diag::Explain;
use package::Cause;
use recipe::Allow;

use crate::world::World;

fn violations(world: World, recipe: &str) -> Vec<(Allow, String)> {
    match world.compose(recipe) {
        Err(ComposeError::Policy(e)) => e.violations.into_iter().map(|v| (v.word, v.what)).collect(),
        Ok(_) => Vec::new(),
        Err(other) => panic!("{other}"),
    }
}

fn full() -> World {
    let mut world = World::new();
    world.package("a", &["etc/a"]);
    world.package(
        "sh",
        &["*usr/bin/dash", "usr/bin/sh -> dash", "usr/share/doc/sh/bash: no program", "*busybox/busybox"],
    );
    world.package("pm", &["*usr/bin/dpkg", "*usr/lib/apt/apt-helper", "usr/bin/apt: not executable"]);
    let su = world.package("su", &["*usr/bin/su", "*usr/bin/wall", "*usr/bin/ping"]);
    su.entry("usr/bin/su").mode = 0o4755;
    su.entry("usr/bin/wall").mode = 0o2755;
    let capability = rootfs::Xattr { name: "security.capability".into(), value: vec![1] };
    su.entry("usr/bin/ping").xattrs.push(capability);
    su.pin.because = vec![Cause::Needed { by: "mid".into(), requirement: "su (>= 1)".into() }];
    let mid = world.package("mid", &["etc/mid"]);
    mid.pin.because = vec![
        Cause::Hidden { by: "mid".into(), reason: "itself".into() },
        Cause::Hidden { by: "a".into(), reason: "opened at run time".into() },
    ];
    world
}

const RECIPE: &str = "contents: {distribution: debian-13, packages: [a]}\naccounts: {run-as: nonroot}\n";

#[test]
fn refuses_what_the_recipe_does_not_allow() {
    let found = violations(full(), RECIPE);
    let whats: Vec<&str> = found.iter().map(|(_, what)| what.as_str()).collect();
    assert_eq!(
        whats,
        [
            "/busybox/busybox is a shell",
            "/usr/bin/dash is a shell",
            "/usr/bin/dpkg is a package manager",
            "/usr/bin/ping has file capabilities",
            "/usr/bin/sh is a shell",
            "/usr/bin/su has setuid (mode 4755)",
            "/usr/bin/wall has setgid (mode 2755)",
        ]
    );
    let some = violations(full(), &format!("{RECIPE}allow: [shell, setuid]\n"));
    assert_eq!(some, [(Allow::PackageManager, "/usr/bin/dpkg is a package manager".to_owned())]);
    assert!(violations(full(), &format!("{RECIPE}allow: [shell, setuid, package-manager]\n")).is_empty());
}

#[test]
fn package_managers_of_languages_count_and_the_interpreters_own_do_not() {
    let mut world = World::new();
    let lines = ["*usr/bin/pip3.13", "*usr/bin/npm", "*usr/bin/gem3.3", "*usr/bin/pipewire", "*opt/x/rc"];
    world.package("a", &lines);
    let found = violations(world, RECIPE);
    let whats: Vec<&str> = found.iter().map(|(_, what)| what.as_str()).collect();
    assert_eq!(whats, ["/usr/bin/npm is a package manager", "/usr/bin/pip3.13 is a package manager"]);
}

#[test]
fn says_through_whom_it_came() {
    let error = match full().compose(&format!("{RECIPE}allow: [shell, package-manager]\n")) {
        Err(error) => error,
        Ok(_) => panic!("setuid was taken"),
    };
    assert_eq!(
        error.details(),
        [
            "/usr/bin/ping has file capabilities",
            "  it is a file of su 1.0-1",
            "  mid needs su (su (>= 1))",
            "  a needs mid (opened at run time)",
            "  the recipe asks for `a`",
            "/usr/bin/su has setuid (mode 4755)",
            "/usr/bin/wall has setgid (mode 2755)",
        ]
    );
    assert!(error.hint().unwrap().ends_with("if it is meant to be there, say `allow: [setuid]`"));
}

#[test]
fn an_image_of_apk_packages_is_reported_not_refused() {
    let mut world = World::new();
    world.package(
        "busybox",
        &["bin/", "*bin/busybox", "bin/sh -> /bin/busybox", "etc/passwd: root:x:0:0:root:/root:/bin/sh\n"],
    );
    let recipe = "contents: {repositories: ['https://apk.example/os'], packages: [busybox]}
accounts: {users: [{username: app, uid: 7}], run-as: app}
";
    let made = world.compose(recipe).unwrap();
    let whats: Vec<&str> = made.composition.reported.iter().map(|v| v.what.as_str()).collect();
    assert_eq!(whats, ["/bin/busybox is a shell", "/bin/sh is a shell"]);
    assert_eq!(
        made.text("etc/passwd"),
        "root:x:0:0:root:/root:/bin/sh\napp:x:7:7:Account created by apko:/home/app:/bin/sh\n"
    );
    assert_eq!(made.composition.config.user, "7");
}
