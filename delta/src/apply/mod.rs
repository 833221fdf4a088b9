//! The applier: pushed bytes of a delta, it pulls ranges of the base and yields the target front to back.
//!
//! Sans-I/O, `no_std`, no allocation: all memory is one arena of the caller's, whose size the delta's header states
//! ([`Header::memory_needed`]). What is fuzzed is what ships on devices.

mod arena;
pub mod observer;
mod streams;
pub mod vcdiff;
mod window;

#[cfg(feature = "bsdiff")]
pub mod bsdiff;
#[cfg(feature = "std")]
pub mod file;
#[cfg(feature = "std")]
mod hashing;

pub use crate::error::CallerError;
pub use crate::format::native::header::Header;

use crate::error::Error;
use crate::fold::memory::{Fold, TOO_LONG, Waiting, blamed};
use crate::format::native::window::WindowHeader;
use arena::Memory;
use observer::Observer;
use sha2::{Digest, Sha256};
use streams::Streams;

/// The image that the delta was made from: random access, read only.
pub trait Base {
    /// Fills `buffer` from `offset` bytes behind the start. Ranges lie inside the delta's base size.
    ///
    /// # Errors
    /// The caller's own; applying ends with it.
    fn read_at(&mut self, offset: u64, buffer: &mut [u8]) -> Result<(), CallerError>;
}

/// Where the new image goes: written once, front to back.
pub trait Target {
    /// Appends `bytes`. They are not trusted before the applier is done.
    ///
    /// # Errors
    /// The caller's own; applying ends with it.
    fn write(&mut self, bytes: &[u8]) -> Result<(), CallerError>;
}

impl Base for &[u8] {
    fn read_at(&mut self, offset: u64, buffer: &mut [u8]) -> Result<(), CallerError> {
        let from = usize::try_from(offset).ok().and_then(|start| self.get(start..)?.get(..buffer.len()));
        buffer.copy_from_slice(from.ok_or(CallerError { action: "read past the end", code: 0 })?);
        Ok(())
    }
}

/// What the applier wants next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// More bytes of the delta.
    NeedInput,
    /// Nothing: the target is complete and its digest is right.
    Done,
}

/// Where reading stands.
enum Reading {
    /// The fold; how much of it is there.
    Fold { filled: usize },
    /// A window header; how much of it is there.
    Header { filled: usize },
    /// A window body; how much of it is there.
    Body { window: WindowHeader, filled: usize },
    /// All windows are applied and the result is right.
    Done,
    /// An error was returned; nothing works any more.
    Failed,
}

/// What lies between operations and images.
#[allow(clippy::large_enum_variant, reason = "there is one, and no allocator to put it elsewhere")]
enum Sides<'m> {
    /// Nothing: operations are about the images as they are.
    Plain,
    /// A fold that has not been read yet.
    Waiting(Waiting<'m>),
    /// Operations are about unfolded images.
    Folded(Fold<'m>),
}

/// Applies one delta. The header is parsed by the caller; everything behind it is pushed here.
pub struct Applier<'m> {
    /// That of the delta; once a fold is read, its sizes are those of the unfolded images.
    header: Header,
    sides: Sides<'m>,
    body: &'m mut [u8],
    buffers: window::Buffers<'m>,
    streams: Streams<'m>,
    window_header: [u8; WindowHeader::LEN],
    reading: Reading,
    digest: Sha256,
    /// Whether the target is hashed here, not by who writes it.
    hashes: bool,
    /// Bytes of the target that have been yielded, and all of them.
    written: u64,
    target_size: u64,
    /// Bytes that operations have yielded.
    unfolded: u64,
    /// Bytes of the delta taken so far, header included.
    offset: u64,
    /// End of the last copy from the base: copy positions are relative to it.
    base_at: u64,
    /// Told what everything costs.
    observer: Option<&'m mut (dyn Observer + Send + 'm)>,
}

impl<'m> Applier<'m> {
    /// An applier in `arena`, at least [`Header::memory_needed`] bytes of it.
    ///
    /// # Errors
    /// `Limit` when the arena is too small; `TargetDigest` for an empty target whose digest is another one.
    pub fn new(header: &Header, arena: &'m mut [u8]) -> Result<Self, Error> {
        let memory = Memory::new(header, arena)?;
        let sides = match memory.fold {
            Some(fold) => Sides::Waiting(fold),
            None => Sides::Plain,
        };
        let applier = Applier {
            header: *header,
            sides,
            body: memory.body,
            buffers: window::Buffers { base: memory.base, target: memory.target },
            streams: memory.streams,
            window_header: [0; WindowHeader::LEN],
            reading: match header {
                Header { target_size: 0, .. } => Reading::Done,
                Header { fold_len: 0, .. } => Reading::Header { filled: 0 },
                _ => Reading::Fold { filled: 0 },
            },
            digest: Sha256::new(),
            hashes: true,
            written: 0,
            target_size: header.target_size,
            unfolded: 0,
            offset: Header::LEN as u64,
            base_at: 0,
            observer: None,
        };
        if matches!(applier.reading, Reading::Done) {
            applier.check_result()?;
        }
        Ok(applier)
    }

    /// The same applier, which tells `observer` what everything costs in the delta.
    #[must_use]
    pub fn observed_by(self, observer: &'m mut (dyn Observer + Send + 'm)) -> Self {
        Applier { observer: Some(observer), ..self }
    }

    /// The same applier, which does not hash what it yields: who takes it does, and compares.
    #[cfg(feature = "std")]
    fn hashed_elsewhere(self) -> Self {
        Applier { hashes: false, ..self }
    }

    /// Bytes of the target that have been yielded.
    pub fn written(&self) -> u64 {
        self.written
    }

    /// Takes the next bytes of the delta, any number of them.
    ///
    /// # Errors
    /// `Format`, `Truncated` or `TargetDigest` for a bad delta, `Base` and `Target` from the caller's own. After an
    /// error the applier only returns errors, and what was written must not be used.
    pub fn push(
        &mut self,
        delta: &[u8],
        base: &mut dyn Base,
        target: &mut dyn Target,
    ) -> Result<Status, Error> {
        match core::mem::replace(&mut self.reading, Reading::Failed) {
            Reading::Failed => Err(Error::Usage("the applier has failed before")),
            reading => {
                self.reading = self.take(reading, delta, base, target)?;
                Ok(if matches!(self.reading, Reading::Done) { Status::Done } else { Status::NeedInput })
            }
        }
    }

    /// Says that the delta has no more bytes.
    ///
    /// # Errors
    /// `Truncated` unless the last push said `Done` (or the target is empty).
    pub fn finish(&self) -> Result<(), Error> {
        match self.reading {
            Reading::Done => self.check_result(),
            Reading::Failed => Err(Error::Usage("the applier has failed before")),
            _ => Err(Error::Truncated { offset: self.offset }),
        }
    }

    fn take(
        &mut self,
        mut reading: Reading,
        mut delta: &[u8],
        base: &mut dyn Base,
        target: &mut dyn Target,
    ) -> Result<Reading, Error> {
        while !delta.is_empty() {
            reading = match reading {
                Reading::Fold { filled } => {
                    let Sides::Waiting(waiting) = &mut self.sides else {
                        return Err(Error::Usage("the fold of a delta is read once"));
                    };
                    let filled = fill(waiting.bytes(), filled, &mut delta, &mut self.offset);
                    if filled == waiting.bytes().len() {
                        self.open_fold(base, target)?
                    } else {
                        Reading::Fold { filled }
                    }
                }
                Reading::Header { filled } => {
                    let filled = fill(&mut self.window_header, filled, &mut delta, &mut self.offset);
                    if filled == WindowHeader::LEN {
                        let window = self.checked_window()?;
                        Reading::Body { window, filled: 0 }
                    } else {
                        Reading::Header { filled }
                    }
                }
                Reading::Body { window, filled } => {
                    let len = window.checked_body_len();
                    let filled = fill(&mut self.body[..len], filled, &mut delta, &mut self.offset);
                    Reading::Body { window, filled }
                }
                Reading::Done => {
                    let expected = self.offset;
                    return Err(Error::format(
                        "end of delta",
                        expected,
                        expected,
                        expected + delta.len() as u64,
                    ));
                }
                Reading::Failed => return Err(Error::Usage("the applier has failed before")),
            };
            if let Reading::Body { window, filled } = &reading {
                if *filled as u64 == window.body_len() {
                    self.apply_window(window, base, target)?;
                    reading = if self.unfolded == self.header.target_size {
                        self.check_result()?;
                        Reading::Done
                    } else {
                        Reading::Header { filled: 0 }
                    };
                }
            }
        }
        Ok(reading)
    }

    /// Makes use of the fold, all of which is there.
    fn open_fold(&mut self, base: &mut dyn Base, target: &mut dyn Target) -> Result<Reading, Error> {
        let Sides::Waiting(waiting) = core::mem::replace(&mut self.sides, Sides::Plain) else {
            return Err(Error::Usage("the fold of a delta is read once"));
        };
        let mut fold = waiting.open(&self.header)?;
        let (digest, written) = (self.hashes.then_some(&mut self.digest), &mut self.written);
        let mut target = Hashed { target, digest, written, size: self.target_size };
        fold.start(base, &mut target).map_err(|error| blamed(error, Header::LEN as u64))?;
        [self.header.base_size, self.header.target_size] = fold.unfolded;
        self.sides = Sides::Folded(fold);
        if self.header.target_size > 0 {
            return Ok(Reading::Header { filled: 0 });
        }
        self.check_result()?;
        Ok(Reading::Done)
    }

    fn checked_window(&self) -> Result<WindowHeader, Error> {
        let window = WindowHeader::decode(&self.window_header);
        let at = self.offset - WindowHeader::LEN as u64;
        window.check_lengths(&self.header, self.unfolded, at)?;
        Ok(window)
    }

    fn apply_window(
        &mut self,
        window: &WindowHeader,
        base: &mut dyn Base,
        target: &mut dyn Target,
    ) -> Result<(), Error> {
        let body = &self.body[..window.checked_body_len()];
        let at = self.offset - window.body_len() - WindowHeader::LEN as u64;
        window.check_body(body, at)?;
        let mut apply = |base: &mut dyn Base, target: &mut dyn Target| {
            window::Window {
                at,
                streams: self.streams.open(window, body, at),
                buffers: &mut self.buffers,
                base_size: self.header.base_size,
                base_at: &mut self.base_at,
                written: &mut self.unfolded,
                observer: self.observer.as_deref_mut(),
            }
            .apply(window.target_len, base, target)
        };
        let (digest, written) = (self.hashes.then_some(&mut self.digest), &mut self.written);
        let mut target = Hashed { target, digest, written, size: self.target_size };
        match &mut self.sides {
            Sides::Folded(fold) => fold.with(base, &mut target, apply).map_err(|error| blamed(error, at)),
            _ => apply(base, &mut target),
        }
    }

    fn check_result(&self) -> Result<(), Error> {
        if !self.hashes {
            return Ok(());
        }
        let found: [u8; 32] = self.digest.clone().finalize().into();
        if found == self.header.target_sha256 {
            Ok(())
        } else {
            Err(Error::TargetDigest { expected: self.header.target_sha256, found })
        }
    }
}

/// The target as it is: hashed, unless others do it, and never longer than it says.
struct Hashed<'a> {
    target: &'a mut dyn Target,
    digest: Option<&'a mut Sha256>,
    written: &'a mut u64,
    size: u64,
}

impl Target for Hashed<'_> {
    fn write(&mut self, bytes: &[u8]) -> Result<(), CallerError> {
        let written = *self.written + bytes.len() as u64;
        if written > self.size {
            return Err(TOO_LONG);
        }
        if let Some(digest) = &mut self.digest {
            digest.update(bytes);
        }
        self.target.write(bytes)?;
        *self.written = written;
        Ok(())
    }
}

/// Moves bytes from the front of `from` into `to[filled..]`; returns how much of `to` is filled.
fn fill(to: &mut [u8], filled: usize, from: &mut &[u8], offset: &mut u64) -> usize {
    let n = (to.len() - filled).min(from.len());
    let (now, rest) = from.split_at(n);
    to[filled..filled + n].copy_from_slice(now);
    *from = rest;
    *offset += n as u64;
    filled + n
}
