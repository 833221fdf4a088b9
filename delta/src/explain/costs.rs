//! Counts, while a delta is applied, what each owner of the target costs.

use super::times;
use crate::apply::observer::{Comes, Observer};
use crate::fold::generate::owners::Owners;
use std::collections::HashMap;

/// Bytes at the start of a file that tell what it is.
const HEAD: usize = 8;

/// What an owner costs and where it comes from. Costs are in the unit of [`crate::entropy::spent`], all else in bytes.
#[derive(Debug, Clone, Default)]
pub(super) struct Tally {
    cost: u64,
    /// Of what is still packed.
    pub(super) packed_cost: u64,
    pub(super) copied: u64,
    /// Of `copied`, what stands at another place than in the base.
    pub(super) displaced: u64,
    pub(super) resembling: u64,
    pub(super) changed: u64,
    pub(super) times: u64,
    pub(super) stored: u64,
    /// Its first bytes.
    pub(super) head: [u8; HEAD],
    /// Bytes that come from each owner of the base.
    pub(super) sources: HashMap<usize, u64>,
}

impl Tally {
    pub(super) fn cost(&self) -> u64 {
        self.cost
    }
}

/// The observer.
pub(super) struct Costs<'o> {
    base: &'o Owners,
    target: &'o Owners,
    /// Both images, if operations are about them as they are.
    images: Option<[&'o [u8]; 2]>,
    tallies: Vec<Tally>,
}

impl<'o> Costs<'o> {
    pub(super) fn new(base: &'o Owners, target: &'o Owners, images: Option<[&'o [u8]; 2]>) -> Self {
        Costs { base, target, images, tallies: vec![Tally::default(); target.all.len()] }
    }

    /// What was counted, in the order of the target's owners.
    pub(super) fn into_tallies(self) -> Vec<Tally> {
        self.tallies
    }

    fn spend(&mut self, stretch: usize, cost: u64) {
        // An empty target has no stretch, and costs nothing but overhead.
        let Some(stretch) = self.target.stretches.get(stretch) else { return };
        let tally = &mut self.tallies[stretch.owner];
        tally.cost += cost;
        if stretch.is_packed {
            tally.packed_cost += cost;
        }
    }

    /// How many of `new` at `at` are not those of `old` at `base`, and how many of these look like times.
    fn changes(&self, base: u64, old: &[u8], at: u64, new: &[u8]) -> (u64, u64) {
        let around = |image: &'o [u8], at: u64| {
            let at = usize::try_from(at).ok()?.checked_sub(times::MARGIN)?;
            image.get(at..at.checked_add(new.len() + 2 * times::MARGIN)?)
        };
        let wide = self.images.and_then(|[was, is]| around(was, base).zip(around(is, at)));
        match wide {
            Some((old, is)) => {
                let range = times::MARGIN..times::MARGIN + new.len();
                times::changes(old, is, range, at.wrapping_sub(times::MARGIN as u64))
            }
            None => times::changes(old, new, 0..new.len(), at),
        }
    }

    /// Counts `bytes`, which all lie in one stretch; returns how much of a common cost they are to bear.
    fn count(&mut self, stretch: usize, at: u64, comes: Comes<'_>, bytes: &[u8]) -> u64 {
        let (base, len) = (self.base, bytes.len() as u64);
        let (changed, times) = match comes {
            Comes::Resembles { base, old } => self.changes(base, old, at, bytes),
            _ => (0, 0),
        };
        let Some(stretch) = self.target.stretches.get(stretch) else { return len };
        let tally = &mut self.tallies[stretch.owner];
        let offset = stretch.offset.saturating_add(at - stretch.start);
        if let Some(head) = usize::try_from(offset).ok().and_then(|offset| tally.head.get_mut(offset..)) {
            head.iter_mut().zip(bytes).for_each(|(head, byte)| *head = *byte);
        }
        let mut source = |from: u64| {
            let mut done = 0;
            while done < len {
                let Some(stretch) = base.stretches.get(base.index_at(from + done)) else { return };
                let here = stretch.end.saturating_sub(from + done).clamp(1, len - done);
                *tally.sources.entry(stretch.owner).or_default() += here;
                done += here;
            }
        };
        match comes {
            Comes::Zero => 0,
            Comes::Stored => {
                tally.stored += len;
                len
            }
            Comes::Copied { base } => {
                source(base);
                tally.copied += len;
                tally.displaced += if base == at { 0 } else { len };
                0
            }
            Comes::Resembles { base, .. } => {
                source(base);
                tally.resembling += len;
                tally.changed += changed;
                tally.times += times;
                changed
            }
        }
    }
}

/// The part of `comes` from `from` on, `len` bytes of it.
fn part(comes: Comes<'_>, from: usize, len: usize) -> Comes<'_> {
    match comes {
        Comes::Copied { base } => Comes::Copied { base: base + from as u64 },
        Comes::Resembles { base, old } => {
            Comes::Resembles { base: base + from as u64, old: old.get(from..from + len).unwrap_or_default() }
        }
        other => other,
    }
}

impl Observer for Costs<'_> {
    fn operation(&mut self, at: u64, cost: u64) {
        self.spend(self.target.index_at(at), cost);
    }

    fn together(&self, at: u64) -> u64 {
        let stretch = self.target.stretches.get(self.target.index_at(at));
        stretch.map_or(1, |stretch| stretch.end.saturating_sub(at).max(1))
    }

    fn bytes(&mut self, at: u64, comes: Comes<'_>, bytes: &[u8], cost: u64) {
        let mut parts = Vec::new();
        let (mut done, mut index) = (0, self.target.index_at(at));
        while done < bytes.len() {
            let here = at + done as u64;
            let end = self.target.stretches.get(index).map_or(u64::MAX, |stretch| stretch.end);
            let len = usize::try_from(end.saturating_sub(here)).unwrap_or(usize::MAX);
            let len = len.clamp(1, bytes.len() - done);
            let weight = self.count(index, here, part(comes, done, len), &bytes[done..done + len]);
            parts.push((index, weight));
            done += len;
            index += 1;
        }
        // What several bear together is divided by what changed in each; by nothing, the first bears it.
        let total: u64 = parts.iter().map(|(_, weight)| weight).sum();
        let (mut before, mut spent) = (0_u64, 0);
        for (nth, (index, weight)) in parts.into_iter().enumerate() {
            before += weight;
            let so_far = if total == 0 {
                if nth == 0 { cost } else { spent }
            } else {
                // Both are far below 2^63, their product below 2^127.
                u64::try_from(u128::from(cost) * u128::from(before) / u128::from(total)).unwrap_or(cost)
            };
            self.spend(index, so_far.max(spent) - spent);
            spent = so_far.max(spent);
        }
    }
}
