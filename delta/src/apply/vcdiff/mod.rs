//! The applier of VCDIFF deltas: pushed bytes of a delta, it pulls ranges of the base and yields the target front to
//! back. Sans-I/O, `no_std`, no allocation, as the native applier.
//!
//! The format does not say beforehand what it needs: windows use the caller's arena as they come, and one that does
//! not fit is refused before anything of it is written. [`Need`] says what a delta takes once all of it has been seen
//! (`inspect`). A window is written when its check value is right, where it has one; the digest of the whole is the
//! caller's to check, since the format has none.

mod base_cache;
pub mod memory;
mod sections;
mod window;

#[cfg(feature = "std")]
pub mod file;
#[cfg(feature = "std")]
pub mod inspect;

use super::{Base, CallerError, Target};
use crate::error::Error;
use crate::format::vcdiff::address::Cache;
use crate::format::vcdiff::adler32::adler32;
use crate::format::vcdiff::header::{FileHeader, Of, Secondary, WindowHeader};
use base_cache::BaseCache;
use memory::{Arena, CACHE, Need};
use sections::Sections;
use window::{Surroundings, Window};

/// Windows that copy from what came before in the target need it back.
const NO_READING_BACK: Error =
    Error::Unsupported { field: "window that copies from the target before it", found: 2 };
/// Pieces in which a window is written, in bytes.
const PIECE: usize = 1 << 16;

/// A target that can be read again while it is being written, for windows that copy from the target before them
/// (`VCD_TARGET`). xdelta3 writes no such windows.
pub trait ReadBack: Target {
    /// Fills `buffer` from `offset` bytes behind the start; all of it has been written.
    ///
    /// # Errors
    /// The caller's own; applying ends with it.
    fn read_back(&mut self, offset: u64, buffer: &mut [u8]) -> Result<(), CallerError>;
}

/// What is known beside the delta itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Known {
    /// Bytes of the base that may be read.
    pub base_size: u64,
    /// Bytes of the target, where someone has told.
    pub target_size: Option<u64>,
    /// Most history of the data, instruction and address sections: what [`Need`] tells, or `u64::MAX`.
    pub histories: [u64; 3],
}

/// Where reading stands.
enum Reading {
    FileHeader {
        filled: usize,
    },
    ApplicationHeader {
        left: u64,
    },
    WindowHeader {
        filled: usize,
    },
    Body {
        window: WindowHeader,
        filled: usize,
    },
    /// An error was returned; nothing works any more.
    Failed,
}

/// Where windows go.
enum Sink<'t> {
    Forward(&'t mut dyn Target),
    Back(&'t mut dyn ReadBack),
}

impl Sink<'_> {
    fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        for piece in bytes.chunks(PIECE) {
            match self {
                Sink::Forward(target) => target.write(piece),
                Sink::Back(target) => target.write(piece),
            }
            .map_err(Error::Target)?;
        }
        Ok(())
    }
}

const HEADER: usize =
    if FileHeader::MAX_LEN > WindowHeader::MAX_LEN { FileHeader::MAX_LEN } else { WindowHeader::MAX_LEN };

/// Applies one delta; all of it is pushed here, from its first byte on.
pub struct Applier<'m> {
    arena: Arena<'m>,
    cache: BaseCache<'m>,
    sections: Sections<'m>,
    addresses: Cache,
    known: Known,
    header: [u8; HEADER],
    secondary: Option<Secondary>,
    reading: Reading,
    written: u64,
    /// Bytes of the delta taken so far.
    offset: u64,
    /// Where the present window began.
    window_at: u64,
    largest_window: u64,
}

impl<'m> Applier<'m> {
    /// An applier in `arena`; what of it is used depends on the delta.
    ///
    /// # Errors
    /// `Limit` when it is too small for any delta.
    pub fn new(known: Known, arena: &'m mut [u8]) -> Result<Self, Error> {
        Self::with_cache(known, CACHE, arena)
    }

    /// As [`Applier::new`], but with `cache` bytes for blocks of the base instead of [`memory::CACHE`]: eight blocks
    /// of `cache / 8` bytes each. Fewer take less memory and more reads.
    ///
    /// # Errors
    /// `Limit` when the arena is too small for any delta; `Usage` for a cache that is no multiple of 8, or empty.
    pub fn with_cache(known: Known, cache: usize, arena: &'m mut [u8]) -> Result<Self, Error> {
        let limit = arena.len() as u64;
        let mut arena = Arena(arena);
        if cache == 0 || cache % base_cache::LINES != 0 {
            return Err(Error::Usage("the cache of the base must be a multiple of 8 bytes"));
        }
        let too_small = Error::Limit { what: "memory to apply", wanted: cache as u64, limit };
        let cache = BaseCache::new(arena.bytes(cache, 0).ok_or(too_small)?, known.base_size);
        Ok(Applier {
            arena,
            cache,
            sections: Sections::new(None, known.histories),
            addresses: Cache::default(),
            known,
            header: [0; HEADER],
            secondary: None,
            reading: Reading::FileHeader { filled: 0 },
            written: 0,
            offset: 0,
            window_at: 0,
            largest_window: 0,
        })
    }

    /// Bytes of the target that have been yielded.
    pub fn written(&self) -> u64 {
        self.written
    }

    /// Goes on where another applier stood with the same delta, base and known sizes: at the beginning of a window,
    /// `offset` bytes into a delta without secondary compression, with `written` bytes of target behind it. The next
    /// byte to push is that at `offset`.
    ///
    /// # Errors
    /// `Usage` once something was pushed.
    pub fn resume(&mut self, offset: u64, written: u64) -> Result<(), Error> {
        if !matches!(self.reading, Reading::FileHeader { filled: 0 }) {
            return Err(Error::Usage("only a new applier can go on from elsewhere"));
        }
        (self.offset, self.written) = (offset, written);
        self.reading = Reading::WindowHeader { filled: 0 };
        Ok(())
    }

    /// Bytes of the delta taken so far, if that is a place from which [`Applier::resume`] can go on.
    pub fn resumable_at(&self) -> Option<u64> {
        match self.reading {
            Reading::WindowHeader { filled: 0 } if self.secondary.is_none() => Some(self.offset),
            _ => None,
        }
    }

    /// What the delta has taken of the arena so far.
    pub fn needed(&self) -> Need {
        Need { window: self.largest_window, histories: self.sections.histories, secondary: self.secondary }
    }

    /// Takes the next bytes of the delta, any number of them.
    ///
    /// # Errors
    /// `Format`, `Unsupported`, `WindowCheck`, `BaseSize` for a bad delta or base, `Limit` when the arena is too
    /// small, `Base` and `Target` from the caller's own. After an error the applier only returns errors, and what was
    /// written must not be used.
    pub fn push(&mut self, delta: &[u8], base: &mut dyn Base, target: &mut dyn Target) -> Result<(), Error> {
        self.push_to(&mut &*delta, base, &mut Sink::Forward(target), false)
    }

    /// As [`Applier::push`], but takes bytes off `delta` only up to the end of a window.
    ///
    /// # Errors
    /// As [`Applier::push`].
    pub fn push_window(
        &mut self,
        delta: &mut &[u8],
        base: &mut dyn Base,
        target: &mut dyn Target,
    ) -> Result<(), Error> {
        self.push_to(delta, base, &mut Sink::Forward(target), true)
    }

    /// As [`Applier::push`], with a target that can be read again.
    ///
    /// # Errors
    /// As [`Applier::push`].
    pub fn push_reading_back(
        &mut self,
        delta: &[u8],
        base: &mut dyn Base,
        target: &mut dyn ReadBack,
    ) -> Result<(), Error> {
        self.push_to(&mut &*delta, base, &mut Sink::Back(target), false)
    }

    fn push_to(
        &mut self,
        delta: &mut &[u8],
        base: &mut dyn Base,
        sink: &mut Sink<'_>,
        to_end_of_window: bool,
    ) -> Result<(), Error> {
        if matches!(self.reading, Reading::Failed) {
            return Err(Error::Usage("the applier has failed before"));
        }
        while !delta.is_empty() {
            // What fails on the way leaves `Failed` behind.
            self.reading = match core::mem::replace(&mut self.reading, Reading::Failed) {
                Reading::Failed => return Err(Error::Usage("the applier has failed before")),
                Reading::FileHeader { filled } => {
                    let bytes = self.one_more(filled, delta);
                    match FileHeader::parse(bytes)? {
                        None => Reading::FileHeader { filled: filled + 1 },
                        Some(header) => {
                            self.secondary = header.secondary;
                            self.sections = Sections::new(header.secondary, self.known.histories);
                            Self::behind_header(header.application_header_len)
                        }
                    }
                }
                Reading::ApplicationHeader { left } => {
                    let n = usize::try_from(left).map_or(delta.len(), |left| left.min(delta.len()));
                    *delta = &delta[n..];
                    self.offset += n as u64;
                    Self::behind_header(left - n as u64)
                }
                Reading::WindowHeader { filled } => {
                    if filled == 0 {
                        self.window_at = self.offset;
                    }
                    let (secondary, at) = (self.secondary, self.window_at);
                    let bytes = self.one_more(filled, delta);
                    match WindowHeader::parse(bytes, secondary, at)? {
                        None => Reading::WindowHeader { filled: filled + 1 },
                        Some(window) => {
                            self.check(&window, matches!(sink, Sink::Back(_)))?;
                            self.behind_bytes(window, 0, base, sink)?
                        }
                    }
                }
                Reading::Body { window, filled } => {
                    let (start, len) = (target_len(&window), body_len(&window));
                    let n = (len - filled).min(delta.len());
                    self.arena.0[start..][filled..filled + n].copy_from_slice(&delta[..n]);
                    *delta = &delta[n..];
                    self.offset += n as u64;
                    self.behind_bytes(window, filled + n, base, sink)?
                }
            };
            if to_end_of_window && matches!(self.reading, Reading::WindowHeader { filled: 0 }) {
                break;
            }
        }
        Ok(())
    }

    fn behind_header(left: u64) -> Reading {
        if left == 0 { Reading::WindowHeader { filled: 0 } } else { Reading::ApplicationHeader { left } }
    }

    /// Applies the window when all of its sections are there.
    fn behind_bytes(
        &mut self,
        window: WindowHeader,
        filled: usize,
        base: &mut dyn Base,
        sink: &mut Sink<'_>,
    ) -> Result<Reading, Error> {
        if filled < body_len(&window) {
            return Ok(Reading::Body { window, filled });
        }
        self.apply(&window, base, sink)?;
        Ok(Reading::WindowHeader { filled: 0 })
    }

    /// Moves one byte of a header; gives the header's bytes that are there.
    fn one_more(&mut self, filled: usize, delta: &mut &[u8]) -> &[u8] {
        if let (Some(place), Some((first, rest))) = (self.header.get_mut(filled), delta.split_first()) {
            *place = *first;
            *delta = rest;
            self.offset += 1;
        }
        // A header that fills its room is complete or refused: the room is what the longest takes.
        self.header.get(..=filled).unwrap_or(&self.header)
    }

    /// Checks a window's header against everything that is known.
    fn check(&mut self, window: &WindowHeader, can_read_back: bool) -> Result<(), Error> {
        let at = self.window_at;
        if let Some(segment) = window.segment {
            let end = segment.at.saturating_add(segment.len);
            match segment.of {
                Of::Source if end > self.known.base_size => {
                    return Err(Error::BaseSize { expected: end, found: self.known.base_size });
                }
                Of::Target if !can_read_back => return Err(NO_READING_BACK),
                Of::Target if end > self.written => {
                    return Err(Error::format("segment of the target", at, self.written, end));
                }
                _ => {}
            }
        }
        let end = self.written.checked_add(window.target_len);
        let most = self.known.target_size.unwrap_or(u64::MAX);
        if end.is_none_or(|end| end > most) {
            return Err(Error::format("window target", at, most - self.written, window.target_len));
        }
        let (wanted, limit) =
            (window.target_len.saturating_add(window.body_len()), self.arena.0.len() as u64);
        if wanted > limit {
            return Err(Error::Limit { what: "memory to apply", wanted, limit });
        }
        self.largest_window = self.largest_window.max(wanted);
        Ok(())
    }

    fn apply(
        &mut self,
        window: &WindowHeader,
        base: &mut dyn Base,
        sink: &mut Sink<'_>,
    ) -> Result<(), Error> {
        let (start, at) = (target_len(window), self.window_at);
        let body = start..start + body_len(window);
        let begun = self.sections.not_begun();
        self.sections.prepare(window, &mut self.arena, body.clone(), at)?;
        let (out, rest) = self.arena.0.split_at_mut(start);
        let body = &rest[..body.len()];
        let before = match sink {
            Sink::Forward(_) => None,
            Sink::Back(target) => Some(&mut **target as &mut dyn ReadBack),
        };
        Window {
            at,
            sections: self.sections.open(window, body, begun, at)?,
            addresses: &mut self.addresses,
            segment: window.segment,
            out,
        }
        .apply(&mut Surroundings { base, cache: &mut self.cache, before })?;
        if let Some(expected) = window.adler32 {
            let found = adler32(1, out);
            if found != expected {
                return Err(Error::WindowCheck { offset: at, target: self.written, expected, found });
            }
        }
        sink.write(out)?;
        self.written += out.len() as u64;
        Ok(())
    }

    /// Says that the delta has no more bytes. The format has no end: without a known target size a delta that ends
    /// between two windows is taken as complete.
    ///
    /// # Errors
    /// `Truncated` when it ends inside of a header or window, or before the target is complete.
    pub fn finish(&self) -> Result<(), Error> {
        match self.reading {
            Reading::Failed => Err(Error::Usage("the applier has failed before")),
            Reading::WindowHeader { filled: 0 }
                if self.known.target_size.is_none_or(|size| size == self.written) =>
            {
                Ok(())
            }
            _ => Err(Error::Truncated { offset: self.offset }),
        }
    }
}

// Lengths of a window that `Applier::check` has passed fit the arena, and so `usize`.

fn target_len(window: &WindowHeader) -> usize {
    usize::try_from(window.target_len).unwrap_or(usize::MAX)
}

fn body_len(window: &WindowHeader) -> usize {
    usize::try_from(window.body_len()).unwrap_or(usize::MAX)
}
