//! How a queue is opened, and what its parts are called.

use super::error::QueueError;
use std::time::Duration;

/// Settings of a queue. Nothing is read from the environment.
#[derive(Debug, Clone)]
pub struct QueueOptions {
    /// Name that streams and subjects begin with: letters, digits, `-` and `_`. `deltas` by default.
    pub name: String,
    /// How often a task is given to workers before it is parked. 5 by default.
    pub max_deliver: u64,
    /// How long a worker may be silent before its task is given to another one. 30 s by default; workers tell three times
    /// as often that they are alive.
    pub ack_wait: Duration,
    /// How long an operation is tried before it fails, while NATS is away. 60 s by default.
    pub timeout: Duration,
    /// How long a task that failed for a passing reason waits before it is given to a worker again; doubled each time, up
    /// to ten minutes. 5 s by default.
    pub retry_delay: Duration,
    /// For how long equal tasks are taken for one. A day by default.
    pub duplicate_window: Duration,
    /// How long answers and parked tasks are kept. 30 days by default.
    pub keep: Duration,
    /// Copies of the streams in a cluster. 1 by default.
    pub replicas: usize,
    /// Content of a credentials file, instead of user and password in the URL.
    pub credentials: Option<String>,
}

impl Default for QueueOptions {
    fn default() -> Self {
        const DAY: u64 = 86_400;
        Self {
            name: "deltas".to_owned(),
            max_deliver: 5,
            ack_wait: Duration::from_secs(30),
            timeout: Duration::from_secs(60),
            retry_delay: Duration::from_secs(5),
            duplicate_window: Duration::from_secs(DAY),
            keep: Duration::from_secs(30 * DAY),
            replicas: 1,
            credentials: None,
        }
    }
}

/// Name of the consumer that all workers share.
pub(super) const WORKERS: &str = "workers";

impl QueueOptions {
    /// # Errors
    /// `Options` when a setting cannot be.
    pub(super) fn check(&self) -> Result<(), QueueError> {
        let refuse = |what, reason| Err(QueueError::Options { what, reason });
        let is_word = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
        if self.name.is_empty() || self.name.len() > 32 || !self.name.bytes().all(is_word) {
            return refuse("name", "expected 1 to 32 letters, digits, '-' and '_'".to_owned());
        }
        if self.max_deliver == 0 {
            return refuse("max_deliver", "expected at least 1".to_owned());
        }
        if self.ack_wait < Duration::from_millis(300) {
            return refuse("ack_wait", "expected at least 0.3 s".to_owned());
        }
        if self.replicas == 0 || self.replicas > 5 {
            return refuse("replicas", format!("expected 1 to 5, found {}", self.replicas));
        }
        Ok(())
    }

    /// How long a task waits before its next delivery.
    pub(super) fn delay_after(&self, delivered: u64) -> Duration {
        const MOST: Duration = Duration::from_secs(600);
        let doubled = u32::try_from(delivered.saturating_sub(1).min(16)).unwrap_or(16);
        self.retry_delay.saturating_mul(1 << doubled).min(MOST)
    }

    /// Stream of tasks.
    pub(super) fn tasks(&self) -> String {
        format!("{}-tasks", self.name)
    }

    /// Stream of answers.
    pub(super) fn answers(&self) -> String {
        format!("{}-answers", self.name)
    }

    /// Stream of tasks that were given up.
    pub(super) fn parked(&self) -> String {
        format!("{}-parked", self.name)
    }

    /// Subject of one kind; of all tenants with `*`.
    pub(super) fn subject(&self, kind: &str, tenant: &str) -> String {
        format!("{}.{kind}.{tenant}", self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_is_refused() {
        let good = QueueOptions::default;
        assert!(good().check().is_ok());
        for bad in [
            QueueOptions { name: "a.b".into(), ..good() },
            QueueOptions { name: String::new(), ..good() },
            QueueOptions { name: "a*".into(), ..good() },
            QueueOptions { max_deliver: 0, ..good() },
            QueueOptions { ack_wait: Duration::ZERO, ..good() },
            QueueOptions { replicas: 0, ..good() },
        ] {
            assert!(bad.check().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn delays_double_up_to_a_bound() {
        let options = QueueOptions::default();
        let seconds: Vec<u64> = [1, 2, 3, 8, 100].map(|n| options.delay_after(n).as_secs()).into();
        assert_eq!(seconds, [5, 10, 20, 600, 600]);
    }
}
