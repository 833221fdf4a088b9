//! File times as the reference tool shows them: local time with offset and zone.

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// Seconds since 1970 as `2006-01-02 15:04:05 +0000 UTC`, in the zone of TZ or of the system.
pub(crate) fn shown(seconds: i64) -> String {
    shown_in(seconds, &TimeZone::try_system().unwrap_or(TimeZone::UTC))
}

fn shown_in(seconds: i64, zone: &TimeZone) -> String {
    match Timestamp::from_second(seconds) {
        Ok(time) => {
            let info = zone.to_offset_info(time);
            let local = info.offset().to_datetime(time);
            let abbreviation = info.abbreviation();
            format!(
                "{} {} {abbreviation}",
                local.strftime("%Y-%m-%d %H:%M:%S"),
                offset(info.offset().seconds())
            )
        }
        // Beyond the year 9999: the number itself is the best that can be said.
        Err(_) => format!("@{seconds}"),
    }
}

fn offset(seconds: i32) -> String {
    let sign = if seconds < 0 { '-' } else { '+' };
    let minutes = seconds.unsigned_abs() / 60;
    format!("{sign}{:02}{:02}", minutes / 60, minutes % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn utc_and_other_zones() {
        assert_eq!(shown_in(0, &TimeZone::UTC), "1970-01-01 00:00:00 +0000 UTC");
        let zone = TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap();
        assert_eq!(shown_in(1_700_000_000, &zone), "2023-11-14 23:13:20 +0100 CET");
        assert_eq!(shown_in(1_690_000_000, &zone), "2023-07-22 06:26:40 +0200 CEST");
        let zone = TimeZone::posix("<-03>3").unwrap();
        assert_eq!(shown_in(1_700_000_000, &zone), "2023-11-14 19:13:20 -0300 -03");
    }

    #[test]
    fn half_hours_and_impossible_times() {
        assert_eq!(offset(-12_600), "-0330");
        assert_eq!(shown_in(i64::MAX, &TimeZone::UTC), format!("@{}", i64::MAX));
    }
}
