//! How large a delta will be at the default level, before it is made.
//!
//! What can be had quickly is exact: which blocks of 4 KiB the old image has, and what remains of which file. Of that
//! remainder a sample is aligned and coded by the real coder, and what it takes is scaled to the whole, apart for files
//! of machine code, other files that have a predecessor, and what has none.

use crate::error::Error;
use crate::fold::generate::Folding;
use crate::format::native::cut::Images;
use crate::format::native::header::Header;
use crate::format::native::writer::{self, Written};
use crate::generate::{Plan, in_pool, plan};
use crate::matching::budget::Budget;
use crate::matching::unit::{self, Placed};
use crate::matching::units::in_order;
use crate::op::Op;
use crate::options::GenerateOptions;
use crate::progress::Phase;
use crate::proof::Proof;
use crate::reading::Reading;
use crate::source::blocks::{BLOCK, Source};
use crate::source::units::{Unit, slice};
use rayon::prelude::*;
use std::io::Cursor;

/// An estimate. Lengths are in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Estimate {
    /// Of the delta, most likely.
    pub delta_len: u64,
    /// Of what is not found in whole blocks of the old image; of unpacked content where there is any.
    pub changed: u64,
    /// Of that, what was coded.
    pub coded: u64,
}

/// Target of one sample at most, in bytes.
const SAMPLE: usize = 2 << 20;
/// Base of one sample at most, in bytes: what indexing costs.
const BASE: usize = 6 << 20;
/// Work on the samples of one class: bytes of base and target, target counted this many times since coding is slow.
const WORK: u64 = 28 << 20;
const TARGET_WEIGHT: u64 = 6;

/// What changes alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    /// Machine code that has a predecessor.
    Code,
    /// Other content that has one.
    Content,
    /// What has none, or belongs to no file.
    Other,
}

const CLASSES: [Class; 3] = [Class::Code, Class::Content, Class::Other];

fn class(unit: &Unit, new: &[u8]) -> Class {
    match &unit.files {
        Some([_, file]) if file.begins_with(new, b"\x7fELF") => Class::Code,
        Some(_) => Class::Content,
        None => Class::Other,
    }
}

/// Estimates the delta that [`crate::generate::generate`] would make with `options`.
///
/// # Errors
/// As there, but for what proving tells.
pub fn estimate(old: &[u8], new: &[u8], options: &GenerateOptions<'_>) -> Result<Estimate, Error> {
    options.layout.check()?;
    in_pool(options, || {
        options.tick(Phase::Compare, 0, new.len() as u64)?;
        let reading = Reading::of(options);
        let folding = if options.unpack { Folding::guessed(old, new, options)? } else { None };
        match &folding {
            Some(folding) => {
                let (old, new) = folding.images();
                let plan = plan(old, new, Some(folding.maps()), &reading)?;
                let options = GenerateOptions { layout: Folding::layout(&options.layout), ..*options };
                let estimate = of_plan(old, new, &plan, &options)?;
                Ok(Estimate { delta_len: estimate.delta_len + folding.section_len(), ..estimate })
            }
            None => of_plan(old, new, &plan(old, new, None, &reading)?, options),
        }
    })
}

fn of_plan(old: &[u8], new: &[u8], plan: &Plan, options: &GenerateOptions<'_>) -> Result<Estimate, Error> {
    let changed: u64 = plan.units.iter().map(|unit| unit.target_len() as u64).sum();
    // Copies alone, with nothing where something else is to be.
    let bare = coded_len(old, new, &plan.sources, Vec::new(), options)?;
    let (mut classes, reading) = (Vec::new(), Reading::of(options));
    for class in CLASSES {
        options.tick(Phase::Match, 0, changed)?;
        let units: Vec<&Unit> = plan.units.iter().filter(|unit| self::class(unit, new) == class).collect();
        classes.push((units.iter().map(|unit| unit.target_len() as u64).sum::<u64>(), samples(&units)));
    }
    let budget = Budget::new(options.memory_budget);
    let solve = |unit: &Unit| {
        let _share = budget.take(unit::memory(unit));
        unit::solve(unit, old, new, &reading)
    };
    let coded: Vec<(u64, [Coded; 2])> = classes
        .into_par_iter()
        .map(|(total, samples)| {
            let placed: Vec<Vec<Placed>> = samples.par_iter().map(solve).collect::<Result<_, _>>()?;
            let code = |step: usize| -> Result<Coded, Error> {
                let len: u64 = samples.iter().step_by(step).map(|unit| unit.target_len() as u64).sum();
                let placed: Vec<Placed> = placed.iter().step_by(step).flatten().copied().collect();
                let bytes = if placed.is_empty() { 0 } else { coded_len(old, new, &[], placed, options)? };
                // What a delta has in any case is counted once, with the copies.
                Ok(Coded { len, bytes: bytes.saturating_sub(Header::LEN as u64) })
            };
            let all = code(1)?;
            let half = if all.len < total { code(2)? } else { all };
            Ok((total, [half, all]))
        })
        .collect::<Result<_, Error>>()?;
    let mut estimate = Estimate { delta_len: bare, changed, coded: 0 };
    for (total, [half, all]) in coded {
        estimate.delta_len = estimate.delta_len.saturating_add(scaled(total, half, all));
        estimate.coded += all.len;
    }
    Ok(estimate)
}

/// What a sample took.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Coded {
    /// Bytes of target.
    len: u64,
    /// Bytes of delta.
    bytes: u64,
}

/// How fast the cost grows at least, as a power of the length.
const LEAST_GROWTH: f64 = 0.6;

/// What `total` bytes take, if the cost goes on growing as it did from half of the sample to all of it: the model
/// learns on the way.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "an estimate; what is too large for a number becomes the largest one"
)]
fn scaled(total: u64, half: Coded, all: Coded) -> u64 {
    if all.len == 0 || total <= all.len {
        return all.bytes;
    }
    let ratio = |a: u64, b: u64| a as f64 / b as f64;
    let growth = if half.bytes == 0 || half.len == 0 || half.len >= all.len {
        1.0
    } else {
        ratio(all.bytes, half.bytes).ln() / ratio(all.len, half.len).ln()
    };
    let growth = if growth.is_finite() { growth.clamp(LEAST_GROWTH, 1.0) } else { 1.0 };
    (all.bytes as f64 * ratio(total, all.len).powf(growth)) as u64
}

/// Pieces of `units`, evenly spread over them.
fn samples(units: &[&Unit]) -> Vec<Unit> {
    let mut pieces = Vec::new();
    for unit in units {
        let (len, base_len) = (unit.target_len(), unit.base_len());
        for from in (0..len).step_by(SAMPLE) {
            let target = slice(&unit.target, from, SAMPLE);
            // The same place in proportion, as units of large files have it.
            let start = if base_len <= BASE {
                0
            } else {
                let middle = from as u128 * base_len as u128 / len as u128;
                usize::try_from(middle).unwrap_or(0).saturating_sub(BASE / 2).min(base_len - BASE)
            };
            let base = slice(&unit.base, start, BASE);
            pieces.push(Unit { target, base, files: unit.files.clone() });
        }
    }
    let work: u64 = pieces.iter().map(work).sum();
    // The part of the pieces that is taken: each has the same chance, whatever its length.
    let due = |nth: usize| nth as u128 * u128::from(WORK.min(work)) / u128::from(work.max(1));
    let mut chosen: Vec<Unit> = Vec::new();
    for (nth, piece) in pieces.into_iter().enumerate() {
        if due(nth + 1) > due(nth) {
            chosen.push(piece);
        }
    }
    chosen
}

fn work(unit: &Unit) -> u64 {
    unit.base_len() as u64 + TARGET_WEIGHT * unit.target_len() as u64
}

/// Bytes of a delta that has these operations, and nothing elsewhere.
fn coded_len(
    old: &[u8],
    new: &[u8],
    sources: &[Source],
    placed: Vec<Placed>,
    options: &GenerateOptions<'_>,
) -> Result<u64, Error> {
    let mut placed = placed;
    fill(sources, &mut placed, new.len());
    let ops = in_order(sources, placed, new.len() as u64);
    let images = Images { old, new, sha256: [[0; 32]; 2] };
    let tick = |_, _| options.tick(Phase::Pack, 0, 0);
    let written = Written { images, front: None, layout: &options.layout, stop: options.stop() };
    Ok(writer::write(ops, &written, &mut Cursor::new(Vec::new()), &mut Proof::none(), &tick)?.1)
}

/// Puts zeros where neither `sources` nor `placed` has anything.
fn fill(sources: &[Source], placed: &mut Vec<Placed>, len: usize) {
    placed.sort_unstable_by_key(|placed| placed.at);
    let blocks = sources.iter().enumerate();
    let known = blocks.filter(|(_, source)| **source != Source::Unknown).map(|(block, _)| {
        let at = block * BLOCK;
        (at as u64, BLOCK.min(len - at) as u64)
    });
    let mut covered: Vec<(u64, u64)> = placed.iter().map(|placed| (placed.at, placed.op.len())).collect();
    covered.extend(known);
    covered.sort_unstable();
    covered.push((len as u64, 0));
    let mut reached = 0;
    for (at, len) in covered {
        if at > reached {
            placed.push(Placed { at: reached, op: Op::Zero { len: at - reached } });
        }
        reached = reached.max(at + len);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::similar::Range;

    #[test]
    fn growth_goes_on_as_it_did() {
        let coded = |len, bytes| Coded { len, bytes };
        assert_eq!(scaled(100, coded(50, 20), coded(100, 40)), 40);
        assert_eq!(scaled(400, coded(50, 20), coded(100, 40)), 160);
        // A cost that grows to 1.6 times where the length doubles, and again, and again.
        let found = scaled(400, coded(50, 50), coded(100, 80));
        assert!((204..=205).contains(&found), "{found}");
        // Neither faster than the length nor hardly at all.
        assert_eq!(scaled(400, coded(50, 1), coded(100, 40)), 160);
        assert!(scaled(400, coded(50, 40), coded(100, 40)) > 80);
        assert_eq!(scaled(0, coded(0, 0), coded(0, 0)), 0);
    }

    #[test]
    fn gaps_are_filled_and_nothing_else() {
        let mut placed = vec![
            Placed { at: 9000, op: Op::Literal { len: 10 } },
            Placed { at: 100, op: Op::Literal { len: 50 } },
        ];
        fill(&[Source::Unknown, Source::Zero], &mut placed, 3 * BLOCK);
        let mut reached = 0;
        placed.push(Placed { at: 4096, op: Op::Zero { len: 4096 } });
        placed.sort_unstable_by_key(|placed| placed.at);
        for placed in &placed {
            assert_eq!(placed.at, reached);
            reached += placed.op.len();
        }
        assert_eq!(reached, 3 * BLOCK as u64);
    }

    #[test]
    fn samples_are_spread_and_bounded() {
        let unit = |at: usize, len| Unit {
            target: vec![Range { at, len }],
            base: vec![Range { at: 0, len: 50 << 20 }],
            files: None,
        };
        let units: Vec<Unit> = (0..40).map(|i| unit(i << 24, 16 << 20)).collect();
        let chosen = samples(&units.iter().collect::<Vec<_>>());
        assert!(chosen.iter().map(work).sum::<u64>() <= 2 * WORK);
        assert!(!chosen.is_empty());
        assert!(chosen.iter().all(|piece| piece.base_len() <= BASE && piece.target_len() <= SAMPLE));
        let few = [unit(0, 5000)];
        assert_eq!(samples(&few.iter().collect::<Vec<_>>()).len(), 1);
    }
}
