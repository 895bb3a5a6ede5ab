//! `distil report` in a real browser: it works from disk, asks for nothing, is read by keyboard and by assistive
//! technology, and what a hostile image says stays text.

use std::fs;
use std::path::{Path, PathBuf};

use oci::Digest;
use serde_json::{Value, json};
use testkit::tar::Entry;

use crate::browser::{Browser, axe};
use crate::debian_image;
use crate::distil::{Home, built, done, patiently};

/// Keys as WebDriver writes them.
const DOWN: &str = "\u{e015}";
const RIGHT: &str = "\u{e014}";
const LEFT: &str = "\u{e012}";
const ENTER: &str = "\u{e007}";
const ESCAPE: &str = "\u{e00c}";

/// The page of the catalogue's `base`, and its length.
fn page_of_base(home: &Home, more: &[&str]) -> PathBuf {
    let file = home.work().join(format!("base-{}.html", more.len()));
    let mut command = home.command();
    command.args(["report", "base", "-q", "-o"]).arg(&file).args(more);
    done(command.output().expect("distil runs"));
    file
}

/// Nothing went wrong in the page, and it asked for nothing but itself.
fn quiet(browser: &Browser, file: &Path) {
    assert_eq!(browser.log("browser"), [""; 0], "the console");
    let own = format!("file://{}", file.display());
    let mut asked = 0;
    for event in browser.log("performance") {
        let event: Value = serde_json::from_str(&event).expect("an event");
        let (method, parameters) = (&event["message"]["method"], &event["message"]["params"]);
        // A new window shows a page of the browser's own first.
        let ours = parameters["documentURL"].as_str().is_some_and(|url| url.starts_with("file:"));
        if method == "Network.requestWillBeSent" && ours {
            let url = parameters["request"]["url"].as_str().expect("an address");
            assert!(
                url.split('#').next() == Some(&own) || url.starts_with("data:"),
                "the page asked for {url}"
            );
            asked += 1;
        }
    }
    assert!(asked > 0, "the page itself was not loaded");
}

/// What axe-core finds, all rules of WCAG and of good practice, with every part of the page open.
fn violations(browser: &Browser, axe: &str) -> Vec<String> {
    let found = browser.run_async(
        "const [source, done] = arguments;
         (0, eval)(source);
         for (const part of document.querySelectorAll('details')) part.open = true;
         axe.run(document, { resultTypes: ['violations'] }).then((found) => done(found.violations.map((v) =>
           `${v.id}: ${v.help}: ${v.nodes.slice(0, 3).map((n) => n.html.slice(0, 160)).join(' | ')}`)), (e) => done([String(e)]));",
        &[json!(axe)],
    );
    found.as_array().expect("a list").iter().map(|v| v.as_str().unwrap_or_default().to_owned()).collect()
}

/// No violation in light and dark, as the system wants it and as the switch says.
fn accessible(browser: &Browser, axe: &str) {
    for (system, theme) in [("light", "auto"), ("dark", "auto"), ("light", "dark"), ("dark", "light")] {
        let features = json!({ "features": [{ "name": "prefers-color-scheme", "value": system }] });
        browser.devtools("Emulation.setEmulatedMedia", &features);
        browser.run(&format!("document.querySelector('input[name=theme][value={theme}]').click()"));
        assert_eq!(violations(browser, axe), [""; 0], "{theme} on a {system} system");
    }
}

/// Tiles fill the map, none lies over another, and each is as large as it says.
fn map_is_true(browser: &Browser) {
    let faults = browser.run(
        "const map = document.getElementById('map'), whole = map.getBoundingClientRect();
         const tiles = [...map.children].map((t) => [t, t.getBoundingClientRect()]), faults = [];
         let sum = 0;
         tiles.forEach(([tile, r], i) => {
           sum += r.width * r.height;
           if (r.left < whole.left - 0.5 || r.right > whole.right + 0.5 || r.top < whole.top - 0.5 || r.bottom > whole.bottom + 0.5)
             faults.push(`${tile.title} lies outside`);
           for (const [other, o] of tiles.slice(i + 1)) {
             if (Math.min(r.right, o.right) - Math.max(r.left, o.left) > 0.5 && Math.min(r.bottom, o.bottom) - Math.max(r.top, o.top) > 0.5)
               faults.push(`${tile.title} lies over ${other.title}`);
           }
           const said = Number(/, ([0-9.]+) %/.exec(tile.title)[1]), is = 100 * r.width * r.height / (whole.width * whole.height);
           if (Math.abs(said - is) > 0.6) faults.push(`${tile.title} has ${is} % of the area`);
         });
         if (Math.abs(sum / (whole.width * whole.height) - 1) > 0.01) faults.push(`the tiles cover ${sum} of ${whole.width * whole.height}`);
         if (!tiles.length) faults.push('no tile');
         return faults;",
    );
    assert_eq!(faults, json!([]), "the map");
}

/// What stands in the element of that id.
fn text(browser: &Browser, id: &str) -> String {
    let value = browser.run(&format!("return document.getElementById('{id}').textContent"));
    value.as_str().unwrap_or_default().to_owned()
}

/// Types into a field; the lists follow after a moment.
fn search(browser: &Browser, field: &str, words: &str) {
    browser.run_async(
        "const [field, words, done] = arguments, input = document.getElementById(field);
         input.value = words;
         input.dispatchEvent(new Event('input'));
         setTimeout(done, 300);",
        &[json!(field), json!(words)],
    );
}

/// The row that assistive technology is told of, cell by cell.
fn active_row(browser: &Browser, grid: &str) -> Vec<String> {
    let cells = browser.run(&format!(
        "const grid = document.getElementById('{grid}');
         return [...document.getElementById(grid.getAttribute('aria-activedescendant')).children].map((c) => c.textContent)"
    ));
    cells
        .as_array()
        .expect("cells")
        .iter()
        .map(|c| c.as_str().unwrap_or_default().trim().to_owned())
        .collect()
}

/// The first row in sight, cell by cell.
fn first_row(browser: &Browser, grid: &str) -> Vec<String> {
    let cells = browser.run(&format!(
        "return [...document.querySelector('#{grid} .row.data').children].map((c) => c.textContent)"
    ));
    cells
        .as_array()
        .expect("cells")
        .iter()
        .map(|c| c.as_str().unwrap_or_default().trim().to_owned())
        .collect()
}

#[test]
fn a_page_works_from_disk_and_by_keyboard() {
    let Some(home) = built() else { testkit::skip!("no mirror in apt's configuration") };
    let browser = match Browser::start() {
        Ok(browser) => browser,
        Err(why) => testkit::skip!("{why}"),
    };
    let file = page_of_base(home, &[]);
    let length = fs::metadata(&file).expect("the page").len();
    assert!(length < 300_000, "{length} bytes");
    browser.open(&file);
    assert!(text(&browser, "package-table").contains("libc6"));

    // Search: every path, and nothing where nothing is.
    search(&browser, "file-search", "localtime etc");
    assert!(text(&browser, "file-grid").contains("/etc/localtime"), "{}", text(&browser, "file-grid"));
    search(&browser, "file-search", "no such file");
    assert!(text(&browser, "file-status").starts_with("Nothing matches"));
    search(&browser, "file-search", "");

    // The tree by keyboard: down to a directory, open, into it, and out again.
    browser.run("document.getElementById('file-grid').focus()");
    browser.press(&[DOWN]);
    assert!(active_row(&browser, "file-grid")[0].contains("bin"), "the first row");
    testkit::wait_for("the row of /etc", || {
        let there = active_row(&browser, "file-grid")[0].contains("etc/");
        if !there {
            browser.press(&[DOWN]);
        }
        there.then_some(())
    });
    browser.press(&[RIGHT, RIGHT]);
    let inside = active_row(&browser, "file-grid");
    assert!(text(&browser, "file-detail").contains("/etc/"), "{inside:?}");
    browser.press(&[LEFT, LEFT]);
    let expanded = browser.run(
        "const grid = document.getElementById('file-grid');
         return document.getElementById(grid.getAttribute('aria-activedescendant')).ariaExpanded",
    );
    assert_eq!(expanded, "false", "closed again");

    // The map by keyboard: in, out, and by directory.
    browser.run("document.querySelector('#map button').focus()");
    map_is_true(&browser);
    browser.press(&[RIGHT]);
    assert_eq!(browser.run("return document.activeElement !== document.querySelector('#map button')"), true);
    browser.press(&[ENTER]);
    assert!(text(&browser, "map-trail").len() > "All packages".len(), "zoomed in");
    map_is_true(&browser);
    browser.press(&[ESCAPE]);
    assert_eq!(text(&browser, "map-trail"), "All packages");
    browser.run("document.querySelector('input[name=map-by][value=directory]').click(); document.querySelector('#map button').focus()");
    map_is_true(&browser);
    browser.press(&[ENTER]);
    map_is_true(&browser);

    // Tables: sorted by a heading; a package leads to its files.
    browser.run("document.querySelectorAll('#package-table thead button')[2].click()");
    let sizes = browser.run("return [...document.querySelectorAll('#package-table tbody tr')].map((r) => Number(r.cells[2].dataset.n))");
    let sizes: Vec<u64> = sizes.as_array().expect("sizes").iter().filter_map(Value::as_u64).collect();
    assert!(sizes.len() > 5 && sizes.is_sorted_by(|a, b| a >= b), "the largest first: {sizes:?}");
    browser.run("document.querySelector('#package-table tbody button').click()");
    let shown = first_row(&browser, "file-grid");
    let name = browser.run("return document.querySelector('#package-table tbody button').textContent");
    assert_eq!(name, shown[2], "the files of the package: {shown:?}");
    quiet(&browser, &file);
}

#[test]
fn axe_finds_no_violation() {
    let Some(home) = built() else { testkit::skip!("no mirror in apt's configuration") };
    let axe = match axe() {
        Ok(axe) => axe,
        Err(why) => testkit::skip!("{why}"),
    };
    let browser = match Browser::start() {
        Ok(browser) => browser,
        Err(why) => testkit::skip!("{why}"),
    };
    browser.open(&page_of_base(home, &[]));
    accessible(&browser, &axe);
    // With rows chosen and lists filtered, and with nothing found.
    search(&browser, "file-search", "libc");
    browser.run("document.getElementById('file-grid').focus()");
    browser.press(&[DOWN]);
    assert_eq!(violations(&browser, &axe), [""; 0], "a row is chosen");
    search(&browser, "file-search", "no such file");
    assert_eq!(violations(&browser, &axe), [""; 0], "nothing is found");
}

#[test]
fn before_and_after() {
    let Some(home) = built() else { testkit::skip!("no mirror in apt's configuration") };
    let debian = match debian_image::layout() {
        Ok(dir) => format!("oci:{}:13", dir.display()),
        Err(why) => testkit::skip!("{why}"),
    };
    let browser = match Browser::start() {
        Ok(browser) => browser,
        Err(why) => testkit::skip!("{why}"),
    };
    let file = page_of_base(home, &["--against", &debian]);
    browser.open(&file);
    let changes = text(&browser, "changes");
    assert!(changes.contains("% less"), "{changes}");
    let table = text(&browser, "changed-packages");
    assert!(table.contains("bash") && table.contains("apt") && !table.contains("libc6 "), "{table}");
    search(&browser, "change-search", "usr/bin/bash");
    assert!(text(&browser, "change-grid").contains("/usr/bin/bash"));
    // By what changed, too; a chosen row tells the whole of it.
    search(&browser, "change-search", "usr/bin/passwd setuid");
    let row = first_row(&browser, "change-grid");
    assert_eq!(row[..3], ["− removed", "/usr/bin/passwd", "mode 4755 (setuid)"], "{row:?}");
    browser.run("document.getElementById('change-grid').focus()");
    browser.press(&[DOWN]);
    assert!(
        text(&browser, "change-detail").contains("mode 4755 (setuid)"),
        "{}",
        text(&browser, "change-detail")
    );
    // Directories are paths as others are.
    search(&browser, "change-search", "/etc/apt/");
    assert!(
        text(&browser, "change-grid").contains("− removed/etc/apt/mode"),
        "{}",
        text(&browser, "change-grid")
    );
    browser.press(&[DOWN]);
    assert!(
        text(&browser, "changed-config").contains("env SSL_CERT_FILE"),
        "{}",
        text(&browser, "changed-config")
    );
    let surface = browser.run(
        "return [...document.querySelectorAll('#changes table:not([id]) tbody tr')].map((r) => [...r.cells].map((c) => c.textContent.trim()))",
    );
    let row = |title: &str| {
        let rows = surface.as_array().expect("rows");
        rows.iter().find(|r| r[0] == title).unwrap_or_else(|| panic!("no row {title}: {surface}")).clone()
    };
    for title in ["Shells", "Package managers", "Setuid and setgid files", "Interpreters", "Network tools"] {
        let row = row(title);
        assert!(row[1].as_str().is_some_and(|t| t.contains('▲')), "{row}");
        assert_eq!(row[2], "✓ none", "{row}");
    }
    quiet(&browser, &file);
    match axe() {
        Ok(axe) => accessible(&browser, &axe),
        Err(why) => testkit::record_skip("report::before_and_after (axe)", &why),
    }
}

/// A layout of one layer, which has these files.
fn image_of(home: &Home, name: &str, files: impl Iterator<Item = String>) -> String {
    let files: Vec<Entry> = files.map(|path| Entry::file(path, 0o755, "x")).collect();
    let layer = testkit::tar::tar(&files);
    let to = home.work().join(name);
    debian_image::write_layout(&to, name, &layer, "layer.v1.tar", &Digest::of(&layer));
    format!("oci:{name}:{name}")
}

#[test]
fn what_a_hostile_image_says_stays_text() {
    let browser = match Browser::start() {
        Ok(browser) => browser,
        Err(why) => testkit::skip!("{why}"),
    };
    let home = Home::new();
    let attacks = [
        "</script><img src=x onerror=document.title='got'>",
        "<svg onload=document.title='got'>",
        "\" onfocus=\"document.title='got'\" autofocus=\"",
        "exe\u{202e}gpj.txt",
        "line\nbreak",
        "${document.title='got'}",
    ];
    let name = image_of(&home, "hostile", attacks.iter().map(|a| format!("usr/bin/{a}")));
    home.run(&["report", &name, "--against", &name, "-q"]);
    let file = home.work().join("report.html");
    browser.open(&file);
    let title = browser.run("return document.title");
    assert!(title.as_str().is_some_and(|t| t.starts_with("oci:hostile")), "{title}");
    assert_eq!(browser.run("return document.querySelectorAll('img, main svg[onload], [onfocus]').length"), 0);
    search(&browser, "file-search", "usr/bin");
    let shown = text(&browser, "file-grid");
    for text in [attacks[0], attacks[1], attacks[2], "exe\\xE2\\x80\\xAEgpj.txt", "line\\x0Abreak"] {
        assert!(shown.contains(text), "{text} is not in {shown}");
    }
    // Into each tile, and onto each file.
    browser.run("for (let i = 0; i < 6; i += 1) { document.querySelector('#map button').click(); }");
    assert_eq!(browser.run("return document.title"), title, "nothing of it ran");
    quiet(&browser, &file);
}

#[test]
fn a_hundred_thousand_files() {
    let browser = match Browser::start() {
        Ok(browser) => browser,
        Err(why) => testkit::skip!("{why}"),
    };
    let home = Home::new();
    let name =
        image_of(&home, "large", (0..100_000).map(|i| format!("srv/app/part-{}/module-{i}.txt", i / 100)));
    home.run(&["report", &name, "-q"]);
    let file = home.work().join("report.html");
    let length = fs::metadata(&file).expect("the page").len();
    assert!(length < 5_000_000, "{length} bytes");
    browser.open(&file);
    search(&browser, "file-search", "module-99999");
    assert!(
        text(&browser, "file-status").starts_with("1 of 101,002 paths"),
        "{}",
        text(&browser, "file-status")
    );
    search(&browser, "file-search", "module");
    assert!(text(&browser, "file-status").starts_with("100,000 of 101,002 paths"));
    let rows = browser.run("return document.querySelectorAll('#file-grid .row').length");
    assert!(rows.as_u64().is_some_and(|n| n < 100), "{rows} rows are in the document");
    browser.run("document.getElementById('file-grid').focus()");
    browser.press(&["\u{e010}"]);
    assert_eq!(active_row(&browser, "file-grid")[0], "/srv/app/part-999/module-99999.txt", "the end");
    quiet(&browser, &file);
}

/// Every command that the document shows, run as shown.
#[test]
fn the_document_works_as_it_stands() {
    let Some(first) = built() else { testkit::skip!("no mirror in apt's configuration") };
    let debian = match debian_image::layout() {
        Ok(dir) => dir,
        Err(why) => testkit::skip!("{why}"),
    };
    let home = Home::with_downloads_of(first);
    std::os::unix::fs::symlink(debian, home.work().join("debian")).expect("a link");
    let document = fs::read_to_string(testkit::workspace().join("docs/report.md")).expect("the document");
    let shown = testkit::shown_commands(&document);
    assert!(shown.len() > 4, "{} commands", shown.len());
    for shown in shown {
        let words: Vec<&str> = shown.command.split_whitespace().collect();
        assert_eq!(words[0], "distil", "line {}: {}", shown.line, shown.command);
        done(patiently(home.command().args(&words[1..])));
    }
    for file in ["report.html", "before-after.html", "arm64.html"] {
        assert!(fs::read_to_string(home.work().join(file)).is_ok_and(|t| t.ends_with("</html>\n")), "{file}");
    }
}
