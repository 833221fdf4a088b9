//! Images with random damage: every answer is right or an error, none a panic, an endless loop or a wild read.

use std::time::{Duration, Instant};

use mender_image::ext4::FileSystem;
use mender_image::file_map::{FileMap, Kind};
use mender_image::limits::Limits;
use mender_image::probe::probe;

use crate::made_image::{MadeImage, e2fsprogs};
use crate::variants::check_tiling;

const MUTATIONS: u64 = 1500;

/// xorshift64*: the same numbers in each run.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let bound = u64::try_from(bound).unwrap();
        usize::try_from(self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) % bound).unwrap()
    }
}

/// Offsets of bytes that mean something to a reader: metadata that is not all zero, with the bytes around it.
fn meaningful(image: &[u8]) -> Vec<usize> {
    let map = FileMap::of(image).unwrap();
    let mut offsets = Vec::new();
    for region in map.regions() {
        if matches!(
            region.kind,
            Kind::BlockBitmap
                | Kind::InodeBitmap
                | Kind::File { .. }
                | Kind::Unused
                | Kind::BootArea
                | Kind::Journal
        ) {
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

#[test]
fn damaged_images_give_an_answer_or_an_error() {
    if !e2fsprogs() {
        return;
    }
    let tree = tempfile::tempdir().unwrap();
    let root = tree.path();
    for index in 0..40 {
        std::fs::write(root.join(format!("file-{index}")), vec![7; index * 37]).unwrap();
    }
    std::fs::create_dir_all(root.join("a/b/c")).unwrap();
    std::fs::write(root.join("a/b/c/large"), vec![9; 300_000]).unwrap();
    std::os::unix::fs::symlink("a/b/c", root.join("short")).unwrap();
    std::os::unix::fs::symlink("../".repeat(40), root.join("a/long")).unwrap();

    let mut answers = 0;
    let mut errors = 0;
    for options in [
        "-t ext2 -b 1024 -N 64",
        "-t ext4 -b 1024 -N 64 -O ^has_journal,^metadata_csum",
        "-t ext4 -b 1024 -N 64 -O ^has_journal,^metadata_csum,inline_data,^resize_inode,meta_bg",
    ] {
        let mut image = MadeImage::new(1 << 20, options, root);
        if options.contains("extent") || options.contains("ext4") {
            // A tree of extents: every second block of the file is taken out.
            let punches = (0..290)
                .step_by(2)
                .map(|block| format!("punch /a/b/c/large {block} {block}"))
                .collect::<Vec<_>>();
            image.change(&punches);
        }
        let map = FileMap::of(&image.bytes[..]).unwrap();
        assert!(map.regions().iter().any(|region| region.kind == Kind::MappingBlocks));
        let targets = meaningful(&image.bytes);
        let mut random = Random(0x9e37_79b9_7f4a_7c15);
        let mut bytes = image.bytes.clone();
        let start = Instant::now();
        for _ in 0..MUTATIONS {
            let mut changed = Vec::new();
            for _ in 0..=random.below(4) {
                let at = targets[random.below(targets.len())];
                changed.push(at);
                bytes[at] = match random.below(4) {
                    0 => bytes[at] ^ (1 << random.below(8)),
                    1 => 0,
                    2 => 0xff,
                    _ => u8::try_from(random.below(256)).unwrap(),
                };
            }
            match FileMap::of(&bytes[..]) {
                Ok(map) => {
                    check_tiling(&map);
                    answers += 1;
                }
                Err(error) => {
                    let text = error.to_string();
                    assert!(!text.is_empty() && !text.contains('\n'), "{text}");
                    errors += 1;
                }
            }
            probe(&bytes[..]).unwrap();
            let device = &bytes[..];
            if let Ok(fs) = FileSystem::open(&device, &Limits::default()) {
                for path in [&b"/a/b/c/large"[..], b"/short/large", b"/a/long/file-39", b"/file-1"] {
                    // Right or wrong, it must come back.
                    let _ = fs.read_file(path);
                }
            }
            for at in changed {
                bytes[at] = image.bytes[at];
            }
        }
        assert!(bytes == image.bytes);
        assert!(start.elapsed() < Duration::from_secs(120));
    }
    assert!(answers > 300 && errors > 300, "{answers} answers, {errors} errors");
}

#[test]
fn a_truncated_image_is_refused_at_every_length() {
    if !e2fsprogs() {
        return;
    }
    let tree = tempfile::tempdir().unwrap();
    std::fs::write(tree.path().join("file"), vec![7; 5000]).unwrap();
    let image = MadeImage::new(1 << 20, "-t ext4 -b 1024 -N 64 -O ^has_journal", tree.path());
    for len in
        (0..image.bytes.len()).step_by(997).chain([image.bytes.len() - 1, 1023, 1024, 1025, 2047, 2048])
    {
        let error = FileMap::of(&image.bytes[..len]).unwrap_err().to_string();
        let expected = if len < 2048 {
            "image: content: expected an ext2, ext3 or ext4 file system, found unknown content".to_owned()
        } else {
            format!("superblock: number of blocks: expected at most {}, found 1024", len / 1024)
        };
        assert_eq!(error, expected, "{len}");
    }
}
