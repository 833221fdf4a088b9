//! What becomes of a finished Artifact: it goes into the store, into a file, or both.

use super::Worker;
use super::event::{Done, PublishedAs};
use super::task::{Source, Task};
use crate::fleet::job::failure::Failure;
use crate::fleet::job::handle::JobHandle;
use crate::fleet::job::key::JobKey;
use crate::fleet::job::report::Report;
use crate::fleet::job::shelf::{self, Appeared, Known};
use crate::fleet::reason::{Reason, Remedy};
use crate::fleet::store::Store;
use crate::fleet::store::record::Object;
use mender_artifact::output_file::OutputFile;
use std::io::{self, Write};
use std::path::Path;

fn unwritten(error: &io::Error) -> Failure {
    let reason = match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Reason::DiskFull,
        _ => Reason::WorkIo,
    };
    Failure::because(reason, format!("output: {error}"))
}

impl Worker {
    /// What the store has of a job that was done, or failed, before.
    pub(super) fn known(&self, task: &Task) -> Result<Option<Done>, Failure> {
        let (Some(store), Some(key)) = (&self.options.store, task.key()) else { return Ok(None) };
        match shelf::known(store, &task.job.tenant, &key, self.options.clock.now())? {
            Known::Record(record) => {
                fetch(store, task, record.object)?;
                Ok(Some(done(key, record.object, PublishedAs::AlreadyThere, task)))
            }
            Known::Failure(failure) => Err(failure),
            Known::Nothing => Ok(None),
        }
    }

    /// Remembers a failure that would only repeat itself.
    pub(super) fn remember(&self, task: &Task, key: Option<JobKey>, failure: &Failure) {
        let (Some(store), Some(key)) = (&self.options.store, key.or_else(|| task.key())) else { return };
        // A file that is not what the task says of it is no failure of the pair that it names: objects are.
        let by_digest = matches!((&task.from, &task.to), (Source::Object(_), Source::Object(_)));
        if failure.reason.remedy() != Remedy::Never || (failure.side.is_some() && !by_digest) {
            return;
        }
        let now = self.options.clock.now();
        let lifetime = i64::try_from(self.options.failure_lifetime.as_secs()).unwrap_or(i64::MAX);
        shelf::remember(store, &task.job.tenant, &key, failure, [now, now.saturating_add(lifetime)]);
    }

    /// Brings the Artifact of a job that is done to where it belongs.
    pub(super) fn deliver(&self, task: &Task, job: &JobHandle, report: Report) -> Result<Done, Failure> {
        let (Some(key), Some(outcome), Some(from), Some(to)) =
            (report.key, &report.outcome, report.from_sha256, report.to_sha256)
        else {
            return Err(Failure::because(Reason::Panic, "a job was done without a result"));
        };
        let object = Object { sha256: outcome.sha256, len: outcome.len };
        let (tenant, now) = (&task.job.tenant, self.options.clock.now());
        let published = match &self.options.store {
            None => PublishedAs::Nowhere,
            Some(store) => match job
                .with_output(|file| shelf::publish(store, tenant, &key, [from, to], outcome, now, file))?
            {
                Appeared::New => PublishedAs::New,
                Appeared::WasThere => PublishedAs::AlreadyThere,
                Appeared::Other(record) => {
                    fetch(store, task, record.object)?;
                    return Ok(done(key, record.object, PublishedAs::AlreadyThere, task));
                }
            },
        };
        if let Some(path) = &task.output {
            write_output(path, job)?;
        }
        Ok(Done { report: Some(report), ..done(key, object, published, task) })
    }
}

/// Copies what the store has to where the task wants it.
fn fetch(store: &Store, task: &Task, object: Object) -> Result<(), Failure> {
    let Some(output) = &task.output else { return Ok(()) };
    let fetched = store.fetch(&task.job.tenant, &object.sha256, output);
    fetched.map(drop).map_err(|error| Failure::of_store(&error))
}

fn done(key: JobKey, object: Object, published: PublishedAs, task: &Task) -> Done {
    Done { key, sha256: object.sha256, len: object.len, published, output: task.output.clone(), report: None }
}

/// Copies the Artifact of a job to a file, which appears when it is complete.
fn write_output(path: &Path, job: &JobHandle) -> Result<(), Failure> {
    let mut output = OutputFile::create(path).map_err(|error| unwritten(&error))?;
    let mut block = vec![0; 256 << 10];
    loop {
        let read = job.read(&mut block)?;
        if read == 0 {
            return output.commit().map_err(|error| unwritten(&error));
        }
        output.write_all(&block[..read]).map_err(|error| unwritten(&error))?;
    }
}
