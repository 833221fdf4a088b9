//! One task on standard input.

use crate::artifacts::{
    events, kinds, object_task, path_task, put, run, signal, start, store, tenant, write_slow_pair,
    write_version,
};
use crate::workplace::Workplace;
use mender_delta::fleet::digest::Sha256Sum;
use serde_json::json;
use std::io::{BufRead, BufReader, Read};
use std::time::{Duration, Instant};

#[test]
fn a_task_between_files_writes_the_artifact_that_the_command_writes() {
    let place = Workplace::new();
    let (old, new) = (write_version(&place, 1), write_version(&place, 2));
    let mut task = path_task("acme", &old, &new);
    task["output"] = json!("out.mender");
    let ended = run(&place, &["delta", "worker", "--no-store"], &task.to_string());
    assert_eq!((ended.status, ended.stderr.as_str()), (0, ""), "{}", ended.stdout);
    let events = events(&ended.stdout);
    assert_eq!(kinds(&events), ["started", "done"]);
    let states: Vec<&str> = events.iter().filter_map(|event| event["state"].as_str()).collect();
    assert!(states.contains(&"done"), "{states:?}");
    let done = events.last().unwrap();
    assert_eq!(done["tenant"], "acme");
    assert_eq!(done["published"], "nowhere");
    assert_eq!(done["len"], place.bytes("out.mender").len());
    assert_eq!(done["report"]["outcome"]["sha256"], done["sha256"]);
    place.ok(&["write", "delta-image", "--from", &old, "--to", &new, "-o", "by-command.mender"]);
    assert!(place.bytes("out.mender") == place.bytes("by-command.mender"));
    place.ok(&["validate", "out.mender"]);
}

#[test]
fn a_result_is_published_once_and_found_again() {
    let place = Workplace::new();
    let (old, new) = (write_version(&place, 1), write_version(&place, 2));
    let store = store(&place);
    let (from, to) = (put(&place, &store, "acme", &old), put(&place, &store, "acme", &new));
    let worker = ["delta", "worker", "--store", "store"];
    let task = object_task("acme", from, to).to_string();
    let first = run(&place, &worker, &task);
    assert_eq!((first.status, first.stderr.as_str()), (0, ""));
    let first = events(&first.stdout);
    assert_eq!(first.last().unwrap()["published"], "new");
    let again = run(&place, &worker, &task);
    let again = events(&again.stdout);
    assert_eq!(kinds(&again), ["started", "done"]);
    assert_eq!(again.last().unwrap()["published"], "already_there");
    assert_eq!(again.last().unwrap()["sha256"], first.last().unwrap()["sha256"]);
    // From files, without digests in the task, the work is done and its result is the same.
    let by_path = run(&place, &worker, &path_task("acme", &old, &new).to_string());
    assert_eq!(events(&by_path.stdout).last().unwrap()["published"], "already_there");
    // Another tenant has nothing of it, not even the inputs.
    let other = run(&place, &worker, &object_task("other", from, to).to_string());
    assert_eq!(other.status, 4, "{other:?}");
    assert_eq!(events(&other.stdout).last().unwrap()["failure"]["reason"], "store_missing");
    let other = run(&place, &worker, &path_task("other", &old, &new).to_string());
    assert_eq!(events(&other.stdout).last().unwrap()["published"], "new");
    let entries = store.list(&tenant("acme")).unwrap();
    assert_eq!(entries.len(), 1);
    assert_eq!(json!(entries[0].key), first.last().unwrap()["key"]);
    assert_eq!(entries[0].record.note["from_sha256"], json!(from));
}

#[test]
fn tasks_are_signed_with_the_key_that_their_tenant_may_name() {
    let place = Workplace::new();
    let (old, new) = (write_version(&place, 1), write_version(&place, 2));
    let keys = concat!(env!("CARGO_MANIFEST_DIR"), "/../mender-artifact/tests/keys/");
    let [private, public] = ["p256-sec1.pem", "p256-public.pem"].map(|name| format!("{keys}{name}"));
    let worker = ["delta", "worker", "--no-store", "-k", &private, "--signer", "acme/release"];
    let task = |tenant, name| {
        let mut task = path_task(tenant, &old, &new);
        task["output"] = json!("out.mender");
        task["job"]["sign"] = json!({"mode": "signer", "name": name});
        task.to_string()
    };
    for (tenant, name) in [("other", "release"), ("acme", "another")] {
        let ended = run(&place, &worker, &task(tenant, name));
        assert_eq!(ended.status, 1, "{ended:?}");
        assert_eq!(events(&ended.stdout).last().unwrap()["failure"]["reason"], "unknown_signer");
        assert!(!place.path("out.mender").exists());
    }
    let ended = run(&place, &worker, &task("acme", "release"));
    assert_eq!((ended.status, ended.stderr.as_str()), (0, ""), "{}", ended.stdout);
    place.ok(&["validate", "out.mender", "-k", &public]);
    let flags =
        ["write", "delta-image", "--from", &old, "--to", &new, "-k", &private, "-o", "command.mender"];
    place.ok(&flags);
    assert!(place.bytes("out.mender") == place.bytes("command.mender"));
    let ended = run(&place, &["delta", "worker", "--no-store", "--signer", "acme/release"], "");
    assert_eq!(ended.status, 1, "{ended:?}");
}

#[test]
fn failures_have_a_reason_a_status_and_are_remembered() {
    let place = Workplace::new();
    let (old, new) = (write_version(&place, 1), write_version(&place, 2));
    let store = store(&place);
    let (from, to) = (put(&place, &store, "acme", &old), put(&place, &store, "acme", &new));
    place.put("junk", b"no Artifact at all");
    let junk = put(&place, &store, "acme", "junk");
    let mut small_gain = object_task("acme", from, to);
    small_gain["job"]["limits"] = json!({"min_saving_permille": 999});
    let mut no_memory = object_task("acme", from, to);
    no_memory["job"]["limits"] = json!({"memory": 1});
    let mut external = object_task("acme", from, to);
    external["job"]["sign"] = json!({"mode": "external"});
    for (task, status, reason, remembered) in [
        (object_task("acme", from, from), 1, "from_eq_to", true),
        (object_task("acme", junk, to), 5, "bad_artifact", true),
        (small_gain, 10, "no_gain", true),
        (no_memory, 9, "limit_memory", false),
        (external, 1, "bad_request", false),
        (object_task("acme", from, Sha256Sum([7; 32])), 4, "store_missing", false),
        (path_task("acme", "nowhere", &new), 11, "input_io", false),
    ] {
        for nth in 0..2 {
            let ended = run(&place, &["delta", "worker", "--store", "store"], &task.to_string());
            assert_eq!(ended.status, status, "{task}: {ended:?}");
            let events = events(&ended.stdout);
            assert_eq!(kinds(&events), ["started", "failed"]);
            let failed = events.last().unwrap();
            assert_eq!(failed["failure"]["reason"], reason, "{failed}");
            assert_eq!(failed["again"], false);
            assert!(ended.stderr.contains(reason), "{}", ended.stderr);
            // What was remembered did not begin.
            let has_report = failed["report"].is_object();
            assert!(!(remembered && nth == 1 && has_report), "{failed}");
        }
    }
    assert_eq!(store.list(&tenant("acme")).unwrap(), []);
}

#[test]
fn what_is_no_task_is_refused() {
    let place = Workplace::new();
    let (old, new) = (write_version(&place, 1), write_version(&place, 2));
    let without_output = path_task("acme", &old, &new).to_string();
    for (input, expected) in [
        ("", "EOF"),
        ("{}", "missing field"),
        (
            r#"{"v":1,"job":{"v":1,"tenant":"../x"},"from":{"path":"a"},"to":{"path":"b"}}"#,
            "name of a tenant",
        ),
    ] {
        let ended = run(&place, &["delta", "worker", "--no-store"], input);
        assert_eq!((ended.status, ended.stdout.as_str()), (1, ""));
        assert!(ended.stderr.contains("bad_request") && ended.stderr.contains(expected), "{}", ended.stderr);
    }
    let ended = run(&place, &["delta", "worker", "--no-store"], &without_output);
    assert_eq!(ended.status, 1);
    assert!(ended.stderr.contains("no output is named"), "{}", ended.stderr);
    for arguments in [
        &["delta", "worker"][..],
        &["delta", "worker", "--no-store", "--store", "x"],
        &["delta", "worker", "--store", "ftp://x"],
        &["delta", "worker", "--store", "x", "--until-idle", "1s"],
        &["delta", "enqueue"],
    ] {
        place.fails(1, arguments);
    }
}

#[test]
fn a_signal_cancels_and_leaves_nothing() {
    let place = Workplace::new();
    let [old, new] = write_slow_pair(&place);
    std::fs::create_dir(place.path("work")).unwrap();
    let mut task = path_task("acme", &old, &new);
    task["output"] = json!("out.mender");
    let worker = ["delta", "worker", "--store", "store", "--work", "work"];
    let mut child = start(&place, &worker, &task.to_string());
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut text = String::new();
    while !text.contains("\"diffing\"") {
        assert_ne!(stdout.read_line(&mut text).unwrap(), 0, "{text}");
        assert!(!text.contains("\"done\",\"key\""), "it was too quick to be cancelled");
    }
    let begin = Instant::now();
    signal(&child, "-TERM");
    stdout.read_to_string(&mut text).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(143), "{text}");
    assert!(begin.elapsed() < Duration::from_secs(20), "{:?}", begin.elapsed());
    let events = events(&text);
    assert_eq!(kinds(&events), ["started", "cancelled"]);
    assert_eq!(std::fs::read_dir(place.path("work")).unwrap().count(), 0);
    assert!(!place.path("out.mender").exists());
    assert_eq!(store(&place).list(&tenant("acme")).unwrap(), []);
}

#[test]
fn a_store_that_is_away_is_told_in_time() {
    let place = Workplace::new();
    let task = path_task("acme", "a", "b");
    // Nothing listens there.
    let options = ["--store-option", "endpoint=http://127.0.0.1:9", "--store-option", "aws_allow_http=true"];
    let keys = ["--store-option", "access_key_id=a", "--store-option", "secret_access_key=b"];
    let at = ["--store", "s3://bucket/prefix", "--store-option", "region=us-east-1", "--store-timeout", "2s"];
    let mut task = task;
    task["job"]["from_sha256"] = json!("01".repeat(32));
    task["job"]["to_sha256"] = json!("02".repeat(32));
    let begin = Instant::now();
    let line = [&["delta", "worker"][..], &at, &options, &keys].concat();
    let ended = run(&place, &line, &task.to_string());
    assert_eq!(ended.status, 11, "{ended:?}");
    let events = events(&ended.stdout);
    let reason = events.last().unwrap()["failure"]["reason"].as_str().unwrap();
    // A machine that is busy enough finds no time to be refused.
    assert!(["store_unreachable", "store_slow"].contains(&reason), "{reason}");
    assert!(begin.elapsed() < Duration::from_secs(20), "{:?}", begin.elapsed());
}
