//! Memory that a device can be read into past the page cache.

/// Offsets, lengths and addresses of direct reads are multiples of this; no block device wants more.
pub(crate) const ALIGNMENT_BYTES: usize = 4096;

/// Memory whose address is a multiple of [`ALIGNMENT_BYTES`].
#[derive(Debug)]
pub(crate) struct AlignedBuffer {
    storage: Vec<u8>,
    start: usize,
    length: usize,
}

impl AlignedBuffer {
    pub(crate) fn new(length: usize) -> Self {
        let storage = vec![0; length + ALIGNMENT_BYTES];
        let start = storage.as_ptr().align_offset(ALIGNMENT_BYTES).min(ALIGNMENT_BYTES);
        Self { storage, start, length }
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.storage[self.start..self.start + self.length]
    }

    pub(crate) fn bytes_mut(&mut self) -> &mut [u8] {
        &mut self.storage[self.start..self.start + self.length]
    }
}
