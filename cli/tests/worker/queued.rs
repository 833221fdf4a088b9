//! Workers that take tasks from NATS JetStream.

use crate::artifacts::{
    events, kinds, object_task, path_task, put, run, signal, start, store, tenant, write_slow_pair,
    write_version,
};
use crate::nats::Nats;
use crate::workplace::Workplace;
use mender_delta::fleet::queue::Queue;
use mender_delta::fleet::queue::options::QueueOptions;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read};
use std::time::{Duration, Instant};

/// Puts tasks and tells what the command says of each.
pub(crate) fn enqueue(place: &Workplace, nats: &Nats, tasks: &[Value], more: &[&str]) -> Vec<Value> {
    let input: String = tasks.iter().map(|task| format!("{task}\n")).collect();
    let ended = run(place, &[&["delta", "enqueue", "--nats", &nats.url()], more].concat(), &input);
    assert_eq!((ended.status, ended.stderr.as_str()), (0, ""));
    events(&ended.stdout)
}

/// Flags of a worker that does not dawdle.
pub(crate) fn worker<'a>(url: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let line =
        ["delta", "worker", "--nats", url, "--store", "store", "--ack-wait", "1s", "--retry-delay", "0s"];
    [&line[..], &["--memory", "1G"], more].concat()
}

/// Flags of a worker that may be silent for long without its task being given to another one.
fn patient(url: &str) -> Vec<&str> {
    let line = ["delta", "worker", "--nats", url, "--store", "store", "--ack-wait", "30s"];
    [&line[..], &["--retry-delay", "0s", "--memory", "1G", "--max-deliver", "2"]].concat()
}

#[test]
fn tasks_are_answered_once_whatever_becomes_of_them() {
    let Some(nats) = Nats::start() else { return };
    let place = Workplace::new();
    let (old, new) = (write_version(&place, 1), write_version(&place, 2));
    let store = store(&place);
    let (from, to) = (put(&place, &store, "acme", &old), put(&place, &store, "acme", &new));
    let good = object_task("acme", from, to);
    let tasks = [good.clone(), good.clone(), object_task("acme", from, from), path_task("acme", &old, &new)];
    let put = enqueue(&place, &nats, &tasks, &[]);
    let duplicates: Vec<bool> = put.iter().map(|put| put["duplicate"].as_bool().unwrap()).collect();
    assert_eq!(duplicates, [false, true, false, false]);
    assert_eq!(put[0]["sequence"], put[1]["sequence"]);
    assert_eq!(enqueue(&place, &nats, std::slice::from_ref(&good), &["--again", "x"])[0]["duplicate"], false);
    // What no command would put.
    nats.put_raw("deltas.tasks.acme", "no JSON");
    nats.put_raw(
        "deltas.tasks.other",
        r#"{"v":1,"job":{"v":1,"tenant":"acme"},"from":{"path":"a"},"to":{"path":"b"}}"#,
    );

    let url = nats.url();
    let ended = run(&place, &worker(&url, &["--until-idle", "1s"]), "");
    assert_eq!(ended.status, 0, "{ended:?}");
    let told = events(&ended.stdout);
    let mut ends: Vec<&str> = kinds(&told);
    ends.retain(|kind| *kind != "started");
    ends.sort_unstable();
    assert_eq!(ends, ["done", "done", "failed", "failed"]);

    let mut answers = nats.messages("deltas-answers");
    assert!(answers.iter().all(|(subject, _)| subject == "deltas.answers.acme"));
    answers.sort_by_key(|(_, answer)| answer["published"].as_str().map(str::to_owned));
    let what: Vec<_> = answers
        .iter()
        .map(|(_, answer)| (answer["failure"]["reason"].as_str(), answer["published"].as_str()))
        .collect();
    assert_eq!(
        what,
        [
            (Some("from_eq_to"), None),
            (Some("bad_request"), None),
            (None, Some("already_there")),
            (None, Some("new")),
        ],
        "{answers:?}"
    );
    let parked: Vec<_> = nats
        .messages("deltas-parked")
        .into_iter()
        .map(|(subject, parked)| {
            (subject, parked["failure"]["reason"].as_str().unwrap().to_owned(), parked["task"].clone())
        })
        .collect();
    assert_eq!(parked.len(), 2);
    assert_eq!(parked[0], ("deltas.parked.acme".into(), "bad_request".into(), json!("no JSON")));
    assert_eq!((parked[1].0.as_str(), parked[1].1.as_str()), ("deltas.parked.other", "tenant_mismatch"));
    assert_eq!(nats.messages("deltas-tasks"), []);
    assert_eq!(store.list(&tenant("acme")).unwrap().len(), 1);
}

#[test]
fn what_passes_is_tried_again_and_parked_in_the_end() {
    let Some(nats) = Nats::start() else { return };
    let place = Workplace::new();
    std::fs::create_dir(place.path("inputs")).unwrap();
    let mut outside = path_task("acme", "../secret", "b");
    outside["job"]["limits"] = json!({"deadline_seconds": 100});
    enqueue(&place, &nats, &[path_task("acme", "a", "b"), outside], &[]);
    let url = nats.url();
    let more = ["--inputs", "inputs", "--max-deliver", "3", "--until-idle", "3s"];
    let ended = run(&place, &worker(&url, &more), "");
    assert_eq!(ended.status, 0, "{ended:?}");
    let told = events(&ended.stdout);
    let again: Vec<_> = told
        .iter()
        .filter(|event| event["failure"]["reason"] == "input_io")
        .map(|event| event["again"].as_bool().unwrap())
        .collect();
    assert_eq!(again, [true, true, false], "{}", ended.stdout);
    let parked = nats.messages("deltas-parked");
    assert_eq!(parked.len(), 1);
    assert_eq!(
        (&parked[0].1["failure"]["reason"], &parked[0].1["delivered"]),
        (&json!("input_io"), &json!(3))
    );
    assert_eq!(parked[0].1["task"]["from"]["path"], "a");
    let answers = nats.messages("deltas-answers");
    assert_eq!(answers.len(), 1);
    assert_eq!(answers[0].1["failure"]["reason"], "bad_request");
    assert!(answers[0].1["failure"]["text"].as_str().unwrap().contains("not in the folder"));
}

#[test]
fn a_task_that_kills_its_workers_is_parked() {
    let Some(nats) = Nats::start() else { return };
    let place = Workplace::new();
    let (old, new) = (write_version(&place, 1), write_version(&place, 2));
    let store = store(&place);
    let task = object_task("acme", put(&place, &store, "acme", &old), put(&place, &store, "acme", &new));
    enqueue(&place, &nats, &[task], &[]);
    let url = nats.url();
    for nth in 1..=2 {
        let mut child = start(&place, &worker(&url, &["--max-deliver", "2"]), "");
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut text = String::new();
        stdout.read_line(&mut text).unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(events(&text)[0]["delivery"], nth, "{text}");
        // The worker may have finished in spite of the signal's haste; then there is nothing to be shown.
        stdout.read_to_string(&mut text).unwrap();
        if text.contains("\"event\":\"done\"") {
            println!("skipped: the worker was quicker than the signal");
            return;
        }
    }
    let ended = run(&place, &worker(&url, &["--max-deliver", "2", "--until-idle", "3s"]), "");
    assert_eq!(ended.status, 0, "{ended:?}");
    let parked = nats.messages("deltas-parked");
    assert_eq!(parked.len(), 1, "{}", ended.stdout);
    assert_eq!((&parked[0].1["failure"]["reason"], &parked[0].1["delivered"]), (&json!("poison"), &json!(3)));
    assert_eq!(nats.messages("deltas-tasks"), []);
}

#[test]
fn a_worker_that_is_told_to_stop_gives_its_task_back_at_once() {
    let Some(nats) = Nats::start() else { return };
    let place = Workplace::new();
    let url = nats.url();
    // Idle, it ends at once as well.
    let mut child = start(&place, &patient(&url), "");
    // It has asked for a task when its consumer is there.
    nats.state("deltas-tasks", "workers");
    let begin = Instant::now();
    signal(&child, "-TERM");
    assert_eq!(child.wait().unwrap().code(), Some(143));
    assert!(begin.elapsed() < Duration::from_secs(30), "{:?}", begin.elapsed());

    // At work, it cancels, and however often that happens the task is as one that was never given out.
    let [old, new] = write_slow_pair(&place);
    let store = store(&place);
    let task = object_task("acme", put(&place, &store, "acme", &old), put(&place, &store, "acme", &new));
    enqueue(&place, &nats, std::slice::from_ref(&task), &[]);
    for _ in 0..3 {
        let mut child = start(&place, &patient(&url), "");
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut text = String::new();
        while !text.contains("\"diffing\"") {
            assert_ne!(stdout.read_line(&mut text).unwrap(), 0, "{text}");
        }
        signal(&child, "-TERM");
        stdout.read_to_string(&mut text).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(143), "{text}");
        let told = events(&text);
        assert_eq!((kinds(&told), &told[0]["delivery"]), (vec!["started", "cancelled"], &json!(1)), "{text}");
        assert_eq!(told.last().unwrap()["again"], true);
    }
    assert_eq!(nats.messages("deltas-parked"), []);
    let left = nats.messages("deltas-tasks");
    assert_eq!(left.len(), 1, "{left:?}");
    assert_eq!(left[0].1["from"], task["from"]);
}

/// As one whose workers are ended by the system again and again because of what they need for it.
#[test]
fn a_task_that_is_always_given_back_is_parked() {
    let Some(nats) = Nats::start() else { return };
    let place = Workplace::new();
    let two = [path_task("acme", "a", "b"), path_task("acme", "c", "d")];
    enqueue(&place, &nats, &two, &[]);
    let options = QueueOptions { max_deliver: 2, retry_delay: Duration::ZERO, ..QueueOptions::default() };
    let queue = Queue::open(&nats.url(), &options).unwrap();
    let next = || queue.next(Duration::from_secs(30)).unwrap().unwrap();
    for nth in 0..8 {
        let delivery = next();
        let task = delivery.task().unwrap();
        assert_eq!((delivery.given_back(), delivery.delivered(), delivery.is_poison()), (nth, 1, false));
        delivery.give_back(true).unwrap();
        // It goes behind the one that waits, which the worker does not have to come to an end with either.
        let other = next();
        assert_ne!(other.task().unwrap(), task);
        other.give_back(true).unwrap();
    }
    let last = next();
    assert_eq!((last.given_back(), last.is_poison()), (8, true));
    last.give_back(false).unwrap();
    let url = nats.url();
    let ended = run(&place, &worker(&url, &["--max-deliver", "2", "--until-idle", "3s"]), "");
    assert_eq!(ended.status, 0, "{ended:?}");
    let parked = nats.messages("deltas-parked");
    assert_eq!(parked.len(), 2, "{}", ended.stdout);
    assert_eq!(parked[0].1["failure"]["reason"], "poison");
    assert!(parked[0].1["failure"]["text"].as_str().unwrap().contains("gave it back 8 times"), "{parked:?}");
}

#[test]
fn a_server_that_is_away_is_told_in_time() {
    let place = Workplace::new();
    let task = path_task("acme", "a", "b").to_string();
    for line in [
        &["delta", "enqueue", "--nats", "nats://127.0.0.1:9", "--nats-timeout", "1s"][..],
        &["delta", "worker", "--nats", "nats://127.0.0.1:9", "--nats-timeout", "1s", "--store", "store"],
    ] {
        let begin = Instant::now();
        let ended = run(&place, line, &task);
        assert_eq!((ended.status, ended.stdout.as_str()), (11, ""), "{ended:?}");
        assert!(ended.stderr.contains("queue: cannot connect"), "{}", ended.stderr);
        assert!(begin.elapsed() < Duration::from_secs(10), "{:?}", begin.elapsed());
    }
    for line in [
        &["delta", "enqueue", "--nats", "nonsense://"][..],
        &["delta", "enqueue", "--nats", "nats://127.0.0.1:9", "--queue", "a.b"],
    ] {
        assert_eq!(run(&place, line, &task).status, 1);
    }
}
