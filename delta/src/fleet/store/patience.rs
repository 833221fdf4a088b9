//! Trying again: how long, how often, and which failures are worth it.

use super::error::StoreError;
use super::options::StoreOptions;
use object_store::client::{HttpError, HttpErrorKind};
use object_store::path::Path;
use std::future::Future;
use std::io;
use std::time::{Duration, Instant};

/// Longest pause between two attempts.
const MAX_PAUSE: Duration = Duration::from_secs(5);

/// The limits of one request.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience {
    timeout: Duration,
    attempt_timeout: Duration,
    first_pause: Duration,
}

/// What an attempt came to.
enum Verdict {
    Again(StoreError),
    Final(StoreError),
}

impl Patience {
    pub(super) fn new(options: &StoreOptions) -> Self {
        Self {
            timeout: options.timeout,
            attempt_timeout: options.attempt_timeout,
            first_pause: options.first_pause,
        }
    }

    /// Carries out `operation` until it succeeds, fails for good, or time is up.
    ///
    /// # Errors
    /// The last failure.
    pub(super) async fn spend<T, F>(
        &self,
        entry: &Path,
        mut operation: impl FnMut() -> F,
    ) -> Result<T, StoreError>
    where
        F: Future<Output = object_store::Result<T>>,
    {
        let begin = Instant::now();
        let mut pause = self.first_pause;
        let mut before = None;
        loop {
            let left = self.timeout.saturating_sub(begin.elapsed());
            let failure = match tokio::time::timeout(self.attempt_timeout.min(left), operation()).await {
                Ok(Ok(value)) => return Ok(value),
                Ok(Err(error)) => match judge(entry, error, begin) {
                    Verdict::Again(error) => error,
                    Verdict::Final(error) => return Err(error),
                },
                // One that had no time to fail says less than the one before it.
                Err(_) if left < self.attempt_timeout => before.take().unwrap_or_else(|| slow(entry, begin)),
                Err(_) => slow(entry, begin),
            };
            if begin.elapsed() + pause >= self.timeout {
                return Err(failure);
            }
            before = Some(failure);
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(MAX_PAUSE);
        }
    }

    /// The same for a request that has only so much time.
    pub(super) fn only(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }

    /// How long a request is tried.
    pub(super) fn timeout(&self) -> Duration {
        self.timeout
    }

    /// Waits for what cannot be begun again by itself.
    ///
    /// # Errors
    /// Its failure, or `Slow`.
    pub(super) async fn wait<T>(
        &self,
        entry: &Path,
        operation: impl Future<Output = object_store::Result<T>>,
    ) -> Result<T, StoreError> {
        let begin = Instant::now();
        match tokio::time::timeout(self.timeout, operation).await {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(error)) => Err(match judge(entry, error, begin) {
                Verdict::Again(error) | Verdict::Final(error) => error,
            }),
            Err(_) => Err(slow(entry, begin)),
        }
    }
}

fn slow(entry: &Path, begin: Instant) -> StoreError {
    StoreError::Slow { entry: entry.to_string(), waited: begin.elapsed() }
}

fn judge(path: &Path, error: object_store::Error, begin: Instant) -> Verdict {
    use object_store::Error;
    let entry = path.to_string();
    match error {
        Error::NotFound { .. } => Verdict::Final(StoreError::Missing { entry }),
        Error::Generic { .. } | Error::JoinError { .. } => judge_generic(path, error, begin),
        _ => Verdict::Final(StoreError::Refused { entry, source: error.into() }),
    }
}

/// The kind of failure is somewhere below.
fn judge_generic(path: &Path, error: object_store::Error, begin: Instant) -> Verdict {
    let entry = path.to_string();
    let mut below: Option<&(dyn std::error::Error + 'static)> = Some(&error);
    while let Some(cause) = below {
        if let Some(http) = cause.downcast_ref::<HttpError>() {
            return match http.kind() {
                HttpErrorKind::Timeout => Verdict::Again(slow(path, begin)),
                _ => Verdict::Again(StoreError::Unreachable { entry, source: error.into() }),
            };
        }
        if let Some(io) = cause.downcast_ref::<io::Error>() {
            match io.kind() {
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
                    return Verdict::Final(StoreError::Full { entry, source: error.into() });
                }
                io::ErrorKind::PermissionDenied
                | io::ErrorKind::ReadOnlyFilesystem
                | io::ErrorKind::NotADirectory
                | io::ErrorKind::IsADirectory => {
                    return Verdict::Final(StoreError::Refused { entry, source: error.into() });
                }
                _ => {}
            }
        }
        below = cause.source();
    }
    // The library tells the status of other answers by its text alone.
    if error.to_string().contains("status code: 4") {
        return Verdict::Final(StoreError::Refused { entry, source: error.into() });
    }
    Verdict::Again(StoreError::Unreachable { entry, source: error.into() })
}
