//! One task, from its begin to its end.

use super::event::{Done, Event, VERSION, What};
use super::task::Task;
use super::{Stop, Worker};
use crate::fleet::job::failure::Failure;
use crate::fleet::job::report::Report;
use crate::fleet::job::spec::SignMode;
use crate::fleet::job::state::State;
use crate::fleet::reason::{Reason, Remedy};
use std::time::Duration;

/// How often it is looked whether the worker shall stop, and how far the job is.
const TICK: Duration = Duration::from_millis(50);
/// Ticks between two events of progress.
const TICKS_OF_PROGRESS: u32 = 5;

/// Why a task came to nothing.
#[derive(Debug, Clone)]
pub struct Undone {
    /// The reason.
    pub failure: Failure,
    /// More about it, when the job had begun.
    pub report: Option<Box<Report>>,
}

impl From<Failure> for Undone {
    fn from(failure: Failure) -> Self {
        Self { failure, report: None }
    }
}

impl Undone {
    /// Whether trying again later may help, with nothing else changed.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        match self.failure.reason.remedy() {
            Remedy::Later => true,
            Remedy::Defect => true,
            Remedy::Never | Remedy::Request => self.failure.reason == Reason::Cancelled,
        }
    }
}

impl Worker {
    /// Carries out a task and tells how far it is. The result is where it belongs when this returns. Within a tenth of a
    /// second or so of [`Stop::stop`] it is cancelled.
    ///
    /// # Errors
    /// With the reason; what would only repeat itself is remembered in the store.
    pub fn run(
        &self,
        task: &Task,
        stop: &Stop,
        mut tell: impl FnMut(State, u64, u64),
    ) -> Result<Done, Undone> {
        self.check_output(task)?;
        if matches!(task.job.sign, SignMode::External { .. }) {
            let text = "task: a worker cannot wait for a signature: name a signer";
            return Err(Failure::because(Reason::BadRequest, text).into());
        }
        if let Some(done) = self.known(task)? {
            return Ok(done);
        }
        let job = self.engine.submit(task.job.clone(), self.inputs(task)?)?;
        let (mut tick, mut last) = (0, None);
        loop {
            let progress = job.wait(TICK);
            if progress.state.is_final() {
                break;
            }
            if stop.is_asked() {
                job.cancel();
            }
            let now = (progress.state, progress.done, progress.total);
            let is_new_state = last.is_none_or(|(state, _, _)| state != now.0);
            if is_new_state || (tick >= TICKS_OF_PROGRESS && last != Some(now)) {
                (tick, last) = (0, Some(now));
                tell(now.0, now.1, now.2);
            }
            tick += 1;
        }
        let report = job.report();
        if report.state == State::Done {
            tell(State::Done, 0, 0);
            return Ok(self.deliver(task, &job, report)?);
        }
        let reason = if report.state == State::Cancelled { Reason::Cancelled } else { Reason::Panic };
        let failure = report.failure.clone().unwrap_or_else(|| Failure::new(reason));
        self.remember(task, report.key, &failure);
        Err(Undone { failure, report: Some(Box::new(report)) })
    }

    /// The event that tells of an end.
    #[must_use]
    pub fn told(task: &Task, end: &Result<Done, Undone>, again: bool) -> Event {
        let what = match end {
            Ok(done) => What::Done(Box::new(done.clone())),
            Err(undone) if undone.failure.reason == Reason::Cancelled => What::Cancelled { again },
            Err(undone) => {
                What::Failed { failure: undone.failure.clone(), again, report: undone.report.clone() }
            }
        };
        Event { v: VERSION, task: task.id(), tenant: task.job.tenant.clone(), what }
    }
}
