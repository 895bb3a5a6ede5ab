//! The parts of the page, one file each: plain HTML that is whole without script.

pub(crate) mod comparison;
pub(crate) mod config;
pub(crate) mod contents;
pub(crate) mod files;
pub(crate) mod layers;
pub(crate) mod packages;
pub(crate) mod summary;
pub(crate) mod surface;

use crate::escape;

/// A definition: a term, and HTML that says what it is.
pub(crate) fn definition(term: &str, html: &str) -> String {
    format!("<dt>{term}</dt><dd>{html}</dd>\n")
}

/// Foreign text as code; a word where there is none.
pub(crate) fn code_or(text: &str, none: &str) -> String {
    if text.is_empty() {
        format!("<span class=\"none\">{none}</span>")
    } else {
        format!("<code>{}</code>", escape::html(text))
    }
}

/// A cell of a number: what is shown, and what it is sorted by.
pub(crate) fn number_cell(n: u64, text: &str) -> String {
    format!("<td class=\"n\" data-n=\"{n}\">{text}</td>")
}

/// A heading that sorts its column.
pub(crate) fn sorting(title: &str, class: &str, sorted: &str) -> String {
    let class = if class.is_empty() { String::new() } else { format!(" class=\"{class}\"") };
    format!("<th scope=\"col\"{class} aria-sort=\"{sorted}\"><button type=\"button\">{title}</button></th>")
}

/// A command line as a shell would take it.
pub(crate) fn command_line(words: &[String]) -> String {
    let plain = |w: &str| !w.is_empty() && w.chars().all(|c| c.is_alphanumeric() || "-_./:=,+@%".contains(c));
    let quoted = |w: &String| if plain(w) { w.clone() } else { format!("'{}'", w.replace('\'', "'\\''")) };
    words.iter().map(quoted).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_where_a_shell_needs_it() {
        let words = ["/bin/app", "--x=1", "a b", "it's", ""].map(str::to_owned);
        assert_eq!(command_line(&words), r"/bin/app --x=1 'a b' 'it'\''s' ''");
    }
}
