//! What has been accepted and is not over, on disk: one file for each job, which appears whole and goes with its job.

use super::failure::Failure;
use super::id::JobId;
use super::input::{Input, Inputs};
use super::spec::{JobSpec, MAX_JSON};
use super::spool::{WorkFolder, work_io};
use crate::fleet::reason::Reason;
use crate::fleet::tenant::TenantId;
use mender_artifact::output_file::OutputFile;
use serde::{Deserialize, Serialize};
use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

const VERSION: u32 = 1;
/// Longest entry that is read, in bytes.
const MAX_ENTRY: u64 = MAX_JSON as u64 + (64 << 10);

/// A job that an engine which was killed, or shut down, had not brought to its end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Unfinished {
    v: u32,
    /// Of the job; it keeps it when it is taken up again.
    pub id: JobId,
    /// What was to be done.
    pub spec: JobSpec,
    /// Where the Artifacts were, for jobs that can be taken up again: both are files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paths: Option<[PathBuf; 2]>,
    /// When it was accepted, in seconds since 1970.
    pub accepted: i64,
}

impl Unfinished {
    pub(super) fn new(id: JobId, spec: JobSpec, inputs: &Inputs, accepted: i64) -> Self {
        let paths = match (&inputs.from, &inputs.to) {
            (Input::Path(from), Input::Path(to)) => Some([from.clone(), to.clone()]),
            _ => None,
        };
        Self { v: VERSION, id, spec, paths, accepted }
    }

    /// Writes it down, durably.
    pub(super) fn write(&self, folder: &WorkFolder) -> Result<(), Failure> {
        let path = folder.journal(&self.spec.tenant)?.join(self.id.as_str());
        let json = serde_json::to_vec(self).map_err(|error| {
            Failure::because(Reason::BadRequest, format!("description of a job: {error}"))
        })?;
        let written = OutputFile::create_private(&path).and_then(|mut file| {
            file.write_all(&json)?;
            file.commit()
        });
        written.map_err(|error| work_io(&error))
    }
}

/// Removes the entry of a job that is over. That it cannot be removed is found out when the folder is read again.
pub(super) fn remove(folder: &WorkFolder, tenant: &TenantId, id: &JobId) {
    if let Ok(journal) = folder.journal(tenant) {
        let _ = fs::remove_file(journal.join(id.as_str()));
    }
}

/// Whether a file has the name of a job.
fn is_of_a_job(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str());
    name.is_some_and(|name| JobId::try_from(name.to_owned()).is_ok())
}

/// Everything that is written down and can be understood. Files that are none of these, such as parts of an entry that was never accepted, are
/// removed.
pub(super) fn read(folder: &WorkFolder) -> Result<Vec<Unfinished>, Failure> {
    let failed = |error: std::io::Error| work_io(&error);
    let mut all = Vec::new();
    for tenant in folder.tenants().map_err(failed)? {
        for entry in fs::read_dir(folder.journal(&tenant)?).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            let mut json = Vec::new();
            let file = File::open(&path).map_err(failed)?;
            file.take(MAX_ENTRY + 1).read_to_end(&mut json).map_err(failed)?;
            let unfinished: Option<Unfinished> = serde_json::from_slice(&json).ok();
            let is_its_own = |unfinished: &Unfinished| {
                unfinished.v == VERSION
                    && unfinished.spec.tenant == tenant
                    && path.file_name().is_some_and(|name| name == unfinished.id.as_str())
            };
            match unfinished.filter(is_its_own) {
                Some(unfinished) => all.push(unfinished),
                // Accepted by another version of this program, which will know what to do with it.
                None if is_of_a_job(&path) => {}
                None => fs::remove_file(&path).map_err(failed)?,
            }
        }
    }
    all.sort_by(|a, b| (a.accepted, &a.id).cmp(&(b.accepted, &b.id)));
    Ok(all)
}
