//! Lines for a terminal: colours where it wants them (no-color.org), and nothing else that it would obey.

use std::borrow::Cow;
use std::fmt::Write;

use rootfs::is_unseen;

/// Which escape sequences a stream gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Style {
    on: bool,
}

/// Where a colour begins in a text that is no line yet, and its code: characters that Unicode gives to nobody
/// (noncharacters, chapter 23.7), so that what is foreign in the text can be told from what is ours.
const MARKS: [(char, &str); 5] =
    [(ERROR, "1;31"), (WARNING, "1;33"), (HINT, "1;36"), (STRONG, "1"), (FAINT, "2")];
const ERROR: char = '\u{fdd0}';
const WARNING: char = '\u{fdd1}';
const HINT: char = '\u{fdd2}';
const STRONG: char = '\u{fdd3}';
const FAINT: char = '\u{fdd4}';
const END: char = '\u{fdd5}';

impl Style {
    #[cfg(test)]
    pub(crate) const PLAIN: Style = Style { on: false };

    pub(crate) fn new(on: bool) -> Style {
        Style { on }
    }

    pub(crate) fn error(self, text: &str) -> String {
        self.paint(ERROR, text)
    }

    pub(crate) fn warning(self, text: &str) -> String {
        self.paint(WARNING, text)
    }

    pub(crate) fn hint(self, text: &str) -> String {
        self.paint(HINT, text)
    }

    pub(crate) fn strong(self, text: &str) -> String {
        self.paint(STRONG, text)
    }

    pub(crate) fn faint(self, text: &str) -> String {
        self.paint(FAINT, text)
    }

    fn paint(self, mark: char, text: &str) -> String {
        if self.on { format!("{mark}{text}{END}") } else { text.to_owned() }
    }

    /// One line of talk. What packages, archives and recipes say stands in it as text: a control character
    /// of theirs is written as an escape, so that it can neither command the terminal nor begin a line
    /// that looks like ours.
    pub(crate) fn line(self, text: &str) -> String {
        let mut out = String::with_capacity(text.len() + 1);
        let mut painted = false;
        for c in text.chars() {
            let code = MARKS.iter().find(|(mark, _)| *mark == c).map(|(_, code)| *code);
            match code.or_else(|| (c == END).then_some("0")) {
                Some(code) if self.on => {
                    out.push_str(&format!("\x1b[{code}m"));
                    painted = c != END;
                }
                Some(_) => {}
                None => push(&mut out, c),
            }
        }
        if painted {
            out.push_str("\x1b[0m");
        }
        out.push('\n');
        out
    }
}

/// The text with nothing in it that a terminal obeys, or does not show.
pub(crate) fn escaped(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_unseen) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 8);
    text.chars().for_each(|c| push(&mut out, c));
    Cow::Owned(out)
}

/// The lines of data for a terminal or a pipe: what ends a line and stands between columns stays.
pub(crate) fn escaped_lines(text: &str) -> Cow<'_, str> {
    let ours = |c: char| matches!(c, '\n' | '\t');
    if !text.chars().any(|c| is_unseen(c) && !ours(c)) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 8);
    text.chars().for_each(|c| if ours(c) { out.push(c) } else { push(&mut out, c) });
    Cow::Owned(out)
}

/// What is no text is written as its bytes: in a path that is what [`rootfs::typed`] reads, so that it can be typed as
/// it is shown, and nothing else looks like it.
fn push(out: &mut String, c: char) {
    if !is_unseen(c) {
        return out.push(c);
    }
    for byte in c.encode_utf8(&mut [0; 4]).bytes() {
        // Writing to a string does not fail.
        let _ = write!(out, "\\x{byte:02X}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_ours_alone() {
        let on = Style::new(true);
        assert_eq!(on.line(&on.error("error:")), "\x1b[1;31merror:\x1b[0m\n");
        assert_eq!(Style::PLAIN.line(&Style::PLAIN.error("error:")), "error:\n");
        let foreign = "a\x1b[2Jb\nerror: no\r\u{7f}\u{9b}\u{202e}c\t\u{e9}";
        let shown = "a\\x1B[2Jb\\x0Aerror: no\\x0D\\x7F\\xC2\\x9B\\xE2\\x80\\xAEc\\x09\u{e9}";
        assert_eq!(Style::PLAIN.line(foreign), format!("{shown}\n"));
        assert_eq!(on.line(&on.hint(foreign)), format!("\x1b[1;36m{shown}\x1b[0m\n"));
        // A mark that somebody put into a name ends with the line.
        assert_eq!(on.line("x\u{fdd0}y"), "x\x1b[1;31my\x1b[0m\n");
        assert_eq!(escaped(foreign), shown);
        assert_eq!(escaped_lines("a\tb\nc\x1b\n"), "a\tb\nc\\x1B\n");
        // By the eye /bin/sh, and another file.
        assert_eq!(escaped("/bin/sh\u{200b}\u{ad}"), "/bin/sh\\xE2\\x80\\x8B\\xC2\\xAD");
    }
}
