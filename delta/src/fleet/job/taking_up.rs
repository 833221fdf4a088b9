//! Jobs that an earlier engine left: taken up again, or forgotten.

use super::engine::Engine;
use super::failure::Failure;
use super::handle::JobHandle;
use super::id::JobId;
use super::input::Inputs;
use super::journal::{self, Unfinished};
use crate::fleet::reason::Reason;
use crate::fleet::tenant::TenantId;
use std::sync::PoisonError;

impl Engine {
    /// Jobs of a tenant that an earlier engine in the same folder had accepted and not brought to an end, oldest first.
    #[must_use]
    pub fn unfinished(&self, tenant: &TenantId) -> Vec<Unfinished> {
        let all = self.unfinished.lock().unwrap_or_else(PoisonError::into_inner);
        all.iter().filter(|unfinished| unfinished.spec.tenant == *tenant).cloned().collect()
    }

    /// The tenants that have unfinished jobs.
    #[must_use]
    pub fn tenants_with_unfinished(&self) -> Vec<TenantId> {
        let all = self.unfinished.lock().unwrap_or_else(PoisonError::into_inner);
        let mut tenants: Vec<TenantId> =
            all.iter().map(|unfinished| unfinished.spec.tenant.clone()).collect();
        tenants.sort();
        tenants.dedup();
        tenants
    }

    /// Takes an unfinished job up again, under its old name and with its deadline counted from now. Jobs whose Artifacts
    /// were pushed need new `inputs`; others may have them.
    ///
    /// # Errors
    /// `unknown_job`, `bad_request` when there are no inputs, and as [`Engine::submit`].
    pub fn take_up(
        &self,
        tenant: &TenantId,
        id: &JobId,
        inputs: Option<Inputs>,
    ) -> Result<JobHandle, Failure> {
        // Whoever comes second finds it taken.
        let _taking = self.taking.lock().unwrap_or_else(PoisonError::into_inner);
        let unfinished = self.unfinished(tenant).into_iter().find(|unfinished| unfinished.id == *id);
        let unfinished = unfinished.ok_or_else(|| Failure::new(Reason::UnknownJob))?;
        let of_journal = || unfinished.paths.clone().map(|[from, to]| Inputs::paths(from, to));
        let inputs = inputs.or_else(of_journal).ok_or_else(|| {
            Failure::because(
                Reason::BadRequest,
                "the Artifacts of this job were pushed, and have to be again",
            )
        })?;
        let handle = match self.submit_as(id.clone(), unfinished.spec.clone(), inputs) {
            Ok(handle) => handle,
            Err(failure) => {
                // With the files that it had: these inputs may have been written down before they were refused.
                let _ = unfinished.write(&self.inner.folder);
                return Err(failure);
            }
        };
        self.no_longer_unfinished(id);
        Ok(handle)
    }

    /// Removes an unfinished job from the journal.
    ///
    /// # Errors
    /// `unknown_job`.
    pub fn forget(&self, tenant: &TenantId, id: &JobId) -> Result<(), Failure> {
        let _taking = self.taking.lock().unwrap_or_else(PoisonError::into_inner);
        if !self.unfinished(tenant).iter().any(|unfinished| unfinished.id == *id) {
            return Err(Failure::new(Reason::UnknownJob));
        }
        journal::remove(&self.inner.folder, tenant, id);
        self.no_longer_unfinished(id);
        Ok(())
    }

    pub(super) fn is_unfinished(&self, id: &JobId) -> bool {
        let all = self.unfinished.lock().unwrap_or_else(PoisonError::into_inner);
        all.iter().any(|unfinished| unfinished.id == *id)
    }

    fn no_longer_unfinished(&self, id: &JobId) {
        let mut all = self.unfinished.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|unfinished| unfinished.id != *id);
    }
}
