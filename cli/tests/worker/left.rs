//! What a killed worker leaves is removed by the next one, and what a living one has is not.

use crate::artifacts::{path_task, run, signal, start, write_slow_pair, write_version};
use crate::workplace::Workplace;
use serde_json::json;
use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::process::Child;

fn folders(place: &Workplace) -> BTreeSet<String> {
    let inside = std::fs::read_dir(place.path("work")).unwrap();
    inside.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

/// Starts a worker, waits until it works, and holds it there: it lives, and comes to no end; and the name of its folder.
fn busy(place: &Workplace, task: &str) -> (Child, String) {
    let before = folders(place);
    let mut child = start(place, &["delta", "worker", "--no-store", "--work", "work"], task);
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    while !line.contains("\"diffing\"") {
        line.clear();
        assert_ne!(stdout.read_line(&mut line).unwrap(), 0);
    }
    signal(&child, "-STOP");
    let new = folders(place).difference(&before).next().unwrap().clone();
    (child, new)
}

#[test]
fn the_next_worker_removes_what_a_killed_one_has_left() {
    let place = Workplace::new();
    let [old, new] = write_slow_pair(&place);
    std::fs::create_dir(place.path("work")).unwrap();
    let mut slow = path_task("acme", &old, &new);
    slow["output"] = json!("slow.mender");
    slow["job"]["algorithm"] = json!({"name": "native", "level": "max"});
    let (mut killed, left) = busy(&place, &slow.to_string());
    let (mut alive, used) = busy(&place, &slow.to_string());
    assert!(folders(&place).contains(&left), "one that is at work");
    // kill -9.
    killed.kill().unwrap();
    killed.wait().unwrap();
    assert!(
        folders(&place).contains(&left) && place.path(&format!("work/{left}/jobs/acme/journal")).exists()
    );

    let mut quick = path_task("acme", &write_version(&place, 1), &write_version(&place, 2));
    quick["output"] = json!("quick.mender");
    let ended = run(&place, &["delta", "worker", "--no-store", "--work", "work"], &quick.to_string());
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    assert!(alive.try_wait().unwrap().is_none(), "it ended before it was held");
    assert_eq!(folders(&place), BTreeSet::from([used]));
    alive.kill().unwrap();
    alive.wait().unwrap();
}
