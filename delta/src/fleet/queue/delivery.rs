//! A task in the hands of one worker.

use super::error::QueueError;
use super::{Attempt, Parked, Queue, spend};
use crate::fleet::job::failure::Failure;
use crate::fleet::reason::Reason;
use crate::fleet::tenant::TenantId;
use crate::fleet::worker::event::Event;
use crate::fleet::worker::task::{MAX_LEN, Task};
use async_nats::jetstream::Message;
use async_nats::jetstream::message::AckKind;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinHandle;

/// A task that was given out. Dropped, it is given out again when its worker has been silent for long enough.
#[derive(Debug)]
pub struct Delivery {
    queue: Queue,
    message: Arc<Message>,
    alive: Option<JoinHandle<()>>,
    /// How often it was given out, this time included.
    delivered: u64,
    /// How often workers that ended in good order had given it back before.
    given_back: u64,
    /// Its number in the stream.
    sequence: u64,
}

/// Header of a task that was given back: how often.
pub(super) const GIVEN_BACK: &str = "Given-Back";
/// So many times more often than it may be given out may a task be given back by workers that end in good order.
const ENDS: u64 = 4;

/// Bytes that are kept of what is no task: escaped, they still have to fit into a message.
const KEPT_OF_NO_TASK: usize = 64 << 10;

impl Drop for Delivery {
    fn drop(&mut self) {
        if let Some(alive) = &self.alive {
            alive.abort();
        }
    }
}

impl Delivery {
    pub(super) fn new(queue: Queue, message: Message, ack_wait: Duration) -> Self {
        let (delivered, sequence) = match message.info() {
            Ok(info) => (u64::try_from(info.delivered).unwrap_or(1), info.stream_sequence),
            Err(_) => (1, 0),
        };
        let given_back = message.headers.as_ref().and_then(|headers| headers.get(GIVEN_BACK));
        // Others who write there what is no number begin anew.
        let given_back = given_back.and_then(|times| times.as_str().parse().ok()).unwrap_or(0);
        let message = Arc::new(message);
        // Tells by itself that the worker is alive, also while it waits for the store.
        let (told, pause) = (Arc::clone(&message), ack_wait / 3);
        let alive = queue.driver.handle().map(|handle| {
            handle.spawn(async move {
                loop {
                    tokio::time::sleep(pause).await;
                    // While NATS is away nobody can be told.
                    let _ = told.ack_with(AckKind::Progress).await;
                }
            })
        });
        Self { queue, message, alive, delivered, given_back, sequence }
    }

    /// How often the task was given out, this time included.
    #[must_use]
    pub fn delivered(&self) -> u64 {
        self.delivered
    }

    /// Its number in the queue.
    #[must_use]
    pub fn sequence(&self) -> u64 {
        self.sequence
    }

    /// How often workers that ended in good order had given it back before. It counts as given out anew after that.
    #[must_use]
    pub fn given_back(&self) -> u64 {
        self.given_back
    }

    /// Whether it was given out more often than it may be, without ever coming to an end: its workers died; or was given
    /// back four times as often by workers that ended: it may be what they are ended for.
    #[must_use]
    pub fn is_poison(&self) -> bool {
        let most = self.queue.options.max_deliver;
        self.delivered > most || self.given_back >= most.saturating_mul(ENDS)
    }

    /// Whether a failure that may pass is the last one that is allowed.
    #[must_use]
    pub fn is_last(&self) -> bool {
        self.delivered >= self.queue.options.max_deliver
    }

    /// The tenant that it was put for.
    ///
    /// # Errors
    /// [`Reason::BadRequest`] when the subject names none.
    pub fn tenant(&self) -> Result<TenantId, Failure> {
        let name = self.message.subject.rsplit('.').next().unwrap_or_default();
        TenantId::new(name).map_err(|error| Failure::because(Reason::BadRequest, error.to_string()))
    }

    /// What is to be done.
    ///
    /// # Errors
    /// [`Reason::BadRequest`] when it is no task, [`Reason::TenantMismatch`] when it was put for another tenant than it
    /// names.
    pub fn task(&self) -> Result<Task, Failure> {
        let task = Task::from_json(&self.message.payload)?;
        let tenant = self.tenant()?;
        if task.job.tenant != tenant {
            let text = format!("task for {} under the subject of {tenant}", task.job.tenant);
            return Err(Failure::because(Reason::TenantMismatch, text));
        }
        Ok(task)
    }

    /// Keeps the answer and takes the task out of the queue: the last thing that is done, after the result is published.
    ///
    /// # Errors
    /// `Unreachable` when NATS stays away: the task will be given out again, and the result found in the store.
    pub fn answer(self, event: &Event) -> Result<(), QueueError> {
        let id = format!("{}-{}", event.task, self.sequence);
        self.queue.keep("answers", &event.tenant, id, event.to_json())?;
        self.finish(AckKind::Ack)
    }

    /// Puts the task aside with its reason, where people can look at it, and takes it out of the queue.
    ///
    /// # Errors
    /// `Unreachable` when NATS stays away: the task will be given out again.
    pub fn park(self, failure: &Failure) -> Result<(), QueueError> {
        let payload = &self.message.payload;
        let text = || {
            let kept = &payload[..payload.len().min(KEPT_OF_NO_TASK)];
            serde_json::Value::String(String::from_utf8_lossy(kept).into_owned())
        };
        let task = match payload.len() > MAX_LEN {
            true => text(),
            false => serde_json::from_slice(payload).unwrap_or_else(|_| text()),
        };
        let parked = Parked { v: 1, failure: failure.clone(), delivered: self.delivered, task };
        // A subject that names no tenant cannot be made by this program.
        let tenant = match self.tenant() {
            Ok(tenant) => tenant,
            Err(_) => return self.finish(AckKind::Term),
        };
        let json = serde_json::to_string(&parked).unwrap_or_default();
        self.queue.keep("parked", &tenant, format!("parked-{}", self.sequence), json)?;
        self.finish(AckKind::Ack)
    }

    /// Gives the task back, for another worker: after a delay that grows with each delivery; or at once, behind the tasks
    /// that wait, as one that was not given out before but for [`Delivery::given_back`]: mostly it is none of the task's doing
    /// that a worker ends in good order.
    ///
    /// # Errors
    /// `Unreachable` when NATS stays away: the task will be given out again anyway.
    pub fn give_back(self, at_once: bool) -> Result<(), QueueError> {
        if !at_once {
            let delay = self.queue.options.delay_after(self.delivered);
            return self.finish(AckKind::Nak(Some(delay)));
        }
        // In this order it is there twice at worst, and published once.
        let (subject, id) = (self.message.subject.to_string(), format!("back-{}", self.sequence));
        let task = String::from_utf8_lossy(&self.message.payload).into_owned();
        self.queue.put("give a task back", subject, id, task, self.given_back.saturating_add(1))?;
        self.finish(AckKind::Ack)
    }

    /// Tells the queue and waits until it says that it has heard.
    fn finish(&self, kind: AckKind) -> Result<(), QueueError> {
        let (message, patience) = (Arc::clone(&self.message), self.queue.options.timeout);
        self.queue.run(async move {
            spend(patience, "finish a task", || async {
                match message.double_ack_with(kind).await {
                    Ok(()) => Attempt::Done(()),
                    Err(source) => Attempt::Again(source),
                }
            })
            .await
        })
    }
}
