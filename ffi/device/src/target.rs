//! The inactive slot: written front to back in whole blocks, and read back at the end.
#![allow(unsafe_code, reason = "calls back into C")]

use crate::code::Code;
use crate::config;
use crate::fault::Fault;
use crate::sha256::Sha256;

/// Where the new image goes.
pub(crate) struct Target {
    config: config::Target,
    /// One unit of writes, and how much of it waits.
    block: &'static mut [u8],
    waiting: usize,
    /// Bytes that the callback has been given.
    written: u64,
    /// Bytes that may come.
    size: u64,
    hash: Sha256,
}

impl Target {
    /// # Errors
    /// `MAR_E_ARG`.
    pub(crate) fn check(config: &config::Target, io_block: usize) -> Result<(), Fault> {
        let align = usize::try_from(config.align.max(1)).unwrap_or(usize::MAX);
        if config.write.is_none() || !align.is_power_of_two() || io_block % align != 0 {
            return Err(Fault::argument("target"));
        }
        Ok(())
    }

    /// A target that writes in units of `block`.
    pub(crate) fn new(config: config::Target, block: &'static mut [u8]) -> Self {
        Target { config, block, waiting: 0, written: 0, size: 0, hash: Sha256::new() }
    }

    /// Says how large the target will be, before anything is written.
    ///
    /// # Errors
    /// `MAR_E_SPACE`.
    pub(crate) fn promise(&mut self, size: u64) -> Result<(), Fault> {
        if size > self.config.capacity {
            return Err(Fault::over(Code::Space, "target", size, self.config.capacity));
        }
        self.size = size;
        Ok(())
    }

    /// Goes on behind `written` bytes, a multiple of the unit, with a hash of them.
    pub(crate) fn resume(&mut self, written: u64, hash: Sha256) {
        (self.written, self.waiting, self.hash) = (written, 0, hash);
    }

    /// Bytes so far, those that wait included.
    pub(crate) fn len(&self) -> u64 {
        self.written + self.waiting as u64
    }

    /// Bytes that there will be; 0 while that is not known.
    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    pub(crate) fn can_be_read(&self) -> bool {
        self.config.read.is_some()
    }

    /// The unit of writes, as long as nothing is written.
    pub(crate) fn idle_block(&mut self) -> &mut [u8] {
        self.block
    }

    /// The hash up to here, if nothing waits and the hash is between two blocks.
    pub(crate) fn midstate(&self) -> Option<[u32; 8]> {
        if self.waiting == 0 { self.hash.midstate() } else { None }
    }

    pub(crate) fn write(&mut self, mut bytes: &[u8]) -> Result<(), Fault> {
        if self.len().checked_add(bytes.len() as u64).is_none_or(|end| end > self.size) {
            return Err(Fault::over(
                Code::Target,
                "more than the promised size",
                self.size.saturating_add(1),
                self.size,
            ));
        }
        self.hash.update(bytes);
        while !bytes.is_empty() {
            if self.waiting == 0 && bytes.len() >= self.block.len() {
                let (now, rest) = bytes.split_at(self.block.len());
                self.give(now)?;
                bytes = rest;
                continue;
            }
            let n = bytes.len().min(self.block.len() - self.waiting);
            let (now, rest) = bytes.split_at(n);
            self.block[self.waiting..self.waiting + n].copy_from_slice(now);
            self.waiting += n;
            bytes = rest;
            if self.waiting == self.block.len() {
                self.give_waiting()?;
            }
        }
        Ok(())
    }

    fn give_waiting(&mut self) -> Result<(), Fault> {
        let outcome = give(&self.config, self.written, &self.block[..self.waiting]);
        self.written += self.waiting as u64;
        self.waiting = 0;
        outcome
    }

    fn give(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        give(&self.config, self.written, bytes)?;
        self.written += bytes.len() as u64;
        Ok(())
    }

    /// Has everything that was given brought to the medium.
    pub(crate) fn flush(&mut self) -> Result<(), Fault> {
        match self.config.flush {
            // SAFETY: the caller's own function with the caller's own pointer.
            Some(flush) => Fault::of_callback("target: flush", unsafe { flush(self.config.user) }),
            None => Ok(()),
        }
    }

    /// Writes what waits, flushes, and holds what was written, and what is read back, against `expected`.
    pub(crate) fn finish(&mut self, expected: Option<&[u8; 32]>) -> Result<(), Fault> {
        if self.len() != self.size {
            return Err(Fault::over(Code::Truncated, "target", self.size, self.len()));
        }
        if self.waiting > 0 {
            self.give_waiting()?;
        }
        self.flush()?;
        let digest = self.hash.digest();
        if expected.is_some_and(|expected| *expected != digest) {
            return Err(Fault::new(Code::Target, "SHA-256 of the target"));
        }
        self.read_back(&digest)
    }

    fn read_back(&mut self, expected: &[u8; 32]) -> Result<(), Fault> {
        let Some(read) = self.config.read else { return Ok(()) };
        let (mut at, mut hash) = (0, Sha256::new());
        while at < self.size {
            let left = self.size - at;
            let len = usize::try_from(left).map_or(self.block.len(), |left| left.min(self.block.len()));
            let block = &mut self.block[..len];
            // SAFETY: the caller's own function with the caller's own pointer, and a buffer that is ours meanwhile.
            let returned = unsafe { read(self.config.user, at, block.as_mut_ptr(), len) };
            Fault::of_callback("target: read", returned)?;
            hash.update(block);
            at += len as u64;
        }
        if hash.digest() != *expected {
            return Err(Fault::new(Code::Target, "SHA-256 of the target, read back"));
        }
        Ok(())
    }
}

fn give(config: &config::Target, offset: u64, bytes: &[u8]) -> Result<(), Fault> {
    let Some(write) = config.write else { return Err(Fault::argument("target")) };
    // SAFETY: the caller's own function with the caller's own pointer, and bytes that nobody changes meanwhile.
    Fault::of_callback("target: write", unsafe { write(config.user, offset, bytes.as_ptr(), bytes.len()) })
}

#[cfg(any(feature = "native", feature = "vcdiff"))]
impl mender_delta::apply::Target for Target {
    fn write(&mut self, bytes: &[u8]) -> Result<(), mender_delta::error::CallerError> {
        Target::write(self, bytes).map_err(Fault::into_caller_error)
    }
}
