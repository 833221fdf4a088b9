//! Writes operations as a native delta: cuts them into windows and packs the three streams, each on its own thread.

#![allow(clippy::cast_possible_truncation, reason = "positions are inside of mapped images, so they fit")]

use super::header::{Codec, Header};
use super::window::{CopyKind, Stream, WindowHeader, put_number, zigzag};
use crate::entropy::lzma2_encoder::{Lzma2Encoder, Properties};
use crate::error::Error;
use crate::op::Op;
use rayon::prelude::*;
use std::io::{Seek, SeekFrom, Write};

/// What a delta may cost the device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layout {
    /// Most history of the control, difference and literal streams, in bytes; powers of two from 4 KiB on.
    pub history: [u32; 3],
    /// Most plain bytes of a window's streams together.
    pub window_plain: u32,
    /// Piece in which base is read and target written, in bytes.
    pub io_block: u32,
}

impl Default for Layout {
    /// About 14 MiB to apply.
    fn default() -> Self {
        Layout { history: [1 << 20, 4 << 20, 8 << 20], window_plain: 1 << 20, io_block: 1 << 16 }
    }
}

/// Coder settings of each stream, by measurement on ext4 root file systems.
const PROPERTIES: [Properties; 3] = [
    Properties { literal_context_bits: 0, literal_position_bits: 0, position_bits: 0 },
    Properties { literal_context_bits: 0, literal_position_bits: 2, position_bits: 2 },
    Properties { literal_context_bits: 3, literal_position_bits: 0, position_bits: 2 },
];
/// Windows that are packed before they are written; bounds the memory of packing.
const BATCH: usize = 16;

/// The plain streams of one window.
#[derive(Default)]
struct Plain {
    target_len: u64,
    streams: [Vec<u8>; 3],
}

impl Plain {
    fn len(&self) -> u64 {
        self.streams.iter().map(|stream| stream.len() as u64).sum()
    }
}

/// The images that operations speak of.
#[derive(Clone, Copy)]
pub struct Images<'i> {
    /// The base.
    pub old: &'i [u8],
    /// The target.
    pub new: &'i [u8],
    /// SHA-256 of both.
    pub sha256: [[u8; 32]; 2],
}

/// Cuts operations into windows.
struct Cutter<'i> {
    images: Images<'i>,
    ops: std::vec::IntoIter<Op>,
    /// What is left of an operation that was cut.
    rest: Option<Op>,
    target_at: usize,
    base_at: u64,
    window_plain: u64,
}

/// Numbers of one operation take at most this much of the control stream.
const OPERATION: u64 = 32;

impl Iterator for Cutter<'_> {
    type Item = Plain;

    fn next(&mut self) -> Option<Plain> {
        let mut plain = Plain::default();
        // Literals wait for the copy that they share an operation with.
        let mut literal = 0;
        while plain.len() + OPERATION < self.window_plain {
            let Some(op) = self.rest.take().or_else(|| self.ops.next()) else { break };
            let room = self.window_plain - plain.len() - OPERATION;
            let (now, rest) = cut(op, room);
            self.rest = rest;
            let bytes = &self.images.new[self.target_at..self.target_at + now.len() as usize];
            let control = &mut plain.streams[Stream::Control as usize];
            match now {
                Op::Literal { len } => {
                    plain.streams[Stream::Literal as usize].extend_from_slice(bytes);
                    literal += len;
                }
                Op::Zero { len } => {
                    put_number(control, std::mem::take(&mut literal));
                    put_number(control, len << 2 | CopyKind::Zero.code());
                }
                Op::Copy { base, len } | Op::Add { base, len } => {
                    let add = matches!(now, Op::Add { .. });
                    let kind = if add { CopyKind::Add } else { CopyKind::Exact };
                    put_number(control, std::mem::take(&mut literal));
                    put_number(control, len << 2 | kind.code());
                    put_number(control, zigzag(base as i64 - self.base_at as i64));
                    self.base_at = base + len;
                    if add {
                        let old = &self.images.old[base as usize..(base + len) as usize];
                        let difference = bytes.iter().zip(old).map(|(new, old)| new.wrapping_sub(*old));
                        plain.streams[Stream::Difference as usize].extend(difference);
                    }
                }
            }
            self.target_at += bytes.len();
            plain.target_len += bytes.len() as u64;
        }
        if literal > 0 {
            let control = &mut plain.streams[Stream::Control as usize];
            put_number(control, literal);
            put_number(control, 0);
        }
        (plain.target_len > 0).then_some(plain)
    }
}

/// Cuts `op` where its stored bytes exceed `room`.
fn cut(op: Op, room: u64) -> (Op, Option<Op>) {
    match op {
        Op::Literal { len } if len > room => {
            (Op::Literal { len: room }, Some(Op::Literal { len: len - room }))
        }
        Op::Add { base, len } if len > room => {
            (Op::Add { base, len: room }, Some(Op::Add { base: base + room, len: len - room }))
        }
        _ => (op, None),
    }
}

/// History that a stream of `len` bytes can use of `most`.
fn history(most: u32, len: u64) -> u32 {
    let len = len.clamp(1 << 12, most.into()).next_power_of_two();
    u32::try_from(len).unwrap_or(most).min(most)
}

/// Writes a delta of `ops`, which cover the target from front to back, at the position of `out`; returns its header
/// and its length. `tick` is called with the target bytes done, and may end the work with an error.
///
/// # Errors
/// `Limit` when memory is short, `Io` from `out`, and those of `tick`.
pub fn write(
    ops: Vec<Op>,
    images: Images<'_>,
    layout: &Layout,
    out: &mut (impl Write + Seek),
    tick: &dyn Fn(u64) -> Result<(), Error>,
) -> Result<(Header, u64), Error> {
    let failed = |source| Error::Io { action: "write the delta", path: "output".into(), source };
    let lens = ops.iter().fold([0; 3], |[control, difference, literal], op| match op {
        Op::Add { len, .. } => [control + 8, difference + len, literal],
        Op::Literal { len } => [control + 8, difference, literal + len],
        _ => [control + 8, difference, literal],
    });
    let mut header = Header {
        base_size: images.old.len() as u64,
        target_size: images.new.len() as u64,
        base_sha256: images.sha256[0],
        target_sha256: images.sha256[1],
        memory: 0,
        codec: Codec::Lzma2,
        history: std::array::from_fn(|i| history(layout.history[i], lens[i])),
        window_body: 0,
        io_block: layout.io_block,
    };
    let start = out.stream_position().map_err(failed)?;
    out.write_all(&header.encode()).map_err(failed)?;
    let mut encoders = Vec::with_capacity(3);
    for (history, properties) in header.history.into_iter().zip(PROPERTIES) {
        encoders.push(Lzma2Encoder::new(history, properties)?);
    }
    let mut windows = Cutter {
        images,
        ops: ops.into_iter(),
        rest: None,
        target_at: 0,
        base_at: 0,
        window_plain: layout.window_plain.into(),
    };
    let (mut len, mut done) = (Header::LEN as u64, 0);
    loop {
        let batch: Vec<Plain> = windows.by_ref().take(BATCH).collect();
        if batch.is_empty() {
            break;
        }
        let packed: Vec<Vec<Vec<u8>>> = encoders
            .par_iter_mut()
            .enumerate()
            .map(|(i, encoder)| batch.iter().map(|plain| encoder.pack(&plain.streams[i])).collect())
            .collect::<Result<_, Error>>()?;
        for (w, plain) in batch.iter().enumerate() {
            let body: Vec<u8> = packed.iter().flat_map(|stream| &stream[w]).copied().collect();
            // Windows are bounded by the layout's `window_plain`, far below 4 GiB.
            let mut window = WindowHeader {
                target_len: plain.target_len,
                plain: std::array::from_fn(|i| plain.streams[i].len() as u32),
                packed: std::array::from_fn(|i| packed[i][w].len() as u32),
                check: 0,
            };
            window.check = window.check_of(&body);
            out.write_all(&window.encode()).and_then(|()| out.write_all(&body)).map_err(failed)?;
            header.window_body = header.window_body.max(body.len() as u32);
            len += (WindowHeader::LEN + body.len()) as u64;
            done += plain.target_len;
        }
        tick(done)?;
    }
    header.memory = header.memory_needed();
    out.seek(SeekFrom::Start(start)).map_err(failed)?;
    out.write_all(&header.encode()).map_err(failed)?;
    out.seek(SeekFrom::Start(start + len)).map_err(failed)?;
    Ok((header, len))
}
