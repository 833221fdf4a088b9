//! `--max-artifact-size` and `--warn-artifact-size`.

use crate::exit_code::ExitStatus;
use crate::failure::Failure;
use std::path::Path;

/// A size in bytes out of a number and, if any, a unit: B, KB, MB, GB, TB, counted in thousands, in any case.
pub(crate) fn parse(flag: &str, text: &str) -> Result<u64, Failure> {
    bytes(text).ok_or_else(|| {
        let message = format!("expected a number with B, KB, MB, GB or TB, found '{text}'");
        Failure::about(flag, ExitStatus::Output, message)
    })
}

fn bytes(text: &str) -> Option<u64> {
    let digits = |text: &str| text.find(|character: char| !character.is_ascii_digit()).unwrap_or(text.len());
    let (whole, rest) = text.split_at(digits(text));
    let (fraction, unit) = match rest.strip_prefix('.') {
        Some(rest) => rest.split_at(digits(rest)),
        None => ("", rest),
    };
    let factor: u128 = match unit.to_ascii_uppercase().as_str() {
        "" | "B" => 1,
        "KB" => 1_000,
        "MB" => 1_000_000,
        "GB" => 1_000_000_000,
        "TB" => 1_000_000_000_000,
        _ => return None,
    };
    // More digits behind the point than a byte has in a terabyte decide nothing.
    let fraction = &fraction[..fraction.len().min(18)];
    let scale = 10_u128.checked_pow(u32::try_from(fraction.len()).ok()?)?;
    let fraction: u128 = if fraction.is_empty() { 0 } else { fraction.parse().ok()? };
    let whole: u128 = whole.parse::<u64>().ok()?.into();
    u64::try_from(whole * factor + fraction * factor / scale).ok()
}

/// Fails for an Artifact that is larger than the limit.
pub(crate) fn check(output: &Path, size: u64, limit: Option<u64>) -> Result<(), Failure> {
    match limit {
        Some(limit) if size > limit => Err(Failure::about(
            output,
            ExitStatus::Output,
            format!("larger than --max-artifact-size: expected at most {limit} bytes, found {size}"),
        )),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_and_fractions() {
        for (text, expected) in [
            ("0", 0),
            ("17", 17),
            ("17b", 17),
            ("1.", 1),
            ("1.5KB", 1500),
            ("2mB", 2_000_000),
            ("0.25GB", 250_000_000),
            ("1TB", 1_000_000_000_000),
        ] {
            assert_eq!(bytes(text), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_size() {
        for text in ["", ".5", "1e6", "1MiB", "-1", "1 MB", "99999999999999999999", "18446744073709551615TB"]
        {
            assert_eq!(bytes(text), None, "{text}");
        }
    }

    #[test]
    fn the_limit_itself_is_allowed() {
        assert!(check(Path::new("a"), 10, Some(10)).is_ok());
        assert_eq!(
            check(Path::new("a"), 11, Some(10)).unwrap_err().to_string(),
            "a: larger than --max-artifact-size: expected at most 10 bytes, found 11"
        );
    }
}
