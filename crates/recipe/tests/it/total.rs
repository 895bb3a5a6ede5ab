//! Whatever comes in, an answer comes out: no panic, no endless work.

use crate::rendered::{Files, host, render};

/// Numbers that look random and are the same on every run (xorshift64*).
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) as usize % n.max(1)
    }
}

const SEEDS: &[&str] = &[
    include_str!("../../../../docs/recipe.md"),
    include_str!("../../../../images/base-nossl.yaml"),
    include_str!("../../../../images/static.yaml"),
    include_str!("bad.txt"),
];

/// Pieces that mean something to YAML or to a recipe.
const PIECES: &[&str] = &[
    "\n",
    "  ",
    "\t",
    ": ",
    "- ",
    "[",
    "]",
    "{",
    "}",
    "\"",
    "'",
    "&a ",
    "*a",
    "<<: *a",
    "!x",
    "!!str ",
    "|\n",
    ">\n",
    "# ",
    "---\n",
    "...\n",
    "@",
    "%",
    "\u{0}",
    "\u{feff}",
    "é",
    "€",
    "𝄞",
    "\r",
    "\u{85}",
    "\u{2028}",
    "contents:",
    "packages:",
    "0o",
    "(>= ",
    "://",
    "deb [",
    "]",
    "/",
];

fn examples() -> Vec<String> {
    SEEDS
        .iter()
        .flat_map(|s| s.split("```yaml\n").flat_map(|s| s.split(">>>\n")))
        .map(|s| s.split("```").next().unwrap_or("").split("<<<").next().unwrap_or("").to_owned())
        .filter(|s| !s.is_empty() && s.len() < 2000)
        .collect()
}

/// Everything that can be asked of a text; the answer does not matter.
fn ask_everything(text: &str) {
    match recipe::load("app.yaml", text, &Files(&[("./p.yaml", "labels: {a: b}")])) {
        Ok(recipe) => {
            let names: Vec<&str> = recipe.variants.keys().map(String::as_str).collect();
            for name in std::iter::once(None).chain(names.into_iter().map(Some)) {
                match recipe.resolve(name, &host()) {
                    Ok(resolved) => {
                        assert!(recipe::request_text(&resolved).starts_with("world "));
                        let config = recipe::apko_config(&resolved);
                        assert!(recipe::apko_yaml(&config).starts_with("accounts:\n"));
                    }
                    Err(error) => assert!(render(error).starts_with("error: cannot read recipe ")),
                }
            }
        }
        Err(error) => assert!(render(error).starts_with("error: cannot read recipe ")),
    }
}

#[test]
fn no_text_is_too_strange() {
    let examples = examples();
    assert!(examples.len() > 100);
    let mut dice = Dice(0x9E37_79B9_7F4A_7C15);
    for _ in 0..4_000 {
        let mut text: Vec<char> = examples[dice.below(examples.len())].chars().collect();
        for _ in 0..=dice.below(6) {
            let at = dice.below(text.len() + 1);
            match dice.below(4) {
                0 if at < text.len() => drop(text.remove(at)),
                1 => text.truncate(at),
                2 => {
                    let other: Vec<char> = examples[dice.below(examples.len())].chars().collect();
                    let from = dice.below(other.len());
                    let to = (from + dice.below(40)).min(other.len());
                    text.splice(at..at, other[from..to].iter().copied());
                }
                _ => drop(text.splice(at..at, PIECES[dice.below(PIECES.len())].chars())),
            }
        }
        ask_everything(&text.into_iter().collect::<String>());
    }
}

#[test]
fn texts_that_want_much_are_stopped() {
    let laughs = (1..40).fold("a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned(), |text, i| {
        let last = i - 1;
        format!("{text}a{i}: &a{i} [{}]\n", vec![format!("*a{last}"); 9].join(", "))
    });
    let deep = |open: &str, n: usize| open.repeat(n);
    for text in [
        laughs,
        deep("[", 10_000),
        deep("{a: ", 10_000),
        deep("- ", 10_000),
        (0..1_000).map(|i| format!("{}a:\n", " ".repeat(i))).collect(),
        format!(
            "cmd: &x {}\nlabels: {{{}}}",
            "y".repeat(1 << 19),
            (0..100).map(|i| format!("k{i}: *x")).collect::<Vec<_>>().join(", ")
        ),
        "x".repeat(2 << 20),
    ] {
        let error = recipe::parse("app.yaml", &text).unwrap_err();
        assert!(matches!(error.problem(), recipe::Problem::Syntax(_)), "{}", render(error));
    }
    let many: String = (0..10_000).map(|i| format!("  K{i}: v\n")).collect();
    assert_eq!(
        recipe::parse("app.yaml", &format!("environment:\n{many}")).unwrap().body.environment.len(),
        10_000
    );
}
