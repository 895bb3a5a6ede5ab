//! The whole page: what a hostile image says stays text, and the same input gives the same bytes.

use report::{
    Before, Changes, Config, ConfigChange, File, FileKind, Image, Layer, Package, PackageChange, Page,
    PathChange, RunAs,
};

/// What an image may say of itself to get out of where it stands.
const ATTACKS: [&str; 6] = [
    "</script><img src=x onerror=alert(1)>",
    "\" onmouseover=\"alert(1)",
    "' autofocus onfocus='alert(1)",
    "<!--<script>",
    "exe\u{202e}gpj.\u{200b}\u{7}",
    "${alert(1)}`+alert(1)+`",
];

/// An image that says it everywhere.
fn hostile(attack: &str) -> Image {
    let text = || attack.to_owned();
    Image {
        name: text(),
        digest: text(),
        platform: text(),
        platforms: vec![text()],
        created: Some(text()),
        made_by: text(),
        system: text(),
        config: Config {
            run_as: RunAs { text: text(), uid: Some(0), gids: vec![0] },
            entrypoint: vec![text()],
            cmd: vec![text()],
            env: vec![text()],
            working_dir: text(),
            ports: vec![text()],
            volumes: vec![text()],
            stop_signal: text(),
            healthcheck: vec![text()],
            others: vec![(text(), text())],
            labels: vec![(text(), text())],
            annotations: vec![(text(), text())],
        },
        layers: vec![Layer { digest: text(), made_by: text(), compressed: 1, unpacked: 1, changes: 1 }; 2],
        packages: vec![Package {
            name: text(),
            version: text(),
            arch: text(),
            kind: text(),
            licence: text(),
            why: vec![text(), text()],
        }],
        files: vec![
            File {
                path: attack.into(),
                mode: 0o6777,
                size: 1,
                capabilities: true,
                made_by: text(),
                ..File::default()
            },
            File { path: "l".into(), kind: FileKind::Symlink, link: Some(attack.into()), ..File::default() },
        ],
        notes: vec![text()],
    }
}

fn compared(attack: &str) -> Page {
    let text = || attack.to_owned();
    let changes = Changes {
        config: vec![ConfigChange { key: text(), before: Some(text()), after: Some(text()) }],
        packages: vec![PackageChange {
            name: text(),
            before: Some(text()),
            after: Some(text()),
            ..PackageChange::default()
        }],
        paths: vec![PathChange { path: text(), said: vec![text()], ..PathChange::default() }],
        ..Changes::default()
    };
    let against = Some(Before { image: hostile("other"), changes });
    Page { image: hostile(attack), against, program: attack.to_owned() }
}

#[test]
fn hostile_text_adds_no_markup() {
    let tags = |page: &str| page.matches('<').count();
    let quotes = |page: &str| page.split("<main").nth(1).unwrap_or_default().matches('"').count();
    let plain = report::page(&compared("plain"));
    let head = |page: &str| page.split("<script").next().unwrap_or_default().to_owned();
    for attack in ATTACKS {
        let page = report::page(&compared(attack));
        assert_eq!(tags(&head(&page)), tags(&head(&plain)), "{attack}: another number of tags");
        assert_eq!(quotes(&head(&page)), quotes(&head(&plain)), "{attack}: another number of quotes");
        assert_eq!(page.matches("</script").count(), 2, "{attack}: a script ends early");
        assert!(!page.contains("<img") && !page.contains("<!--"), "{attack}");
        let acting = |c: char| matches!(c, '\u{202e}' | '\u{200b}' | '\u{7}');
        assert!(!page.contains(acting), "{attack}: a character that acts unseen");
    }
}

#[test]
fn the_same_page_twice() {
    let page = compared(ATTACKS[0]);
    assert_eq!(report::page(&page), report::page(&page.clone()));
}

/// The policy of the page allows what is in it by hash, and nothing else.
#[test]
fn the_policy_names_the_style_and_the_script() {
    use base64::Engine;
    let page = report::page(&compared("plain"));
    let between = |from: &str, to: &str| {
        let rest = page.split(from).nth(1).expect("it begins");
        rest.split(to).next().expect("it ends").to_owned()
    };
    for (from, to) in [("<style>", "</style>"), ("<script>", "</script>")] {
        let digest = oci::Digest::of(between(from, to).as_bytes());
        let hash = base64::engine::general_purpose::STANDARD.encode(digest.as_bytes());
        assert!(page.contains(&format!("-src 'sha256-{hash}'")), "{from}: not by its hash");
    }
    assert!(page.contains("default-src 'none'"));
    let script = between("<script>", "</script>");
    for sink in [
        "innerHTML",
        "outerHTML",
        "insertAdjacentHTML",
        "document.write",
        "eval(",
        "Function(",
        "fetch(",
        "XMLHttp",
    ] {
        assert!(!script.contains(sink), "the script uses {sink}");
    }
    assert!(!page.contains(" style=\"") && !page.contains(" onclick"), "what the policy forbids");
}
