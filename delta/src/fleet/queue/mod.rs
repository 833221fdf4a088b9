//! A work queue of tasks in NATS JetStream, for any number of workers.
//!
//! | stream | subjects | holds |
//! |---|---|---|
//! | `<name>-tasks` | `<name>.tasks.<tenant>` | tasks that nobody has finished: each goes to one worker at a time |
//! | `<name>-answers` | `<name>.answers.<tenant>` | what became of tasks: an event `done` or `failed` |
//! | `<name>-parked` | `<name>.parked.<tenant>` | tasks that were given up, with the reason |
//!
//! A task leaves its stream only after its answer is kept, and that is put only after the result is published: a worker
//! may die anywhere, and NATS may be gone for a while, without anything being lost. A task may be given out twice; its key
//! in the store is what makes that harmless.

mod delivery;
pub mod error;
pub mod options;

pub use delivery::Delivery;
use delivery::GIVEN_BACK;

use crate::fleet::job::failure::Failure;
use crate::fleet::runtime::Driver;
use crate::fleet::tenant::TenantId;
use crate::fleet::worker::task::Task;
use async_nats::jetstream::consumer::{AckPolicy, PullConsumer, pull};
use async_nats::jetstream::context::{CreateStreamError, CreateStreamErrorKind};
use async_nats::jetstream::message::PublishMessage;
use async_nats::jetstream::{self, Context, stream};
use error::QueueError;
use futures_util::StreamExt;
use options::{QueueOptions, WORKERS};
use serde::{Deserialize, Serialize};
use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long one request is waited for before it is made again.
const ATTEMPT: Duration = Duration::from_secs(5);
/// Pause between two attempts.
const PAUSE: Duration = Duration::from_millis(500);

/// A queue; clones are the same one.
#[derive(Debug, Clone)]
pub struct Queue {
    driver: Arc<Driver>,
    context: Context,
    options: Arc<QueueOptions>,
}

/// A task that was put.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Enqueued {
    /// Its number in the stream; that of its equal, if there was one.
    pub sequence: u64,
    /// Whether an equal task had been put within the time of [`QueueOptions::duplicate_window`], so that this one was not.
    pub duplicate: bool,
}

/// A task that was given up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parked {
    /// Version of this form: 1.
    pub v: u32,
    /// Why.
    pub failure: Failure,
    /// How often it had been given out.
    pub delivered: u64,
    /// What had been put: JSON where it is, else its text.
    pub task: serde_json::Value,
}

/// What an attempt came to.
enum Attempt<T> {
    Done(T),
    Again(Box<dyn std::error::Error + Send + Sync>),
    Never(Box<dyn std::error::Error + Send + Sync>),
}

impl Queue {
    /// Opens the queue at `nats://[user:password@]host[:port]` (also `tls://`, and several with commas) and makes its
    /// streams if they are not there.
    ///
    /// # Errors
    /// `Options` when a setting cannot be, `Unreachable` when nobody answers within the time that is set, `Refused` when
    /// the server has no JetStream or refuses the credentials.
    pub fn open(urls: &str, options: &QueueOptions) -> Result<Self, QueueError> {
        options.check()?;
        let driver = Driver::new("queue")
            .map_err(|source| QueueError::Unreachable { action: "start a thread", source: source.into() })?;
        let connecting = connect(urls.to_owned(), options.clone());
        let context = driver.run(connecting).map_err(|_| QueueError::Stopped)??;
        let queue = Self { driver: Arc::new(driver), context, options: Arc::new(options.clone()) };
        queue.make_streams()?;
        Ok(queue)
    }

    /// Runs what is asynchronous to its end.
    fn run<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, QueueError>> + Send + 'static,
    ) -> Result<T, QueueError> {
        self.driver.run(work).map_err(|_| QueueError::Stopped)?
    }

    fn make_streams(&self) -> Result<(), QueueError> {
        let options = &self.options;
        let common = |name: String, kind: &str| stream::Config {
            name,
            subjects: vec![options.subject(kind, "*")],
            storage: stream::StorageType::File,
            num_replicas: options.replicas,
            duplicate_window: options.duplicate_window,
            ..stream::Config::default()
        };
        let tasks = stream::Config {
            retention: stream::RetentionPolicy::WorkQueue,
            ..common(options.tasks(), "tasks")
        };
        let kept = |name: String, kind: &str| stream::Config {
            max_age: options.keep,
            duplicate_window: options.duplicate_window.min(options.keep),
            ..common(name, kind)
        };
        for config in [tasks, kept(options.answers(), "answers"), kept(options.parked(), "parked")] {
            let (context, patience) = (self.context.clone(), options.timeout);
            self.run(async move {
                spend(patience, "make a stream", || async {
                    match context.get_or_create_stream(config.clone()).await {
                        Ok(_) => Attempt::Done(()),
                        Err(error) => judge(is_refusal(&error), error),
                    }
                })
                .await
            })?;
        }
        Ok(())
    }

    /// Puts a task. Equal tasks within the time of [`QueueOptions::duplicate_window`] are one, unless `again` tells this one
    /// apart by another word.
    ///
    /// # Errors
    /// `Unreachable` when the queue does not say within the time that is set that it has it: putting it again is safe.
    pub fn enqueue(&self, task: &Task, again: Option<&str>) -> Result<Enqueued, QueueError> {
        let id = match again {
            Some(word) => format!("{}-{word}", task.id()),
            None => task.id(),
        };
        let subject = self.options.subject("tasks", task.job.tenant.as_str());
        self.put("put a task", subject, id, task.to_json(), 0)
    }

    /// Puts a message, which may be a task that was given back some times, and waits until it is kept.
    fn put(
        &self,
        action: &'static str,
        subject: String,
        id: String,
        payload: String,
        given_back: u64,
    ) -> Result<Enqueued, QueueError> {
        let (context, patience) = (self.context.clone(), self.options.timeout);
        self.run(async move {
            spend(patience, action, || async {
                let mut message = PublishMessage::build().message_id(&id).payload(payload.clone().into());
                if given_back > 0 {
                    message = message.header(GIVEN_BACK, given_back.to_string());
                }
                let sent = match context.send_publish(subject.clone(), message).await {
                    Ok(sent) => sent.await,
                    Err(error) => Err(error),
                };
                match sent {
                    Ok(kept) => {
                        Attempt::Done(Enqueued { sequence: kept.sequence, duplicate: kept.duplicate })
                    }
                    Err(error) => Attempt::Again(box_it(error)),
                }
            })
            .await
        })
    }

    /// The next task, waiting for at most `wait`; `None` when there is none. While the caller has it, the queue is told
    /// that it is being worked on.
    ///
    /// # Errors
    /// `Unreachable` while NATS is away: trying again is all that is needed.
    pub fn next(&self, wait: Duration) -> Result<Option<Delivery>, QueueError> {
        let (context, options) = (self.context.clone(), Arc::clone(&self.options));
        let message = self.run(async move {
            let unreachable = |source: Box<dyn std::error::Error + Send + Sync>| QueueError::Unreachable {
                action: "take a task",
                source,
            };
            let asked = async {
                let consumer = consumer(&context, &options).await?;
                // Whoever made the consumer has decided on it.
                let ack_wait = consumer.cached_info().config.ack_wait;
                let mut batch = consumer.batch().max_messages(1).expires(wait).messages().await?;
                Ok(batch.next().await.transpose()?.map(|message| (message, ack_wait)))
            };
            // The server answers by then, if it is there.
            match tokio::time::timeout(wait.saturating_add(ATTEMPT), asked).await {
                Ok(message) => message.map_err(unreachable),
                Err(late) => Err(unreachable(late.into())),
            }
        })?;
        Ok(message.map(|(message, ack_wait)| Delivery::new(self.clone(), message, ack_wait)))
    }

    /// Keeps what became of a task. The same `id` is kept once.
    fn keep(
        &self,
        kind: &'static str,
        tenant: &TenantId,
        id: String,
        json: String,
    ) -> Result<(), QueueError> {
        self.put("keep an answer", self.options.subject(kind, tenant.as_str()), id, json, 0).map(|_| ())
    }
}

type AnyError = Box<dyn std::error::Error + Send + Sync>;

fn box_it(error: impl std::error::Error + Send + Sync + 'static) -> AnyError {
    Box::new(error)
}

fn judge<T>(is_refusal: bool, error: impl std::error::Error + Send + Sync + 'static) -> Attempt<T> {
    if is_refusal { Attempt::Never(box_it(error)) } else { Attempt::Again(box_it(error)) }
}

/// Whether the server will not, rather than cannot yet. It says 503 while it starts.
fn is_refusal(error: &CreateStreamError) -> bool {
    match error.kind() {
        CreateStreamErrorKind::JetStream(told) => told.code() != 503,
        CreateStreamErrorKind::EmptyStreamName | CreateStreamErrorKind::InvalidStreamName => true,
        _ => false,
    }
}

/// What a connection is made with. Broken ones are made again for as long as it takes.
fn settings(options: &QueueOptions) -> std::io::Result<async_nats::ConnectOptions> {
    let settings = async_nats::ConnectOptions::new()
        .name("mender-artifact")
        .connection_timeout(ATTEMPT)
        .request_timeout(Some(ATTEMPT))
        .max_reconnects(None)
        .reconnect_delay_callback(|attempts| if attempts < 2 { Duration::ZERO } else { PAUSE });
    match &options.credentials {
        Some(credentials) => settings.credentials(credentials),
        None => Ok(settings),
    }
}

async fn connect(urls: String, options: QueueOptions) -> Result<Context, QueueError> {
    let addresses: Vec<async_nats::ServerAddr> =
        urls.split(',').map(str::parse).collect::<Result<_, _>>().map_err(|error: std::io::Error| {
            QueueError::Options { what: "URL", reason: error.to_string() }
        })?;
    let client = spend(options.timeout, "connect", || async {
        use async_nats::ConnectErrorKind::{Authentication, AuthorizationViolation, ServerParse, Tls};
        let settings = match settings(&options) {
            Ok(settings) => settings,
            Err(error) => return Attempt::Never(box_it(error)),
        };
        match settings.connect(addresses.clone()).await {
            Ok(client) => Attempt::Done(client),
            Err(error) => {
                let refusal =
                    matches!(error.kind(), Authentication | AuthorizationViolation | ServerParse | Tls);
                judge(refusal, error)
            }
        }
    })
    .await?;
    let mut context = jetstream::new(client);
    context.set_timeout(ATTEMPT);
    Ok(context)
}

/// The consumer that all workers share.
async fn consumer(context: &Context, options: &QueueOptions) -> Result<PullConsumer, AnyError> {
    let stream = context.get_stream(options.tasks()).await?;
    let config = pull::Config {
        durable_name: Some(WORKERS.to_owned()),
        ack_policy: AckPolicy::Explicit,
        ack_wait: options.ack_wait,
        // Workers count themselves, and park with a reason.
        max_deliver: -1,
        max_ack_pending: 10_000,
        ..pull::Config::default()
    };
    Ok(stream.get_or_create_consumer(WORKERS, config).await?)
}

/// Tries until it is done, refused, or time is up.
async fn spend<T, F: Future<Output = Attempt<T>>>(
    patience: Duration,
    action: &'static str,
    mut attempt: impl FnMut() -> F,
) -> Result<T, QueueError> {
    let begin = Instant::now();
    loop {
        let left = patience.saturating_sub(begin.elapsed()).max(PAUSE);
        let source = match tokio::time::timeout(left, attempt()).await {
            Ok(Attempt::Done(value)) => return Ok(value),
            Ok(Attempt::Never(source)) => return Err(QueueError::Refused { action, source }),
            Ok(Attempt::Again(source)) => source,
            Err(late) => late.into(),
        };
        if begin.elapsed() + PAUSE >= patience {
            return Err(QueueError::Unreachable { action, source });
        }
        tokio::time::sleep(PAUSE).await;
    }
}
