//! Which deltas are worth making before anyone asks, most bytes saved first.
//!
//! Devices come one by one. What they report is cut down to the keys that can change an answer, so that a hundred thousand
//! devices are a few dozen states; only those are planned for.

use super::fleet_plan::FleetPlan;
use super::insight::{Insight, Known, Pair};
use super::policy::{DeltaKind, Policy};
use super::single::{memory_key, plan};
use super::sum::Sum;
use crate::artifact::CHECKSUM;
use crate::fleet::catalog::device::{CLIENT_VERSION, Device};
use crate::fleet::catalog::error::CatalogError;
use crate::fleet::catalog::index::Catalog;
use crate::fleet::catalog::matching::module_key;
use crate::fleet::catalog::select::{Candidates, Request};
use crate::fleet::catalog::summary::{ARTIFACT_GROUP, ARTIFACT_NAME, ArtifactSummary, DEVICE_TYPE, VERSION};
use crate::fleet::tenant::TenantId;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Most keys that may decide about an answer.
pub const MAX_DECIDING_KEYS: usize = 4096;

/// How a fleet is planned for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FleetOptions {
    /// Most states that devices may be in, as far as the answer depends on them.
    pub states: usize,
    /// Most bytes of what they report under the keys that decide, equal states counted once.
    pub bytes: usize,
    /// How many deltas [`Insight::estimate`] is asked about: those first that could save the most.
    pub estimates: usize,
    /// What a delta takes that nobody has estimated, in thousandths of the full Artifact; without it nothing is assumed.
    pub assumed_permille: Option<u16>,
}

impl Default for FleetOptions {
    /// 200,000 states of 256 MiB; all are estimated; nothing is assumed.
    fn default() -> Self {
        Self { states: 200_000, bytes: 256 << 20, estimates: usize::MAX, assumed_permille: None }
    }
}

/// Collects what a fleet reports.
pub struct FleetPlanner<'c> {
    catalog: &'c Catalog,
    request: Request<'c>,
    policy: &'c Policy,
    keys: Vec<String>,
    states: HashMap<BTreeMap<String, String>, Group>,
    options: FleetOptions,
    /// Bytes in `states`.
    len: usize,
}

/// Devices in the same state.
pub(super) struct Group {
    pub(super) devices: u64,
    pub(super) example: Option<String>,
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
        Ok(Self { catalog, request, policy, keys, states: HashMap::new(), options: *options, len: 0 })
    }

    /// The keys that can change an answer, sorted. Whoever reads devices need not keep others.
    #[must_use]
    pub fn keys(&self) -> &[String] {
        &self.keys
    }

    /// Adds a device, or as many as it stands for.
    ///
    /// # Errors
    /// `Limit` when devices are in too many states, or report too much.
    pub fn add(&mut self, mut device: Device) -> Result<(), CatalogError> {
        if device.provides.len() > self.keys.len() || device.provides.keys().any(|key| !self.decides(key)) {
            let keys = &self.keys;
            device.provides.retain(|key, _| keys.binary_search(key).is_ok());
        }
        if let Some(group) = self.states.get_mut(&device.provides) {
            group.devices = group.devices.saturating_add(device.count);
            return Ok(());
        }
        let FleetOptions { states: most, bytes: most_bytes, .. } = self.options;
        if self.states.len() >= most {
            return Err(CatalogError::limit("states of devices", self.states.len() + 1, most));
        }
        let texts = device.provides.iter().flat_map(|(key, value)| [key, value]).chain(&device.id);
        self.len = self.len.saturating_add(texts.map(String::len).sum());
        if self.len > most_bytes {
            return Err(CatalogError::limit("states of devices, bytes", self.len, most_bytes));
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
    pub fn finish(self, insight: &dyn Insight, now: u64) -> Result<FleetPlan, CatalogError> {
        let policy = Policy { queue: None, ..self.policy.clone() };
        let mut states: Vec<_> = self.states.into_iter().collect();
        // The same answer whatever the order in which devices came.
        states.sort_by(|one, other| one.0.cmp(&other.0));
        let mut sum = Sum::of(states.len());
        for (provides, group) in states {
            let device = Device { id: None, provides, count: group.devices };
            let answer = plan(self.catalog, &device, &self.request, &policy, &WithoutEstimate(insight), now)?;
            sum.add(answer.plan, answer.refused, group);
        }
        Ok(sum.finish(insight, &policy, &self.options))
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
