//! LZ4 runs of EROFS images: what mkfs.erofs writes comes back bit for bit, and foreign bytes do no harm.

#![cfg(all(unix, feature = "generate"))]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use mender_delta::fold::codec::{Codec, CodecError, Framing, Recipe};
use mender_image::erofs::FileSystem;
use mender_image::erofs::extent::Stored;
use mender_image::limits::Limits;

const FAST: [u8; 2] = [0, 0];
const LEVELS: [[u8; 2]; 8] = [FAST, [1, 1], [1, 3], [1, 6], [1, 9], [1, 10], [1, 11], [1, 12]];

fn recipe([encoder, level]: [u8; 2]) -> Recipe {
    Recipe { codec: Codec::Lz4, framing: Framing::None, parameters: [1, encoder, level, 0, 0, 0, 0, 0] }
}

/// xorshift32.
struct Random(u32);

impl Random {
    fn next(&mut self) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 17;
        self.0 ^= self.0 << 5;
        self.0
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next()).unwrap() % bound
    }
}

/// Text-like, repetitive, periodic and random stretches, and copies from far and near.
fn content(len: usize, seed: u32) -> Vec<u8> {
    let mut random = Random(seed.wrapping_mul(2_654_435_761) | 1);
    let mut bytes: Vec<u8> = Vec::new();
    while bytes.len() < len {
        match random.below(40) {
            0 => bytes
                .extend((0..random.below(7000)).map(|_| random.next().to_le_bytes()[2]).collect::<Vec<_>>()),
            1 => bytes.resize(bytes.len() + random.below(9000), random.next().to_le_bytes()[1]),
            2 => {
                let period: Vec<u8> =
                    (0..1 + random.below(9)).map(|_| random.next().to_le_bytes()[1]).collect();
                bytes.extend(period.iter().cycle().take(random.below(3000)));
            }
            3..=14 if !bytes.is_empty() => {
                let start =
                    random.below(bytes.len()).max(bytes.len().saturating_sub(1 << (6 + random.below(12))));
                let end = bytes.len().min(start + 4 + random.below(300));
                bytes.extend_from_within(start..end);
            }
            _ => {
                let words = ["mender", " delta", " of ", "erofs\n", "\0\0\0\0", "cluster", "==", "1"];
                bytes.extend(words[random.below(words.len())].bytes());
                bytes.push(random.next().to_le_bytes()[2] & 0x1f);
            }
        }
    }
    bytes.truncate(len);
    bytes
}

fn mkfs(options: &str, image: &Path, tree: &Path) -> bool {
    let path = std::env::var("PATH").unwrap_or_default();
    let made = Command::new("mkfs.erofs")
        .env("PATH", format!("{path}:/usr/sbin:/sbin"))
        .args([options, "-T1750000000"])
        .args([image, tree])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    made.is_ok_and(|status| status.success())
}

#[test]
fn what_mkfs_erofs_writes_comes_back() {
    let tree = tempfile::tempdir().unwrap();
    for seed in 1..60u32 {
        let len = usize::try_from(seed * seed * 100).unwrap();
        fs::write(tree.path().join(format!("file-{seed}")), content(len, seed)).unwrap();
    }
    fs::write(tree.path().join("long"), content(2_500_000, 99)).unwrap();
    // A real program, whatever it is here, as far as a file is read as a whole.
    let mut program = fs::read(std::env::current_exe().unwrap()).unwrap();
    program.truncate(16 << 20);
    fs::write(tree.path().join("program"), program).unwrap();
    let folder = tempfile::tempdir().unwrap();
    for [encoder, level] in LEVELS {
        let options = if encoder == 0 { "-zlz4".to_owned() } else { format!("-zlz4hc,{level}") };
        let path = folder.path().join(&options);
        if !mkfs(&options, &path, tree.path()) {
            println!("skipped: mkfs.erofs (erofs-utils) is not installed");
            return;
        }
        let image = fs::read(path).unwrap();
        let device = &image[..];
        let file_system = FileSystem::open(&device, &Limits::default()).unwrap();
        let recipe = recipe([encoder, level]);
        recipe.check().unwrap();
        let mut scratch = vec![0xa5a5_a5a5; usize::try_from(recipe.encode_scratch(0)).unwrap()];
        let mut blocks = 0;
        for file in file_system.map().unwrap().files {
            let starts: Vec<u64> = file
                .extents
                .iter()
                .map(|extent| match extent.stored {
                    Stored::Packed(packed) => packed.device_offset,
                    Stored::Plain { device_offset } => device_offset,
                    other => panic!("{other:?}"),
                })
                .collect();
            if !file.extents.iter().any(|extent| matches!(extent.stored, Stored::Packed(_))) {
                continue;
            }
            assert!(starts.windows(2).all(|pair| pair[1] == pair[0] + 4096));
            let start = usize::try_from(starts[0]).unwrap();
            let run = &image[start..start + starts.len() * 4096];
            let mut plain = vec![0; usize::try_from(file.len_bytes).unwrap() + 4096];
            let len = recipe.decode(run, &mut plain, &mut []).unwrap();
            let plain = &plain[..len];
            let mut expected = file_system.read_file(&file).unwrap();
            expected.truncate(len);
            assert!(plain == expected, "{options} {}", file.path.escape_ascii());
            let mut packed = vec![0xa5; run.len()];
            assert_eq!(recipe.encode(plain, &mut packed, &mut scratch), Ok(run.len()));
            let same =
                packed.chunks(4096).zip(run.chunks(4096)).take_while(|(ours, theirs)| ours == theirs).count();
            assert_eq!(same, starts.len(), "{options} {}", file.path.escape_ascii());
            blocks += same;
        }
        assert!(blocks > 300, "{blocks}");
    }
}

#[test]
fn any_content_comes_back_from_its_own_run() {
    for level in LEVELS {
        let recipe = recipe(level);
        let mut scratch = vec![0; usize::try_from(recipe.encode_scratch(0)).unwrap()];
        for (seed, len) in
            [1, 2, 4095, 4096, 4097, 4100, 4109, 5000, 65_547, 65_546, 120_000].into_iter().enumerate()
        {
            for mut plain in [content(len, u32::try_from(seed).unwrap() + 7), vec![0; len], vec![7; len]] {
                // A run does not tell how many zeros of its last block, where that is not packed, are content.
                *plain.last_mut().unwrap() = 1;
                let mut packed = vec![0; plain.len().next_multiple_of(4096) + 4096];
                let packed_len = recipe.encode(&plain, &mut packed, &mut scratch).unwrap();
                assert_eq!(packed_len % 4096, 0);
                let mut again = vec![0; plain.len()];
                assert_eq!(
                    recipe.decode(&packed[..packed_len], &mut again, &mut []),
                    Ok(plain.len()),
                    "{level:?} {len}"
                );
                assert!(again == plain);
                assert_eq!(
                    recipe.encode(&plain, &mut packed[..packed_len - 1], &mut scratch),
                    Err(CodecError::Room)
                );
                assert_eq!(recipe.encode(&plain, &mut packed, &mut []), Err(CodecError::Scratch));
                let short = again.len() - 1;
                assert_eq!(
                    recipe.decode(&packed[..packed_len], &mut again[..short], &mut []),
                    Err(CodecError::Room)
                );
            }
        }
    }
}

#[test]
fn damaged_runs_are_errors_or_other_content() {
    let recipe = recipe([1, 9]);
    let mut scratch = vec![0; usize::try_from(recipe.encode_scratch(0)).unwrap()];
    let plain = content(60_000, 3);
    let mut packed = vec![0; 65_536];
    let len = recipe.encode(&plain, &mut packed, &mut scratch).unwrap();
    packed.truncate(len);
    let mut random = Random(77);
    let mut again = vec![0; 1 << 20];
    let mut changed = 0;
    for _ in 0..3000 {
        let at = random.below(len);
        let before = packed[at];
        packed[at] ^= 1 << random.below(8);
        match recipe.decode(&packed, &mut again, &mut []) {
            Ok(found) => changed += usize::from(again[..found] != plain[..]),
            Err(CodecError::Room) => {}
            Err(error) => panic!("{error:?}"),
        }
        packed[at] = before;
    }
    assert!(changed > 2500, "{changed}");
    for bad in [1, 4095, 4097] {
        assert_eq!(recipe.decode(&packed[..bad], &mut again, &mut []), Err(CodecError::Damaged));
    }
    assert_eq!(recipe.decode(&[], &mut again, &mut []), Ok(0));
}

#[test]
fn parameters_without_meaning_are_refused() {
    for parameters in [
        [0; 8],
        [2, 1, 9, 0, 0, 0, 0, 0],
        [1, 0, 1, 0, 0, 0, 0, 0],
        [1, 1, 0, 0, 0, 0, 0, 0],
        [1, 1, 13, 0, 0, 0, 0, 0],
        [1, 2, 3, 0, 0, 0, 0, 0],
        [1, 1, 9, 0, 0, 0, 0, 1],
    ] {
        let recipe = Recipe { parameters, ..recipe(FAST) };
        assert_eq!(recipe.check(), Err(CodecError::Parameters));
        assert_eq!(recipe.decode(&[0; 4096], &mut [0; 4096], &mut []), Err(CodecError::Parameters));
        assert_eq!(recipe.encode(&[0; 4096], &mut [0; 4096], &mut []), Err(CodecError::Parameters));
    }
}
