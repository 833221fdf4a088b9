//! Gzip, compressed in parallel: blocks of a fixed size, each a gzip member of its own.
//!
//! RFC 1952, section 2.2: a gzip file is a series of members, and its content is the content of
//! all of them in order. Because a member depends on nothing before it, the bytes are the same
//! for any number of threads. Every member begins with `1f 8b 08 00 00000000 XFL ff`: no name, no
//! time, operating system unknown.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::num::NonZeroUsize;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{Builder, JoinHandle};

use libdeflater::{CompressionLvl, Compressor};

use super::encoder::Effort;

/// Bytes of content in each member but the last.
const BLOCK_LEN_BYTES: usize = 1 << 20;

/// A block on its way to a worker; the worker answers through `done`.
struct Job {
    block: Vec<u8>,
    done: SyncSender<io::Result<Done>>,
}

/// A compressed block and the buffer that held its content, to be used again.
struct Done {
    member: Vec<u8>,
    block: Vec<u8>,
}

/// Compresses what is written to it. Memory: about 2 MiB for each block in flight, of which there
/// are two for each thread, and about 1 MiB for each thread.
pub(super) struct GzipWriter<W: Write> {
    output: W,
    block: Vec<u8>,
    spare: Vec<Vec<u8>>,
    any_block_sent: bool,
    in_flight: VecDeque<Receiver<io::Result<Done>>>,
    in_flight_max: usize,
    jobs: Option<SyncSender<Job>>,
    workers: Vec<JoinHandle<()>>,
}

impl<W: Write> GzipWriter<W> {
    pub(super) fn new(output: W, effort: Effort, threads: NonZeroUsize) -> io::Result<Self> {
        let level = CompressionLvl::new(level(effort))
            .map_err(|_| io::Error::new(io::ErrorKind::InvalidInput, "gzip level not supported"))?;
        let in_flight_max = threads.get().saturating_mul(2);
        let (jobs, queue) = sync_channel::<Job>(in_flight_max);
        let queue = Arc::new(Mutex::new(queue));
        let mut workers = Vec::new();
        for _ in 0..threads.get() {
            let queue = Arc::clone(&queue);
            workers.push(Builder::new().name("gzip".into()).spawn(move || work(&queue, level))?);
        }
        Ok(Self {
            output,
            block: Vec::with_capacity(BLOCK_LEN_BYTES),
            spare: Vec::new(),
            any_block_sent: false,
            in_flight: VecDeque::new(),
            in_flight_max,
            jobs: Some(jobs),
            workers,
        })
    }

    /// Compresses what is left, writes it and gives the output back.
    pub(super) fn finish(mut self) -> io::Result<W> {
        // Empty content is one empty member, not an empty file.
        if !self.block.is_empty() || !self.any_block_sent {
            self.send_block()?;
        }
        while !self.in_flight.is_empty() {
            self.receive_block()?;
        }
        self.jobs = None;
        for worker in self.workers {
            worker.join().map_err(|_| worker_gone())?;
        }
        Ok(self.output)
    }

    fn send_block(&mut self) -> io::Result<()> {
        while self.in_flight.len() >= self.in_flight_max {
            self.receive_block()?;
        }
        let next = self.spare.pop().unwrap_or_else(|| Vec::with_capacity(BLOCK_LEN_BYTES));
        let block = std::mem::replace(&mut self.block, next);
        let (done, answer) = sync_channel(1);
        let jobs = self.jobs.as_ref().ok_or_else(worker_gone)?;
        jobs.send(Job { block, done }).map_err(|_| worker_gone())?;
        self.in_flight.push_back(answer);
        self.any_block_sent = true;
        Ok(())
    }

    /// Waits for the oldest block and writes it.
    fn receive_block(&mut self) -> io::Result<()> {
        let Some(answer) = self.in_flight.pop_front() else { return Ok(()) };
        let mut done = answer.recv().map_err(|_| worker_gone())??;
        self.output.write_all(&done.member)?;
        done.block.clear();
        self.spare.push(done.block);
        Ok(())
    }
}

impl<W: Write> Write for GzipWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // A block is sent when more content follows it, so that its length alone decides.
        if self.block.len() == BLOCK_LEN_BYTES && !bytes.is_empty() {
            self.send_block()?;
        }
        let taken = bytes.len().min(BLOCK_LEN_BYTES - self.block.len());
        self.block.extend_from_slice(&bytes[..taken]);
        Ok(taken)
    }

    /// Does nothing: where blocks end must not depend on the caller.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A worker: compresses blocks until the writer is gone.
fn work(queue: &Mutex<Receiver<Job>>, level: CompressionLvl) {
    let mut packer = Packer { compressor: Compressor::new(level), room: Vec::new(), zeros: None };
    loop {
        let job = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(Job { block, done }) = job else { return };
        let answer = packer.pack(&block).map(|member| Done { member, block });
        // Nobody waits for the answer when the writer was dropped: then the queue ends, too.
        let _ = done.send(answer);
    }
}

/// Makes members out of blocks.
struct Packer {
    compressor: Compressor,
    room: Vec<u8>,
    /// The member of a full block of zeros, which an image has many of.
    zeros: Option<Vec<u8>>,
}

impl Packer {
    fn pack(&mut self, block: &[u8]) -> io::Result<Vec<u8>> {
        let only_zeros = block.len() == BLOCK_LEN_BYTES && is_zero(block);
        if let (true, Some(member)) = (only_zeros, &self.zeros) {
            return Ok(member.clone());
        }
        self.room.resize(self.compressor.gzip_compress_bound(block.len()), 0);
        let len = self.compressor.gzip_compress(block, &mut self.room).map_err(io::Error::other)?;
        let member = self.room[..len].to_vec();
        if only_zeros {
            self.zeros = Some(member.clone());
        }
        Ok(member)
    }
}

/// Whether there is nothing but zeros. Ends at the first that is none.
fn is_zero(block: &[u8]) -> bool {
    const ZEROS: [u8; 4096] = [0; 4096];
    block.chunks(ZEROS.len()).all(|piece| piece == &ZEROS[..piece.len()])
}

fn worker_gone() -> io::Error {
    io::Error::other("a compression thread has stopped")
}

/// Levels of libdeflate. On a Debian root file system of 464 MiB, in processor seconds: level 2 gives 135.4 MB in 2.6,
/// level 3 134.2 MB in 2.7, level 4 133.6 MB in 3.0, level 6 129.9 MB in 4.8. The reference tool's choice, pgzip's best,
/// gives 135.0 MB.
const fn level(effort: Effort) -> i32 {
    match effort {
        Effort::Fastest => 1,
        Effort::Fast => 2,
        Effort::Better => 3,
        Effort::Best => 9,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zeros_seen_before_give_the_same_member() {
        let mut packer = Packer {
            compressor: Compressor::new(CompressionLvl::new(3).unwrap()),
            room: Vec::new(),
            zeros: None,
        };
        let zeros = vec![0; BLOCK_LEN_BYTES];
        let mut almost = zeros.clone();
        almost[BLOCK_LEN_BYTES - 1] = 1;
        let first = packer.pack(&zeros).unwrap();
        assert!(packer.pack(&almost).unwrap() != first);
        assert!(packer.pack(&zeros[1..]).unwrap() != first);
        assert!(packer.pack(&zeros).unwrap() == first);
    }
}
