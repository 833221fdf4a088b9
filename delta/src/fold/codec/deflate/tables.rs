//! Alphabets of RFC 1951, section 3.2: how lengths and distances become symbols with extra bits.

/// Literals, the end of the block, and lengths.
pub(super) const LITERALS_AND_LENGTHS: usize = 286;
/// As the fixed code counts them.
pub(super) const FIXED_LITERALS_AND_LENGTHS: usize = 288;
/// Distances.
pub(super) const DISTANCES: usize = 30;
/// Symbols of the code for code lengths.
pub(super) const CODE_LENGTHS: usize = 19;
/// Symbol that ends a block.
pub(super) const END_OF_BLOCK: u16 = 256;
/// Longest code of literals, lengths and distances.
pub(super) const MAX_BITS: u32 = 15;
/// Shortest match.
pub(super) const MIN_MATCH: usize = 3;
/// Longest match.
pub(super) const MAX_MATCH: usize = 258;
/// How far back a match may begin.
pub(super) const WINDOW: usize = 1 << 15;

/// In which order the lengths of the code for code lengths are written.
pub(super) const CODE_LENGTH_ORDER: [u8; CODE_LENGTHS] =
    [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

/// A number as symbol and extra bits.
#[derive(Clone, Copy)]
pub(super) struct Split {
    /// Symbol, counted from the first one of its kind.
    pub(super) symbol: u16,
    /// How many extra bits follow.
    pub(super) bits: u32,
    /// What they say.
    pub(super) extra: u32,
}

/// A length, less the shortest one: four symbols for each power of two, but one of its own for the longest.
pub(super) fn split_length(above_min: u8) -> Split {
    let value = u32::from(above_min);
    match above_min {
        255 => Split { symbol: 28, bits: 0, extra: 0 },
        0..8 => Split { symbol: u16::from(above_min), bits: 0, extra: 0 },
        _ => split(value, 2),
    }
}

/// A distance, less one: two symbols for each power of two.
pub(super) fn split_distance(above_min: u16) -> Split {
    match above_min {
        0..4 => Split { symbol: above_min, bits: 0, extra: 0 },
        _ => split(above_min.into(), 1),
    }
}

/// `1 << fine` symbols for each power of two.
fn split(value: u32, fine: u32) -> Split {
    let top = value.ilog2();
    let bits = top - fine;
    // Far below 2^16: at most 30 symbols.
    let symbol = ((top - fine) << fine) + (value >> bits);
    Split { symbol: symbol.to_le_bytes()[0].into(), bits, extra: value & ((1 << bits) - 1) }
}

/// Least number of a symbol and its extra bits.
#[derive(Clone, Copy)]
pub(super) struct Joined {
    /// The number if the extra bits are zero.
    pub(super) least: u16,
    /// How many extra bits follow.
    pub(super) bits: u8,
}

const fn joined<const N: usize>(fine: u32, min: u16) -> [Joined; N] {
    let mut table = [Joined { least: 0, bits: 0 }; N];
    let (mut i, mut least) = (0, min);
    while i < N {
        let bits = if i >> fine < 2 { 0 } else { (i >> fine) - 1 };
        table[i] = Joined { least, bits: bits.to_le_bytes()[0] };
        least = least.wrapping_add(1 << bits);
        i += 1;
    }
    table
}

/// Lengths by symbol.
pub(super) const LENGTHS: [Joined; 29] = {
    let mut table = joined(2, 3);
    table[28] = Joined { least: 258, bits: 0 };
    table
};
/// Distances by symbol.
pub(super) const DISTANCES_OF: [Joined; DISTANCES] = joined(1, 1);

/// Code lengths of the fixed code.
pub(super) const FIXED_LENGTHS: [u8; FIXED_LITERALS_AND_LENGTHS] = {
    let mut lengths = [8; FIXED_LITERALS_AND_LENGTHS];
    let mut i = 144;
    while i < 280 {
        lengths[i] = if i < 256 { 9 } else { 7 };
        i += 1;
    }
    lengths
};
/// Code lengths of all distances in the fixed code.
pub(super) const FIXED_DISTANCE_LENGTHS: [u8; DISTANCES] = [5; DISTANCES];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splitting_and_joining_are_inverse() {
        for value in 0..=255_u8 {
            let Split { symbol, bits, extra } = split_length(value);
            let joined = LENGTHS[usize::from(symbol)];
            assert_eq!(u32::from(joined.bits), bits);
            assert_eq!(u32::from(joined.least) + extra, u32::from(value) + 3);
        }
        for value in 0..=32_767_u16 {
            let Split { symbol, bits, extra } = split_distance(value);
            let joined = DISTANCES_OF[usize::from(symbol)];
            assert_eq!(u32::from(joined.bits), bits);
            assert_eq!(u32::from(joined.least) + extra, u32::from(value) + 1);
        }
        // Two lines of the tables in RFC 1951, section 3.2.5.
        assert_eq!((LENGTHS[27].least, LENGTHS[27].bits), (227, 5));
        assert_eq!((DISTANCES_OF[29].least, DISTANCES_OF[29].bits), (24577, 13));
    }
}
