/// A string of a script, as far as it is known before the script runs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Text {
    /// The whole, or what it begins with.
    text: String,
    known: bool,
}

/// No string that a script is decided by is longer; one that doubles itself is not followed.
const LONGEST: usize = 64 << 10;

impl Text {
    /// All of it is known.
    pub fn known(text: impl Into<String>) -> Text {
        Text { text: text.into(), known: true }
    }

    /// Nothing of it is known.
    pub fn unknown() -> Text {
        Text { text: String::new(), known: false }
    }

    /// Perhaps known.
    pub fn of(text: Option<String>) -> Text {
        text.map_or_else(Text::unknown, Text::known)
    }

    /// The whole string, if all of it is known.
    pub fn whole(&self) -> Option<&str> {
        self.known.then_some(self.text.as_str())
    }

    /// What it certainly begins with.
    pub fn prefix(&self) -> &str {
        &self.text
    }

    /// Puts another string behind it.
    pub fn push(&mut self, more: &Text) {
        self.push_str(&more.text);
        self.known &= more.known;
    }

    /// Puts known characters behind it.
    pub fn push_str(&mut self, more: &str) {
        if self.known && self.text.len() + more.len() > LONGEST {
            self.known = false;
        }
        if self.known {
            self.text.push_str(more);
        }
    }

    /// For people: `/var/lib/…` where the rest is not known.
    pub fn shown(&self) -> String {
        let ending = if self.known { "" } else { "…" };
        format!("{}{ending}", self.text)
    }
}

/// Does `text` match the shell pattern (POSIX.1-2017, 2.13), where `*` matches slashes too?
pub fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    let (mut p, mut t) = (0, 0);
    // Where to take up again after the last `*`: linear memory, no recursion.
    let mut star: Option<(usize, usize)> = None;
    loop {
        if p < pattern.len() && pattern[p] == '*' {
            star = Some((p, t));
            p += 1;
            continue;
        }
        if p < pattern.len()
            && t < text.len()
            && let Some(next) = match_one(&pattern, p, text[t])
        {
            (p, t) = (next, t + 1);
            continue;
        }
        if p == pattern.len() && t == text.len() {
            return true;
        }
        match star {
            Some((at, from)) if from < text.len() => {
                star = Some((at, from + 1));
                (p, t) = (at + 1, from + 1);
            }
            _ => return false,
        }
    }
}

/// Where the pattern goes on after the element at `p` took `c`.
fn match_one(pattern: &[char], p: usize, c: char) -> Option<usize> {
    match pattern[p] {
        '?' => Some(p + 1),
        '\\' if p + 1 < pattern.len() => (pattern[p + 1] == c).then_some(p + 2),
        '[' => match_set(pattern, p, c),
        other => (other == c).then_some(p + 1),
    }
}

fn match_set(pattern: &[char], p: usize, c: char) -> Option<usize> {
    let negated = matches!(pattern.get(p + 1), Some('!' | '^'));
    let start = p + 1 + usize::from(negated);
    let mut at = start;
    let mut inside = false;
    loop {
        match pattern.get(at) {
            // A bracket that does not close is itself.
            None => return (c == '[').then_some(p + 1),
            Some(']') if at > start => break,
            Some('[') if pattern.get(at + 1) == Some(&':') => {
                let len = pattern[at..].iter().position(|c| *c == ']')?;
                let class: String = pattern[at + 2..at + len].iter().filter(|c| **c != ':').collect();
                inside |= in_class(&class, c);
                at += len + 1;
            }
            Some(low)
                if pattern.get(at + 1) == Some(&'-') && pattern.get(at + 2).is_some_and(|h| *h != ']') =>
            {
                inside |= (*low..=pattern[at + 2]).contains(&c);
                at += 3;
            }
            Some(one) => {
                inside |= *one == c;
                at += 1;
            }
        }
    }
    (inside != negated).then_some(at + 1)
}

fn in_class(class: &str, c: char) -> bool {
    match class {
        "alnum" => c.is_ascii_alphanumeric(),
        "alpha" => c.is_ascii_alphabetic(),
        "digit" => c.is_ascii_digit(),
        "space" => c.is_ascii_whitespace(),
        "upper" => c.is_ascii_uppercase(),
        "lower" => c.is_ascii_lowercase(),
        "punct" => c.is_ascii_punctuation(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matches_as_shells_do() {
        for (pattern, text) in [
            ("", ""),
            ("*", ""),
            ("a*c", "abbc"),
            ("a*b*c", "aXbYbc"),
            ("/*/", "/a/b/"),
            ("?[a-c][!x]", "zby"),
            ("[]]", "]"),
            ("[", "["),
            ("\\*", "*"),
            ("[[:digit:]x]*", "12"),
        ] {
            assert!(matches(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in [("a", ""), ("", "a"), ("a*c", "ab"), ("[a-c]", "d"), ("\\*", "a"), ("?", "")]
        {
            assert!(!matches(pattern, text), "{pattern} {text}");
        }
        assert!(!matches(&"*a".repeat(50), &"b".repeat(5000)));
    }
}
