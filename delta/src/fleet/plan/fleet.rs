//! Which deltas are worth making before anyone asks, most bytes saved first.
//!
//! Devices come one by one. What they report is cut down to the keys that can change an answer, so that a hundred thousand
//! devices are a few dozen states; only those are planned for.

use super::insight::{Insight, Known, Pair};
use super::policy::{DeltaKind, Policy};
use super::reason::FullReason;
use super::single::{Plan, memory_key, plan};
use crate::artifact::CHECKSUM;
use crate::fleet::catalog::device::{CLIENT_VERSION, Device};
use crate::fleet::catalog::error::CatalogError;
use crate::fleet::catalog::index::Catalog;
use crate::fleet::catalog::matching::module_key;
use crate::fleet::catalog::mismatch::Mismatch;
use crate::fleet::catalog::select::{Candidates, Refused, Request};
use crate::fleet::catalog::summary::{ARTIFACT_GROUP, ARTIFACT_NAME, ArtifactSummary, DEVICE_TYPE, VERSION};
use crate::fleet::tenant::TenantId;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Most keys that may decide about an answer.
pub const MAX_DECIDING_KEYS: usize = 4096;

/// How a fleet is planned for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FleetOptions {
    /// Most states that devices may be in, as far as the answer depends on them.
    pub states: usize,
    /// How many deltas [`Insight::estimate`] is asked about: those first that could save the most.
    pub estimates: usize,
    /// What a delta takes that nobody has estimated, in thousandths of the full Artifact; without it nothing is assumed.
    pub assumed_permille: Option<u16>,
}

impl Default for FleetOptions {
    /// 200,000 states; all are estimated; nothing is assumed.
    fn default() -> Self {
        Self { states: 200_000, estimates: usize::MAX, assumed_permille: None }
    }
}

/// Where the size of a delta is from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum SizeFrom {
    /// Nowhere.
    Unknown,
    /// [`FleetOptions::assumed_permille`].
    Assumed,
    /// [`Insight::estimate`].
    Estimated,
}

/// A delta that should be made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WorthMaking {
    /// Identifier of the Artifact that devices have.
    pub from: String,
    /// Name of its release.
    pub from_name: String,
    /// Identifier of the Artifact that they shall have.
    pub to: String,
    /// In which format.
    pub algorithm: DeltaKind,
    /// Whether somebody makes it already.
    pub under_way: bool,
    /// How many devices would get it.
    pub devices: u64,
    /// Bytes of the full Artifact.
    pub full_bytes: u64,
    /// Bytes of the delta, if something is known of that.
    pub delta_bytes: Option<u64>,
    /// From where.
    pub size_from: SizeFrom,
    /// Bytes that all these devices together need not download; without a size of the delta all that they would.
    pub saved_bytes: u64,
}

/// Devices that get the same Artifact, for the same reasons.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Share {
    /// The Artifact; `None` for those that get nothing.
    pub artifact: Option<String>,
    /// How many.
    pub devices: u64,
    /// One of them, if it has an identifier.
    pub example: Option<String>,
    /// Why no delta.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub reasons: Vec<FullReason>,
    /// Why nothing: the candidates, each with its reason, as for the example.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub refused: Vec<Refused>,
}

/// The answer for a fleet.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct FleetPlan {
    /// How many devices there are.
    pub devices: u64,
    /// In how many states, as far as the answer depends on them.
    pub states: usize,
    /// The deltas worth making, most bytes saved first.
    pub deltas: Vec<WorthMaking>,
    /// Devices that get a delta which exists.
    pub existing: Vec<Share>,
    /// Devices that get a full image.
    pub full: Vec<Share>,
    /// Devices that get nothing.
    pub nothing: Vec<Share>,
}

/// Collects what a fleet reports.
pub struct FleetPlanner<'c> {
    catalog: &'c Catalog,
    request: Request<'c>,
    policy: &'c Policy,
    keys: Vec<String>,
    states: HashMap<BTreeMap<String, String>, Group>,
    most: usize,
}

/// Devices in the same state.
struct Group {
    devices: u64,
    example: Option<String>,
}

impl<'c> FleetPlanner<'c> {
    /// Begins for the devices of one tenant.
    ///
    /// # Errors
    /// `TenantMismatch` when the policy is not that of the catalog's tenant, `Limit` when too many keys would matter.
    pub fn new(
        catalog: &'c Catalog,
        request: Request<'c>,
        policy: &'c Policy,
        options: &FleetOptions,
    ) -> Result<Self, CatalogError> {
        if *catalog.tenant() != policy.tenant {
            let (expected, found) = (catalog.tenant().clone(), policy.tenant.clone());
            return Err(CatalogError::TenantMismatch { expected, found });
        }
        let keys = deciding_keys(catalog, &request, policy)?;
        Ok(Self { catalog, request, policy, keys, states: HashMap::new(), most: options.states })
    }

    /// The keys that can change an answer, sorted. Whoever reads devices need not keep others.
    #[must_use]
    pub fn keys(&self) -> &[String] {
        &self.keys
    }

    /// Adds a device, or as many as it stands for.
    ///
    /// # Errors
    /// `Limit` when devices are in too many states.
    pub fn add(&mut self, mut device: Device) -> Result<(), CatalogError> {
        if device.provides.len() > self.keys.len() || device.provides.keys().any(|key| !self.decides(key)) {
            let keys = &self.keys;
            device.provides.retain(|key, _| keys.binary_search(key).is_ok());
        }
        if let Some(group) = self.states.get_mut(&device.provides) {
            group.devices = group.devices.saturating_add(device.count);
            return Ok(());
        }
        if self.states.len() >= self.most {
            return Err(CatalogError::limit("states of devices", self.states.len() + 1, self.most));
        }
        self.states.insert(device.provides, Group { devices: device.count, example: device.id });
        Ok(())
    }

    fn decides(&self, key: &String) -> bool {
        self.keys.binary_search(key).is_ok()
    }

    /// Plans for all of them. `now` is the time in seconds since 1970. The queue of the policy is not looked at: whoever
    /// makes deltas beforehand does so as there is room.
    ///
    /// # Errors
    /// Those of [`plan`].
    pub fn finish(
        self,
        insight: &dyn Insight,
        now: u64,
        options: &FleetOptions,
    ) -> Result<FleetPlan, CatalogError> {
        let policy = Policy { queue: None, ..self.policy.clone() };
        let mut states: Vec<_> = self.states.into_iter().collect();
        // The same answer whatever the order in which devices came.
        states.sort_by(|one, other| one.0.cmp(&other.0));
        let mut sum =
            Sum { plan: FleetPlan { states: states.len(), ..FleetPlan::default() }, ..Sum::default() };
        for (provides, group) in states {
            let device = Device { id: None, provides, count: group.devices };
            let answer = plan(self.catalog, &device, &self.request, &policy, &WithoutEstimate(insight), now)?;
            sum.add(answer.plan, answer.refused, group);
        }
        Ok(sum.finish(insight, &policy, options))
    }
}

/// All keys of a device that can make a difference.
fn deciding_keys(
    catalog: &Catalog,
    request: &Request<'_>,
    policy: &Policy,
) -> Result<Vec<String>, CatalogError> {
    let fixed = [DEVICE_TYPE, ARTIFACT_NAME, ARTIFACT_GROUP, CLIENT_VERSION, VERSION, CHECKSUM];
    let mut keys: BTreeSet<String> = fixed.map(str::to_owned).into();
    for kind in [DeltaKind::Native, DeltaKind::Xdelta3].iter().chain(&policy.kinds) {
        keys.extend([module_key(kind.module()), memory_key(kind.module())]);
    }
    let mut add = |artifact: &ArtifactSummary| -> Result<(), CatalogError> {
        keys.extend(artifact.depends.keys().filter(|key| !keys.contains(*key)).cloned().collect::<Vec<_>>());
        if keys.len() > MAX_DECIDING_KEYS {
            return Err(CatalogError::limit("keys that artifacts depend on", keys.len(), MAX_DECIDING_KEYS));
        }
        Ok(())
    };
    match request.candidates {
        Candidates::All => catalog.iter().try_for_each(&mut add)?,
        Candidates::Release(name) => catalog.release(name).try_for_each(&mut add)?,
        Candidates::Ids(ids) => ids.iter().filter_map(|id| catalog.get(id)).try_for_each(&mut add)?,
    }
    Ok(keys.into_iter().collect())
}

/// Answers what is known, but estimates nothing: that is done once for each delta, not for each state.
struct WithoutEstimate<'i>(&'i dyn Insight);

impl Insight for WithoutEstimate<'_> {
    fn known(&self, tenant: &TenantId, pair: &Pair<'_>) -> Known {
        self.0.known(tenant, pair)
    }
}

/// What was planned so far.
#[derive(Default)]
struct Sum<'c> {
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
    fn add(&mut self, plan: Plan<'c>, refused: Vec<Refused>, group: Group) {
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
    fn finish(mut self, insight: &dyn Insight, policy: &Policy, options: &FleetOptions) -> FleetPlan {
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
