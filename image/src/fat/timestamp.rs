//! Dates and times of FAT: local time without a zone, which here is UTC, in steps of two seconds from 1980 to 2107.

/// Seconds of a day.
const DAY: u64 = 86_400;

/// Date and time of a moment in seconds since 1970; what is out of range becomes the first or last there is.
pub(super) fn from_unix(seconds: u64) -> (u16, u16) {
    let (days, second) = (seconds / DAY, seconds % DAY);
    let (year, month, day) = civil(days.min(200_000));
    match year {
        ..1980 => (1 << 5 | 1, 0),
        2108.. => (127 << 9 | 12 << 5 | 31, 23 << 11 | 59 << 5 | 29),
        _ => {
            let date = (year - 1980) << 9 | month << 5 | day;
            let time = (second / 3600) << 11 | (second / 60 % 60) << 5 | (second % 60 / 2);
            (u16::try_from(date).unwrap_or(0), u16::try_from(time).unwrap_or(0))
        }
    }
}

/// The moment in seconds since 1970; the first that there is where the date is none.
pub(super) fn to_unix(date: u16, time: u16) -> u64 {
    let (year, month, day) = (1980 + u64::from(date >> 9), u64::from(date >> 5 & 15), u64::from(date & 31));
    let days = days(year, month.clamp(1, 12), day.max(1));
    let (hour, minute, second) = (time >> 11, time >> 5 & 63, (time & 31) * 2);
    days * DAY + u64::from(hour) * 3600 + u64::from(minute) * 60 + u64::from(second)
}

/// Whether a year has a 29th of February.
fn is_leap(year: u64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

fn month_len(year: u64, month: u64) -> u64 {
    match month {
        2 => 28 + u64::from(is_leap(year)),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from 1970-01-01 to a day from there on.
fn days(year: u64, month: u64, day: u64) -> u64 {
    let years: u64 = (1970..year).map(|year| 365 + u64::from(is_leap(year))).sum();
    let months: u64 = (1..month).map(|month| month_len(year, month)).sum();
    years + months + day - 1
}

/// Year, month and day of a number of days from 1970-01-01 on.
fn civil(mut days: u64) -> (u64, u64, u64) {
    let (mut year, mut month) = (1970, 1);
    while days >= 365 + u64::from(is_leap(year)) {
        days -= 365 + u64::from(is_leap(year));
        year += 1;
    }
    while days >= month_len(year, month) {
        days -= month_len(year, month);
        month += 1;
    }
    (year, month, days + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_and_back() {
        // 2000-02-29 12:34:56 and 2026-01-31 23:59:58.
        for (seconds, date, time) in [
            (951_827_696, 20 << 9 | 2 << 5 | 29, 12 << 11 | 34 << 5 | 28),
            (1_769_903_998, 46 << 9 | 1 << 5 | 31, 23 << 11 | 59 << 5 | 29),
        ] {
            assert_eq!(from_unix(seconds), (date, time));
            assert_eq!(to_unix(date, time), seconds);
        }
    }

    #[test]
    fn out_of_range_is_the_first_or_last() {
        assert_eq!(to_unix(from_unix(0).0, 0), 315_532_800);
        assert_eq!(from_unix(u64::MAX), (0xff9f, 0xbf7d));
        assert_eq!(to_unix(0, 0), 315_532_800);
        to_unix(u16::MAX, u16::MAX);
    }
}
