//! Images with one thing wrong, and the message that names it.

use mender_image::ext4::FileSystem;
use mender_image::file_map::{FileMap, Kind};
use mender_image::limits::Limits;

use crate::made_image::{MadeImage, e2fsprogs};

/// Blocks of 1 KiB and no checksums, with a file whose extents need a node (`/tree`), two that do not, and folders.
fn plain_image() -> MadeImage {
    let tree = tempfile::tempdir().unwrap();
    let root = tree.path();
    std::fs::write(root.join("tree"), vec![9; 60_000]).unwrap();
    std::fs::write(root.join("one"), vec![1; 3000]).unwrap();
    std::fs::write(root.join("two"), vec![2; 3000]).unwrap();
    std::fs::create_dir_all(root.join("folder/inside")).unwrap();
    let mut image = MadeImage::new(1 << 20, "-t ext4 -b 1024 -N 64 -O ^has_journal,^metadata_csum", root);
    image.change(&(1..50).step_by(2).map(|block| format!("punch /tree {block} {block}")).collect::<Vec<_>>());
    image
}

fn put(bytes: &mut [u8], at: usize, value: &[u8]) {
    bytes[at..at + value.len()].copy_from_slice(value);
}

fn message(bytes: &[u8]) -> String {
    FileMap::of(bytes).unwrap_err().to_string()
}

#[test]
fn superblocks_with_absurd_numbers_are_refused() {
    if !e2fsprogs() {
        return;
    }
    let image = plain_image();
    for (at, value, expected) in [
        (0x00, &[0xff; 4][..], "superblock: number of inodes: expected 64, found 4294967295"),
        (0x04, &[0xff; 4], "superblock: number of inodes: expected 33554432, found 64"),
        (0x04, &[0; 4], "superblock: number of blocks: expected at least 2, found 0"),
        (0x14, &[9], "superblock: first data block: expected 1, found 9"),
        (0x20, &[0; 4], "superblock: blocks per group: expected at least 8, found 0"),
        (0x20, &[0xff; 4], "superblock: blocks per group: expected at most 8192, found 4294967295"),
        (0x28, &[0; 4], "superblock: inodes per group: expected at least 1, found 0"),
        (0x28, &[0xff; 4], "superblock: inodes per group: expected at most 8192, found 4294967295"),
        (
            0x58,
            &[0, 0],
            "superblock: inode length: expected a power of two from 128 to the block length, found 0",
        ),
        (
            0x58,
            &[0, 0x80],
            "superblock: inode length: expected a power of two from 128 to the block length, found 32768",
        ),
        (0xce, &[0xff; 2], "superblock: blocks kept for descriptors: expected at most 256, found 65535"),
        (0xfe, &[0, 0], "superblock: descriptor length: expected a power of two from 64 to 1024, found 0"),
        (
            0xfe,
            &[0, 0x40],
            "superblock: descriptor length: expected a power of two from 64 to 1024, found 16384",
        ),
        (0x62, &[1], "superblock: incompatible features: expected only known ones, found encrypt"),
        (0x63, &[0x40], "superblock: incompatible features: expected only known ones, found 0x40000000"),
        (0x60, &[0xc1], "superblock: incompatible features: expected only known ones, found compression"),
    ] {
        let mut bytes = image.bytes.clone();
        put(&mut bytes, 1024 + at, value);
        assert_eq!(message(&bytes), expected, "{at:#x}");
    }
}

#[test]
fn a_wrong_checksum_of_the_superblock_is_named() {
    if !e2fsprogs() {
        return;
    }
    let tree = tempfile::tempdir().unwrap();
    let mut image = MadeImage::new(1 << 20, "-t ext4 -b 1024 -N 64 -O ^has_journal", tree.path());
    FileMap::of(&image.bytes[..]).unwrap();
    image.bytes[1024 + 0x78] ^= 1;
    assert!(message(&image.bytes).starts_with("superblock: checksum: expected "));
}

#[test]
fn a_journal_with_changes_is_told() {
    if !e2fsprogs() {
        return;
    }
    let mut image = plain_image();
    assert!(!FileMap::of(&image.bytes[..]).unwrap().needs_recovery);
    image.bytes[1024 + 0x60] |= 4;
    assert!(FileMap::of(&image.bytes[..]).unwrap().needs_recovery);
}

#[test]
fn group_descriptors_that_lead_out_are_refused() {
    if !e2fsprogs() {
        return;
    }
    let image = plain_image();
    for (at, value, expected) in [
        (0, 5000u32, "block group 0: block of the block bitmap: expected at most 1023, found 5000"),
        (4, 0, "block group 0: block of the inode bitmap: expected at least 1, found 0"),
        (8, 1015, "block group 0: first block of the inode table: expected at most 1008, found 1015"),
        (4, 1, "block group 0: block: expected blocks that nothing else uses, found 1"),
    ] {
        let mut bytes = image.bytes.clone();
        put(&mut bytes, 2048 + at, &value.to_le_bytes());
        assert_eq!(message(&bytes), expected);
    }
}

#[test]
fn extent_trees_that_loop_or_lie_are_refused() {
    if !e2fsprogs() {
        return;
    }
    let image = plain_image();
    let map = FileMap::of(&image.bytes[..]).unwrap();
    let number = map.files.iter().find(|file| file.path == b"/tree").unwrap().inode;
    let node = map.regions().iter().find(|region| region.kind == Kind::MappingBlocks).unwrap().offset;
    let node_at = usize::try_from(node).unwrap();
    let node_block = u32::try_from(node / 1024).unwrap().to_le_bytes();
    let root = image.inode_offset("/tree") + 0x28;
    let check = |changes: &[(usize, &[u8])], expected: &str| {
        let mut bytes = image.bytes.clone();
        for (at, value) in changes {
            put(&mut bytes, *at, value);
        }
        assert_eq!(message(&bytes), format!("inode {number}: {expected}"));
        let device = &bytes[..];
        let error = FileSystem::open(&device, &Limits::default()).unwrap().read_file(b"/tree").unwrap_err();
        assert_eq!(error.to_string(), format!("inode {number}: {expected}"));
    };
    let at = node / 1024;
    check(&[(root + 6, &[9])], "extent depth: expected at most 5, found 9");
    check(&[(root, &[0])], "extent magic: expected 62218, found 62208");
    check(&[(root + 2, &[5])], "number of extents: expected at most 4, found 5");
    check(&[(root + 4, &[0xff])], "room for extents: expected at most 4, found 255");
    check(&[(root + 16, &[0xff; 4])], "block of the block map: expected at most 1023, found 4294967295");
    check(&[(node_at + 6, &[1])], "extent depth: expected 0, found 1");
    check(&[(node_at + 2, &[0xff, 0xff])], "number of extents: expected at most 84, found 65535");
    check(&[(node_at + 12 + 4, &[0, 0])], "blocks of an extent: expected at least 1, found 0");
    check(&[(node_at + 12 + 8, &[0xff; 4])], "block of the content: expected at most 1023, found 4294967295");
    check(&[(node_at + 24, &[0; 4])], "extent's first block: expected at least 1, found 0");
    // The root names the node twice; the second time for content after all of its extents.
    let second = [&[200, 0, 0, 0][..], &node_block, &[0; 4]].concat();
    check(
        &[(root + 2, &[2]), (root + 24, &second)],
        &format!("block of the block map: expected each block once, found {at}"),
    );
    // The node is its own child.
    let own = [&[0x0a, 0xf3, 1, 0, 84, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0][..], &node_block, &[0; 4]].concat();
    check(
        &[(root + 6, &[2]), (node_at, &own)],
        &format!("block of the block map: expected each block once, found {at}"),
    );
}

#[test]
fn files_that_share_blocks_are_refused_unless_they_may() {
    if !e2fsprogs() {
        return;
    }
    let image = plain_image();
    let mut bytes = image.bytes.clone();
    let (one, two) = (image.inode_offset("/one"), image.inode_offset("/two"));
    bytes.copy_within(one + 0x28..one + 0x28 + 60, two + 0x28);
    assert!(
        message(&bytes).contains(": block: expected blocks that nothing else uses, found "),
        "{}",
        message(&bytes)
    );
    // shared_blocks
    bytes[1024 + 0x65] |= 0x40;
    let map = FileMap::of(&bytes[..]).unwrap();
    crate::variants::check_tiling_only(&map);
    let file = |path: &[u8]| map.files.iter().find(|file| file.path == path).unwrap();
    assert_eq!(file(b"/one").ranges, file(b"/two").ranges);
    assert_eq!(map.file_at(file(b"/one").ranges[0].device_offset), Some((file(b"/one"), 0)));
}

#[test]
fn a_directory_in_itself_is_refused() {
    if !e2fsprogs() {
        return;
    }
    for target in ["/folder", "/"] {
        let mut image = plain_image();
        image.change(&[format!("link {target} /folder/inside/again")]);
        assert!(message(&image.bytes).ends_with(": directory: expected one parent, found 2"), "{target}");
    }
}

#[test]
fn entries_that_name_reserved_or_missing_inodes_are_refused() {
    if !e2fsprogs() {
        return;
    }
    let image = plain_image();
    let entry = image.bytes.windows(8).position(|bytes| bytes == b"folder\0\0").unwrap() - 8;
    for (inode, expected) in [
        (8u32, "inode 2: inode of an entry: expected at least 11, found 8"),
        (65, "superblock: inode number: expected at most 64, found 65"),
        (60, "inode 60: mode: expected a kind of file, found 0"),
    ] {
        let mut bytes = image.bytes.clone();
        put(&mut bytes, entry, &inode.to_le_bytes());
        assert_eq!(message(&bytes), expected);
    }
}

#[test]
fn a_size_beyond_all_blocks_is_refused() {
    if !e2fsprogs() {
        return;
    }
    let image = plain_image();
    let mut bytes = image.bytes.clone();
    put(&mut bytes, image.inode_offset("/one") + 0x6c, &[0xff; 4]);
    assert!(
        message(&bytes).contains(": size: expected at most 4398046511104, found "),
        "{}",
        message(&bytes)
    );
}

#[test]
fn files_may_share_a_block_of_attributes() {
    if !e2fsprogs() {
        return;
    }
    let mut image = plain_image();
    image.change(&["ea_set /one user.large ".to_owned() + &"v".repeat(400)]);
    let (one, two) = (image.inode_offset("/one"), image.inode_offset("/two"));
    image.bytes.copy_within(one + 0x68..one + 0x6c, two + 0x68);
    let map = FileMap::of(&image.bytes[..]).unwrap();
    let attributes = map.regions().iter().filter(|region| region.kind == Kind::ExtendedAttributes);
    assert_eq!(attributes.map(|region| region.len_bytes).collect::<Vec<_>>(), [1024]);
    // But not with anything else.
    put(&mut image.bytes, two + 0x68, &3u32.to_le_bytes());
    assert!(message(&image.bytes).ends_with(": block: expected blocks that nothing else uses, found 3"));
}
