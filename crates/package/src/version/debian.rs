//! dpkg's version order: deb-version(7), "Sorting algorithm"; dpkg lib/dpkg/version.c.

use std::cmp::Ordering;

/// Compares `[epoch:]upstream[-revision]`; total over all texts, as dpkg's comparison is.
pub fn compare(a: &str, b: &str) -> Ordering {
    let (a, b) = (split(a), split(b));
    number(a.0).cmp(&number(b.0)).then_with(|| fragment(a.1, b.1)).then_with(|| fragment(a.2, b.2))
}

/// Is it a version that dpkg accepts (deb-version(7))?
pub fn is_valid(text: &str) -> bool {
    let (epoch, upstream, revision) = split(text);
    let has_epoch = text.contains(':');
    let word =
        |t: &str, extra: &str| t.bytes().all(|c| c.is_ascii_alphanumeric() || extra.as_bytes().contains(&c));
    (!has_epoch || (!epoch.is_empty() && epoch.parse::<u32>().is_ok_and(|e| e <= i32::MAX as u32)))
        && upstream.starts_with(|c: char| c.is_ascii_digit())
        && word(upstream, ".+-~:")
        && word(revision, ".+~")
        && (!revision.is_empty() || !text.ends_with('-'))
}

/// Splits into epoch, upstream version and revision; a missing part is empty.
pub fn split(text: &str) -> (&str, &str, &str) {
    let (epoch, rest) = text.split_once(':').unwrap_or(("", text));
    let (upstream, revision) = rest.rsplit_once('-').unwrap_or((rest, ""));
    (epoch, upstream, revision)
}

/// Numbers of any length, without leading zeros, compared by length first.
fn number(text: &str) -> (usize, &str) {
    let text = text.trim_start_matches('0');
    (text.len(), text)
}

fn fragment(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (a.as_bytes(), b.as_bytes());
    while !a.is_empty() || !b.is_empty() {
        loop {
            let (x, y) = (weight(a.first()), weight(b.first()));
            if x == 0 && y == 0 {
                break;
            }
            if x != y {
                return x.cmp(&y);
            }
            (a, b) = (&a[1..], &b[1..]);
        }
        let (x, rest_a) = digits(a);
        let (y, rest_b) = digits(b);
        let by_number = x.len().cmp(&y.len()).then_with(|| x.cmp(y));
        if by_number.is_ne() {
            return by_number;
        }
        (a, b) = (rest_a, rest_b);
    }
    Ordering::Equal
}

/// `~` before the end, the end and digits alike, then letters, then all else.
fn weight(c: Option<&u8>) -> i32 {
    match c {
        None => 0,
        Some(b'0'..=b'9') => 0,
        Some(b'~') => -1,
        Some(c) if c.is_ascii_alphabetic() => i32::from(*c),
        Some(c) => i32::from(*c) + 256,
    }
}

/// The leading digits without their zeros, and what follows them.
fn digits(text: &[u8]) -> (&[u8], &[u8]) {
    let end = text.iter().position(|c| !c.is_ascii_digit()).unwrap_or(text.len());
    let start = text[..end].iter().position(|c| *c != b'0').unwrap_or(end);
    (&text[start..end], &text[end..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_as_dpkg_does() {
        // deb-version(7): `~~` < `~~a` < `~` < `` < `a`, and the usual forms.
        let rising = [
            "1~~",
            "1~~a",
            "1~",
            "1~rc1",
            "1",
            "1-0~deb13u1",
            "1-1",
            "1-1+b1",
            "1-1.1",
            "1-10",
            "1.0",
            "1.0a",
            "1.0+dfsg",
            "1.9",
            "1.10",
            "2.41-12",
            "2.41-12+deb13u3",
            "1:0.1",
            "2:0",
        ];
        for (i, a) in rising.iter().enumerate() {
            for (j, b) in rising.iter().enumerate() {
                // `1` and `1-0~…`: a missing revision equals revision 0, so `~` sorts before it.
                if (*a == "1" && *b == "1-0~deb13u1") || (*b == "1" && *a == "1-0~deb13u1") {
                    continue;
                }
                assert_eq!(compare(a, b), i.cmp(&j), "{a} {b}");
            }
        }
        assert_eq!(compare("0:1-0", "1"), Ordering::Equal);
        assert_eq!(compare("1.00", "1.0"), Ordering::Equal);
    }

    #[test]
    fn knows_what_dpkg_refuses() {
        for good in ["1", "1:2-3", "1-2-3", "0~x", "1:1:2-3"] {
            assert!(is_valid(good), "{good}");
        }
        for bad in ["", ":1", "a:1", "-1", "1-", "x1", "1_2", "1-1_2", "99999999999:1"] {
            assert!(!is_valid(bad), "{bad}");
        }
    }
}
