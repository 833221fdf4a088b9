//! Long readings of images: they notice when the work is cancelled, and have the pages of mapped images given back, so
//! that memory does not grow with the images.

use crate::error::Error;
use crate::options::{GenerateOptions, Stop};
use sha2::{Digest, Sha256};
use std::sync::atomic::{AtomicU64, Ordering};

/// Bytes that are read before pages are given back.
const RELIEF: u64 = 16 << 20;
/// What the system brings in around a byte that is read somewhere: Linux maps so many bytes of a file at once.
pub(crate) const AROUND: u64 = 64 << 10;
/// Piece in which an image is read.
pub(crate) const PIECE: usize = 1 << 20;

/// Counts what is read, on any number of threads.
pub(crate) struct Reading<'o> {
    options: &'o GenerateOptions<'o>,
    since: AtomicU64,
}

impl<'o> Reading<'o> {
    pub(crate) fn of(options: &'o GenerateOptions<'o>) -> Self {
        Reading { options, since: AtomicU64::new(0) }
    }

    /// Whether somebody wants the work to end.
    pub(crate) fn stop(&self) -> Stop<'o> {
        self.options.stop()
    }

    /// Takes note of `bytes` of images that have been read.
    ///
    /// # Errors
    /// `Cancelled`.
    pub(crate) fn read(&self, bytes: u64) -> Result<(), Error> {
        self.options.check()?;
        self.touch(bytes);
        Ok(())
    }

    /// As [`Reading::read`], for what has no place for an error: whoever goes on notices that the work is cancelled.
    pub(crate) fn touch(&self, bytes: u64) {
        // Two threads that both go over the mark only give back twice.
        if self.since.fetch_add(bytes, Ordering::Relaxed) + bytes >= RELIEF {
            self.since.store(0, Ordering::Relaxed);
            if let Some(relieve) = self.options.relieve {
                relieve();
            }
        }
    }

    /// Whether both images are the same.
    ///
    /// # Errors
    /// `Cancelled`.
    pub(crate) fn are_same(&self, old: &[u8], new: &[u8]) -> Result<bool, Error> {
        if old.len() != new.len() {
            return Ok(false);
        }
        for (old, new) in old.chunks(PIECE).zip(new.chunks(PIECE)) {
            if old != new {
                return Ok(false);
            }
            self.read(2 * old.len() as u64)?;
        }
        Ok(true)
    }

    /// SHA-256 of an image.
    ///
    /// # Errors
    /// `Cancelled`.
    pub(crate) fn sha256(&self, image: &[u8]) -> Result<[u8; 32], Error> {
        let mut digest = Sha256::new();
        for piece in image.chunks(PIECE) {
            digest.update(piece);
            self.read(piece.len() as u64)?;
        }
        Ok(digest.finalize().into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicBool;

    #[test]
    fn pages_are_given_back_after_each_stretch() {
        let given = AtomicU64::new(0);
        let relieve = || {
            given.fetch_add(1, Ordering::Relaxed);
        };
        let options = GenerateOptions { relieve: Some(&relieve), ..GenerateOptions::default() };
        let reading = Reading::of(&options);
        for _ in 0..300 {
            reading.read(1 << 20).unwrap();
        }
        assert_eq!(given.into_inner(), 18);
    }

    #[test]
    fn images_are_the_same_or_not() {
        let options = GenerateOptions::default();
        let reading = Reading::of(&options);
        let image = vec![7; 3 * PIECE + 1];
        let mut other = image.clone();
        assert!(reading.are_same(&image, &other).unwrap() && reading.are_same(&[], &[]).unwrap());
        assert!(!reading.are_same(&image, &image[1..]).unwrap());
        other[3 * PIECE] = 8;
        assert!(!reading.are_same(&image, &other).unwrap());
    }

    #[test]
    fn hashing_notices_that_it_is_cancelled() {
        let cancel = AtomicBool::new(false);
        let options = GenerateOptions { cancel: Some(&cancel), ..GenerateOptions::default() };
        let image = vec![7; 3 * PIECE + 1];
        let digest: [u8; 32] = Sha256::digest(&image).into();
        assert_eq!(Reading::of(&options).sha256(&image).unwrap(), digest);
        cancel.store(true, Ordering::Relaxed);
        assert!(matches!(Reading::of(&options).sha256(&image), Err(Error::Cancelled)));
    }
}
