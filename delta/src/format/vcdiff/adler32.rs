//! Adler-32 (RFC 1950): the check value of a window's target bytes.

const MODULUS: u32 = 65_521;
/// Bytes after which the sums have to be reduced so that they stay below 2^32.
const RUN: usize = 5_552;

/// The check value of `bytes` behind bytes whose check value is `before`; 1 is that of no bytes.
pub fn adler32(before: u32, bytes: &[u8]) -> u32 {
    let (mut low, mut high) = (before & 0xffff, before >> 16);
    for run in bytes.chunks(RUN) {
        for &byte in run {
            low += u32::from(byte);
            high += low;
        }
        low %= MODULUS;
        high %= MODULUS;
    }
    high << 16 | low
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_values() {
        assert_eq!(adler32(1, b""), 1);
        assert_eq!(adler32(1, b"Wikipedia"), 0x11e6_0398);
        assert_eq!(adler32(adler32(1, b"Wiki"), b"pedia"), 0x11e6_0398);
        assert_eq!(adler32(1, &[0xff; 1_000_000]), 0x3843_e1be);
    }
}
