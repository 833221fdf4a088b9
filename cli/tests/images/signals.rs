//! Commands that are told to end while they change something: all of it or nothing.

use crate::made_image::*;
use crate::workplace::Workplace;
use std::collections::BTreeSet;
use std::process::Stdio;
use std::time::Duration;

/// Signals that end a process, with their numbers.
const SIGNALS: [(&str, i32); 4] = [("-INT", 2), ("-QUIT", 3), ("-TERM", 15), ("-HUP", 1)];

/// Starts a command, ends it after a while, and says whether it got to its end.
fn ended_after(
    place: &Workplace,
    arguments: &[&str],
    milliseconds: u64,
    (name, number): (&str, i32),
) -> bool {
    let mut child = place.command(arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    std::thread::sleep(Duration::from_millis(milliseconds));
    let _ = tool("kill").args([name, &child.id().to_string()]).stderr(Stdio::null()).status();
    let status = child.wait().unwrap();
    // A process that had not begun to listen has no status of its own.
    assert!(
        status.success() || status.code().is_none_or(|code| code == 128 + number),
        "{arguments:?}: {status}"
    );
    status.success()
}

#[test]
fn what_is_told_to_end_has_changed_all_or_nothing() {
    if !installed(&ALL) {
        return;
    }
    let place = Workplace::new();
    let large = noise(6 << 20);
    place.put("large", &large);
    make_ext(&place, "a.img", 16 * MIB, "");
    place.ok(&["write", "rootfs-image", "-f", "a.img", "-n", "r", "-c", "board", "-o", "a.mender"]);
    let names: BTreeSet<String> = place.names().into_iter().collect();
    let mut done = 0;
    for (at, target) in ["a.img", "a.mender"].into_iter().enumerate() {
        let before = place.bytes(target);
        let address = format!("{target}:/etc/large");
        for (round, milliseconds) in [5, 15, 40, 100, 200, 400].into_iter().enumerate() {
            let signal = SIGNALS[(at + round) % SIGNALS.len()];
            let whole = ended_after(&place, &["cp", "large", &address], milliseconds, signal);
            let after = place.bytes(target);
            assert!(!whole || after != before);
            if after != before {
                done += 1;
                let found = place.command(&["cat", &address]).output().unwrap();
                assert!(found.status.success() && found.stdout == large, "{target} {milliseconds}");
                match target {
                    "a.img" => check_ext(&place, target),
                    _ => drop(place.ok(&["validate", target])),
                }
                place.put(target, &before);
            }
            let named: BTreeSet<String> = place.names().into_iter().collect();
            assert_eq!(named, names, "{target} {milliseconds} {signal:?}");
        }
    }
    println!("{done} of 12 got to their end");
}

#[test]
fn modify_is_ended_anywhere_and_leaves_what_was() {
    if !installed(&ALL) {
        return;
    }
    let place = Workplace::new();
    make_ext(&place, "a.img", 16 * MIB, "");
    place.ok(&["write", "rootfs-image", "-f", "a.img", "-n", "release-1", "-c", "board", "-o", "a.mender"]);
    let names = place.names();
    for target in ["a.img", "a.mender"] {
        let before = place.bytes(target);
        for (round, milliseconds) in [3, 10, 25, 60, 150].into_iter().enumerate() {
            let signal = SIGNALS[(round + 1) % SIGNALS.len()];
            ended_after(&place, &["modify", "-n", "release-2", target], milliseconds, signal);
            let info = place.ok(&["cat", &format!("{target}:/etc/mender/artifact_info")]);
            if place.bytes(target) == before {
                assert_eq!(info, "artifact_name=release-1\n");
                continue;
            }
            assert_eq!(info, "artifact_name=release-2\n");
            match target {
                "a.img" => check_ext(&place, target),
                _ => assert!(place.ok(&["read", target]).contains("Name: release-2")),
            }
            place.put(target, &before);
        }
        assert_eq!(place.names().len(), names.len());
    }
}
