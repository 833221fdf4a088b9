//! The reverse question: which devices have an Artifact, and which would take it.

use super::device::Device;
use super::matching::accepts;
use super::mismatch::Mismatch;
use super::summary::{ARTIFACT_GROUP, ARTIFACT_NAME, ArtifactSummary};
use std::collections::BTreeMap;

/// How a device and an Artifact stand to each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// The device has what the Artifact installs.
    Has,
    /// It does not, and would take it.
    Accepts,
    /// It does not, and would not take it.
    Refuses(Mismatch),
}

impl Standing {
    /// One lower-case word that programs can rely on: `has`, `accepts`, or a [`Mismatch::code`].
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Has => "has",
            Self::Accepts => "accepts",
            Self::Refuses(why) => why.code(),
        }
    }
}

/// Whether the device reports everything that the payload of the Artifact provides, such as the checksum of its root file
/// system; of an Artifact whose payload provides nothing, whether it reports its name. So a device has a root file system
/// also after a module has installed something else beside it under another name.
#[must_use]
pub fn has(device: &Device, artifact: &ArtifactSummary) -> bool {
    if !artifact.device_types.iter().any(|name| name == device.device_type()) {
        return false;
    }
    let reports = |(key, value): (&String, &String)| device.get(key) == Some(value);
    let mut of_payload =
        artifact.provides.iter().filter(|(key, _)| ![ARTIFACT_NAME, ARTIFACT_GROUP].contains(&key.as_str()));
    match of_payload.next() {
        None => device.artifact_name() == Some(artifact.name.as_str()),
        Some(first) => reports(first) && of_payload.all(reports),
    }
}

/// How this device stands to this Artifact.
#[must_use]
pub fn standing(device: &Device, artifact: &ArtifactSummary) -> Standing {
    if has(device, artifact) {
        return Standing::Has;
    }
    accepts(artifact, device).map_or_else(Standing::Refuses, |()| Standing::Accepts)
}

/// Devices that were looked at, by how they stand to one Artifact. Takes devices one by one, so that a fleet need not be in
/// memory.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WhoHas {
    /// How many devices stand how, by [`Standing::code`].
    pub counts: BTreeMap<&'static str, u64>,
    /// Identifiers of devices that have it, in the order in which they came.
    pub have: Vec<String>,
    /// Identifiers of devices that would take it.
    pub accept: Vec<String>,
    /// Whether there were more than [`MAX_NAMED`] bytes of identifiers; the counts are right even so.
    pub more: bool,
    /// Bytes of identifiers that are kept.
    named: usize,
}

/// Most bytes of identifiers that [`WhoHas`] keeps.
pub const MAX_NAMED: usize = 64 << 20;

impl WhoHas {
    /// Adds one device.
    pub fn add(&mut self, device: &Device, artifact: &ArtifactSummary) {
        let standing = standing(device, artifact);
        let count = self.counts.entry(standing.code()).or_default();
        *count = count.saturating_add(device.count);
        let names = match standing {
            Standing::Has => &mut self.have,
            Standing::Accepts => &mut self.accept,
            Standing::Refuses(_) => return,
        };
        let Some(id) = &device.id else { return };
        let named = self.named.saturating_add(id.len());
        if named > MAX_NAMED {
            self.more = true;
            return;
        }
        self.named = named;
        names.push(id.clone());
    }
}

/// Which of these devices have the Artifact, and which would take it.
pub fn who_has<'d>(artifact: &ArtifactSummary, devices: impl IntoIterator<Item = &'d Device>) -> WhoHas {
    let mut found = WhoHas::default();
    for device in devices {
        found.add(device, artifact);
    }
    found
}
