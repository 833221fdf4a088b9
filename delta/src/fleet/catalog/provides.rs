//! What a device reports after an Artifact was installed.

use super::device::{Client, Device};
use super::glob;
use super::summary::{ARTIFACT_GROUP, ARTIFACT_NAME, ArtifactSummary, DEVICE_TYPE};
use std::collections::BTreeMap;

/// What a device in this state provides once it has committed the Artifact, as the client on it does it:
///
/// 1. Provides whose key matches one of the Artifact's `clears_artifact_provides` go away; an Artifact without such
///    patterns takes away all. The Go client cannot tell an empty list from none.
/// 2. What the Artifact provides comes, or takes the place of what was there.
/// 3. `artifact_name` is the Artifact's. `artifact_group` is the Artifact's if it has one; else it goes away as the
///    others do.
///
/// The device's type, and what its inventory says beside its provides, cannot be told from provides here: only
/// `device_type` and `mender_client_version` are known to stay. Give what `mender-update show-provides` prints and these
/// two to get what it will print.
#[must_use]
pub fn apply_provides(device: &Device, artifact: &ArtifactSummary) -> BTreeMap<String, String> {
    let client = device.client();
    let clears = match (&artifact.clears, client) {
        (Some(patterns), Client::Go) if patterns.is_empty() => None,
        (patterns, _) => patterns.as_ref(),
    };
    let matches = if client == Client::Go { glob::matches } else { glob::matches_cpp };
    let stays = |key: &str| match clears {
        _ if [DEVICE_TYPE, super::device::CLIENT_VERSION].contains(&key) => true,
        None => false,
        Some(patterns) => !patterns.iter().any(|pattern| matches(pattern, key)),
    };
    let old = device.provides.iter().filter(|(key, _)| stays(key));
    let new = artifact.provides.iter();
    // An empty group is none.
    let new = new.filter(|(key, value)| *key != ARTIFACT_GROUP || !value.is_empty());
    let mut after: BTreeMap<_, _> = old.chain(new).map(|(key, value)| (key.clone(), value.clone())).collect();
    after.insert(ARTIFACT_NAME.to_owned(), artifact.name.clone());
    after
}
