//! The three streams of a window, unpacked piece by piece as operations ask for them.

use crate::entropy::lzma2::{Damaged, Lzma2Decoder};
use crate::error::Error;
use crate::format::native::window::{Stream, WindowHeader};

/// Decoders that live as long as the delta.
#[expect(clippy::large_enum_variant, reason = "one of them exists, and there is nowhere to put a box")]
pub(super) enum Streams<'m> {
    /// Streams lie in the body as they are.
    Stored,
    /// One decoder a stream.
    Lzma2([Lzma2Decoder<'m>; 3]),
}

/// One stream of one window.
#[derive(Default)]
struct Part<'b> {
    packed: &'b [u8],
    at: usize,
    /// Plain bytes not yet taken.
    left: u64,
}

/// The streams of one window.
pub(super) struct Opened<'s, 'b, 'm> {
    decoders: &'s mut Streams<'m>,
    parts: [Part<'b>; 3],
    at: u64,
}

const NAMES: [&str; 3] = ["control stream", "difference stream", "literal stream"];

impl<'m> Streams<'m> {
    /// The streams of the window whose `body` has the lengths of `window`.
    pub(super) fn open<'s, 'b>(&'s mut self, window: &WindowHeader, body: &'b [u8]) -> Opened<'s, 'b, 'm> {
        let mut rest = body;
        let parts = core::array::from_fn(|i| {
            let (packed, behind) = rest.split_at(window.packed[i] as usize);
            rest = behind;
            Part { packed, at: 0, left: window.plain[i].into() }
        });
        Opened { decoders: self, parts, at: 0 }
    }
}

impl Opened<'_, '_, '_> {
    /// Errors from here on speak of the window at `offset` of the delta.
    pub(super) fn set_offset(&mut self, offset: u64) {
        self.at = offset;
    }

    /// Takes the next bytes of `stream`.
    pub(super) fn take(&mut self, stream: Stream, out: &mut [u8]) -> Result<(), Error> {
        let i = stream as usize;
        let (part, wanted) = (&mut self.parts[i], out.len() as u64);
        if part.left < wanted {
            return Err(Error::format(NAMES[i], self.at, part.left, wanted));
        }
        part.left -= wanted;
        match self.decoders {
            Streams::Stored => {
                let from = part.packed.get(part.at..).and_then(|rest| rest.get(..out.len())).ok_or(Damaged);
                out.copy_from_slice(from.map_err(|e| e.at(NAMES[i], self.at, wanted, part.at as u64))?);
                part.at += out.len();
                Ok(())
            }
            Streams::Lzma2(decoders) => decoders[i]
                .read(part.packed, &mut part.at, out)
                .map_err(|e| e.at(NAMES[i], self.at, wanted, part.at as u64)),
        }
    }

    /// Takes a number of the control stream.
    pub(super) fn number(&mut self) -> Result<u64, Error> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let mut byte = [0];
            self.take(Stream::Control, &mut byte)?;
            let bits = u64::from(byte[0] & 0x7f);
            if shift == 63 && bits > 1 {
                break;
            }
            value |= bits << shift;
            if byte[0] < 0x80 {
                return Ok(value);
            }
        }
        Err(Error::format("control number", self.at, u64::MAX, value))
    }

    /// Whether everything has been taken: a window has nothing left over.
    pub(super) fn finish(&self) -> Result<(), Error> {
        for (i, part) in self.parts.iter().enumerate() {
            if part.left != 0 {
                return Err(Error::format(NAMES[i], self.at, 0, part.left));
            }
            if part.at != part.packed.len() {
                return Err(Error::format(NAMES[i], self.at, part.at as u64, part.packed.len() as u64));
            }
        }
        if let Streams::Lzma2(decoders) = &self.decoders {
            if let Some(i) = decoders.iter().position(|decoder| !decoder.is_between_chunks()) {
                return Err(Error::format(NAMES[i], self.at, 0, 1));
            }
        }
        Ok(())
    }
}
