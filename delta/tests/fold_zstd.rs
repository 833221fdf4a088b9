//! Zstandard: frames as libzstd 1.5.4 makes them, bit for bit, and frames of other makers and foreign bytes unpacked.

#![cfg(feature = "generate")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::process::{Command, Stdio};

use mender_delta::fold::codec::{Codec, CodecError, Framing, Recipe, zstd};
use sha2::{Digest, Sha256};

/// For each level: bytes of all frames that libzstd 1.5.4 made of the content below, and the start of their SHA-256.
const MADE_BY_LIBZSTD_1_5_4: [(u8, usize, &str); 12] = [
    (11, 12357, "4ad1425c8973f9f1"),
    (12, 12339, "5ad2e088843b8288"),
    (13, 260337, "4621983b3cc09065"),
    (14, 260121, "9643e4e879a3fde0"),
    (15, 260034, "9caaa9059bf9fd46"),
    (16, 259967, "b493794f6e26482e"),
    (17, 259965, "0cefb628b842d07b"),
    (18, 259952, "5ddc487348bf63ad"),
    (19, 259999, "655d1c5f763516b2"),
    (20, 259945, "3ec95fdba06c7fb9"),
    (21, 259945, "3ec95fdba06c7fb9"),
    (22, 259898, "646827cf5141b79b"),
];

fn recipe(level: u8) -> Recipe {
    Recipe { codec: Codec::Zstd, framing: Framing::None, parameters: zstd::parameters(level) }
}

fn scratch(recipe: Recipe, len: usize) -> Vec<u32> {
    let len = u32::try_from(len).unwrap();
    vec![0xa5a5_a5a5; usize::try_from(recipe.encode_scratch(len).max(recipe.decode_scratch(len))).unwrap()]
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

/// Text-like, repetitive, periodic and random stretches, and copies from far and near; their mix changes on the way.
fn content(len: usize, seed: u32) -> Vec<u8> {
    let mut random = Random(seed.wrapping_mul(2_654_435_761) | 1);
    let mut bytes: Vec<u8> = Vec::new();
    while bytes.len() < len {
        let alphabet = if bytes.len() / 40_000 % 2 == 0 { 0x1f } else { 0xff };
        match random.below(40) {
            0 => bytes
                .extend((0..random.below(3000)).map(|_| random.next().to_le_bytes()[2]).collect::<Vec<_>>()),
            1 => bytes.resize(bytes.len() + random.below(2000), random.next().to_le_bytes()[1]),
            2 => {
                let period: Vec<u8> =
                    (0..1 + random.below(9)).map(|_| random.next().to_le_bytes()[1]).collect();
                bytes.extend(period.iter().cycle().take(random.below(1000)));
            }
            3..=14 if !bytes.is_empty() => {
                let start =
                    random.below(bytes.len()).max(bytes.len().saturating_sub(1 << (6 + random.below(12))));
                let end = bytes.len().min(start + 3 + random.below(40));
                bytes.extend_from_within(start..end);
            }
            _ => {
                let words = ["mender", " delta", " of ", "block\n", "\0\0\0\0", "cluster", "==", "1"];
                bytes.extend(words[random.below(words.len())].bytes());
                bytes.push(random.next().to_le_bytes()[2] & alphabet);
            }
        }
    }
    bytes.truncate(len);
    bytes
}

const LENS: [usize; 24] = [
    0, 1, 6, 7, 8, 9, 20, 63, 64, 65, 255, 256, 300, 1023, 1024, 4000, 16_384, 16_385, 40_000, 65_536,
    65_537, 100_000, 131_071, 131_072,
];

#[test]
fn frames_are_those_of_libzstd() {
    for (level, expected_len, expected) in MADE_BY_LIBZSTD_1_5_4 {
        let recipe = recipe(level);
        recipe.check().unwrap();
        let (mut hash, mut total) = (Sha256::new(), 0);
        for len in LENS.into_iter().filter(|len| level > 12 || *len <= 16_384) {
            let mut scratch = scratch(recipe, len);
            let plain = content(len, 1 + u32::try_from(len).unwrap());
            let mut packed = vec![0xa5; len + 600];
            let packed_len = recipe.encode(&plain, &mut packed, &mut scratch).unwrap();
            packed.truncate(packed_len);
            hash.update(&packed);
            total += packed_len;
            let mut again = vec![0; len];
            assert_eq!(recipe.decode(&packed, &mut again, &mut scratch), Ok(len), "{level} {len}");
            assert!(again == plain);
            if packed_len > 20 {
                assert_eq!(
                    recipe.encode(&plain, &mut packed[..packed_len - 1], &mut scratch),
                    Err(CodecError::Room)
                );
                assert_eq!(recipe.encode(&plain, &mut packed, &mut []), Err(CodecError::Scratch));
                assert_eq!(
                    recipe.decode(&packed, &mut again[..len - 1], &mut scratch),
                    Err(CodecError::Room)
                );
            }
        }
        let found: String = hash.finalize()[..8].iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!((total, found.as_str()), (expected_len, expected), "level {level}");
    }
}

/// Whatever version of the program is here, at all levels and with content longer than a block.
#[test]
fn frames_of_the_zstd_program_are_unpacked() {
    let folder = tempfile::tempdir().unwrap();
    let recipe = recipe(15);
    for (seed, len) in [(1, 0), (2, 1), (3, 500), (4, 70_000), (5, 131_072), (6, 700_000)] {
        let plain = content(len, seed);
        let path = folder.path().join("plain");
        std::fs::write(&path, &plain).unwrap();
        for level in ["--fast=3", "-1", "-3", "-5", "-7", "-9", "-12", "-15", "-19"] {
            let made = Command::new("zstd")
                .args([level, "--no-check", "-q", "-c"])
                .arg(&path)
                .stderr(Stdio::null())
                .output();
            let Ok(packed) = made else {
                println!("skipped: zstd is not installed");
                return;
            };
            let packed = packed.stdout;
            let mut again = vec![0; len];
            let found = recipe.decode(&packed, &mut again, &mut scratch(recipe, len));
            assert_eq!(found, Ok(len), "{level} {len}");
            assert!(again == plain, "{level} {len}");
        }
    }
}

#[test]
fn damaged_frames_are_errors_or_other_content() {
    let recipe = recipe(16);
    let plain: Vec<u8> = content(80_000, 9).iter().map(|byte| byte & 15).collect();
    let mut scratch = scratch(recipe, plain.len());
    let mut packed = vec![0; plain.len()];
    let len = recipe.encode(&plain, &mut packed, &mut scratch).unwrap();
    packed.truncate(len);
    let mut random = Random(77);
    let mut again = vec![0; 1 << 17];
    let (mut errors, mut others) = (0, 0);
    for round in 0..4000 {
        // Half of the damage where tables are.
        let at = if round % 2 == 0 { random.below(len) } else { random.below(300) };
        let before = packed[at];
        packed[at] ^= 1 << random.below(8);
        match recipe.decode(&packed, &mut again, &mut scratch) {
            Ok(found) => others += usize::from(again[..found] != plain[..]),
            Err(_) => errors += 1,
        }
        packed[at] = before;
    }
    assert!(errors > 200 && others > 2000, "{errors} errors, {others} others");
    for cut in (0..len).step_by(97) {
        assert_eq!(
            recipe.decode(&packed[..cut], &mut again, &mut scratch),
            Err(CodecError::Damaged),
            "{cut}"
        );
    }
    packed.push(0);
    assert_eq!(recipe.decode(&packed, &mut again, &mut scratch), Err(CodecError::Damaged));
}

#[test]
fn parameters_without_meaning_are_refused() {
    for parameters in [
        [0; 8],
        zstd::parameters(10),
        zstd::parameters(23),
        [15, 2, 0, 0, 0, 0, 0, 0],
        [15, 1, 0, 0, 0, 0, 0, 1],
    ] {
        let recipe = Recipe { parameters, ..recipe(15) };
        assert_eq!(recipe.check(), Err(CodecError::Parameters));
        assert_eq!(recipe.encode(&[0; 10], &mut [0; 100], &mut []), Err(CodecError::Parameters));
        assert_eq!(recipe.decode(&[0; 10], &mut [0; 100], &mut []), Err(CodecError::Parameters));
    }
    // Below level 13 only short content has an optimal parser; more than a block is not for any level.
    let mut scratch = scratch(recipe(22), 1 << 17);
    assert_eq!(recipe(12).encode(&[0; 16_385], &mut [0; 17_000], &mut scratch), Err(CodecError::Parameters));
    assert_eq!(recipe(22).encode(&vec![0; 131_073], &mut [0; 17_000], &mut scratch), Err(CodecError::Room));
}
