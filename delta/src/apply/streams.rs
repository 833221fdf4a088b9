//! The streams of a window, unpacked piece by piece as operations ask for them.

use super::observer::Observer;
use crate::entropy::lzma2::Lzma2Decoder;
use crate::entropy::mixing::architecture::MARGIN;
use crate::entropy::mixing::coder::Decoder;
use crate::entropy::mixing::model::{Copying, Model};
use crate::entropy::zigzag::unzigzag;
use crate::error::Error;
use crate::format::native::header::OPERATION_LEN;
use crate::format::native::window::{Stream, WindowHeader};
use crate::op::CopyKind;

/// Decoders that live as long as the delta.
#[allow(clippy::large_enum_variant, reason = "there is one of them, and nothing may be allocated")]
pub(super) enum Streams<'m> {
    /// One decoder a stream.
    Lzma2([Lzma2Decoder<'m>; 3]),
    /// One for operations and differences, one for literals.
    Mixed {
        /// Of operations and differences.
        model: Model<'m>,
        /// Of literals.
        literals: Lzma2Decoder<'m>,
        /// The operations of a window.
        operations: &'m mut [Stored],
    },
}

/// An operation as it is kept: literal length, copy length and distance, low words first, then the kind.
pub(super) type Stored = [u32; OPERATION_LEN / 4];

fn store(literal: u64, copying: Copying) -> Stored {
    let halves = |number: u64| {
        let [a, b, c, d, e, f, g, h] = number.to_le_bytes();
        [u32::from_le_bytes([a, b, c, d]), u32::from_le_bytes([e, f, g, h])]
    };
    let ([a, b], [c, d], [e, f]) = (halves(literal), halves(copying.len), halves(copying.distance as u64));
    [a, b, c, d, e, f, copying.kind as u32]
}

fn stored(stored: &Stored) -> (u64, Copying) {
    let number = |low: usize| u64::from(stored[low]) | u64::from(stored[low + 1]) << 32;
    let kind = match stored[6] {
        0 => CopyKind::Exact,
        1 => CopyKind::Add,
        _ => CopyKind::Zero,
    };
    (number(0), Copying { kind, len: number(2), distance: number(4) as i64 })
}

/// One packed stream of one window.
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
    /// Of operations and differences, where a model decodes them.
    coder: Decoder<'b>,
    /// Operations kept and taken, where a model decodes them.
    kept: [usize; 2],
    /// Where in the delta the window begins, for errors.
    at: u64,
}

const NAMES: [&str; 3] = ["control stream", "difference stream", "literal stream"];

impl<'m> Streams<'m> {
    /// The streams of the window at `at`, whose `body` has the lengths of `window`.
    pub(super) fn open<'s, 'b>(
        &'s mut self,
        window: &WindowHeader,
        body: &'b [u8],
        at: u64,
    ) -> Opened<'s, 'b, 'm> {
        let mut rest = body;
        let parts = core::array::from_fn(|i| {
            let (packed, behind) = rest.split_at(window.packed[i] as usize);
            rest = behind;
            Part { packed, at: 0, left: window.plain[i].into() }
        });
        let coded = match self {
            Streams::Lzma2(_) => &[],
            Streams::Mixed { .. } => &body[..window.packed[Stream::Control as usize] as usize],
        };
        Opened { decoders: self, parts, coder: Decoder::new(coded), kept: [0; 2], at }
    }
}

impl Opened<'_, '_, '_> {
    /// What the window's streams have used up so far, in the unit of [`crate::entropy::spent`]; it never decreases.
    pub(super) fn spent(&self) -> u64 {
        let [control, difference, literal] = [0, 1, 2].map(|i| self.parts[i].at);
        match &*self.decoders {
            Streams::Lzma2([a, b, c]) => a.spent(control) + b.spent(difference) + c.spent(literal),
            Streams::Mixed { literals, .. } => self.coder.spent() + literals.spent(literal),
        }
    }

    /// Takes the next bytes of a stream of LZMA2 chunks.
    fn take(&mut self, stream: Stream, out: &mut [u8]) -> Result<(), Error> {
        let i = stream as usize;
        let (part, wanted) = (&mut self.parts[i], out.len() as u64);
        if part.left < wanted {
            return Err(Error::format(NAMES[i], self.at, part.left, wanted));
        }
        part.left -= wanted;
        let decoder = match self.decoders {
            Streams::Lzma2(decoders) => &mut decoders[i],
            Streams::Mixed { literals, .. } => literals,
        };
        decoder
            .read(part.packed, &mut part.at, out)
            .map_err(|_| Error::format(NAMES[i], self.at, wanted, part.at as u64))
    }

    /// Takes a number of the control stream of LZMA2 chunks.
    fn number(&mut self) -> Result<u64, Error> {
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

    /// What the model decodes behind the end of its bytes means nothing.
    fn within<T>(&self, value: T) -> Result<T, Error> {
        let (used, there) = (self.coder.used() as u64, self.parts[0].packed.len() as u64);
        if used > there { Err(Error::format(NAMES[0], self.at, there, used)) } else { Ok(value) }
    }

    /// Takes all operations of a window where a model decodes them, so that it knows what moved where. The last copy
    /// from the base ended at `base_at`, `written` bytes of target are there. `observer` is told what each costs.
    pub(super) fn prepare(
        &mut self,
        base_at: u64,
        written: u64,
        observer: Option<&mut (dyn Observer + Send + '_)>,
    ) -> Result<(), Error> {
        let count = self.parts[0].left;
        let Streams::Mixed { model, operations, .. } = &mut *self.decoders else { return Ok(()) };
        let room = operations.len() as u64;
        let Some(operations) = usize::try_from(count).ok().and_then(|count| operations.get_mut(..count))
        else {
            return Err(Error::format("operations of a window", self.at, room, count));
        };
        let (mut observer, mut at) = (observer, written);
        for operation in &mut *operations {
            let before = self.coder.spent();
            let literal = model.literal_len(&mut self.coder, 0);
            let copying = model.copying(&mut self.coder, Copying::ANY);
            *operation = store(literal, copying);
            if self.coder.is_past_end() {
                break;
            }
            if let Some(observer) = &mut observer {
                observer.operation(at, self.coder.spent() - before);
                at = at.wrapping_add(literal).wrapping_add(copying.len);
            }
        }
        let (mut base_at, mut target_at) = (base_at, written);
        // What is out of bounds is refused when its turn comes; until then it only misleads predictions.
        model.align(operations.iter().filter_map(|operation| {
            let (literal, Copying { kind, len, distance }) = stored(operation);
            let target = target_at.wrapping_add(literal);
            target_at = target.wrapping_add(len);
            (kind != CopyKind::Zero && len > 0).then(|| {
                let base = base_at.wrapping_add_signed(distance);
                base_at = base.wrapping_add(len);
                (base, len, target)
            })
        }));
        self.kept = [operations.len(), 0];
        self.parts[0].left = 0;
        self.within(())
    }

    /// Takes an operation: the length of its literals, and how it copies.
    pub(super) fn operation(&mut self) -> Result<(u64, Copying), Error> {
        if let Streams::Mixed { operations, .. } = &*self.decoders {
            let [count, taken] = &mut self.kept;
            if taken >= count {
                return Err(Error::format(
                    "operations of a window",
                    self.at,
                    *count as u64 + 1,
                    *count as u64,
                ));
            }
            *taken += 1;
            return Ok(stored(&operations[*taken - 1]));
        }
        let literal = self.number()?;
        let copy = self.number()?;
        let (kind, len) = (CopyKind::of_code(copy & 3, self.at)?, copy >> 2);
        let distance = if kind == CopyKind::Zero || len == 0 { 0 } else { unzigzag(self.number()?) };
        Ok((literal, Copying { kind, len, distance }))
    }

    /// Takes note of the first bytes of a copy.
    pub(super) fn look(&mut self, base_at: u64, target_at: u64, start: &[u8]) {
        if let Streams::Mixed { model, .. } = &mut *self.decoders {
            model.look(base_at, target_at, start);
        }
    }

    /// Takes literals.
    pub(super) fn literals(&mut self, out: &mut [u8]) -> Result<(), Error> {
        self.take(Stream::Literal, out)
    }

    /// Takes bytes that resemble those of the base. `old` holds these with [`MARGIN`] bytes before and behind;
    /// `at` says where they are in the base, and in the target.
    pub(super) fn difference(&mut self, old: &[u8], at: [u64; 2], out: &mut [u8]) -> Result<(), Error> {
        match self.decoders {
            Streams::Lzma2(_) => {
                self.take(Stream::Difference, out)?;
                for (byte, old) in out.iter_mut().zip(&old[MARGIN..]) {
                    *byte = byte.wrapping_add(*old);
                }
                Ok(())
            }
            Streams::Mixed { model, .. } => {
                model.difference(&mut self.coder, old, at, out);
                self.within(())
            }
        }
    }

    /// Whether everything has been taken: a window has nothing left over.
    pub(super) fn finish(&mut self) -> Result<(), Error> {
        let decoders = match self.decoders {
            Streams::Lzma2(decoders) => &decoders[..],
            Streams::Mixed { literals, .. } => {
                if !self.coder.is_at_end() {
                    let there = self.parts[0].packed.len() as u64;
                    return Err(Error::format(NAMES[0], self.at, there, self.coder.used() as u64));
                }
                let [count, taken] = self.kept;
                if taken != count {
                    return Err(Error::format("operations of a window", self.at, taken as u64, count as u64));
                }
                // Differences have no bytes of their own.
                self.parts[0].at = self.parts[0].packed.len();
                core::slice::from_ref(literals)
            }
        };
        if let Some(i) = decoders.iter().position(|decoder| !decoder.is_between_chunks()) {
            return Err(Error::format(NAMES[i], self.at, 0, 1));
        }
        for (i, part) in self.parts.iter().enumerate() {
            if part.left != 0 {
                return Err(Error::format(NAMES[i], self.at, 0, part.left));
            }
            if part.at != part.packed.len() {
                return Err(Error::format(NAMES[i], self.at, part.at as u64, part.packed.len() as u64));
            }
        }
        Ok(())
    }
}
