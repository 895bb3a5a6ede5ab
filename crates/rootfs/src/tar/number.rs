/// Why a numeric field of a header is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NumberError {
    /// Neither octal digits nor base 256.
    Malformed,
    /// Below zero where that means nothing.
    Negative,
    /// Does not fit 64 bits.
    TooLarge,
}

/// A numeric field: octal digits, with spaces before and spaces or NULs after, or GNU's base 256
/// (first byte 0x80, or 0xff for negative numbers). An empty field is 0.
pub(super) fn parse_signed(field: &[u8]) -> Result<i64, NumberError> {
    match field.first() {
        Some(&first) if first & 0x80 != 0 => parse_base_256(field),
        _ => parse_octal(field),
    }
}

/// The same, at least 0.
pub(super) fn parse_number(field: &[u8]) -> Result<u64, NumberError> {
    u64::try_from(parse_signed(field)?).map_err(|_| NumberError::Negative)
}

fn parse_octal(field: &[u8]) -> Result<i64, NumberError> {
    let start = field.iter().position(|&b| b != b' ').unwrap_or(field.len());
    let rest = &field[start..];
    let digits = rest.iter().position(|b| !(b'0'..=b'7').contains(b)).unwrap_or(rest.len());
    if rest[digits..].iter().any(|&b| b != 0 && b != b' ') {
        return Err(NumberError::Malformed);
    }
    // At most 12 digits of 3 bits: no overflow.
    Ok(rest[..digits].iter().fold(0i64, |n, d| n << 3 | i64::from(d - b'0')))
}

fn parse_base_256(field: &[u8]) -> Result<i64, NumberError> {
    let negative = field[0] & 0x40 != 0;
    // Two's complement of the whole field, without the marker bit.
    let fill: u8 = if negative { 0xff } else { 0 };
    let (high, low) = field.split_at(field.len() - 8);
    let marker = if negative { 0xff } else { 0x80 };
    let first_ok = high.first().is_none_or(|&b| b == marker);
    if !first_ok || high.iter().skip(1).any(|&b| b != fill) {
        return Err(NumberError::TooLarge);
    }
    let mut bytes: [u8; 8] = low.try_into().map_err(|_| NumberError::Malformed)?;
    if high.is_empty() && !negative {
        bytes[0] &= 0x7f;
    }
    let value = i64::from_be_bytes(bytes);
    if (value < 0) != negative {
        return Err(NumberError::TooLarge);
    }
    Ok(value)
}

/// Decimal digits only, as PAX writes sizes and owners.
pub(super) fn parse_decimal(text: &[u8]) -> Result<u64, NumberError> {
    if text.is_empty() || !text.iter().all(u8::is_ascii_digit) {
        return Err(if text.first() == Some(&b'-') { NumberError::Negative } else { NumberError::Malformed });
    }
    text.iter().try_fold(0u64, |n, d| {
        n.checked_mul(10).and_then(|n| n.checked_add(u64::from(d - b'0'))).ok_or(NumberError::TooLarge)
    })
}

/// A PAX time: decimal, perhaps negative, perhaps with a fraction, in whole seconds (rounded down,
/// as a file system that keeps only seconds does).
pub(super) fn parse_time(text: &[u8]) -> Result<i64, NumberError> {
    let (negative, digits) = match text.strip_prefix(b"-") {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let mut parts = digits.splitn(2, |&b| b == b'.');
    let whole = parse_decimal(parts.next().unwrap_or_default())?;
    let fraction = parts.next().unwrap_or(b"");
    if !fraction.iter().all(u8::is_ascii_digit) {
        return Err(NumberError::Malformed);
    }
    let whole = i64::try_from(whole).map_err(|_| NumberError::TooLarge)?;
    let down = i64::from(negative && fraction.iter().any(|&b| b != b'0'));
    Ok(if negative { -whole - down } else { whole })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_octal_and_base_256() {
        assert_eq!(parse_number(b"0000644\0"), Ok(0o644));
        assert_eq!(parse_number(b"   644 \0"), Ok(0o644));
        assert_eq!(parse_number(b"\0\0\0\0\0\0\0\0"), Ok(0));
        assert_eq!(parse_number(b"777777777777"), Ok((1 << 36) - 1));
        assert_eq!(parse_number(&[0x80, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0]), Ok(1 << 33));
        assert_eq!(parse_number(&[0x80, 0, 0, 0, 0, 0x2d, 0xc6, 0xc0]), Ok(3_000_000));
        assert_eq!(parse_signed(&[0xff; 12]), Ok(-1));
        assert_eq!(parse_signed(&[0xff; 8]), Ok(-1));
        assert_eq!(parse_number(&[0xff; 12]), Err(NumberError::Negative));
        assert_eq!(parse_number(&[0x80, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]), Err(NumberError::TooLarge));
        assert_eq!(parse_number(b"12x\0\0\0\0\0"), Err(NumberError::Malformed));
        assert_eq!(parse_number(b"-1\0\0\0\0\0\0"), Err(NumberError::Malformed));
        assert_eq!(parse_number(b"1 2\0\0\0\0\0"), Err(NumberError::Malformed));
    }

    #[test]
    fn reads_pax_numbers() {
        assert_eq!(parse_decimal(b"10"), Ok(10));
        assert_eq!(parse_decimal(b"18446744073709551616"), Err(NumberError::TooLarge));
        assert_eq!(parse_decimal(b"-1"), Err(NumberError::Negative));
        assert_eq!(parse_decimal(b"+1"), Err(NumberError::Malformed));
        assert_eq!(parse_time(b"12.75"), Ok(12));
        assert_eq!(parse_time(b"-12.75"), Ok(-13));
        assert_eq!(parse_time(b"-12.0"), Ok(-12));
        assert_eq!(parse_time(b"1.2.3"), Err(NumberError::Malformed));
    }
}
