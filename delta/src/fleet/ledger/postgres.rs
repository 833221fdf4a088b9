//! A ledger in PostgreSQL, in the schema `mender_ledger` of the database that the URL names. Rows go there and back many at a
//! time, as arrays.

mod columns;
mod failure;

use super::backend::{Axis, Backend, Changes, EachDownload, Group, GroupKey, Grouping, Stored, TenantKey};
use super::error::{LedgerError, Reason};
use super::event::{Content, Facts, kind_of_code, via_of_code, what_of_code};
use super::figures::{COLUMNS, Figures};
use super::open::OpenOptions;
use super::ranges::Ranges;
use super::tally::{Entry, Progress};
use crate::fleet::tenant::TenantId;
use ::postgres::types::{FromSql, ToSql};
use ::postgres::{Client, Config, NoTls, Row, Statement};
use columns::Columns;
use failure::failed;
use std::collections::HashMap;
use std::time::Duration;

/// Version of the tables.
const VERSION: i64 = 1;
/// Whoever makes the tables holds this lock meanwhile: "MLdg".
const CREATION_LOCK: i64 = 0x4d4c_6467;
/// A server that does not answer for so long is not there.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Rows that a walk over all downloads takes at a time.
const WALK_ROWS: i64 = 2000;

/// An open connection.
pub(crate) struct Postgres {
    client: Client,
    statements: HashMap<String, Statement>,
    rollup_sql: String,
}

impl Postgres {
    pub(crate) fn open(url: &str, options: &OpenOptions) -> Result<Self, LedgerError> {
        // The library's own words could repeat what stands in the URL.
        let mut config: Config = url.parse().map_err(|_| {
            LedgerError::new(Reason::BadAddress, "open", "expected postgres://user@host/database")
        })?;
        config.application_name("mender-artifact ledger");
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(CONNECT_TIMEOUT);
        }
        let mut client = config.connect(NoTls).map_err(failed("connect"))?;
        let failed = failed("open");
        let timeout_ms = options.busy_timeout.as_millis().clamp(1, 3_600_000);
        // Whatever the server's own settings are, a commit that was answered is on the medium.
        let settings = format!(
            "SET synchronous_commit = on; SET lock_timeout = {timeout_ms}; SET client_min_messages = warning; \
             SET default_transaction_isolation = 'read committed';"
        );
        client.batch_execute(&settings).map_err(&failed)?;
        let there = "SELECT to_regclass('mender_ledger.meta') IS NOT NULL";
        if !client.query_one(there, &[]).map_err(&failed)?.get::<_, bool>(0) {
            if !options.create {
                return Err(LedgerError::new(Reason::NotFound, "open", "there is no such ledger"));
            }
            let mut transaction = client.transaction().map_err(&failed)?;
            transaction.execute("SELECT pg_advisory_xact_lock($1)", &[&CREATION_LOCK]).map_err(&failed)?;
            // Another process may have been faster.
            if !transaction.query_one(there, &[]).map_err(&failed)?.get::<_, bool>(0) {
                transaction.batch_execute("CREATE SCHEMA IF NOT EXISTS mender_ledger").map_err(&failed)?;
                transaction.batch_execute(include_str!("postgres/tables.sql")).map_err(&failed)?;
            }
            transaction.commit().map_err(&failed)?;
        }
        let version: i64 =
            get(&client.query_one("SELECT version FROM mender_ledger.meta", &[]).map_err(&failed)?, 0)?;
        if version > VERSION {
            let detail = format!("expected version {VERSION} of the tables, found {version}");
            return Err(LedgerError::new(Reason::NewerVersion, "open", detail));
        }
        Ok(Self { client, statements: HashMap::new(), rollup_sql: rollup_sql() })
    }

    fn rows(
        &mut self,
        action: &'static str,
        sql: &str,
        values: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<Row>, LedgerError> {
        if !self.statements.contains_key(sql) {
            let statement = self.client.prepare(sql).map_err(failed(action))?;
            self.statements.insert(sql.to_owned(), statement);
        }
        // It is there now.
        let statement = self.statements.get(sql).ok_or_else(|| LedgerError::corrupt("statement"))?;
        self.client.query(statement, values).map_err(failed(action))
    }
}

/// A column of a row; fails where somebody gave it another type.
fn get<'a, T: FromSql<'a>>(row: &'a Row, at: usize) -> Result<T, LedgerError> {
    row.try_get(at).map_err(failed("read"))
}

fn rollup_sql() -> String {
    let sums: Vec<String> = COLUMNS.iter().map(|name| format!("{name}=old.{name}+excluded.{name}")).collect();
    let arrays: Vec<String> = (1..=COLUMNS.len()).map(|n| format!("${}::bigint[]", n + 5)).collect();
    format!(
        "INSERT INTO mender_ledger.rollups AS old (tenant,axis,name,day,kind,{}) \
         SELECT $1,* FROM unnest($2::bigint[],$3::text[],$4::bigint[],$5::bigint[],{}) \
         ON CONFLICT (tenant,axis,name,day,kind) DO UPDATE SET {}",
        COLUMNS.join(","),
        arrays.join(","),
        sums.join(",")
    )
}

const DOWNLOAD: &str = "d.id,d.deployment,d.device,d.artifact,d.kind,d.from_name,d.to_name,d.artifact_size,d.full_size,\
    d.covered,d.unplaced,d.transferred_origin,d.transferred_gateway,d.last_ts,d.received_ts";

fn download(row: &Row) -> Result<Stored, LedgerError> {
    let artifact: &[u8] = get(row, 3)?;
    let covered: &[u8] = get(row, 9)?;
    let corrupt = LedgerError::corrupt;
    Ok(Stored {
        id: get(row, 0)?,
        deployment: get(row, 1)?,
        device: get(row, 2)?,
        artifact: artifact.try_into().map_err(|_| corrupt("artifact"))?,
        facts: Facts {
            kind: kind_of_code(get(row, 4)?).ok_or_else(|| corrupt("kind"))?,
            from: get(row, 5)?,
            to: get(row, 6)?,
            artifact_size: get(row, 7)?,
            full_size: get(row, 8)?,
        },
        progress: Progress {
            covered: Ranges::decode(covered).ok_or_else(|| corrupt("covered"))?,
            unplaced: get(row, 10)?,
            transferred: [get(row, 11)?, get(row, 12)?],
            last_ts: get(row, 13)?,
            received: get(row, 14)?,
        },
    })
}

/// Columns: ts, event_id, event, via, start, bytes.
fn entry(row: &Row) -> Result<Entry, LedgerError> {
    let via: Option<i64> = get(row, 3)?;
    Ok(Entry {
        ts: get(row, 0)?,
        id: get(row, 1)?,
        what: what_of_code(get(row, 2)?).ok_or_else(|| LedgerError::corrupt("event"))?,
        via: via.map(|code| via_of_code(code).ok_or_else(|| LedgerError::corrupt("via"))).transpose()?,
        start: get(row, 4)?,
        bytes: get(row, 5)?,
    })
}

impl Backend for Postgres {
    fn begin_write(&mut self, tenant: &TenantId) -> Result<TenantKey, LedgerError> {
        let failed = failed("begin");
        let name = tenant.as_str();
        let client = &mut self.client;
        // On its own, so that two who are the first do not wait for each other's whole batch.
        client
            .execute("INSERT INTO mender_ledger.tenants(name) VALUES($1) ON CONFLICT DO NOTHING", &[&name])
            .map_err(&failed)?;
        client.batch_execute("BEGIN").map_err(&failed)?;
        // Who writes for a tenant holds its row: what is read here stays as it is until the commit.
        let found =
            client.query_one("SELECT id FROM mender_ledger.tenants WHERE name=$1 FOR UPDATE", &[&name]);
        match found {
            Ok(row) => get(&row, 0).map(TenantKey),
            Err(error) => {
                self.rollback();
                Err(failed(error))
            }
        }
    }

    fn begin_read(&mut self, tenant: &TenantId) -> Result<Option<TenantKey>, LedgerError> {
        let failed = failed("begin");
        self.client.batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").map_err(&failed)?;
        let found =
            self.client.query_opt("SELECT id FROM mender_ledger.tenants WHERE name=$1", &[&tenant.as_str()]);
        if !matches!(found, Ok(Some(_))) {
            self.rollback();
        }
        found.map_err(failed)?.map(|row| get(&row, 0).map(TenantKey)).transpose()
    }

    fn commit(&mut self) -> Result<(), LedgerError> {
        self.client.batch_execute("COMMIT").map_err(failed("commit"))
    }

    fn rollback(&mut self) {
        // Where the connection is gone, the server has done so itself.
        let _ = self.client.batch_execute("ROLLBACK");
    }

    fn known(&mut self, tenant: TenantKey, ids: &[&str]) -> Result<HashMap<String, Content>, LedgerError> {
        let sql = "SELECT event_id,content FROM mender_ledger.events WHERE tenant=$1 AND event_id=ANY($2)";
        let rows = self.rows("look up events", sql, &[&tenant.0, &ids])?;
        let known = rows.iter().map(|row| {
            let content: &[u8] = get(row, 1)?;
            let content = content.try_into().map_err(|_| LedgerError::corrupt("content"))?;
            Ok((get(row, 0)?, content))
        });
        known.collect()
    }

    fn downloads(&mut self, tenant: TenantKey, pairs: &[(&str, &str)]) -> Result<Vec<Stored>, LedgerError> {
        let (deployments, devices): (Vec<&str>, Vec<&str>) = pairs.iter().copied().unzip();
        let sql = format!(
            "SELECT {DOWNLOAD} FROM unnest($2::text[],$3::text[]) AS w(deployment,device) \
             JOIN mender_ledger.downloads d ON d.tenant=$1 AND d.deployment=w.deployment AND d.device=w.device"
        );
        let rows = self.rows("look up downloads", &sql, &[&tenant.0, &deployments, &devices])?;
        rows.iter().map(download).collect()
    }

    fn history(&mut self, tenant: TenantKey, download: i64) -> Result<Vec<Entry>, LedgerError> {
        let sql = "SELECT ts,event_id,event,via,start,bytes FROM mender_ledger.events WHERE tenant=$1 AND download=$2";
        self.rows("read events", sql, &[&tenant.0, &download])?.iter().map(entry).collect()
    }

    fn reserve(&mut self, count: usize) -> Result<Vec<i64>, LedgerError> {
        let count = i64::try_from(count).unwrap_or(i64::MAX);
        let sql = "SELECT nextval('mender_ledger.download_ids') FROM generate_series(1::bigint,$1::bigint)";
        self.rows("number downloads", sql, &[&count])?.iter().map(|row| get(row, 0)).collect()
    }

    fn write(&mut self, tenant: TenantKey, changes: &Changes<'_>) -> Result<(), LedgerError> {
        let columns = Columns::of(changes);
        self.rows("write", include_str!("postgres/put_downloads.sql"), &columns.downloads.values(&tenant.0))?;
        let events = columns.events.values(&tenant.0, &changes.recorded);
        self.rows("write", include_str!("postgres/put_events.sql"), &events)?;
        let sql = self.rollup_sql.clone();
        self.rows("write", &sql, &columns.rollups.values(&tenant.0))?;
        Ok(())
    }

    fn groups(
        &mut self,
        tenant: TenantKey,
        grouping: Grouping,
        days: (i64, i64),
    ) -> Result<Vec<Group>, LedgerError> {
        let (column, axis) = match grouping {
            Grouping::Name(axis) => ("name", axis),
            Grouping::Day => ("day", Axis::Deployment),
            Grouping::All => ("0::bigint", Axis::Deployment),
        };
        // A sum of bigint is a numeric; one that does not fit fails on its way back.
        let sums: Vec<String> = COLUMNS.iter().map(|name| format!("sum({name})::bigint")).collect();
        let sql = format!(
            "SELECT {column},kind,{} FROM mender_ledger.rollups WHERE tenant=$1 AND axis=$2 AND day>=$3 AND day<$4 \
             GROUP BY 1,2",
            sums.join(",")
        );
        let axis = i64::from(axis.code());
        let rows = self.rows("report", &sql, &[&tenant.0, &axis, &days.0, &days.1])?;
        let groups = rows.iter().map(|row| {
            let mut numbers = [0; COLUMNS.len()];
            for (at, number) in numbers.iter_mut().enumerate() {
                *number = get(row, at + 2)?;
            }
            let key = match grouping {
                Grouping::Name(_) => GroupKey::Name(get(row, 0)?),
                Grouping::Day => GroupKey::Day(get(row, 0)?),
                Grouping::All => GroupKey::All,
            };
            Ok(Group { key, kind: get(row, 1)?, figures: Figures::of(numbers) })
        });
        groups.collect()
    }

    fn each_download(&mut self, tenant: TenantKey, each: &mut EachDownload<'_>) -> Result<(), LedgerError> {
        let sql = format!(
            "SELECT {DOWNLOAD} FROM mender_ledger.downloads d WHERE tenant=$1 AND (deployment,device,artifact)>($2,$3,$4) \
             ORDER BY deployment,device,artifact LIMIT $5"
        );
        let (mut deployment, mut device, mut artifact) = (String::new(), String::new(), Vec::new());
        loop {
            let values: [&(dyn ToSql + Sync); 5] = [&tenant.0, &deployment, &device, &artifact, &WALK_ROWS];
            let rows = self.rows("read downloads", &sql, &values)?;
            if rows.is_empty() {
                return Ok(());
            }
            let stored: Vec<Stored> = rows.iter().map(download).collect::<Result<_, _>>()?;
            let ids: Vec<i64> = stored.iter().map(|stored| stored.id).collect();
            let events = "SELECT ts,event_id,event,via,start,bytes,download FROM mender_ledger.events \
                          WHERE tenant=$1 AND download=ANY($2)";
            let mut entries: HashMap<i64, Vec<Entry>> = HashMap::new();
            for row in self.rows("read events", events, &[&tenant.0, &ids])? {
                entries.entry(get(&row, 6)?).or_default().push(entry(&row)?);
            }
            for stored in stored {
                deployment.clone_from(&stored.deployment);
                device.clone_from(&stored.device);
                artifact = stored.artifact.to_vec();
                let entries = entries.remove(&stored.id).unwrap_or_default();
                each(stored, entries)?;
            }
        }
    }

    fn damage(&mut self) -> Result<Option<String>, LedgerError> {
        // The server has checksums and tools of its own; a client sees only what cannot be read.
        Ok(None)
    }
}
