//! Disks with partitions.

use crate::made_image::*;
use crate::workplace::Workplace;

#[test]
fn paths_lead_to_partitions() {
    if !installed(&ALL) {
        return;
    }
    for label in ["dos", "gpt"] {
        let place = Workplace::new();
        let places = make_disk(&place, "disk.sdimg", label);
        let before = place.bytes("disk.sdimg");
        place.put("new", "content");
        place.ok(&["cp", "new", "disk.sdimg:/etc/new"]);
        place.ok(&["install", "-d", "disk.sdimg:/data/mender"]);
        place.ok(&["install", "-m", "600", "new", "disk.sdimg:/data/mender/key.pem"]);
        place.ok(&["cp", "new", "disk.sdimg:/uboot/new"]);
        place.ok(&["install", "-d", "disk.sdimg:/boot/efi/EFI"]);
        place.ok(&["cp", "new", "disk.sdimg:/boot/efi/EFI/"]);
        place.ok(&["cp", "new", "disk.sdimg:/boot/grub/grub.cfg"]);
        // No prefixes of names.
        place.ok(&["cp", "new", "disk.sdimg:/database/new"]);
        for path in
            ["/etc/new", "/data/mender/key.pem", "/uboot/new", "/boot/efi/EFI/new", "/boot/efi/grub.cfg"]
        {
            assert_eq!(place.ok(&["cat", &format!("disk.sdimg:{path}")]), "content", "{path}");
        }
        for (at, name) in places.iter().zip(["boot", "a", "b", "data"]) {
            take_out(&place, "disk.sdimg", *at, name);
        }
        for root in ["a", "b"] {
            check_ext(&place, root);
            assert_eq!(debugfs(&place, root, "cat /etc/new"), "content");
            assert_eq!(debugfs(&place, root, "cat /database/new"), "content");
        }
        check_ext(&place, "data");
        assert_eq!(owner_and_mode(&place, "data", "/mender/key.pem"), "0600 0 0");
        check_fat(&place, "boot");
        // What lies between the partitions is as it was.
        let after = place.bytes("disk.sdimg");
        let (first, last) = (index(places[0].1), index(places[3].1 + places[3].2));
        assert!(after[..first] == before[..first] && after[last..] == before[last..]);
        place.ok(&["rm", "disk.sdimg:/etc/new"]);
        place.ok(&["rm", "-r", "disk.sdimg:/data/mender/"]);
        place.ok(&["rm", "disk.sdimg:/uboot/uEnv.txt"]);
        assert_eq!(
            place.fails(1, &["cat", "disk.sdimg:/uboot/uEnv.txt"]),
            "disk.sdimg: path /uboot/uEnv.txt: not found in the image"
        );
    }
}

#[test]
fn a_partition_can_be_chosen() {
    if !installed(&ALL) {
        return;
    }
    let place = Workplace::new();
    let places = make_disk(&place, "disk.img", "gpt");
    let path = place.path("disk.img");
    for (number, label) in ["boot", "rootfs a", "rootfs b", "data"].iter().enumerate() {
        let number = (number + 1).to_string();
        run(tool("sfdisk").args(["-q", "--part-label"]).arg(&path).args([&number, *label]));
    }
    place.put("new", "content");
    place.ok(&["cp", "--partition", "rootfs b", "new", "disk.img:/etc/new"]);
    place.ok(&["cp", "--partition=4", "new", "disk.img:/data"]);
    assert_eq!(place.ok(&["cat", "--partition", "3", "disk.img:/etc/new"]), "content");
    assert_eq!(place.ok(&["cat", "disk.img:/data/data"]), "content");
    assert_eq!(
        place.fails(1, &["cat", "disk.img:/etc/new"]),
        "disk.img: path /etc/new: not found in the image"
    );
    // Root file systems that are not the same: all or none.
    let before = place.bytes("disk.img");
    assert_eq!(
        place.fails(1, &["rm", "disk.img:/etc/new"]),
        "disk.img: path /etc/new: not found in the image"
    );
    assert!(place.bytes("disk.img") == before);
    let known = "1 \"boot\" (fat12), 2 \"rootfs a\" (ext4), 3 \"rootfs b\" (ext4), 4 \"data\" (ext4)";
    assert_eq!(
        place.fails(6, &["cat", "--partition", "rootfs", "disk.img:/etc/new"]),
        format!(
            "disk.img: partition table: partitions: expected a partition of that number or label, found {known}"
        )
    );
    assert_eq!(places.len(), 4);
}

#[test]
fn other_numbers_of_partitions_need_a_choice() {
    if !installed(&ALL) {
        return;
    }
    let place = Workplace::new();
    let disk = partition(&place, "two.img", 48 * MIB, "label: dos\n,8M,c\n,16M,83\n");
    make_ext(&place, "root.ext4", 16 * MIB, "");
    let mut bytes = place.bytes("two.img");
    bytes[index(disk[1].1)..][..16 << 20].copy_from_slice(&place.bytes("root.ext4"));
    place.put("two.img", &bytes);
    assert_eq!(
        place.fails(6, &["cat", "two.img:/etc/mender/artifact_info"]),
        "two.img: partition table: partitions: expected four partitions (boot, two root file systems, data), or one \
         that is chosen, found 1 (unknown content), 2 (ext4)"
    );
    let info = place.ok(&["cat", "--partition", "2", "two.img:/etc/mender/artifact_info"]);
    assert_eq!(info, "artifact_name=release-1\n");
    assert_eq!(
        place.fails(6, &["cat", "--partition", "1", "two.img:/x"]),
        "two.img: partition 1: content: expected an ext2, ext3, ext4 or fat file system, found unknown content"
    );
    assert!(place.bytes("two.img") == bytes);
}
