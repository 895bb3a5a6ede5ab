//! Images from a repository like Wolfi's run: the C library finds its libraries by our cache.

use super::{Source, written};
use crate::distil::Home;
use crate::docker::load;

/// Debian's payloads under Wolfi's names; none where there is no mirror.
pub(super) fn wolfi_like(home: &Home) -> Result<Source, String> {
    let published = testkit::apk::wolfi_like(&home.dir.path().join("wolfi"), &["x86_64"])?;
    let keys = vec![published.key_file().to_path_buf()];
    Ok(Source { repository: published.root().to_path_buf(), keys, arch: "amd64" })
}

/// `ldconfig` in the image makes the same cache; but for the last line, who made it, as Debian's
/// `ldconfig` knows its version and we know the package's.
const CACHE: &str = "ldconfig -p | grep -c '=>'
ldconfig -p | grep '=>' >/tmp/ours
ldconfig -X
ldconfig -p | grep '=>' | cmp /tmp/ours - && echo the same";

#[test]
fn images_like_wolfis_run() {
    let home = Home::new();
    let source = match wolfi_like(&home) {
        Ok(source) => source,
        Err(why) => testkit::skip!("{why}"),
    };
    let docker = match testkit::machine::docker() {
        Ok(docker) => docker,
        Err(why) => testkit::skip!("no engine: {why}"),
    };
    let images = [
        ("wolfi-openssl", "ca-certificates-bundle openssl tzdata wolfi-baselayout"),
        ("wolfi-debug", "busybox ca-certificates-bundle openssl posix-libc-utils wolfi-base"),
    ];
    for (name, packages) in images {
        let recipe = written(&home, name, &source.recipe(packages, "accounts: {run-as: \"0\"}\n"));
        load(&home, &docker, &["build", &recipe, "-t", name, "--load", "-q"]);
    }
    let run = |image: &str, words: &[&str]| {
        let all = [&["run", "--rm", "--network", "none", image], words].concat();
        docker.run(&all).unwrap_or_else(|e| panic!("{e}"))
    };
    // Needs libzstd.so.1, which lies where only the cache says.
    assert!(run("wolfi-openssl", &["openssl", "version"]).starts_with("OpenSSL 3."));
    let shell = |script: &str| run("wolfi-debug", &["/bin/sh", "-c", script]);
    assert_eq!(
        shell(". /etc/os-release; echo $ID; ls -d /lib/apk/db /usr/lib/apk/db"),
        "wolfi\n/lib/apk/db\n/usr/lib/apk/db\n"
    );
    assert!(shell("ldconfig -p").contains("libzstd.so.1 (libc6,x86-64) => /usr/lib/libzstd1/libzstd.so.1"));
    let said = shell(CACHE);
    let (libraries, verdict) = said.split_once('\n').expect("two lines");
    assert!(libraries.parse::<u32>().expect("a number") > 20 && verdict == "the same\n", "{said}");
}
