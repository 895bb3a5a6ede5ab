use crate::error::RecipeError;
use crate::node::Node;
use crate::walk;

/// Permission bits: `0o755`, `0755` and decimal 493 are one mode.
///
/// A number without a leading zero is decimal (YAML 1.2). One that makes sense as octal digits, like
/// 644, is an error: whoever wrote it most likely meant them.
pub(super) fn mode(node: &Node, place: &str) -> Result<u32, RecipeError> {
    let text = &walk::scalar(node, place)?.text;
    let bad = || {
        RecipeError::bad(&node.at, text, format!("a mode ({place})"))
            .hint("write octal digits after `0o`, as 0o755 or 0o1777")
    };
    if text.len() > 8 {
        return Err(bad());
    }
    let octal = |digits: &str| {
        u32::from_str_radix(digits, 8).ok().filter(|_| digits.bytes().all(|b| b.is_ascii_digit()))
    };
    let mode =
        match text.strip_prefix("0o").or_else(|| text.strip_prefix('0').filter(|rest| !rest.is_empty())) {
            Some(digits) => octal(digits).ok_or_else(bad)?,
            None => {
                let decimal = text.parse::<u32>().ok().filter(|_| text.bytes().all(|b| b.is_ascii_digit()));
                let decimal = decimal.ok_or_else(bad)?;
                // 511 is what programs write for 0o777, and nobody means 0o511.
                if decimal != 0o777 && octal(text).is_some_and(is_usual) {
                    return Err(ambiguous(node, text, decimal));
                }
                decimal
            }
        };
    if mode > 0o7777 { Err(bad()) } else { Ok(mode) }
}

fn ambiguous(node: &Node, text: &str, decimal: u32) -> RecipeError {
    let fault = RecipeError::clash(&node.at, format!("mode {text} is a decimal number, 0o{decimal:o}"));
    match is_usual(decimal) {
        true => fault.hint(format!("write 0o{text} or 0o{decimal:o}, whichever is meant")),
        false => fault.hint(format!("write 0o{text}")),
    }
}

/// Would somebody write this mode: the user reads it, and nobody may more than the class before.
fn is_usual(mode: u32) -> bool {
    let class = |shift: u32| (mode >> shift) & 0o7;
    let (user, group, other) = (class(6), class(3), class(0));
    let known = |bits: u32| matches!(bits, 0 | 1 | 4 | 5 | 6 | 7);
    let within = |small: u32, large: u32| small & large == small;
    (1..=0o7777).contains(&mode)
        && user & 0o4 != 0
        && known(group)
        && known(other)
        && within(group, user)
        && within(other, group)
}
