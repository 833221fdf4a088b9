//! Two small images, and the sides of an applier that watch what it does.

use mender_delta::apply::vcdiff::ReadBack;
use mender_delta::apply::{Base, CallerError, Target};
use sha2::{Digest as _, Sha256};

pub(crate) const OLD: u8 = 1;
pub(crate) const NEW: u8 = 2;

/// The old or the new one: moved pieces, changed bytes, zeros, text, news.
pub(crate) fn image(which: u8) -> Vec<u8> {
    let noise = |len: usize, seed: u32| -> Vec<u8> {
        let mut state = seed;
        let next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            state.to_be_bytes()[0]
        };
        std::iter::repeat_with(next).take(len).collect()
    };
    let words = b"usr lib share doc copyright debian systemd python3 aarch64 linux gnu ";
    let text: Vec<u8> = words.iter().copied().cycle().take(1500).collect();
    let old = [noise(5000, 1), text.clone(), noise(2000, 2)].concat();
    if which == OLD {
        return old;
    }
    let mut changed = old[1500..3000].to_vec();
    for at in (0..changed.len()).step_by(61) {
        changed[at] = changed[at].wrapping_add(3);
    }
    let mut prose = text[17..1200].to_vec();
    prose.reverse();
    [&old[3072..5120], &[0; 1500], &changed, &prose, &noise(200, 3), &old[..77]].concat()
}

pub(crate) fn sha256(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

pub(crate) fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| crc >> 1 ^ if crc & 1 == 1 { 0xedb8_8320 } else { 0 })
    })
}

/// A base of `promised` bytes, and as many as there are in truth.
pub(crate) struct Checked<'i> {
    pub(crate) old: &'i [u8],
    pub(crate) promised: u64,
}

impl Base for Checked<'_> {
    fn read_at(&mut self, offset: u64, buffer: &mut [u8]) -> Result<(), CallerError> {
        let end = offset.checked_add(buffer.len() as u64).expect("a range that ends");
        assert!(end <= self.promised, "read of {offset}..{end} in a base of {}", self.promised);
        (&mut &*self.old).read_at(offset, buffer)
    }
}

/// How much of a target is kept; a partition that is too small for more.
const ROOM: u64 = 1 << 20;

/// A target of so many bytes at most.
pub(crate) struct Bounded {
    got: Vec<u8>,
    promised: u64,
}

impl Bounded {
    pub(crate) const fn new(promised: u64) -> Self {
        Self { got: Vec::new(), promised }
    }

    pub(crate) fn len(&self) -> u64 {
        self.got.len() as u64
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.got
    }

    pub(crate) fn sha256(&self) -> [u8; 32] {
        sha256(&self.got)
    }
}

impl Target for Bounded {
    fn write(&mut self, bytes: &[u8]) -> Result<(), CallerError> {
        let end = self.len() + bytes.len() as u64;
        assert!(end <= self.promised, "{end} bytes for a target of {}", self.promised);
        if end > ROOM {
            return Err(CallerError { action: "write behind the end of the partition", code: 28 });
        }
        self.got.extend_from_slice(bytes);
        Ok(())
    }
}

impl ReadBack for Bounded {
    fn read_back(&mut self, offset: u64, buffer: &mut [u8]) -> Result<(), CallerError> {
        (&mut &self.got[..]).read_at(offset, buffer).map_err(|_| panic!("read back of what was not written"))
    }
}
