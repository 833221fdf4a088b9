//! Writes operations as VCDIFF, for xdelta3 and other decoders.

#![allow(clippy::cast_possible_truncation, reason = "positions are inside of mapped images, so they fit")]

use super::adler32::adler32;
use super::exact::{self, Cost};
use super::header::{MAGIC, Secondary, WindowHeader};
use super::instructions::{Addresses, Sections, sections};
use super::xz_encoder::{Settings, XzEncoder};
use super::{number, reach};
use crate::error::Error;
use crate::op::Op;
use rayon::prelude::*;
use std::io::Write;

/// How a VCDIFF delta is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VcdiffOptions<'a> {
    /// Pack sections with LZMA, as xdelta3 does by default; decoders other than xdelta3 may not have it.
    pub pack: bool,
    /// Target bytes of a window; a decoder holds one in memory. At most [`MAX_WINDOW`].
    pub window: u32,
    /// Bytes of base around a place that a decoder can reach (its `-B`), where it cannot seek in the base.
    pub source_window: Option<u64>,
    /// Written into the delta; decoders skip it.
    pub application_header: Option<&'a [u8]>,
}

/// Largest window that xdelta3 takes, in bytes.
pub const MAX_WINDOW: u32 = 1 << 24;
/// Smallest window that is written, in bytes.
pub const MIN_WINDOW: u32 = 1 << 12;

impl Default for VcdiffOptions<'_> {
    /// What xdelta3 writes and reads by default: LZMA, windows of 8 MiB.
    fn default() -> Self {
        VcdiffOptions { pack: true, window: 8 << 20, source_window: None, application_header: None }
    }
}

/// History of the data, instruction and address sections: what a decoder takes in memory beside the window.
const HISTORY: [u32; 3] = [4 << 20, 1 << 20, 1 << 20];
/// Windows that are worked on at once; bounds the memory of writing.
const BATCH: usize = 8;

/// Settings of the coders; no history is longer than what there is to remember.
fn settings(ops: &[Op]) -> [Settings; 3] {
    let stored: u64 = ops.iter().map(|op| if matches!(op, Op::Copy { .. }) { 16 } else { op.len() }).sum();
    let history = |most: u32| {
        let fitting = stored.clamp(1 << 12, most.into()).next_power_of_two();
        u32::try_from(fitting).unwrap_or(most)
    };
    let of = |kind: usize, literal_context_bits, literal_position_bits, position_bits| Settings {
        history: history(HISTORY[kind]),
        literal_context_bits,
        literal_position_bits,
        position_bits,
    };
    [of(0, 3, 0, 0), of(1, 3, 0, 0), of(2, 0, 2, 2)]
}

/// Writes a delta of `ops`, which cover `new` from front to back, to `out`; returns its length. `tick` is called with
/// the target bytes done, and may end the work with an error.
///
/// # Errors
/// `Usage` for a window that cannot be, `Io` when memory is short or from `out`, and those of `tick`.
pub fn write(
    ops: Vec<Op>,
    old: &[u8],
    new: &[u8],
    options: &VcdiffOptions<'_>,
    out: &mut dyn Write,
    tick: &dyn Fn(u64) -> Result<(), Error>,
) -> Result<u64, Error> {
    if !(MIN_WINDOW..=MAX_WINDOW).contains(&options.window) {
        return Err(Error::Usage("a window must have 4 KiB to 16 MiB"));
    }
    let failed = |source| Error::Io { action: "write the delta", path: "output".into(), source };
    let header = file_header(options);
    out.write_all(&header).map_err(failed)?;
    let (mut len, mut done) = (header.len() as u64, 0);
    let ops = match options.source_window {
        Some(window) => reach::limit(ops, old.len() as u64, new.len() as u64, window),
        None => ops,
    };
    let mut encoders = match options.pack {
        true => settings(&ops).map(XzEncoder::new).into_iter().collect::<Result<Vec<_>, _>>()?,
        false => Vec::new(),
    };
    let mut cutter =
        Cutter { ops: ops.into_iter(), rest: None, begun: false, at: 0, window: options.window.into() };
    loop {
        let batch: Vec<Cut> = cutter.by_ref().take(BATCH).collect();
        if batch.is_empty() {
            return Ok(len);
        }
        let told: Vec<(Sections, u32)> = batch.par_iter().map(|cut| tell(cut, old, new, options)).collect();
        let packed = pack(&mut encoders, &told)?;
        for ((cut, (sections, check)), packed) in batch.iter().zip(told).zip(packed) {
            let bodies: [&[u8]; 3] =
                std::array::from_fn(|i| packed[i].as_deref().unwrap_or(&sections.plain[i]));
            let header = WindowHeader {
                segment: sections.segment,
                target_len: cut.len,
                packed: std::array::from_fn(|i| packed[i].is_some()),
                lens: bodies.map(|body| body.len() as u64),
                adler32: Some(check),
                len: 0,
            };
            for bytes in [&header.encode()[..]].iter().chain(&bodies) {
                out.write_all(bytes).map_err(failed)?;
                len += bytes.len() as u64;
            }
            done += cut.len;
            tick(done)?;
        }
    }
}

fn file_header(options: &VcdiffOptions<'_>) -> Vec<u8> {
    let application_header = options.application_header;
    let mut out = MAGIC.to_vec();
    out.push(u8::from(options.pack) | if application_header.is_some() { 4 } else { 0 });
    if options.pack {
        out.push(Secondary::Lzma as u8);
    }
    if let Some(bytes) = application_header {
        number::put(&mut out, bytes.len() as u64);
        out.extend(bytes);
    }
    out
}

fn tell(cut: &Cut, old: &[u8], new: &[u8], options: &VcdiffOptions<'_>) -> (Sections, u32) {
    let target = &new[cut.at..cut.at + cut.len as usize];
    // Tuned on pairs of Debian images: packed copies are nearly free as long as base and target go in step.
    let (cost, addresses) = if options.pack {
        (Cost { continued: 2, jump: 4, zero: 32 }, Addresses::Alike)
    } else {
        (Cost { continued: 4, jump: 8, zero: 8 }, Addresses::Short)
    };
    let pieces = exact::cut(&cut.ops, old, target, cost);
    (sections(&pieces, target, addresses), adler32(1, target))
}

/// Packs the sections of a batch, each kind on a thread of its own; empty ones stay as they are.
fn pack(encoders: &mut [XzEncoder], told: &[(Sections, u32)]) -> Result<Vec<[Option<Vec<u8>>; 3]>, Error> {
    let mut packed: Vec<[Option<Vec<u8>>; 3]> = told.iter().map(|_| [None, None, None]).collect();
    let kinds: Vec<Vec<Option<Vec<u8>>>> = encoders
        .par_iter_mut()
        .enumerate()
        .map(|(kind, encoder)| {
            let section = |(sections, _): &(Sections, u32)| match &sections.plain[kind][..] {
                [] => Ok(None),
                plain => encoder.section(plain).map(Some),
            };
            told.iter().map(section).collect()
        })
        .collect::<Result<_, Error>>()?;
    for (kind, sections) in kinds.into_iter().enumerate() {
        packed.iter_mut().zip(sections).for_each(|(window, section)| window[kind] = section);
    }
    Ok(packed)
}

/// The operations of one window.
struct Cut {
    ops: Vec<Op>,
    /// Where in the target the window begins.
    at: usize,
    len: u64,
}

/// Cuts operations into windows.
struct Cutter {
    ops: std::vec::IntoIter<Op>,
    /// What is left of an operation that was cut.
    rest: Option<Op>,
    /// Whether there has been a window.
    begun: bool,
    at: usize,
    window: u64,
}

impl Iterator for Cutter {
    type Item = Cut;

    fn next(&mut self) -> Option<Cut> {
        let mut cut = Cut { ops: Vec::new(), at: self.at, len: 0 };
        while cut.len < self.window {
            let Some(op) = self.rest.take().or_else(|| self.ops.next()) else { break };
            let (now, rest) = split(op, self.window - cut.len);
            self.rest = rest;
            cut.len += now.len();
            cut.ops.push(now);
        }
        self.at += cut.len as usize;
        // xdelta3 takes a delta without windows for damaged: an empty target has an empty one.
        let first = !std::mem::replace(&mut self.begun, true);
        (cut.len > 0 || first).then_some(cut)
    }
}

/// The first `room` bytes of an operation, and what is left.
fn split(op: Op, room: u64) -> (Op, Option<Op>) {
    if op.len() <= room {
        return (op, None);
    }
    match op {
        Op::Copy { base, len } => {
            (Op::Copy { base, len: room }, Some(Op::Copy { base: base + room, len: len - room }))
        }
        Op::Add { base, len } => {
            (Op::Add { base, len: room }, Some(Op::Add { base: base + room, len: len - room }))
        }
        Op::Zero { len } => (Op::Zero { len: room }, Some(Op::Zero { len: len - room })),
        Op::Literal { len } => (Op::Literal { len: room }, Some(Op::Literal { len: len - room })),
    }
}
