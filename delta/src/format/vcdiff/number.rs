//! Numbers of VCDIFF (RFC 3284, section 2): seven bits a byte, high ones first, the high bit set on all but the last
//! byte.

/// Most bytes of a number.
pub const MAX_LEN: usize = 10;

/// What comes of reading a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wrong {
    /// The bytes end inside of it.
    Short,
    /// It does not fit 64 bits, or takes more than [`MAX_LEN`] bytes.
    Large,
}

/// Takes a number, byte by byte.
///
/// # Errors
/// `next`'s own, and what it makes of [`Wrong::Large`].
pub fn read<E: From<Wrong>>(mut next: impl FnMut() -> Result<u8, E>) -> Result<u64, E> {
    let mut value = 0_u64;
    for _ in 0..MAX_LEN {
        let byte = next()?;
        if value >> 57 != 0 {
            break;
        }
        value = value << 7 | u64::from(byte & 0x7f);
        if byte < 0x80 {
            return Ok(value);
        }
    }
    Err(Wrong::Large.into())
}

/// Takes a number from the front of `bytes`.
///
/// # Errors
/// `Wrong`.
pub fn take(bytes: &mut &[u8]) -> Result<u64, Wrong> {
    read(|| {
        let (first, rest) = bytes.split_first().ok_or(Wrong::Short)?;
        *bytes = rest;
        Ok(*first)
    })
}

/// Bytes that `value` takes.
pub fn len(value: u64) -> usize {
    let bits = 64 - (value | 1).leading_zeros() as usize;
    bits.div_ceil(7)
}

/// Appends `value`.
#[cfg(feature = "generate")]
pub fn put(out: &mut Vec<u8>, value: u64) {
    for place in (0..len(value)).rev() {
        let bits = (value >> (7 * place) & 0x7f) as u8;
        out.push(if place > 0 { bits | 0x80 } else { bits });
    }
}

#[cfg(all(test, feature = "generate"))]
mod tests {
    use super::*;

    #[test]
    fn there_and_back() {
        for value in [0, 1, 127, 128, 16_383, 16_384, 123_456_789, u64::from(u32::MAX), u64::MAX] {
            let mut bytes = Vec::new();
            put(&mut bytes, value);
            assert_eq!(bytes.len(), len(value));
            assert_eq!(take(&mut &bytes[..]), Ok(value));
            assert_eq!(take(&mut &bytes[..bytes.len() - 1]), Err(Wrong::Short));
        }
        // The example of RFC 3284.
        let mut bytes = Vec::new();
        put(&mut bytes, 123_456_789);
        assert_eq!(bytes, [58 | 0x80, 111 | 0x80, 26 | 0x80, 21]);
    }

    #[test]
    fn too_large() {
        assert_eq!(take(&mut &[0xff; 12][..]), Err(Wrong::Large));
        assert_eq!(
            take(&mut &[0x83, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0][..]),
            Err(Wrong::Large)
        );
        assert_eq!(take(&mut &[0x80; 11][..]), Err(Wrong::Large));
    }
}
