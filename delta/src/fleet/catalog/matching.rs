//! Whether a device would install an Artifact, by the rules of Mender's clients.

use super::device::{Client, Device};
use super::mismatch::Mismatch;
use super::summary::{ARTIFACT_GROUP, ARTIFACT_NAME, ArtifactSummary};

/// Nothing if the client on the device would take the Artifact, else the first thing that it would object to.
///
/// The clients compare text for text: the device's type with those of the Artifact, then for each key that header or
/// payload depend on the reported value with any of those listed. A key that the device does not report is not satisfied.
/// Which module handles the payload, and who signed, is not looked at.
///
/// # Errors
/// The objection.
pub fn accepts(artifact: &ArtifactSummary, device: &Device) -> Result<(), Mismatch> {
    let client = device.client();
    if artifact.augmented {
        return Err(Mismatch::Augmented);
    }
    if client == Client::Cpp && artifact.info.version != 3 {
        return Err(Mismatch::FormatVersion { found: artifact.info.version });
    }
    if !artifact.device_types.iter().any(|name| name == device.device_type()) {
        return Err(Mismatch::DeviceType { found: device.device_type().to_owned() });
    }
    if client == Client::Cpp && device.artifact_name().is_none() {
        return Err(Mismatch::NoArtifactName);
    }
    for (key, expected) in &artifact.depends {
        let of_header = [ARTIFACT_NAME, ARTIFACT_GROUP].contains(&key.as_str());
        if client == Client::Cpp && !of_header && expected.len() > 1 {
            return Err(Mismatch::DependsList { key: key.clone() });
        }
        let Some(found) = device.get(key) else {
            return Err(Mismatch::DependsMissing { key: key.clone() });
        };
        if !expected.iter().any(|value| value == found) {
            return Err(Mismatch::DependsValue {
                key: key.clone(),
                expected: expected.clone(),
                found: found.to_owned(),
            });
        }
    }
    Ok(())
}

/// Whether the device reports the Update Module of this name, as devices of Mender do:
/// `rootfs-image.update-module.NAME.mender_update_module=NAME`.
#[must_use]
pub fn reports_module(device: &Device, module: &str) -> bool {
    device.get(&module_key(module)) == Some(module)
}

/// The key under which devices report that they have the Update Module.
pub(crate) fn module_key(module: &str) -> String {
    format!("rootfs-image.update-module.{module}.mender_update_module")
}
