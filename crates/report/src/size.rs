//! Numbers as people read them; `assets/data.js` says the same, and sizes as `diag::bytes` does.

/// `12,345`.
pub(crate) fn number(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// `1 file`, `2,000 files`.
pub(crate) fn count(n: u64, one: &str, many: &str) -> String {
    format!("{} {}", number(n), if n == 1 { one } else { many })
}

/// What became of `before`: `94 % less`, `3.1 × as much`, `the same`.
pub(crate) fn change(before: u64, after: u64) -> String {
    if before == after {
        return "the same".to_owned();
    }
    if before == 0 {
        return "new".to_owned();
    }
    let ratio = after as f64 / before as f64;
    match ratio {
        // Never "100 % less" of something that is still there.
        r if r < 1.0 && after > 0 => format!("{:.0} % less", ((1.0 - r) * 100.0).clamp(1.0, 99.0)),
        r if r < 1.0 => "gone".to_owned(),
        r if r < 2.0 => format!("{:.0} % more", ((r - 1.0) * 100.0).max(1.0)),
        r => format!("{r:.1} × as much"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_people_read_them() {
        assert_eq!([number(7), number(1234), number(1_234_567)], ["7", "1,234", "1,234,567"]);
        assert_eq!(count(1, "file", "files"), "1 file");
        let changes = [(100, 6), (100, 0), (1000, 1), (10, 11), (10, 31), (5, 5), (0, 2)];
        assert_eq!(
            changes.map(|(b, a)| change(b, a)),
            ["94 % less", "gone", "99 % less", "10 % more", "3.1 × as much", "the same", "new"]
        );
    }
}
