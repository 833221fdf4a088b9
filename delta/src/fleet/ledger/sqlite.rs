//! A ledger in an SQLite file: write-ahead log, each transaction synchronised before it counts as done.

mod failure;
mod rows;

use super::backend::{Axis, Backend, Changes, EachDownload, Group, GroupKey, Grouping, Stored, TenantKey};
use super::error::{LedgerError, Reason};
use super::event::{Content, code_of_via, code_of_what};
use super::figures::{COLUMNS, Figures};
use super::open::OpenOptions;
use super::tally::Entry;
use crate::fleet::tenant::TenantId;
use failure::{failed, logged};
use rusqlite::types::Value;
use rusqlite::{Connection, OpenFlags, OptionalExtension, params, params_from_iter};
use std::collections::HashMap;
use std::path::Path;

/// Says in the header of the file that it is a ledger: "MLdg".
const APPLICATION_ID: i64 = 0x4d4c_6467;
/// Version of the tables.
const VERSION: i64 = 1;
/// Bytes of a page of the file.
const PAGE_LEN_BYTES: u64 = 8192;
/// Statements that are kept prepared.
const STATEMENTS: usize = 32;

/// An open file.
pub(crate) struct Sqlite {
    connection: Connection,
    rollup_sql: String,
}

impl Sqlite {
    pub(crate) fn open(path: &Path, options: &OpenOptions) -> Result<Self, LedgerError> {
        let mut flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        match path.metadata() {
            Ok(meta) if !meta.is_file() => {
                return Err(LedgerError::new(Reason::NotALedger, "open", "expected a regular file"));
            }
            Ok(_) => (),
            Err(_) if options.create => flags |= OpenFlags::SQLITE_OPEN_CREATE,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(LedgerError::new(Reason::NotFound, "open", "there is no such ledger"));
            }
            Err(error) => return Err(LedgerError::new(Reason::Denied, "open", error.kind().to_string())),
        }
        let failed = failed("open");
        let connection = Connection::open_with_flags(path, flags).map_err(&failed)?;
        connection.set_prepared_statement_cache_capacity(STATEMENTS);
        connection.busy_timeout(options.busy_timeout).map_err(&failed)?;
        // Nothing may be changed before it is known what the file is.
        let pragma =
            |name: &str| connection.query_row(&format!("PRAGMA {name}"), [], |row| row.get::<_, i64>(0));
        let application = pragma("application_id").map_err(&failed)?;
        let version = pragma("user_version").map_err(&failed)?;
        let tables: i64 = connection
            .query_row("SELECT count(*) FROM sqlite_master", [], |row| row.get(0))
            .map_err(&failed)?;
        let is_new = application == 0 && version == 0 && tables == 0;
        if !is_new && application != APPLICATION_ID {
            let detail = "the file is a database of another program";
            return Err(LedgerError::new(Reason::NotALedger, "open", detail));
        }
        if is_new && !options.create {
            return Err(LedgerError::new(Reason::NotALedger, "open", "the file is empty"));
        }
        if version > VERSION {
            let detail = format!("expected version {VERSION} of the tables, found {version}");
            return Err(LedgerError::new(Reason::NewerVersion, "open", detail));
        }
        let cache_kib = i64::try_from(options.cache_bytes >> 10).unwrap_or(i64::MAX);
        let settings = format!(
            "PRAGMA page_size={PAGE_LEN_BYTES}; PRAGMA cell_size_check=ON; PRAGMA trusted_schema=OFF; \
             PRAGMA synchronous=FULL; PRAGMA wal_autocheckpoint=8192; PRAGMA cache_size=-{cache_kib};"
        );
        connection.execute_batch(&settings).map_err(&failed)?;
        let mode: String =
            connection.query_row("PRAGMA journal_mode=WAL", [], |row| row.get(0)).map_err(&failed)?;
        if mode != "wal" {
            let detail = format!("expected that the file can have a write-ahead log, found {mode}");
            return Err(LedgerError::new(Reason::Io, "open", detail));
        }
        if let Some(max_bytes) = options.max_bytes {
            let pages = max_bytes / PAGE_LEN_BYTES;
            let set = format!("PRAGMA max_page_count={}", pages.max(1));
            connection.query_row(&set, [], |_| Ok(())).map_err(&failed)?;
        }
        if is_new {
            create(&connection).map_err(&failed)?;
        }
        Ok(Self { connection, rollup_sql: rollup_sql() })
    }
}

/// Makes the tables, unless another process has just done so.
fn create(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch("BEGIN IMMEDIATE")?;
    let made =
        connection.query_row("PRAGMA user_version", [], |row| row.get::<_, i64>(0)).and_then(|version| {
            if version != 0 {
                return Ok(());
            }
            connection.execute_batch(include_str!("sqlite/tables.sql"))?;
            let marks = format!("PRAGMA application_id={APPLICATION_ID}; PRAGMA user_version={VERSION};");
            connection.execute_batch(&marks)
        });
    match made {
        Ok(()) => connection.execute_batch("COMMIT"),
        Err(error) => {
            let _ = connection.execute_batch("ROLLBACK");
            Err(error)
        }
    }
}

fn rollup_sql() -> String {
    let sums: Vec<String> = COLUMNS.iter().map(|name| format!("{name}={name}+excluded.{name}")).collect();
    let marks = vec!["?"; 5 + COLUMNS.len()].join(",");
    format!(
        "INSERT INTO rollups(tenant,axis,name,day,kind,{}) VALUES({marks}) ON CONFLICT DO UPDATE SET {}",
        COLUMNS.join(","),
        sums.join(",")
    )
}

impl Backend for Sqlite {
    fn begin_write(&mut self, tenant: &TenantId) -> Result<TenantKey, LedgerError> {
        let failed = failed("begin");
        self.connection.execute_batch("BEGIN IMMEDIATE").map_err(&failed)?;
        let find = || {
            let name = [tenant.as_str()];
            self.connection
                .prepare_cached("INSERT INTO tenants(name) VALUES(?) ON CONFLICT DO NOTHING")?
                .execute(name)?;
            self.connection
                .prepare_cached("SELECT id FROM tenants WHERE name=?")?
                .query_row(name, |row| row.get(0))
        };
        find().map(TenantKey).map_err(|error| {
            self.rollback();
            failed(error)
        })
    }

    fn begin_read(&mut self, tenant: &TenantId) -> Result<Option<TenantKey>, LedgerError> {
        let failed = failed("begin");
        self.connection.execute_batch("BEGIN").map_err(&failed)?;
        let found = self
            .connection
            .query_row("SELECT id FROM tenants WHERE name=?", [tenant.as_str()], |row| row.get(0))
            .optional();
        if !matches!(found, Ok(Some(_))) {
            self.rollback();
        }
        found.map(|id| id.map(TenantKey)).map_err(failed)
    }

    fn commit(&mut self) -> Result<(), LedgerError> {
        self.connection.execute_batch("COMMIT").map_err(failed("commit"))
    }

    fn rollback(&mut self) {
        // After some failures SQLite has done so itself.
        if !self.connection.is_autocommit() {
            let _ = self.connection.execute_batch("ROLLBACK");
        }
    }

    fn known(&mut self, tenant: TenantKey, ids: &[&str]) -> Result<HashMap<String, Content>, LedgerError> {
        let failed = failed("look up events");
        let sql = "SELECT content FROM events WHERE tenant=? AND event_id=?";
        let mut find = self.connection.prepare_cached(sql).map_err(&failed)?;
        let mut known = HashMap::new();
        for id in ids {
            let content =
                find.query_row(params![tenant.0, id], |row| row.get(0)).optional().map_err(&failed)?;
            if let Some(content) = content {
                known.insert((*id).to_owned(), content);
            }
        }
        Ok(known)
    }

    fn downloads(&mut self, tenant: TenantKey, pairs: &[(&str, &str)]) -> Result<Vec<Stored>, LedgerError> {
        let failed = failed("look up downloads");
        let sql =
            format!("SELECT {} FROM downloads WHERE tenant=? AND deployment=? AND device=?", rows::DOWNLOAD);
        let mut find = self.connection.prepare_cached(&sql).map_err(&failed)?;
        let mut stored = Vec::new();
        for (deployment, device) in pairs {
            let mut found = find.query(params![tenant.0, deployment, device]).map_err(&failed)?;
            while let Some(row) = found.next().map_err(&failed)? {
                stored.push(rows::download(row)?);
            }
        }
        Ok(stored)
    }

    fn history(&mut self, _: TenantKey, download: i64) -> Result<Vec<Entry>, LedgerError> {
        let failed = failed("read events");
        let sql = format!("SELECT {} FROM events WHERE download=?", rows::ENTRY);
        let mut find = self.connection.prepare_cached(&sql).map_err(&failed)?;
        let mut found = find.query([download]).map_err(&failed)?;
        let mut entries = Vec::new();
        while let Some(row) = found.next().map_err(&failed)? {
            entries.push(rows::entry(row)?);
        }
        Ok(entries)
    }

    fn reserve(&mut self, count: usize) -> Result<Vec<i64>, LedgerError> {
        let sql = "SELECT ifnull(max(id),0) FROM downloads";
        let last: i64 = self
            .connection
            .prepare_cached(sql)
            .and_then(|mut last| last.query_row([], |row| row.get(0)))
            .map_err(failed("number downloads"))?;
        Ok((last.saturating_add(1)..).take(count).collect())
    }

    fn write(&mut self, tenant: TenantKey, changes: &Changes<'_>) -> Result<(), LedgerError> {
        let failed = failed("write");
        let mut put =
            self.connection.prepare_cached(include_str!("sqlite/put_download.sql")).map_err(&failed)?;
        for stored in changes.downloads {
            rows::put_download(&mut put, tenant, stored).map_err(&failed)?;
        }
        let mut put =
            self.connection.prepare_cached(include_str!("sqlite/put_event.sql")).map_err(&failed)?;
        for new in changes.events {
            let event = new.event;
            put.execute(params![
                tenant.0,
                event.id,
                event.content,
                new.download,
                code_of_what(event.what),
                event.via.map(code_of_via),
                event.start,
                event.bytes,
                event.ts,
                changes.recorded,
            ])
            .map_err(&failed)?;
        }
        let mut put = self.connection.prepare_cached(&self.rollup_sql).map_err(&failed)?;
        for (key, figures) in changes.rollups {
            let of: [Value; 5] = [
                tenant.0.into(),
                i64::from(key.axis.code()).into(),
                key.name.clone().into(),
                key.day.into(),
                i64::from(key.kind).into(),
            ];
            let row = of.into_iter().chain(figures.numbers().map(Value::from));
            put.execute(params_from_iter(row)).map_err(&failed)?;
        }
        Ok(())
    }

    fn groups(
        &mut self,
        tenant: TenantKey,
        grouping: Grouping,
        days: (i64, i64),
    ) -> Result<Vec<Group>, LedgerError> {
        let failed = failed("report");
        let (column, axis) = match grouping {
            Grouping::Name(axis) => ("name", axis),
            Grouping::Day => ("day", Axis::Deployment),
            Grouping::All => ("0", Axis::Deployment),
        };
        let sums: Vec<String> = COLUMNS.iter().map(|name| format!("sum({name})")).collect();
        let sql = format!(
            "SELECT {column},kind,{} FROM rollups WHERE tenant=? AND axis=? AND day>=? AND day<? GROUP BY 1,2",
            sums.join(",")
        );
        let mut query = self.connection.prepare_cached(&sql).map_err(&failed)?;
        let mut found = query.query(params![tenant.0, axis.code(), days.0, days.1]).map_err(&failed)?;
        let mut groups = Vec::new();
        while let Some(row) = found.next().map_err(&failed)? {
            let mut numbers = [0; COLUMNS.len()];
            for (at, number) in numbers.iter_mut().enumerate() {
                *number = row.get(at + 2).map_err(&failed)?;
            }
            let key = match grouping {
                Grouping::Name(_) => GroupKey::Name(row.get(0).map_err(&failed)?),
                Grouping::Day => GroupKey::Day(row.get(0).map_err(&failed)?),
                Grouping::All => GroupKey::All,
            };
            groups.push(Group { key, kind: row.get(1).map_err(&failed)?, figures: Figures::of(numbers) });
        }
        Ok(groups)
    }

    fn each_download(&mut self, tenant: TenantKey, each: &mut EachDownload<'_>) -> Result<(), LedgerError> {
        let failed = failed("read downloads");
        let sql = format!(
            "SELECT {} FROM downloads WHERE tenant=? ORDER BY deployment,device,artifact",
            rows::DOWNLOAD
        );
        let mut query = self.connection.prepare(&sql).map_err(&failed)?;
        let sql = format!("SELECT {} FROM events WHERE download=? AND tenant=?", rows::ENTRY);
        let mut events = self.connection.prepare(&sql).map_err(&failed)?;
        let mut found = query.query([tenant.0]).map_err(&failed)?;
        while let Some(row) = found.next().map_err(&failed)? {
            let stored = rows::download(row)?;
            let mut entries = Vec::new();
            let mut found = events.query([stored.id, tenant.0]).map_err(&failed)?;
            while let Some(row) = found.next().map_err(&failed)? {
                entries.push(rows::entry(row)?);
            }
            each(stored, entries)?;
        }
        Ok(())
    }

    fn damage(&mut self) -> Result<Option<String>, LedgerError> {
        let found: String = self
            .connection
            .query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))
            .map_err(failed("check"))?;
        Ok(if found == "ok" { None } else { Some(logged(&found)) })
    }
}
