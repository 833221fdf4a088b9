//! Three workers, forty tasks of two tenants; workers are killed at random and so is the server. Nothing is lost, nothing
//! is published twice.

use crate::artifacts::{object_task, put, store, tenant, write_version};
use crate::nats::Nats;
use crate::queued::{enqueue, worker};
use crate::workplace::Workplace;
use mender_delta::fleet::digest::Sha256Sum;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

const TENANTS: [&str; 2] = ["acme", "globex"];
const VERSIONS: u8 = 20;
const TASKS: usize = TENANTS.len() * VERSIONS as usize;
const WORKERS: usize = 3;
/// How often something is killed.
const KILLS: u64 = 14;
const LIMIT: Duration = Duration::from_secs(300);

/// Numbers that are the same in each run.
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

/// A worker that tells into a file, so that what it said outlives it.
fn start(place: &Workplace, url: &str, nth: &mut usize) -> Child {
    *nth += 1;
    let log = |kind| File::create(place.path(&format!("log-{nth}.{kind}"))).unwrap();
    place
        .command(&worker(url, &["--max-deliver", "50", "--threads", "1"]))
        .stdin(Stdio::null())
        .stdout(log("out"))
        .stderr(log("err"))
        .spawn()
        .unwrap()
}

/// Events of all workers; the last line of a killed one may be torn.
fn told(place: &Workplace) -> Vec<Value> {
    let mut all = Vec::new();
    for name in place.names().iter().filter(|name| name.starts_with("log-") && name.ends_with(".out")) {
        let text = String::from_utf8(place.bytes(name)).unwrap();
        let lines = text.split_inclusive('\n').filter(|line| line.ends_with('\n'));
        all.extend(lines.map(|line| serde_json::from_str::<Value>(line).unwrap()));
    }
    all
}

#[test]
fn forty_tasks_are_published_exactly_once() {
    let Some(mut nats) = Nats::start() else { return };
    let place = Workplace::new();
    let store = store(&place);
    let artifacts: Vec<String> = (0..=VERSIONS).map(|version| write_version(&place, version)).collect();
    let mut tasks = Vec::new();
    for name in TENANTS {
        let objects: Vec<Sha256Sum> =
            artifacts.iter().map(|artifact| put(&place, &store, name, artifact)).collect();
        let (newest, older) = objects.split_last().unwrap();
        tasks.extend(older.iter().map(|older| object_task(name, *older, *newest)));
    }
    let begin = Instant::now();
    assert_eq!(enqueue(&place, &nats, &tasks, &[]).len(), TASKS);
    // Put again, as by a server that does not know whether it did: nothing changes.
    let again = enqueue(&place, &nats, &tasks, &[]);
    assert!(again.iter().all(|put| put["duplicate"] == true));

    let url = nats.url();
    let (mut chance, mut started) = (Chance(7), 0);
    let mut workers: Vec<Child> = (0..WORKERS).map(|_| start(&place, &url, &mut started)).collect();
    for kill in 0..KILLS {
        std::thread::sleep(Duration::from_millis(50 + chance.below(250)));
        if kill % 5 == 3 {
            nats.down();
            std::thread::sleep(Duration::from_millis(chance.below(700)));
            nats.up();
        } else {
            let victim = &mut workers[usize::try_from(chance.below(WORKERS as u64)).unwrap()];
            victim.kill().unwrap();
            victim.wait().unwrap();
            *victim = start(&place, &url, &mut started);
        }
    }
    // The stream itself may still show tasks that are over: a server of release 2.9 that is killed forgets that it removed
    // them. It does not give them out again.
    while nats.unfinished("deltas-tasks", "workers") > 0 {
        assert!(begin.elapsed() < LIMIT, "{:?}", told(&place).iter().rev().take(20).collect::<Vec<_>>());
        std::thread::sleep(Duration::from_millis(200));
    }
    for worker in &mut workers {
        worker.kill().unwrap();
        worker.wait().unwrap();
    }
    println!("{TASKS} tasks, {started} workers, {:.1} s", begin.elapsed().as_secs_f64());

    // Each has its result in the store, which is the right one and names nothing else.
    let mut published: BTreeMap<String, String> = BTreeMap::new();
    for name in TENANTS {
        let entries = store.list(&tenant(name)).unwrap();
        assert_eq!(entries.len(), usize::from(VERSIONS));
        for entry in entries {
            let delta = place.path("delta.mender");
            store.fetch(&tenant(name), &entry.record.object.sha256, &delta).unwrap();
            published.insert(entry.key.to_string(), entry.record.object.sha256.to_string());
        }
    }
    assert_eq!(published.len(), TASKS);
    for (nth, older) in artifacts[..usize::from(VERSIONS)].iter().enumerate().step_by(7) {
        let newest = artifacts.last().unwrap();
        place.ok(&["write", "delta-image", "--from", older, "--to", newest, "-o", "expected.mender"]);
        let expected = Sha256Sum(
            sha2::Digest::finalize(<sha2::Sha256 as sha2::Digest>::new_with_prefix(
                place.bytes("expected.mender"),
            ))
            .into(),
        );
        assert_eq!(
            published.values().filter(|digest| **digest == expected.to_string()).count(),
            TENANTS.len(),
            "{nth}"
        );
    }
    // Each was answered, and all answers of one task say the same.
    let mut answered: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (_, answer) in nats.messages("deltas-answers") {
        assert_eq!(answer["event"], "done", "{answer}");
        let digests = answered.entry(answer["key"].as_str().unwrap().to_owned()).or_default();
        digests.insert(answer["sha256"].as_str().unwrap().to_owned());
    }
    let expected =
        published.iter().map(|(key, digest)| (key.clone(), BTreeSet::from([digest.clone()]))).collect();
    assert_eq!(answered, expected);
    assert_eq!(nats.messages("deltas-parked"), []);
    // Nobody says that he published what another one had.
    let mut by: BTreeMap<String, u32> = BTreeMap::new();
    for event in told(&place).iter().filter(|event| event["published"] == "new") {
        *by.entry(event["key"].as_str().unwrap().to_owned()).or_default() += 1;
    }
    assert!(by.values().all(|times| *times == 1), "{by:?}");
}
