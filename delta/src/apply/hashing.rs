//! SHA-256 of what is written, on a thread of its own: it is known soon after the last byte.

use sha2::{Digest, Sha256};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{Builder, Scope, ScopedJoinHandle};

/// Bytes that are handed on at once, and buffers of as many that there are.
const PIECE: usize = 1 << 16;
const BUFFERS: usize = 4;

/// Takes bytes, and has them hashed.
pub(super) struct Hashing<'s> {
    now: Vec<u8>,
    full: SyncSender<Vec<u8>>,
    empty: Receiver<Vec<u8>>,
    worker: ScopedJoinHandle<'s, [u8; 32]>,
}

impl<'s> Hashing<'s> {
    /// Begins on a thread of `scope`.
    ///
    /// # Errors
    /// When there is no thread to be had.
    pub(super) fn begin<'env>(scope: &'s Scope<'s, 'env>) -> std::io::Result<Self> {
        let (full, pieces) = sync_channel::<Vec<u8>>(BUFFERS);
        let (give_back, empty) = sync_channel(BUFFERS);
        for _ in 1..BUFFERS {
            // There is room for all, and the other end is here.
            let _ = give_back.send(Vec::with_capacity(PIECE));
        }
        let worker = Builder::new().spawn_scoped(scope, move || {
            let mut digest = Sha256::new();
            for mut piece in pieces {
                digest.update(&piece);
                piece.clear();
                // At the end nobody wants it back.
                let _ = give_back.send(piece);
            }
            digest.finalize().into()
        })?;
        Ok(Hashing { now: Vec::with_capacity(PIECE), full, empty, worker })
    }

    /// Takes the next bytes.
    pub(super) fn update(&mut self, bytes: &[u8]) {
        let mut rest = bytes;
        while !rest.is_empty() {
            let (now, behind) = rest.split_at(rest.len().min(PIECE - self.now.len()));
            self.now.extend_from_slice(now);
            rest = behind;
            if self.now.len() == PIECE {
                // Both ends live as long as the thread, which only ends in `finish`.
                let next = self.empty.recv().unwrap_or_default();
                let _ = self.full.send(std::mem::replace(&mut self.now, next));
            }
        }
    }

    /// The digest of all of them.
    pub(super) fn finish(self) -> [u8; 32] {
        let Hashing { now, full, empty, worker } = self;
        let _ = full.send(now);
        drop((full, empty));
        worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_is_that_of_all_bytes() {
        let bytes: Vec<u8> = (0..20 * PIECE + 77).map(|i| u8::try_from(i * i % 251).unwrap()).collect();
        for (len, piece) in [(0, 1), (5, 1), (PIECE, PIECE), (bytes.len(), 50_001), (bytes.len(), 3 * PIECE)]
        {
            let found = std::thread::scope(|scope| {
                let mut hashing = Hashing::begin(scope).unwrap();
                bytes[..len].chunks(piece).for_each(|piece| hashing.update(piece));
                hashing.finish()
            });
            let expected: [u8; 32] = Sha256::digest(&bytes[..len]).into();
            assert_eq!(found, expected, "{len} bytes by {piece}");
        }
    }
}
