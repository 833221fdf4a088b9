//! Images in the wrong order.

use crate::images::{ext4_at, noise};
use crate::workplace::Workplace;

const EARLY: u64 = 1_700_000_000;
const LATE: u64 = 1_760_000_000;

fn warning(place: &Workplace, old: &str, new: &str) -> String {
    let ended = place.run(&["delta", "create", old, new, "-o", "d"]);
    assert_eq!(ended.status, 0, "{ended:?}");
    ended.stderr
}

#[test]
fn a_newer_base_is_told_and_a_right_order_is_not() {
    let place = Workplace::new();
    let content = noise(30_000, 1);
    let old = vec![("boot/vmlinuz-6.1.0-9", content.clone()), ("etc/a", b"1".to_vec())];
    let new = vec![("boot/vmlinuz-6.1.0-40", content), ("etc/a", b"2".to_vec())];
    if !(ext4_at(&place, "old.img", &old, EARLY) && ext4_at(&place, "new.img", &new, LATE)) {
        return;
    }
    assert_eq!(warning(&place, "old.img", "new.img"), "");
    let said = warning(&place, "new.img", "old.img");
    assert!(said.starts_with("mender-artifact: warning: new.img seems to be newer than old.img: "), "{said}");
    for part in [
        "file systems written at 2025-10-09T08:53:20Z and 2023-11-14T22:13:20Z",
        "newest files of 2025-10-09T08:53:20Z and 2023-11-14T22:13:20Z",
        "/boot/vmlinuz-6.1.0-40 against /boot/vmlinuz-6.1.0-9",
        "have they been swapped?",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    let quiet = place.run(&["delta", "create", "new.img", "old.img", "-o", "d", "-q"]);
    assert_eq!((quiet.status, quiet.stderr.as_str()), (0, ""));
    // The same image, or images of the same time, are in no order.
    assert_eq!(warning(&place, "old.img", "old.img"), "");
}

#[test]
fn artifacts_too() {
    let place = Workplace::new();
    for (time, artifact) in [(LATE, "from.mender"), (EARLY, "to.mender")] {
        if !ext4_at(&place, "img", &[("a", noise(9000, time))], time) {
            return;
        }
        place.write_image(artifact, &[]);
    }
    let write = ["write", "delta-image", "--from", "from.mender", "--to", "to.mender", "-o", "d"];
    let ended = place.run(&write);
    assert_eq!(ended.status, 0);
    assert!(ended.stderr.contains("warning: from.mender seems to be newer than to.mender: "), "{ended:?}");
}
