//! Where a task's Artifacts come from.

use super::task::{Source, Task};
use super::{Files, Worker};
use crate::fleet::job::failure::{Failure, Side};
use crate::fleet::job::input::{Input, Inputs};
use crate::fleet::reason::Reason;
use crate::fleet::tenant::TenantId;
use std::path::{Component, Path, PathBuf};

impl Worker {
    /// # Errors
    /// [`Reason::BadRequest`] when a file may not be named, what failed in the store when an object cannot be read.
    pub(super) fn inputs(&self, task: &Task) -> Result<Inputs, Failure> {
        let input = |source, side| self.input(&task.job.tenant, source).map_err(|failure| failure.of(side));
        Ok(Inputs { from: input(&task.from, Side::From)?, to: input(&task.to, Side::To)? })
    }

    fn input(&self, tenant: &TenantId, source: &Source) -> Result<Input, Failure> {
        match source {
            Source::Path(path) => Ok(Input::Path(self.file(path)?)),
            Source::Object(sha256) => {
                let Some(store) = &self.options.store else {
                    return Err(refused("an object is named, and this worker has no store"));
                };
                let reader = store.read(tenant, sha256).map_err(|error| Failure::of_store(&error))?;
                Ok(Input::Reader(Box::new(reader)))
            }
        }
    }

    fn file(&self, path: &Path) -> Result<PathBuf, Failure> {
        match &self.options.files {
            Files::All => Ok(path.to_owned()),
            Files::None => Err(refused("a file is named, and this worker takes only objects")),
            Files::Below(folder) => {
                let inside = path.strip_prefix(folder).unwrap_or(path);
                if inside.components().all(|part| matches!(part, Component::Normal(_))) {
                    Ok(folder.join(inside))
                } else {
                    Err(refused("a file is named that is not in the folder of this worker"))
                }
            }
        }
    }

    /// # Errors
    /// [`Reason::BadRequest`] when the result has no place to go.
    pub(super) fn check_output(&self, task: &Task) -> Result<(), Failure> {
        match (&task.output, &self.options.files) {
            (Some(_), Files::All) => Ok(()),
            (Some(_), _) => Err(refused("an output is named, and this worker writes no files")),
            (None, _) if self.options.store.is_none() => {
                Err(refused("no output is named, and this worker has no store"))
            }
            (None, _) => Ok(()),
        }
    }
}

fn refused(text: &str) -> Failure {
    Failure::because(Reason::BadRequest, format!("task: {text}"))
}
