//! Every mistake has its message: what, where, and what to do.

use crate::rendered::{Files, host, load, render};

const CASES: &str = include_str!("bad.txt");

/// The file holds cases: the recipe after `>>>`, the message after `<<<`.
fn cases() -> Vec<(&'static str, &'static str)> {
    CASES
        .split(">>>\n")
        .skip(1)
        .map(|case| case.split_once("<<<\n").expect("a case has a recipe and a message"))
        .collect()
}

fn message(text: &str) -> String {
    let text = text.replace("⇥", "\t");
    match load(&text).and_then(|recipe| recipe.resolve_all(&host())) {
        Err(error) => render(error),
        Ok(_) => "no error\n".to_owned(),
    }
}

#[test]
fn each_mistake_has_its_message() {
    let mut seen = String::new();
    for (text, _) in cases() {
        seen.push_str(&format!(">>>\n{text}<<<\n{}\n", message(text)));
    }
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/bad.txt"), &seen)
            .expect("bad.txt is writable");
        return;
    }
    for (text, wanted) in cases() {
        assert_eq!(message(text), wanted.trim_end().to_owned() + "\n", "for the recipe\n{text}");
    }
    assert!(cases().len() > 80, "{} cases", cases().len());
}

#[test]
fn includes_that_go_in_a_circle() {
    let files = [
        ("./a.yaml", "include: lib/b.yml\n"),
        ("lib/b.yml", "contents:\n  slim: none\ninclude: ./a.yaml\n"),
        ("./self.yaml", "include: ./self.yaml\n"),
        ("./broken.yaml", "contents:\n  packges: []\n"),
    ];
    let message = |text| render(recipe::load("app.yaml", text, &Files(&files)).unwrap_err());
    assert_eq!(
        message("include: ./a.yaml"),
        "error: cannot read recipe lib/b.yml: the includes go in a circle: app.yaml → ./a.yaml → lib/b.yml → ./a.yaml\n\
         lib/b.yml:3:10\n| include: ./a.yaml\n|          ^^^^^^^^\nhint: take one of these includes out\n"
    );
    assert_eq!(
        message("include: ./self.yaml"),
        "error: cannot read recipe ./self.yaml: the includes go in a circle: app.yaml → ./self.yaml → ./self.yaml\n\
         ./self.yaml:1:10\n| include: ./self.yaml\n|          ^^^^^^^^^^^\nhint: take one of these includes out\n"
    );
    assert_eq!(
        message("include: ./broken.yaml"),
        "error: cannot read recipe ./broken.yaml: unknown key `packges` in `contents`\n\
         ./broken.yaml:2:3\n|   packges: []\n|   ^^^^^^^\nhint: did you mean `packages`?\n"
    );
}

#[test]
fn a_world_mixed_through_an_include_names_both_files() {
    let files = [("./base.yaml", "contents:\n  distribution: debian-13\n")];
    let text = "include: ./base.yaml\ncontents:\n  repositories:\n    - https://packages.wolfi.dev/os\n";
    let recipe = recipe::load("app.yaml", text, &Files(&files)).unwrap();
    assert_eq!(
        render(recipe.resolve(None, &host()).unwrap_err()),
        "error: cannot read recipe app.yaml: one image has one package world, but `debian-13` (./base.yaml, line 2) is deb \
         and `https://packages.wolfi.dev/os` (app.yaml, line 4) is apk\n\
         app.yaml:4:7\n|     - https://packages.wolfi.dev/os\n|       ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ this is apk\n\
         hint: build two images, or take the packages of one world only\n"
    );
}

#[test]
fn an_image_that_the_catalogue_has_not() {
    assert_eq!(
        render(recipe::load_catalogue("bse").unwrap_err()),
        "error: cannot read recipe bse: there is no image in the catalogue called `bse`\nhint: did you mean `base`?\n"
    );
}

#[test]
fn a_variant_that_the_recipe_has_not() {
    let recipe = load("include: base\nvariants: {debug: {}, slim: {}}\n").unwrap();
    assert_eq!(
        render(recipe.resolve(Some("debgu"), &host()).unwrap_err()),
        "error: cannot read recipe app.yaml: there is no variant `debgu`\nhint: did you mean `debug`?\n"
    );
}

/// Variants of two each of the level before: as many ways as 2 to the power of the level lead to the first.
fn levels(count: usize) -> String {
    let mut text = "include: base\nvariants:\n  a0: {}\n  b0: {}\n".to_owned();
    for n in 1..=count {
        for name in ["a", "b"] {
            text += &format!("  {name}{n}: {{of: [a{0}, b{0}]}}\n", n - 1);
        }
    }
    text
}

#[test]
fn variants_of_variants_are_visited_once() {
    let recipe = load(&levels(30)).unwrap();
    assert_eq!(recipe.resolve(Some("a30"), &host()).unwrap().variant.as_deref(), Some("a30"));
}

#[test]
fn variants_of_variants_end_somewhere() {
    let mut text = "include: base\nvariants:\n  v0: {}\n".to_owned();
    for n in 1..=20_000 {
        text += &format!("  v{n}: {{of: [v{}]}}\n", n - 1);
    }
    let recipe = load(&text).unwrap();
    assert!(recipe.resolve(Some("v31"), &host()).is_ok());
    for name in ["v32", "v20000"] {
        let error = render(recipe.resolve(Some(name), &host()).unwrap_err());
        assert!(error.contains("made `of` each other more than 32 deep"), "{error}");
    }
}
