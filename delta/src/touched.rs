//! An image whose reader jumps about in it: each place brings in pages around it, which are given back in time.

use crate::reading::{AROUND, Reading};
use mender_image::block_device::BlockDevice;
use mender_image::error::Error;
use std::sync::atomic::{AtomicU64, Ordering};

/// An image, and who counts what is read of it.
pub(crate) struct Touched<'r> {
    image: &'r [u8],
    reading: &'r Reading<'r>,
    /// Which pages were brought in last.
    last: AtomicU64,
}

impl<'r> Touched<'r> {
    pub(crate) fn new(image: &'r [u8], reading: &'r Reading<'r>) -> Self {
        Touched { image, reading, last: AtomicU64::new(u64::MAX) }
    }
}

impl BlockDevice for Touched<'_> {
    fn len_bytes(&self) -> u64 {
        self.image.len_bytes()
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<(), Error> {
        let pages = offset / AROUND;
        if self.last.swap(pages, Ordering::Relaxed) != pages {
            self.reading.touch(AROUND.max(buffer.len() as u64));
        }
        self.image.read_at(offset, buffer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::GenerateOptions;

    #[test]
    fn pages_are_given_back_while_a_reader_jumps() {
        let given = AtomicU64::new(0);
        let relieve = || {
            given.fetch_add(1, Ordering::Relaxed);
        };
        let options = GenerateOptions { relieve: Some(&relieve), ..GenerateOptions::default() };
        let reading = Reading::of(&options);
        let image: Vec<u8> = (0..1 << 20).map(|i| (i % 251) as u8).collect();
        let touched = Touched::new(&image, &reading);
        let mut byte = [0];
        for i in 0..1000 {
            touched.read_at(i, &mut byte).unwrap();
        }
        assert_eq!(given.load(Ordering::Relaxed), 0, "one place");
        for i in 0..1000 {
            let at = i * AROUND % (1 << 20);
            touched.read_at(at, &mut byte).unwrap();
            assert_eq!(byte[0], (at % 251) as u8);
        }
        assert_eq!(given.load(Ordering::Relaxed), 3);
        assert!(touched.len_bytes() == 1 << 20 && touched.read_at(1 << 20, &mut byte).is_err());
    }
}
