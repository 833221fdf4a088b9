//! The Artifacts of a tenant, findable by what they are asked for, and the catalogs of all tenants.

use super::error::CatalogError;
use super::limits::CatalogLimits;
use super::summary::ArtifactSummary;
use crate::fleet::tenant::TenantId;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// What became of an Artifact that was offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Inserted {
    /// It was new.
    New,
    /// The same summary was there.
    AlreadyThere,
}

/// The Artifacts of one tenant.
#[derive(Debug, Clone)]
pub struct Catalog {
    tenant: TenantId,
    limit: usize,
    by_id: BTreeMap<String, ArtifactSummary>,
    /// Identifiers by name of the release.
    by_release: HashMap<String, BTreeSet<String>>,
    /// Identifiers of full Artifacts by the checksum of their root file system.
    by_image: HashMap<String, BTreeSet<String>>,
    /// The same by what they provide as version.
    by_version: HashMap<String, BTreeSet<String>>,
}

impl Catalog {
    /// An empty one.
    #[must_use]
    pub fn new(tenant: TenantId, limits: &CatalogLimits) -> Self {
        Self {
            tenant,
            limit: limits.artifacts,
            by_id: BTreeMap::new(),
            by_release: HashMap::new(),
            by_image: HashMap::new(),
            by_version: HashMap::new(),
        }
    }

    /// Whose it is.
    #[must_use]
    pub fn tenant(&self) -> &TenantId {
        &self.tenant
    }

    /// Adds an Artifact.
    ///
    /// # Errors
    /// `IdTaken` when another one has its identifier, `Limit`, and what [`ArtifactSummary::checked`] finds.
    pub fn insert(&mut self, artifact: ArtifactSummary) -> Result<Inserted, CatalogError> {
        let artifact = artifact.checked()?;
        if let Some(known) = self.by_id.get(&artifact.id) {
            return if *known == artifact {
                Ok(Inserted::AlreadyThere)
            } else {
                Err(CatalogError::IdTaken { id: artifact.id })
            };
        }
        if self.by_id.len() >= self.limit {
            return Err(CatalogError::limit("artifacts of a tenant", self.by_id.len() + 1, self.limit));
        }
        let id = &artifact.id;
        self.by_release.entry(artifact.name.clone()).or_default().insert(id.clone());
        if let Some(image) = artifact.root_image() {
            self.by_image.entry(image.sha256.to_owned()).or_default().insert(id.clone());
            if let Some(version) = image.version {
                self.by_version.entry(version.to_owned()).or_default().insert(id.clone());
            }
        }
        self.by_id.insert(id.clone(), artifact);
        Ok(Inserted::New)
    }

    /// Takes an Artifact out; nothing if there is none of this identifier.
    pub fn remove(&mut self, id: &str) -> Option<ArtifactSummary> {
        fn forget(index: &mut HashMap<String, BTreeSet<String>>, key: &str, id: &str) {
            if let Some(ids) = index.get_mut(key) {
                ids.remove(id);
                if ids.is_empty() {
                    index.remove(key);
                }
            }
        }
        let artifact = self.by_id.remove(id)?;
        forget(&mut self.by_release, &artifact.name, id);
        if let Some(image) = artifact.root_image() {
            forget(&mut self.by_image, image.sha256, id);
            if let Some(version) = image.version {
                forget(&mut self.by_version, version, id);
            }
        }
        Some(artifact)
    }

    /// The Artifact of this identifier.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<&ArtifactSummary> {
        self.by_id.get(id)
    }

    /// All, in the order of their identifiers.
    pub fn iter(&self) -> impl Iterator<Item = &ArtifactSummary> {
        self.by_id.values()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.by_id.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_id.is_empty()
    }

    /// Those of a release, in the order of their identifiers.
    pub fn release(&self, name: &str) -> impl Iterator<Item = &ArtifactSummary> {
        self.found(self.by_release.get(name))
    }

    /// Full Artifacts with the root file system of this SHA-256.
    pub fn images(&self, sha256: &str) -> impl Iterator<Item = &ArtifactSummary> {
        self.found(self.by_image.get(sha256))
    }

    /// Full Artifacts whose root file system has this version.
    pub fn versions(&self, version: &str) -> impl Iterator<Item = &ArtifactSummary> {
        self.found(self.by_version.get(version))
    }

    fn found<'s>(&'s self, ids: Option<&'s BTreeSet<String>>) -> impl Iterator<Item = &'s ArtifactSummary> {
        ids.into_iter().flatten().filter_map(|id| self.by_id.get(id))
    }
}

/// The catalogs of all tenants. Whoever has the name of one tenant reaches what that one has, and nothing else.
#[derive(Debug, Clone, Default)]
pub struct Catalogs {
    limits: CatalogLimits,
    tenants: BTreeMap<TenantId, Catalog>,
}

impl Catalogs {
    /// None yet.
    #[must_use]
    pub fn new(limits: CatalogLimits) -> Self {
        Self { limits, tenants: BTreeMap::new() }
    }

    /// The catalog of a tenant; `None` if nothing was ever put into it.
    #[must_use]
    pub fn get(&self, tenant: &TenantId) -> Option<&Catalog> {
        self.tenants.get(tenant)
    }

    /// The catalog of a tenant, empty if there was none.
    ///
    /// # Errors
    /// `Limit` when there would be too many tenants.
    pub fn of(&mut self, tenant: &TenantId) -> Result<&mut Catalog, CatalogError> {
        let (count, limit) = (self.tenants.len(), self.limits.tenants);
        if count >= limit && !self.tenants.contains_key(tenant) {
            return Err(CatalogError::limit("tenants", count + 1, limit));
        }
        let limits = self.limits;
        Ok(self.tenants.entry(tenant.clone()).or_insert_with(|| Catalog::new(tenant.clone(), &limits)))
    }

    /// Forgets all of a tenant.
    pub fn remove(&mut self, tenant: &TenantId) -> Option<Catalog> {
        self.tenants.remove(tenant)
    }
}
