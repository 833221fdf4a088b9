//! What a catalog keeps of an Artifact.

use super::error::CatalogError;
use super::limits::{
    MAX_CATALOG_LEN, MAX_CLEARS, MAX_DOCUMENT_LEN, MAX_KEYS, MAX_LIST, MAX_MAP_LEN, MAX_TEXT_LEN,
};
use super::text_map::{self, OneOrMany};
use crate::artifact::{CHECKSUM, PAYLOAD_TYPE, XDELTA3_PAYLOAD_TYPE};
use mender_artifact::write::plan::ROOTFS_IMAGE;
use serde::{Deserialize, Deserializer, Serialize};
use std::collections::BTreeMap;

/// Key under which devices know the version of their root file system.
pub const VERSION: &str = "rootfs-image.version";
/// Key of the release's name.
pub const ARTIFACT_NAME: &str = "artifact_name";
/// Key of the group.
pub const ARTIFACT_GROUP: &str = "artifact_group";
/// Key of the device's type.
pub const DEVICE_TYPE: &str = "device_type";

/// An Artifact without its payload. The JSON form is the one in which Mender's server lists Artifacts
/// (`GET /api/management/v1/deployments/artifacts`), with `sha256` and `augmented` added; what else that server tells is
/// passed over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArtifactSummary {
    /// What the server calls it; unique for a tenant.
    pub id: String,
    /// Name of the release.
    pub name: String,
    /// Format and its version.
    #[serde(default)]
    pub info: Format,
    /// Size of the Artifact in bytes: what a device downloads.
    pub size: u64,
    /// SHA-256 of the Artifact in hexadecimal, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// The device types it is for; at least one.
    #[serde(rename = "device_types_compatible", deserialize_with = "text_map::list")]
    pub device_types: Vec<String>,
    /// What a device must provide: for each key any of these values. Header and payload together; `device_type` is above.
    #[serde(default, rename = "artifact_depends", deserialize_with = "depends")]
    pub depends: BTreeMap<String, Vec<String>>,
    /// What a device provides afterwards, `artifact_name` and `artifact_group` included.
    #[serde(default, rename = "artifact_provides", deserialize_with = "text_map::map")]
    pub provides: BTreeMap<String, String>,
    /// Patterns of provides that go away; `None` if the Artifact does not say.
    #[serde(
        default,
        rename = "clears_artifact_provides",
        deserialize_with = "text_map::optional_list",
        skip_serializing_if = "Option::is_none"
    )]
    pub clears: Option<Vec<String>>,
    /// The payloads.
    #[serde(default, deserialize_with = "text_map::list")]
    pub updates: Vec<PayloadSummary>,
    /// Whether it has a signature; nothing is said about whose.
    #[serde(default)]
    pub signed: bool,
    /// Whether it is augmented, which no client of Mender takes.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub augmented: bool,
}

/// Format of an Artifact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Format {
    /// `mender`.
    pub format: String,
    /// 2 or 3.
    pub version: u32,
}

impl Default for Format {
    fn default() -> Self {
        Self { format: "mender".to_owned(), version: 3 }
    }
}

/// One payload.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PayloadSummary {
    /// Its type.
    #[serde(default)]
    pub type_info: PayloadType,
    /// Its files, unpacked.
    #[serde(default, deserialize_with = "text_map::list")]
    pub files: Vec<FileSummary>,
}

/// Type of a payload.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PayloadType {
    /// The Update Module that handles it; `None` in a bootstrap Artifact.
    #[serde(default, rename = "type")]
    pub name: Option<String>,
}

/// One payload file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileSummary {
    /// File name.
    #[serde(default)]
    pub name: String,
    /// SHA-256 of the unpacked file in hexadecimal.
    #[serde(default)]
    pub checksum: String,
    /// Bytes, unpacked.
    #[serde(default)]
    pub size: u64,
}

/// The root file system that a full Artifact carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RootImage<'a> {
    /// SHA-256 in hexadecimal; the Artifact provides it, too.
    pub sha256: &'a str,
    /// Bytes, unpacked.
    pub size: u64,
    /// What the Artifact provides as [`VERSION`].
    pub version: Option<&'a str>,
}

/// One text or many for each key, and null for nothing.
fn depends<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<String, Vec<String>>, D::Error> {
    let map = text_map::map::<D, OneOrMany>(deserializer)?;
    Ok(map.into_iter().map(|(key, values)| (key, values.0)).collect())
}

impl ArtifactSummary {
    /// Reads and checks the JSON form.
    ///
    /// # Errors
    /// `Json`, `Limit` and `Field`.
    pub fn from_json(json: &[u8]) -> Result<Self, CatalogError> {
        if json.len() > MAX_DOCUMENT_LEN {
            return Err(CatalogError::limit(
                "document about an artifact, bytes",
                json.len(),
                MAX_DOCUMENT_LEN,
            ));
        }
        let parsed: Self = serde_json::from_slice(json)
            .map_err(|error| CatalogError::Json { what: "artifact", reason: error.to_string() })?;
        parsed.checked()
    }

    /// Reads Artifacts one behind the other, as JSON lines for example, or a list of them, as Mender's server tells it.
    ///
    /// # Errors
    /// `Json`, `Limit` and `Field`.
    pub fn all_from_json(json: &[u8]) -> Result<Vec<Self>, CatalogError> {
        if json.len() > MAX_CATALOG_LEN {
            return Err(CatalogError::limit("document about artifacts, bytes", json.len(), MAX_CATALOG_LEN));
        }
        let wrong =
            |error: serde_json::Error| CatalogError::Json { what: "artifacts", reason: error.to_string() };
        let parsed: Vec<Self> = if json.trim_ascii_start().starts_with(b"[") {
            serde_json::from_slice(json).map_err(wrong)?
        } else {
            let all = serde_json::Deserializer::from_slice(json).into_iter();
            all.collect::<Result<_, _>>().map_err(wrong)?
        };
        parsed.into_iter().map(Self::checked).collect()
    }

    /// The same with everything in its place, or what is wrong with it.
    ///
    /// # Errors
    /// `Limit` and `Field`.
    pub fn checked(mut self) -> Result<Self, CatalogError> {
        let bad = |field, expected, found: &str| Err(CatalogError::field(&self.id, field, expected, found));
        if self.id.is_empty() || self.id.chars().any(char::is_control) {
            return bad("id", "a text without control characters", &self.id);
        }
        if self.name.is_empty() {
            return bad("name", "the name of a release", "");
        }
        if self.info.format != "mender" {
            return bad("info.format", "mender", &self.info.format);
        }
        if self.device_types.is_empty() {
            return bad("device_types_compatible", "at least one", "");
        }
        // The server repeats the device types among what is depended on.
        if let Some(types) = self.depends.remove(DEVICE_TYPE) {
            if types.iter().any(|name| !self.device_types.contains(name))
                || types.len() != self.device_types.len()
            {
                return bad("artifact_depends.device_type", "device_types_compatible", &types.join(", "));
            }
        }
        match self.provides.get(ARTIFACT_NAME) {
            Some(name) if *name != self.name => return bad("artifact_provides.artifact_name", "name", name),
            Some(_) => {}
            None => {
                self.provides.insert(ARTIFACT_NAME.to_owned(), self.name.clone());
            }
        }
        if let Some(digest) = self.sha256.as_ref().filter(|digest| !is_sha256(digest)) {
            return bad("sha256", "64 lower-case hexadecimal digits", digest);
        }
        let mut files = self.updates.iter().flat_map(|payload| &payload.files);
        if let Some(file) = files.find(|file| !is_sha256(&file.checksum)) {
            return bad("updates.files.checksum", "64 lower-case hexadecimal digits", &file.checksum);
        }
        self.within_limits()?;
        Ok(self)
    }

    fn within_limits(&self) -> Result<(), CatalogError> {
        let most = |what, wanted: usize, limit: usize| {
            if wanted > limit { Err(CatalogError::limit(what, wanted, limit)) } else { Ok(()) }
        };
        most("device types", self.device_types.len(), MAX_LIST)?;
        most("payloads", self.updates.len(), MAX_LIST)?;
        most("payload files", self.updates.iter().map(|payload| payload.files.len()).sum(), MAX_LIST * 8)?;
        most("keys of depends", self.depends.len(), MAX_KEYS)?;
        most("keys of provides", self.provides.len(), MAX_KEYS)?;
        let clears = self.clears.as_deref().unwrap_or_default();
        most("patterns of clears", clears.len(), MAX_CLEARS)?;
        let values = || self.depends.values().flatten();
        let depends_len = self.depends.keys().chain(values()).map(String::len).sum();
        most("depends, bytes", depends_len, MAX_MAP_LEN)?;
        let provides_len = self.provides.iter().map(|(key, value)| key.len() + value.len()).sum();
        most("provides, bytes", provides_len, MAX_MAP_LEN)?;
        let types = self.updates.iter().filter_map(|payload| payload.type_info.name.as_ref());
        let files = self.updates.iter().flat_map(|payload| &payload.files).map(|file| &file.name);
        let texts = [&self.id, &self.name].into_iter().chain(&self.device_types).chain(clears);
        let texts = texts.chain(self.depends.keys()).chain(values()).chain(types).chain(files);
        let texts = texts.chain(self.provides.keys()).chain(self.provides.values());
        most("text, bytes", texts.map(String::len).max().unwrap_or(0), MAX_TEXT_LEN)
    }

    /// The root file system image that this Artifact carries whole; `None` for everything else, also for one that does
    /// not provide the checksum of its image.
    #[must_use]
    pub fn root_image(&self) -> Option<RootImage<'_>> {
        let [payload] = &self.updates[..] else { return None };
        let [file] = &payload.files[..] else { return None };
        let is_full = payload.type_info.name.as_deref() == Some(ROOTFS_IMAGE)
            && self.provides.get(CHECKSUM) == Some(&file.checksum)
            && !self.depends.contains_key(CHECKSUM);
        is_full.then(|| RootImage {
            sha256: &file.checksum,
            size: file.size,
            version: self.provides.get(VERSION).map(String::as_str),
        })
    }

    /// The Update Module that applies the delta in this Artifact; `None` if it carries none.
    #[must_use]
    pub fn delta_module(&self) -> Option<&str> {
        let mut types = self.updates.iter().filter_map(|payload| payload.type_info.name.as_deref());
        types.find(|name| [PAYLOAD_TYPE, XDELTA3_PAYLOAD_TYPE].contains(name))
    }
}

/// Whether this is a SHA-256 as Artifacts write it.
fn is_sha256(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}
