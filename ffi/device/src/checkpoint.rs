//! A checkpoint: where applying stood between two windows, in 192 bytes.
//!
//! ```text
//! "MARC", version 1 (2 bytes), its length (2), delta offset (8), target offset (8), target size (8), base size (8),
//! SHA-256 state (8 words), SHA-256 promised of the target, of the base (zeros: unknown), of nothing yet (16 zeros),
//! ... zeros up to byte 188, CRC-32 of all before
//! ```
//! Numbers are little-endian.

use crate::code::Code;
use crate::crc32::crc32;
use crate::fault::Fault;

/// Bytes of a checkpoint; the header promises at most 512.
pub(crate) const LEN: usize = 192;
const MAGIC: [u8; 4] = *b"MARC";
const VERSION: u16 = 1;
/// Bytes before the CRC-32.
const CHECKED: usize = LEN - 4;

/// What a checkpoint belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Binding {
    pub(crate) target_size: u64,
    pub(crate) base_size: u64,
    pub(crate) target_sha256: [u8; 32],
    pub(crate) base_sha256: [u8; 32],
}

/// Where applying stood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Checkpoint {
    pub(crate) delta_offset: u64,
    pub(crate) target_offset: u64,
    pub(crate) hash: [u32; 8],
    pub(crate) binding: Binding,
}

impl Checkpoint {
    pub(crate) fn encode(&self) -> [u8; LEN] {
        let mut bytes = [0; LEN];
        let mut rest = &mut bytes[..];
        let mut put = |field: &[u8]| {
            let (place, behind) = core::mem::take(&mut rest).split_at_mut(field.len());
            place.copy_from_slice(field);
            rest = behind;
        };
        put(&MAGIC);
        put(&VERSION.to_le_bytes());
        put(&[192, 0]);
        for number in
            [self.delta_offset, self.target_offset, self.binding.target_size, self.binding.base_size]
        {
            put(&number.to_le_bytes());
        }
        self.hash.iter().for_each(|word| put(&word.to_le_bytes()));
        put(&self.binding.target_sha256);
        put(&self.binding.base_sha256);
        let crc = crc32(0, &bytes[..CHECKED]);
        bytes[CHECKED..].copy_from_slice(&crc.to_le_bytes());
        bytes
    }

    /// # Errors
    /// `MAR_E_CHECKPOINT` for damage, another version, or what belongs to something else than `binding`.
    pub(crate) fn decode(bytes: &[u8], binding: &Binding) -> Result<Self, Fault> {
        let wrong = |what| Err(Fault::new(Code::Checkpoint, what));
        let Some((bytes, [])) = bytes.split_first_chunk::<LEN>() else { return wrong("length") };
        let number = |at: usize| u64::from_le_bytes(core::array::from_fn(|i| bytes[at + i]));
        let word = |at: usize| u32::from_le_bytes(core::array::from_fn(|i| bytes[at + i]));
        if bytes[..4] != MAGIC || word(CHECKED) != crc32(0, &bytes[..CHECKED]) {
            return wrong("damaged");
        }
        let checkpoint = Checkpoint {
            delta_offset: number(8),
            target_offset: number(16),
            hash: core::array::from_fn(|i| word(40 + 4 * i)),
            binding: *binding,
        };
        // Whatever else is in there has to be what we would write.
        if checkpoint.encode() != *bytes {
            return wrong("of another delta, base, target or version");
        }
        if checkpoint.target_offset > binding.target_size {
            return wrong("offset");
        }
        Ok(checkpoint)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_and_back_and_nothing_else() {
        let binding =
            Binding { target_size: 1 << 33, base_size: 5, target_sha256: [1; 32], base_sha256: [2; 32] };
        let checkpoint =
            Checkpoint { delta_offset: 7, target_offset: 1 << 32, hash: [1, 2, 3, 4, 5, 6, 7, 8], binding };
        let bytes = checkpoint.encode();
        assert_eq!(Checkpoint::decode(&bytes, &binding), Ok(checkpoint));
        for bit in 0..LEN * 8 {
            let mut bad = bytes;
            bad[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Checkpoint::decode(&bad, &binding).unwrap_err().code, Code::Checkpoint, "{bit}");
        }
        for len in 0..LEN {
            assert!(Checkpoint::decode(&bytes[..len], &binding).is_err());
        }
        let other = Binding { base_size: 6, ..binding };
        assert!(Checkpoint::decode(&bytes, &other).is_err());
        let small = Binding { target_size: 1, ..binding };
        assert!(Checkpoint::decode(&Checkpoint { binding: small, ..checkpoint }.encode(), &small).is_err());
    }
}
