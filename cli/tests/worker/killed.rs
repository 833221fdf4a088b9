//! Three workers, forty tasks of two tenants; workers are killed at random and so is the server. Nothing is lost, nothing
//! is published twice.

use crate::artifacts::{object_task, put, store, tenant, write_version};
use crate::nats::Nats;
use crate::queued::enqueue;
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
const LIMIT: Duration = Duration::from_secs(600);

/// Numbers that are the same in each run.
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

/// A worker, which ends with the test at the latest.
struct Started(Child);

impl Started {
    /// One that tells into a file, so that what it said outlives it.
    fn new(place: &Workplace, url: &str, nth: &mut usize) -> Self {
        *nth += 1;
        let log = |kind| File::create(place.path(&format!("log-{nth}.{kind}"))).unwrap();
        let flags = ["--max-deliver", "50", "--threads", "1", "--ack-wait", "5s"];
        let line = [&["delta", "worker", "--nats", url, "--store", "store"][..], &flags, &IN_HASTE].concat();
        let command = place.command(&line).stdin(Stdio::null()).stdout(log("out")).stderr(log("err")).spawn();
        Self(command.unwrap())
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

const IN_HASTE: [&str; 4] = ["--retry-delay", "0s", "--memory", "1G"];

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

/// What all workers had to complain of.
fn warned(place: &Workplace) -> String {
    let names = place.names();
    let logs = names.iter().filter(|name| name.starts_with("log-") && name.ends_with(".err"));
    logs.map(|name| format!("{name}: {}\n", String::from_utf8_lossy(&place.bytes(name)))).collect()
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
    let put = enqueue(&place, &nats, &tasks, &[]);
    let keys: BTreeSet<String> = put.iter().map(|put| put["task"].as_str().unwrap().to_owned()).collect();
    assert_eq!(keys.len(), TASKS);
    // Put again, as by a server that does not know whether it did: nothing changes.
    let again = enqueue(&place, &nats, &tasks, &[]);
    assert!(again.iter().all(|put| put["duplicate"] == true));

    let url = nats.url();
    let (mut chance, mut started) = (Chance(7), 0);
    let mut workers: Vec<Started> = (0..WORKERS).map(|_| Started::new(&place, &url, &mut started)).collect();
    for kill in 0..KILLS {
        std::thread::sleep(Duration::from_millis(50 + chance.below(250)));
        if kill % 5 == 3 {
            nats.down();
            std::thread::sleep(Duration::from_millis(chance.below(700)));
            nats.up();
        } else {
            let victim = usize::try_from(chance.below(WORKERS as u64)).unwrap();
            // The old one is killed before the new one begins.
            drop(workers.remove(victim));
            workers.push(Started::new(&place, &url, &mut started));
        }
    }
    // Until each is answered: what a server of release 2.9 that was killed counts as still to be done may never end, since it
    // forgets that it removed messages.
    loop {
        let answers = nats.messages("deltas-answers");
        let missing: Vec<&String> = keys
            .iter()
            .filter(|key| !answers.iter().any(|(_, answer)| answer["task"].as_str() == Some(key)))
            .collect();
        if missing.is_empty() {
            break;
        }
        for worker in &mut workers {
            let ended = worker.0.try_wait().unwrap();
            assert!(ended.is_none(), "a worker ended by itself: {ended:?}\n{}", warned(&place));
        }
        assert!(
            begin.elapsed() < LIMIT,
            "no answer: {missing:?}\n{}\n{:?}\n{}",
            nats.state("deltas-tasks", "workers"),
            told(&place).iter().rev().take(20).collect::<Vec<_>>(),
            warned(&place)
        );
        std::thread::sleep(Duration::from_millis(500));
    }
    drop(workers);
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
