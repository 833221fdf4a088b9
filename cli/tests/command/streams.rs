//! `-` for standard input and output.

use crate::workplace::{Ended, Workplace, image_bytes, key};
use std::io::Write;
use std::process::Stdio;

/// Runs the command with these bytes as its standard input.
fn fed(place: &Workplace, input: &[u8], arguments: &[&str]) -> (Ended, Vec<u8>) {
    let mut child = place
        .command(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    // A command that fails does not read to the end.
    let feeder = std::thread::spawn(move || drop(stdin.write_all(&input)));
    let output = child.wait_with_output().unwrap();
    feeder.join().unwrap();
    (Ended::of(&output), output.stdout)
}

#[test]
fn a_payload() {
    let place = Workplace::new();
    for (kind, name) in [
        (&["rootfs-image"][..], "stdin"),
        (&["rootfs-image", "--stdin-name", "core.ext4"], "core.ext4"),
        (&["module-image", "-T", "t"], "stdin"),
    ] {
        let flags = [&["write"], kind, &["-n", "r", "-c", "b", "-f", "-", "-o", "-"]].concat();
        let (ended, artifact) = fed(&place, &image_bytes(), &flags);
        assert_eq!((ended.status, ended.stderr.as_str()), (0, ""));
        place.put("a", artifact);
        let text = place.ok(&["read", "a"]);
        assert!(text.contains(&format!("name: {name}\n        size: 200000\n")), "{text}");
    }
}

#[test]
fn an_artifact() {
    let place = Workplace::new();
    place.write_image("a", &[]);
    let artifact = place.bytes("a");
    let (ended, _) = fed(&place, &artifact, &["validate", "-"]);
    assert_eq!((ended.status, ended.stdout.as_str()), (0, "Artifact file '-' validated successfully\n"));
    let (ended, _) = fed(&place, &artifact, &["read", "-"]);
    assert_eq!(ended.stdout, place.ok(&["read", "a"]));
    let (ended, signed) = fed(&place, &artifact, &["sign", "-", "-k", &key("p256-sec1.pem")]);
    assert_eq!((ended.status, ended.stderr.as_str()), (0, ""));
    let (ended, _) = fed(&place, &signed, &["validate", "-", "-k", &key("p256-public.pem")]);
    assert_eq!(ended.status, 0, "{ended:?}");
    assert_eq!(fed(&place, b"", &["read", "-"]).0.status, 5);
}

#[test]
fn standard_input_has_one_use() {
    let place = Workplace::new();
    let flags = ["write", "module-image", "-T", "t", "-n", "r", "-c", "b", "-f", "-"];
    let (ended, _) = fed(&place, b"{}", &[&flags[..], &["-m", "-"]].concat());
    assert_eq!(ended.status, 1);
    assert_eq!(
        ended.stderr,
        "mender-artifact: expected one - at most, found two: standard input is read once\n"
    );
    let (ended, _) = fed(&place, b"{\"k\":1}", &[&flags[..8], &["-m", "-", "-o", "a"]].concat());
    assert_eq!(ended.status, 0, "{ended:?}");
    assert!(place.ok(&["read", "a"]).contains("\"k\": 1"));
    assert_eq!(place.names(), ["a"]);
}

#[test]
fn a_file_called_dash() {
    let place = Workplace::new();
    place.write_image("-file", &[]);
    place.ok(&["validate", "--", "-file"]);
    place.ok(&["validate", "./-file"]);
}
