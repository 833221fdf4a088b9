//! From when to when a certificate is valid.

use crate::exit_code::ExitStatus;
use crate::failure::Failure;
use std::time::{Duration, SystemTime};
use x509_cert::der::DateTime;
use x509_cert::der::asn1::{GeneralizedTime, UtcTime};
use x509_cert::time::{Time, Validity};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// Certificates are valid a little before they are made: the clocks of those who check them are not all the same.
const BEFORE: Duration = Duration::from_secs(5 * 60);
/// The last year that RFC 5280 has `UTCTime` for.
const UTC_TIME_LAST_YEAR: u16 = 2049;

/// `days` from now on.
///
/// # Errors
/// When the system's clock shows a time that certificates cannot have.
pub(crate) fn from_now(days: u32) -> Result<Validity, Failure> {
    let now = SystemTime::now();
    let ends = now.checked_add(DAY.saturating_mul(days)).ok_or_else(wrong_clock)?;
    let begins = now.checked_sub(BEFORE).ok_or_else(wrong_clock)?;
    Ok(Validity { not_before: time(begins)?, not_after: time(ends)? })
}

/// As much of `wanted` as lies in `frame`.
pub(crate) fn within(wanted: Validity, frame: Validity) -> Validity {
    let seconds = |time: Time| time.to_unix_duration();
    let later = |a: Time, b: Time| if seconds(a) >= seconds(b) { a } else { b };
    let earlier = |a: Time, b: Time| if seconds(a) <= seconds(b) { a } else { b };
    Validity {
        not_before: later(wanted.not_before, frame.not_before),
        not_after: earlier(wanted.not_after, frame.not_after),
    }
}

/// Whether now is in it.
pub(crate) fn holds_now(validity: Validity) -> bool {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    (validity.not_before.to_unix_duration()..=validity.not_after.to_unix_duration()).contains(&now)
}

/// A time as RFC 3339 writes it, such as `2036-01-31T12:00:00Z`.
pub(crate) fn text(time: Time) -> String {
    time.to_date_time().to_string()
}

/// Certificates have whole seconds, in one of two forms by the year.
fn time(time: SystemTime) -> Result<Time, Failure> {
    let time = DateTime::from_system_time(time).map_err(|_| wrong_clock())?;
    if time.year() <= UTC_TIME_LAST_YEAR {
        return UtcTime::from_date_time(time).map(Time::UtcTime).map_err(|_| wrong_clock());
    }
    Ok(Time::GeneralTime(GeneralizedTime::from_date_time(time)))
}

fn wrong_clock() -> Failure {
    Failure::plain(ExitStatus::System, "clock: expected a year from 1970 to 9999, found another")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Time {
        time(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)).unwrap()
    }

    #[test]
    fn the_form_follows_the_year() {
        assert!(matches!(at(2_524_607_999), Time::UtcTime(_)));
        assert!(matches!(at(2_524_608_000), Time::GeneralTime(_)));
        assert_eq!(text(at(2_524_608_000)), "2050-01-01T00:00:00Z");
    }

    #[test]
    fn nothing_outlives_its_issuer() {
        let frame = Validity { not_before: at(1000), not_after: at(2000) };
        let cut = within(Validity { not_before: at(500), not_after: at(3000) }, frame);
        assert_eq!((cut.not_before, cut.not_after), (at(1000), at(2000)));
        let inside = Validity { not_before: at(1200), not_after: at(1300) };
        assert_eq!(within(inside, frame), inside);
        assert!(!holds_now(frame));
        assert!(holds_now(from_now(1).unwrap()));
    }
}
