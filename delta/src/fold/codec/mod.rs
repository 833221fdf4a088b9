//! The contract of all codecs: a block is unpacked into its plain content, and rebuilt from it bit for bit.
//!
//! A codec has a number in deltas ([`Codec`]) and a module beside this file with five functions, which
//! [`Recipe`] calls. All of them work without allocation and without state between calls; the same input gives the
//! same output on every machine.
//!
//! * `check(parameters)`: whether these eight bytes mean something. Bytes without meaning must be zero, so that one
//!   recipe has one form.
//! * `decode_scratch(parameters, plain_len)`, `encode_scratch(parameters, plain_len)`: words of scratch that the other
//!   two need for a block of at most `plain_len` plain bytes; their sum with any other length in the promise of memory
//!   must not overflow, so they saturate.
//! * `decode(parameters, packed, plain, scratch)`: unpacks the whole of `packed` into the front of `plain` and returns
//!   how many bytes it wrote. `packed` is foreign and may be anything: damage is an error, never a panic, a loop or
//!   more work than the lengths allow.
//! * `encode(parameters, plain, packed, scratch)`: packs the whole of `plain` into the front of `packed` exactly as the
//!   original encoder did with these settings, and returns how many bytes it wrote. `plain` is foreign, too.
//!
//! Scratch comes with any content and may be longer than asked for. Which parameters a block was made with is found by
//! the generator, which tries candidates (`fold/generate/`) and keeps only what comes back bit for bit: an encoder
//! that is wrong makes deltas larger, never wrong.

pub mod deflate;
pub mod lz4;
pub mod zstd;

/// How blocks are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Codec {
    /// Deflate streams as zlib or GNU gzip make them.
    Deflate = 1,
    /// LZ4 as liblz4 and mkfs.erofs make it.
    Lz4 = 2,
    /// Zstandard frames as libzstd 1.5.4 makes them.
    Zstd = 3,
}

/// What stands around a packed block and follows from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Framing {
    /// Nothing.
    None = 0,
    /// Its length in 16 bits, little-endian, before it: metadata blocks of squashfs. At most 32,767 bytes.
    Length16 = 1,
}

/// All that a device has to know to rebuild a block from its plain content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Recipe {
    /// The codec.
    pub codec: Codec,
    /// What stands around each block.
    pub framing: Framing,
    /// The codec's own settings; their meaning is in the codec's module.
    pub parameters: Parameters,
}

/// Settings of a codec.
pub type Parameters = [u8; 8];

impl Codec {
    /// The codec with a number of the format.
    pub(crate) fn of_code(code: u8) -> Option<Self> {
        [Codec::Deflate, Codec::Lz4, Codec::Zstd].into_iter().find(|&codec| codec as u8 == code)
    }
}

impl Framing {
    /// The framing with a number of the format.
    pub(crate) fn of_code(code: u8) -> Option<Self> {
        [Framing::None, Framing::Length16].into_iter().find(|&framing| framing as u8 == code)
    }
}

/// Why a block cannot be unpacked or packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum CodecError {
    /// The parameters mean nothing to the codec.
    Parameters,
    /// The packed bytes are not what the codec writes.
    Damaged,
    /// The result does not fit the buffer.
    Room,
    /// There is less scratch than the codec asks for.
    Scratch,
}

impl Recipe {
    /// # Errors
    /// `Parameters` when the codec does not know them.
    pub fn check(&self) -> Result<(), CodecError> {
        match self.codec {
            Codec::Deflate => deflate::check(self.parameters),
            Codec::Lz4 if self.framing != Framing::None && self.window() > 0 => Err(CodecError::Parameters),
            Codec::Lz4 => lz4::check(self.parameters),
            Codec::Zstd => zstd::check(self.parameters),
        }
    }

    /// Words of scratch that [`Recipe::decode`] needs for blocks of up to `plain_len` plain bytes.
    #[must_use]
    pub fn decode_scratch(&self, plain_len: u32) -> u32 {
        match self.codec {
            Codec::Deflate => deflate::decode_scratch(self.parameters, plain_len),
            Codec::Lz4 => lz4::decode_scratch(self.parameters, plain_len),
            Codec::Zstd => zstd::decode_scratch(self.parameters, plain_len),
        }
    }

    /// Words of scratch that [`Recipe::encode`] needs for blocks of up to `plain_len` plain bytes.
    #[must_use]
    pub fn encode_scratch(&self, plain_len: u32) -> u32 {
        match self.codec {
            Codec::Deflate => deflate::encode_scratch(self.parameters, plain_len),
            Codec::Lz4 => lz4::encode_scratch(self.parameters, plain_len),
            Codec::Zstd => zstd::encode_scratch(self.parameters, plain_len),
        }
    }

    /// Unpacks all of `packed`, framing included, into the front of `plain`; returns how many bytes that are.
    ///
    /// # Errors
    /// `Parameters`, `Damaged`, `Room` when `plain` is too short, `Scratch`.
    pub fn decode(&self, packed: &[u8], plain: &mut [u8], scratch: &mut [u32]) -> Result<usize, CodecError> {
        let packed = self.framing.remove(packed)?;
        match self.codec {
            Codec::Deflate => deflate::decode(self.parameters, packed, plain, scratch),
            Codec::Lz4 => lz4::decode(self.parameters, packed, plain, scratch),
            Codec::Zstd => zstd::decode(self.parameters, packed, plain, scratch),
        }
    }

    /// Bytes of content that unpacking keeps of a block that is gone through from front to back, a power of two; 0 for
    /// blocks that are unpacked as a whole.
    #[must_use]
    pub fn window(&self) -> u32 {
        match self.codec {
            Codec::Lz4 => lz4::window(self.parameters),
            Codec::Deflate | Codec::Zstd => 0,
        }
    }

    /// Packs `plain` into the front of `packed`, framing included; returns how many bytes that are.
    ///
    /// # Errors
    /// `Parameters`, also for long blocks; `Room` when `packed` is too short or the framing cannot say the length;
    /// `Scratch`.
    pub fn encode(&self, plain: &[u8], packed: &mut [u8], scratch: &mut [u32]) -> Result<usize, CodecError> {
        let before = self.framing.len();
        let room = packed.get_mut(before..).ok_or(CodecError::Room)?;
        let len = match self.codec {
            Codec::Deflate => deflate::encode(self.parameters, plain, room, scratch)?,
            Codec::Lz4 => lz4::encode(self.parameters, plain, room, scratch)?,
            Codec::Zstd => zstd::encode(self.parameters, plain, room, scratch)?,
        };
        self.framing.add(len, &mut packed[..before])?;
        Ok(before + len)
    }
}

/// Largest block that [`Framing::Length16`] can hold: the highest bit says that a block is not compressed.
const MAX_LENGTH16: usize = 0x7fff;

impl Framing {
    /// Bytes before the block.
    fn len(self) -> usize {
        match self {
            Framing::None => 0,
            Framing::Length16 => 2,
        }
    }

    fn remove(self, packed: &[u8]) -> Result<&[u8], CodecError> {
        match self {
            Framing::None => Ok(packed),
            Framing::Length16 => match packed {
                [low, high, block @ ..] if usize::from(u16::from_le_bytes([*low, *high])) == block.len() => {
                    Ok(block)
                }
                _ => Err(CodecError::Damaged),
            },
        }
    }

    fn add(self, len: usize, before: &mut [u8]) -> Result<(), CodecError> {
        if self == Framing::Length16 {
            let len = u16::try_from(len).ok().filter(|&len| usize::from(len) <= MAX_LENGTH16);
            before.copy_from_slice(&len.ok_or(CodecError::Room)?.to_le_bytes());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_before_a_block_must_be_its_length() {
        assert_eq!(Framing::Length16.remove(&[2, 0, 8, 9]), Ok(&[8, 9][..]));
        for bad in [&[][..], &[2], &[2, 0, 8], &[2, 0, 8, 9, 10], &[2, 0x80, 8, 9]] {
            assert_eq!(Framing::Length16.remove(bad), Err(CodecError::Damaged), "{bad:?}");
        }
        let mut before = [0; 2];
        Framing::Length16.add(0x7fff, &mut before).unwrap();
        assert_eq!(before, [0xff, 0x7f]);
        assert_eq!(Framing::Length16.add(0x8000, &mut before), Err(CodecError::Room));
    }
}
