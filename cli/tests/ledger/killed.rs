//! What was acknowledged survives `kill -9`, and the rest can come again.

use crate::events;
use crate::workplace::Workplace;
use serde_json::Value;
use std::io::{BufRead, BufReader, Write};
use std::process::Stdio;

const INGEST: [&str; 12] = [
    "ledger",
    "ingest",
    "--db",
    "ledger.db",
    "--tenant",
    "acme",
    "--bad-lines",
    "skip",
    "--batch",
    "400",
    "--acknowledge",
    "-",
];

/// Events in the ledger, counted by the command and not through its sums.
fn kept(place: &Workplace) -> u64 {
    let checked = place.ok(&["ledger", "check", "--db", "ledger.db", "--tenant", "acme"]);
    assert!(checked.ends_with("all sums are right\n"), "{checked}");
    checked.split(' ').next().unwrap().parse().unwrap()
}

#[test]
fn nothing_acknowledged_is_lost() {
    let all = events(5_000);
    let place = Workplace::new();
    let mut lost_some = false;
    for acknowledgements in [1, 3, 7, 12] {
        let mut child = place.command(&INGEST).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let text = all.clone();
        // Ends with an error when the command is killed.
        let feeding = std::thread::spawn(move || stdin.write_all(text.as_bytes()));
        let mut acknowledged = 0;
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        for line in lines.take(acknowledgements) {
            let told: Value = serde_json::from_str(&line.unwrap()).unwrap();
            acknowledged = told["acknowledged_lines"].as_u64().unwrap();
        }
        child.kill().unwrap();
        child.wait().unwrap();
        let _ = feeding.join().unwrap();
        let kept = kept(&place);
        println!(
            "killed after {acknowledgements} acknowledgements: {acknowledged} lines acknowledged, {kept} events there"
        );
        assert!(acknowledged > 0 && kept >= acknowledged, "{kept} of {acknowledged}");
        lost_some |= kept < 20_000;
    }
    assert!(lost_some, "the command was never killed on its way");

    // All of it once more, and it is as if nothing had happened.
    place.put("all.jsonl", &all);
    let report = |db: &str| {
        place.ok(&["ledger", "report", "--db", db, "--tenant", "acme", "--by", "device", "--format", "json"])
    };
    place.ok(&["ledger", "ingest", "--db", "ledger.db", "--tenant", "acme", "all.jsonl"]);
    place.ok(&["ledger", "ingest", "--db", "clean.db", "--tenant", "acme", "all.jsonl"]);
    assert_eq!(kept(&place), 20_000);
    assert_eq!(report("ledger.db"), report("clean.db"));
}

#[test]
fn a_refused_file_that_was_killed_left_nothing() {
    let place = Workplace::new();
    let arguments = ["ledger", "ingest", "--db", "ledger.db", "--tenant", "acme", "--batch", "400", "-"];
    let mut child = place.command(&arguments).stdin(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(events(2_000).as_bytes()).unwrap();
    stdin.flush().unwrap();
    std::thread::sleep(std::time::Duration::from_millis(500));
    child.kill().unwrap();
    child.wait().unwrap();
    if place.path("ledger.db").exists() {
        assert_eq!(kept(&place), 0);
    }
}
