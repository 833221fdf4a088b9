//! The requests that a store is made of, each tried again while there is time.

use super::Store;
use super::error::StoreError;
use super::record::MAX_RECORD_LEN;
use futures_util::TryStreamExt;
use object_store::path::Path;
use object_store::{GetOptions, GetRange, ObjectMeta, ObjectStore, ObjectStoreExt, PutMode, PutPayload};
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

/// Whether something that must not be there yet was put.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Created {
    Yes,
    WasThere,
}

impl Store {
    /// Runs what is asynchronous to its end.
    pub(super) fn run<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, StoreError>> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.driver.run(work).map_err(|_| StoreError::Stopped)?
    }

    /// Length and time of what is there; `None` when nothing is.
    pub(super) fn head(&self, path: &Path) -> Result<Option<ObjectMeta>, StoreError> {
        let (objects, path, patience) = (Arc::clone(&self.objects), path.clone(), self.patience);
        self.run(async move { optional(patience.spend(&path, || objects.head(&path)).await) })
    }

    /// A small thing as a whole; `None` when it is not there.
    pub(super) fn small(&self, path: &Path) -> Result<Option<Vec<u8>>, StoreError> {
        let (objects, path, patience) = (Arc::clone(&self.objects), path.clone(), self.patience);
        self.run(async move { small(&objects, patience, &path).await })
    }

    /// A part of an object.
    pub(super) fn range(&self, path: &Path, range: Range<u64>) -> Result<Vec<u8>, StoreError> {
        let (objects, path, patience) = (Arc::clone(&self.objects), path.clone(), self.patience);
        self.run(async move {
            let bytes = patience.spend(&path, || objects.get_range(&path, range.clone())).await?;
            Ok(bytes.into())
        })
    }

    /// Puts a small thing, over what is there.
    pub(super) fn overwrite(&self, path: &Path, bytes: Vec<u8>) -> Result<(), StoreError> {
        let (objects, path, patience) = (Arc::clone(&self.objects), path.clone(), self.patience);
        let payload = PutPayload::from(bytes);
        self.run(async move {
            patience
                .spend(&path, || objects.put_opts(&path, payload.clone(), PutMode::Overwrite.into()))
                .await?;
            Ok(())
        })
    }

    /// Puts a small thing unless something is there. After an attempt whose end was not seen, what was put by it counts
    /// as having been there: the caller looks.
    pub(super) fn create(&self, path: &Path, bytes: Vec<u8>) -> Result<Created, StoreError> {
        let (objects, path, patience) = (Arc::clone(&self.objects), path.clone(), self.patience);
        let payload = PutPayload::from(bytes);
        self.run(async move {
            let attempt = || async {
                match objects.put_opts(&path, payload.clone(), PutMode::Create.into()).await {
                    Ok(_) => Ok(Created::Yes),
                    Err(
                        object_store::Error::AlreadyExists { .. } | object_store::Error::Precondition { .. },
                    ) => Ok(Created::WasThere),
                    Err(error) => Err(error),
                }
            };
            patience.spend(&path, attempt).await
        })
    }

    /// Removes something; that it is not there is no failure.
    pub(super) fn remove(&self, path: &Path) -> Result<(), StoreError> {
        let (objects, path, patience) = (Arc::clone(&self.objects), path.clone(), self.patience);
        self.run(async move { optional(patience.spend(&path, || objects.delete(&path)).await).map(|_| ()) })
    }

    /// Removes something, and waits for its end for at most `patience`. Nothing is repeated here; the client of a store over
    /// HTTP repeats a request within that time, a few times at most.
    pub(super) fn remove_once(&self, path: &Path, patience: Duration) -> Result<(), StoreError> {
        let (objects, path, patience) =
            (Arc::clone(&self.objects), path.clone(), self.patience.only(patience));
        self.run(async move { optional(patience.wait(&path, objects.delete(&path)).await).map(|_| ()) })
    }

    /// All that is in a folder.
    pub(super) fn entries(&self, folder: &Path) -> Result<Vec<ObjectMeta>, StoreError> {
        let (objects, folder, patience) = (Arc::clone(&self.objects), folder.clone(), self.patience);
        self.run(async move {
            let all = || objects.list(Some(&folder)).try_collect::<Vec<_>>();
            Ok(optional(patience.spend(&folder, all).await)?.unwrap_or_default())
        })
    }
}

/// A small thing as a whole; `None` when it is not there.
pub(super) async fn small(
    objects: &Arc<dyn ObjectStore>,
    patience: super::patience::Patience,
    path: &Path,
) -> Result<Option<Vec<u8>>, StoreError> {
    // One byte more than is allowed tells what is too long, whatever the store says of its length.
    let bound = GetRange::Bounded(0..MAX_RECORD_LEN as u64 + 1);
    let attempt = || async {
        let options = GetOptions { range: Some(bound.clone()), ..GetOptions::default() };
        objects.get_opts(path, options).await?.bytes().await
    };
    let Some(bytes) = optional(patience.spend(path, attempt).await)? else { return Ok(None) };
    if bytes.len() > MAX_RECORD_LEN {
        return Err(StoreError::record(path, format!("expected at most {MAX_RECORD_LEN} bytes, found more")));
    }
    Ok(Some(bytes.into()))
}

fn optional<T>(found: Result<T, StoreError>) -> Result<Option<T>, StoreError> {
    match found {
        Ok(value) => Ok(Some(value)),
        Err(StoreError::Missing { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}
