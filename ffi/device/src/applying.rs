//! Applying: an engine between base and target, with checkpoints.
#![allow(unsafe_code, reason = "calls back into C")]

use crate::arena::{Arena, room};
use crate::base::Base;
use crate::checkpoint::{Binding, Checkpoint};
use crate::code::Code;
use crate::config::{ApplyConfig, Checkpointing};
use crate::engine::{Algorithm, Engine, Promised};
use crate::fault::Fault;
use crate::limits::Granted;
use crate::target::Target;
use core::mem::MaybeUninit;

/// One target being made.
pub(crate) struct Applying {
    /// In a place of its own: it is large, and what is large is better not moved about on a small stack.
    engine: &'static mut Engine,
    base: Base,
    target: Target,
    promised: Promised,
    checkpoint: Checkpointing,
    /// Bytes of input so far, those that are skipped included.
    input: u64,
    /// Bytes of input to skip: they were applied before.
    skip: u64,
    /// Where in the target the last checkpoint is.
    saved: u64,
    can_resume: bool,
    /// Bytes that are written at once.
    io_block: u64,
}

/// Pieces of arena.
pub(crate) struct Memory {
    place: &'static mut MaybeUninit<Engine>,
    base: &'static mut [u8],
    target: &'static mut [u8],
    engine: &'static mut [u8],
}

impl Memory {
    /// Bytes that the pieces take, with an engine that needs `engine`.
    pub(crate) fn need(config: &ApplyConfig, granted: &Granted, engine: usize) -> usize {
        [size_of::<Engine>(), Base::need(&config.base), granted.io_block, engine]
            .iter()
            .fold(0, |sum: usize, &piece| sum.saturating_add(room(piece)))
    }

    pub(crate) fn take(
        config: &ApplyConfig,
        granted: &Granted,
        engine: usize,
        arena: &mut Arena,
    ) -> Result<Self, Fault> {
        Ok(Memory {
            place: arena.object()?,
            base: arena.bytes(Base::need(&config.base))?,
            target: arena.bytes(granted.io_block)?,
            engine: arena.bytes(engine)?,
        })
    }
}

/// Whether the callbacks and alignments make sense.
pub(crate) fn check(config: &ApplyConfig, granted: &Granted) -> Result<(), Fault> {
    Base::check(&config.base)?;
    Target::check(&config.target, granted.io_block)?;
    if config.checkpoint.save.is_some() != (config.checkpoint.every > 0) {
        return Err(Fault::argument("checkpoint: save and every"));
    }
    Ok(())
}

impl Applying {
    /// Nothing is written before the first push.
    pub(crate) fn new(
        config: &ApplyConfig,
        granted: &Granted,
        algorithm: Algorithm,
        promised: Promised,
        memory: Memory,
    ) -> Result<Self, Fault> {
        let mut base = Base::new(config.base, memory.base);
        let mut target = Target::new(config.target, memory.target);
        let engine = memory.place.write(Engine::None);
        engine.begin(algorithm, granted, memory.engine, &promised, &mut base, &mut target)?;
        Ok(Applying {
            engine,
            base,
            target,
            promised,
            checkpoint: config.checkpoint,
            input: 0,
            skip: 0,
            saved: 0,
            can_resume: algorithm.can_resume(),
            io_block: granted.io_block as u64,
        })
    }

    fn binding(&self) -> Binding {
        Binding {
            target_size: self.promised.target_size,
            base_size: self.base.size(),
            target_sha256: self.promised.target_sha256.unwrap_or_default(),
            base_sha256: self.promised.base_sha256.unwrap_or_default(),
        }
    }

    /// Goes on from a checkpoint, before anything was pushed; says which byte of the input comes next.
    pub(crate) fn resume(&mut self, bytes: &[u8]) -> Result<u64, Fault> {
        if !self.can_resume {
            return Err(Fault::new(Code::Unsupported, "resuming this algorithm"));
        }
        if self.input > 0 || !self.target.can_be_read() {
            return Err(Fault::argument("resume after a push, or without target.read"));
        }
        let checkpoint = Checkpoint::decode(bytes, &self.binding())?;
        if checkpoint.target_offset % self.io_block != 0 {
            return Err(Fault::new(Code::Checkpoint, "of another io_block"));
        }
        self.engine.resume(checkpoint.delta_offset, checkpoint.target_offset)?;
        let hash = crate::sha256::Sha256::resume(checkpoint.hash, checkpoint.target_offset);
        self.target.resume(checkpoint.target_offset, hash);
        self.saved = checkpoint.target_offset;
        self.input = checkpoint.delta_offset;
        Ok(self.input)
    }

    /// As [`Applying::resume`], but the input begins anew, and what was applied is skipped.
    pub(crate) fn resume_skipping(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        self.skip = self.resume(bytes)?;
        self.input = 0;
        Ok(())
    }

    pub(crate) fn push(&mut self, mut bytes: &[u8]) -> Result<(), Fault> {
        let skipped = self.skip.saturating_sub(self.input);
        let skipped = usize::try_from(skipped).map_or(bytes.len(), |skipped| skipped.min(bytes.len()));
        self.input += skipped as u64;
        bytes = &bytes[skipped..];
        while !bytes.is_empty() {
            let before = bytes.len();
            self.engine.push(&mut bytes, &self.promised, &mut self.base, &mut self.target)?;
            self.input += (before - bytes.len()) as u64;
            self.save()?;
        }
        Ok(())
    }

    /// Makes a checkpoint, if it is time for one and this is a place for one.
    fn save(&mut self) -> Result<(), Fault> {
        let (Some(save), Some(delta_offset)) = (self.checkpoint.save, self.engine.resumable_at()) else {
            return Ok(());
        };
        let target_offset = self.target.len();
        let is_time = target_offset - self.saved >= u64::from(self.checkpoint.every);
        let (true, Some(hash)) = (is_time, self.target.midstate()) else { return Ok(()) };
        self.target.flush()?;
        let checkpoint = Checkpoint { delta_offset, target_offset, hash, binding: self.binding() }.encode();
        // SAFETY: the caller's own function with the caller's own pointer, and bytes that nobody changes meanwhile.
        let returned = unsafe { save(self.checkpoint.user, checkpoint.as_ptr(), checkpoint.len()) };
        self.saved = target_offset;
        Fault::of_callback("checkpoint: save", returned)
    }

    /// The input is complete: checks everything that was promised.
    pub(crate) fn finish(&mut self) -> Result<(), Fault> {
        self.engine.finish()?;
        self.target.finish(self.promised.target_sha256.as_ref())
    }

    /// Bytes of input, and of target.
    pub(crate) fn progress(&self) -> [u64; 2] {
        [self.input, self.target.len()]
    }

    /// Bytes of the whole target, 0 while that is not known.
    pub(crate) fn total(&self) -> u64 {
        self.target.size()
    }
}
