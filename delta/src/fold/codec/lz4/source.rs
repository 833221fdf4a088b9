//! Reads of the source that match finders do.

/// The four bytes at `at`, little-endian.
pub(super) fn four(source: &[u8], at: usize) -> u32 {
    source.get(at..at + 4).map_or(0, |b| u32::from_le_bytes([b[0], b[1], b[2], b[3]]))
}

/// The eight bytes at `at`, little-endian.
pub(super) fn eight(source: &[u8], at: usize) -> u64 {
    u64::from(four(source, at + 4)) << 32 | u64::from(four(source, at))
}

/// The two bytes at `at`.
pub(super) fn two(source: &[u8], at: usize) -> Option<&[u8]> {
    source.get(at..at + 2)
}

/// How many bytes from `at` on, up to `limit`, are those from `from` on, which is before.
pub(super) fn common(source: &[u8], at: usize, from: usize, limit: usize) -> usize {
    let (Some(here), Some(there)) = (source.get(at..limit), source.get(from..)) else { return 0 };
    let mut len = 0;
    for (a, b) in here.chunks_exact(8).zip(there.chunks_exact(8)) {
        if a != b {
            break;
        }
        len += 8;
    }
    len + here[len..].iter().zip(&there[len..]).take_while(|(a, b)| a == b).count()
}
