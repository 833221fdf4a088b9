//! Progress on stderr, for a person who watches a terminal.

use crate::talk;
use mender_delta::progress::Phase;
use std::io::{self, Read, Write};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

const INTERVAL: Duration = Duration::from_millis(100);

/// A line on stderr that says how far a command is. Silent when stderr is not a terminal, and when told so.
///
/// It may be told from any thread. It uses no colour, so that NO_COLOR has nothing to switch off.
pub(crate) struct Progress {
    enabled: bool,
    /// When the line was shown last.
    shown: Mutex<Option<Instant>>,
}

impl Progress {
    /// Shows nothing yet.
    pub(crate) fn new() -> Self {
        Self { enabled: talk::shows_progress(), shown: Mutex::new(None) }
    }

    /// What is being done, how many bytes of it are done, and how many there are, where that is known.
    pub(crate) fn tell(&self, doing: &str, done: u64, total: Option<u64>) {
        if !self.enabled {
            return;
        }
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        if shown.is_none_or(|shown| shown.elapsed() >= INTERVAL) {
            *shown = Some(Instant::now());
            // Nothing depends on it: a terminal that has gone away is no reason to stop.
            let _ = write!(io::stderr(), "\r{}\u{1b}[K", line(doing, done, total));
        }
    }

    /// The same, as the delta library tells it.
    pub(crate) fn tell_phase(&self, phase: Phase, done: u64, total: u64) {
        let doing = match phase {
            Phase::Compare => "comparing",
            Phase::Match => "matching",
            Phase::Pack => "packing",
            Phase::Prove => "proving",
            Phase::Apply => "applying",
            _ => "working",
        };
        self.tell(doing, done, Some(total));
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.shown.lock().unwrap_or_else(PoisonError::into_inner).is_some() {
            let _ = write!(io::stderr(), "\r\u{1b}[K");
        }
    }
}

fn line(doing: &str, done: u64, total: Option<u64>) -> String {
    match total {
        Some(total) if total > 0 => {
            let percent = u128::from(done.min(total)) * 100 / u128::from(total);
            format!("{doing} {percent:3} %")
        }
        _ => format!("{doing} {} MiB", done >> 20),
    }
}

/// A reader that tells how much has passed.
pub(crate) struct Counted<R> {
    inner: R,
    doing: &'static str,
    done: u64,
    total: Option<u64>,
    progress: Progress,
}

impl<R> Counted<R> {
    /// `total` in bytes, if it is known.
    pub(crate) fn new(inner: R, doing: &'static str, total: Option<u64>, progress: Progress) -> Self {
        Self { inner, doing, done: 0, total, progress }
    }
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.done = self.done.saturating_add(count as u64);
        self.progress.tell(self.doing, self.done, self.total);
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percent_never_passes_a_hundred() {
        assert_eq!(line("reading", 50, Some(200)), "reading  25 %");
        assert_eq!(line("reading", 500, Some(200)), "reading 100 %");
        assert_eq!(line("reading", 5 << 20, None), "reading 5 MiB");
        assert_eq!(line("reading", 0, Some(0)), "reading 0 MiB");
    }
}
