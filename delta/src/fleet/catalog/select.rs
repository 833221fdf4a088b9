//! Which Artifact a device gets, and why not the others.

use super::device::Device;
use super::index::Catalog;
use super::matching::{accepts, reports_module};
use super::mismatch::Mismatch;
use super::summary::ArtifactSummary;
use serde::Serialize;
use std::collections::BTreeSet;

/// Which Artifacts are looked at.
#[derive(Debug, Clone, Copy, Default)]
pub enum Candidates<'a> {
    /// All of the tenant's.
    #[default]
    All,
    /// Those of a release.
    Release(&'a str),
    /// Those with these identifiers; each is looked at once.
    Ids(&'a [String]),
}

/// What is asked for.
#[derive(Debug, Clone, Copy, Default)]
pub struct Request<'a> {
    /// What there is to choose from.
    pub candidates: Candidates<'a>,
    /// Only these are allowed, such as those of a deployment; without it all are.
    pub allowed: Option<&'a BTreeSet<String>>,
    /// Most bytes of an Artifact.
    pub max_bytes: Option<u64>,
    /// Whether the device refuses what is not signed.
    pub require_signed: bool,
    /// Whether a delta is only for devices that report its Update Module. Mender's server does not ask that of deltas that
    /// people upload.
    pub require_module: bool,
    /// Whether devices may get the release that they run.
    pub reinstall: bool,
}

/// An Artifact that was not taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Refused {
    /// Its identifier.
    pub id: String,
    /// Why not.
    #[serde(flatten)]
    pub why: Mismatch,
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selection<'c> {
    /// What the device should get.
    pub taken: Option<&'c ArtifactSummary>,
    /// All other candidates, in the order of their identifiers.
    pub refused: Vec<Refused>,
}

impl Catalog {
    /// The smallest of the candidates that the device would take; of those of the same size the one whose identifier comes
    /// first. Every other candidate comes with the reason.
    #[must_use]
    pub fn select(&self, device: &Device, request: &Request<'_>) -> Selection<'_> {
        let mut refused = Vec::new();
        let mut fitting: Vec<&ArtifactSummary> = Vec::new();
        let mut look = |artifact: &'_ ArtifactSummary| -> bool {
            match objection(artifact, device, request) {
                None => true,
                Some(why) => {
                    refused.push(Refused { id: artifact.id.clone(), why });
                    false
                }
            }
        };
        match request.candidates {
            Candidates::All => fitting.extend(self.iter().filter(|artifact| look(artifact))),
            Candidates::Release(name) => fitting.extend(self.release(name).filter(|artifact| look(artifact))),
            Candidates::Ids(ids) => {
                let ids: BTreeSet<&String> = ids.iter().collect();
                fitting.extend(ids.iter().filter_map(|id| self.get(id)).filter(|artifact| look(artifact)));
                let unknown = ids.into_iter().filter(|id| self.get(id).is_none());
                refused.extend(unknown.map(|id| Refused { id: id.clone(), why: Mismatch::UnknownId }));
            }
        }
        let taken = fitting.iter().copied().min_by_key(|artifact| (artifact.size, &artifact.id));
        if let Some(taken) = taken {
            let others = fitting.into_iter().filter(|other| other.id != taken.id);
            refused.extend(others.map(|other| Refused {
                id: other.id.clone(),
                why: Mismatch::Larger { than: taken.id.clone() },
            }));
        }
        refused.sort_by(|one, other| one.id.cmp(&other.id));
        Selection { taken, refused }
    }
}

/// Why this device cannot get this Artifact at all.
fn objection(artifact: &ArtifactSummary, device: &Device, request: &Request<'_>) -> Option<Mismatch> {
    if request.allowed.is_some_and(|allowed| !allowed.contains(&artifact.id)) {
        return Some(Mismatch::NotAllowed);
    }
    if let Err(why) = accepts(artifact, device) {
        return Some(why);
    }
    if !request.reinstall && device.artifact_name() == Some(artifact.name.as_str()) {
        return Some(Mismatch::AlreadyInstalled);
    }
    if let Some(limit) = request.max_bytes.filter(|limit| artifact.size > *limit) {
        return Some(Mismatch::TooLarge { limit, found: artifact.size });
    }
    if request.require_signed && !artifact.signed {
        return Some(Mismatch::Unsigned);
    }
    let module = artifact.delta_module().filter(|_| request.require_module);
    let missing = module.filter(|module| !reports_module(device, module));
    missing.map(|module| Mismatch::ModuleNotReported { module: module.to_owned() })
}
