//! Opening a ledger, and what is done with it: always for one tenant.

use super::append;
use super::backend::{Backend, TenantKey};
use super::error::{LedgerError, Reason};
use super::event::Event;
use super::record::Record;
use super::refusal::Refusal;
use super::{postgres, sqlite};
use crate::fleet::clock::{Clock, SystemClock};
use crate::fleet::tenant::TenantId;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// How a ledger is opened.
#[derive(Clone)]
#[non_exhaustive]
pub struct OpenOptions {
    /// Make it if it is not there.
    pub create: bool,
    /// How long to wait for others who write. Default: 10 s.
    pub busy_timeout: Duration,
    /// SQLite: memory for pages of the file, in bytes. Default: 64 MiB.
    pub cache_bytes: u64,
    /// SQLite: most bytes that the file may grow to; beyond it, events are refused as when the disk is full.
    pub max_bytes: Option<u64>,
    /// What time it is, for when an event was recorded. Default: the system's clock.
    pub clock: Arc<dyn Clock>,
}

impl fmt::Debug for OpenOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut fields = f.debug_struct("OpenOptions");
        fields.field("create", &self.create).field("busy_timeout", &self.busy_timeout);
        fields.field("cache_bytes", &self.cache_bytes).field("max_bytes", &self.max_bytes);
        fields.finish_non_exhaustive()
    }
}

impl Default for OpenOptions {
    fn default() -> Self {
        Self {
            create: true,
            busy_timeout: Duration::from_secs(10),
            cache_bytes: 64 << 20,
            max_bytes: None,
            clock: Arc::new(SystemClock),
        }
    }
}

/// A ledger of downloads. Nothing can be asked of it but for one tenant.
///
/// ```
/// use mender_delta::fleet::ledger::open::{Ledger, OpenOptions, Verdict};
/// use mender_delta::fleet::ledger::record::Record;
/// use mender_delta::fleet::tenant::TenantId;
///
/// let folder = tempfile::tempdir()?;
/// let file = folder.path().join("downloads.db");
/// let mut ledger = Ledger::open(&file.display().to_string(), &OpenOptions::default())?;
/// let tenant = TenantId::new("acme")?;
/// let line = br#"{"v":1,"event_id":"1","tenant":"acme","deployment":"d1","device":"board-1",
///     "artifact_sha256":"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
///     "event":"served","via":"origin","range":[0,500],"artifact_size":2000,"ts":"2026-01-31T12:00:00Z"}"#;
/// let record = Record::parse(line)?;
/// // On return the event is on the medium.
/// assert_eq!(ledger.tenant(&tenant).append(vec![record.clone()])?, [Verdict::New]);
/// assert_eq!(ledger.tenant(&tenant).append(vec![record])?, [Verdict::Duplicate]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Ledger {
    pub(crate) backend: Box<dyn Backend>,
    clock: Arc<dyn Clock>,
}

impl fmt::Debug for Ledger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ledger").finish_non_exhaustive()
    }
}

/// What became of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It is in the ledger now.
    New,
    /// It was there, with the same content.
    Duplicate,
    /// It cannot be taken; the ledger is as if it had not come.
    Refused(Refusal),
}

impl Ledger {
    /// Opens a ledger: `postgres://…` or `postgresql://…` for PostgreSQL, everything else is the path of an SQLite file.
    ///
    /// # Errors
    /// When it is not there and not to be made, is something else, is damaged, or the server does not answer. Nothing has been
    /// changed then.
    pub fn open(address: &str, options: &OpenOptions) -> Result<Self, LedgerError> {
        let backend: Box<dyn Backend> = match address {
            "" | ":memory:" => {
                let detail = "expected the path of a file or postgres://…";
                return Err(LedgerError::new(Reason::BadAddress, "open", detail));
            }
            url if url.starts_with("postgres://") || url.starts_with("postgresql://") => {
                Box::new(postgres::Postgres::open(url, options)?)
            }
            path => Box::new(sqlite::Sqlite::open(path.as_ref(), options)?),
        };
        Ok(Self { backend, clock: Arc::clone(&options.clock) })
    }

    /// What this tenant has in the ledger.
    pub fn tenant<'a>(&'a mut self, tenant: &'a TenantId) -> TenantLedger<'a> {
        TenantLedger { ledger: self, tenant }
    }

    /// What the database finds wrong with how it is stored; reads all of it.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn damage(&mut self) -> Result<Option<String>, LedgerError> {
        self.backend.damage()
    }
}

/// The ledger of one tenant.
#[derive(Debug)]
pub struct TenantLedger<'a> {
    pub(crate) ledger: &'a mut Ledger,
    pub(crate) tenant: &'a TenantId,
}

impl TenantLedger<'_> {
    /// Takes events in one transaction; one verdict for each, in order. On return they are on the medium.
    ///
    /// # Errors
    /// When the database fails: none of the events is taken then.
    pub fn append(&mut self, records: Vec<Record>) -> Result<Vec<Verdict>, LedgerError> {
        let checked: Vec<Result<Event, Refusal>> =
            records.into_iter().map(|record| Event::check(self.tenant, record)).collect();
        let events: Vec<Event> = checked.iter().filter_map(|event| event.as_ref().ok().cloned()).collect();
        let mut appender = self.appender()?;
        let mut taken = appender.add(&events)?.into_iter();
        appender.commit()?;
        let verdicts = checked.into_iter().map(|event| match event {
            Ok(_) => taken.next().unwrap_or(Verdict::Duplicate),
            Err(refusal) => Verdict::Refused(refusal),
        });
        Ok(verdicts.collect())
    }

    pub(crate) fn appender(&mut self) -> Result<Appender<'_>, LedgerError> {
        let key = self.ledger.backend.begin_write(self.tenant)?;
        Ok(Appender { ledger: self.ledger, key, open: true })
    }

    pub(crate) fn tenant(&self) -> &TenantId {
        self.tenant
    }

    pub(crate) fn now_ms(&self) -> i64 {
        now_ms(self.ledger.clock.as_ref())
    }
}

/// Milliseconds since 1970.
fn now_ms(clock: &dyn Clock) -> i64 {
    clock.now().saturating_mul(1000)
}

/// A transaction that writes; dropped without [`commit`](Self::commit) it leaves nothing.
pub(crate) struct Appender<'a> {
    ledger: &'a mut Ledger,
    key: TenantKey,
    open: bool,
}

impl Appender<'_> {
    pub(crate) fn add(&mut self, events: &[Event]) -> Result<Vec<Verdict>, LedgerError> {
        let recorded = now_ms(self.ledger.clock.as_ref());
        append::append(self.ledger.backend.as_mut(), self.key, events, recorded)
    }

    pub(crate) fn now_ms(&self) -> i64 {
        now_ms(self.ledger.clock.as_ref())
    }

    pub(crate) fn commit(mut self) -> Result<(), LedgerError> {
        self.ledger.backend.commit()?;
        self.open = false;
        Ok(())
    }
}

impl Drop for Appender<'_> {
    fn drop(&mut self) {
        if self.open {
            self.ledger.backend.rollback();
        }
    }
}
