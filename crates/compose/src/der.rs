//! As much of X.509 as a keystore needs: that bytes are one certificate, and from when it is valid.

/// Tag and content of the first element of DER, and what follows it; short definite lengths up to
/// four bytes, as certificates have.
fn element(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, rest) = bytes.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (len, rest) = if first < 0x80 {
        (usize::from(first), rest)
    } else {
        let count = usize::from(first & 0x7f);
        if !(1..=4).contains(&count) {
            return None;
        }
        let (digits, rest) = rest.split_at_checked(count)?;
        (digits.iter().fold(0, |n, d| n << 8 | usize::from(*d)), rest)
    };
    let (content, rest) = rest.split_at_checked(len)?;
    Some((tag, content, rest))
}

const SEQUENCE: u8 = 0x30;

/// Seconds since the epoch from which a certificate is valid (RFC 5280, 4.1.2.5); none for bytes that
/// are not exactly one certificate.
pub(crate) fn not_before(certificate: &[u8]) -> Option<i64> {
    let (SEQUENCE, outer, []) = element(certificate)? else { return None };
    let (SEQUENCE, mut body, _) = element(outer)? else { return None };
    // version [0] (optional), serialNumber, signature, issuer, validity
    if body.first() == Some(&0xa0) {
        body = element(body)?.2;
    }
    for _ in 0..3 {
        body = element(body)?.2;
    }
    let (SEQUENCE, validity, _) = element(body)? else { return None };
    let (tag, time, _) = element(validity)?;
    let text = std::str::from_utf8(time).ok()?;
    let (year, rest) = match tag {
        0x17 => {
            let year: i64 = text.get(..2)?.parse().ok()?;
            (if year < 50 { 2000 + year } else { 1900 + year }, text.get(2..)?)
        }
        0x18 => (text.get(..4)?.parse().ok()?, text.get(4..)?),
        _ => return None,
    };
    let number = |at: usize| -> Option<i64> { rest.get(at..at + 2)?.parse().ok() };
    let (month, day) = (number(0)?, number(2)?);
    let seconds = number(4)? * 3600 + number(6)? * 60 + number(8)?;
    ((1..=12).contains(&month) && (1..=31).contains(&day))
        .then(|| days_from_civil(year, month, day) * 86_400 + seconds)
}

/// Howard Hinnant's algorithm: years begin in March, so that leap days come last.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn civil_days() {
        assert_eq!(days_from_civil(1970, 1, 1), 0);
        assert_eq!(days_from_civil(2000, 2, 29), 11_016);
        assert_eq!(days_from_civil(1999, 12, 31), 10_956);
        assert_eq!(days_from_civil(2038, 1, 19), 24_855);
    }

    #[test]
    fn lies_are_no_certificates() {
        for bytes in
            [&b""[..], b"\x30", b"\x30\x80", b"\x30\x85\xff\xff\xff\xff\xff", b"\x30\x03\x30\x01\x02"]
        {
            assert_eq!(not_before(bytes), None);
        }
    }
}
