//! What mtools wrote is read.

use crate::made_volume::{KINDS, MadeVolume, installed, noise};

#[test]
fn files_and_folders_of_mtools() {
    if !installed() {
        return;
    }
    for kind in KINDS {
        let volume = MadeVolume::new(kind);
        let large = noise(300_001);
        volume.mtools("mmd", &["::boot", "::boot/A folder with a long name"]);
        volume.mcopy("boot/UPPER.TXT", b"upper");
        volume.mcopy("boot/lower.txt", b"");
        volume.mcopy("boot/A folder with a long name/Ein l\u{e4}ngerer Name.conf", &large);
        assert_eq!(volume.content("/boot/UPPER.TXT").unwrap(), b"upper");
        assert_eq!(volume.content("boot//./../boot/upper.txt").unwrap(), b"upper");
        assert_eq!(volume.content("/boot/lower.txt").unwrap(), b"");
        let path = "/BOOT/a FOLDER with a long NAME/ein l\u{c4}ngerer name.CONF";
        assert_eq!(volume.content(path).unwrap(), large);
        assert_eq!(volume.content("/boot/AFOLDE~1/ein l\u{e4}ngerer name.conf").unwrap(), large);
        let listed = volume.volume().list(b"/boot").unwrap();
        let names: Vec<_> = listed.iter().map(|entry| (entry.name.as_str(), entry.is_folder)).collect();
        assert_eq!(names, [("A folder with a long name", true), ("UPPER.TXT", false), ("lower.txt", false)]);
        assert_eq!(volume.volume().list(b"").unwrap().len(), 1);
        assert_eq!(volume.volume().geometry().label, "BOOT");
        for (path, message) in [
            ("/boot/none", "path /boot/none: not found in the image"),
            ("/boot/UPPER.TXT/x", "path /boot/UPPER.TXT/x: a part before the end is no directory"),
            ("/boot", "path /boot: is a directory"),
            ("/", "path /: is a directory"),
        ] {
            assert_eq!(volume.content(path).unwrap_err().to_string(), message);
        }
    }
}

#[test]
fn many_files_in_a_folder() {
    if !installed() {
        return;
    }
    let volume = MadeVolume::new(KINDS[4]);
    volume.mtools("mmd", &["::many"]);
    for number in 0..40 {
        volume.mcopy(&format!("many/a rather long name, number {number}"), format!("{number}").as_bytes());
    }
    for number in 0..40 {
        let path = format!("/many/a rather long name, number {number}");
        assert_eq!(volume.content(&path).unwrap(), format!("{number}").as_bytes());
    }
}
