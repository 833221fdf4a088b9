//! Sums by device, deployment, tenant or day.

use super::backend::{Axis, GroupKey, Grouping};
use super::error::LedgerError;
use super::event::kind_of_code;
use super::figures::Figures;
use super::open::TenantLedger;
use super::record::Kind;
use super::time;
use crate::fleet::tenant::TenantId;
use std::collections::BTreeMap;
use std::fmt;

/// What a row of a report stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// A device, over all deployments.
    Device,
    /// A deployment, over all devices.
    Deployment,
    /// All of the tenant.
    Tenant,
    /// A day of UTC.
    Day,
}

impl By {
    /// The word for it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Device => "device",
            Self::Deployment => "deployment",
            Self::Tenant => "tenant",
            Self::Day => "day",
        }
    }
}

/// A day of UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Day(i64);

impl Day {
    /// `2026-01-31`; `None` for everything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        time::parse_day(text).map(Self)
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&time::day_text(self.0))
    }
}

/// What is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Query {
    /// What rows stand for.
    pub by: By,
    /// First day; all if there is none.
    pub since: Option<Day>,
    /// The day behind the last.
    pub until: Option<Day>,
}

/// Figures of one row, apart by the kind of the Artifact.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Kinds {
    /// Full Artifacts.
    pub full: Figures,
    /// Deltas.
    pub delta: Figures,
    /// Artifacts of which no event said what they are.
    pub unknown: Figures,
}

impl Kinds {
    /// All kinds together.
    #[must_use]
    pub fn all(&self) -> Figures {
        self.full + self.delta + self.unknown
    }

    /// Each kind with its name.
    #[must_use]
    pub fn named(&self) -> [(&'static str, Figures); 3] {
        [("full", self.full), ("delta", self.delta), ("unknown", self.unknown)]
    }

    fn of(&mut self, kind: Option<Kind>) -> &mut Figures {
        match kind {
            Some(Kind::Full) => &mut self.full,
            Some(Kind::Delta) => &mut self.delta,
            None => &mut self.unknown,
        }
    }

    fn add(&mut self, other: &Self) {
        self.full = self.full + other.full;
        self.delta = self.delta + other.delta;
        self.unknown = self.unknown + other.unknown;
    }
}

/// One row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Device, deployment, tenant or day.
    pub name: String,
    /// Its figures.
    pub kinds: Kinds,
}

/// An answer: of one state of the ledger, also while events come in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Whose.
    pub tenant: String,
    /// What was asked.
    pub query: Query,
    /// By name, in the order of its bytes; about 400 bytes of memory each.
    pub rows: Vec<Row>,
    /// All rows together.
    pub total: Kinds,
    /// The same by day, whatever the rows stand for.
    pub days: Vec<Row>,
}

impl TenantLedger<'_> {
    /// Sums what the ledger has of this tenant; no rows when it has nothing.
    ///
    /// # Errors
    /// When the database fails, or a sum does not fit 63 bits.
    pub fn report(&mut self, query: &Query) -> Result<Report, LedgerError> {
        let (tenant, backend) = (self.tenant, self.ledger.backend.as_mut());
        let mut report = Report {
            tenant: tenant.as_str().to_owned(),
            query: *query,
            rows: Vec::new(),
            total: Kinds::default(),
            days: Vec::new(),
        };
        let Some(key) = backend.begin_read(tenant)? else { return Ok(report) };
        let days = (query.since.map_or(i64::MIN, |day| day.0), query.until.map_or(i64::MAX, |day| day.0));
        let grouping = match query.by {
            By::Device => Grouping::Name(Axis::Device),
            By::Deployment => Grouping::Name(Axis::Deployment),
            By::Tenant => Grouping::All,
            By::Day => Grouping::Day,
        };
        let groups = backend.groups(key, grouping, days);
        let by_day =
            if query.by == By::Day { Ok(Vec::new()) } else { backend.groups(key, Grouping::Day, days) };
        backend.rollback();
        report.rows = rows(groups?, tenant)?;
        report.days = if query.by == By::Day { report.rows.clone() } else { rows(by_day?, tenant)? };
        for row in &report.rows {
            report.total.add(&row.kinds);
        }
        Ok(report)
    }
}

fn rows(groups: Vec<super::backend::Group>, tenant: &TenantId) -> Result<Vec<Row>, LedgerError> {
    let mut rows: BTreeMap<GroupKey, Kinds> = BTreeMap::new();
    for group in groups {
        let kind = kind_of_code(group.kind).ok_or_else(|| LedgerError::corrupt("kind"))?;
        *rows.entry(group.key).or_default().of(kind) = group.figures;
    }
    // What was taken back on one day leaves zeros.
    rows.retain(|_, kinds| *kinds != Kinds::default());
    let named = rows.into_iter().map(|(key, kinds)| {
        let name = match key {
            GroupKey::Name(name) => name,
            GroupKey::Day(day) => time::day_text(day),
            GroupKey::All => tenant.as_str().to_owned(),
        };
        Row { name, kinds }
    });
    Ok(named.collect())
}
