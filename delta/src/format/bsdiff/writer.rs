//! Writes operations as a BSDIFF40 patch, for bspatch.

#![allow(clippy::cast_possible_truncation, reason = "positions are inside of mapped images, so they fit")]

use super::header::{Header, encoded};
use crate::error::Error;
use crate::op::Op;
use bzip2::Compression;
use bzip2::write::BzEncoder;
use std::io::Write;

/// bspatch counts the bytes of one operation in 32 bits.
const MOST: u64 = 1 << 30;

/// An operation of the format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Triple {
    add: u64,
    extra: u64,
    /// How far to move in the base behind what is added.
    seek: i64,
}

/// Writes a patch of `ops`, which cover `new` from front to back, to `out`; returns its length. The patch is in memory
/// before it is written.
///
/// # Errors
/// `Io` from `out`, and those of `tick`, which is called with the target bytes done.
pub fn write(
    ops: &[Op],
    old: &[u8],
    new: &[u8],
    out: &mut dyn Write,
    tick: &(dyn Fn(u64) -> Result<(), Error> + Sync),
) -> Result<u64, Error> {
    let triples = triples(ops);
    let (control, (difference, extra)) = rayon::join(
        || control(&triples),
        || rayon::join(|| difference(&triples, old, new, tick), || extra(&triples, new)),
    );
    let (control, difference, extra) = (control?, difference?, extra?);
    let header = Header {
        control_len: control.len() as u64,
        difference_len: difference.len() as u64,
        target_size: new.len() as u64,
    };
    let failed = |source| Error::Io { action: "write the delta", path: "output".into(), source };
    let mut len = 0;
    for bytes in [&header.encode(), &control, &difference, &extra] {
        out.write_all(bytes).map_err(failed)?;
        len += bytes.len() as u64;
    }
    Ok(len)
}

/// Joins operations to triples; neighbours that go on in the base become one.
fn triples(ops: &[Op]) -> Vec<Triple> {
    let mut out: Vec<Triple> = Vec::new();
    let (mut triple, mut base_at) = (Triple::default(), 0_u64);
    for &op in ops {
        let (base, mut left) = match op {
            Op::Copy { base, len } | Op::Add { base, len } => (Some(base), len),
            Op::Zero { len } | Op::Literal { len } => (None, len),
        };
        if let Some(base) = base {
            if triple.extra > 0 || base != base_at {
                triple.seek = base.wrapping_sub(base_at) as i64;
                out.push(std::mem::take(&mut triple));
                base_at = base;
            }
        }
        while left > 0 {
            let field = if base.is_some() { &mut triple.add } else { &mut triple.extra };
            let now = left.min(MOST - *field);
            *field += now;
            left -= now;
            if base.is_some() {
                base_at += now;
            }
            if left > 0 {
                out.push(std::mem::take(&mut triple));
            }
        }
    }
    if triple != Triple::default() {
        out.push(triple);
    }
    out
}

/// Packs what comes out of memory into memory.
fn packer() -> BzEncoder<Vec<u8>> {
    BzEncoder::new(Vec::new(), Compression::best())
}

fn packing(source: std::io::Error) -> Error {
    Error::Io { action: "encode", path: "bzip2".into(), source }
}

fn control(triples: &[Triple]) -> Result<Vec<u8>, Error> {
    let mut out = packer();
    for &Triple { add, extra, seek } in triples {
        for number in [add as i64, extra as i64, seek] {
            out.write_all(&encoded(number)).map_err(packing)?;
        }
    }
    out.finish().map_err(packing)
}

fn difference(
    triples: &[Triple],
    old: &[u8],
    new: &[u8],
    tick: &(dyn Fn(u64) -> Result<(), Error> + Sync),
) -> Result<Vec<u8>, Error> {
    let mut out = packer();
    let (mut from, mut to, mut told) = (0_u64, 0_u64, 0);
    let mut piece = Vec::new();
    for &Triple { add, extra, seek } in triples {
        let (base, target) = (&old[from as usize..][..add as usize], &new[to as usize..][..add as usize]);
        for (base, target) in base.chunks(1 << 16).zip(target.chunks(1 << 16)) {
            piece.clear();
            piece.extend(target.iter().zip(base).map(|(target, base)| target.wrapping_sub(*base)));
            out.write_all(&piece).map_err(packing)?;
        }
        from = (from + add).wrapping_add_signed(seek);
        to += add + extra;
        if to - told > 1 << 20 {
            told = to;
            tick(to)?;
        }
    }
    out.finish().map_err(packing)
}

fn extra(triples: &[Triple], new: &[u8]) -> Result<Vec<u8>, Error> {
    let (mut out, mut to) = (packer(), 0_u64);
    for &Triple { add, extra, .. } in triples {
        to += add;
        out.write_all(&new[to as usize..][..extra as usize]).map_err(packing)?;
        to += extra;
    }
    out.finish().map_err(packing)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_become_triples() {
        let ops = [
            Op::Literal { len: 3 },
            Op::Copy { base: 10, len: 4 },
            Op::Add { base: 14, len: 5 },
            Op::Zero { len: 2 },
            Op::Literal { len: 1 },
            Op::Copy { base: 2, len: (1 << 30) + 7 },
        ];
        assert_eq!(
            triples(&ops),
            [
                Triple { add: 0, extra: 3, seek: 10 },
                Triple { add: 9, extra: 3, seek: -17 },
                Triple { add: 1 << 30, extra: 0, seek: 0 },
                Triple { add: 7, extra: 0, seek: 0 },
            ]
        );
        assert_eq!(triples(&[]), []);
    }
}
