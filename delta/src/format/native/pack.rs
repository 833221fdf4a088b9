//! Packs the operations of windows into streams: the counterpart of `apply/streams.rs`.

#![allow(clippy::cast_possible_truncation, reason = "positions are inside of mapped images, so they fit")]

use super::cut::{Cut, Images, Joined};
use super::header::{Codec, Header};
use super::window::{Stream, put_number};
use crate::entropy::lzma2_encoder::{Lzma2Encoder, Properties};
use crate::entropy::mixing::architecture::MARGIN;
use crate::entropy::mixing::coder::Encoder;
use crate::entropy::mixing::model::{Copying, Model, Shape};
use crate::entropy::zigzag::zigzag;
use crate::error::Error;
use crate::op::{CopyKind, Op};
use crate::options::Stop;
use rayon::prelude::*;

/// Settings of the LZMA coder for each stream: numbers have no alignment, differences sit in words of four bytes,
/// literals are like any file. Not tuned yet.
const PROPERTIES: [Properties; 3] = [
    Properties { literal_context_bits: 0, literal_position_bits: 0, position_bits: 0 },
    Properties { literal_context_bits: 0, literal_position_bits: 2, position_bits: 2 },
    Properties { literal_context_bits: 3, literal_position_bits: 0, position_bits: 2 },
];

/// The same for [`Codec::Lean`]: with one coder of literals.
const LEAN_PROPERTIES: [Properties; 3] = [lean(0), lean(2), lean(0)];

const fn lean(position_bits: u32) -> Properties {
    Properties { literal_context_bits: 0, literal_position_bits: 0, position_bits }
}

/// A stream of a window: its length before packing, and what it became.
#[derive(Default)]
pub(super) struct Packed {
    pub(super) plain: u32,
    pub(super) bytes: Vec<u8>,
}

/// Packs one stream.
enum Packer {
    /// LZMA2 chunks of what `make` yields for a window.
    Lzma2 { encoder: Lzma2Encoder, make: fn(&Cut, Images<'_>, &mut u64) -> Vec<u8>, base_at: u64 },
    /// Operations and differences by the model.
    Model { shape: Shape, words: Vec<u32>, encoder: Encoder, base_at: u64 },
    /// A stream that stays empty.
    Nothing,
}

/// The packers of the three streams of a delta, which work side by side.
pub(super) struct Packers {
    packers: [Packer; 3],
}

impl Packers {
    /// Packers as `header` says.
    pub(super) fn new(header: &Header) -> Result<Self, Error> {
        let lzma2 = |stream: Stream, make| {
            let i = stream as usize;
            let properties = if header.codec == Codec::Lean { LEAN_PROPERTIES } else { PROPERTIES };
            let encoder = Lzma2Encoder::new(header.history[i], properties[i])?;
            Ok(Packer::Lzma2 { encoder, make, base_at: 0 })
        };
        let literal = lzma2(Stream::Literal, literals)?;
        Ok(Packers {
            packers: match header.codec {
                Codec::Lzma2 | Codec::Lean => {
                    [lzma2(Stream::Control, control)?, lzma2(Stream::Difference, differences)?, literal]
                }
                Codec::Mixed => {
                    let shape = header.shape();
                    let words = vec![0; shape.words()];
                    let model = Packer::Model { shape, words, encoder: Encoder::default(), base_at: 0 };
                    [model, Packer::Nothing, literal]
                }
            },
        })
    }

    /// Packs all windows, calling `write` with each in order. `batch` windows are held in memory at once.
    pub(super) fn pack(
        self,
        windows: impl Iterator<Item = Cut>,
        images: Images<'_>,
        io_block: u32,
        batch: usize,
        stop: Stop<'_>,
        mut write: impl FnMut(&Cut, [Packed; 3]) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let mut packers = self.packers;
        let [first, second, third] = &mut packers;
        // The model borrows its words for as long as it lives.
        let mut jobs = [Job::of(first), Job::of(second), Job::of(third)];
        let mut windows = windows;
        loop {
            let cuts: Vec<Cut> = windows.by_ref().take(batch).collect();
            if cuts.is_empty() {
                return Ok(());
            }
            let packed: Vec<Vec<Packed>> = jobs
                .par_iter_mut()
                .map(|job| cuts.iter().map(|cut| job.pack(cut, images, io_block as usize, stop)).collect())
                .collect::<Result<_, Error>>()?;
            stop.check()?;
            let mut streams = packed.into_iter().map(Vec::into_iter).collect::<Vec<_>>();
            for cut in &cuts {
                let mut next = streams.iter_mut().map(|stream| stream.next().unwrap_or_default());
                write(cut, std::array::from_fn(|_| next.next().unwrap_or_default()))?;
            }
        }
    }
}

/// A packer at work.
enum Job<'p> {
    Lzma2 {
        encoder: &'p mut Lzma2Encoder,
        make: fn(&Cut, Images<'_>, &mut u64) -> Vec<u8>,
        base_at: &'p mut u64,
    },
    Model {
        model: Box<Model<'p>>,
        encoder: &'p mut Encoder,
        base_at: &'p mut u64,
    },
    Nothing,
}

impl<'p> Job<'p> {
    fn of(packer: &'p mut Packer) -> Self {
        match packer {
            Packer::Lzma2 { encoder, make, base_at } => Job::Lzma2 { encoder, make: *make, base_at },
            Packer::Model { shape, words, encoder, base_at } => {
                Job::Model { model: Box::new(Model::new(shape, words)), encoder, base_at }
            }
            Packer::Nothing => Job::Nothing,
        }
    }

    /// When the work is to end, so does this, and what it gives is useless.
    fn pack(
        &mut self,
        cut: &Cut,
        images: Images<'_>,
        io_block: usize,
        stop: Stop<'_>,
    ) -> Result<Packed, Error> {
        stop.check()?;
        match self {
            Job::Lzma2 { encoder, make, base_at } => {
                let plain = make(cut, images, base_at);
                // Windows are bounded far below 4 GiB.
                Ok(Packed { plain: plain.len() as u32, bytes: encoder.pack(&plain)? })
            }
            Job::Model { model, encoder, base_at } => {
                let joined: Vec<Joined> = cut.joined().collect();
                for Joined { literal, copy, .. } in &joined {
                    model.literal_len(*encoder, *literal);
                    model.copying(*encoder, copying(*copy, base_at));
                }
                model.align(joined.iter().filter_map(Joined::base_range));
                for joined in &joined {
                    model_copy(model, encoder, joined, images, io_block, stop);
                }
                Ok(Packed { plain: joined.len() as u32, bytes: encoder.finish() })
            }
            Job::Nothing => Ok(Packed::default()),
        }
    }
}

/// What the container says of a copy. Moves `base_at` to its end.
fn copying(copy: Option<Op>, base_at: &mut u64) -> Copying {
    let (kind, base, len) = match copy {
        Some(Op::Copy { base, len }) => (CopyKind::Exact, base, len),
        Some(Op::Add { base, len }) => (CopyKind::Add, base, len),
        Some(Op::Zero { len }) => return Copying { kind: CopyKind::Zero, len, distance: 0 },
        Some(Op::Literal { .. }) | None => return Copying { kind: CopyKind::Exact, len: 0, distance: 0 },
    };
    // Both are inside of an image, whose size is below 2^63.
    let distance = base as i64 - *base_at as i64;
    *base_at = base + len;
    Copying { kind, len, distance }
}

/// Codes what a copy from the base yields.
fn model_copy(
    model: &mut Model<'_>,
    encoder: &mut Encoder,
    joined: &Joined,
    images: Images<'_>,
    io_block: usize,
    stop: Stop<'_>,
) {
    let Some((base, len, target)) = joined.base_range() else { return };
    let (from, len, at) = (base as usize, len as usize, target as usize);
    if let Some(Op::Copy { .. }) = joined.copy {
        return model.look(base, target, &images.old[from..from + len.min(io_block)]);
    }
    let mut old = Vec::with_capacity(len + 2 * MARGIN);
    old.resize(MARGIN, 0);
    old.extend_from_slice(&images.old[from..from + len]);
    old.resize(len + 2 * MARGIN, 0);
    let mut new = images.new[at..at + len].to_vec();
    for (i, piece) in new.chunks_mut(io_block).enumerate() {
        if stop.is_wanted() {
            return;
        }
        let start = i * io_block;
        let old = &old[start..start + piece.len() + 2 * MARGIN];
        model.difference(encoder, old, [base + start as u64, target + start as u64], piece);
    }
}

fn control(cut: &Cut, _: Images<'_>, base_at: &mut u64) -> Vec<u8> {
    let mut out = Vec::new();
    for joined in cut.joined() {
        let Copying { kind, len, distance } = copying(joined.copy, base_at);
        put_number(&mut out, joined.literal);
        put_number(&mut out, len << 2 | kind.code());
        if len > 0 && kind != CopyKind::Zero {
            put_number(&mut out, zigzag(distance));
        }
    }
    out
}

fn differences(cut: &Cut, images: Images<'_>, _: &mut u64) -> Vec<u8> {
    let mut out = Vec::new();
    for joined in cut.joined() {
        if let Some(Op::Add { base, len }) = joined.copy {
            let at = joined.at + joined.literal as usize;
            let (old, new) = (&images.old[base as usize..], &images.new[at..at + len as usize]);
            out.extend(new.iter().zip(old).map(|(new, old)| new.wrapping_sub(*old)));
        }
    }
    out
}

fn literals(cut: &Cut, images: Images<'_>, _: &mut u64) -> Vec<u8> {
    let ranges = cut.joined().map(|joined| joined.at..joined.at + joined.literal as usize);
    ranges.flat_map(|range| &images.new[range]).copied().collect()
}
