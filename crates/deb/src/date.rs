//! Dates of release files: RFC 1123 with `UTC`, and the offsets that other archives write.

/// `Sat, 12 Sep 2026 07:55:41 UTC` in seconds since 1970; the day of the week is optional and not checked.
pub(crate) fn parse(text: &str) -> Option<i64> {
    let text = match text.split_once(',') {
        Some((day, rest)) if day.trim().len() == 3 => rest,
        Some(_) => return None,
        None => text,
    };
    let mut words = text.split_ascii_whitespace();
    let day = number(words.next()?, 31)?;
    let month = month(words.next()?)?;
    let year = number(words.next()?, 9999)?;
    let clock = words.next()?;
    let zone = words.next()?;
    if words.next().is_some() || day == 0 || year < 1970 || day > days_in(year, month) {
        return None;
    }
    let mut parts = clock.split(':');
    let (h, m, s) = (number(parts.next()?, 23)?, number(parts.next()?, 59)?, number(parts.next()?, 60)?);
    if parts.next().is_some() {
        return None;
    }
    Some(days_since_1970(year, month, day) * 86_400 + h * 3600 + m * 60 + s - offset(zone)?)
}

fn number(text: &str, most: i64) -> Option<i64> {
    let plain = !text.is_empty() && text.len() <= 4 && text.bytes().all(|b| b.is_ascii_digit());
    text.parse().ok().filter(|n| plain && *n <= most)
}

fn month(text: &str) -> Option<i64> {
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    MONTHS.iter().position(|m| *m == text).map(|i| i as i64 + 1)
}

fn offset(zone: &str) -> Option<i64> {
    if matches!(zone, "UTC" | "GMT" | "Z") {
        return Some(0);
    }
    let sign = match zone.as_bytes().first()? {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let digits = zone.get(1..).filter(|d| d.len() == 4)?;
    Some(sign * (number(digits.get(..2)?, 23)? * 3600 + number(digits.get(2..)?, 59)? * 60))
}

fn is_leap(year: i64) -> bool {
    (year % 4 == 0 && year % 100 != 0) || year % 400 == 0
}

fn days_in(year: i64, month: i64) -> i64 {
    match month {
        2 => 28 + i64::from(is_leap(year)),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days of the proleptic Gregorian calendar, by years that begin in March.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    year * 365 + year / 4 - year / 100 + year / 400 + of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn reads_what_archives_write() {
        for (text, seconds) in [
            ("Sat, 12 Sep 2026 07:55:41 UTC", 1_789_199_741),
            ("Thu, 01 Jan 1970 00:00:00 GMT", 0),
            ("1 Mar 2000 00:00:00 Z", 951_868_800),
            ("Tue, 29 Feb 2028 23:59:60 +0100", 1_835_478_000),
            ("Fri, 31 Dec 1999 19:00:00 -0500", 946_684_800),
        ] {
            assert_eq!(parse(text), Some(seconds), "{text}");
        }
        for bad in [
            "",
            "yesterday",
            "Sat, 12 Sep 2026 07:55:41",
            "Sat, 32 Sep 2026 07:55:41 UTC",
            "29 Feb 2027 00:00:00 UTC",
            "Sat, 12 Sep 2026 24:00:00 UTC",
            "Sat, 12 Sep 2026 07:55:41 CEST",
            "12 Sep 2026 7:55 UTC",
            "1 Jan 2020 00:00:00 +1é0",
        ] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }
}
