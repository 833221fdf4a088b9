//! `delta plan` beside Debian's client 3.4: what it says a device takes and then provides is what the client takes and
//! provides. Needs root, mount namespaces and the package mender-client; says `skipped` and why where one is missing.

#![cfg(target_os = "linux")]

use crate::workplace::Workplace;
use serde_json::{Map, Value, json};
use std::process::{Command, Output};

/// Run in a mount namespace of its own: the client wants to know the factory's release from a place of the system.
const ENTER: &str = r#"
mount -t tmpfs tmpfs /etc/mender && echo artifact_name=factory > /etc/mender/artifact_info || exit 99
exec timeout 60 mender --no-syslog -c "$PWD/conf" -d "$PWD/data" "$@"
"#;

fn client(place: &Workplace, arguments: &[&str]) -> Output {
    let mut command = Command::new("unshare");
    command.args(["-m", "sh", "-c", ENTER, "sh"]).args(arguments).current_dir(place.path(""));
    command.output().unwrap()
}

/// What the client says that the device provides; None where it cannot run.
fn provides(place: &Workplace) -> Map<String, Value> {
    let output = client(place, &["show-provides"]);
    let text = String::from_utf8(output.stdout).unwrap();
    let pairs = text.lines().filter_map(|line| line.split_once('='));
    pairs.map(|(key, value)| (key.to_owned(), json!(value))).collect()
}

fn cannot_run() -> Option<&'static str> {
    let works = |command: &mut Command| command.output().is_ok_and(|output| output.status.success());
    let version = Command::new("mender").arg("--version").output();
    match version {
        Err(_) => Some("mender-client is not installed"),
        Ok(output) if !output.stdout.starts_with(b"3.") => Some("the client is not of version 3"),
        Ok(_)
            if !works(Command::new("unshare").args([
                "-m",
                "sh",
                "-c",
                "mount -t tmpfs tmpfs /etc/mender",
            ])) =>
        {
            Some("no mount namespace over /etc/mender")
        }
        Ok(_) => None,
    }
}

#[test]
fn the_go_client_takes_and_provides_what_is_foretold() {
    if let Some(why) = cannot_run() {
        println!("skipped: {why}");
        return;
    }
    let place = Workplace::new();
    std::fs::create_dir(place.path("data")).unwrap();
    place.put("data/device_type", "device_type=board\n");
    place.put("conf", "{}");
    place.put("script", "#!/bin/sh\nexit 0\n");
    // Name, flags, and whether it is taken, which both have to agree on.
    let steps: [(&str, &str, bool); 14] = [
        (
            "first",
            "-g field -p rootfs-image.checksum:aa -p rootfs-image.app.version:1 -p maps.version:7 -p x:y",
            true,
        ),
        ("other-board", "-c other", false),
        ("wrong-base", "-d rootfs-image.checksum:bb", false),
        ("unknown-key", "-d nobody.provides:1", false),
        ("wrong-name", "-N second", false),
        ("wrong-group", "-G lab", false),
        // Several of all, of which one is right.
        (
            "second",
            "-N zeroth -N first -G lab -G field -d rootfs-image.checksum:aa -p rootfs-image.version:2 --clears-provides rootfs-image.* --clears-provides x",
            true,
        ),
        ("gone", "-d rootfs-image.checksum:aa", false),
        // A star in the middle, a dot that is no special sign, a group that goes away.
        (
            "third",
            "-p maps.version:8 -p y:z --clears-provides m*ver*on --clears-provides rootfs-image?version --clears-provides rootfs.image* --clears-provides artifact_group",
            true,
        ),
        ("no-group", "-G field", false),
        ("fourth", "-g lab -p a.b.c:1 -p a.c:2 --clears-provides *s*", true),
        ("fifth", "-p n:1 --clears-provides a*.*c --clears-provides **", true),
        ("sixth", "-p m:1 --clears-provides artifact_name", true),
        // Nothing said: all goes.
        ("last", "", true),
    ];
    let mut before = Map::new();
    for (name, flags, taken) in steps {
        let output = format!("{name}.mender");
        let mut words =
            vec!["write", "module-image", "-T", "script", "-f", "script", "-n", name, "-o", &output];
        words.extend(["--no-default-software-version", "--no-default-clears-provides"]);
        words.extend(flags.split(' ').filter(|word| !word.is_empty()));
        if !flags.contains("-c ") {
            words.extend(["-c", "board"]);
        }
        place.ok(&words);
        let mut device = before.clone();
        device.insert("device_type".to_owned(), json!("board"));
        device.insert("mender_client_version".to_owned(), json!("3.4.0"));
        place.put("device.json", Value::from(device).to_string());
        let answer = place.ok(&[
            "delta",
            "plan",
            "--catalog",
            &output,
            "--device",
            "device.json",
            "--artifact",
            &output,
            "--json",
        ]);
        let answer: Value = serde_json::from_str(&answer).unwrap();
        assert_eq!(answer["plan"] == "full", taken, "{name}: {answer:#}");
        let installed = client(&place, &["install", place.path(&output).to_str().unwrap()]);
        let said = String::from_utf8_lossy(&installed.stderr).into_owned();
        assert_eq!(installed.status.success(), taken, "{name}: {said}");
        let after = provides(&place);
        if taken {
            let mut foretold = answer["provides_afterwards"].as_object().unwrap().clone();
            for key in ["device_type", "mender_client_version"] {
                foretold.remove(key);
            }
            assert_eq!(Value::from(after.clone()), Value::from(foretold), "{name}");
        } else {
            assert_eq!(after, before, "{name}");
        }
        before = after;
    }
    assert_eq!(Value::from(before), json!({"artifact_name": "last"}));
}
