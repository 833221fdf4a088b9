//! Results in the store: looked up before work, published after it.

use super::admission::{Admission, Wanted};
use super::failure::Failure;
use super::flight::{Output, Product};
use super::key::JobKey;
use super::remembered::Remembered;
use super::report::Outcome;
use super::spool::work_io;
use crate::fleet::digest::Sha256Sum;
use crate::fleet::reason::Reason;
use crate::fleet::store::error::StoreError;
use crate::fleet::store::record::{Object, PastFailure, Record};
use crate::fleet::store::{Published, Store};
use crate::fleet::tenant::TenantId;
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// What the record of a delta says beside its object.
#[derive(Debug, Serialize, Deserialize)]
struct Note {
    kind: String,
    from_sha256: Sha256Sum,
    to_sha256: Sha256Sum,
    outcome: Outcome,
}

const KIND: &str = "delta";

/// The part of a store that belongs to a tenant.
pub(super) struct Shelf<'s> {
    pub(super) store: &'s Store,
    pub(super) tenant: &'s TenantId,
    pub(super) folder: &'s Path,
    pub(super) admission: &'s Arc<Admission>,
}

/// What the store knows of a key.
pub(super) enum Found {
    Product(Box<Product>),
    Failure(Failure),
    Nothing,
}

fn failure(error: &StoreError) -> Failure {
    Failure::because(error.reason(), format!("store: {error}"))
}

impl Shelf<'_> {
    /// What became of a key before.
    pub(super) fn look(&self, key: JobKey, now: i64) -> Result<Found, Failure> {
        let record = self.store.find(self.tenant, &key).map_err(|error| failure(&error))?;
        if let Some(product) = record.and_then(|record| self.product(&record)) {
            return Ok(Found::Product(Box::new(product)));
        }
        let past = self.store.failure(self.tenant, &key, now).map_err(|error| failure(&error))?;
        let known = past.and_then(|past| Some((Reason::from_code(&past.code)?, past.text)));
        Ok(match known {
            Some((reason, text)) if Remembered::lasts(reason) => {
                Found::Failure(Failure::because(reason, text))
            }
            _ => Found::Nothing,
        })
    }

    fn product(&self, record: &Record) -> Option<Product> {
        let note: Note =
            serde_json::from_value(record.note.clone()).ok().filter(|note: &Note| note.kind == KIND)?;
        let is_of_object =
            (note.outcome.sha256, note.outcome.len) == (record.object.sha256, record.object.len);
        is_of_object.then(|| Product {
            outcome: note.outcome,
            output: Arc::new(Output::in_store(Stored {
                store: self.store.clone(),
                tenant: self.tenant.clone(),
                object: record.object,
                folder: self.folder.to_owned(),
                admission: Arc::clone(self.admission),
            })),
        })
    }

    /// Lets a product appear. If there is another one under its key, which is only right where somebody has signed twice,
    /// that is the result.
    pub(super) fn publish(
        &self,
        key: JobKey,
        digests: [Sha256Sum; 2],
        product: &Product,
        now: i64,
    ) -> Result<Option<Product>, Failure> {
        let [from_sha256, to_sha256] = digests;
        let outcome = product.outcome.clone();
        let object = Object { sha256: outcome.sha256, len: outcome.len };
        let is_signed = outcome.signed;
        let note = Note { kind: KIND.to_owned(), from_sha256, to_sha256, outcome };
        let note = serde_json::to_value(note)
            .map_err(|error| Failure::because(Reason::BadRequest, error.to_string()))?;
        let record = Record { object, published: now, note };
        let published = product.output.with_file(|file| {
            self.store.publish(self.tenant, &key, &record, file).map_err(|error| failure(&error))
        })?;
        match published {
            Published::New | Published::AlreadyThere { identical: true, .. } => Ok(None),
            Published::AlreadyThere { record, .. } => match self.product(&record).filter(|_| is_signed) {
                Some(other) => Ok(Some(other)),
                None => Err(Failure::because(
                    Reason::StoreConflict,
                    format!(
                        "{}: expected {}, found {}",
                        Reason::StoreConflict.text(),
                        object.sha256,
                        record.object.sha256
                    ),
                )),
            },
        }
    }

    /// Remembers a failure that lasts. That it cannot be remembered changes nothing.
    pub(super) fn remember(&self, key: JobKey, failure: &Failure, now: i64, expires: i64) {
        let past = PastFailure {
            code: failure.reason.code().to_owned(),
            text: failure.to_string(),
            failed: now,
            expires,
        };
        let _ = self.store.remember_failure(self.tenant, &key, &past);
    }
}

/// An object that is fetched when it is read.
pub(super) struct Stored {
    store: Store,
    tenant: TenantId,
    object: Object,
    folder: PathBuf,
    admission: Arc<Admission>,
}

impl Stored {
    /// Copies the object to a file without a name; it is checked on the way.
    pub(super) fn fetch(&self) -> Result<(File, super::admission::Share), Failure> {
        let wanted = Wanted { memory: 0, disk: self.object.len, is_complete: false };
        let room = self.admission.grant(wanted, &AtomicBool::new(false))?;
        let mut file = tempfile::tempfile_in(&self.folder).map_err(|error| work_io(&error))?;
        let mut reader =
            self.store.read(&self.tenant, &self.object.sha256).map_err(|error| failure(&error))?;
        let mut piece = vec![0; 256 << 10];
        loop {
            let len = match reader.read(&mut piece) {
                Ok(0) => return Ok((file, room)),
                Ok(len) => len,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => {
                    let cause = error.get_ref().and_then(|cause| cause.downcast_ref::<StoreError>());
                    return Err(cause.map_or_else(|| work_io(&error), failure));
                }
            };
            file.write_all(&piece[..len]).map_err(|error| work_io(&error))?;
        }
    }
}
