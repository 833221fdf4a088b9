//! What a server says about the part of a file that it sends (RFC 9110, sections 14.4 and 15.3.7).

use std::ops::Range;

/// The value of `Content-Range`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ContentRange {
    pub(crate) part: Range<u64>,
    /// Bytes of the whole file.
    pub(crate) whole: u64,
}

impl ContentRange {
    /// `bytes FIRST-LAST/WHOLE`; none if it is anything else, or makes no sense.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (part, whole) = text.trim().strip_prefix("bytes ")?.split_once('/')?;
        let (first, last) = part.split_once('-')?;
        let number = |text: &str| text.parse::<u64>().ok().filter(|&number| number <= i64::MAX as u64);
        let (first, last, whole) = (number(first)?, number(last)?, number(whole)?);
        (first <= last && last < whole).then_some(Self { part: first..last + 1, whole })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_and_possible_ranges_are_understood() {
        assert_eq!(ContentRange::parse("bytes 5-9/10"), Some(ContentRange { part: 5..10, whole: 10 }));
        for odd in [
            "",
            "bytes */10",
            "bytes 5-9/*",
            "bytes 9-5/10",
            "bytes 0-10/10",
            "5-9/10",
            "bytes -5/10",
            "bytes 5-/10",
            "bytes 0-9223372036854775808/9223372036854775809",
            "bytes 0-1/18446744073709551616",
        ] {
            assert_eq!(ContentRange::parse(odd), None, "{odd}");
        }
    }
}
