//! CRC-32 of gzip and of checkpoints, with a table of 16 words.

const TABLE: [u32; 16] = {
    let (mut table, mut i) = ([0; 16], 0_u32);
    while i < 16 {
        let (mut word, mut bit) = (i, 0);
        while bit < 4 {
            word = if word & 1 == 1 { word >> 1 ^ 0xedb8_8320 } else { word >> 1 };
            bit += 1;
        }
        table[i as usize] = word;
        i += 1;
    }
    table
};

/// The CRC-32 of `bytes` behind bytes whose CRC-32 is `before`; 0 is that of no bytes.
pub(crate) fn crc32(before: u32, bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!before, |crc, &byte| {
        let crc = crc ^ u32::from(byte);
        let crc = crc >> 4 ^ TABLE[(crc & 15) as usize];
        crc >> 4 ^ TABLE[(crc & 15) as usize]
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_values() {
        assert_eq!(crc32(0, b"123456789"), 0xcbf4_3926);
        assert_eq!(crc32(crc32(0, b"12345"), b"6789"), 0xcbf4_3926);
        assert_eq!(crc32(0, b""), 0);
    }
}
