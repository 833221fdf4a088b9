//! Rows of the tables to what they stand for, and back.

use super::failure::failed;
use crate::fleet::ledger::backend::{Stored, TenantKey};
use crate::fleet::ledger::error::LedgerError;
use crate::fleet::ledger::event::{Facts, code_of_kind, kind_of_code, via_of_code, what_of_code};
use crate::fleet::ledger::ranges::Ranges;
use crate::fleet::ledger::tally::{Entry, Progress};
use rusqlite::{CachedStatement, Row, params};

/// Columns of a download, in the order in which [`download`] takes them.
pub(super) const DOWNLOAD: &str = "id,deployment,device,artifact,kind,from_name,to_name,artifact_size,full_size,covered,unplaced,transferred_origin,transferred_gateway,last_ts,received_ts";

/// Columns of an event, in the order in which [`entry`] takes them.
pub(super) const ENTRY: &str = "ts,event_id,event,via,start,bytes";

pub(super) fn download(row: &Row<'_>) -> Result<Stored, LedgerError> {
    let failed = failed("read downloads");
    let (stored, covered, kind) = fields(row).map_err(failed)?;
    let covered = Ranges::decode(&covered).ok_or_else(|| LedgerError::corrupt("covered"))?;
    let kind = kind_of_code(kind).ok_or_else(|| LedgerError::corrupt("kind"))?;
    Ok(Stored {
        facts: Facts { kind, ..stored.facts },
        progress: Progress { covered, ..stored.progress },
        ..stored
    })
}

fn fields(row: &Row<'_>) -> rusqlite::Result<(Stored, Vec<u8>, i64)> {
    let facts = Facts {
        artifact_size: row.get(7)?,
        full_size: row.get(8)?,
        kind: None,
        from: row.get(5)?,
        to: row.get(6)?,
    };
    let progress = Progress {
        covered: Ranges::default(),
        unplaced: row.get(10)?,
        transferred: [row.get(11)?, row.get(12)?],
        last_ts: row.get(13)?,
        received: row.get(14)?,
    };
    let stored = Stored {
        id: row.get(0)?,
        deployment: row.get(1)?,
        device: row.get(2)?,
        artifact: row.get(3)?,
        facts,
        progress,
    };
    Ok((stored, row.get(9)?, row.get(4)?))
}

pub(super) fn put_download(
    put: &mut CachedStatement<'_>,
    tenant: TenantKey,
    stored: &Stored,
) -> rusqlite::Result<usize> {
    let (facts, progress) = (&stored.facts, &stored.progress);
    put.execute(params![
        stored.id,
        tenant.0,
        stored.deployment,
        stored.device,
        stored.artifact,
        code_of_kind(facts.kind),
        facts.from,
        facts.to,
        facts.artifact_size,
        facts.full_size,
        progress.covered.encode(),
        progress.unplaced,
        progress.transferred[0],
        progress.transferred[1],
        progress.last_ts,
        progress.received,
    ])
}

pub(super) fn entry(row: &Row<'_>) -> Result<Entry, LedgerError> {
    let fields = || -> rusqlite::Result<(Entry, i64, Option<i64>)> {
        let entry = Entry {
            ts: row.get(0)?,
            id: row.get(1)?,
            what: crate::fleet::ledger::record::What::Assigned,
            via: None,
            start: row.get(4)?,
            bytes: row.get(5)?,
        };
        Ok((entry, row.get(2)?, row.get(3)?))
    };
    let (entry, what, via) = fields().map_err(failed("read events"))?;
    let what = what_of_code(what).ok_or_else(|| LedgerError::corrupt("event"))?;
    let via = via.map(|code| via_of_code(code).ok_or_else(|| LedgerError::corrupt("via"))).transpose()?;
    Ok(Entry { what, via, ..entry })
}
