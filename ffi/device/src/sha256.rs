//! SHA-256 whose state between two blocks can be kept in a checkpoint.

use sha2::compress256;
use sha2::digest::generic_array::GenericArray;

/// Bytes that are hashed at once.
pub(crate) const BLOCK: usize = 64;

const START: [u32; 8] =
    [0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19];

/// A running SHA-256.
#[derive(Clone)]
pub(crate) struct Sha256 {
    state: [u32; 8],
    block: [u8; BLOCK],
    len: u64,
}

impl Sha256 {
    pub(crate) const fn new() -> Self {
        Sha256 { state: START, block: [0; BLOCK], len: 0 }
    }

    /// Goes on behind `len` bytes, a multiple of [`BLOCK`], with the state that [`Sha256::midstate`] gave there.
    pub(crate) const fn resume(state: [u32; 8], len: u64) -> Self {
        Sha256 { state, block: [0; BLOCK], len }
    }

    /// The state, if a whole number of blocks was hashed.
    pub(crate) fn midstate(&self) -> Option<[u32; 8]> {
        (self.filled() == 0).then_some(self.state)
    }

    fn filled(&self) -> usize {
        usize::try_from(self.len % BLOCK as u64).unwrap_or_default()
    }

    pub(crate) fn update(&mut self, mut bytes: &[u8]) {
        let filled = self.filled();
        self.len = self.len.wrapping_add(bytes.len() as u64);
        if filled > 0 {
            let n = bytes.len().min(BLOCK - filled);
            let (now, rest) = bytes.split_at(n);
            self.block[filled..filled + n].copy_from_slice(now);
            bytes = rest;
            if filled + n < BLOCK {
                return;
            }
            self.compress_own();
        }
        let mut blocks = bytes.chunks_exact(BLOCK);
        for block in &mut blocks {
            compress256(&mut self.state, core::slice::from_ref(GenericArray::from_slice(block)));
        }
        let rest = blocks.remainder();
        self.block[..rest.len()].copy_from_slice(rest);
    }

    fn compress_own(&mut self) {
        compress256(&mut self.state, core::slice::from_ref(GenericArray::from_slice(&self.block)));
    }

    pub(crate) fn digest(&self) -> [u8; 32] {
        let mut last = self.clone();
        let filled = self.filled();
        last.block[filled] = 0x80;
        last.block[filled + 1..].fill(0);
        if filled + 9 > BLOCK {
            last.compress_own();
            last.block.fill(0);
        }
        last.block[BLOCK - 8..].copy_from_slice(&self.len.wrapping_mul(8).to_be_bytes());
        last.compress_own();
        let mut digest = [0; 32];
        for (place, word) in digest.chunks_exact_mut(4).zip(last.state) {
            place.copy_from_slice(&word.to_be_bytes());
        }
        digest
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    #[test]
    fn agrees_with_the_library_in_any_pieces() {
        let bytes: Vec<u8> = (0..700_u32).flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()).collect();
        for len in (0..200).chain([1000, 2800]) {
            let expected = mender_artifact::digest::digest(&bytes[..len]);
            for piece in [1, 7, 63, 64, 65, 1000] {
                let mut hash = Sha256::new();
                bytes[..len].chunks(piece).for_each(|piece| hash.update(piece));
                assert_eq!(hash.digest(), expected, "{len} bytes in pieces of {piece}");
            }
        }
    }

    #[test]
    fn goes_on_from_the_middle() {
        let mut hash = Sha256::new();
        hash.update(&[7; 128]);
        let mut other = Sha256::resume(hash.midstate().unwrap(), 128);
        hash.update(b"and more");
        assert_eq!(hash.midstate(), None);
        other.update(b"and more");
        assert_eq!(hash.digest(), other.digest());
    }
}
