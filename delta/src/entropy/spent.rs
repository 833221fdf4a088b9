//! How much of a stream a decoder has used up: whole bytes less what the bounds of its range still hold.

/// Parts of a bit that are counted.
pub const PER_BIT: u64 = 256;
/// Parts of a byte.
pub const PER_BYTE: u64 = 8 * PER_BIT;

/// As many whole bytes.
pub(crate) fn of_bytes(bytes: usize) -> u64 {
    (bytes as u64).saturating_mul(PER_BYTE)
}

/// The logarithm of `range` to base 2, between powers of two as on a straight line (0.086 bits less at most): it
/// grows with `range`, and what is told of a stream in many steps adds up all the same.
pub(crate) fn logarithm(range: u32) -> u64 {
    let range = range.max(1);
    let whole = range.ilog2();
    // The eight bits behind the highest.
    let part = (range << (31 - whole) << 1) >> 24;
    u64::from(whole) * PER_BIT + u64::from(part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_grows_and_is_near() {
        assert_eq!([1, 2, 3, 1 << 31].map(logarithm), [0, 256, 384, 31 * 256]);
        assert_eq!(logarithm(u32::MAX), 32 * 256 - 1);
        let mut last = 0;
        for range in (1..1 << 20).chain((1 << 20..u32::MAX - 70_000).step_by(65_521)) {
            let now = logarithm(range);
            assert!(now >= last);
            let exact = f64::from(range).log2() * 256.0;
            assert!(((exact - 24.0)..=exact + 0.001).contains(&(now as f64)), "{range}");
            last = now;
        }
    }
}
