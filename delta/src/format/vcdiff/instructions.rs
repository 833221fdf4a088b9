//! The sections of one window: pieces of the target told in instructions, bytes and addresses.

#![allow(clippy::cast_possible_truncation, reason = "sizes that are written as bytes have been compared")]

use super::address::{Cache, FIRST_SAME, HERE};
use super::code_table::{Instruction, Kind, instructions};
use super::exact::Piece;
use super::header::{Of, Segment};
use super::number;

/// How addresses are chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Addresses {
    /// Each in as few bytes as can be.
    Short,
    /// All counted back from where the target is: as long as base and target go in step they are the same bytes again
    /// and again, of which a packer makes nothing.
    Alike,
}

/// The sections of a window.
#[derive(Debug, Default)]
pub(super) struct Sections {
    pub(super) segment: Option<Segment>,
    /// Data, instructions, addresses.
    pub(super) plain: [Vec<u8>; 3],
}

/// Tells `pieces`, which yield `target`.
pub(super) fn sections(pieces: &[Piece], target: &[u8], addresses: Addresses) -> Sections {
    let segment = segment(pieces);
    let mut writer = Writer {
        sections: Sections { segment, ..Sections::default() },
        addresses,
        cache: Cache::default(),
        waiting: None,
    };
    let (from, segment_len) = segment.map_or((0, 0), |segment| (segment.at, segment.len));
    let mut at = 0;
    for &piece in pieces {
        let there = &target[at..at + piece.len() as usize];
        match piece {
            Piece::New { len } => {
                writer.sections.plain[0].extend_from_slice(there);
                writer.instruction(Kind::Add, len);
            }
            Piece::Zero { len } => {
                writer.sections.plain[0].push(0);
                writer.instruction(Kind::Run, len);
            }
            Piece::Copy { base, len } => {
                let mode = writer.address(base - from, segment_len + at as u64);
                writer.instruction(Kind::Copy(mode), len);
            }
        }
        at += there.len();
    }
    writer.flush();
    writer.sections
}

/// The stretch of base that holds everything that is copied.
fn segment(pieces: &[Piece]) -> Option<Segment> {
    let copies = pieces.iter().filter_map(|piece| match *piece {
        Piece::Copy { base, len } => Some((base, base + len)),
        _ => None,
    });
    let (at, end) = copies.reduce(|(at, end), (from, to)| (at.min(from), end.max(to)))?;
    Some(Segment { of: Of::Source, at, len: end - at })
}

struct Writer {
    sections: Sections,
    addresses: Addresses,
    cache: Cache,
    /// An instruction that may share its code with the next one.
    waiting: Option<(Kind, u64)>,
}

impl Writer {
    fn address(&mut self, address: u64, here: u64) -> u8 {
        let (mode, told) = match self.addresses {
            Addresses::Short => self.cache.mode(address, here),
            Addresses::Alike => (HERE, here - address),
        };
        let out = &mut self.sections.plain[2];
        if mode < FIRST_SAME {
            number::put(out, told)
        } else {
            out.push(told as u8)
        }
        mode
    }

    fn instruction(&mut self, kind: Kind, len: u64) {
        if let Some((first, first_len)) = self.waiting.take() {
            if let Some(code) = pair((first, first_len), (kind, len)) {
                self.sections.plain[1].push(code);
                return;
            }
            self.single(first, first_len);
        }
        self.waiting = Some((kind, len));
    }

    fn flush(&mut self) {
        if let Some((kind, len)) = self.waiting.take() {
            self.single(kind, len);
        }
    }

    fn single(&mut self, kind: Kind, len: u64) {
        let out = &mut self.sections.plain[1];
        let (without_size, with_size) = match kind {
            Kind::Noop => return,
            Kind::Run => (0, None),
            Kind::Add => (1, (1..=17).contains(&len).then(|| 1 + len as u8)),
            Kind::Copy(mode) => {
                let first = 19 + 16 * mode;
                (first, (4..=18).contains(&len).then(|| first + len as u8 - 3))
            }
        };
        out.push(with_size.unwrap_or(without_size));
        if with_size.is_none() {
            number::put(out, len);
        }
    }
}

/// The code for two instructions at once.
fn pair(first: (Kind, u64), second: (Kind, u64)) -> Option<u8> {
    let code = match (first, second) {
        ((Kind::Add, add @ 1..=4), (Kind::Copy(mode), copy @ 4..=6)) if mode < FIRST_SAME => {
            163 + 12 * mode + 3 * (add as u8 - 1) + (copy as u8 - 4)
        }
        ((Kind::Add, add @ 1..=4), (Kind::Copy(mode), 4)) => 235 + 4 * (mode - FIRST_SAME) + (add as u8 - 1),
        ((Kind::Copy(mode), 4), (Kind::Add, 1)) => 247 + mode,
        _ => return None,
    };
    debug_assert_eq!(
        instructions(code),
        [first, second].map(|(kind, size)| Instruction { kind, size: size as u8 })
    );
    Some(code)
}
