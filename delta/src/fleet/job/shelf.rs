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

/// What a store says of a key that was used before.
pub(in crate::fleet) enum Known {
    /// There is a result.
    Record(Box<Record>),
    /// It fails, and would again.
    Failure(Failure),
    Nothing,
}

/// How a result came to be in a store.
pub(in crate::fleet) enum Appeared {
    /// By this.
    New,
    /// The same bytes were there.
    WasThere,
    /// Another one was there, which is only right where somebody has signed twice: that is the result.
    Other(Box<Record>),
}

/// What asking for a key would come to.
#[derive(Debug, Clone)]
pub(super) enum Outlook {
    /// It has to be made.
    Open,
    /// It is there, with so many bytes.
    Made { len: u64 },
    /// It fails, and would again, until then in seconds since 1970.
    Fails { failure: Failure, until: i64 },
}

/// What a store says of a key; `None` where it says nothing, or does not answer.
pub(super) fn outlook(store: &Store, tenant: &TenantId, key: &JobKey, now: i64) -> Option<Outlook> {
    if let Ok(Some(record)) = store.find(tenant, key) {
        return Some(Outlook::Made { len: record.object.len });
    }
    let past = store.failure(tenant, key, now).ok()??;
    let reason = Reason::from_code(&past.code).filter(|reason| Remembered::lasts(*reason))?;
    Some(Outlook::Fails { failure: Failure::because(reason, past.text), until: past.expires })
}

/// Looks a key up. A record that nobody can read stands for nothing: it is replaced when the result is made again.
///
/// # Errors
/// What the store says.
pub(in crate::fleet) fn known(
    store: &Store,
    tenant: &TenantId,
    key: &JobKey,
    now: i64,
) -> Result<Known, Failure> {
    if let Some(record) = readable(store.find(tenant, key))? {
        return Ok(Known::Record(Box::new(record)));
    }
    let past = readable(store.failure(tenant, key, now))?;
    // A reason of a later version of this program may be none for this one.
    let past = past.and_then(|past| Some((Reason::from_code(&past.code)?, past.text)));
    Ok(match past.filter(|(reason, _)| Remembered::lasts(*reason)) {
        Some((reason, text)) => Known::Failure(Failure::because(reason, text)),
        None => Known::Nothing,
    })
}

fn readable<T>(found: Result<Option<T>, StoreError>) -> Result<Option<T>, Failure> {
    match found {
        Err(StoreError::Record { .. }) => Ok(None),
        found => found.map_err(|error| Failure::of_store(&error)),
    }
}

/// Lets a result, the bytes of `file`, appear under its key.
///
/// # Errors
/// `store_conflict` when there is another one that cannot stand for it, and what the store says.
pub(in crate::fleet) fn publish(
    store: &Store,
    tenant: &TenantId,
    key: &JobKey,
    digests: [Sha256Sum; 2],
    outcome: &Outcome,
    now: i64,
    file: &mut File,
) -> Result<Appeared, Failure> {
    let [from_sha256, to_sha256] = digests;
    let object = Object { sha256: outcome.sha256, len: outcome.len };
    let note = Note { kind: KIND.to_owned(), from_sha256, to_sha256, outcome: outcome.clone() };
    let note = serde_json::to_value(note)
        .map_err(|error| Failure::because(Reason::BadRequest, error.to_string()))?;
    let record = Record { object, published: now, note };
    match store.publish(tenant, key, &record, file).map_err(|error| Failure::of_store(&error))? {
        Published::New => Ok(Appeared::New),
        Published::AlreadyThere { identical: true, .. } => Ok(Appeared::WasThere),
        Published::AlreadyThere { record, .. } if outcome.signed && outcome_of(&record).is_some() => {
            Ok(Appeared::Other(Box::new(record)))
        }
        Published::AlreadyThere { record, .. } => {
            let text = Reason::StoreConflict.text();
            let (expected, found) = (object.sha256, record.object.sha256);
            let text = format!("{text}: key {key}: expected {expected}, found {found}");
            Err(Failure::because(Reason::StoreConflict, text))
        }
    }
}

/// Remembers a failure that lasts. That it cannot be remembered changes nothing.
pub(in crate::fleet) fn remember(
    store: &Store,
    tenant: &TenantId,
    key: &JobKey,
    failure: &Failure,
    [failed, expires]: [i64; 2],
) {
    let (code, text) = (failure.reason.code().to_owned(), failure.to_string());
    let _ = store.remember_failure(tenant, key, &PastFailure { code, text, failed, expires });
}

/// What a record says of its object, if it is the record of a delta and of that object.
fn outcome_of(record: &Record) -> Option<Outcome> {
    let note: Note = serde_json::from_value(record.note.clone()).ok()?;
    let object = Object { sha256: note.outcome.sha256, len: note.outcome.len };
    (note.kind == KIND && object == record.object).then_some(note.outcome)
}

impl Shelf<'_> {
    /// What became of a key before.
    pub(super) fn look(&self, key: JobKey, now: i64) -> Result<Found, Failure> {
        Ok(match known(self.store, self.tenant, &key, now)? {
            Known::Failure(failure) => Found::Failure(failure),
            Known::Record(record) => self.product(&record).map_or(Found::Nothing, Found::Product),
            Known::Nothing => Found::Nothing,
        })
    }

    fn product(&self, record: &Record) -> Option<Box<Product>> {
        let stored = Stored {
            store: self.store.clone(),
            tenant: self.tenant.clone(),
            object: record.object,
            folder: self.folder.to_owned(),
            admission: Arc::clone(self.admission),
        };
        let outcome = outcome_of(record)?;
        Some(Box::new(Product { outcome, output: Arc::new(Output::in_store(stored)) }))
    }

    /// Lets a product appear; the one that is there instead, if there is another.
    pub(super) fn publish(
        &self,
        key: JobKey,
        digests: [Sha256Sum; 2],
        product: &Product,
        now: i64,
    ) -> Result<Option<Box<Product>>, Failure> {
        let appeared = product
            .output
            .with_file(|file| publish(self.store, self.tenant, &key, digests, &product.outcome, now, file))?;
        Ok(match appeared {
            Appeared::New | Appeared::WasThere => None,
            Appeared::Other(record) => self.product(&record),
        })
    }

    /// Remembers a failure that lasts.
    pub(super) fn remember(&self, key: JobKey, failure: &Failure, times: [i64; 2]) {
        remember(self.store, self.tenant, &key, failure, times);
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
            self.store.read(&self.tenant, &self.object.sha256).map_err(|error| Failure::of_store(&error))?;
        let mut piece = vec![0; 256 << 10];
        loop {
            let len = match reader.read(&mut piece) {
                Ok(0) => return Ok((file, room)),
                Ok(len) => len,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => {
                    let cause = error.get_ref().and_then(|cause| cause.downcast_ref::<StoreError>());
                    return Err(cause.map_or_else(|| work_io(&error), Failure::of_store));
                }
            };
            file.write_all(&piece[..len]).map_err(|error| work_io(&error))?;
        }
    }
}
