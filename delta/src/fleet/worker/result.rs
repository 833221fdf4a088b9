//! What becomes of a finished Artifact: it goes into the store, into a file, or both.

use super::Worker;
use super::event::{Done, PublishedAs};
use super::task::{Source, Task};
use crate::fleet::digest::Sha256Sum;
use crate::fleet::job::failure::Failure;
use crate::fleet::job::handle::JobHandle;
use crate::fleet::job::key::JobKey;
use crate::fleet::job::report::Report;
use crate::fleet::reason::{Reason, Remedy};
use crate::fleet::store::error::StoreError;
use crate::fleet::store::record::{Object, PastFailure, Record};
use crate::fleet::store::{Published, Store};
use mender_artifact::output_file::OutputFile;
use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};
use std::path::Path;

/// A failure of the store as one of the job.
pub(super) fn of_store(error: &StoreError) -> Failure {
    Failure::because(error.reason(), error.to_string())
}

fn unwritten(error: &io::Error, what: &str) -> Failure {
    let reason = match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Reason::DiskFull,
        _ => Reason::WorkIo,
    };
    Failure::because(reason, format!("{what}: {error}"))
}

impl Worker {
    /// What the store has of a job that was done, or failed, before.
    pub(super) fn known(&self, task: &Task) -> Result<Option<Done>, Failure> {
        let (Some(store), Some(key)) = (&self.options.store, task.key()) else { return Ok(None) };
        let tenant = &task.job.tenant;
        match store.find(tenant, &key) {
            Ok(Some(record)) => {
                if let Some(output) = &task.output {
                    store.fetch(tenant, &record.object.sha256, output).map_err(|error| of_store(&error))?;
                }
                return Ok(Some(done(key, record.object, PublishedAs::AlreadyThere, task)));
            }
            // It is made again, and replaces what lies there.
            Ok(None) | Err(StoreError::Record { .. }) => {}
            Err(error) => return Err(of_store(&error)),
        }
        let past = match store.failure(tenant, &key, self.options.clock.now()) {
            Ok(past) => past,
            Err(StoreError::Record { .. }) => None,
            Err(error) => return Err(of_store(&error)),
        };
        // A reason of a later version of this program may be none for this one.
        match past.and_then(|past| Some((Reason::from_code(&past.code)?, past.text))) {
            Some((reason, text)) => Err(Failure::because(reason, text)),
            None => Ok(None),
        }
    }

    /// Remembers a failure that would only repeat itself. That it cannot be remembered is no failure.
    pub(super) fn remember(&self, task: &Task, key: Option<JobKey>, failure: &Failure) {
        let (Some(store), Some(key)) = (&self.options.store, key.or_else(|| task.key())) else { return };
        // A file that is not what the task says of it is no failure of the pair that it names: objects are.
        let by_digest = matches!((&task.from, &task.to), (Source::Object(_), Source::Object(_)));
        if failure.reason.remedy() != Remedy::Never || (failure.side.is_some() && !by_digest) {
            return;
        }
        let failed = self.options.clock.now();
        let lifetime = i64::try_from(self.options.failure_lifetime.as_secs()).unwrap_or(i64::MAX);
        let past = PastFailure {
            code: failure.reason.code().to_owned(),
            text: failure.to_string(),
            failed,
            expires: failed.saturating_add(lifetime),
        };
        let _ = store.remember_failure(&task.job.tenant, &key, &past);
    }

    /// Brings the Artifact of a job that is done to where it belongs.
    pub(super) fn deliver(&self, task: &Task, job: &JobHandle, report: Report) -> Result<Done, Failure> {
        let (Some(key), Some(outcome)) = (report.key, &report.outcome) else {
            return Err(Failure::because(Reason::Panic, "a job was done without a result"));
        };
        let object = Object { sha256: outcome.sha256, len: outcome.len };
        let mut published = PublishedAs::Nowhere;
        if let Some(store) = &self.options.store {
            let mut file = tempfile::tempfile_in(&self.options.work_folder)
                .map_err(|error| unwritten(&error, "temporary file"))?;
            copy(job, &mut file, "temporary file")?;
            published = self.publish(store, task, &key, &report, object, &mut file)?;
            if let Some(path) = &task.output {
                file.seek(SeekFrom::Start(0)).map_err(|error| unwritten(&error, "temporary file"))?;
                write_output(path, |output| {
                    io::copy(&mut file, output).map_err(|error| unwritten(&error, "output"))
                })?;
            }
        } else if let Some(path) = &task.output {
            write_output(path, |output| copy(job, output, "output"))?;
        }
        Ok(Done { report: Some(report), ..done(key, object, published, task) })
    }

    fn publish(
        &self,
        store: &Store,
        task: &Task,
        key: &JobKey,
        report: &Report,
        object: Object,
        file: &mut File,
    ) -> Result<PublishedAs, Failure> {
        let note = serde_json::json!({
            "kind": "delta",
            "from_sha256": report.from_sha256.as_ref().map(Sha256Sum::to_string),
            "to_sha256": report.to_sha256.as_ref().map(Sha256Sum::to_string),
            "outcome": report.outcome,
        });
        let record = Record { object, published: self.options.clock.now(), note };
        match store.publish(&task.job.tenant, key, &record, file) {
            Ok(Published::New) => Ok(PublishedAs::New),
            Ok(Published::AlreadyThere { identical: true, .. }) => Ok(PublishedAs::AlreadyThere),
            Ok(Published::AlreadyThere { record, .. }) => {
                let text = format!(
                    "expected object {} under key {key}, found {}",
                    object.sha256, record.object.sha256
                );
                Err(Failure::because(Reason::StoreConflict, text))
            }
            Err(error) => Err(of_store(&error)),
        }
    }
}

fn done(key: JobKey, object: Object, published: PublishedAs, task: &Task) -> Done {
    Done { key, sha256: object.sha256, len: object.len, published, output: task.output.clone(), report: None }
}

fn write_output<T>(
    path: &Path,
    write: impl FnOnce(&mut OutputFile) -> Result<T, Failure>,
) -> Result<(), Failure> {
    let unwritten = |error| unwritten(&error, "output");
    let mut output = OutputFile::create(path).map_err(unwritten)?;
    write(&mut output)?;
    output.commit().map_err(unwritten)
}

/// Copies the Artifact of a job.
fn copy(job: &JobHandle, to: &mut impl Write, what: &str) -> Result<u64, Failure> {
    let (mut block, mut len) = (vec![0; 256 << 10], 0);
    loop {
        let read = job.read(&mut block)?;
        if read == 0 {
            return Ok(len);
        }
        to.write_all(&block[..read]).map_err(|error| unwritten(&error, what))?;
        len += read as u64;
    }
}
