//! Two commands that change one file at the same time.

use crate::made_image::*;
use crate::workplace::{Ended, Workplace};
use rustix::fs::{FlockOperation, flock};
use std::fs::{self, File};
use std::io::Write;
use std::process::Stdio;

#[test]
fn what_another_process_changes_is_refused() {
    if !installed(&ALL) {
        return;
    }
    let place = Workplace::new();
    make_ext(&place, "a.img", 16 * MIB, "");
    place.put("img", place.bytes("a.img"));
    place.write_image("a.mender", &[]);
    place.put("new", "content");
    for name in ["a.img", "a.mender"] {
        let before = place.bytes(name);
        let held = File::open(place.path(name)).unwrap();
        flock(&held, FlockOperation::NonBlockingLockExclusive).unwrap();
        let refused = format!("{name}: another process changes it");
        let address = format!("{name}:/etc/new");
        assert_eq!(place.fails(3, &["cp", "new", &address]), refused);
        assert_eq!(place.fails(3, &["modify", "-n", "release-2", name]), refused);
        assert!(place.bytes(name) == before);
        // Reading goes on.
        place.ok(&["cat", &format!("{name}:/etc/mender/artifact_info")]);
        drop(held);
        place.ok(&["cp", "new", &address]);
        assert_eq!(place.ok(&["cat", &address]), "content");
    }
}

#[test]
fn what_was_replaced_meanwhile_is_not_replaced_again() {
    let place = Workplace::new();
    place.write_image("a.mender", &[]);
    // The command has opened the Artifact when it waits for the signature.
    let made = std::process::Command::new("mkfifo").arg(place.path("signature")).status();
    if !made.is_ok_and(|status| status.success()) {
        println!("skipped: mkfifo is not there");
        return;
    }
    let signing = place
        .command(&["sign", "--attach-signature", "signature", "a.mender"])
        .stderr(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut signature = File::options().write(true).open(place.path("signature")).unwrap();
    place.put("other", "of somebody else");
    fs::rename(place.path("other"), place.path("a.mender")).unwrap();
    signature.write_all(&[1; 256]).unwrap();
    drop(signature);
    let ended = Ended::of(&signing.wait_with_output().unwrap());
    assert_eq!(
        (ended.status, ended.stderr.as_str()),
        (3, "mender-artifact: a.mender: another process changed it meanwhile\n")
    );
    assert_eq!(place.bytes("a.mender"), b"of somebody else");
}
