//! Events from files and streams, line by line: JSON lines of [records](super::record::Record), or S3 server access logs.
//!
//! Lines are read and checked on a thread of their own while others are written.

pub mod lines;
mod outcome;
pub mod s3_log;

pub use outcome::{Outcome, RefusedLine, TornLine};

use super::error::LedgerError;
use super::event::Event;
use super::open::{Appender, TenantLedger, Verdict};
use super::record::Record;
use super::refusal::Refusal;
use crate::fleet::tenant::TenantId;
use lines::{Line, Lines};
use s3_log::PassedOver;
use std::fmt;
use std::io::{self, Read};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::Duration;

/// Most lines that go from one thread to the other at a time.
const CHUNK_LINES: usize = 512;
/// Chunks that may wait.
const WAITING_CHUNKS: usize = 8;

/// What the lines are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// A record as JSON on each line; empty lines are left out.
    JsonLines,
    /// S3 server access logs, as Amazon's and others write them.
    S3AccessLog,
}

/// What happens when a line cannot be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BadLines {
    /// Nothing of the input is taken. All of it is one transaction, and acknowledged at the end.
    Refuse,
    /// The line is left out, and counted.
    Skip,
}

/// How to import.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct ImportOptions {
    /// Default: [`BadLines::Refuse`].
    pub bad_lines: BadLines,
    /// Lines that are written at a time, and up to 511 more: with [`BadLines::Skip`], those of a transaction. 1 to 100,000.
    /// Default: 10,000.
    pub batch: usize,
    /// With [`BadLines::Skip`]: what has come is written after this time without more. Default: 1 s.
    pub idle: Duration,
}

impl Default for ImportOptions {
    fn default() -> Self {
        Self { bad_lines: BadLines::Refuse, batch: 10_000, idle: Duration::from_secs(1) }
    }
}

/// Why an import ended. What was acknowledged before is in the ledger.
#[derive(Debug)]
#[non_exhaustive]
pub enum ImportError {
    /// The ledger failed.
    Ledger(LedgerError),
    /// The input cannot be read on.
    Read {
        /// Line that was being read, from 1.
        line: u64,
        /// Why not.
        source: io::Error,
    },
    /// A line cannot be taken, so that nothing was.
    Refused(RefusedLine),
}

impl fmt::Display for ImportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ledger(error) => error.fmt(f),
            Self::Read { line, .. } => write!(f, "line {line} cannot be read"),
            Self::Refused(refused) => write!(f, "{refused}; nothing was taken"),
        }
    }
}

impl std::error::Error for ImportError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Read { source, .. } => Some(source),
            _ => None,
        }
    }
}

impl From<LedgerError> for ImportError {
    fn from(error: LedgerError) -> Self {
        Self::Ledger(error)
    }
}

/// A line that was looked at.
enum Parsed {
    Event(Box<Event>),
    PassedOver(PassedOver),
    Refused(Refusal),
    Torn(u64),
}

type Chunk = Result<Vec<(u64, Parsed)>, (u64, io::Error)>;

impl TenantLedger<'_> {
    /// Takes all lines of `input`. `acknowledged` is called whenever what it is told of is on the medium; the last call tells
    /// what is returned.
    ///
    /// A last line without its end that cannot be read is torn: it is left out and reported, whatever
    /// [`bad_lines`](ImportOptions::bad_lines) says, since its writer has not finished it.
    ///
    /// # Errors
    /// When the ledger or the input fails, or, with [`BadLines::Refuse`], at the first line that cannot be taken.
    pub fn import(
        &mut self,
        input: Box<dyn Read + Send>,
        format: Format,
        options: &ImportOptions,
        acknowledged: &mut dyn FnMut(&Outcome),
    ) -> Result<Outcome, ImportError> {
        let (send, receive) = sync_channel(WAITING_CHUNKS);
        let (tenant, idle) = (self.tenant().clone(), options.idle);
        let batch = options.batch.clamp(1, 100_000);
        let chunk = CHUNK_LINES.min(batch);
        // When writing fails while the input is a pipe that nobody closes, the thread ends with the next line or with the process.
        let reader = std::thread::Builder::new().name("ledger lines".to_owned());
        let spawned = reader.spawn(move || read(input, format, &tenant, chunk, &send));
        spawned.map_err(|source| ImportError::Read { line: 1, source })?;
        let mut outcome = Outcome::default();
        let mut waiting = Batch { lines: Vec::new(), timeout: idle };
        match options.bad_lines {
            BadLines::Refuse => {
                let mut now = self.now_ms();
                let mut appender = self.appender()?;
                while waiting.fill(&receive, batch, false)? {
                    take(&mut appender, &mut waiting.lines, &mut outcome, now, true)?;
                    now = appender.now_ms();
                }
                appender.commit()?;
                acknowledged(&outcome);
            }
            BadLines::Skip => {
                while waiting.fill(&receive, batch, true)? {
                    let now = self.now_ms();
                    let mut appender = self.appender()?;
                    take(&mut appender, &mut waiting.lines, &mut outcome, now, false)?;
                    appender.commit()?;
                    acknowledged(&outcome);
                }
                if outcome.lines == 0 {
                    acknowledged(&outcome);
                }
            }
        }
        Ok(outcome)
    }
}

/// Lines that wait to be written.
struct Batch {
    lines: Vec<(u64, Parsed)>,
    timeout: Duration,
}

impl Batch {
    /// Waits for `count` lines, or, if `hurry`, for as many as come without a pause. False at the end of the input.
    fn fill(&mut self, receive: &Receiver<Chunk>, count: usize, hurry: bool) -> Result<bool, ImportError> {
        while self.lines.len() < count {
            let chunk = if hurry && !self.lines.is_empty() {
                match receive.recv_timeout(self.timeout) {
                    Err(RecvTimeoutError::Timeout) => break,
                    Err(RecvTimeoutError::Disconnected) => None,
                    Ok(chunk) => Some(chunk),
                }
            } else {
                receive.recv().ok()
            };
            match chunk {
                None => break,
                Some(Ok(lines)) => self.lines.extend(lines),
                Some(Err((line, source))) => return Err(ImportError::Read { line, source }),
            }
        }
        Ok(!self.lines.is_empty())
    }
}

/// Writes lines within a transaction.
fn take(
    appender: &mut Appender<'_>,
    lines: &mut Vec<(u64, Parsed)>,
    outcome: &mut Outcome,
    now_ms: i64,
    refuse: bool,
) -> Result<(), ImportError> {
    let mut events = Vec::new();
    let mut numbers = Vec::new();
    for (number, parsed) in lines.drain(..) {
        outcome.lines = number;
        match parsed {
            Parsed::Event(event) => {
                outcome.look_at_time(event.ts, now_ms);
                numbers.push(number);
                events.push(*event);
            }
            Parsed::PassedOver(why) => outcome.pass_over(why),
            Parsed::Torn(len_bytes) => outcome.torn = Some(TornLine { line: number, len_bytes }),
            Parsed::Refused(refusal) if refuse => {
                return Err(ImportError::Refused(RefusedLine { line: number, refusal }));
            }
            Parsed::Refused(refusal) => outcome.refuse(number, refusal),
        }
    }
    for (number, verdict) in numbers.into_iter().zip(appender.add(&events)?) {
        match verdict {
            Verdict::New => outcome.new += 1,
            Verdict::Duplicate => outcome.duplicates += 1,
            Verdict::Refused(refusal) if refuse => {
                return Err(ImportError::Refused(RefusedLine { line: number, refusal }));
            }
            Verdict::Refused(refusal) => outcome.refuse(number, refusal),
        }
    }
    Ok(())
}

/// Reads and checks all lines; ends when nobody wants them any more.
fn read(
    input: Box<dyn Read + Send>,
    format: Format,
    tenant: &TenantId,
    chunk_lines: usize,
    send: &SyncSender<Chunk>,
) {
    let mut lines = Lines::new(input);
    let mut chunk = Vec::with_capacity(chunk_lines);
    loop {
        let flush = match lines.next() {
            Ok(None) => {
                let _ = send.send(Ok(chunk));
                return;
            }
            Err(error) => {
                // What was read before it is whole.
                let _ = send.send(Ok(chunk));
                let _ = send.send(Err((lines.number(), error)));
                return;
            }
            Ok(Some(line)) => {
                chunk.extend(parse(&line, format, tenant).map(|parsed| (line.number, parsed)));
                chunk.len() >= chunk_lines || line.is_last_buffered
            }
        };
        if flush && !chunk.is_empty() {
            let full = std::mem::replace(&mut chunk, Vec::with_capacity(chunk_lines));
            if send.send(Ok(full)).is_err() {
                return;
            }
        }
    }
}

/// `None` for an empty line.
fn parse(line: &Line<'_>, format: Format, tenant: &TenantId) -> Option<Parsed> {
    let refused = |refusal| match line.is_torn {
        true => Parsed::Torn(line.len_bytes),
        false => Parsed::Refused(refusal),
    };
    let bytes = match line.bytes {
        Some(bytes) => bytes,
        None => return Some(refused(Refusal::LineTooLong { limit_bytes: lines::MAX_LINE_LEN })),
    };
    if bytes.trim_ascii().is_empty() {
        return None;
    }
    let event = match format {
        Format::JsonLines => Record::parse(bytes).and_then(|record| Event::check(tenant, record)),
        Format::S3AccessLog => match s3_log::event(tenant, bytes) {
            Ok(Ok(event)) => Ok(event),
            Ok(Err(passed_over)) => return Some(Parsed::PassedOver(passed_over)),
            Err(refusal) => Err(refusal),
        },
    };
    Some(event.map_or_else(refused, |event| Parsed::Event(Box::new(event))))
}
