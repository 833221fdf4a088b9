//! What a tenant has in a store.

use super::Store;
use super::error::StoreError;
use super::layout::{Kind, key_of};
use super::record::Record;
use super::requests::small;
use crate::fleet::job::key::JobKey;
use crate::fleet::tenant::TenantId;
use futures_util::{StreamExt, stream};
use object_store::ObjectMeta;
use std::sync::Arc;

/// Records that are read at the same time.
const AT_ONCE: usize = 16;

/// One key of a tenant.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// The job's key.
    pub key: JobKey,
    /// When the record was put, in seconds since 1970 UTC, by the store's clock.
    pub stored: i64,
    /// What was published.
    pub record: Record,
}

/// A name where records are.
pub(super) struct Named {
    pub(super) there: ObjectMeta,
    /// What it is; the reason when it is no record. `None` when it was removed meanwhile.
    pub(super) entry: Option<Result<Entry, StoreError>>,
}

impl Store {
    /// All keys of a tenant that something was published under, oldest first. What is no record is left out.
    ///
    /// # Errors
    /// What failed in the store.
    pub fn list(&self, tenant: &TenantId) -> Result<Vec<Entry>, StoreError> {
        let mut all = Vec::new();
        for named in self.named(tenant)? {
            match named.entry {
                Some(Ok(entry)) => all.push(entry),
                None | Some(Err(StoreError::Record { .. })) => {}
                Some(Err(error)) => return Err(error),
            }
        }
        all.sort_by_key(|entry| (entry.stored, entry.key));
        Ok(all)
    }

    /// All names below the keys of a tenant.
    pub(super) fn named(&self, tenant: &TenantId) -> Result<Vec<Named>, StoreError> {
        let all = self.entries(&self.layout.folder(tenant, Kind::Keys))?;
        let (objects, patience) = (Arc::clone(&self.objects), self.patience);
        self.run(async move {
            let each = stream::iter(all).map(|there| {
                let objects = Arc::clone(&objects);
                async move {
                    let path = &there.location;
                    let entry = match key_of(path) {
                        None => Some(Err(StoreError::record(path, "expected the name <key>.json"))),
                        Some(key) => match small(&objects, patience, path).await {
                            Ok(None) => None,
                            Ok(Some(bytes)) => Some(Record::decode(path, &key, &bytes).map(|(record, _)| {
                                Entry { key, stored: there.last_modified.timestamp(), record }
                            })),
                            Err(error) => Some(Err(error)),
                        },
                    };
                    Named { there, entry }
                }
            });
            Ok(each.buffer_unordered(AT_ONCE).collect().await)
        })
    }
}
