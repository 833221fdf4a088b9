//! Bringing bytes into a store: hashed on the way, visible only when they are whole.

use super::Store;
use super::error::StoreError;
use super::record::Object;
use crate::fleet::digest::Sha256Sum;
use crate::fleet::tenant::TenantId;
use object_store::path::Path;
use object_store::{MultipartUpload, ObjectStoreExt, PutPayload};
use sha2::{Digest as _, Sha256};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::sync::Arc;

/// What is put at once. S3 wants parts of 5 MiB or more and at most 10,000 of them: 78 GiB.
pub(super) const PART_LEN: usize = 8 << 20;
/// How often a transfer in parts is begun: each part has been tried again by itself before.
const TRANSFERS: usize = 3;
/// How often an object that was removed meanwhile is put again.
const REPAIRS: usize = 3;

impl Store {
    /// Puts the bytes of `file`, from its begin to its end, where their digest says. What is there already is put again:
    /// it is the same, and is new for [`gc`](Store::gc). Waits for one who is removing it.
    ///
    /// # Errors
    /// `Input` when `expected` is given and is not the digest of the file, or the file changes meanwhile; nothing is
    /// stored then. `File` when it cannot be read. Else what failed in the store.
    pub fn put(
        &self,
        tenant: &TenantId,
        file: &mut File,
        expected: Option<Sha256Sum>,
    ) -> Result<Object, StoreError> {
        let sha256 = match expected {
            Some(digest) => digest,
            None => Object::of(file).map_err(unread)?.sha256,
        };
        let object = self.put_as(tenant, file, sha256)?;
        self.keep_put(tenant, file, &object)?;
        Ok(object)
    }

    /// Puts the bytes of `file`, whose digest must be `sha256`. Somebody may be about to remove what was there before.
    pub(super) fn put_as(
        &self,
        tenant: &TenantId,
        file: &mut File,
        sha256: Sha256Sum,
    ) -> Result<Object, StoreError> {
        let path = self.layout.object(tenant, &sha256);
        let mut begun = 1;
        loop {
            match self.transfer(&path, file, sha256) {
                Err(StoreError::Unreachable { .. }) if begun < TRANSFERS => begun += 1,
                done => return done,
            }
        }
    }

    /// Waits for those who may have begun to remove `object` before it was put or named, and puts it again if they did.
    pub(super) fn keep_put(
        &self,
        tenant: &TenantId,
        file: &mut File,
        object: &Object,
    ) -> Result<(), StoreError> {
        self.wait_for_removals(tenant, &object.sha256)?;
        let mut repairs = 0;
        while !self.is_there(tenant, object)? && repairs < REPAIRS {
            self.put_as(tenant, file, object.sha256)?;
            repairs += 1;
        }
        Ok(())
    }

    fn transfer(&self, path: &Path, file: &mut File, sha256: Sha256Sum) -> Result<Object, StoreError> {
        file.seek(SeekFrom::Start(0)).map_err(unread)?;
        let mut hash = Sha256::new();
        let first = part(file, &mut hash)?;
        if first.len() < PART_LEN {
            let object = Object { sha256, len: first.len() as u64 };
            same(sha256, hash)?;
            self.overwrite(path, first)?;
            return Ok(object);
        }
        let mut upload = self.begin_parts(path)?;
        match self.all_parts(path, file, first, &mut hash, upload.as_mut()) {
            Ok(len) => {
                if let Err(error) = same(sha256, hash) {
                    self.abort(path, upload);
                    return Err(error);
                }
                self.complete(path, upload)?;
                Ok(Object { sha256, len })
            }
            Err(error) => {
                self.abort(path, upload);
                Err(error)
            }
        }
    }

    fn begin_parts(&self, path: &Path) -> Result<Box<dyn MultipartUpload>, StoreError> {
        let (objects, path, patience) = (Arc::clone(&self.objects), path.clone(), self.patience);
        self.run(async move { patience.spend(&path, || objects.put_multipart(&path)).await })
    }

    /// The length of all parts.
    fn all_parts(
        &self,
        path: &Path,
        file: &mut File,
        first: Vec<u8>,
        hash: &mut Sha256,
        upload: &mut dyn MultipartUpload,
    ) -> Result<u64, StoreError> {
        let (mut len, mut next) = (0, first);
        while !next.is_empty() {
            len += next.len() as u64;
            let sent = upload.put_part(PutPayload::from(next));
            let (path, patience) = (path.clone(), self.patience);
            self.run(async move { patience.wait(&path, sent).await })?;
            next = part(file, hash)?;
        }
        Ok(len)
    }

    fn complete(&self, path: &Path, mut upload: Box<dyn MultipartUpload>) -> Result<(), StoreError> {
        let (path, patience) = (path.clone(), self.patience);
        self.run(async move {
            let done = patience.wait(&path, upload.complete()).await;
            if done.is_err() {
                // The failure itself is what is told.
                let _ = patience.wait(&path, upload.abort()).await;
            }
            done.map(|_| ())
        })
    }

    /// Gives up what was sent. What cannot be given up is invisible all the same.
    fn abort(&self, path: &Path, mut upload: Box<dyn MultipartUpload>) {
        let (path, patience) = (path.clone(), self.patience);
        let _ = self.run(async move { patience.wait(&path, upload.abort()).await });
    }
}

/// The next part; shorter only where the file ends.
fn part(file: &mut File, hash: &mut Sha256) -> Result<Vec<u8>, StoreError> {
    let mut bytes = Vec::new();
    file.take(PART_LEN as u64).read_to_end(&mut bytes).map_err(unread)?;
    hash.update(&bytes);
    Ok(bytes)
}

fn same(expected: Sha256Sum, hash: Sha256) -> Result<(), StoreError> {
    let found = Sha256Sum(hash.finalize().into());
    if found == expected { Ok(()) } else { Err(StoreError::Input { expected, found }) }
}

fn unread(source: std::io::Error) -> StoreError {
    StoreError::File { action: "read", source }
}
