//! The alphabet of sequences (RFC 8878, section 3.1.1.3.2): codes of lengths, their extra bits, and the distributions
//! that need no description.

/// The largest codes.
pub(super) const LITERAL_MAX: usize = 35;
pub(super) const MATCH_MAX: usize = 52;
pub(super) const OFFSET_MAX: usize = 31;
/// Codes of any kind are below this.
pub(super) const SYMBOLS: usize = MATCH_MAX + 1;
/// The shortest match.
pub(super) const MATCH_MIN: usize = 3;

/// Extra bits and first value of each code of a length of literals.
pub(super) const LITERAL_BITS: [u8; 36] = [
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 3, 3, 4, 6, 7, 8, 9, 10, 11, 12, 13,
    14, 15, 16,
];
/// The same of a length of a match.
pub(super) const MATCH_BITS: [u8; 53] = [
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1,
    1, 2, 2, 3, 3, 4, 4, 5, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16,
];

pub(super) const LITERAL_BASE: [u32; 36] = bases(&LITERAL_BITS, 0);
pub(super) const MATCH_BASE: [u32; 53] = bases(&MATCH_BITS, MATCH_MIN as u32);

const fn bases<const N: usize>(bits: &[u8; N], first: u32) -> [u32; N] {
    let mut bases = [0; N];
    let (mut code, mut next) = (0, first);
    while code < N {
        // The codes of long lengths begin at powers of two.
        if code > 0 && bits[code] >= 6 && bits[code - 1] < bits[code] && (next - first).count_ones() != 1 {
            next = first + (next - first).next_power_of_two();
        }
        bases[code] = next;
        next += 1 << bits[code];
        code += 1;
    }
    bases
}

/// Distributions that both sides know, with the logarithms of their tables.
pub(super) const LITERAL_NORMAL: ([i16; 36], u32) = (
    [
        4, 3, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2, 2, 3, 2, 1, 1, 1, 1, 1, -1,
        -1, -1, -1,
    ],
    6,
);
pub(super) const MATCH_NORMAL: ([i16; 53], u32) = (
    [
        1, 4, 3, 2, 2, 2, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
        1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1, -1, -1,
    ],
    6,
);
pub(super) const OFFSET_NORMAL: ([i16; 29], u32) =
    ([1, 1, 1, 1, 1, 1, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1], 5);

/// The place of the highest bit.
pub(super) fn log2(value: u32) -> u32 {
    value.max(1).ilog2()
}

/// The code of a length of literals.
pub(super) fn literal_code(len: usize) -> usize {
    match len {
        0..=15 => len,
        16..=23 => 16 + (len - 16) / 2,
        24..=31 => 20 + (len - 24) / 4,
        32..=47 => 22 + (len - 32) / 8,
        48..=63 => 24,
        _ => log2(len as u32) as usize + 19,
    }
}

/// The code of a length of a match.
pub(super) fn match_code(len: usize) -> usize {
    let base = len - MATCH_MIN;
    match base {
        0..=31 => base,
        32..=39 => 32 + (base - 32) / 2,
        40..=47 => 36 + (base - 40) / 4,
        48..=63 => 38 + (base - 48) / 8,
        64..=95 => 40 + (base - 64) / 16,
        96..=127 => 42,
        _ => log2(base as u32) as usize + 36,
    }
}

/// The last three offsets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Repeats(pub(super) [u32; 3]);

impl Repeats {
    pub(super) const START: Repeats = Repeats([1, 4, 8]);

    /// The offset that a value means: 1 to 3 are repeats, others are offsets plus three.
    pub(super) fn offset(self, value: u32, no_literals: bool) -> u32 {
        match value.saturating_sub(1) + u32::from(no_literals) {
            _ if value > 3 => value - 3,
            3 => self.0[0].wrapping_sub(1),
            index => self.0[index as usize],
        }
    }

    /// What they are after a sequence.
    pub(super) fn after(self, value: u32, no_literals: bool) -> Repeats {
        let [a, b, c] = self.0;
        let offset = self.offset(value, no_literals);
        if value > 3 {
            return Repeats([offset, a, b]);
        }
        match value - 1 + u32::from(no_literals) {
            0 => self,
            1 => Repeats([offset, a, c]),
            _ => Repeats([offset, a, b]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_and_bases_agree() {
        for len in (0..70_000).chain([131_071]) {
            let code = literal_code(len);
            let base = LITERAL_BASE[code] as usize;
            assert!((base..base + (1 << LITERAL_BITS[code])).contains(&len), "{len} {code} {base}");
            let len = len + MATCH_MIN;
            let code = match_code(len);
            let base = MATCH_BASE[code] as usize;
            assert!((base..base + (1 << MATCH_BITS[code])).contains(&len), "{len} {code} {base}");
        }
    }

    #[test]
    fn repeats_move_to_the_front() {
        let start = Repeats::START;
        assert_eq!(start.after(10, false), Repeats([7, 1, 4]));
        assert_eq!(start.after(1, false), start);
        assert_eq!(start.after(2, false), Repeats([4, 1, 8]));
        assert_eq!(start.after(3, false), Repeats([8, 1, 4]));
        assert_eq!(start.after(1, true), Repeats([4, 1, 8]));
        assert_eq!(start.after(3, true), Repeats([0, 1, 4]));
    }
}
