//! What a tenant wants of deltas, and what it is granted.

use crate::artifact::{PAYLOAD_TYPE, XDELTA3_PAYLOAD_TYPE};
use crate::fleet::tenant::TenantId;
use serde::{Deserialize, Serialize};

/// Largest root file system that Mender's documentation promises deltas for: 5 GiB, unpacked.
pub const DEFAULT_MAX_IMAGE_LEN: u64 = 5 << 30;

/// A kind of delta that can be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DeltaKind {
    /// This project's own format.
    Native,
    /// VCDIFF, for Mender's own Update Module.
    Xdelta3,
}

impl DeltaKind {
    /// The Update Module that applies it; also the payload type of the delta Artifact.
    #[must_use]
    pub fn module(self) -> &'static str {
        match self {
            Self::Native => PAYLOAD_TYPE,
            Self::Xdelta3 => XDELTA3_PAYLOAD_TYPE,
        }
    }

    /// The name that `--algorithm` takes.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Native => "native",
            Self::Xdelta3 => "xdelta3",
        }
    }
}

/// How full a queue of jobs is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Queue {
    /// Jobs that wait.
    pub waiting: u64,
    /// Most that may wait.
    pub most: u64,
}

/// What holds for one tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// Whose it is.
    pub tenant: TenantId,
    /// Whether deltas are made at all.
    pub enabled: bool,
    /// Kinds that may be made, the best first.
    pub kinds: Vec<DeltaKind>,
    /// Largest root file system, old or new, in bytes, unpacked.
    pub max_image_bytes: u64,
    /// The queue that a new job would go into; `None` if it has no end.
    pub queue: Option<Queue>,
    /// How much less than the full Artifact a delta has to be, in thousandths of that.
    pub min_saving_permille: u16,
    /// Memory that applying such a delta takes on a device, in bytes. Compared with what a device reports as
    /// `rootfs-image.update-module.MODULE.max_decode_mem`, if it does.
    pub decode_memory_bytes: u64,
    /// Whether what is made gets a signature.
    pub can_sign: bool,
}

impl Policy {
    /// Deltas of both kinds, up to [`DEFAULT_MAX_IMAGE_LEN`], for devices with 16 MiB to apply them; unsigned; anything that
    /// is smaller will do.
    #[must_use]
    pub fn new(tenant: TenantId) -> Self {
        Self {
            tenant,
            enabled: true,
            kinds: vec![DeltaKind::Native, DeltaKind::Xdelta3],
            max_image_bytes: DEFAULT_MAX_IMAGE_LEN,
            queue: None,
            min_saving_permille: 0,
            decode_memory_bytes: 16 << 20,
            can_sign: false,
        }
    }

    /// Whether a delta of this size is worth it beside an Artifact of this size, both in bytes.
    #[must_use]
    pub fn is_worth(&self, delta_len: u64, full_len: u64) -> bool {
        let keep = u128::from(1000_u16.saturating_sub(self.min_saving_permille));
        u128::from(delta_len) * 1000 < u128::from(full_len) * keep
    }
}
