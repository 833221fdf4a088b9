//! Publishing what a job made, once for each key, and remembering what it failed of.

use super::Store;
use super::error::StoreError;
use super::record::{Object, PastFailure, Record};
use super::requests::Created;
use crate::fleet::job::key::JobKey;
use crate::fleet::tenant::TenantId;
use std::fs::File;

/// How publishing ended. Either way the object is there, whole, and the key names it.
#[derive(Debug, Clone, PartialEq)]
pub enum Published {
    /// By this call.
    New,
    /// Another call had published under this key before.
    AlreadyThere {
        /// What it published.
        record: Record,
        /// Whether its bytes are the same as those of this call, which were not kept.
        identical: bool,
    },
}

impl Store {
    /// Lets what a job made appear: the bytes of `file`, which `record.object` must describe, and then the record under
    /// `key`. Of many calls for one key exactly one is the first, on all machines together.
    ///
    /// # Errors
    /// `Input` when the file is not what the record says; `Record` when the record is too long. Else what failed in the
    /// store: nothing is visible under the key then, except when it failed behind the request that puts the record; calling
    /// again is safe.
    pub fn publish(
        &self,
        tenant: &TenantId,
        key: &JobKey,
        record: &Record,
        file: &mut File,
    ) -> Result<Published, StoreError> {
        let path = self.layout.key(tenant, key);
        let (bytes, publication) = record.encode(key)?;
        let mut before = match self.record_and_publication(tenant, key) {
            // What is no record cannot stand for anything.
            Err(StoreError::Record { .. }) => {
                self.remove(&path)?;
                None
            }
            found => found?,
        };
        // Whoever is removing what it names may have removed both by then.
        if let Some((named, _)) = &before
            && self.wait_for_removals(tenant, &named.object.sha256)?
        {
            before = self.record_and_publication(tenant, key)?;
        }
        if let Some((before, _)) = before {
            if self.is_there(tenant, &before.object)? {
                return Ok(already_there(before, record));
            }
            // Somebody removed the object that the record names.
            if before.object != record.object {
                self.remove(&path)?;
            }
        }
        self.put_as_recorded(tenant, record, file)?;
        let published = match self.create(&path, bytes)? {
            Created::Yes => Published::New,
            Created::WasThere => match self.record_and_publication(tenant, key)? {
                // Our own, whose answer was lost.
                Some((_, winner)) if winner == publication => Published::New,
                Some((winner, _)) => already_there(winner, record),
                None => return Err(StoreError::Missing { entry: path.to_string() }),
            },
        };
        let named = match &published {
            Published::New => record,
            Published::AlreadyThere { record, .. } => record,
        };
        // Collecting garbage at the same time may have taken the object for an orphan just before the record appeared.
        if named.object == record.object {
            self.keep_put(tenant, file, &record.object)?;
        }
        // Outdated by now; it expires anyway.
        let _ = self.remove(&self.layout.failure(tenant, key));
        Ok(published)
    }

    fn put_as_recorded(&self, tenant: &TenantId, record: &Record, file: &mut File) -> Result<(), StoreError> {
        let put = self.put_as(tenant, file, record.object.sha256)?;
        if put.len != record.object.len {
            return Err(StoreError::record(
                put.sha256,
                format!("expected {} bytes, found {}", record.object.len, put.len),
            ));
        }
        Ok(())
    }

    /// What was published under `key`; `None` when nothing was, or its object is not there any more.
    ///
    /// # Errors
    /// `Record` when what lies there is no record of this key. Else what failed in the store.
    pub fn find(&self, tenant: &TenantId, key: &JobKey) -> Result<Option<Record>, StoreError> {
        let Some((record, _)) = self.record_and_publication(tenant, key)? else { return Ok(None) };
        Ok(self.is_there(tenant, &record.object)?.then_some(record))
    }

    fn record_and_publication(
        &self,
        tenant: &TenantId,
        key: &JobKey,
    ) -> Result<Option<(Record, String)>, StoreError> {
        let path = self.layout.key(tenant, key);
        self.small(&path)?.map(|bytes| Record::decode(&path, key, &bytes)).transpose()
    }

    /// Whether an object is there, as long as it should be.
    pub(super) fn is_there(&self, tenant: &TenantId, object: &Object) -> Result<bool, StoreError> {
        let there = self.head(&self.layout.object(tenant, &object.sha256))?;
        Ok(there.is_some_and(|there| there.size == object.len))
    }

    /// Remembers why the job with this key made nothing, so that it is not tried for each device that asks.
    ///
    /// # Errors
    /// What failed in the store.
    pub fn remember_failure(
        &self,
        tenant: &TenantId,
        key: &JobKey,
        failure: &PastFailure,
    ) -> Result<(), StoreError> {
        self.overwrite(&self.layout.failure(tenant, key), failure.encode(key)?)
    }

    /// Why the job with this key made nothing; `None` when that is not known, or has expired at `now` (seconds since 1970
    /// UTC).
    ///
    /// # Errors
    /// `Record` when what lies there is no failure of this key. Else what failed in the store.
    pub fn failure(
        &self,
        tenant: &TenantId,
        key: &JobKey,
        now: i64,
    ) -> Result<Option<PastFailure>, StoreError> {
        let path = self.layout.failure(tenant, key);
        let failure = self.small(&path)?.map(|bytes| PastFailure::decode(&path, key, &bytes)).transpose()?;
        Ok(failure.filter(|failure| failure.holds(now)))
    }

    /// Forgets why the job with this key failed.
    ///
    /// # Errors
    /// What failed in the store.
    pub fn forget_failure(&self, tenant: &TenantId, key: &JobKey) -> Result<(), StoreError> {
        self.remove(&self.layout.failure(tenant, key))
    }
}

fn already_there(winner: Record, ours: &Record) -> Published {
    let identical = winner.object == ours.object;
    Published::AlreadyThere { record: winner, identical }
}
