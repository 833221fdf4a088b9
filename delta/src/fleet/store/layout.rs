//! Where things are in a store.
//!
//! | name | holds |
//! |---|---|
//! | `<tenant>/objects/<SHA-256>` | the bytes with this digest |
//! | `<tenant>/keys/<key>.json` | which object a job made: appears after the object |
//! | `<tenant>/failures/<key>.json` | why a job failed, and until when that counts |
//! | `<tenant>/removing/<SHA-256>.<word>` | a mark: somebody is removing this object |
//!
//! Names of tenants are words without dots and slashes, digests and keys are hexadecimal, so that no name leads out of
//! its tenant.

use crate::fleet::digest::Sha256Sum;
use crate::fleet::job::key::JobKey;
use crate::fleet::tenant::TenantId;
use object_store::path::Path;

const RECORD: &str = ".json";

/// Folder of a tenant's things of one kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Objects,
    Keys,
    Failures,
    Removing,
}

impl Kind {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Objects => "objects",
            Self::Keys => "keys",
            Self::Failures => "failures",
            Self::Removing => "removing",
        }
    }
}

/// Names below one prefix of a bucket, or below the folder of a local store.
#[derive(Debug, Clone)]
pub(super) struct Layout {
    pub(super) prefix: Path,
}

impl Layout {
    pub(super) fn folder(&self, tenant: &TenantId, kind: Kind) -> Path {
        self.prefix.clone().join(tenant.as_str()).join(kind.name())
    }

    pub(super) fn object(&self, tenant: &TenantId, digest: &Sha256Sum) -> Path {
        self.folder(tenant, Kind::Objects).join(digest.to_string())
    }

    pub(super) fn mark(&self, tenant: &TenantId, digest: &Sha256Sum, by: &str) -> Path {
        self.folder(tenant, Kind::Removing).join(format!("{digest}.{by}"))
    }

    pub(super) fn key(&self, tenant: &TenantId, key: &JobKey) -> Path {
        self.folder(tenant, Kind::Keys).join(format!("{key}{RECORD}"))
    }

    pub(super) fn failure(&self, tenant: &TenantId, key: &JobKey) -> Path {
        self.folder(tenant, Kind::Failures).join(format!("{key}{RECORD}"))
    }
}

/// The digest that an object is named by; `None` for what is no object.
pub(super) fn digest_of(path: &Path) -> Option<Sha256Sum> {
    path.filename()?.parse().ok()
}

/// The key that a record is named by; `None` for what is no record.
pub(super) fn key_of(path: &Path) -> Option<JobKey> {
    path.filename()?.strip_suffix(RECORD)?.parse().ok()
}
