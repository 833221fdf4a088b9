//! Times of events: milliseconds since 1970, and days of UTC.

use super::refusal::Refusal;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::fmt::strtime;

/// Milliseconds of a day.
const DAY_MS: i64 = 86_400_000;
/// Beginning of the last day of the year 9999.
const END_MS: i64 = 253_402_214_400_000;

/// A time of RFC 3339; what is below a millisecond is cut off.
pub(crate) fn parse(text: &str) -> Result<i64, Refusal> {
    checked(text.parse().map_err(|_| Refusal::BadTime)?)
}

/// A time as S3 server access logs have it: `06/Feb/2019:00:00:38 +0000`.
pub(crate) fn parse_access_log(text: &str) -> Result<i64, Refusal> {
    checked(
        strtime::parse("%d/%b/%Y:%H:%M:%S %z", text)
            .and_then(|time| time.to_timestamp())
            .map_err(|_| Refusal::BadTime)?,
    )
}

fn checked(time: Timestamp) -> Result<i64, Refusal> {
    let ms = time.as_millisecond();
    if (0..END_MS).contains(&ms) { Ok(ms) } else { Err(Refusal::BadTime) }
}

/// Days since 1970-01-01.
pub(crate) fn day_of(ms: i64) -> i64 {
    ms.div_euclid(DAY_MS)
}

/// `2026-01-31`, days since 1970-01-01.
pub(crate) fn parse_day(text: &str) -> Option<i64> {
    let date: Date = text.parse().ok()?;
    let written = text.len() == 10 && (0..=9999).contains(&date.year());
    let since = Date::constant(1970, 1, 1).until(date).ok()?;
    written.then_some(i64::from(since.get_days()))
}

/// The other way.
pub(crate) fn day_text(day: i64) -> String {
    let ms = day.saturating_mul(DAY_MS);
    Timestamp::from_millisecond(ms)
        .map_or_else(|_| day.to_string(), |time| time.strftime("%Y-%m-%d").to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times() {
        assert_eq!(parse("1970-01-02T00:00:00.0019Z"), Ok(86_400_001));
        assert_eq!(parse("1970-01-01T02:00:00+02:00"), Ok(0));
        assert_eq!(parse_access_log("06/Feb/2019:00:00:38 +0000"), parse("2019-02-06T00:00:38Z"));
        assert_eq!(parse_access_log("06/Feb/2019:02:00:38 +0200"), parse("2019-02-06T00:00:38Z"));
        for bad in
            ["", "1969-12-31T23:59:59Z", "2026-02-30T00:00:00Z", "2026-01-01T00:00:00", "2026-01-01", "x"]
        {
            assert_eq!(parse(bad), Err(Refusal::BadTime), "{bad}");
        }
    }

    #[test]
    fn days() {
        assert_eq!(parse_day("1970-01-02"), Some(1));
        assert_eq!(parse_day("2026-01-31").map(day_text).as_deref(), Some("2026-01-31"));
        assert_eq!(day_of(-1), -1);
        for bad in ["", "2026-02-30", "20260131", "2026-01-31T00:00:00", "-2026-01-1"] {
            assert_eq!(parse_day(bad), None, "{bad}");
        }
    }
}
