//! Rows to write, turned into one array for each column.

use crate::fleet::ledger::backend::Changes;
use crate::fleet::ledger::event::{code_of_kind, code_of_via, code_of_what};
use crate::fleet::ledger::figures::COLUMNS;
use ::postgres::types::ToSql;

type Values<'v> = Vec<&'v (dyn ToSql + Sync)>;

/// All columns of all tables.
pub(super) struct Columns<'a> {
    pub(super) downloads: Downloads<'a>,
    pub(super) events: Events<'a>,
    pub(super) rollups: Rollups<'a>,
}

impl<'a> Columns<'a> {
    pub(super) fn of(changes: &'a Changes<'a>) -> Self {
        Self { downloads: Downloads::of(changes), events: Events::of(changes), rollups: Rollups::of(changes) }
    }
}

#[derive(Default)]
pub(super) struct Downloads<'a> {
    id: Vec<i64>,
    deployment: Vec<&'a str>,
    device: Vec<&'a str>,
    artifact: Vec<&'a [u8]>,
    kind: Vec<i64>,
    from: Vec<Option<&'a str>>,
    to: Vec<Option<&'a str>>,
    artifact_size: Vec<i64>,
    full_size: Vec<Option<i64>>,
    covered: Vec<Vec<u8>>,
    unplaced: Vec<i64>,
    transferred_origin: Vec<i64>,
    transferred_gateway: Vec<i64>,
    last_ts: Vec<Option<i64>>,
    received: Vec<Option<i64>>,
}

impl<'a> Downloads<'a> {
    fn of(changes: &'a Changes<'a>) -> Self {
        let mut columns = Self::default();
        for stored in changes.downloads {
            let (facts, progress) = (&stored.facts, &stored.progress);
            columns.id.push(stored.id);
            columns.deployment.push(&stored.deployment);
            columns.device.push(&stored.device);
            columns.artifact.push(&stored.artifact);
            columns.kind.push(code_of_kind(facts.kind).into());
            columns.from.push(facts.from.as_deref());
            columns.to.push(facts.to.as_deref());
            columns.artifact_size.push(facts.artifact_size);
            columns.full_size.push(facts.full_size);
            columns.covered.push(progress.covered.encode());
            columns.unplaced.push(progress.unplaced);
            columns.transferred_origin.push(progress.transferred[0]);
            columns.transferred_gateway.push(progress.transferred[1]);
            columns.last_ts.push(progress.last_ts);
            columns.received.push(progress.received);
        }
        columns
    }

    /// In the order of `put_downloads.sql`.
    pub(super) fn values<'v>(&'v self, tenant: &'v i64) -> Values<'v> {
        vec![
            tenant,
            &self.id,
            &self.deployment,
            &self.device,
            &self.artifact,
            &self.kind,
            &self.from,
            &self.to,
            &self.artifact_size,
            &self.full_size,
            &self.covered,
            &self.unplaced,
            &self.transferred_origin,
            &self.transferred_gateway,
            &self.last_ts,
            &self.received,
        ]
    }
}

#[derive(Default)]
pub(super) struct Events<'a> {
    id: Vec<&'a str>,
    content: Vec<&'a [u8]>,
    download: Vec<i64>,
    what: Vec<i64>,
    via: Vec<Option<i64>>,
    start: Vec<Option<i64>>,
    bytes: Vec<i64>,
    ts: Vec<i64>,
}

impl<'a> Events<'a> {
    fn of(changes: &'a Changes<'a>) -> Self {
        let mut columns = Self::default();
        for new in changes.events {
            let event = new.event;
            columns.id.push(&event.id);
            columns.content.push(&event.content);
            columns.download.push(new.download);
            columns.what.push(code_of_what(event.what).into());
            columns.via.push(event.via.map(|via| code_of_via(via).into()));
            columns.start.push(event.start);
            columns.bytes.push(event.bytes);
            columns.ts.push(event.ts);
        }
        columns
    }

    /// In the order of `put_events.sql`.
    pub(super) fn values<'v>(&'v self, tenant: &'v i64, recorded: &'v i64) -> Values<'v> {
        vec![
            tenant,
            recorded,
            &self.id,
            &self.content,
            &self.download,
            &self.what,
            &self.via,
            &self.start,
            &self.bytes,
            &self.ts,
        ]
    }
}

pub(super) struct Rollups<'a> {
    axis: Vec<i64>,
    name: Vec<&'a str>,
    day: Vec<i64>,
    kind: Vec<i64>,
    sums: [Vec<i64>; COLUMNS.len()],
}

impl<'a> Rollups<'a> {
    fn of(changes: &'a Changes<'a>) -> Self {
        let mut columns = Self {
            axis: Vec::new(),
            name: Vec::new(),
            day: Vec::new(),
            kind: Vec::new(),
            sums: Default::default(),
        };
        for (key, figures) in changes.rollups {
            columns.axis.push(key.axis.code().into());
            columns.name.push(&key.name);
            columns.day.push(key.day);
            columns.kind.push(key.kind.into());
            for (sums, number) in columns.sums.iter_mut().zip(figures.numbers()) {
                sums.push(number);
            }
        }
        columns
    }

    /// In the order of the statement: tenant, axis, name, day, kind, all sums.
    pub(super) fn values<'v>(&'v self, tenant: &'v i64) -> Values<'v> {
        let mut values: Values<'v> = vec![tenant, &self.axis, &self.name, &self.day, &self.kind];
        values.extend(self.sums.iter().map(|sums| -> &(dyn ToSql + Sync) { sums }));
        values
    }
}
