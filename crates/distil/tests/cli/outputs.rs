//! Files written where the user wants them: links, modes, streams, and what lies beside them.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;
use std::process::{Output, Stdio};

use crate::foreign::put;
use crate::run::{Machine, Ran};

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().mode() & 0o777
}

/// Every command that writes a file or directory of a name, with that name.
fn writing(to: &str) -> Vec<Vec<String>> {
    [
        format!("copy oci:in:1 docker-archive:{to}"),
        format!("copy oci:in:1 oci-archive:{to}"),
        format!("append oci:in:1 --file in/oci-layout:/x -o oci-archive:{to}"),
        format!("extract oci:in:1 /usr/bin/app -o {to}"),
        format!("report oci:in:1 -o {to}"),
    ]
    .iter()
    .map(|line| line.split(' ').map(str::to_owned).collect())
    .collect()
}

fn run(machine: &Machine, words: &[String]) -> Ran {
    machine.distil(&words.iter().map(String::as_str).collect::<Vec<_>>())
}

#[test]
fn what_lies_beside_a_file_is_the_users() {
    let machine = Machine::new();
    put(&machine, "in", "1", &["linux/amd64"]);
    fs::create_dir(machine.path("work/out")).unwrap();
    let others = [".distil-ci.yml", ".distil-1-1", ".x.notes.tmp", ".x.1-1.tmp"];
    others.iter().for_each(|name| machine.write(&format!("work/out/{name}"), "mine"));
    let fifo = machine.path("work/out/.distil-pipe");
    assert!(std::process::Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    let mut all = writing("out/x");
    all.push("copy oci:in:1 oci:out:1".split(' ').map(str::to_owned).collect());
    for words in &all {
        run(&machine, words).good();
        for name in others {
            assert_eq!(machine.read(&format!("work/out/{name}")), "mine", "{words:?}");
        }
    }
    assert!(fs::symlink_metadata(fifo).is_ok());
}

#[test]
fn a_link_is_followed_and_what_is_replaced_keeps_its_mode() {
    let machine = Machine::new();
    put(&machine, "in", "1", &["linux/amd64"]);
    for (n, words) in writing("link").iter().enumerate() {
        let (link, file) = (machine.path("work/link"), machine.path("work").join(format!("real-{n}")));
        symlink(&file, &link).unwrap();
        // First it leads to nothing.
        for _ in 0..2 {
            run(&machine, words).good();
            assert!(fs::symlink_metadata(&link).unwrap().is_symlink(), "{words:?}");
            assert!(fs::metadata(&file).unwrap().len() > 0, "{words:?}");
            if file.metadata().unwrap().len() > 4 {
                fs::write(&file, "old").unwrap();
                fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
            }
        }
        run(&machine, words).good();
        assert_eq!(mode(&file), 0o600, "{words:?}");
        fs::remove_file(link).unwrap();
    }
}

#[test]
fn a_new_file_is_open_to_whom_the_umask_says() {
    let machine = Machine::new();
    put(&machine, "in", "1", &["linux/amd64"]);
    for (umask, wanted) in [("077", 0o600), ("027", 0o640), ("002", 0o664)] {
        let archive = format!("docker-archive:{umask}.tar");
        for words in [["copy", "oci:in:1", &archive], ["copy", "oci:in:1", &format!("oci:{umask}:1")]] {
            let distil = machine.command(&words);
            let mut shell = machine.command(&[]);
            shell = {
                let mut sh = std::process::Command::new("sh");
                sh.arg("-c").arg(format!("umask {umask}; exec \"$0\" \"$@\"")).arg(distil.get_program());
                sh.args(distil.get_args()).current_dir(machine.path("work"));
                sh.envs(shell.get_envs().filter_map(|(key, value)| Some((key, value?))));
                sh
            };
            Ran::of(shell.output().unwrap()).good();
        }
        for file in [format!("{umask}.tar"), format!("{umask}/index.json"), format!("{umask}/oci-layout")] {
            assert_eq!(mode(&machine.path("work").join(&file)), wanted, "{file}");
        }
    }
}

/// As a shell starts it: `distil … >> file`.
fn onto(machine: &Machine, words: &[&str], out: Stdio) -> Output {
    machine.command(words).stdout(out).stderr(Stdio::piped()).spawn().unwrap().wait_with_output().unwrap()
}

#[test]
fn standard_output_is_a_stream_and_has_nothing_else_in_it() {
    let machine = Machine::new();
    put(&machine, "in", "1", &["linux/amd64"]);
    machine.distil(&["copy", "oci:in:1", "docker-archive:plain.tar"]).good();
    let plain = fs::read(machine.path("work/plain.tar")).unwrap();
    // The machine's own /dev/stdout is a link like this one, and no test lays hands on that.
    symlink("/proc/self/fd/1", machine.path("work/stdout")).unwrap();
    let log = machine.path("work/log");
    for to in ["stdout", "/proc/self/fd/1", "/proc/thread-self/fd/1"] {
        let words = ["copy", "oci:in:1", &format!("docker-archive:{to}")];
        fs::write(&log, "before\n").unwrap();
        let ran = onto(&machine, &words, OpenOptions::new().append(true).open(&log).unwrap().into());
        assert!(ran.status.success(), "{ran:?}");
        assert!(fs::read(&log).unwrap() == [b"before\n", &plain[..]].concat(), "{to}");
        let said = String::from_utf8_lossy(&ran.stderr).into_owned();
        assert!(said.contains(&format!("docker-archive:{to} sha256:")), "{said}");
        // From where the shell stands, not from the beginning.
        let mut open = File::create(&log).unwrap();
        open.write_all(b"first\n").unwrap();
        assert!(onto(&machine, &words, open.into()).status.success());
        assert!(fs::read(&log).unwrap() == [b"first\n", &plain[..]].concat(), "{to}");
        let piped = onto(&machine, &words, Stdio::piped());
        assert!(piped.stdout == plain, "{to}");
    }
    assert!(fs::symlink_metadata(machine.path("work/stdout")).unwrap().is_symlink());
    // Standard error, and JSON beside a stream.
    let words = ["--json", "copy", "oci:in:1", "docker-archive:stdout"];
    assert!(onto(&machine, &words, Stdio::piped()).stdout == plain);
    let ran = onto(&machine, &["extract", "oci:in:1", "/usr/bin/app", "-o", "stdout"], Stdio::piped());
    assert_eq!(String::from_utf8_lossy(&ran.stdout), "app of linux/amd64 ".repeat(50));
}
