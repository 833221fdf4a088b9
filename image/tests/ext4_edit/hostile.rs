//! Damaged and hostile images: an answer or an error in bounded time, and never a panic.

use std::time::{Duration, Instant};

use mender_image::block_device::WritableDevice;
use mender_image::error::Error;
use mender_image::ext4::edit::Editor;
use mender_image::file_map::{FileMap, Kind};
use mender_image::limits::Limits;

use crate::image::{Image, MIB, attributes, content, e2fsprogs};
use crate::random::Random;

const MUTATIONS: usize = 2500;

/// Offsets of bytes that mean something: metadata that is not all zero, with the bytes around it.
fn meaningful(image: &[u8]) -> Vec<usize> {
    let map = FileMap::of(image).unwrap();
    let mut offsets = Vec::new();
    for region in map.regions() {
        if matches!(region.kind, Kind::File { .. } | Kind::Unused | Kind::BootArea | Kind::Journal) {
            continue;
        }
        let start = usize::try_from(region.offset).unwrap();
        let end = usize::try_from(region.end()).unwrap();
        offsets.extend(
            (start..end).step_by(64).filter(|at| image[*at..*at + 64] != [0; 64]).flat_map(|at| at..at + 64),
        );
    }
    offsets
}

fn tree() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    std::fs::create_dir_all(root.join("a/b/c")).unwrap();
    for index in 0..60 {
        std::fs::write(root.join(format!("a/a-file-with-a-long-name-{index}")), content(index * 17, 1))
            .unwrap();
    }
    std::fs::write(root.join("a/b/c/large"), content(300_000, 2)).unwrap();
    std::fs::hard_link(root.join("a/b/c/large"), root.join("a/linked")).unwrap();
    std::os::unix::fs::symlink("a/b/c", root.join("short")).unwrap();
    std::os::unix::fs::symlink("../".repeat(40), root.join("a/long")).unwrap();
    folder
}

type Operation = fn(&mut Editor<'_>) -> Result<(), Error>;

const OPERATIONS: [Operation; 10] = [
    |editor| put(editor, b"/a/a-file-with-a-long-name-7", 20_000),
    |editor| put(editor, b"/short/new", 20_000),
    |editor| put(editor, b"/a/one-more-file-with-a-name-that-is-long", 100),
    |editor| put(editor, b"/a/linked", 20_000),
    |editor| editor.make_folder(b"/a/new/folder", &attributes(0o755), true),
    |editor| editor.make_symlink(b"/a/b/link", &[b'x'; 100], &attributes(0)),
    |editor| editor.set_attributes(b"/a/b/c/large", &attributes(0o600)),
    |editor| editor.remove(b"/a/long", false),
    |editor| editor.remove(b"/a/b", true),
    |editor| editor.remove(b"/a", true),
];

fn put(editor: &mut Editor<'_>, path: &[u8], len: usize) -> Result<(), Error> {
    editor.put_file(path, &mut &content(len, 9)[..], &attributes(0o644))
}

/// Runs all kinds of operations, each of which is done or leaves nothing. Returns how many were done and how many
/// refused.
fn operate(device: &mut dyn WritableDevice) -> (usize, usize) {
    let mut results = Vec::new();
    for operation in OPERATIONS {
        let mut editor = match Editor::open(device, &Limits::default()) {
            Ok(editor) => editor,
            Err(error) => return tally(&[Err(error)]),
        };
        let result = operation(&mut editor);
        let written = editor.commit().unwrap();
        assert!(result.is_ok() || written.is_empty());
        results.push(result);
    }
    tally(&results)
}

fn tally(results: &[Result<(), Error>]) -> (usize, usize) {
    for error in results.iter().filter_map(|result| result.as_ref().err()) {
        let text = error.to_string();
        assert!(!text.is_empty() && !text.contains('\n'), "{text}");
    }
    let done = results.iter().filter(|result| result.is_ok()).count();
    (done, results.len() - done)
}

#[test]
fn damaged_images_are_changed_or_refused() {
    if !e2fsprogs() {
        return;
    }
    let tree = tree();
    for (options, punched) in [
        ("-t ext2 -b 1024 -N 128", false),
        ("-t ext4 -b 1024 -N 128 -O ^has_journal,^metadata_csum", true),
        ("-t ext4 -b 1024 -N 128 -O ^has_journal,^metadata_csum,inline_data,uninit_bg", true),
        ("-t ext4 -b 1024 -N 128 -O ^has_journal", true),
    ] {
        let mut image = Image::new(MIB, options, Some(tree.path()));
        if punched {
            let punch = |block: usize| format!("punch /a/b/c/large {block} {block}");
            image.change(&(0..290).step_by(2).map(punch).collect::<Vec<_>>());
        }
        image.index_folders();
        image.check(options);
        let targets = meaningful(&image.bytes);
        let mut random = Random(0x9e37_79b9_7f4a_7c15);
        let (mut done, mut refused) = (0, 0);
        let mut longest = Duration::ZERO;
        for _ in 0..MUTATIONS {
            let mut bytes = image.bytes.clone();
            for _ in 0..=random.below(4) {
                let at = targets[random.below(targets.len())];
                bytes[at] = match random.below(4) {
                    0 => bytes[at] ^ (1 << random.below(8)),
                    1 => 0,
                    2 => 0xff,
                    _ => u8::try_from(random.below(256)).unwrap(),
                };
            }
            let start = Instant::now();
            let (more, less) = operate(&mut bytes);
            longest = longest.max(start.elapsed());
            done += more;
            refused += less;
        }
        println!("{options}: {done} done, {refused} refused, longest {longest:?}");
        assert!(done > 1000 && refused > 500, "{options}: {done} done, {refused} refused");
        assert!(longest < Duration::from_secs(5), "{longest:?}");
    }
}

/// An image without checksums, so that lies are not found by them.
fn plain() -> Image {
    Image::new(MIB, "-t ext4 -b 1024 -N 128 -O ^has_journal,^metadata_csum", Some(tree().path()))
}

fn with(image: &Image, requests: &[&str]) -> Image {
    let mut bad = Image { folder: tempfile::tempdir().unwrap(), bytes: image.bytes.clone() };
    bad.write_file();
    bad.change(&requests.iter().map(|request| (*request).to_owned()).collect::<Vec<_>>());
    bad
}

/// What the operation says; the image stays.
fn refusal(mut image: Image, operation: impl FnOnce(&mut Editor<'_>) -> Result<(), Error>) -> String {
    let mut editor = Editor::open(&mut image.bytes, &Limits::default()).unwrap();
    let error = operation(&mut editor).unwrap_err();
    assert!(editor.commit().unwrap().is_empty());
    error.to_string()
}

#[test]
fn lies_are_refused_by_name() {
    if !e2fsprogs() {
        return;
    }
    let image = plain();
    let put =
        |editor: &mut Editor<'_>| editor.put_file(b"/new", &mut &content(5000, 1)[..], &attributes(0o644));
    let text = refusal(with(&image, &["set_bg 0 free_blocks_count 7"]), put);
    assert!(text.starts_with("block group 0: free blocks: expected "), "{text}");
    let text = refusal(with(&image, &["set_bg 0 free_inodes_count 77"]), put);
    assert!(text.starts_with("block group 0: free inodes: expected "), "{text}");
    let text = refusal(with(&image, &["set_super_value free_blocks_count 1"]), put);
    assert_eq!(text, "file system is full: expected at least 2 free blocks, found 1");
    // The bitmap says that a block of the inode table is free.
    let table = image.ask("imap <2>").split("located at block ").nth(1).unwrap().to_owned();
    let table: u64 = table.split(',').next().unwrap().parse().unwrap();
    let free: u64 =
        image.bytes[1024 + 0x0c..1024 + 0x0e].iter().rev().fold(0, |sum, byte| sum << 8 | u64::from(*byte));
    let requests = [
        format!("freeb {table}"),
        format!("set_bg 0 free_blocks_count {}", free + 1),
        format!("set_super_value free_blocks_count {}", free + 1),
    ];
    let lying = with(&image, &requests.each_ref().map(String::as_str));
    let text = refusal(lying, |editor| editor.put_file(b"/new", &mut &b"x"[..], &attributes(0o644)));
    assert_eq!(text, format!("block group 0: block: expected a block that holds no metadata, found {table}"));
    // Two files have the same blocks.
    let other = image.ask("bmap /a/a-file-with-a-long-name-59 0").trim().to_owned();
    let lying = with(&image, &[&format!("set_inode_field /a/a-file-with-a-long-name-58 block[5] {other}")]);
    let text = refusal(lying, |editor| editor.remove(b"/a", true));
    assert_eq!(
        text,
        format!(
            "block group 0: bit of the block bitmap: expected one in use, found {}",
            other.parse::<u64>().unwrap() - 1
        )
    );
    // A folder in itself.
    let lying = with(&image, &["link /a /a/b/c/loop"]);
    let text = refusal(lying, |editor| editor.remove(b"/a", true));
    assert!(text.contains("expected one parent") || text.contains("parent of a directory"), "{text}");
    // A folder with two parents.
    let lying = with(&image, &["link /a/b /b-again"]);
    let text = refusal(lying, |editor| editor.remove(b"/b-again", true));
    assert!(text.contains("parent of a directory: expected 2, found "), "{text}");
    // An entry that leads to the file system's own.
    let lying = with(&image, &["link <7> /a/resize"]);
    let text = refusal(lying, |editor| editor.remove(b"/a/resize", true));
    assert_eq!(text, "inode 7: inode of an entry: expected at least 11, found 7");
    // More names than the inode knows of.
    let lying = with(&image, &["set_inode_field /a/linked links_count 1"]);
    let text = refusal(lying, |editor| editor.remove(b"/a", true));
    assert!(text.contains("number of names: expected at least 2, found 1"), "{text}");
    // A tree of extents that leads to itself.
    let mut lying = with(
        &image,
        &(0..290)
            .step_by(2)
            .map(|n| format!("punch /a/linked {n} {n}"))
            .collect::<Vec<_>>()
            .iter()
            .map(String::as_str)
            .collect::<Vec<_>>(),
    );
    let extents = lying.ask("extents -n /a/linked");
    assert!(extents.contains("1/"), "{extents}");
    let at = {
        let answer = lying.ask("imap /a/linked");
        let after = answer.split("located at block ").nth(1).unwrap();
        let (block, offset) = after.trim().split_once(", offset 0x").unwrap();
        block.parse::<usize>().unwrap() * 1024 + usize::from_str_radix(offset.trim(), 16).unwrap()
    };
    let root = at + 0x28;
    let first: [u8; 12] = lying.bytes[root + 12..root + 24].try_into().unwrap();
    lying.bytes[root + 24..root + 36].copy_from_slice(&first);
    let text = refusal(lying, |editor| editor.remove(b"/a", true));
    assert!(text.contains(": extent"), "{text}");
    // A folder that says to be as long as numbers go.
    let image = Image::new(
        MIB,
        "-t ext4 -b 1024 -N 128 -O ^has_journal,^metadata_csum,large_dir",
        Some(tree().path()),
    );
    let number = image.inode_number("/a/b");
    let mut lying = with(&image, &["set_inode_field /a/b size 0xfffffc00"]);
    let answer = lying.ask(&format!("imap <{number}>"));
    let (block, offset) =
        answer.split("located at block ").nth(1).unwrap().trim().split_once(", offset 0x").unwrap();
    let at = block.parse::<usize>().unwrap() * 1024 + usize::from_str_radix(offset.trim(), 16).unwrap();
    lying.bytes[at + 0x6c..at + 0x70].fill(0xff);
    let full = |editor: &mut Editor<'_>| {
        (0..40).try_for_each(|index| {
            let path = format!("/a/b/{index}-{}", "n".repeat(200));
            editor.put_file(path.as_bytes(), &mut &b""[..], &attributes(0o644))
        })
    };
    let mut editor = Editor::open(&mut lying.bytes, &Limits::default()).unwrap();
    let text = full(&mut editor).unwrap_err().to_string();
    let said = "size: expected at most 4398046511104, found 18446744073709550592";
    assert_eq!(text, format!("inode {number}: {said}"));
}
