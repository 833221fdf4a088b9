//! The SHA-256 of a payload file, here or on a thread of its own beside the unpacking.

use crate::digest::{Digest, Hasher};
use crate::error::Error;

/// The running digest of one payload file.
pub(crate) enum FileHash {
    Here(Hasher),
    #[cfg(feature = "std")]
    Beside(beside::HashThread),
}

impl FileHash {
    /// One on a thread of its own, if the system gives one.
    #[cfg(feature = "std")]
    pub(crate) fn beside() -> Self {
        beside::HashThread::start().map_or_else(Self::default, Self::Beside)
    }

    /// Adds bytes of the file.
    pub(crate) fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Here(hasher) => hasher.update(bytes),
            #[cfg(feature = "std")]
            Self::Beside(thread) => thread.update(bytes),
        }
    }

    /// The digest of the whole file.
    pub(crate) fn finish(self) -> Result<Digest, Error> {
        match self {
            Self::Here(mut hasher) => Ok(hasher.take()),
            #[cfg(feature = "std")]
            Self::Beside(thread) => thread.finish(),
        }
    }
}

impl Default for FileHash {
    fn default() -> Self {
        Self::Here(Hasher::default())
    }
}

#[cfg(feature = "std")]
pub(crate) mod beside {
    use crate::digest::{Digest, Hasher};
    use crate::error::{Entry, Error};
    use std::io;
    use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
    use std::thread::{Builder, JoinHandle};

    /// Smallest file in bytes for which a thread is worth its while.
    pub(in crate::read) const LEAST_BYTES: u64 = 1 << 20;
    /// Bytes handed over at once.
    const CHUNK_BYTES: usize = 256 << 10;
    /// Chunks that may wait.
    const CHUNKS_WAITING: usize = 4;

    /// A thread that hashes what it is given. Takes 1.5 MiB.
    pub(crate) struct HashThread {
        filling: Vec<u8>,
        full: SyncSender<Vec<u8>>,
        empty: Receiver<Vec<u8>>,
        thread: JoinHandle<Digest>,
    }

    impl HashThread {
        /// `None` if the system gives no thread.
        pub(in crate::read) fn start() -> Option<Self> {
            let (full, to_hash) = sync_channel(CHUNKS_WAITING);
            let (hashed, empty) = channel();
            let thread = Builder::new().name("sha256".into()).spawn(move || run(&to_hash, &hashed)).ok()?;
            Some(Self { filling: Vec::with_capacity(CHUNK_BYTES), full, empty, thread })
        }

        pub(super) fn update(&mut self, mut bytes: &[u8]) {
            while !bytes.is_empty() {
                let room = CHUNK_BYTES - self.filling.len();
                let (taken, rest) = bytes.split_at(bytes.len().min(room));
                self.filling.extend_from_slice(taken);
                bytes = rest;
                if self.filling.len() == CHUNK_BYTES {
                    let next = self.empty.try_recv().unwrap_or_else(|_| Vec::with_capacity(CHUNK_BYTES));
                    // If the thread is gone, its end tells.
                    let _ = self.full.send(std::mem::replace(&mut self.filling, next));
                }
            }
        }

        pub(super) fn finish(self) -> Result<Digest, Error> {
            let Self { filling, full, empty: _, thread } = self;
            let _ = full.send(filling);
            drop(full);
            thread
                .join()
                .map_err(|_| Error::io(Entry::Artifact, io::Error::other("the hashing thread has stopped")))
        }
    }

    /// Hashes chunks until there are no more, and gives each back.
    fn run(chunks: &Receiver<Vec<u8>>, hashed: &Sender<Vec<u8>>) -> Digest {
        let mut hasher = Hasher::default();
        for mut chunk in chunks {
            hasher.update(&chunk);
            chunk.clear();
            // Nobody may be left to fill it again.
            let _ = hashed.send(chunk);
        }
        hasher.take()
    }

    #[cfg(test)]
    mod tests {
        use super::*;
        use crate::digest::digest;

        #[test]
        fn the_thread_finds_the_same() {
            let bytes: Vec<u8> = (0..700_000_u32).flat_map(u32::to_le_bytes).collect();
            for piece in [1000, CHUNK_BYTES, CHUNK_BYTES + 1, bytes.len()] {
                let mut thread = HashThread::start().unwrap();
                bytes.chunks(piece).for_each(|piece| thread.update(piece));
                assert_eq!(thread.finish().unwrap(), digest(&bytes), "{piece}");
            }
            assert_eq!(HashThread::start().unwrap().finish().unwrap(), digest(b""));
        }
    }
}
