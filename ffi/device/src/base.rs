//! The running system, read by callback in whole blocks.
#![allow(unsafe_code, reason = "calls back into C")]

use crate::config;
use crate::fault::Fault;

/// Whole blocks of base, of which one is kept.
pub(crate) struct Base {
    config: config::Base,
    /// One block; empty where blocks are single bytes.
    block: &'static mut [u8],
    /// Where the block that is kept begins.
    at: Option<u64>,
}

impl Base {
    /// Bytes that [`Base::new`] wants for its block.
    pub(crate) fn need(config: &config::Base) -> usize {
        if config.align > 1 { usize::try_from(config.align).unwrap_or(usize::MAX) } else { 0 }
    }

    /// # Errors
    /// `MAR_E_ARG`.
    pub(crate) fn check(config: &config::Base) -> Result<(), Fault> {
        if config.read.is_none() || (config.align > 1 && !config.align.is_power_of_two()) {
            return Err(Fault::argument("base"));
        }
        Ok(())
    }

    pub(crate) fn new(config: config::Base, block: &'static mut [u8]) -> Self {
        Base { config, block, at: None }
    }

    pub(crate) fn size(&self) -> u64 {
        self.config.size
    }

    /// Fills `out` from `offset` on; the range has to be inside of the base.
    pub(crate) fn read(&mut self, mut offset: u64, mut out: &mut [u8]) -> Result<(), Fault> {
        if offset.checked_add(out.len() as u64).is_none_or(|end| end > self.config.size) {
            return Err(Fault::new(crate::code::Code::Base, "read behind the end of the base"));
        }
        let align = self.block.len();
        if align == 0 {
            return call(&self.config, offset, out);
        }
        while !out.is_empty() {
            let within = usize::try_from(offset % align as u64).unwrap_or_default();
            let whole = out.len() / align * align;
            let len = if within == 0 && whole > 0 {
                call(&self.config, offset, &mut out[..whole])?;
                whole
            } else {
                let block = self.keep(offset - within as u64)?;
                let there = block.get(within..).unwrap_or_default();
                let len = there.len().min(out.len());
                out[..len].copy_from_slice(&there[..len]);
                len
            };
            out = &mut out[len..];
            offset += len as u64;
        }
        Ok(())
    }

    /// The block that begins at `start`; the last one is as long as the base goes.
    fn keep(&mut self, start: u64) -> Result<&[u8], Fault> {
        let left = self.config.size - start;
        let len = usize::try_from(left).map_or(self.block.len(), |left| left.min(self.block.len()));
        let block = &mut self.block[..len];
        if self.at != Some(start) {
            self.at = None;
            call(&self.config, start, block)?;
            self.at = Some(start);
        }
        Ok(block)
    }
}

fn call(config: &config::Base, offset: u64, out: &mut [u8]) -> Result<(), Fault> {
    let Some(read) = config.read else { return Err(Fault::argument("base")) };
    // SAFETY: the caller's own function with the caller's own pointer, and a buffer that is ours meanwhile.
    Fault::of_callback("base: read", unsafe { read(config.user, offset, out.as_mut_ptr(), out.len()) })
}

#[cfg(any(feature = "native", feature = "vcdiff"))]
impl mender_delta::apply::Base for Base {
    fn read_at(&mut self, offset: u64, buffer: &mut [u8]) -> Result<(), mender_delta::error::CallerError> {
        self.read(offset, buffer).map_err(Fault::into_caller_error)
    }
}
