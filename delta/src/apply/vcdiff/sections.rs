//! The three sections of a window, unpacked piece by piece as instructions ask for them.

use super::memory::Arena;
use crate::entropy::lzma2::{Lzma2Decoder, PROBABILITIES};
use crate::error::Error;
use crate::format::vcdiff::djw::{self, Djw};
use crate::format::vcdiff::header::{Secondary, SectionKind, WindowHeader};
use crate::format::vcdiff::{number, xz};

const NAMES: [&str; 3] = ["data section", "instruction section", "address section"];
/// Small pieces are unpacked together.
const AHEAD: usize = 32;

/// Decoder of one kind of section; that of LZMA lives as long as the delta.
#[allow(clippy::large_enum_variant, reason = "nothing is allocated here, so nothing can be boxed")]
enum Decoder<'m> {
    /// No packed section of the kind has come yet.
    None,
    Lzma(Lzma2Decoder<'m>),
    Djw(Djw<'m>),
}

/// Decoders of all kinds.
pub(super) struct Sections<'m> {
    decoders: [Decoder<'m>; 3],
    secondary: Option<Secondary>,
    /// Most history that a stream may keep: what it will unpack to altogether, where that is known.
    pub(super) history_limits: [u64; 3],
    /// History that is kept.
    pub(super) histories: [u64; 3],
}

/// One section of one window.
struct Part<'b> {
    bytes: &'b [u8],
    is_packed: bool,
    /// Bytes used.
    at: usize,
    /// Unpacked bytes that are still to come, those that wait in `ahead` not counted.
    left: u64,
    ahead: [u8; AHEAD],
    /// Which of them wait.
    waiting: core::ops::Range<usize>,
}

/// The sections of one window.
pub(super) struct Opened<'s, 'b, 'm> {
    decoders: &'s mut [Decoder<'m>; 3],
    parts: [Part<'b>; 3],
    /// Where in the delta the window begins, for errors.
    at: u64,
}

impl<'m> Sections<'m> {
    pub(super) fn new(secondary: Option<Secondary>, history_limits: [u64; 3]) -> Self {
        let decoders = [Decoder::None, Decoder::None, Decoder::None];
        Sections { decoders, secondary, history_limits, histories: [0; 3] }
    }

    /// Takes what the decoders of packed sections need from the arena, whose first `keep` bytes hold the window.
    /// `body` says where in it the sections are.
    pub(super) fn prepare(
        &mut self,
        window: &WindowHeader,
        arena: &mut Arena<'m>,
        body: core::ops::Range<usize>,
        at: u64,
    ) -> Result<(), Error> {
        let mut start = body.start;
        let lens = window.lens.map(|len| usize::try_from(len).unwrap_or(usize::MAX));
        for (i, len) in lens.into_iter().enumerate() {
            let section = start..start.saturating_add(len).min(body.end);
            start = section.end;
            if window.packed[i] && matches!(self.decoders[i], Decoder::None) {
                let bytes = arena.0.get(section).unwrap_or_default();
                let history = match self.secondary {
                    Some(Secondary::Lzma) => self.history(bytes, i, at)?,
                    _ => 0,
                };
                let room = arena.0.len() as u64;
                self.decoders[i] = self.decoder(arena, history, body.end).ok_or(Error::Limit {
                    what: "memory to apply",
                    wanted: (body.end as u64).saturating_add(history),
                    limit: room,
                })?;
                self.histories[i] = history;
            }
        }
        Ok(())
    }

    /// The history that the stream beginning in this section needs.
    fn history(&self, mut section: &[u8], kind: usize, at: u64) -> Result<u64, Error> {
        let damaged = Error::format(NAMES[kind], at, xz::LEN as u64, section.len() as u64);
        number::take(&mut section).map_err(|_| Error::format(NAMES[kind], at, 1, 0))?;
        match xz::history(section) {
            Ok(history) => Ok(u64::from(history).min(self.history_limits[kind]).max(1)),
            Err(xz::Wrong::Damaged) => Err(damaged),
            Err(xz::Wrong::Unsupported) => {
                Err(Error::Unsupported { field: "filters of xz in section", found: kind as u64 })
            }
        }
    }

    fn decoder(&self, arena: &mut Arena<'m>, history: u64, keep: usize) -> Option<Decoder<'m>> {
        Some(match self.secondary {
            Some(Secondary::Lzma) => {
                let probabilities = arena.halves(PROBABILITIES, keep)?;
                let ring = arena.bytes(usize::try_from(history).ok()?, keep)?;
                Decoder::Lzma(Lzma2Decoder::new(ring, probabilities))
            }
            Some(Secondary::Djw) => {
                let tables = arena.words(djw::WORDS_NEEDED, keep)?;
                Decoder::Djw(Djw::new(arena.bytes(djw::BYTES_NEEDED, keep)?, tables))
            }
            None => Decoder::None,
        })
    }

    /// The sections of `window` in `body`; `begun` says which streams have begun in this very window.
    pub(super) fn open<'s, 'b>(
        &'s mut self,
        window: &WindowHeader,
        body: &'b [u8],
        begun: [bool; 3],
        at: u64,
    ) -> Result<Opened<'s, 'b, 'm>, Error> {
        let mut rest = body;
        let mut parts = window.lens.map(|len| {
            let len = usize::try_from(len).unwrap_or(usize::MAX).min(rest.len());
            let (bytes, behind) = rest.split_at(len);
            rest = behind;
            Part { bytes, is_packed: false, at: 0, left: len as u64, ahead: [0; AHEAD], waiting: 0..0 }
        });
        for (i, part) in parts.iter_mut().enumerate().filter(|(i, _)| window.packed[*i]) {
            part.is_packed = true;
            part.left = number::take(&mut part.bytes).map_err(|_| Error::format(NAMES[i], at, 1, 0))?;
            match &mut self.decoders[i] {
                Decoder::Lzma(_) if begun[i] => part.at = xz::LEN,
                Decoder::Djw(decoder) => {
                    let left = part.left;
                    decoder.begin(part.bytes, left).map_err(|_| Error::format(NAMES[i], at, left, 0))?;
                }
                _ => {}
            }
        }
        Ok(Opened { decoders: &mut self.decoders, parts, at })
    }

    /// Which kinds have no decoder yet.
    pub(super) fn not_begun(&self) -> [bool; 3] {
        [0, 1, 2].map(|i: usize| matches!(self.decoders[i], Decoder::None))
    }
}

impl Opened<'_, '_, '_> {
    /// Takes the next bytes of a section.
    pub(super) fn take(&mut self, kind: SectionKind, mut out: &mut [u8]) -> Result<(), Error> {
        let part = &mut self.parts[kind as usize];
        let waiting = part.waiting.len().min(out.len());
        if waiting > 0 {
            let from = part.waiting.start;
            let (now, rest) = out.split_at_mut(waiting);
            now.copy_from_slice(&part.ahead[from..from + waiting]);
            part.waiting.start += waiting;
            out = rest;
        }
        if out.is_empty() {
            return Ok(());
        }
        if out.len() >= AHEAD {
            return self.unpack(kind, out);
        }
        let len = usize::try_from(part.left).map_or(AHEAD, |left| left.min(AHEAD));
        if len < out.len() {
            return Err(Error::format(NAMES[kind as usize], self.at, part.left, out.len() as u64));
        }
        let mut ahead = [0; AHEAD];
        self.unpack(kind, &mut ahead[..len])?;
        out.copy_from_slice(&ahead[..out.len()]);
        let part = &mut self.parts[kind as usize];
        (part.ahead, part.waiting) = (ahead, out.len()..len);
        Ok(())
    }

    fn unpack(&mut self, kind: SectionKind, out: &mut [u8]) -> Result<(), Error> {
        let i = kind as usize;
        let (part, wanted) = (&mut self.parts[i], out.len() as u64);
        let Some(left) = part.left.checked_sub(wanted) else {
            return Err(Error::format(NAMES[i], self.at, part.left, wanted));
        };
        part.left = left;
        let damaged = |used: usize| Error::format(NAMES[i], self.at, wanted, used as u64);
        match (&mut self.decoders[i], part.is_packed) {
            (Decoder::Lzma(decoder), true) => {
                decoder.read(part.bytes, &mut part.at, out).map_err(|_| damaged(part.at))
            }
            (Decoder::Djw(decoder), true) => {
                let done = decoder.read(part.bytes, out).map_err(|_| damaged(part.at));
                part.at = decoder.used();
                done
            }
            _ => {
                let bytes = part.bytes.get(part.at..).and_then(|rest| rest.get(..out.len()));
                out.copy_from_slice(bytes.ok_or(damaged(part.at))?);
                part.at += out.len();
                Ok(())
            }
        }
    }

    /// Takes a byte.
    pub(super) fn byte(&mut self, kind: SectionKind) -> Result<u8, Error> {
        let mut byte = [0];
        self.take(kind, &mut byte)?;
        Ok(byte[0])
    }

    /// Takes a number.
    pub(super) fn number(&mut self, kind: SectionKind) -> Result<u64, Error> {
        struct Stop(Option<Error>);
        impl From<number::Wrong> for Stop {
            fn from(_: number::Wrong) -> Self {
                Stop(None)
            }
        }
        let at = self.at;
        number::read(|| self.byte(kind).map_err(|error| Stop(Some(error)))).map_err(|Stop(error)| {
            error.unwrap_or(Error::format(NAMES[kind as usize], at, u64::MAX >> 1, u64::MAX))
        })
    }

    /// Whether there is no instruction left.
    pub(super) fn is_done(&self) -> bool {
        let part = &self.parts[SectionKind::Instructions as usize];
        part.left == 0 && part.waiting.is_empty()
    }

    /// Checks that everything has been taken: a window has nothing left over.
    pub(super) fn finish(&self) -> Result<(), Error> {
        for (i, part) in self.parts.iter().enumerate() {
            let left = part.left + part.waiting.len() as u64;
            if left != 0 {
                return Err(Error::format(NAMES[i], self.at, 0, left));
            }
            if part.at != part.bytes.len() {
                return Err(Error::format(NAMES[i], self.at, part.at as u64, part.bytes.len() as u64));
            }
            if let (Decoder::Lzma(decoder), true) = (&self.decoders[i], part.is_packed) {
                if !decoder.is_between_chunks() {
                    return Err(Error::format(NAMES[i], self.at, 0, 1));
                }
            }
        }
        Ok(())
    }
}
