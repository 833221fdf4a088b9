//! Disk images as Mender makes them: four partitions, of which the last is data.

use crate::workplace::Workplace;
use std::fs;
use std::process::Command;

/// First byte and length of the data partition, in bytes.
pub(crate) const DATA_AT: usize = 5 << 20;
pub(crate) const DATA_LEN: usize = 4 << 20;
/// Whole length in bytes.
pub(crate) const LEN: usize = DATA_AT + DATA_LEN;
const SECTOR: usize = 512;

/// Makes a disk `name` with root file systems that have a mender.conf, and an ext4 data partition with the folder
/// `mender`. False, and says so, where the programs for it are missing.
pub(crate) fn make(place: &Workplace, name: &str) -> bool {
    let has = |program: &str| Command::new(program).arg("-V").output().is_ok();
    if !has("mke2fs") || !has("debugfs") {
        println!("skipped: there is no e2fsprogs");
        return false;
    }
    let tree = place.path("tree");
    fs::create_dir_all(tree.join("root/etc/mender")).unwrap();
    fs::write(
        tree.join("root/etc/mender/mender.conf"),
        "{\n  \"ServerURL\": \"https://gateway.example.com\"\n}\n",
    )
    .unwrap();
    // As on Mender's images.
    fs::create_dir_all(tree.join("root/var/lib")).unwrap();
    #[cfg(unix)]
    std::os::unix::fs::symlink("/data/mender", tree.join("root/var/lib/mender")).unwrap();
    fs::create_dir_all(tree.join("data/mender")).unwrap();
    let mut disk = vec![0; LEN];
    let parts = [
        (0x0c, 1 << 20, 1 << 20, None),
        (0x83, 2 << 20, 3 << 19, Some("root")),
        (0x83, 7 << 19, 3 << 19, Some("root")),
        (0x83, DATA_AT, DATA_LEN, Some("data")),
    ];
    for (index, (kind, at, len, contents)) in parts.into_iter().enumerate() {
        let entry = &mut disk[446 + 16 * index..][..16];
        entry[4] = kind;
        entry[8..12].copy_from_slice(&u32::try_from(at / SECTOR).unwrap().to_le_bytes());
        entry[12..16].copy_from_slice(&u32::try_from(len / SECTOR).unwrap().to_le_bytes());
        let Some(contents) = contents else { continue };
        let part = place.path("part");
        fs::write(&part, vec![0; len]).unwrap();
        let done = Command::new("mke2fs")
            .args(["-q", "-t", "ext4", "-b", "1024", "-E", "root_owner=0:0", "-d"])
            .arg(tree.join(contents))
            .arg(&part)
            .output()
            .unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        disk[at..][..len].copy_from_slice(&fs::read(&part).unwrap());
        fs::remove_file(part).unwrap();
    }
    disk[510..512].copy_from_slice(&[0x55, 0xaa]);
    place.put(name, disk);
    fs::remove_dir_all(tree).unwrap();
    true
}

/// What debugfs says of the data partition of an image.
pub(crate) fn debugfs(place: &Workplace, image: &str, request: &str) -> String {
    let device = format!("{}?offset={DATA_AT}", place.path(image).display());
    let said = Command::new("debugfs").args(["-R", request, &device]).output().unwrap();
    String::from_utf8(said.stdout).unwrap()
}

/// What e2fsck says of the data partition, which must be nothing bad.
pub(crate) fn check(place: &Workplace, image: &str) {
    let part = place.path("checked");
    fs::write(&part, &place.bytes(image)[DATA_AT..]).unwrap();
    let said = Command::new("e2fsck").args(["-f", "-n"]).arg(&part).output().unwrap();
    assert!(said.status.success(), "{image}: {}", String::from_utf8_lossy(&said.stdout));
    fs::remove_file(part).unwrap();
}
