//! What the container's config says: commands, environment, signals, ports, labels, architectures.

use std::collections::BTreeMap;

use package::Arch;

use crate::error::{Problem, RecipeError};
use crate::keys;
use crate::node::{Entry, Node, Value};
use crate::place::Spanned;
use crate::recipe::{ArchWord, Body};
use crate::resolved::MOST_BUDGET;
use crate::walk::{self, Fields};
use crate::{Port, Protocol, Strategy};

/// A list of words, or a text that is split as a shell would (quotes and backslashes, nothing else).
pub(super) fn words(node: &Node, place: &str) -> Result<Vec<String>, RecipeError> {
    match &node.value {
        Value::List(items) => {
            items.iter().map(|item| walk::text(item, &format!("an element of {place}"))).collect()
        }
        Value::Scalar(_) => {
            let text = walk::text(node, place)?;
            shlex::split(&text).ok_or_else(|| {
                RecipeError::bad(&node.at, &text, "a command: a quote is not closed")
                    .hint("a list needs no quotes: [\"/app/server\", \"it's\"]")
            })
        }
        Value::Map(_) => Err(walk::wrong_type(node, place, "a text or a list of words")),
    }
}

fn entries<'a>(node: &'a Node, place: &str) -> Result<&'a [Entry], RecipeError> {
    match &node.value {
        Value::Map(entries) => Ok(entries),
        Value::List(_) => {
            Err(walk::wrong_type(node, place, "a mapping").hint("write `NAME: value`, one a line"))
        }
        Value::Scalar(_) => Err(walk::wrong_type(node, place, "a mapping")),
    }
}

/// A mapping of texts; a key without a value has the empty text.
pub(super) fn texts(node: &Node, place: &str) -> Result<BTreeMap<String, Spanned<String>>, RecipeError> {
    entries(node, place)?
        .iter()
        .map(|e| {
            if e.key.is_empty() {
                return Err(RecipeError::clash(&e.key_at, format!("a key in {place} is empty")));
            }
            let value = match &e.value.value {
                // `null` and `~` are YAML's words for no value, as apko reads them; in quotes they are texts.
                Value::Scalar(s) if s.text.is_empty() || e.value.is_null() => String::new(),
                // What stands there: no number is read and written again.
                Value::Scalar(s) if !s.text.contains('\0') => s.text.clone(),
                _ => walk::text(&e.value, &format!("`{}` in {place}", e.key))?,
            };
            Ok((e.key.clone(), Spanned::new(value, e.value.at.clone())))
        })
        .collect()
}

pub(super) fn environment(
    node: &Node,
    place: &str,
) -> Result<BTreeMap<String, Spanned<String>>, RecipeError> {
    if let Some(e) = entries(node, place)?.iter().find(|e| e.key.contains(['=', '\0'])) {
        return Err(RecipeError::bad(&e.key_at, &e.key, "a variable's name").hint("write `NAME: value`"));
    }
    texts(node, place)
}

/// `SIGTERM`, `TERM`, `SIGRTMIN+3` or a number, as the OCI config has it.
pub(super) fn signal(node: &Node, place: &str) -> Result<String, RecipeError> {
    const NAMES: [&str; 33] = [
        "ABRT", "ALRM", "BUS", "CHLD", "CLD", "CONT", "FPE", "HUP", "ILL", "INT", "IO", "IOT", "KILL",
        "PIPE", "POLL", "PROF", "PWR", "QUIT", "SEGV", "STKFLT", "STOP", "SYS", "TERM", "TRAP", "TSTP",
        "TTIN", "TTOU", "URG", "USR1", "USR2", "VTALRM", "WINCH", "XCPU",
    ];
    let text = walk::line(node, place)?;
    let name = text.strip_prefix("SIG").unwrap_or(&text);
    let real_time = |prefix: &str, most: u8| {
        name.strip_prefix(prefix).is_some_and(|n| n.parse::<u8>().is_ok_and(|n| (1..=most).contains(&n)))
    };
    let known = NAMES.contains(&name)
        || matches!(name, "RTMIN" | "RTMAX" | "XFSZ")
        || real_time("RTMIN+", 15)
        || real_time("RTMAX-", 14)
        || text.parse::<u8>().is_ok_and(|n| (1..=64).contains(&n) && !text.starts_with('+'));
    if known {
        return Ok(text);
    }
    let upper = name.to_ascii_uppercase();
    let upper = upper.strip_prefix("SIG").unwrap_or(&upper);
    let near = diag::nearest(upper, NAMES, 1);
    let fault = RecipeError::bad(&node.at, &text, "a signal");
    Err(match near.first() {
        Some(near) => fault.hint(format!("did you mean `SIG{near}`?")),
        None => fault.hint("write a name as SIGTERM or SIGRTMIN+3, or a number from 1 to 64"),
    })
}

/// `8080`, `8080/tcp`, `53/udp`, `9/sctp`.
pub(super) fn port(node: &Node, place: &str) -> Result<Port, RecipeError> {
    let text = walk::line(node, place)?;
    let (number, protocol) = text.split_once('/').unwrap_or((&text, "tcp"));
    let protocol = match protocol {
        "tcp" => Some(Protocol::Tcp),
        "udp" => Some(Protocol::Udp),
        "sctp" => Some(Protocol::Sctp),
        _ => None,
    };
    let number = number.parse::<u16>().ok().filter(|n| *n > 0 && number.bytes().all(|b| b.is_ascii_digit()));
    match (number, protocol) {
        (Some(number), Some(protocol)) => Ok(Port { number, protocol }),
        _ => {
            let fault = RecipeError::bad(&node.at, &text, "a port");
            Err(match text.contains(':') {
                true => fault.hint(
                    "only the container's side belongs here: `8080/tcp`; publishing is for `docker run -p`",
                ),
                false => fault.hint("write `8080`, `8080/tcp`, `53/udp` or `5000/sctp`"),
            })
        }
    }
}

pub(super) fn archs(node: &Node, place: &str) -> Result<Vec<Spanned<ArchWord>>, RecipeError> {
    let items = walk::list(node, place)?;
    if items.is_empty() {
        return Err(RecipeError::clash(&node.at, "`archs` is empty: there is nothing to build"));
    }
    items.iter().map(|item| Ok(Spanned::new(arch(item)?, item.at.clone()))).collect()
}

fn arch(node: &Node) -> Result<ArchWord, RecipeError> {
    let text = walk::line(node, "an element of `archs`")?;
    match text.as_str() {
        "all" => Ok(ArchWord::All),
        "host" => Ok(ArchWord::Host),
        "armhf" => Ok(ArchWord::Armhf),
        word => Arch::from_any_word(word).map(ArchWord::One).map_err(|_| {
            RecipeError::bad(&node.at, word, "an architecture that distil knows").hint(
                "known are amd64, arm64, arm/v7, arm/v6, 386, s390x, ppc64le, riscv64, loong64, `host` and `all`",
            )
        }),
    }
}

/// apko's `format`: how layers are packed. Theirs that is a draft is not written.
pub(super) fn format(node: &Node, place: &str) -> Result<(), RecipeError> {
    if walk::scalar(node, place)?.text == "erofs" {
        return Err(RecipeError::clash(
            &node.at,
            "layers of erofs are a draft that container engines do not read, and distil does not write them",
        )
        .hint("leave `format` out, or write `format: tar`"));
    }
    walk::word(node, place, &[("tar", ())])
}

pub(super) fn layering(node: &Node, body: &mut Body) -> Result<(), RecipeError> {
    const STRATEGIES: [(&str, Strategy); 4] = [
        ("single", Strategy::Single),
        ("split", Strategy::Split),
        ("package", Strategy::Package),
        ("origin", Strategy::Origin),
    ];
    if !matches!(node.value, Value::Map(_)) {
        return Err(
            walk::wrong_type(node, "`layering`", "a mapping").hint("write `layering: {strategy: split}`")
        );
    }
    let fields = Fields::of(node, &keys::LAYERING)?;
    body.strategy = fields.spanned("strategy", |n, place| walk::word(n, place, &STRATEGIES))?;
    body.budget = fields.spanned("budget", |n, place| walk::number(n, place, u32::MAX))?;
    if let Some(budget) = body.budget.as_ref().filter(|b| !(1..=MOST_BUDGET).contains(&b.value)) {
        let problem = Problem::BadValue {
            value: budget.value.to_string(),
            expected: format!("a number of layers from 1 to {MOST_BUDGET}"),
        };
        return Err(RecipeError::at(&budget.at, problem)
            .hint("overlayfs takes 127 layers in all, and one is for derived and own files"));
    }
    Ok(())
}
