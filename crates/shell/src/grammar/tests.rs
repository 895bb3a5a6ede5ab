use super::{CommandKind, parse};

fn kinds(text: &str) -> String {
    let list = parse(text).unwrap();
    list.iter()
        .map(|item| match &item.first.commands[0].kind {
            CommandKind::Simple { words, .. } => format!("simple{}", words.len()),
            CommandKind::Group(_) => "group".into(),
            CommandKind::Subshell(_) => "subshell".into(),
            CommandKind::If { arms, .. } => format!("if{}", arms.len()),
            CommandKind::For { .. } => "for".into(),
            CommandKind::While { .. } => "while".into(),
            CommandKind::Case { arms, .. } => format!("case{}", arms.len()),
            CommandKind::Function { .. } => "function".into(),
            CommandKind::Opaque => "opaque".into(),
        })
        .collect::<Vec<_>>()
        .join(" ")
}

#[test]
fn reads_what_scripts_have() {
    for (text, expected) in [
        ("", ""),
        ("# only\n\n", ""),
        ("a b 'c d' \"e $f\" > /dev/null 2>&1 || true", "simple4"),
        ("if a; then b; elif c\nthen d; else e; fi", "if2"),
        ("for x in a b; do c; done; for y\ndo d; done", "for for"),
        ("while read x; do y; done < f; until z; do :; done", "while while"),
        ("case $1 in a|b) c;; (d) e ;; *) esac", "case3"),
        ("f() { a; }; g () (b)\nfunction h { c; }", "function function function"),
        ("{ a; b; } >f; ( c )", "group subshell"),
        ("[[ $a == b && -n $c ]] && d; (( a + 1 ))", "opaque opaque"),
        ("x=1 y=$(a `b \\`c\\``) cmd; z=", "simple1 simple0"),
        ("cat <<E <<-'F'\nhello $x\nE\n\tliteral $y\n\tF\nafter", "simple1 simple1"),
        ("echo ${a:-b} ${c%%/*} ${#d} ${e:=${f}} $((1 + (2))) $# \"${g:+\"h i\"}\"", "simple8"),
        ("! a | b | c && d & e", "simple1 simple1"),
        ("a=(b c); d+=e; f <<< g", "simple0 simple0 simple1"),
        ("echo a\\\n b; if a; then\n# c\n:; fi", "simple3 if1"),
    ] {
        assert_eq!(kinds(text), expected, "{text}");
    }
}

#[test]
fn refuses_what_is_broken() {
    for text in [
        "if a; then b",
        "a )",
        "case x in a) b",
        "'a",
        "\"a",
        "`a",
        "${a",
        "$(a",
        "a &&",
        "fi",
        "{ a",
        "a | ; b",
    ] {
        assert!(parse(text).is_err(), "{text}");
    }
}

#[test]
fn depth_is_bounded() {
    for open in ["(", "$(", "{ ", "if ", "\"$(", "${a:-", "$((", "a && (", "case "] {
        assert!(parse(&open.repeat(100_000)).is_err(), "{open}");
    }
}

#[test]
fn every_prefix_and_mutation_is_total() {
    let text =
        "f() { case \"$1\" in a) cat <<E | x ${y:-`z`} >f ;; esac }\n$q\nE\nif ! [ -e 'é' ]; then :; fi\n";
    for (end, _) in text.char_indices() {
        let _ = parse(&text[..end]);
        for c in ["'", "\"", "$(", ")", "`", "\n", "<<", "&"] {
            let _ = parse(&format!("{}{c}{}", &text[..end], &text[end..]));
        }
    }
}
