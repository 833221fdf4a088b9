//! A small delta in the repository, made once: every machine must turn it into the same bytes, today's applier as
//! tomorrow's.
//!
//! The format is not frozen yet: until the first release it may change without a new version number, and these files
//! with it. Whoever changes the format, its version or its model on purpose makes them again with
//!
//! ```sh
//! cargo test -p mender-delta --test golden -- --ignored make_golden_files_again
//! ```
//!
//! and commits them with the change. After the first release, files of an old version stay and a new version gets its
//! own.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use mender_delta::apply::file::{ApplyOptions, apply_files};
use mender_delta::apply::{Applier, Base, CallerError, Header, Status, Target};
use sha2::{Digest, Sha256};
use std::fs;
use std::path::{Path, PathBuf};

fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/delta").join(name)
}

fn hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What the target must be, as `sha256sum` prints it.
fn promised() -> String {
    let text = fs::read_to_string(path("target.sha256")).unwrap();
    text.split_whitespace().next().unwrap().to_owned()
}

const CHANGED: &str =
    "if the format was changed on purpose, make testdata/delta again: see delta/tests/golden.rs";

#[test]
fn the_golden_delta_gives_the_promised_image() {
    let mut image = Vec::new();
    let delta = fs::read(path("delta.bin")).unwrap();
    let options = ApplyOptions::default();
    apply_files(&path("base.bin"), &mut delta.as_slice(), &mut image, &options).expect(CHANGED);
    assert_eq!(hex(&image), promised(), "{CHANGED}");
}

struct Bytes(Vec<u8>);

impl Base for Bytes {
    fn read_at(&mut self, offset: u64, buffer: &mut [u8]) -> Result<(), CallerError> {
        let start = usize::try_from(offset).unwrap();
        buffer.copy_from_slice(&self.0[start..start + buffer.len()]);
        Ok(())
    }
}

impl Target for Bytes {
    fn write(&mut self, bytes: &[u8]) -> Result<(), CallerError> {
        self.0.extend_from_slice(bytes);
        Ok(())
    }
}

#[test]
fn it_does_so_byte_by_byte_in_the_memory_that_it_asks_for() {
    let delta = fs::read(path("delta.bin")).unwrap();
    let (head, body) = delta.split_at(Header::LEN);
    let header = Header::parse(head).expect(CHANGED);
    let mut arena = vec![0; usize::try_from(header.memory_needed()).unwrap()];
    let mut base = Bytes(fs::read(path("base.bin")).unwrap());
    let mut target = Bytes(Vec::new());
    let mut applier = Applier::new(&header, &mut arena).unwrap();
    let mut status = Status::NeedInput;
    for byte in body {
        status = applier.push(&[*byte], &mut base, &mut target).expect(CHANGED);
    }
    assert!(matches!(status, Status::Done), "{CHANGED}");
    applier.finish().unwrap();
    assert_eq!(hex(&target.0), promised(), "{CHANGED}");
}

#[cfg(feature = "generate")]
mod make {
    use super::{hex, path};
    use mender_delta::generate::generate;
    use mender_delta::options::GenerateOptions;
    use std::fs::{self, File};

    /// Numbers that look random and are the same everywhere.
    fn noise(seed: u32) -> impl Iterator<Item = u8> {
        let mut state = seed;
        std::iter::repeat_with(move || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            state.to_be_bytes()[0]
        })
    }

    /// Noise, text, a table of growing numbers and zeros, each a part of its own.
    fn base() -> Vec<u8> {
        let mut image: Vec<u8> = noise(1).take(8192).collect();
        for number in 0..120_u32 {
            image.extend_from_slice(
                format!("package {number}: version 1.{}, as it was\n", number % 7).as_bytes(),
            );
        }
        image.extend((0..1000_u32).flat_map(|number| (0x40_0000 + number * 52).to_le_bytes()));
        image.resize(20_480, 0);
        image
    }

    /// The parts in another order, some as they were, some nearly so, with new bytes and zeros.
    fn target(base: &[u8]) -> Vec<u8> {
        let mut image = base[4096..8192].to_vec();
        image.extend(noise(2).take(300));
        image.extend_from_slice(
            &String::from_utf8_lossy(&base[8192..12_000]).replace("as it", "as they").into_bytes(),
        );
        image.resize(image.len().next_multiple_of(4096) + 4096, 0);
        // Noise where every 61st byte is another.
        image.extend(
            base[..4096].iter().enumerate().map(|(at, byte)| byte.wrapping_add(u8::from(at % 61 == 9))),
        );
        // A table whose numbers moved by 16.
        let table = base.windows(4).position(|bytes| bytes == 0x40_0000_u32.to_le_bytes()).unwrap();
        let numbers = base[table..table + 4000].chunks_exact(4);
        image.extend(
            numbers.flat_map(|number| (u32::from_le_bytes(number.try_into().unwrap()) + 16).to_le_bytes()),
        );
        image
    }

    #[test]
    #[ignore = "writes testdata/delta; for changes of the format"]
    fn make_golden_files_again() {
        let base = base();
        let target = target(&base);
        let delta = tempfile::NamedTempFile::new().unwrap();
        let mut file = File::options().read(true).write(true).open(delta.path()).unwrap();
        let made = generate(&base, &target, &GenerateOptions::default(), &mut file).unwrap().composition;
        assert!(made.copied > 0 && made.added > 0 && made.zero > 0 && made.literal > 0, "{made:?}");
        fs::create_dir_all(path("")).unwrap();
        fs::write(path("base.bin"), &base).unwrap();
        fs::write(path("target.sha256"), format!("{}  target.bin\n", hex(&target))).unwrap();
        fs::write(path("delta.bin"), fs::read(delta.path()).unwrap()).unwrap();
    }
}
