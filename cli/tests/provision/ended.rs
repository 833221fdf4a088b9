//! `provision bulk` that does not get to its end: killed, told to stop, without room, and two at once.
#![cfg(unix)]

use crate::bulk::{bulk, check_all, line, manifest, names, with_template};
use crate::workplace::Workplace;
use std::fs;
use std::io::Read;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const DEVICES: usize = 40;

/// A bulk that is at work.
fn start(place: &Workplace) -> Child {
    place.command(&line(&["-j", "2"])).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
}

fn images(place: &Workplace) -> usize {
    if place.path("out/images").exists() { names(place, "out/images").len() } else { 0 }
}

/// Waits until there are this many images.
fn wait_for(place: &Workplace, count: usize, child: &mut Child) {
    let start = Instant::now();
    while images(place) < count {
        assert!(start.elapsed() < Duration::from_secs(60), "{} images", images(place));
        if let Some(status) = child.try_wait().unwrap() {
            let mut said = String::new();
            child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
            assert!(images(place) >= count, "{status}: {said}");
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn signal(child: &Child, name: &str) {
    assert!(Command::new("kill").args([name, &child.id().to_string()]).status().unwrap().success());
}

fn parts(place: &Workplace) -> Vec<String> {
    let mut parts = names(place, "out/.provision");
    parts.retain(|name| name.ends_with(".part"));
    parts
}

#[test]
fn killed_anywhere_and_started_again_it_is_complete() {
    let Some(place) = with_template(DEVICES) else { return };
    let mut finished: Vec<(String, Vec<u8>)> = Vec::new();
    for count in [1, 8, 20] {
        let mut child = start(&place);
        wait_for(&place, count, &mut child);
        signal(&child, "-KILL");
        child.wait().unwrap();
        assert!(!place.path("out/manifest.jsonl").exists());
        // What had its name keeps it, and its bytes.
        for (name, bytes) in &finished {
            assert_eq!(place.bytes(&format!("out/images/{name}")), *bytes, "{name}");
        }
        let names = names(&place, "out/images").into_iter();
        finished = names.map(|name| (name.clone(), place.bytes(&format!("out/images/{name}")))).collect();
    }
    let ended = bulk(&place, &[]);
    assert_eq!(ended.status, 0, "{ended:?}");
    check_all(&place, DEVICES);
    for (name, bytes) in &finished {
        assert_eq!(place.bytes(&format!("out/images/{name}")), *bytes, "{name}");
    }
}

#[test]
fn killed_at_any_moment_no_key_is_used_twice() {
    let Some(place) = with_template(DEVICES) else { return };
    let mut kills = 0;
    for milliseconds in [3, 40, 11, 90, 25, 60, 150, 7, 200, 33] {
        let mut child = start(&place);
        std::thread::sleep(Duration::from_millis(milliseconds));
        signal(&child, "-KILL");
        if child.wait().unwrap().success() {
            break;
        }
        kills += 1;
    }
    assert!(kills > 3, "{kills}");
    let ended = bulk(&place, &[]);
    assert_eq!(ended.status, 0, "{ended:?}");
    // All serial numbers, keys and certificates are different, and the manifest has each device once.
    check_all(&place, DEVICES);
    // Also of what was begun and given up: no serial number was given to two keys.
    let journal = String::from_utf8(place.bytes("out/.provision/journal.jsonl")).unwrap();
    let records = journal.lines().filter(|line| line.contains("\"public_key\""));
    let records: Vec<serde_json::Value> = records.map(|line| serde_json::from_str(line).unwrap()).collect();
    let all = |key: &str| -> std::collections::HashSet<String> {
        records.iter().filter_map(|record| found(record, key)).collect()
    };
    assert!(records.len() >= DEVICES);
    assert_eq!((all("serial").len(), all("public_key").len()), (records.len(), records.len()));
}

/// The text with this name, wherever it is in a record.
fn found(record: &serde_json::Value, key: &str) -> Option<String> {
    let members = record.as_object()?;
    let here = members.get(key).and_then(serde_json::Value::as_str).map(str::to_owned);
    here.or_else(|| members.values().find_map(|member| found(member, key)))
}

#[test]
fn what_a_record_stands_for_is_found_without_its_last_words() {
    let Some(place) = with_template(3) else { return };
    assert_eq!(bulk(&place, &["-j", "1"]).status, 0);
    let before = place.bytes("out/manifest.jsonl");
    let journal = String::from_utf8(place.bytes("out/.provision/journal.jsonl")).unwrap();
    // Names are brought to the medium together, and only then said to be there.
    let event = |line: &str| line.split('"').nth(3).map(str::to_owned);
    let events: Vec<_> = journal.lines().map(|line| event(line).unwrap()).collect();
    assert_eq!(events, ["begun", "issued", "issued", "issued", "placed", "placed", "placed"]);
    // Ended between giving the last image its name and saying so, and in the middle of saying so.
    let (without, last) = journal.trim_end().rsplit_once('\n').unwrap();
    assert!(last.contains("\"placed\""), "{last}");
    for cut in [format!("{without}\n"), format!("{without}\n{}", &last[..last.len() / 2])] {
        place.put("out/.provision/journal.jsonl", cut);
        place.put("out/.provision/x.part", "-----BEGIN PRIVATE KEY-----");
        assert_eq!(bulk(&place, &[]).stdout, "out: 3 devices, 0 of them made now\n");
        assert_eq!(place.bytes("out/manifest.jsonl"), before);
        assert!(parts(&place).is_empty());
    }
    // Ended before that: the record stands for nothing, and its serial number is never used again.
    place.put("out/.provision/journal.jsonl", format!("{without}\n"));
    fs::remove_file(place.path("out/images/board-0002.sdimg")).unwrap();
    assert_eq!(bulk(&place, &[]).stdout, "out: 3 devices, 1 of them made now\n");
    check_all(&place, 3);
    let serial = manifest(&place)[2]["serial"].as_str().unwrap().to_owned();
    assert!(!String::from_utf8(before).unwrap().contains(&serial));
    // An image that is not the one of the record is nobody's.
    place.put("out/.provision/journal.jsonl", format!("{without}\n"));
    let ended = bulk(&place, &[]);
    assert_eq!(ended.status, 3);
    assert!(
        ended.stderr.contains("board-0002.sdimg: expected no file or the image that was made"),
        "{ended:?}"
    );
    // A journal with something else in the middle is not guessed at.
    place.put("out/.provision/journal.jsonl", journal.replacen("{\"event\":\"issued\"", "{", 1));
    let ended = bulk(&place, &[]);
    assert_eq!(ended.status, 5);
    assert!(ended.stderr.contains("journal.jsonl: line 2: expected"), "{ended:?}");
}

#[test]
fn told_to_stop_it_leaves_no_unfinished_image() {
    let Some(place) = with_template(DEVICES) else { return };
    for name in ["-TERM", "-INT"] {
        let mut child = start(&place);
        let count = images(&place) + 5;
        wait_for(&place, count, &mut child);
        signal(&child, name);
        let status = child.wait().unwrap();
        assert_eq!(status.code(), Some(if name == "-TERM" { 143 } else { 130 }));
        assert_eq!(parts(&place), Vec::<String>::new(), "{name}");
    }
    assert_eq!(bulk(&place, &[]).status, 0);
    check_all(&place, DEVICES);
}

#[test]
fn two_at_once_do_not_meet() {
    let Some(place) = with_template(DEVICES) else { return };
    let mut first = start(&place);
    wait_for(&place, 1, &mut first);
    let second = bulk(&place, &[]);
    let first = first.wait_with_output().unwrap();
    assert!(first.status.success(), "{}", String::from_utf8_lossy(&first.stderr));
    assert_eq!(second.status, 3);
    assert_eq!(
        second.stderr,
        "mender-artifact: out: expected a folder that nobody works in, found another provision bulk at work in it\n"
    );
    check_all(&place, DEVICES);
}

/// A file system in memory, gone when dropped.
struct Tmpfs(std::path::PathBuf);

impl Tmpfs {
    fn mount(place: &Workplace, name: &str, options: &str) -> Option<Self> {
        let path = place.path(name);
        fs::create_dir_all(&path).unwrap();
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", options, "tmpfs"]).arg(&path).output();
        match mounted {
            Ok(output) if output.status.success() => Some(Self(path)),
            _ => {
                println!("skipped: mounting a small file system needs root");
                None
            }
        }
    }

    fn grow(&self, size: &str) {
        let remount = format!("remount,size={size}");
        assert!(Command::new("mount").args(["-o", &remount]).arg(&self.0).status().unwrap().success());
    }
}

impl Drop for Tmpfs {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.0).status();
    }
}

#[test]
fn without_room_it_stops_and_goes_on_when_there_is_some() {
    let Some(place) = with_template(DEVICES) else { return };
    // The journal and the images end at another byte each time.
    for size in ["900k", "1500k", "1540k"] {
        let Some(disk) = Tmpfs::mount(&place, "out", &format!("size={size}")) else { return };
        let ended = bulk(&place, &["-j", "3"]);
        assert_eq!(ended.status, 3, "{size}: {ended:?}");
        assert!(ended.stderr.contains("no space left on device"), "{size}: {ended:?}");
        assert_eq!(ended.stderr.lines().count(), 1);
        assert!(images(&place) < DEVICES && parts(&place).is_empty(), "{size}: {}", images(&place));
        assert!(!place.path("out/manifest.jsonl").exists());
        disk.grow("100m");
        let ended = bulk(&place, &[]);
        assert_eq!(ended.status, 0, "{size}: {ended:?}");
        assert_eq!(manifest(&place).len(), DEVICES);
        if size == "1500k" {
            check_all(&place, DEVICES);
        }
    }
}
