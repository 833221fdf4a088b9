//! All units of an image: solved side by side, and put in the order of the image.

use super::budget::Budget;
use super::unit::{self, Placed};
use crate::error::Error;
use crate::op::Op;
use crate::options::GenerateOptions;
use crate::progress::Phase;
use crate::reading::Reading;
use crate::source::blocks::{BLOCK, Source};
use crate::source::units::Unit;
use rayon::prelude::*;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

/// Solves all units, largest first, as many at once as threads and memory allow.
pub(crate) fn solve_all(
    units: &[Unit],
    old: &[u8],
    new: &[u8],
    options: &GenerateOptions<'_>,
) -> Result<Vec<Placed>, Error> {
    let mut order: Vec<&Unit> = units.iter().collect();
    order.sort_by_key(|unit| std::cmp::Reverse(unit::memory(unit)));
    let total: u64 = units.iter().map(|unit| unit.target_len() as u64).sum();
    let (next, done, budget) = (AtomicUsize::new(0), AtomicU64::new(0), Budget::new(options.memory_budget));
    let result = Mutex::new(Ok(Vec::new()));
    let reading = Reading::of(options);
    let work = || -> Result<(), Error> {
        while let Some(unit) = order.get(next.fetch_add(1, Ordering::Relaxed)) {
            options.tick(Phase::Match, done.load(Ordering::Relaxed), total)?;
            let placed = {
                let _share = budget.take(unit::memory(unit));
                unit::solve(unit, old, new, &reading)?
            };
            done.fetch_add(unit.target_len() as u64, Ordering::Relaxed);
            if let Ok(all) = &mut *result.lock().unwrap_or_else(PoisonError::into_inner) {
                all.extend(placed);
            }
        }
        Ok(())
    };
    rayon::broadcast(|_| {
        if let Err(error) = work() {
            next.store(order.len(), Ordering::Relaxed);
            *result.lock().unwrap_or_else(PoisonError::into_inner) = Err(error);
        }
    });
    result.into_inner().unwrap_or_else(PoisonError::into_inner)
}

/// All operations from front to back; neighbours that continue each other become one.
pub(crate) fn in_order(sources: &[Source], placed: Vec<Placed>, target_len: u64) -> Vec<Op> {
    let mut all = placed;
    for (block, source) in sources.iter().enumerate() {
        let at = (block * BLOCK) as u64;
        let len = (BLOCK as u64).min(target_len - at);
        match *source {
            Source::Zero => all.push(Placed { at, op: Op::Zero { len } }),
            Source::Old(from) => {
                all.push(Placed { at, op: Op::Copy { base: u64::from(from) * BLOCK as u64, len } });
            }
            Source::Unknown => {}
        }
    }
    all.par_sort_unstable_by_key(|placed| placed.at);
    let mut ops: Vec<Op> = Vec::new();
    for Placed { op, .. } in all {
        match (ops.last_mut(), op) {
            (Some(Op::Copy { base, len }), Op::Copy { base: from, len: more }) if *base + *len == from => {
                *len += more
            }
            (Some(Op::Add { base, len }), Op::Add { base: from, len: more }) if *base + *len == from => {
                *len += more
            }
            (Some(Op::Zero { len }), Op::Zero { len: more }) => *len += more,
            (Some(Op::Literal { len }), Op::Literal { len: more }) => *len += more,
            _ => ops.push(op),
        }
    }
    ops
}
