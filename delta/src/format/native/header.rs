//! Header of a native delta: encoding beside decoding. Layout: docs/delta-format.md, section "Header".

use super::crc32::crc32;
use crate::entropy::lzma2::{PROBABILITIES, probabilities};
use crate::entropy::mixing::architecture::{Architecture, MARGIN};
use crate::entropy::mixing::model::{LINES_LOG2, Shape, line_bytes};
use crate::error::Error;

/// An arena at any address: up to three bytes are left out so that words are aligned.
const ALIGNMENT_SLACK: u64 = 3;

/// First bytes of every native delta.
pub const MAGIC: [u8; 8] = *b"\x89MDELTA\n";
/// The only version that is read and written.
pub const VERSION: u16 = 2;

/// How the streams of a delta are packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Codec {
    /// Each stream as LZMA2 chunks, with one history over the whole delta: quick to apply.
    Lzma2 = 1,
    /// Operations and differences by a context-mixing model that knows the base; literals as LZMA2 chunks.
    Mixed = 2,
    /// As [`Codec::Lzma2`] with one coder of literals a stream: a fifth of its memory besides histories.
    Lean = 3,
}

impl Codec {
    /// Probabilities of a stream of LZMA2 chunks, in `u16`s.
    pub(crate) const fn probabilities(self) -> usize {
        match self {
            Codec::Lean => probabilities(1),
            Codec::Lzma2 | Codec::Mixed => PROBABILITIES,
        }
    }
}

/// What a delta promises and needs. All sizes are in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// Size of the base image.
    pub base_size: u64,
    /// Size of the target image.
    pub target_size: u64,
    /// SHA-256 of the base image.
    pub base_sha256: [u8; 32],
    /// SHA-256 of the target image.
    pub target_sha256: [u8; 32],
    /// Memory that applying takes at most: the arena of [`crate::apply::Applier`].
    pub memory: u64,
    /// Packing of the streams.
    pub codec: Codec,
    /// History of the control, difference and literal streams. With [`Codec::Mixed`] the first is the size of the
    /// model's table of contexts, a power of two, and the second is the largest number of operations in a window.
    pub history: [u32; 3],
    /// Whose machine code the images hold; only [`Codec::Mixed`] makes use of it.
    pub architecture: Architecture,
    /// Largest body of a window.
    pub window_body: u32,
    /// Largest piece in which base is read and target is written.
    pub io_block: u32,
    /// Length of the part behind the header that says which blocks are compressed and how; 0 without any.
    pub fold_len: u32,
    /// Memory for that part and for what it describes; a multiple of four.
    pub fold_memory: u32,
}

/// Smallest and largest `io_block`.
pub const IO_BLOCK: core::ops::RangeInclusive<u32> = 512..=1 << 20;
/// Smallest and largest history of a stream of LZMA2 chunks.
pub const HISTORY: core::ops::RangeInclusive<u32> = 1 << 12..=1 << 28;
/// Largest `fold_memory`.
pub const MAX_FOLD_MEMORY: u32 = 1 << 28;
/// Most operations of a window of [`Codec::Mixed`].
pub const MAX_OPERATIONS: u32 = 1 << 20;
/// Bytes that an applier keeps of each operation of a window.
pub const OPERATION_LEN: usize = 28;
/// Largest `window_body`.
pub const MAX_WINDOW_BODY: u32 = 1 << 26;

impl Header {
    /// Bytes of an encoded header.
    pub const LEN: usize = 132;

    /// Writes the header.
    pub fn encode(&self) -> [u8; Self::LEN] {
        let mut out = [0; Self::LEN];
        out[0..8].copy_from_slice(&MAGIC);
        out[8..10].copy_from_slice(&VERSION.to_le_bytes());
        out[10] = self.codec as u8;
        out[11] = self.architecture as u8;
        out[12..16].copy_from_slice(&self.fold_memory.to_le_bytes());
        out[16..24].copy_from_slice(&self.base_size.to_le_bytes());
        out[24..32].copy_from_slice(&self.target_size.to_le_bytes());
        out[32..64].copy_from_slice(&self.base_sha256);
        out[64..96].copy_from_slice(&self.target_sha256);
        out[96..104].copy_from_slice(&self.memory.to_le_bytes());
        for (i, history) in self.history.iter().enumerate() {
            out[104 + 4 * i..108 + 4 * i].copy_from_slice(&history.to_le_bytes());
        }
        out[116..120].copy_from_slice(&self.window_body.to_le_bytes());
        out[120..124].copy_from_slice(&self.io_block.to_le_bytes());
        out[124..128].copy_from_slice(&self.fold_len.to_le_bytes());
        let check = crc32(0, &out[..Self::LEN - 4]);
        out[Self::LEN - 4..].copy_from_slice(&check.to_le_bytes());
        out
    }

    /// Reads a header from the first [`Header::LEN`] bytes of a delta.
    ///
    /// # Errors
    /// `Truncated` for fewer bytes, `Format` for a wrong magic, check value or bound, `Unsupported` for another
    /// version, codec or flag.
    pub fn parse(bytes: &[u8]) -> Result<Header, Error> {
        let Some(bytes) = bytes.get(..Self::LEN) else {
            return Err(Error::Truncated { offset: bytes.len() as u64 });
        };
        let u32_at = |at: usize| u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
        let u64_at = |at: usize| u64::from(u32_at(at)) | u64::from(u32_at(at + 4)) << 32;
        let digest_at = |at: usize| core::array::from_fn(|i| bytes[at + i]);
        if bytes[..8] != MAGIC {
            let magic = u64::from_be_bytes(MAGIC);
            return Err(Error::format("magic", 0, magic, u64_at(0).swap_bytes()));
        }
        let version = u16::from_le_bytes([bytes[8], bytes[9]]);
        if version != VERSION {
            return Err(Error::Unsupported { field: "format version", found: version.into() });
        }
        let check = crc32(0, &bytes[..Self::LEN - 4]);
        if check != u32_at(Self::LEN - 4) {
            return Err(Error::format("header check value", 128, check.into(), u32_at(Self::LEN - 4).into()));
        }
        let codec = match bytes[10] {
            1 => Codec::Lzma2,
            2 => Codec::Mixed,
            3 => Codec::Lean,
            other => return Err(Error::Unsupported { field: "codec", found: other.into() }),
        };
        let Some(architecture) = Architecture::of_code(bytes[11]) else {
            return Err(Error::Unsupported { field: "architecture", found: bytes[11].into() });
        };
        let header = Header {
            base_size: u64_at(16),
            target_size: u64_at(24),
            base_sha256: digest_at(32),
            target_sha256: digest_at(64),
            memory: u64_at(96),
            codec,
            history: [u32_at(104), u32_at(108), u32_at(112)],
            architecture,
            window_body: u32_at(116),
            io_block: u32_at(120),
            fold_len: u32_at(124),
            fold_memory: u32_at(12),
        };
        // Sums of positions stay below 2^63 from here on.
        for (field, size, at) in
            [("base size", header.base_size, 16), ("target size", header.target_size, 24)]
        {
            if size > i64::MAX as u64 {
                return Err(Error::format(field, at, i64::MAX as u64, size));
            }
        }
        let without = if codec == Codec::Mixed { 2 } else { 0 };
        for (&history, at) in header.history.iter().zip([104, 108, 112]).skip(without) {
            if !HISTORY.contains(&history) {
                let bound = if history < *HISTORY.start() { HISTORY.start() } else { HISTORY.end() };
                return Err(Error::format("history", at, (*bound).into(), history.into()));
            }
        }
        if codec == Codec::Mixed {
            let (least, most) = (line_bytes(*LINES_LOG2.start()), line_bytes(*LINES_LOG2.end()));
            let table = header.history[0];
            if !table.is_power_of_two() || !(least..=most).contains(&table) {
                return Err(Error::format("table of contexts", 104, most.into(), table.into()));
            }
            if header.history[1] > MAX_OPERATIONS {
                return Err(Error::format(
                    "operations of a window",
                    108,
                    MAX_OPERATIONS.into(),
                    header.history[1].into(),
                ));
            }
        }
        if header.window_body > MAX_WINDOW_BODY {
            return Err(Error::format("window body", 116, MAX_WINDOW_BODY.into(), header.window_body.into()));
        }
        if !IO_BLOCK.contains(&header.io_block) {
            return Err(Error::format("io block", 120, (*IO_BLOCK.end()).into(), header.io_block.into()));
        }
        header.check_fold()?;
        let needed = header.memory_needed();
        if needed > header.memory {
            return Err(Error::format("memory", 96, needed, header.memory));
        }
        Ok(header)
    }

    /// There is memory for blocks exactly if there are any.
    fn check_fold(&self) -> Result<(), Error> {
        let (len, memory) = (self.fold_len, self.fold_memory);
        if memory % 4 != 0 || memory > MAX_FOLD_MEMORY || memory < len {
            let bound = if memory < len { len } else { MAX_FOLD_MEMORY };
            return Err(Error::format("memory for blocks", 12, bound.into(), memory.into()));
        }
        if (len == 0) != (memory == 0) || (len > 0 && self.target_size == 0) {
            return Err(Error::format("length of the fold", 124, 0, len.into()));
        }
        Ok(())
    }

    /// The shape of the model of [`Codec::Mixed`]; the header has been checked.
    pub fn shape(&self) -> Shape {
        Shape {
            lines_log2: (self.history[0] / 64).max(1).ilog2(),
            operations: self.history[1],
            architecture: self.architecture,
        }
    }

    /// Bytes of arena that [`crate::apply::Applier::new`] wants; at most the promise in the delta.
    pub fn memory_needed(&self) -> u64 {
        let decoder = |history: u32| u64::from(history) + 2 * self.codec.probabilities() as u64;
        let [control, difference, literal] = self.history;
        let coder = match self.codec {
            Codec::Lzma2 | Codec::Lean => decoder(control) + decoder(difference) + decoder(literal),
            Codec::Mixed => {
                let operations = OPERATION_LEN as u64 * u64::from(difference);
                4 * self.shape().words() as u64 + operations + decoder(literal)
            }
        };
        let buffers = 2 * u64::from(self.io_block) + 2 * MARGIN as u64;
        ALIGNMENT_SLACK + u64::from(self.fold_memory) + coder + u64::from(self.window_body) + buffers
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Header {
        let mut header = Header {
            base_size: 1 << 33,
            target_size: 5,
            base_sha256: [1; 32],
            target_sha256: [2; 32],
            memory: 0,
            codec: Codec::Lzma2,
            history: [4096, 1 << 20, 1 << 23],
            architecture: Architecture::None,
            window_body: 1 << 20,
            io_block: 1 << 16,
            fold_len: 100,
            fold_memory: 4096,
        };
        header.memory = header.memory_needed();
        header
    }

    #[test]
    fn comes_back_as_it_was_written() {
        let header = sample();
        assert_eq!(Header::parse(&header.encode()).unwrap(), header);
    }

    #[test]
    fn every_flipped_bit_is_refused() {
        let good = sample().encode();
        for bit in 0..good.len() * 8 {
            let mut bad = good;
            bad[bit / 8] ^= 1 << (bit % 8);
            assert!(Header::parse(&bad).is_err(), "bit {bit}");
        }
    }

    #[test]
    fn a_promise_below_the_need_is_refused() {
        let mut header = sample();
        header.memory -= 1;
        let error = Header::parse(&header.encode()).unwrap_err();
        assert!(error.to_string().starts_with("malformed delta: memory at offset 96: expected "), "{error}");
    }

    #[test]
    fn a_fold_and_its_memory_go_together() {
        for (fold_len, fold_memory) in [(0, 4096), (100, 0), (100, 96), (100, 4095), (1, (1 << 28) + 4)] {
            let header = Header { fold_len, fold_memory, memory: u64::MAX, ..sample() };
            assert!(Header::parse(&header.encode()).is_err(), "{fold_len} {fold_memory}");
        }
        let header = Header { target_size: 0, ..sample() };
        assert!(Header::parse(&header.encode()).is_err());
    }

    #[test]
    fn a_history_that_no_decoder_can_use_is_refused() {
        for (codec, history) in [
            (Codec::Lzma2, [0, 1 << 20, 1 << 20]),
            (Codec::Lzma2, [1 << 12, 1 << 12, (1 << 12) - 1]),
            (Codec::Lzma2, [1 << 12, (1 << 28) + 1, 1 << 12]),
            (Codec::Mixed, [1 << 12, 0, 0]),
            (Codec::Mixed, [1 << 12, 0, u32::MAX]),
        ] {
            let header = Header { codec, history, memory: u64::MAX, ..sample() };
            let error = Header::parse(&header.encode()).unwrap_err();
            assert!(error.to_string().starts_with("malformed delta: history at offset 1"), "{error}");
        }
        let least = Header { history: [1 << 12; 3], memory: u64::MAX, ..sample() };
        assert_eq!(Header::parse(&least.encode()).unwrap(), least);
    }

    /// The figures of docs/delta-format.md.
    #[test]
    fn the_need_is_what_the_format_says() {
        let lzma2 = sample();
        let histories = 4096 + (1 << 20) + (1 << 23) + 3 * 28_296;
        assert_eq!(lzma2.memory_needed(), 3 + 4096 + histories + (1 << 20) + 2 * (1 << 16) + 32);
        let lean = Header { codec: Codec::Lean, ..lzma2 };
        assert_eq!(lzma2.memory_needed() - lean.memory_needed(), 3 * (28_296 - 5256));
        let mixed = Header { codec: Codec::Mixed, history: [1 << 22, 5000, 1 << 20], ..lzma2 };
        let words = 16 * 65_536
            + 3 * 5000
            + (6 * 4096 + 9 * 16_384 + 6 * 4096)
            + (6 * 68 + 24 * 64)
            + (18 * 384 + 24 * 2048)
            + (12 * 64 + 24 * 128)
            + (4 * 65_536 + 2048)
            + (10 * 16_384 + 20 * 320 + 24 * 1024 + 20 * 1152 + 24 * 1024)
            + 64 * 648;
        let coder = 4 * words + 28 * 5000 + (1 << 20) + 28_296;
        assert_eq!(mixed.memory_needed(), 3 + 4096 + coder + (1 << 20) + 2 * (1 << 16) + 32);
    }

    #[test]
    fn a_short_header_is_truncated() {
        let good = sample().encode();
        for len in 0..good.len() {
            assert!(matches!(Header::parse(&good[..len]), Err(Error::Truncated { .. })));
        }
    }
}
