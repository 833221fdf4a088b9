//! Blocks of a fixed size, each compressed without the others by one of several threads, and written in their order. As a
//! block depends on nothing before it, the bytes are the same for any number of threads, and who changes a few bytes of
//! the content has only their blocks to compress anew.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::num::NonZeroUsize;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{Builder, JoinHandle};

/// Compresses one block at a time.
pub(super) trait Packer: Send + 'static {
    /// The block as a member or frame of its own.
    fn pack(&mut self, block: &[u8]) -> io::Result<Vec<u8>>;
}

/// How blocks are made.
#[derive(Clone, Copy)]
pub(super) struct Blocks {
    /// Bytes of content in each but the last.
    pub(super) len_bytes: usize,
    /// Threads that compress.
    pub(super) threads: NonZeroUsize,
    /// How many blocks may be on their way, a thread's and those that wait.
    pub(super) in_flight_max: usize,
}

/// A block on its way to a worker; the worker answers through `done`.
struct Job {
    block: Vec<u8>,
    done: SyncSender<io::Result<Done>>,
}

/// A compressed block and the buffer that held its content, to be used again.
struct Done {
    packed: Vec<u8>,
    block: Vec<u8>,
}

/// Compresses what is written to it. Memory: one block and its compressed form for each in flight, one block that is being
/// filled, and what the packers take.
pub(super) struct BlockWriter<W: Write> {
    output: W,
    block: Vec<u8>,
    spare: Vec<Vec<u8>>,
    any_block_sent: bool,
    in_flight: VecDeque<Receiver<io::Result<Done>>>,
    how: Blocks,
    jobs: Option<SyncSender<Job>>,
    workers: Vec<JoinHandle<()>>,
}

impl<W: Write> BlockWriter<W> {
    /// `packer` makes what a thread works with.
    pub(super) fn new<P: Packer>(
        output: W,
        how: Blocks,
        packer: impl Fn() -> io::Result<P>,
    ) -> io::Result<Self> {
        let (jobs, queue) = sync_channel::<Job>(how.in_flight_max);
        let queue = Arc::new(Mutex::new(queue));
        let mut workers = Vec::new();
        for _ in 0..how.threads.get() {
            let (queue, mut packer) = (Arc::clone(&queue), packer()?);
            workers.push(Builder::new().name("compress".into()).spawn(move || work(&queue, &mut packer))?);
        }
        Ok(Self {
            output,
            block: Vec::new(),
            spare: Vec::new(),
            any_block_sent: false,
            in_flight: VecDeque::new(),
            how,
            jobs: Some(jobs),
            workers,
        })
    }

    /// Compresses what is left, writes it and gives the output back.
    pub(super) fn finish(mut self) -> io::Result<W> {
        // Empty content is one empty member or frame, not an empty file.
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
        while self.in_flight.len() >= self.how.in_flight_max {
            self.receive_block()?;
        }
        let next = self.spare.pop().unwrap_or_default();
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
        self.output.write_all(&done.packed)?;
        done.block.clear();
        self.spare.push(done.block);
        Ok(())
    }
}

impl<W: Write> Write for BlockWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // A block is sent when more content follows it, so that its length alone decides.
        if self.block.len() == self.how.len_bytes && !bytes.is_empty() {
            self.send_block()?;
        }
        let taken = bytes.len().min(self.how.len_bytes - self.block.len());
        if self.block.capacity() < self.how.len_bytes && self.block.len() + taken > self.block.capacity() {
            // Small content, such as a header, does not need a whole block's room.
            let room = (2 * (self.block.len() + taken)).clamp(4096, self.how.len_bytes);
            self.block.reserve_exact(room - self.block.len());
        }
        self.block.extend_from_slice(&bytes[..taken]);
        Ok(taken)
    }

    /// Does nothing: where blocks end must not depend on the caller.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A worker: compresses blocks until the writer is gone.
fn work(queue: &Mutex<Receiver<Job>>, packer: &mut impl Packer) {
    loop {
        let job = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(Job { block, done }) = job else { return };
        let answer = packer.pack(&block).map(|packed| Done { packed, block });
        // Nobody waits for the answer when the writer was dropped: then the queue ends, too.
        let _ = done.send(answer);
    }
}

fn worker_gone() -> io::Error {
    io::Error::other("a compression thread has stopped")
}
