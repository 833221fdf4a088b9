//! Long readings of images: they notice when the work is cancelled, and have the pages of mapped images given back, so
//! that memory does not grow with the images.

use crate::error::Error;
use crate::options::GenerateOptions;
use sha2::{Digest, Sha256};
use std::sync::atomic::{AtomicU64, Ordering};

/// Bytes that are read before pages are given back.
const RELIEF: u64 = 64 << 20;
/// Piece in which an image is hashed.
const PIECE: usize = 1 << 20;

/// Counts what is read, on any number of threads.
pub(crate) struct Reading<'o> {
    options: &'o GenerateOptions<'o>,
    since: AtomicU64,
}

impl<'o> Reading<'o> {
    pub(crate) fn of(options: &'o GenerateOptions<'o>) -> Self {
        Reading { options, since: AtomicU64::new(0) }
    }

    /// Takes note of `bytes` of images that have been read.
    ///
    /// # Errors
    /// `Cancelled`.
    pub(crate) fn read(&self, bytes: u64) -> Result<(), Error> {
        self.options.check()?;
        // Two threads that both go over the mark only give back twice.
        if self.since.fetch_add(bytes, Ordering::Relaxed) + bytes >= RELIEF {
            self.since.store(0, Ordering::Relaxed);
            if let Some(relieve) = self.options.relieve {
                relieve();
            }
        }
        Ok(())
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
        assert_eq!(given.into_inner(), 4);
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
