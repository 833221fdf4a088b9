//! Images that are mostly zeros, as a fuzzer can hold them: only what is not zero is in its bytes.
//!
//! | bytes | |
//! |---|---|
//! | 4 | length of the image in bytes, little-endian |
//! | | records up to the end: |
//! | 3 | zeros before the record, in units of 16 bytes, little-endian |
//! | 1 | length of what follows, in units of 16 bytes |
//! | | bytes of the image |

use mender_image::block_device::{BlockDevice, WritableDevice};
use mender_image::error::Error;

const UNIT: usize = 16;
/// Longer images are cut: what is written to them is kept.
const LEN_MAX: u64 = 1 << 32;

/// An image of some bytes and many zeros; writes are kept beside.
#[derive(Clone, Debug)]
pub(crate) struct Sparse<'d> {
    len: u64,
    pieces: Vec<(u64, &'d [u8])>,
    written: Vec<(u64, Vec<u8>)>,
}

impl<'d> Sparse<'d> {
    /// The image that `data` describes.
    pub(crate) fn new(data: &'d [u8]) -> Self {
        let (mut pieces, mut at) = (Vec::new(), 0);
        let Some((len, mut rest)) = data.split_first_chunk() else {
            return Self { len: 0, pieces, written: Vec::new() };
        };
        while let Some(([low, middle, high, units], behind)) = rest.split_first_chunk() {
            at += u64::from(u32::from_le_bytes([*low, *middle, *high, 0])) * UNIT as u64;
            let (bytes, behind) = behind.split_at((usize::from(*units) * UNIT).min(behind.len()));
            pieces.push((at, bytes));
            at += bytes.len() as u64;
            rest = behind;
        }
        Self { len: u64::from(u32::from_le_bytes(*len)).min(LEN_MAX), pieces, written: Vec::new() }
    }

    /// What describes this image.
    pub(crate) fn describe(image: &[u8]) -> Vec<u8> {
        let mut out = u32::try_from(image.len()).unwrap().to_le_bytes().to_vec();
        let (mut zeros, mut units) = (0_u32, image.chunks(UNIT).peekable());
        while let Some(unit) = units.next() {
            if unit.iter().all(|byte| *byte == 0) {
                zeros += 1;
                continue;
            }
            let mut bytes = unit.to_vec();
            while bytes.len() < 255 * UNIT {
                let Some(unit) = units.next_if(|unit| unit.iter().any(|byte| *byte != 0)) else { break };
                bytes.extend_from_slice(unit);
            }
            out.extend(&zeros.to_le_bytes()[..3]);
            out.push(u8::try_from(bytes.len().div_ceil(UNIT)).unwrap());
            out.extend(bytes);
            zeros = 0;
        }
        out
    }

    /// A device into which nothing can be written wrongly: where `bytes` and the range overlap.
    fn overlay(offset: u64, buffer: &mut [u8], at: u64, bytes: &[u8]) {
        let (start, end) = (offset.max(at), (offset + buffer.len() as u64).min(at + bytes.len() as u64));
        if start < end {
            let index = |from: u64| usize::try_from(start - from).unwrap();
            let len = usize::try_from(end - start).unwrap();
            let (to, from) = (index(offset), index(at));
            buffer[to..to + len].copy_from_slice(&bytes[from..from + len]);
        }
    }

    fn check(&self, offset: u64, len: usize) -> Result<(), Error> {
        match offset.checked_add(len as u64) {
            Some(end) if end <= self.len => Ok(()),
            // As a slice of that length would say.
            _ => [0_u8; 0].read_at(offset.max(1), &mut [0]),
        }
    }
}

impl BlockDevice for Sparse<'_> {
    fn len_bytes(&self) -> u64 {
        self.len
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<(), Error> {
        self.check(offset, buffer.len())?;
        buffer.fill(0);
        for (at, bytes) in &self.pieces {
            Self::overlay(offset, buffer, *at, bytes);
        }
        for (at, bytes) in &self.written {
            Self::overlay(offset, buffer, *at, bytes);
        }
        Ok(())
    }
}

impl WritableDevice for Sparse<'_> {
    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> Result<(), Error> {
        self.check(offset, bytes.len())?;
        self.written.push((offset, bytes.to_vec()));
        Ok(())
    }

    fn flush(&mut self) -> Result<(), Error> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_described_image_comes_back() {
        let mut image = vec![0; 10_007];
        image[3] = 1;
        image[5000..9500].fill(7);
        image[10_006] = 9;
        let description = Sparse::describe(&image);
        let mut sparse = Sparse::new(&description);
        let mut bytes = vec![1; image.len()];
        sparse.read_at(0, &mut bytes).unwrap();
        assert!(bytes == image && description.len() < 4700);
        sparse.write_at(4998, &[5; 4]).unwrap();
        sparse.read_at(4997, &mut bytes[..6]).unwrap();
        assert_eq!(bytes[..6], [0, 5, 5, 5, 5, 7]);
        assert!(sparse.read_at(10_000, &mut bytes[..8]).is_err());
        assert!(sparse.write_at(u64::MAX, &[1]).is_err());
    }
}
