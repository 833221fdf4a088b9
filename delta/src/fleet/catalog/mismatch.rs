//! Why a device does not get an Artifact.

use super::error::cut;
use serde::ser::{Serialize, SerializeStruct, Serializer};
use std::fmt;

/// The reason, with its evidence. [`Mismatch::code`] never changes its meaning; the text may.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Mismatch {
    /// No Artifact of this tenant has this identifier.
    UnknownId,
    /// It is not among those allowed.
    NotAllowed,
    /// The device has another type.
    DeviceType {
        /// The device's.
        found: String,
    },
    /// The device does not report a key that the Artifact depends on.
    DependsMissing {
        /// The key.
        key: String,
    },
    /// The device reports another value than the Artifact depends on.
    DependsValue {
        /// The key.
        key: String,
        /// Any of these will do.
        expected: Vec<String>,
        /// What the device reports.
        found: String,
    },
    /// The payload depends on one of several values, which clients from 4.0 on cannot read.
    DependsList {
        /// The key.
        key: String,
    },
    /// The device says nothing about which release it runs, which clients from 4.0 on refuse.
    NoArtifactName,
    /// Clients from 4.0 on take format version 3 only.
    FormatVersion {
        /// The Artifact's.
        found: u32,
    },
    /// No client takes augmented Artifacts.
    Augmented,
    /// The device, or the policy, wants a signature.
    Unsigned,
    /// It is larger than the device may download.
    TooLarge {
        /// Most bytes.
        limit: u64,
        /// Bytes of the Artifact.
        found: u64,
    },
    /// It carries a delta, and the device does not report the Update Module for it.
    ModuleNotReported {
        /// The module.
        module: String,
    },
    /// The device runs this release already.
    AlreadyInstalled,
    /// It would do, but a smaller one does as well.
    Larger {
        /// The smaller one.
        than: String,
    },
}

impl Mismatch {
    /// One lower-case word that programs can rely on.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::UnknownId => "unknown_id",
            Self::NotAllowed => "not_allowed",
            Self::DeviceType { .. } => "device_type",
            Self::DependsMissing { .. } => "depends_missing",
            Self::DependsValue { .. } => "depends_value",
            Self::DependsList { .. } => "depends_list",
            Self::NoArtifactName => "no_artifact_name",
            Self::FormatVersion { .. } => "format_version",
            Self::Augmented => "augmented",
            Self::Unsigned => "unsigned",
            Self::TooLarge { .. } => "too_large",
            Self::ModuleNotReported { .. } => "module_not_reported",
            Self::AlreadyInstalled => "already_installed",
            Self::Larger { .. } => "larger",
        }
    }
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownId => f.write_str("no artifact has this id"),
            Self::NotAllowed => f.write_str("not among the artifacts allowed"),
            Self::DeviceType { found } => write!(f, "not for device type '{}'", cut(found)),
            Self::DependsMissing { key } => {
                write!(f, "depends on '{}', which the device does not report", cut(key))
            }
            Self::DependsValue { key, expected, found } => write!(
                f,
                "depends on '{}': expected '{}', found '{}'",
                cut(key),
                cut(&expected.join("' or '")),
                cut(found)
            ),
            Self::DependsList { key } => {
                write!(f, "depends on '{}' by a list, which clients from 4.0 on cannot read", cut(key))
            }
            Self::NoArtifactName => f.write_str("the device does not report artifact_name"),
            Self::FormatVersion { found } => write!(f, "format version {found}, expected 3"),
            Self::Augmented => f.write_str("augmented, which no client takes"),
            Self::Unsigned => f.write_str("not signed"),
            Self::TooLarge { limit, found } => write!(f, "expected at most {limit} bytes, found {found}"),
            Self::ModuleNotReported { module } => {
                write!(f, "carries a delta, and the device does not report module '{}'", cut(module))
            }
            Self::AlreadyInstalled => f.write_str("the device runs this release"),
            Self::Larger { than } => write!(f, "larger than {}", cut(than)),
        }
    }
}

impl Serialize for Mismatch {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("Mismatch", 2)?;
        fields.serialize_field("code", self.code())?;
        fields.serialize_field("text", &self.to_string())?;
        fields.end()
    }
}
