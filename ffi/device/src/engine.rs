//! What makes the target of the bytes that come: a copy, or one of the appliers of `mender-delta`.

use crate::base::Base;
use crate::code::Code;
use crate::fault::Fault;
use crate::limits::Granted;
use crate::target::Target;
#[cfg(feature = "native")]
use mender_delta::apply as native;
#[cfg(feature = "vcdiff")]
use mender_delta::apply::vcdiff;

/// How the target is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Algorithm {
    /// The input is the target.
    Copy,
    #[cfg(feature = "native")]
    Native,
    #[cfg(feature = "vcdiff")]
    Vcdiff,
}

impl Algorithm {
    /// By the name that meta-data have for it.
    ///
    /// # Errors
    /// `MAR_E_UNSUPPORTED`.
    pub(crate) fn named(name: &[u8]) -> Result<Self, Fault> {
        match name {
            #[cfg(feature = "native")]
            b"mender-native" => Ok(Algorithm::Native),
            #[cfg(feature = "vcdiff")]
            b"xdelta3" => Ok(Algorithm::Vcdiff),
            _ => Err(Fault::new(Code::Unsupported, "delta_algorithm")),
        }
    }

    /// Bytes that the engine works in.
    pub(crate) fn need(self, granted: &Granted) -> usize {
        match self {
            Algorithm::Copy => 0,
            #[cfg(feature = "native")]
            Algorithm::Native => granted.native_memory,
            #[cfg(feature = "vcdiff")]
            Algorithm::Vcdiff => [granted.delta_window, granted.delta_sections, granted.secondary]
                .iter()
                .fold(granted.base_cache, |sum, &more| sum.saturating_add(more)),
        }
    }

    /// Whether there may be checkpoints.
    pub(crate) fn can_resume(self) -> bool {
        match self {
            #[cfg(feature = "vcdiff")]
            Algorithm::Vcdiff => true,
            _ => false,
        }
    }
}

/// What is promised of the result, and what else the engines want to know.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Promised {
    pub(crate) target_size: u64,
    pub(crate) target_sha256: Option<[u8; 32]>,
    pub(crate) base_sha256: Option<[u8; 32]>,
}

#[cfg(feature = "native")]
const NATIVE_HEADER: usize = native::Header::LEN;

/// What works.
#[allow(clippy::large_enum_variant, reason = "there is one, and no allocator to put it elsewhere")]
pub(crate) enum Engine {
    Copy,
    /// The header of a native delta is being read; it says how the rest of the memory is divided.
    #[cfg(feature = "native")]
    NativeHeader {
        bytes: [u8; NATIVE_HEADER],
        filled: usize,
        memory: &'static mut [u8],
    },
    #[cfg(feature = "native")]
    Native(native::Applier<'static>),
    #[cfg(feature = "vcdiff")]
    Vcdiff(vcdiff::Applier<'static>),
    /// It has failed, or is about to be replaced.
    None,
}

impl Engine {
    /// Becomes an engine in [`Algorithm::need`] bytes of memory. The base is checked if that is possible now, and the
    /// target's size against its place; nothing is written.
    pub(crate) fn begin(
        &mut self,
        algorithm: Algorithm,
        granted: &Granted,
        memory: &'static mut [u8],
        promised: &Promised,
        base: &mut Base,
        target: &mut Target,
    ) -> Result<(), Fault> {
        // Room may be made for several algorithms: each keeps to its own limit.
        let len = algorithm.need(granted).min(memory.len());
        let memory = &mut memory[..len];
        let _ = (&memory, &base);
        match algorithm {
            Algorithm::Copy => {
                target.promise(promised.target_size)?;
                *self = Engine::Copy;
            }
            #[cfg(feature = "native")]
            Algorithm::Native => {
                if promised.target_size > 0 {
                    target.promise(promised.target_size)?;
                }
                *self = Engine::NativeHeader { bytes: [0; NATIVE_HEADER], filled: 0, memory };
            }
            #[cfg(feature = "vcdiff")]
            Algorithm::Vcdiff => {
                target.promise(promised.target_size)?;
                if promised.target_sha256.is_none() {
                    return Err(Fault::argument("xdelta3: target_sha256 is NULL"));
                }
                if let Some(expected) = promised.base_sha256 {
                    check_base(base, base.size(), &expected, target)?;
                }
                let known = vcdiff::Known {
                    base_size: base.size(),
                    target_size: Some(promised.target_size),
                    histories: [u64::MAX; 3],
                };
                *self = Engine::Vcdiff(vcdiff::Applier::with_cache(known, granted.base_cache, memory)?);
            }
        }
        Ok(())
    }

    /// Takes bytes off `bytes`: all of them, or up to a place that [`Engine::resumable_at`] knows.
    pub(crate) fn push(
        &mut self,
        bytes: &mut &[u8],
        promised: &Promised,
        base: &mut Base,
        target: &mut Target,
    ) -> Result<(), Fault> {
        let _ = (promised, &base);
        match self {
            Engine::Copy => {
                target.write(bytes)?;
                *bytes = &[];
                Ok(())
            }
            #[cfg(feature = "native")]
            Engine::NativeHeader { bytes: header, filled, memory } => {
                let n = (NATIVE_HEADER - *filled).min(bytes.len());
                let (now, rest) = bytes.split_at(n);
                header[*filled..*filled + n].copy_from_slice(now);
                *filled += n;
                *bytes = rest;
                if *filled == NATIVE_HEADER {
                    let (header, memory) = (*header, core::mem::take(memory));
                    *self = Engine::None;
                    self.open_native(&header, memory, promised, base, target)?;
                }
                Ok(())
            }
            #[cfg(feature = "native")]
            Engine::Native(applier) => {
                applier.push(bytes, base, target)?;
                *bytes = &[];
                Ok(())
            }
            #[cfg(feature = "vcdiff")]
            Engine::Vcdiff(applier) => Ok(applier.push_window(bytes, base, target)?),
            Engine::None => Err(Fault::argument("push after a failure")),
        }
    }

    // Apart from `push`, so that what it needs of the stack is gone when the applier works.
    #[cfg(feature = "native")]
    #[inline(never)]
    fn open_native(
        &mut self,
        bytes: &[u8; NATIVE_HEADER],
        memory: &'static mut [u8],
        promised: &Promised,
        base: &mut Base,
        target: &mut Target,
    ) -> Result<(), Fault> {
        let header = native::Header::parse(bytes)?;
        if promised.target_size > 0 && promised.target_size != header.target_size {
            return Err(Fault::over(
                Code::Target,
                "size in the delta",
                header.target_size,
                promised.target_size,
            ));
        }
        if promised.target_sha256.is_some_and(|promised| promised != header.target_sha256) {
            return Err(Fault::new(Code::Target, "SHA-256 in the delta"));
        }
        if promised.base_sha256.is_some_and(|promised| promised != header.base_sha256) {
            return Err(Fault::new(Code::Base, "SHA-256 in the delta"));
        }
        if header.base_size > base.size() {
            return Err(Fault::over(Code::Base, "size of the base", header.base_size, base.size()));
        }
        target.promise(header.target_size)?;
        if header.memory_needed() > memory.len() as u64 {
            // What the applier would say, but before the base is read.
            let (wanted, limit) = (header.memory_needed(), memory.len() as u64);
            return Err(Fault::over(Code::Limit, "memory to apply", wanted, limit));
        }
        check_base(base, header.base_size, &header.base_sha256, target)?;
        *self = Engine::Native(native::Applier::new(&header, memory)?);
        Ok(())
    }

    /// The input is complete.
    pub(crate) fn finish(&self) -> Result<(), Fault> {
        match self {
            Engine::Copy => Ok(()),
            #[cfg(feature = "native")]
            Engine::NativeHeader { .. } => Err(Fault::new(Code::Truncated, "the delta")),
            #[cfg(feature = "native")]
            Engine::Native(applier) => Ok(applier.finish()?),
            #[cfg(feature = "vcdiff")]
            Engine::Vcdiff(applier) => Ok(applier.finish()?),
            Engine::None => Err(Fault::argument("finish after a failure")),
        }
    }

    /// Bytes of the delta taken so far, if another engine can go on here.
    pub(crate) fn resumable_at(&self) -> Option<u64> {
        match self {
            #[cfg(feature = "vcdiff")]
            Engine::Vcdiff(applier) => applier.resumable_at(),
            _ => None,
        }
    }

    /// Goes on where another one stood.
    pub(crate) fn resume(&mut self, offset: u64, written: u64) -> Result<(), Fault> {
        let _ = (offset, written);
        match self {
            #[cfg(feature = "vcdiff")]
            Engine::Vcdiff(applier) => Ok(applier.resume(offset, written)?),
            _ => Err(Fault::new(Code::Unsupported, "resuming this algorithm")),
        }
    }
}

/// Reads `size` bytes of base, through the block of a target that has not begun.
#[cfg(any(feature = "native", feature = "vcdiff"))]
fn check_base(base: &mut Base, size: u64, expected: &[u8; 32], target: &mut Target) -> Result<(), Fault> {
    let (mut at, mut hash) = (0, crate::sha256::Sha256::new());
    let block = target.idle_block();
    while at < size {
        let left = size - at;
        let len = usize::try_from(left).map_or(block.len(), |left| left.min(block.len()));
        base.read(at, &mut block[..len])?;
        hash.update(&block[..len]);
        at += len as u64;
    }
    if hash.digest() != *expected {
        return Err(Fault::new(Code::Base, "SHA-256 of the base"));
    }
    Ok(())
}
