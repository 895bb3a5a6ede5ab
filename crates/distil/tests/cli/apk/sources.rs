//! Where apk packages come from: addresses, tags, directories, mirrors, and whose keys count.

use testkit::apk::{Algorithm, Signer};
use testkit::{ApkKey, ApkPackage, ApkRepository};

use super::{machine, plain, publish, recipe, serve};
use crate::run::Machine;

/// A directory is the user's word: it needs no signature, and is named wherever that matters.
#[test]
fn a_directory_is_taken_by_the_users_word() {
    let machine = Machine::new();
    ApkRepository::new(&machine.path("work/packages"))
        .add_all(plain())
        .unsigned()
        .publish(&ApkKey::test_only(1));
    machine.write("work/app.yaml", recipe(&["./packages"], &["hello"], &[]));
    machine.build().good().says(&["unsigned", "local directory ./packages"]);
    let lock = machine.read("work/app.lock");
    assert!(lock.contains("unsigned = \"local directory ./packages\""), "{lock}");
    machine.distil(&["lock", "app.yaml", "--verify"]).good().says(&["not signed, declared by you"]);
    // It is no network: what the cache has lost is found there.
    let first = machine.build().good().says(&["nothing changed"]).digests();
    machine.forget();
    assert_eq!(machine.distil(&["build", "app.yaml", "--frozen"]).good().digests(), first);
    machine.forget();
    std::fs::remove_file(machine.path("work/packages/x86_64/hello-1.0-r0.apk")).expect("a package");
    machine.build().fails(4, &["hello 1.0-r0", "is not there", "distil update app.yaml"]);
}

/// Signed by a key of the recipe it is as good as any other repository; `file://` is the same directory.
#[test]
fn a_directory_that_is_signed() {
    let machine = Machine::new();
    publish(&machine.path("work/packages"), plain());
    let at = format!("file://{}", machine.path("work/packages").display());
    for place in ["packages", &at] {
        let key = "packages/made-up-1.rsa.pub";
        machine.write("work/app.yaml", recipe(&[place], &["hello"], &[key]));
        let ran = machine.distil(&["update", "app.yaml"]).good();
        assert!(!ran.stderr.contains("unsigned"), "{}", ran.stderr);
        machine.distil(&["lock", "app.yaml", "--verify"]).good().says(&["signed by made-up-1.rsa.pub"]);
    }
    // A changed index is refused there too: the user's word is not for what a key is trusted for.
    let index = machine.path("work/packages/x86_64/APKINDEX.tar.gz");
    let other = machine.path("other");
    publish(&other, vec![ApkPackage::new("hello", "9-r0")]);
    let (ours, theirs) = (std::fs::read(&index).expect("ours"), other.join("x86_64/APKINDEX.tar.gz"));
    let theirs = std::fs::read(theirs).expect("theirs");
    let second = |bytes: &[u8]| {
        let magic = b"\x1f\x8b\x08";
        1 + bytes[1..].windows(3).position(|w| w == magic).expect("a second member")
    };
    std::fs::write(&index, [&ours[..second(&ours)], &theirs[second(&theirs)..]].concat()).expect("a forgery");
    machine.distil(&["update", "app.yaml"]).fails(5, &["made-up-1.rsa.pub", "was changed"]);
}

/// Who takes the signature away does not take the check with it: a recipe that names keys means them, and
/// what was signed once stays so.
#[test]
fn a_directory_that_lost_its_signature() {
    let machine = Machine::new();
    publish(&machine.path("work/packages"), plain());
    let key = "packages/made-up-1.rsa.pub";
    machine.write("work/app.yaml", recipe(&["./packages"], &["hello"], &[key]));
    machine.build().good();
    let index = machine.path("work/packages/x86_64/APKINDEX.tar.gz");
    let bytes = std::fs::read(&index).expect("an index");
    let second = 1 + bytes[1..].windows(3).position(|w| w == b"\x1f\x8b\x08").expect("a second member");
    std::fs::write(&index, &bytes[second..]).expect("without its signature");
    machine
        .distil(&["update", "app.yaml"])
        .fails(5, &["cannot trust ./packages", "signature: there is none", "signed when it was last seen"]);
    // Without the recipe's key, the lock still says that somebody had signed it.
    machine.write("work/app.yaml", recipe(&["./packages"], &["hello", "musl"], &[]));
    machine
        .distil(&["update", "app.yaml"])
        .fails(5, &["cannot trust ./packages", "signature: there is none", "signed when it was last seen"]);
}

/// Damage anywhere in a directory that somebody signed is a matter of trust, in one that nobody did of input.
#[test]
fn a_damaged_directory() {
    let machine = Machine::new();
    publish(&machine.path("work/packages"), plain());
    let index = machine.path("work/packages/x86_64/APKINDEX.tar.gz");
    let package = machine.path("work/packages/x86_64/hello-1.0-r0.apk");
    let (genuine, sound) =
        (std::fs::read(&index).expect("an index"), std::fs::read(&package).expect("hello"));
    let flipped = |at: usize| {
        let mut bytes = genuine.clone();
        bytes[at] ^= 0x10;
        bytes
    };
    let second = 1 + genuine[1..].windows(3).position(|w| w == b"\x1f\x8b\x08").expect("a second member");
    let damages = [
        ("empty", Vec::new(), "the file is empty"),
        ("text", b"<html>".to_vec(), "no gzip stream at its beginning"),
        ("body", flipped(second + (genuine.len() - second) / 2), "./packages"),
        ("trailer", flipped(genuine.len() - 6), "./packages"),
        ("signature", flipped(second / 2), "./packages"),
        ("signature's magic", flipped(0), "./packages"),
        ("cut", genuine[..genuine.len() - 40].to_vec(), "./packages"),
    ];
    for (name, bytes, said) in &damages {
        std::fs::write(&index, bytes).expect("an index");
        machine.write("work/app.yaml", recipe(&["./packages"], &["hello"], &["packages/made-up-1.rsa.pub"]));
        let ran = machine.build();
        assert_eq!(ran.code, Some(5), "{name}: {}", ran.stderr);
        let ran = ran.fails(5, &[said, "sign"]);
        assert!(!ran.stderr.contains("apk file") && !ran.stderr.contains("mirror"), "{name}: {}", ran.stderr);
        machine.write("work/app.yaml", recipe(&["./packages"], &["hello"], &[]));
        let ran = machine.build();
        assert_eq!(ran.code, Some(3), "{name}: {}", ran.stderr);
        ran.fails(3, &["./packages", "index"]);
        machine.assert_nothing_left();
    }
    // A package that was changed: `update` alone is no way out where the index is signed.
    std::fs::write(&index, &genuine).expect("an index");
    let mut changed = sound.clone();
    *changed.last_mut().expect("a byte") ^= 1;
    std::fs::write(&package, &changed).expect("a package");
    let words = ["cannot take hello 1.0-r0 from ./packages", "Put the genuine one back", "signed again"];
    machine.write("work/app.yaml", recipe(&["./packages"], &["hello"], &["packages/made-up-1.rsa.pub"]));
    machine.build().fails(5, &words);
    // Longer than the index says is no better than another one.
    let longer = [&sound[..], b"x"].concat();
    std::fs::write(&package, longer).expect("a package");
    let length = format!("is longer than the {} bytes of the package", sound.len());
    machine.build().fails(5, &[&length, words[0], words[1]]);
    std::fs::write(&package, &sound).expect("a package");
    machine.build().good();
}

/// A record that ties no file to the index is not one of another name.
#[test]
fn an_index_without_a_hash() {
    let machine = Machine::new();
    let dir = machine.path("work/packages");
    publish(&dir, plain());
    let key = ApkKey::test_only(1);
    let signer = [Signer::new(&key, Algorithm::Rsa256)];
    for hash in ["C:Q3AAAA\n", ""] {
        let record = format!("{hash}P:hello\nV:1.0-r0\nA:x86_64\nS:1\nI:1\n");
        let index = ApkRepository::new(&dir).index(&[record], &signer);
        std::fs::write(dir.join("x86_64/APKINDEX.tar.gz"), index).expect("an index");
        machine.write("work/app.yaml", recipe(&["./packages"], &["hello"], &["packages/made-up-1.rsa.pub"]));
        let ran =
            machine.build().fails(6, &["the index has no hash of hello that apk knows", "index made again"]);
        assert!(!ran.stderr.contains("did you mean"), "{}", ran.stderr);
    }
}

/// apk signs with RSA only.
#[test]
fn a_key_of_another_kind() {
    let machine = Machine::new();
    publish(&machine.path("work/packages"), plain());
    let ec = "-----BEGIN PUBLIC KEY-----\n\
              MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEtI6EJcdU35G7ir/vHvn8HSVXO2tk\n\
              RZPKDLfwobkEtHAq3nuchqn+/LZQpJV8vx+KwcIJm6uY9g11rAIo/2ugUw==\n\
              -----END PUBLIC KEY-----\n";
    machine.write("work/ec.rsa.pub", ec);
    machine.write("work/app.yaml", recipe(&["./packages"], &["hello"], &["ec.rsa.pub"]));
    let ran = machine.build();
    assert_ne!(ran.code, Some(0));
    ran.says(&["it is no RSA key, and apk's indexes are signed with RSA"]);
}

/// A name that nobody has, and nobody is there.
#[test]
fn a_user_that_is_not_there() {
    let archive = serve(plain);
    let machine = machine(&archive, &["hello"]);
    let text = machine.read("work/app.yaml") + "accounts: {run-as: ghost}\n";
    machine.write("work/app.yaml", text);
    let ran = machine.build().fails(3, &["ghost", "add one under `accounts:"]);
    assert!(!ran.stderr.contains("users ;"), "{}", ran.stderr);
}

/// A pipe would be waited for, and a file without end would fill the memory.
#[test]
fn what_is_no_package_and_no_index() {
    let machine = Machine::new();
    publish(&machine.path("work/packages"), plain());
    machine.write("work/app.yaml", recipe(&["./packages"], &["hello"], &[]));
    let package = machine.path("work/packages/x86_64/hello-1.0-r0.apk");
    std::fs::File::options().write(true).open(&package).and_then(|f| f.set_len(20 << 30)).expect("a hole");
    machine.build().fails(5, &["hello-1.0-r0.apk", "longer than"]);
    let pipe_instead = |path: &std::path::Path| {
        std::fs::remove_file(path).expect("the file");
        assert!(std::process::Command::new("mkfifo").arg(path).status().expect("mkfifo").success());
    };
    pipe_instead(&package);
    machine.build().fails(7, &["hello-1.0-r0.apk", "no regular file"]);
    pipe_instead(&machine.path("work/packages/x86_64/APKINDEX.tar.gz"));
    machine.build().fails(3, &["./packages", "no regular file"]);
}

/// The archives of the table have mirrors; the recipe's keys count beside the distribution's.
#[test]
fn a_mirror_of_alpine() {
    let machine = Machine::new();
    for part in ["main", "community"] {
        publish(&machine.path("work/mirror/v3.22").join(part), plain());
    }
    machine.write("work/key.rsa.pub", ApkKey::test_only(1).public_pem());
    std::fs::rename(machine.path("work/key.rsa.pub"), machine.path("work/made-up-1.rsa.pub")).expect("a key");
    let text = "archs: [amd64]\ncontents:\n  distribution: alpine-3.22\n  keyring: [made-up-1.rsa.pub]\n  packages: [hello]\n";
    machine.write("work/app.yaml", text);
    let mirror = format!("alpine={}", machine.path("work/mirror").display());
    machine.distil(&["build", "app.yaml", "--mirror", &mirror]).good();
    let lock = machine.read("work/app.lock");
    assert!(lock.contains("id = \"alpine/v3.22/main\"") && lock.contains("id = \"alpine/v3.22/community\""));
    assert!(!lock.contains("mirror"), "the mirror is in the lock: {lock}");
    // Without that key nobody vouches.
    machine.write("work/app.yaml", text.replace("  keyring: [made-up-1.rsa.pub]\n", ""));
    machine.forget();
    let ran = machine.distil(&["update", "app.yaml", "--mirror", &mirror]);
    ran.fails(5, &["alpine/v3.22/main", "made-up-1.rsa.pub", "keyring"]);
}

/// Wolfi's is one repository, at the archive's own base.
#[test]
fn a_mirror_of_wolfi() {
    let machine = Machine::new();
    publish(&machine.path("work/mirror"), plain());
    machine.write("work/made-up-1.rsa.pub", ApkKey::test_only(1).public_pem());
    let text = "archs: [amd64]\ncontents:\n  distribution: wolfi\n  keyring: [made-up-1.rsa.pub]\n  packages: [hello]\n";
    machine.write("work/app.yaml", text);
    let mirror = format!("wolfi={}", machine.path("work/mirror").display());
    let first = machine.distil(&["build", "app.yaml", "--mirror", &mirror]).good();
    let lock = machine.read("work/app.lock");
    assert!(lock.contains("id = \"wolfi\"") && lock.contains("path = \"x86_64/hello-1.0-r0.apk\""), "{lock}");
    // The lock knows no mirror: another one serves it as well.
    std::fs::rename(machine.path("work/mirror"), machine.path("work/elsewhere")).expect("a mirror");
    machine.forget();
    let mirror = format!("wolfi={}", machine.path("work/elsewhere").display());
    let second = machine.distil(&["build", "app.yaml", "--locked", "--mirror", &mirror]).good();
    assert_eq!(first.digests(), second.digests());
}

/// A repository with a tag serves those lines that name it, and what they need.
#[test]
fn a_tag() {
    let (stable, edge) = (serve(plain), serve(super::later));
    let machine = machine(&stable, &["hello"]);
    let repositories = [stable.url(), format!("@edge {}", edge.url())];
    let repositories: Vec<&str> = repositories.iter().map(String::as_str).collect();
    let write = |packages: &[&str]| {
        machine.write("work/app.yaml", recipe(&repositories, packages, &["made-up-1.rsa.pub"]));
        machine.distil(&["update", "app.yaml"]).good();
        machine.read("work/app.lock")
    };
    let lock = write(&["hello"]);
    assert!(!lock.contains("hello-1.1-r0.apk"), "an untagged line took it: {lock}");
    let lock = write(&["hello@edge"]);
    assert!(lock.contains("hello-1.1-r0.apk"), "{lock}");
    machine.distil(&["build", "app.yaml", "--locked"]).good();
}

/// One arch of several that the directory lacks.
#[test]
fn architectures() {
    let machine = Machine::new();
    let arm = plain().into_iter().map(|p| p.arch("aarch64"));
    publish(&machine.path("work/packages"), plain().into_iter().chain(arm).collect());
    let text = recipe(&["packages"], &["hello"], &[]);
    machine.write("work/app.yaml", text.replace("[amd64]", "[x86_64, arm64]"));
    machine.build().good().says(&["linux/amd64", "linux/arm64"]);
    machine.write("work/app.yaml", text.replace("[amd64]", "[amd64, riscv64]"));
    machine.build().fails(3, &["riscv64", "archs"]);
}

/// apko sorts repositories, and which choice is wanted is part of what a lock answers.
#[test]
fn as_apko_chooses() {
    let machine = Machine::new();
    for (dir, file) in [("b", "usr/share/from-b"), ("a", "usr/share/from-a")] {
        publish(
            &machine.path("work").join(dir),
            vec![ApkPackage::new("same", "1-r0").file(file, 0o644, dir)],
        );
    }
    machine.write("work/app.yaml", recipe(&["b", "a"], &["same"], &[]));
    let from = |machine: &Machine| {
        let lock = machine.read("work/app.lock");
        let at = lock.find("repository = \"").expect("a package") + "repository = \"".len();
        lock[at..=at].to_owned()
    };
    machine.distil(&["lock", "app.yaml"]).good();
    assert_eq!(from(&machine), "b", "the recipe's order");
    machine.distil(&["build", "app.yaml", "--compat", "apko", "--locked"]).fails(3, &["compat apko"]);
    machine.distil(&["update", "app.yaml", "--compat", "apko"]).good();
    assert_eq!(from(&machine), "a", "apko's order");
    machine.distil(&["build", "app.yaml", "--compat", "apko", "--locked"]).good();
    machine.distil(&["build", "app.yaml", "--locked"]).fails(3, &["no longer asked: compat apko"]);
}

#[test]
fn only_apk_recipes_are_resolved_as_apko_does() {
    let machine = Machine::new();
    machine.distil(&["lock", "base", "--compat", "apko"]).fails(2, &["deb packages", "--compat"]);
}
