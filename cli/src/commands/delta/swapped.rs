//! Warns when the old image seems to be the newer one.

use crate::report;
use crate::report::delta::explain::printable;
use mender_delta::age::{Ages, ages};
use std::path::Path;

/// Does `work`, and warns meanwhile if the images, old and new, seem to have been swapped.
pub(crate) fn warn_while<T>(images: [&[u8]; 2], names: [&Path; 2], work: impl FnOnce() -> T) -> T {
    std::thread::scope(|scope| {
        scope.spawn(|| warn(images, names));
        work()
    })
}

/// Warns if the images, old and new, seem to have been swapped.
pub(crate) fn warn([old, new]: [&[u8]; 2], [old_name, new_name]: [&Path; 2]) {
    let ages = ages(old, new);
    if ages.seem_swapped() {
        report::warn(&format!(
            "{} seems to be newer than {}: {}; have they been swapped?",
            old_name.display(),
            new_name.display(),
            evidence(&ages)
        ));
    }
}

fn evidence(ages: &Ages) -> String {
    let mut out = Vec::new();
    if let Some([old, new]) = ages.file_system.filter(|[old, new]| old > new) {
        out.push(format!("file systems written at {} and {}", time(old), time(new)));
    }
    if let Some([old, new]) = ages.newest_file.filter(|[old, new]| old > new) {
        out.push(format!("newest files of {} and {}", time(old), time(new)));
    }
    if let Some([old, new]) = &ages.older_version {
        out.push(format!("{} against {}", printable(old), printable(new)));
    }
    out.join(", ")
}

/// Seconds since 1970 as a time in UTC.
fn time(seconds: u64) -> String {
    let known = i64::try_from(seconds).ok().and_then(|seconds| jiff::Timestamp::from_second(seconds).ok());
    known.map_or_else(|| format!("second {seconds}"), |time| time.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_in_utc() {
        assert_eq!(time(0), "1970-01-01T00:00:00Z");
        assert_eq!(time(u64::MAX), "second 18446744073709551615");
    }
}
