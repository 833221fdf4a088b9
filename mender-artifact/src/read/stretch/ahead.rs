//! Threads that unpack stretches ahead of who wants them, in order.

use std::collections::VecDeque;
use std::io;
use std::num::NonZeroUsize;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{Builder, JoinHandle};

use memchr::memmem;

use crate::compression::Compression;
use crate::compression::gzip::{HEADER_LEN_BYTES, TRAILER_LEN_BYTES};

/// More threads than this take memory, and hashing is slower then.
const THREADS_MAX: usize = 4;

/// Unpacks one stretch at a time.
pub(crate) struct StretchUnpacker {
    gzip: libdeflater::Decompressor,
    zstd: Option<zstd::bulk::Decompressor<'static>>,
}

impl StretchUnpacker {
    pub(crate) fn new() -> Self {
        Self { gzip: libdeflater::Decompressor::new(), zstd: None }
    }

    /// Unpacks `packed` into `plain`, which is as long as the headers say. Whether that is what came out, whether the checksum is
    /// right, and whether nothing is left over.
    pub(crate) fn unpack(&mut self, compression: Compression, packed: &[u8], plain: &mut [u8]) -> bool {
        match compression {
            Compression::Gzip => {
                self.gzip.gzip_decompress(packed, plain).ok() == Some(plain.len())
                    && ends_at_its_end(packed, plain)
            }
            Compression::Zstd => {
                if self.zstd.is_none() {
                    self.zstd = zstd::bulk::Decompressor::new().ok();
                }
                let Some(zstd) = &mut self.zstd else { return false };
                !packed.is_empty() && zstd.decompress_to_buffer(packed, plain).ok() == Some(plain.len())
            }
            Compression::None | Compression::Xz => false,
        }
    }
}

/// Whether the member that unpacks to `plain` takes all of `packed`. The library does not say where it ended, but it has
/// found checksum and length there: if they stand nowhere before the end, that is where.
fn ends_at_its_end(packed: &[u8], plain: &[u8]) -> bool {
    let Ok(len) = u32::try_from(plain.len()) else { return false };
    let mut trailer = [0; TRAILER_LEN_BYTES];
    trailer[..4].copy_from_slice(&libdeflater::crc32(plain).to_le_bytes());
    trailer[4..].copy_from_slice(&len.to_le_bytes());
    let body = packed.get(HEADER_LEN_BYTES..).unwrap_or_default();
    memmem::find(body, &trailer) == body.len().checked_sub(TRAILER_LEN_BYTES)
}

struct Job {
    packed: Vec<u8>,
    plain: Vec<u8>,
    plain_len: usize,
    done: SyncSender<Done>,
}

/// A stretch that has been looked at.
pub(crate) struct Done {
    /// As it was.
    pub(crate) packed: Vec<u8>,
    /// What it holds; nothing if it is not what its headers say.
    pub(crate) plain: Option<Vec<u8>>,
}

/// Stretches on their way. Memory: for each thread and one more, a stretch and what it holds, which are used again.
pub(crate) struct Ahead {
    jobs: Option<SyncSender<Job>>,
    workers: Vec<JoinHandle<()>>,
    in_flight: VecDeque<Receiver<Done>>,
    in_flight_max: usize,
    spare_packed: Vec<Vec<u8>>,
    spare_plain: Vec<Vec<u8>>,
}

impl Ahead {
    /// Starts the threads.
    ///
    /// # Errors
    /// When the system gives none.
    pub(crate) fn start(compression: Compression) -> io::Result<Self> {
        let threads = std::thread::available_parallelism().map_or(1, NonZeroUsize::get).min(THREADS_MAX);
        let in_flight_max = threads;
        let (jobs, queue) = sync_channel::<Job>(in_flight_max);
        let queue = Arc::new(Mutex::new(queue));
        let mut workers = Vec::new();
        for _ in 0..threads {
            let queue = Arc::clone(&queue);
            let work = move || work(&queue, compression);
            workers.push(Builder::new().name("unpack".into()).spawn(work)?);
        }
        let in_flight = VecDeque::new();
        let (spare_packed, spare_plain) = (Vec::new(), Vec::new());
        Ok(Self { jobs: Some(jobs), workers, in_flight, in_flight_max, spare_packed, spare_plain })
    }

    /// Whether something has to be received before more is sent.
    pub(crate) fn is_full(&self) -> bool {
        self.in_flight.len() >= self.in_flight_max
    }

    /// Sends a stretch.
    ///
    /// # Errors
    /// When the threads have stopped.
    pub(crate) fn send(&mut self, packed: Vec<u8>, plain_len: usize) -> io::Result<()> {
        let (done, answer) = sync_channel(1);
        let plain = self.spare_plain.pop().unwrap_or_default();
        let jobs = self.jobs.as_ref().ok_or_else(stopped)?;
        jobs.send(Job { packed, plain, plain_len, done }).map_err(|_| stopped())?;
        self.in_flight.push_back(answer);
        Ok(())
    }

    /// Waits for the oldest stretch; `None` if there is none.
    ///
    /// # Errors
    /// When the threads have stopped.
    pub(crate) fn receive(&mut self) -> io::Result<Option<Done>> {
        let Some(answer) = self.in_flight.pop_front() else { return Ok(None) };
        answer.recv().map(Some).map_err(|_| stopped())
    }

    /// An empty buffer for a stretch.
    pub(crate) fn room(&mut self) -> Vec<u8> {
        let mut packed = self.spare_packed.pop().unwrap_or_default();
        packed.clear();
        packed
    }

    /// Takes back a stretch's bytes, to be filled again.
    pub(crate) fn give_back_packed(&mut self, packed: Vec<u8>) {
        if self.spare_packed.len() < self.in_flight_max {
            self.spare_packed.push(packed);
        }
    }

    /// Takes back what a stretch has held, to be filled again.
    pub(crate) fn give_back(&mut self, plain: Vec<u8>) {
        if self.spare_plain.len() < self.in_flight_max {
            self.spare_plain.push(plain);
        }
    }
}

impl Drop for Ahead {
    fn drop(&mut self) {
        self.jobs = None;
        self.in_flight.clear();
        for worker in self.workers.drain(..) {
            // What it did is not needed any more.
            let _ = worker.join();
        }
    }
}

/// A thread: unpacks stretches until nobody sends any.
fn work(queue: &Mutex<Receiver<Job>>, compression: Compression) {
    let mut unpacker = StretchUnpacker::new();
    loop {
        let job = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(Job { packed, mut plain, plain_len, done }) = job else { return };
        plain.resize(plain_len, 0);
        let is_sound = unpacker.unpack(compression, &packed, &mut plain);
        // Nobody waits for the answer when the other side was dropped: then the queue ends, too.
        let _ = done.send(Done { packed, plain: is_sound.then_some(plain) });
    }
}

fn stopped() -> io::Error {
    io::Error::other("an unpacking thread has stopped")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compression::encoder::{Effort, Encoder};
    use std::io::Write;

    fn pack(content: &[u8], compression: Compression) -> Vec<u8> {
        let mut encoder = Encoder::new(Vec::new(), compression, Effort::Fastest, NonZeroUsize::MIN).unwrap();
        encoder.write_all(content).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn a_stretch_must_be_exactly_what_it_says() {
        let content: Vec<u8> = (0..40_000_u32).flat_map(|n| (n / 9 * n).to_le_bytes()).collect();
        let mut unpacker = StretchUnpacker::new();
        for compression in [Compression::Gzip, Compression::Zstd] {
            let packed = pack(&content, compression);
            let mut plain = vec![0; content.len()];
            assert!(unpacker.unpack(compression, &packed, &mut plain) && plain == content);
            let mut refused = |packed: &[u8], len: usize| {
                assert!(!unpacker.unpack(compression, packed, &mut vec![0; len]), "{compression:?} {len}");
            };
            refused(&packed, content.len() - 1);
            refused(&packed, content.len() + 1);
            refused(&packed[..packed.len() - 1], content.len());
            refused(&[&packed[..], b"x"].concat(), content.len());
            refused(&[], 0);
            let mut wrong = packed.clone();
            let last = wrong.len() - 5;
            wrong[last] ^= 1;
            if compression == Compression::Gzip {
                refused(&wrong, content.len());
                // More between the end of the content and a second trailer.
                let trailer = &packed[packed.len() - 8..];
                refused(&[&packed[..], b"more", trailer].concat(), content.len());
                refused(&[&packed[..], trailer].concat(), content.len());
            }
        }
    }

    #[test]
    fn stretches_come_back_in_order() {
        let mut ahead = Ahead::start(Compression::Gzip).unwrap();
        let contents: Vec<Vec<u8>> = (0_u8..20).map(|n| vec![n; 1 + usize::from(n) * 50_000]).collect();
        let mut received = Vec::new();
        for content in &contents {
            if ahead.is_full() {
                let plain = ahead.receive().unwrap().unwrap().plain.unwrap();
                received.push(plain.clone());
                ahead.give_back(plain);
            }
            ahead.send(pack(content, Compression::Gzip), content.len()).unwrap();
        }
        while let Some(done) = ahead.receive().unwrap() {
            received.push(done.plain.unwrap());
        }
        assert!(received == contents);
    }
}
