//! Little-endian fields at fixed offsets of a structure whose length the caller has checked, and parts of numbers.

/// The 16-bit field at byte `at`.
pub(crate) fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}

/// The 32-bit field at byte `at`.
pub(crate) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from(u16_at(bytes, at)) | u32::from(u16_at(bytes, at + 2)) << 16
}

/// The 64-bit field at byte `at`.
pub(crate) fn u64_at(bytes: &[u8], at: usize) -> u64 {
    join(u32_at(bytes, at), u32_at(bytes, at + 4))
}

/// A 64-bit number that is stored as two halves.
pub(crate) fn join(low: u32, high: u32) -> u64 {
    u64::from(high) << 32 | u64::from(low)
}

/// Sets the 16-bit field at byte `at`.
pub(crate) fn put_u16(bytes: &mut [u8], at: usize, value: u16) {
    bytes[at..at + 2].copy_from_slice(&value.to_le_bytes());
}

/// Sets the 32-bit field at byte `at`.
pub(crate) fn put_u32(bytes: &mut [u8], at: usize, value: u32) {
    bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
}

/// The 16 bits of `value` from bit `shift` on.
pub(crate) fn part_u16(value: u64, shift: u32) -> u16 {
    let [low, high, ..] = (value >> shift).to_le_bytes();
    u16::from_le_bytes([low, high])
}

/// The 32 bits of `value` from bit `shift` on.
pub(crate) fn part_u32(value: u64, shift: u32) -> u32 {
    u32::from(part_u16(value, shift)) | u32::from(part_u16(value >> shift, 16)) << 16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lowest_byte_comes_first() {
        let bytes = [0, 1, 2, 3, 4, 5, 6, 7, 8];
        assert_eq!(u16_at(&bytes, 1), 0x0201);
        assert_eq!(u32_at(&bytes, 1), 0x0403_0201);
        assert_eq!(u64_at(&bytes, 1), 0x0807_0605_0403_0201);
        assert_eq!(join(1, 2), 0x2_0000_0001);
    }

    #[test]
    fn what_is_put_is_found() {
        let mut bytes = [0; 8];
        put_u16(&mut bytes, 0, 0x0102);
        put_u32(&mut bytes, 2, 0x0304_0506);
        assert_eq!(bytes, [2, 1, 6, 5, 4, 3, 0, 0]);
        assert_eq!(part_u16(0x1234_5678_9abc_def0, 32), 0x5678);
        assert_eq!(part_u32(0x1234_5678_9abc_def0, 32), 0x1234_5678);
        assert_eq!(part_u32(0x1234_5678_9abc_def0, 0), 0x9abc_def0);
    }
}
