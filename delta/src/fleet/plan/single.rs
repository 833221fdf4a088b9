//! Delta or full image, for one device that asks.

use super::insight::{Insight, Known, Pair};
use super::policy::{DeltaKind, Policy};
use super::reason::FullReason;
use crate::artifact::CHECKSUM;
use crate::fleet::catalog::device::Device;
use crate::fleet::catalog::error::CatalogError;
use crate::fleet::catalog::index::Catalog;
use crate::fleet::catalog::matching::reports_module;
use crate::fleet::catalog::mismatch::Mismatch;
use crate::fleet::catalog::select::{Refused, Request};
use crate::fleet::catalog::summary::{ArtifactSummary, RootImage, VERSION};
use serde::Serialize;

/// What to send to a device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "plan", rename_all = "snake_case")]
pub enum Plan<'c> {
    /// No Artifact: none of the candidates is for this device.
    Nothing,
    /// This full image, or other Artifact that is no delta.
    Full {
        /// Which.
        #[serde(serialize_with = "id_of", rename = "id")]
        artifact: &'c ArtifactSummary,
        /// Everything that stands against a delta; at least one reason.
        reasons: Vec<FullReason>,
    },
    /// This delta, which exists.
    Existing {
        /// Which.
        #[serde(serialize_with = "id_of", rename = "id")]
        artifact: &'c ArtifactSummary,
    },
    /// A delta that is to be made, or is being made. Until it is there the device waits, or gets `to`.
    Generate {
        /// The full Artifact of what the device has.
        #[serde(serialize_with = "id_of")]
        from: &'c ArtifactSummary,
        /// The full Artifact that the device shall get.
        #[serde(serialize_with = "id_of")]
        to: &'c ArtifactSummary,
        /// In which format.
        algorithm: DeltaKind,
        /// Whether somebody makes it already.
        under_way: bool,
        /// About how many bytes it will have.
        estimate: Option<u64>,
    },
}

impl<'c> Plan<'c> {
    /// The delta that is to be made, if one is.
    #[must_use]
    pub fn pair(&self) -> Option<Pair<'c>> {
        match *self {
            Self::Generate { from, to, algorithm, .. } => Some(Pair { from, to, kind: algorithm }),
            Self::Nothing | Self::Full { .. } | Self::Existing { .. } => None,
        }
    }

    /// The Artifact that can be sent at once, which is the full one where a delta is to be made.
    #[must_use]
    pub fn artifact(&self) -> Option<&'c ArtifactSummary> {
        match *self {
            Self::Nothing => None,
            Self::Full { artifact, .. } | Self::Existing { artifact } => Some(artifact),
            Self::Generate { to, .. } => Some(to),
        }
    }
}

fn id_of<S: serde::Serializer>(artifact: &ArtifactSummary, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&artifact.id)
}

/// An answer, and why it is not another one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Answer<'c> {
    /// What to send.
    #[serde(flatten)]
    pub plan: Plan<'c>,
    /// The candidates that were not taken.
    pub refused: Vec<Refused>,
}

/// Decides for one device: the smallest Artifact that exists and fits, or the delta that should be made instead of a full
/// image.
///
/// A delta is made when the tenant has them made, the device reports the version and the checksum of its root file system,
/// a full Artifact has exactly both, the device reports an Update Module for a kind that may be made, and nothing of what
/// [`FullReason`] lists stands against it. `now` is the time in seconds since 1970.
///
/// # Errors
/// `TenantMismatch` when the policy is not that of the catalog's tenant.
pub fn plan<'c>(
    catalog: &'c Catalog,
    device: &Device,
    request: &Request<'_>,
    policy: &Policy,
    insight: &dyn Insight,
    now: u64,
) -> Result<Answer<'c>, CatalogError> {
    if *catalog.tenant() != policy.tenant {
        let (expected, found) = (catalog.tenant().clone(), policy.tenant.clone());
        return Err(CatalogError::TenantMismatch { expected, found });
    }
    let selection = catalog.select(device, request);
    let plan = match selection.taken {
        None => Plan::Nothing,
        Some(artifact) if artifact.delta_module().is_some() => Plan::Existing { artifact },
        Some(artifact) => {
            let larger = |refused: &&Refused| matches!(refused.why, Mismatch::Larger { .. });
            let mut others =
                selection.refused.iter().filter(larger).filter_map(|other| catalog.get(&other.id));
            match others.find(|other| other.delta_module().is_some()) {
                Some(delta) => Plan::Full {
                    artifact,
                    reasons: vec![FullReason::DeltaNotSmaller { id: delta.id.clone() }],
                },
                None => Question { catalog, device, request, policy, insight, now }.delta_to(artifact),
            }
        }
    };
    Ok(Answer { plan, refused: selection.refused })
}

/// Everything that the decision depends on.
struct Question<'c, 'q> {
    catalog: &'c Catalog,
    device: &'q Device,
    request: &'q Request<'q>,
    policy: &'q Policy,
    insight: &'q dyn Insight,
    now: u64,
}

impl<'c> Question<'c, '_> {
    /// A delta to this full Artifact, or why not.
    fn delta_to(&self, to: &'c ArtifactSummary) -> Plan<'c> {
        let full = |reasons| Plan::Full { artifact: to, reasons };
        let Some(new) = to.root_image() else { return full(vec![FullReason::NotARootImage]) };
        let mut reasons = self.of_tenant_and_device(&new);
        let kind = self.kind(&mut reasons);
        let from = match self.base(to, &new) {
            Ok((from, old)) => {
                let largest = old.size.max(new.size);
                if largest > self.policy.max_image_bytes {
                    reasons.push(FullReason::TooLarge { limit: self.policy.max_image_bytes, found: largest });
                }
                Some(from)
            }
            Err(why) => {
                reasons.extend(why);
                None
            }
        };
        let (Some(from), Some(kind), true) = (from, kind, reasons.is_empty()) else { return full(reasons) };
        self.of_pair(&Pair { from, to, kind }).unwrap_or_else(full)
    }

    /// What can be said before the base is known.
    fn of_tenant_and_device(&self, new: &RootImage<'_>) -> Vec<FullReason> {
        let mut reasons = Vec::new();
        if !self.policy.enabled {
            reasons.push(FullReason::DeltasDisabled);
        }
        if self.request.require_signed && !self.policy.can_sign {
            reasons.push(FullReason::CannotSign);
        }
        if self.device.get(VERSION).is_none() {
            reasons.push(FullReason::VersionNotReported);
        }
        match self.device.get(CHECKSUM) {
            None => reasons.push(FullReason::ChecksumNotReported),
            Some(checksum) if checksum == new.sha256 => reasons.push(FullReason::SameImage),
            Some(_) => {}
        }
        reasons
    }

    /// The best kind of delta that the device has a module and memory for.
    fn kind(&self, reasons: &mut Vec<FullReason>) -> Option<DeltaKind> {
        let mut short = None;
        for kind in
            self.policy.kinds.iter().copied().filter(|kind| reports_module(self.device, kind.module()))
        {
            let limit = self.device.get(&memory_key(kind.module())).and_then(|text| text.parse::<u64>().ok());
            match limit.filter(|limit| *limit < self.policy.decode_memory_bytes) {
                None => return Some(kind),
                Some(limit) => {
                    let found = self.policy.decode_memory_bytes;
                    short = short.or(Some(FullReason::DecodeMemory { limit, found }));
                }
            }
        }
        reasons.push(short.unwrap_or(FullReason::ModuleNotReported));
        None
    }

    /// The full Artifact with the root file system that the device reports; nothing to say when it does not report enough.
    fn base(
        &self,
        to: &ArtifactSummary,
        new: &RootImage<'_>,
    ) -> Result<(&'c ArtifactSummary, RootImage<'c>), Option<FullReason>> {
        let (Some(version), Some(checksum)) = (self.device.get(VERSION), self.device.get(CHECKSUM)) else {
            return Err(None);
        };
        if checksum == new.sha256 {
            return Err(None);
        }
        let mut exact = self.catalog.images(checksum).filter_map(|from| Some((from, from.root_image()?)));
        let mut known = false;
        let fits = exact.find(|(from, old)| {
            let both = old.version == Some(version);
            known |= both;
            let shared = |name: &String| to.device_types.contains(name);
            both && from.device_types.iter().any(shared)
        });
        match fits {
            Some(found) => Ok(found),
            None if known => Err(Some(FullReason::BaseDeviceType)),
            None if self.catalog.images(checksum).next().is_some() => {
                Err(Some(FullReason::BaseDiffers { field: "version" }))
            }
            None if self.catalog.versions(version).next().is_some() => {
                Err(Some(FullReason::BaseDiffers { field: "checksum" }))
            }
            None => Err(Some(FullReason::BaseUnknown)),
        }
    }

    /// What is known of the delta decides at last.
    fn of_pair(&self, pair: &Pair<'c>) -> Result<Plan<'c>, Vec<FullReason>> {
        let mut reasons = Vec::new();
        let tenant = self.catalog.tenant();
        let known = self.insight.known(tenant, pair);
        let under_way = known == Known::UnderWay;
        if let Known::Failed { code, text, until } = known {
            if until.is_none_or(|until| self.now < until) {
                reasons.push(FullReason::KnownFailure { code, text });
            }
        }
        if let Some(queue) = self.policy.queue.filter(|queue| !under_way && queue.waiting >= queue.most) {
            reasons.push(FullReason::QueueFull { limit: queue.most });
        }
        let estimate = self.insight.estimate(tenant, pair);
        if let Some(delta) = estimate.filter(|delta| !self.policy.is_worth(*delta, pair.to.size)) {
            reasons.push(FullReason::NoGain { delta, full: pair.to.size });
        }
        if !reasons.is_empty() {
            return Err(reasons);
        }
        Ok(Plan::Generate { from: pair.from, to: pair.to, algorithm: pair.kind, under_way, estimate })
    }
}

/// Key under which a device may report how much memory it has for applying deltas, in bytes.
pub(super) fn memory_key(module: &str) -> String {
    format!("rootfs-image.update-module.{module}.max_decode_mem")
}
