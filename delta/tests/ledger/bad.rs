//! Events that cannot be, and databases that cannot be used.

use crate::events::{Numbers, fleet, served};
use crate::figures::report;
use crate::{databases, open};
use mender_delta::fleet::ledger::error::Reason;
use mender_delta::fleet::ledger::open::{Ledger, OpenOptions, Verdict};
use mender_delta::fleet::ledger::record::{Kind, Record};
use mender_delta::fleet::ledger::report::By;
use mender_delta::fleet::tenant::TenantId;
use std::time::Duration;

fn code(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::New => "new",
        Verdict::Duplicate => "duplicate",
        Verdict::Refused(refusal) => refusal.code(),
    }
}

#[test]
fn each_reason_leaves_the_ledger_as_it_was() {
    databases(|address| {
        let mut ledger = open(address);
        let acme = TenantId::new("acme").unwrap();
        let mut append = |records| ledger.tenant(&acme).append(records).unwrap();
        append(vec![Record { kind: Some(Kind::Delta), full_size: Some(500), ..served("acme", "1") }]);
        let verdicts = append(vec![
            Record { bytes: Some(99), ..served("acme", "1") },
            Record { kind: Some(Kind::Full), ..served("acme", "2") },
            Record { full_size: Some(501), ..served("acme", "2") },
            Record { artifact_size: 101, ..served("acme", "2") },
            Record { range: Some([50, 101]), ..served("acme", "2") },
            Record { ts: "1969-01-01T00:00:00Z".into(), ..served("acme", "2") },
            served("acme", "3"),
            served("acme", "3"),
            Record { bytes: Some(3), ..served("acme", "3") },
        ]);
        let codes: Vec<_> = verdicts.iter().map(code).collect();
        let expected = [
            "id_reused",
            "contradiction",
            "contradiction",
            "contradiction",
            "range_beyond_artifact",
            "bad_time",
            "new",
            "duplicate",
            "id_reused",
        ];
        assert_eq!(codes, expected);
        let total = report(&mut ledger, "acme", By::Tenant).total.all();
        assert_eq!((total.transferred(), total.retransmitted()), (200, 100));
        assert_eq!(ledger.tenant(&acme).check().unwrap().events, 2);
    });
}

#[test]
fn too_many_pieces_and_artifacts() {
    databases(|address| {
        let mut ledger = open(address);
        let acme = TenantId::new("acme").unwrap();
        let piece = |n: u64| Record {
            artifact_size: 5000,
            range: Some([n * 2, n * 2 + 1]),
            ts: format!("2026-01-01T00:{:02}:{:02}Z", (n * 7 % 3600) / 60, n * 7 % 60),
            ..served("acme", &format!("p{n}"))
        };
        let verdicts = ledger.tenant(&acme).append((0..1030).map(piece).collect()).unwrap();
        assert_eq!(verdicts.iter().filter(|verdict| code(verdict) == "too_fragmented").count(), 6);
        let artifact =
            |n: u64| Record { artifact_sha256: format!("{n:064x}"), ..served("acme", &format!("a{n}")) };
        let verdicts = ledger.tenant(&acme).append((0..70).map(artifact).collect()).unwrap();
        assert_eq!(verdicts.iter().filter(|verdict| code(verdict) == "too_many_artifacts").count(), 7);
        assert_eq!(ledger.tenant(&acme).check().unwrap().differences, Vec::<String>::new());
    });
}

#[test]
fn events_are_only_added() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ledger.db");
    let acme = TenantId::new("acme").unwrap();
    open(&file.display().to_string()).tenant(&acme).append(vec![served("acme", "1")]).unwrap();
    let raw = rusqlite::Connection::open(&file).unwrap();
    assert!(raw.execute("UPDATE events SET bytes=1", []).is_err());
    assert!(raw.execute("DELETE FROM events", []).is_err());
    // Sums that somebody changed are found.
    raw.execute("UPDATE rollups SET saved=saved+1 WHERE axis=1", []).unwrap();
    let checked = open(&file.display().to_string()).tenant(&acme).check().unwrap();
    assert_eq!(checked.differences, ["saved of dev: expected 0, found 1"]);
}

#[test]
fn what_is_no_ledger_stays_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let reason = |name: &str, create: bool| {
        let mut options = OpenOptions::default();
        options.create = create;
        let address = path(name).display().to_string();
        Ledger::open(&address, &options).map(|_| ()).map_err(|error| error.reason)
    };
    std::fs::write(
        path("text"),
        "no database at all, but long enough to have a header of one hundred bytes; ".repeat(3),
    )
    .unwrap();
    std::fs::write(path("empty"), "").unwrap();
    std::fs::create_dir(path("folder")).unwrap();
    let raw = rusqlite::Connection::open(path("foreign")).unwrap();
    raw.execute_batch("CREATE TABLE mine(a); INSERT INTO mine VALUES(1)").unwrap();
    drop(raw);
    let before = std::fs::read(path("foreign")).unwrap();
    assert_eq!(reason("text", true), Err(Reason::NotALedger));
    assert_eq!(reason("folder", true), Err(Reason::NotALedger));
    assert_eq!(reason("foreign", true), Err(Reason::NotALedger));
    assert_eq!(reason("none", false), Err(Reason::NotFound));
    assert_eq!(reason("empty", false), Err(Reason::NotALedger));
    assert_eq!(reason("no/folder", true), Err(Reason::Denied));
    assert_eq!(std::fs::read(path("foreign")).unwrap(), before);
    assert!(!path("none").exists());

    assert_eq!(reason("ours", true), Ok(()));
    let raw = rusqlite::Connection::open(path("ours")).unwrap();
    raw.execute_batch("PRAGMA user_version=2").unwrap();
    drop(raw);
    assert_eq!(reason("ours", true), Err(Reason::NewerVersion));
    assert!(
        matches!(Ledger::open("", &OpenOptions::default()), Err(error) if error.reason == Reason::BadAddress)
    );
    assert!(
        matches!(Ledger::open(":memory:", &OpenOptions::default()), Err(error) if error.reason == Reason::BadAddress)
    );
    let unreachable = "postgres://nobody:secret@127.0.0.1:1/none";
    let error = Ledger::open(unreachable, &OpenOptions::default()).unwrap_err();
    assert_eq!(error.reason, Reason::Unreachable);
    assert!(!error.to_string().contains("secret"), "{error}");
}

#[test]
fn a_damaged_file_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ledger.db");
    let address = file.display().to_string();
    let acme = TenantId::new("acme").unwrap();
    open(&address).tenant(&acme).append(fleet("acme", 3000, &mut Numbers(31))).unwrap();
    let mut bytes = std::fs::read(&file).unwrap();
    let len = bytes.len();
    // All pages behind the first, which has the header and the tables' definitions.
    for page in (8192..len).step_by(8192) {
        bytes[page..page + 64].fill(0xff);
    }
    std::fs::write(&file, bytes).unwrap();
    let mut ledger = open(&address);
    let failed = ledger.tenant(&acme).append(vec![served("acme", "new")]).unwrap_err();
    assert_eq!(failed.reason, Reason::Corrupt, "{failed}");
    assert!(ledger.damage().is_err() || ledger.damage().unwrap().is_some());
}

#[test]
fn a_full_disk_loses_nothing_that_was_acknowledged() {
    let folder = tempfile::tempdir().unwrap();
    let address = folder.path().join("ledger.db").display().to_string();
    let mut options = OpenOptions::default();
    options.max_bytes = Some(300_000);
    let mut ledger = Ledger::open(&address, &options).unwrap();
    let acme = TenantId::new("acme").unwrap();
    let mut acknowledged = 0;
    let error = fleet("acme", 100_000, &mut Numbers(32))
        .chunks(100)
        .find_map(|batch| match ledger.tenant(&acme).append(batch.to_vec()) {
            Ok(verdicts) => {
                acknowledged += verdicts.len() as u64;
                None
            }
            Err(error) => Some(error),
        })
        .unwrap();
    assert_eq!(error.reason, Reason::DiskFull, "{error}");
    assert!(acknowledged > 0);
    let checked = ledger.tenant(&acme).check().unwrap();
    assert_eq!((checked.events, checked.differences), (acknowledged, Vec::new()));
    // With more room it goes on.
    drop(ledger);
    assert_eq!(open(&address).tenant(&acme).append(vec![served("acme", "new")]).unwrap(), [Verdict::New]);
}

#[test]
fn who_waits_too_long_is_told() {
    databases(|address| {
        let acme = TenantId::new("acme").unwrap();
        open(address).tenant(&acme).append(vec![served("acme", "1")]).unwrap();
        let mut options = OpenOptions::default();
        options.busy_timeout = Duration::from_millis(200);
        let mut waiting = Ledger::open(address, &options).unwrap();
        let (sqlite, mut postgres);
        if address.starts_with("postgres") {
            postgres = postgres::Client::connect(address, postgres::NoTls).unwrap();
            postgres.batch_execute("BEGIN; LOCK mender_ledger.tenants IN EXCLUSIVE MODE").unwrap();
        } else {
            sqlite = rusqlite::Connection::open(address).unwrap();
            sqlite.execute_batch("BEGIN IMMEDIATE").unwrap();
        }
        let error = waiting.tenant(&acme).append(vec![served("acme", "2")]).unwrap_err();
        assert_eq!(error.reason, Reason::DatabaseLocked, "{error}");
        // Reading goes on meanwhile.
        assert_eq!(report(&mut waiting, "acme", By::Tenant).total.all().transferred(), 100);
    });
}

#[test]
fn a_sum_that_does_not_fit_is_no_wrong_sum() {
    databases(|address| {
        let acme = TenantId::new("acme").unwrap();
        let mut ledger = open(address);
        ledger.tenant(&acme).append(vec![served("acme", "1")]).unwrap();
        let set = "SET transferred_origin=9223372036854775800";
        if address.starts_with("postgres") {
            let mut raw = postgres::Client::connect(address, postgres::NoTls).unwrap();
            raw.batch_execute(&format!("UPDATE mender_ledger.rollups {set}")).unwrap();
        } else {
            rusqlite::Connection::open(address)
                .unwrap()
                .execute(&format!("UPDATE rollups {set}"), [])
                .unwrap();
        }
        let error = ledger.tenant(&acme).append(vec![served("acme", "2")]).unwrap_err();
        assert_eq!(error.reason, Reason::Overflow, "{error}");
        let other = Record { deployment: "other".into(), device: "other".into(), ..served("acme", "3") };
        ledger.tenant(&acme).append(vec![other]).unwrap();
        let query = mender_delta::fleet::ledger::report::Query { by: By::Tenant, since: None, until: None };
        let error = ledger.tenant(&acme).report(&query).unwrap_err();
        assert_eq!(error.reason, Reason::Overflow, "{error}");
    });
}
