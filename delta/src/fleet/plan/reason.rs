//! Why a device gets the full image and not a delta.

use crate::fleet::catalog::error::cut;
use serde::ser::{Serialize, SerializeStruct, Serializer};
use std::fmt;

/// The reason, with its evidence. [`FullReason::code`] never changes its meaning; the text may.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum FullReason {
    /// The Artifact is no root file system, or one that does not provide its checksum.
    NotARootImage,
    /// The tenant makes no deltas.
    DeltasDisabled,
    /// The device does not report the version of its root file system.
    VersionNotReported,
    /// The device does not report the checksum of its root file system.
    ChecksumNotReported,
    /// The device reports no Update Module for any kind of delta that may be made.
    ModuleNotReported,
    /// No full Artifact has the root file system that the device reports.
    BaseUnknown,
    /// Full Artifacts have either the version or the checksum that the device reports, but none has both.
    BaseDiffers {
        /// What the two disagree in.
        field: &'static str,
    },
    /// The Artifact of what the device has is not for a device type that the new one is for.
    BaseDeviceType,
    /// The device has this very image.
    SameImage,
    /// An image is larger than the tenant is granted.
    TooLarge {
        /// Most bytes.
        limit: u64,
        /// Bytes of the image.
        found: u64,
    },
    /// No more jobs may wait.
    QueueFull {
        /// Most that may.
        limit: u64,
    },
    /// This delta was tried before.
    KnownFailure {
        /// What came of it.
        code: String,
        /// The same for people.
        text: String,
    },
    /// It would save less than it must.
    NoGain {
        /// Bytes it is estimated to have.
        delta: u64,
        /// Bytes of the full Artifact.
        full: u64,
    },
    /// There is a delta, but the full image is not larger.
    DeltaNotSmaller {
        /// The delta Artifact.
        id: String,
    },
    /// Applying it takes more memory than the device has for that.
    DecodeMemory {
        /// What the device reports, in bytes.
        limit: u64,
        /// What it takes, in bytes.
        found: u64,
    },
    /// The device wants signatures, and what is made here has none.
    CannotSign,
}

impl FullReason {
    /// One lower-case word that programs can rely on.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotARootImage => "not_a_root_image",
            Self::DeltasDisabled => "deltas_disabled",
            Self::VersionNotReported => "version_not_reported",
            Self::ChecksumNotReported => "checksum_not_reported",
            Self::ModuleNotReported => "module_not_reported",
            Self::BaseUnknown => "base_unknown",
            Self::BaseDiffers { .. } => "base_differs",
            Self::BaseDeviceType => "base_device_type",
            Self::SameImage => "same_image",
            Self::TooLarge { .. } => "too_large",
            Self::QueueFull { .. } => "queue_full",
            Self::KnownFailure { .. } => "known_failure",
            Self::NoGain { .. } => "no_gain",
            Self::DeltaNotSmaller { .. } => "delta_not_smaller",
            Self::DecodeMemory { .. } => "decode_memory",
            Self::CannotSign => "cannot_sign",
        }
    }
}

impl fmt::Display for FullReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotARootImage => f.write_str("no root file system that provides its checksum"),
            Self::DeltasDisabled => f.write_str("the tenant makes no deltas"),
            Self::VersionNotReported => f.write_str("the device does not report rootfs-image.version"),
            Self::ChecksumNotReported => f.write_str("the device does not report rootfs-image.checksum"),
            Self::ModuleNotReported => f.write_str("the device reports no update module for deltas"),
            Self::BaseUnknown => {
                f.write_str("no full artifact has the version and checksum that the device reports")
            }
            Self::BaseDiffers { field } => {
                write!(f, "a full artifact has what the device reports, but for rootfs-image.{field}")
            }
            Self::BaseDeviceType => {
                f.write_str("the artifact of what the device has is for other device types")
            }
            Self::SameImage => f.write_str("the device has this image"),
            Self::TooLarge { limit, found } => {
                write!(f, "image: expected at most {limit} bytes, found {found}")
            }
            Self::QueueFull { limit } => {
                write!(f, "queue: expected at most {limit} jobs waiting, found more")
            }
            Self::KnownFailure { code, text } => write!(f, "tried before: {}: {}", cut(code), cut(text)),
            Self::NoGain { delta, full } => write!(f, "about {delta} bytes, the full artifact has {full}"),
            Self::DeltaNotSmaller { id } => write!(f, "the delta {} is not smaller", cut(id)),
            Self::DecodeMemory { limit, found } => {
                write!(f, "memory to apply: the device has {limit} bytes, expected {found}")
            }
            Self::CannotSign => f.write_str("the device wants signatures, and deltas made here have none"),
        }
    }
}

impl Serialize for FullReason {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("FullReason", 2)?;
        fields.serialize_field("code", self.code())?;
        fields.serialize_field("text", &self.to_string())?;
        fields.end()
    }
}
