//! Sums up the answers for the states of a fleet.

use super::fleet::{FleetOptions, Group};
use super::fleet_plan::{FleetPlan, Share, SizeFrom, WorthMaking};
use super::insight::{Insight, Pair};
use super::policy::{DeltaKind, Policy};
use super::reason::FullReason;
use super::single::Plan;
use crate::fleet::catalog::mismatch::Mismatch;
use crate::fleet::catalog::select::Refused;
use std::collections::{BTreeMap, BTreeSet};

/// What was planned so far.
#[derive(Default)]
pub(super) struct Sum<'c> {
    plan: FleetPlan,
    deltas: BTreeMap<(&'c str, &'c str, DeltaKind), Wanted<'c>>,
    existing: BTreeMap<String, Share>,
    full: BTreeMap<(String, Vec<FullReason>), Share>,
    nothing: BTreeMap<BTreeSet<&'static str>, Share>,
}

/// A delta that somebody wants.
struct Wanted<'c> {
    pair: Pair<'c>,
    under_way: bool,
    devices: u64,
    example: Option<String>,
}

impl Wanted<'_> {
    /// Bytes saved by a delta of this length.
    fn saved(&self, delta_len: u64) -> u64 {
        self.devices.saturating_mul(self.pair.to.size.saturating_sub(delta_len))
    }
}

impl<'c> Sum<'c> {
    /// Of devices in so many states.
    pub(super) fn of(states: usize) -> Self {
        Self { plan: FleetPlan { states, ..FleetPlan::default() }, ..Self::default() }
    }

    /// Adds the answer for the devices in one state.
    pub(super) fn add(&mut self, plan: Plan<'c>, refused: Vec<Refused>, group: Group) {
        self.plan.devices = self.plan.devices.saturating_add(group.devices);
        let Group { devices, example } = group;
        let mut share =
            Share { artifact: None, devices: 0, example, reasons: Vec::new(), refused: Vec::new() };
        let share = match plan {
            Plan::Generate { from, to, algorithm, under_way, .. } => {
                let wanted = self.deltas.entry((&from.id, &to.id, algorithm)).or_insert_with(|| Wanted {
                    pair: Pair { from, to, kind: algorithm },
                    under_way,
                    devices: 0,
                    example: share.example,
                });
                wanted.devices = wanted.devices.saturating_add(devices);
                return;
            }
            Plan::Existing { artifact } => {
                share.artifact = Some(artifact.id.clone());
                self.existing.entry(artifact.id.clone()).or_insert(share)
            }
            Plan::Full { artifact, reasons } => {
                share.artifact = Some(artifact.id.clone());
                share.reasons.clone_from(&reasons);
                self.full.entry((artifact.id.clone(), reasons)).or_insert(share)
            }
            Plan::Nothing => {
                let codes = codes(&refused);
                share.refused = refused;
                self.nothing.entry(codes).or_insert(share)
            }
        };
        share.devices = share.devices.saturating_add(devices);
    }

    /// Sizes of the deltas, and everything in its order.
    pub(super) fn finish(
        mut self,
        insight: &dyn Insight,
        policy: &Policy,
        options: &FleetOptions,
    ) -> FleetPlan {
        let mut wanted: Vec<_> = std::mem::take(&mut self.deltas).into_values().collect();
        let ids = |wanted: &Wanted<'_>| (wanted.pair.from.id.clone(), wanted.pair.to.id.clone());
        wanted.sort_by_cached_key(|wanted| (std::cmp::Reverse(wanted.saved(0)), ids(wanted)));
        for (index, wanted) in wanted.into_iter().enumerate() {
            let estimate = || {
                if index < options.estimates { insight.estimate(&policy.tenant, &wanted.pair) } else { None }
            };
            let full = wanted.pair.to.size;
            let (delta, size_from) = match (estimate(), options.assumed_permille) {
                (Some(len), _) => (Some(len), SizeFrom::Estimated),
                (None, Some(permille)) => (Some(part(full, permille)), SizeFrom::Assumed),
                (None, None) => (None, SizeFrom::Unknown),
            };
            match delta.filter(|len| !policy.is_worth(*len, full)) {
                Some(len) => self.no_gain(wanted, len),
                None => self.plan.deltas.push(WorthMaking {
                    from: wanted.pair.from.id.clone(),
                    from_name: wanted.pair.from.name.clone(),
                    to: wanted.pair.to.id.clone(),
                    algorithm: wanted.pair.kind,
                    under_way: wanted.under_way,
                    devices: wanted.devices,
                    full_bytes: full,
                    delta_bytes: delta,
                    size_from,
                    saved_bytes: wanted.saved(delta.unwrap_or(0)),
                }),
            }
        }
        // Stable: those that save as much stay in the order of their identifiers.
        self.plan.deltas.sort_by_key(|delta| std::cmp::Reverse(delta.saved_bytes));
        self.plan.existing = most_first(self.existing.into_values());
        self.plan.full = most_first(self.full.into_values());
        self.plan.nothing = most_first(self.nothing.into_values());
        self.plan
    }

    fn no_gain(&mut self, wanted: Wanted<'_>, delta: u64) {
        let to = wanted.pair.to;
        let reasons = vec![FullReason::NoGain { delta, full: to.size }];
        let new = Share {
            artifact: Some(to.id.clone()),
            devices: 0,
            example: wanted.example,
            reasons: reasons.clone(),
            refused: Vec::new(),
        };
        let share = self.full.entry((to.id.clone(), reasons)).or_insert(new);
        share.devices = share.devices.saturating_add(wanted.devices);
    }
}

/// This many thousandths of `len`, rounded up.
fn part(len: u64, permille: u16) -> u64 {
    u64::try_from((u128::from(len) * u128::from(permille)).div_ceil(1000)).unwrap_or(u64::MAX)
}

/// Why there is nothing: that the release is installed is all there is to say; else all the reasons.
fn codes(refused: &[Refused]) -> BTreeSet<&'static str> {
    let installed = refused.iter().find(|refused| refused.why == Mismatch::AlreadyInstalled);
    match installed {
        Some(one) => BTreeSet::from([one.why.code()]),
        None => refused.iter().map(|refused| refused.why.code()).collect(),
    }
}

fn most_first(shares: impl Iterator<Item = Share>) -> Vec<Share> {
    let mut shares: Vec<Share> = shares.collect();
    shares.sort_by_key(|share| std::cmp::Reverse(share.devices));
    shares
}
