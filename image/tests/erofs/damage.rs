//! Images with random damage: every answer is right or an error, none a panic, an endless loop or a wild read.

use std::time::{Duration, Instant};

use mender_image::erofs::FileSystem;
use mender_image::limits::Limits;

use crate::made_image::{content, erofs_utils, make};

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

#[test]
fn damaged_images_give_an_answer_or_an_error() {
    if !erofs_utils() {
        return;
    }
    let tree = tempfile::tempdir().unwrap();
    let root = tree.path();
    for index in 0..30u32 {
        let len = usize::try_from(index * index * 77).unwrap();
        std::fs::write(root.join(format!("file-{index}")), content(len, index)).unwrap();
    }
    std::fs::create_dir_all(root.join("a/b/c")).unwrap();
    std::os::unix::fs::symlink("../".repeat(40), root.join("a/long")).unwrap();
    let (mut answers, mut errors) = (0, 0);
    for options in
        ["", "-zlz4hc,12", "-zlz4 -Elegacy-compress -C16384", "-zlz4 -Eztailpacking", "--chunksize=4096"]
    {
        let Ok(mut image) = make(options, root) else { continue };
        // The checksum would refuse damage of the superblock before anything else sees it.
        image[1024 + 8] &= !1;
        let original = image.clone();
        let targets: Vec<usize> = (1024..image.len().min(1 << 14))
            .step_by(32)
            .filter(|at| image[*at..*at + 32] != [0; 32])
            .flat_map(|at| at..at + 32)
            .collect();
        let mut random = Random(0x9e37_79b9_7f4a_7c15);
        let start = Instant::now();
        for _ in 0..MUTATIONS {
            let mut changed = Vec::new();
            for _ in 0..=random.below(4) {
                let at = targets[random.below(targets.len())];
                changed.push(at);
                image[at] = match random.below(4) {
                    0 => image[at] ^ (1 << random.below(8)),
                    1 => 0,
                    2 => 0xff,
                    _ => u8::try_from(random.below(256)).unwrap(),
                };
            }
            let device = &image[..];
            let map = FileSystem::open(&device, &Limits::default()).and_then(|fs| {
                let map = fs.map()?;
                for file in &map.files {
                    // Right or wrong, it must come back.
                    let _ = fs.read_file(file);
                }
                Ok(map)
            });
            match map {
                Ok(_) => answers += 1,
                Err(error) => {
                    let text = error.to_string();
                    assert!(!text.is_empty() && !text.contains('\n'), "{text}");
                    errors += 1;
                }
            }
            for at in changed {
                image[at] = original[at];
            }
        }
        assert!(image == original);
        assert!(start.elapsed() < Duration::from_secs(120));
    }
    assert!(answers > 300 && errors > 300, "{answers} answers, {errors} errors");
}

#[test]
fn a_truncated_image_is_refused_at_every_length() {
    if !erofs_utils() {
        return;
    }
    let tree = tempfile::tempdir().unwrap();
    std::fs::write(tree.path().join("file"), content(50_000, 1)).unwrap();
    let image = make("-zlz4", tree.path()).unwrap();
    for len in (0..image.len()).step_by(997).chain([image.len() - 1, 1023, 1024, 1151, 1152]) {
        let device = &image[..len];
        let error = FileSystem::open(&device, &Limits::default()).err().unwrap().to_string();
        let expected = if len < 1152 {
            format!("superblock: length of the image: expected at least 1152, found {len}")
        } else {
            format!(
                "superblock: number of blocks: expected at most {}, found {}",
                len / 4096,
                image.len() / 4096
            )
        };
        assert_eq!(error, expected, "{len}");
    }
}
