//! One task from standard input or a file: what a workflow engine or a Kubernetes Job starts.

use super::{failed, tell};
use crate::exit_code::ExitStatus;
use crate::failure::Failure;
use crate::input::STANDARD;
use mender_delta::fleet::worker::event::{Event, VERSION, What};
use mender_delta::fleet::worker::task::{MAX_LEN, Task};
use mender_delta::fleet::worker::{Stop, Worker};
use std::fs::File;
use std::io::Read;
use std::path::Path;

pub(super) fn run(worker: &Worker, stop: &Stop, task: &Path) -> Result<(), Failure> {
    let json = read(task)?;
    let task = Task::from_json(&json).map_err(|failure| failed(&failure))?;
    let event = |what| Event { v: VERSION, task: task.id(), tenant: task.job.tenant.clone(), what };
    tell(&event(What::Started { delivery: 1 }))?;
    let mut told = Ok(());
    let end = worker.run(&task, stop, |state, done, total| {
        let now = tell(&event(What::Progress { state, done, total }));
        if told.is_ok() {
            told = now;
        }
    });
    tell(&Worker::told(&task, &end, false))?;
    told?;
    match end {
        Ok(_) => Ok(()),
        Err(undone) => Err(failed(&undone.failure)),
    }
}

/// Not more of the task than is needed to refuse it.
fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    let unread = |error| Failure::io(path, ExitStatus::OpenInput, &error);
    let input: Box<dyn Read> = match path == Path::new(STANDARD) {
        true => Box::new(std::io::stdin().lock()),
        false => Box::new(File::open(path).map_err(unread)?),
    };
    let mut json = Vec::new();
    input.take(MAX_LEN as u64 + 1).read_to_end(&mut json).map_err(unread)?;
    Ok(json)
}
