//! Figures are those of the set of events, in whatever order and batches they come, however often.

use crate::events::{Numbers, fleet, served};
use crate::{databases, open, oracle};
use mender_delta::fleet::ledger::open::{Ledger, Verdict};
use mender_delta::fleet::ledger::record::{Kind, Record, What};
use mender_delta::fleet::ledger::report::{By, Day, Query, Report};
use mender_delta::fleet::tenant::TenantId;
use std::collections::BTreeMap;
use std::process::Command;

const ALL: [By; 4] = [By::Device, By::Deployment, By::Tenant, By::Day];

pub(crate) fn report(ledger: &mut Ledger, tenant: &str, by: By) -> Report {
    let query = Query { by, since: None, until: None };
    ledger.tenant(&TenantId::new(tenant).unwrap()).report(&query).unwrap()
}

fn append(ledger: &mut Ledger, tenant: &str, records: Vec<Record>) -> Vec<Verdict> {
    ledger.tenant(&TenantId::new(tenant).unwrap()).append(records).unwrap()
}

fn agree(ledger: &mut Ledger, events: &[Record]) {
    for by in ALL {
        let found = report(ledger, "acme", by);
        let rows: BTreeMap<String, _> = found.rows.iter().map(|row| (row.name.clone(), row.kinds)).collect();
        assert_eq!(rows, oracle::report(events, by), "{by:?}");
    }
    let checked = ledger.tenant(&TenantId::new("acme").unwrap()).check().unwrap();
    assert_eq!(checked.differences, Vec::<String>::new());
    assert_eq!(checked.events, events.len() as u64);
}

#[test]
fn byte_by_byte_in_any_order() {
    databases(|address| {
        let mut ledger = open(address);
        let mut numbers = Numbers(11);
        let mut events = fleet("acme", 900, &mut numbers);
        numbers.shuffle(&mut events);
        let mut taken = Vec::new();
        let mut at = 0;
        while at < events.len() {
            let end = (at + 1 + numbers.below(60) as usize).min(events.len());
            // Some that came before come again.
            let mut batch = events[at..end].to_vec();
            for _ in 0..numbers.below(4) {
                batch.push(events[numbers.below(end as u64) as usize].clone());
            }
            numbers.shuffle(&mut batch);
            let verdicts = append(&mut ledger, "acme", batch.clone());
            for (record, verdict) in batch.iter().zip(verdicts) {
                match verdict {
                    Verdict::New => taken.push(record.clone()),
                    Verdict::Duplicate => assert!(taken.contains(record)),
                    Verdict::Refused(why) => panic!("{why}: {record:?}"),
                }
            }
            if at % 7 == 0 {
                agree(&mut ledger, &taken);
            }
            at = end;
        }
        assert_eq!(taken.len(), events.len());
        agree(&mut ledger, &events);
    });
}

#[test]
fn all_at_once_is_the_same_as_one_by_one() {
    databases(|address| {
        let mut ledger = open(address);
        let mut numbers = Numbers(12);
        let mut events = fleet("acme", 150, &mut numbers);
        let all = append(&mut ledger, "acme", events.clone());
        assert!(all.iter().all(|verdict| *verdict == Verdict::New));
        let together = ALL.map(|by| report(&mut ledger, "acme", by));
        // Another tenant gets the same, one by one and backwards.
        events.reverse();
        for mut event in events {
            event.tenant = "other".to_owned();
            assert_eq!(append(&mut ledger, "other", vec![event]), [Verdict::New]);
        }
        let single = ALL.map(|by| report(&mut ledger, "other", by));
        for (together, single) in together.iter().zip(&single) {
            assert_eq!(together.total, single.total);
            assert_eq!(together.days, single.days);
        }
        assert_eq!(together[0].rows, single[0].rows);
    });
}

#[test]
fn a_resumed_delta_and_a_full_image() {
    databases(|address| {
        let mut ledger = open(address);
        let delta = |id: &str, change: fn(&mut Record)| {
            let mut record = Record { kind: Some(Kind::Delta), full_size: Some(1000), ..served("acme", id) };
            change(&mut record);
            record
        };
        let events = vec![
            delta("1", |r| (r.event, r.via, r.range) = (What::Assigned, None, None)),
            // Broke off after 40 bytes; resumed 10 bytes before.
            delta("2", |r| (r.event, r.bytes) = (What::Aborted, Some(40))),
            delta("3", |r| (r.range, r.ts) = (Some([30, 100]), "2026-01-03T00:00:00Z".into())),
            delta("4", |r| {
                (r.event, r.via, r.range) = (What::Received, None, None);
                r.ts = "2026-01-03T00:00:01Z".into();
            }),
        ];
        append(&mut ledger, "acme", events);
        let found = report(&mut ledger, "acme", By::Deployment);
        let figures = found.total.delta;
        assert_eq!((figures.assigned, figures.assigned_bytes), (1, 100));
        assert_eq!((figures.transferred(), figures.retransmitted()), (110, 10));
        assert_eq!((figures.completed, figures.full_bytes, figures.saved), (1, 1000, 890));
        assert_eq!(found.days.len(), 2);
        // Only the second day: what was saved counts where it was completed.
        let query =
            Query { by: By::Tenant, since: Day::parse("2026-01-03"), until: Day::parse("2026-01-04") };
        let second = ledger.tenant(&TenantId::new("acme").unwrap()).report(&query).unwrap().total.delta;
        assert_eq!(
            (second.assigned, second.transferred(), second.retransmitted(), second.saved),
            (0, 70, 10, 890)
        );
        let query = Query { by: By::Tenant, since: None, until: Day::parse("2026-01-03") };
        let first = ledger.tenant(&TenantId::new("acme").unwrap()).report(&query).unwrap().total.delta;
        assert_eq!((first.assigned, first.transferred(), first.retransmitted(), first.saved), (1, 40, 0, 0));
    });
}

/// What SQL says of the events alone, by the program sqlite3 and without the sums that are kept.
#[test]
fn sums_of_another_program() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ledger.db");
    let mut ledger = open(&file.display().to_string());
    let mut numbers = Numbers(13);
    let mut events = fleet("acme", 4000, &mut numbers);
    // SQL below counts what is known to be somewhere.
    events.retain(|event| event.range.is_some());
    for batch in events.chunks(300) {
        append(&mut ledger, "acme", batch.to_vec());
    }
    append(&mut ledger, "other", vec![served("other", "1")]);
    let total = report(&mut ledger, "acme", By::Tenant).total.all();
    drop(ledger);
    // Of each range what lies behind the end of all that begin before it.
    let sql = "WITH mine AS (SELECT e.* FROM events e JOIN tenants t ON t.id=e.tenant WHERE t.name='acme'),
        wire AS (SELECT download,start,start+bytes AS end,bytes,
            max(start+bytes) OVER (PARTITION BY download ORDER BY start,start+bytes,event_id
                ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS reached FROM mine WHERE event IN (1,3)),
        cover AS (SELECT sum(max(0,end-max(start,ifnull(reached,0)))) AS len FROM wire),
        done AS (SELECT deployment,device,min(e.ts) AS ts FROM mine e JOIN downloads d ON d.id=e.download WHERE event=2 GROUP BY 1,2),
        sized AS (SELECT (SELECT coalesce(d.full_size,CASE d.kind WHEN 1 THEN d.artifact_size END) FROM mine e
                JOIN downloads d ON d.id=e.download WHERE d.deployment=c.deployment AND d.device=c.device AND event=2
                ORDER BY e.ts,d.artifact LIMIT 1) AS full,
            (SELECT ifnull(sum(bytes),0) FROM mine e JOIN downloads d ON d.id=e.download
                WHERE d.deployment=c.deployment AND d.device=c.device AND event IN (1,3)) AS got FROM done c)
        SELECT (SELECT count(*) FROM mine),(SELECT sum(bytes) FROM wire),(SELECT sum(bytes) FROM wire)-(SELECT len FROM cover),
            (SELECT sum(artifact_size) FROM mine e JOIN downloads d ON d.id=e.download WHERE event=0),
            (SELECT count(*) FROM done),(SELECT sum(full-got) FROM sized WHERE full IS NOT NULL)";
    let Ok(output) = Command::new("sqlite3").arg(&file).arg(sql).output() else {
        println!("skipped: the program sqlite3 is not installed");
        return;
    };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let found = String::from_utf8(output.stdout).unwrap();
    let expected = format!(
        "{}|{}|{}|{}|{}|{}\n",
        events.len(),
        total.transferred(),
        total.retransmitted(),
        total.assigned_bytes,
        total.completed,
        total.saved
    );
    assert_eq!(found, expected);
    assert!(total.retransmitted() > 0 && total.completed > 0 && total.saved != 0);
}
