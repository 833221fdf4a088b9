//! Tells changed bytes that look like times from others.

use std::ops::Range;

/// Seconds since 1970 at the start of 2010 and of 2035.
const SECONDS: Range<u32> = 1_262_304_000..2_051_222_400;

/// Bytes before and behind a range that help to tell what it is.
pub(super) const MARGIN: usize = 20;

/// How many bytes of `new` within `range` differ from those of `old`, and how many of these look like parts of times.
/// The first byte stands at `at`: a number of seconds is expected at multiples of four.
pub(super) fn changes(old: &[u8], new: &[u8], range: Range<usize>, at: u64) -> (u64, u64) {
    let (mut changed, mut times) = (0, 0);
    let mut i = range.start;
    let end = range.end.min(old.len()).min(new.len());
    while i < end {
        if old[i] == new[i] {
            i += 1;
            continue;
        }
        let start = i;
        while i < end && old[i] != new[i] {
            i += 1;
        }
        changed += (i - start) as u64;
        if is_number(old, new, start, i, at) || is_text(old, new, start, i) {
            times += (i - start) as u64;
        }
    }
    (changed, times)
}

/// Whether the bytes from `start` to `end` are in one aligned number that may be a time on both sides.
fn is_number(old: &[u8], new: &[u8], start: usize, end: usize, at: u64) -> bool {
    // Remainders of four fit.
    let phase = usize::try_from(at % 4).unwrap_or(0);
    let Some(word) = ((start + phase) / 4 * 4).checked_sub(phase) else { return false };
    let number = |bytes: &[u8]| -> Option<[u32; 2]> {
        let word = *bytes.get(word..)?.first_chunk()?;
        Some([u32::from_le_bytes(word), u32::from_be_bytes(word)])
    };
    let (Some(old), Some(new)) = (number(old), number(new)) else { return false };
    end <= word + 4 && (0..2).any(|order| SECONDS.contains(&old[order]) && SECONDS.contains(&new[order]))
}

/// Whether the bytes are digits of a date, of a time of day, or of a number of seconds, as text.
fn is_text(old: &[u8], new: &[u8], start: usize, end: usize) -> bool {
    if !old[start..end].iter().chain(&new[start..end]).all(u8::is_ascii_digit) {
        return false;
    }
    let belongs = |byte: &&u8| byte.is_ascii_digit() || matches!(byte, b'-' | b':');
    let before = new[..start].iter().rev().take(20).take_while(belongs).count();
    let behind = new[end..].iter().take(20).take_while(belongs).count();
    let text = &new[start - before..end + behind];
    let like = |pattern: &[u8]| {
        text.windows(pattern.len()).any(|text| {
            text.iter()
                .zip(pattern)
                .all(|(byte, pattern)| if *pattern == b'0' { byte.is_ascii_digit() } else { byte == pattern })
        })
    };
    let is_seconds = text.len() == 10 && text.iter().all(u8::is_ascii_digit) && text[0] == b'1';
    is_seconds || like(b"0000-00-00") || like(b"00:00:00")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(old: &[u8], new: &[u8], at: u64) -> (u64, u64) {
        changes(old, new, 0..new.len(), at)
    }

    #[test]
    fn numbers_and_texts() {
        let word = |seconds: u32| [&b"abcd"[..], &seconds.to_le_bytes(), b"efgh"].concat();
        let (was, is) = (word(1_700_000_000), word(1_760_000_000));
        assert_eq!(all(&was, &is, 4096), (3, 3));
        assert_eq!(all(&was, &is, 4097), (3, 0));
        assert_eq!(changes(&was, &is, 5..6, 4096), (1, 1));
        assert_eq!(changes(&was, &is, 0..4, 4096), (0, 0));
        assert_eq!(all(&word(7), &word(9), 0), (1, 0));
        assert_eq!(all(b"built 2025-11-02 x", b"built 2026-12-31 x", 0), (4, 4));
        assert_eq!(all(b"at 10:11:12", b"at 12:11:13", 0), (2, 2));
        assert_eq!(all(b"version 10.2", b"version 11.2", 0), (1, 0));
        assert_eq!(all(b"1700000000", b"1700000001", 0), (1, 1));
        assert_eq!(all(b"", b"", 0), (0, 0));
    }
}
