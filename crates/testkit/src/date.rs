/// Seconds since 1970 as Release files write dates: `Wed, 01 Jan 2025 00:00:00 UTC`.
pub fn rfc2822(unix: i64) -> String {
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let days = unix.div_euclid(86_400);
    let second = unix.rem_euclid(86_400);
    // Howard Hinnant's civil_from_days: years begin in March, so that leap days come last.
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let of_era = z.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let weekday = DAYS[usize::try_from(days.rem_euclid(7)).expect("below seven")];
    let month = MONTHS[usize::try_from(month - 1).expect("below twelve")];
    let (h, m, s) = (second / 3600, second / 60 % 60, second % 60);
    format!("{weekday}, {day:02} {month} {year} {h:02}:{m:02}:{s:02} UTC")
}

#[cfg(test)]
mod tests {
    use super::rfc2822;

    #[test]
    fn agrees_with_date() {
        // date -u -R -d @N
        assert_eq!(rfc2822(0), "Thu, 01 Jan 1970 00:00:00 UTC");
        assert_eq!(rfc2822(951_827_696), "Tue, 29 Feb 2000 12:34:56 UTC");
        assert_eq!(rfc2822(1_735_689_600), "Wed, 01 Jan 2025 00:00:00 UTC");
        assert_eq!(rfc2822(-1), "Wed, 31 Dec 1969 23:59:59 UTC");
    }
}
