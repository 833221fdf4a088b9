//! Bounds on what a catalog takes in: every number here decides memory or work.

/// Largest JSON document about one Artifact or one device, in bytes.
pub const MAX_DOCUMENT_LEN: usize = 1 << 20;
/// Largest JSON document about many Artifacts, in bytes.
pub const MAX_CATALOG_LEN: usize = 256 << 20;
/// Longest name, identifier, key, value or pattern, in bytes.
pub const MAX_TEXT_LEN: usize = 4096;
/// Most keys in one map of depends or provides.
pub const MAX_KEYS: usize = 4096;
/// Most device types of an Artifact, values of one depends, payload files of an Artifact.
pub const MAX_LIST: usize = 1024;
/// Most patterns of provides that an Artifact clears. Together with the others it bounds what
/// [`apply_provides`](super::provides::apply_provides) costs.
pub const MAX_CLEARS: usize = 256;
/// Most bytes of keys and values in one map of depends or provides, and of all patterns of an Artifact.
pub const MAX_MAP_LEN: usize = 1 << 20;

/// How much a catalog may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CatalogLimits {
    /// Most Artifacts of one tenant.
    pub artifacts: usize,
    /// Most tenants.
    pub tenants: usize,
}

impl Default for CatalogLimits {
    /// 100,000 Artifacts for each of 10,000 tenants.
    fn default() -> Self {
        Self { artifacts: 100_000, tenants: 10_000 }
    }
}
