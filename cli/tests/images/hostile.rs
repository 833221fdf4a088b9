//! Images that lie: every command ends soon, with little memory, with a message, and leaves what it refuses as it was.

use crate::made_image::*;
use crate::workplace::{Ended, Workplace};
use std::os::unix::process::ExitStatusExt;
use std::time::{Duration, Instant};

/// Address space of a command in KiB, and seconds of processor time: far less than what the images claim to hold.
const LIMITS: &str = "ulimit -v 1500000; ulimit -t 20";

/// Runs a command within bounds. It must not panic, be ended by a signal, or take long.
fn bounded(place: &Workplace, arguments: &[&str]) -> Ended {
    let program = env!("CARGO_BIN_EXE_mender-artifact");
    let start = Instant::now();
    let mut command = tool("sh");
    command.args(["-c", &format!("{LIMITS}; exec \"$0\" \"$@\""), program]).args(arguments);
    let output = command.current_dir(place.path("")).output().unwrap();
    assert_eq!(output.status.signal(), None, "{arguments:?}: {output:?}");
    let ended = Ended::of(&output);
    assert!((0..20).contains(&ended.status), "{arguments:?}: {ended:?}");
    assert_eq!(ended.status != 0, !ended.stderr.is_empty(), "{arguments:?}: {ended:?}");
    let elapsed = start.elapsed();
    assert!(elapsed < Duration::from_secs(60), "{arguments:?}: {elapsed:?}");
    if elapsed > Duration::from_secs(2) {
        println!("{arguments:?} took {elapsed:?}");
    }
    ended
}

/// Everything that can be done with an image; what changes it is refused as a whole or done. Returns how much was done.
fn try_all(place: &Workplace, name: &str, bytes: &[u8]) -> usize {
    let at = |path: &str| format!("{name}:{path}");
    let mut done = 0;
    place.put(name, bytes);
    for arguments in [
        &["inspect", name][..],
        &["cat", &at("/usr/bin/large")],
        &["cat", &at("/uboot/uEnv.txt")],
        &["cp", "new", &at("/etc/mender/mender.conf")],
        &["cp", "new", &at("/uboot/new")],
        &["install", "-d", &at("/data/deep/er")],
        &["rm", "-r", &at("/usr")],
    ] {
        let ended = bounded(place, arguments);
        let is_as_it_was = place.bytes(name) == bytes;
        done += usize::from(ended.status == 0);
        assert!(ended.status == 0 || is_as_it_was, "{arguments:?}");
        if !is_as_it_was {
            place.put(name, bytes);
        }
    }
    done
}

fn patched(bytes: &[u8], changes: &[(usize, &[u8])]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for (at, new) in changes {
        bytes[*at..*at + new.len()].copy_from_slice(new);
    }
    bytes
}

#[test]
fn lies_about_sizes_and_circles_are_refused() {
    if !installed(&ALL) {
        return;
    }
    let place = Workplace::new();
    place.put("new", "content");
    // Without checksums, so that what is behind them is looked at.
    make_ext(&place, "a.img", 16 * MIB, "-b 1024 -O ^metadata_csum,^has_journal");
    let image = place.bytes("a.img");
    let number = |text: &str| text.trim().parse::<usize>().unwrap();
    let imap = debugfs(&place, "a.img", "imap /usr/bin/large");
    let (block, offset) =
        imap.split("located at block ").nth(1).unwrap().trim().split_once(", offset 0x").unwrap();
    let root = number(block) * 1024 + usize::from_str_radix(offset.trim(), 16).unwrap() + 0x28;
    let first = number(&debugfs(&place, "a.img", "bmap /usr/bin/large 0"));
    let block_bytes = u32::try_from(first).unwrap().to_le_bytes();
    // An extent tree of so many levels, each of which is the block itself.
    let tree = |depth: u8| -> [u8; 24] {
        let mut node = [0; 24];
        node[..8].copy_from_slice(&[0x0a, 0xf3, 1, 0, 4, 0, depth, 0]);
        node[16..20].copy_from_slice(&block_bytes);
        node
    };
    let superblock = |at: usize, value: &'static [u8]| patched(&image, &[(1024 + at, value)]);
    for (what, lying) in [
        ("extents in a circle", patched(&image, &[(root, &tree(2)), (first * 1024, &tree(1))])),
        ("deep extents", patched(&image, &[(root, &tree(5)), (first * 1024, &tree(5))])),
        ("more extents than fit", patched(&image, &[(root + 2, &[0xff, 0xff, 0xff, 0xff])])),
        (
            "a file as long as can be",
            patched(&image, &[(root - 0x28 + 4, &[0xff; 4]), (root + 0x44, &[0xff; 4])]),
        ),
        ("blocks", superblock(0x04, &[0xff; 4])),
        ("inodes", superblock(0x00, &[0xff; 4])),
        ("length of a block", superblock(0x18, &[0xff; 4])),
        ("blocks of a group", superblock(0x20, &[8, 0, 0, 0])),
        ("inodes of a group", superblock(0x28, &[0xff; 4])),
        ("length of an inode", superblock(0x58, &[0xff; 2])),
        ("first block", superblock(0x14, &[0xff; 4])),
    ] {
        let done = try_all(&place, "a.img", &lying);
        assert!(done < 7, "{what}: {done}");
    }
    let done = try_all(&place, "a.img", &image);
    // A bare root file system has nothing at /uboot to be read.
    assert_eq!(done, 6);
}

#[test]
fn partitions_that_overlap_and_chains_in_circles_are_refused() {
    if !installed(&ALL) {
        return;
    }
    let place = Workplace::new();
    place.put("new", "content");
    let places = make_disk(&place, "mbr.sdimg", "dos");
    let disk = place.bytes("mbr.sdimg");
    assert_eq!(try_all(&place, "mbr.sdimg", &disk), 7);
    let entry = |number: usize| 446 + 16 * (number - 1);
    let start_of = |number: usize| disk[entry(number) + 8..entry(number) + 12].to_vec();
    let boot = index(places[0].1);
    let table = boot + usize::from(u16::from_le_bytes([disk[boot + 14], disk[boot + 15]])) * 512;
    for (what, at_most, lying) in [
        ("overlapping partitions", 0, patched(&disk, &[(entry(3) + 8, &start_of(2))])),
        ("a partition behind the end", 0, patched(&disk, &[(entry(4) + 12, &[0xff; 4])])),
        ("the file allocation table in a circle", 6, patched(&disk, &[(table + 3, &[2, 0x20, 0])])),
        ("sectors of a cluster", 5, patched(&disk, &[(boot + 13, &[0xff])])),
        ("tables", 6, patched(&disk, &[(boot + 16, &[0xff])])),
        ("length of a table", 5, patched(&disk, &[(boot + 22, &[0xff; 2])])),
    ] {
        let done = try_all(&place, "mbr.sdimg", &lying);
        assert!(done <= at_most, "{what}: {done}");
    }
    make_disk(&place, "gpt.sdimg", "gpt");
    let disk = place.bytes("gpt.sdimg");
    let last = disk.len() - 512;
    for (what, at, value) in [("entries", 80, [0xff; 4]), ("length of an entry", 84, [0xff; 4])] {
        let done = try_all(&place, "gpt.sdimg", &patched(&disk, &[(512 + at, &value), (last + at, &value)]));
        assert_eq!(done, 0, "{what}");
    }
}

#[test]
fn damage_by_chance_is_refused_or_does_no_harm() {
    if !installed(&ALL) {
        return;
    }
    let place = Workplace::new();
    place.put("new", "content");
    let places = make_disk(&place, "disk.sdimg", "dos");
    make_ext(&place, "plain.ext4", 16 * MIB, "-b 1024 -O ^metadata_csum,^has_journal");
    let mut disk = place.bytes("disk.sdimg");
    let plain = place.bytes("plain.ext4");
    for root in [1, 2] {
        disk[index(places[root].1)..][..plain.len()].copy_from_slice(&plain);
    }
    let bytes = noise(40_000);
    let mut random =
        bytes.chunks_exact(4).map(|four| u32::from_le_bytes([four[0], four[1], four[2], four[3]]));
    let mut next = |below: usize| index(u64::from(random.next().unwrap())) % below;
    for _ in 0..4 {
        let mut damaged = disk.clone();
        for (_, offset, _) in &places {
            for _ in 0..40 {
                // Metadata lie at the beginning; bytes that are zero say less.
                let at = index(*offset) + next(160 << 10);
                let at = (at..at + 4096).find(|at| damaged[*at] != 0).unwrap_or(at);
                damaged[at] = damaged[at].wrapping_add(u8::try_from(1 + next(255)).unwrap());
            }
        }
        try_all(&place, "disk.sdimg", &damaged);
    }
}
