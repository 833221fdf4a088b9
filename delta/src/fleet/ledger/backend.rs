//! What a ledger needs of a database. Each call is about one tenant; SQL stands in `sqlite.rs` and `postgres.rs` only.

use super::error::LedgerError;
use super::event::{Content, Event, Facts};
use super::figures::Figures;
use super::tally::{Entry, Progress};
use crate::fleet::tenant::TenantId;
use std::collections::{BTreeMap, HashMap};

/// Number of a tenant in one ledger; proof that the transaction which is open belongs to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TenantKey(pub(crate) i64);

/// A download as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stored {
    pub(crate) id: i64,
    pub(crate) deployment: String,
    pub(crate) device: String,
    pub(crate) artifact: [u8; 32],
    pub(crate) facts: Facts,
    pub(crate) progress: Progress,
}

/// An event to keep, of the download with this number.
pub(crate) struct NewEvent<'a> {
    pub(crate) download: i64,
    pub(crate) event: &'a Event,
}

/// By what sums are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Axis {
    Deployment,
    Device,
}

impl Axis {
    /// Number that stands for it.
    pub(crate) fn code(self) -> i16 {
        match self {
            Self::Deployment => 0,
            Self::Device => 1,
        }
    }
}

/// Which sum: of a deployment or a device, on one day, of one kind of Artifact.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct RollupKey {
    pub(crate) axis: Axis,
    pub(crate) name: String,
    pub(crate) day: i64,
    pub(crate) kind: u8,
}

/// What changes together.
pub(crate) struct Changes<'a> {
    /// New downloads and those that changed.
    pub(crate) downloads: &'a [Stored],
    pub(crate) events: &'a [NewEvent<'a>],
    /// To be added to what is there.
    pub(crate) rollups: &'a BTreeMap<RollupKey, Figures>,
    /// When this is written, in milliseconds since 1970.
    pub(crate) recorded: i64,
}

/// What rows of a report stand for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Grouping {
    Name(Axis),
    Day,
    All,
}

/// One row out of the database: its name or day, kind of Artifact, sums.
pub(crate) struct Group {
    pub(crate) key: GroupKey,
    pub(crate) kind: i64,
    pub(crate) figures: Figures,
}

/// What a row stands for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum GroupKey {
    Name(String),
    Day(i64),
    All,
}

/// Takes one download and its events.
pub(crate) type EachDownload<'a> = dyn FnMut(Stored, Vec<Entry>) -> Result<(), LedgerError> + 'a;

/// A database. Between `begin_*` and `commit` or `rollback` a transaction is open: it sees one state, and either all that it
/// writes is there afterwards or nothing.
pub(crate) trait Backend: Send {
    /// Begins to write, for a tenant that becomes known by it; waits for others who do.
    fn begin_write(&mut self, tenant: &TenantId) -> Result<TenantKey, LedgerError>;

    /// Begins to read; `None`, and nothing has begun, when the ledger does not know the tenant.
    fn begin_read(&mut self, tenant: &TenantId) -> Result<Option<TenantKey>, LedgerError>;

    /// Ends a transaction. On return, what it wrote is on the medium.
    fn commit(&mut self) -> Result<(), LedgerError>;

    /// Ends a transaction; what it wrote is gone.
    fn rollback(&mut self);

    /// Of these event ids those that are there.
    fn known(&mut self, tenant: TenantKey, ids: &[&str]) -> Result<HashMap<String, Content>, LedgerError>;

    /// All downloads of these pairs of deployment and device, in any order.
    fn downloads(&mut self, tenant: TenantKey, pairs: &[(&str, &str)]) -> Result<Vec<Stored>, LedgerError>;

    /// All events of one download, in any order.
    fn history(&mut self, tenant: TenantKey, download: i64) -> Result<Vec<Entry>, LedgerError>;

    /// As many numbers for new downloads.
    fn reserve(&mut self, count: usize) -> Result<Vec<i64>, LedgerError>;

    fn write(&mut self, tenant: TenantKey, changes: &Changes<'_>) -> Result<(), LedgerError>;

    /// Sums of the days from `days.0` to before `days.1`.
    fn groups(
        &mut self,
        tenant: TenantKey,
        grouping: Grouping,
        days: (i64, i64),
    ) -> Result<Vec<Group>, LedgerError>;

    /// All downloads of a tenant, those of one pair of deployment and device behind each other.
    fn each_download(&mut self, tenant: TenantKey, each: &mut EachDownload<'_>) -> Result<(), LedgerError>;

    /// What the database itself finds wrong with how it is stored.
    fn damage(&mut self) -> Result<Option<String>, LedgerError>;
}
