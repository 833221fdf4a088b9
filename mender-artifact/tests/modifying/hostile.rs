//! Damaged Artifacts: an error or a result, never a crash, and no memory for what is only claimed.

use crate::artifacts::{augmented, module};
use mender_artifact::compression::Compression;
use mender_artifact::error::{Category, Defect};
use mender_artifact::modify::{Changes, modify};
use mender_artifact::rewrite::{Original, Source, Target};
use std::fs::{self, File};

/// Changes the name between streams; says whether that was possible.
fn rename(artifact: &[u8]) -> Result<Vec<u8>, mender_artifact::error::Error> {
    let mut original = Original::read(Source::Stream(Box::new(artifact)))?;
    let changes = Changes { artifact_name: Some("r2".into()), ..Changes::default() };
    modify(&mut original, &changes)?;
    original.first_payload_bytes(2000)?;
    let mut new = Vec::new();
    original.write(Target::Stream(&mut new))?;
    Ok(new)
}

#[test]
fn damage_anywhere_is_an_error_or_does_not_matter() {
    let mut state = 5_u64;
    let mut random = |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).unwrap() % below
    };
    let mut errors = 0;
    for artifact in [module(Compression::None, None), augmented(true, None)] {
        // Everything before the payload, and its beginning.
        let front = artifact.len().min(14 * 1024);
        for _ in 0..400 {
            let mut damaged = artifact.clone();
            for _ in 0..=random(3) {
                damaged[random(front)] = random(256).to_le_bytes()[0];
            }
            if random(4) == 0 {
                damaged.truncate(random(artifact.len()));
            }
            match rename(&damaged) {
                Ok(new) => assert!(new.len() + 4096 > damaged.len()),
                Err(error) => {
                    errors += 1;
                    assert!(!error.to_string().contains('\n'));
                }
            }
        }
    }
    assert!(errors > 300, "{errors}");
}

/// Puts this size into the tar header at `at`.
fn claim(artifact: &mut [u8], at: usize, size: &[u8; 11]) {
    artifact[at + 124..at + 135].copy_from_slice(size);
    artifact[at + 148..at + 156].fill(b' ');
    let sum: u32 = artifact[at..at + 512].iter().map(|byte| u32::from(*byte)).sum();
    artifact[at + 148..at + 156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
}

#[test]
fn sizes_that_are_only_claimed() {
    let artifact = module(Compression::None, None);
    let at = |name: &[u8]| artifact.windows(name.len()).position(|window| window == name).unwrap();
    for (name, defect) in [
        (&b"version\0"[..], Defect::TooLarge),
        (b"manifest\0", Defect::TooLarge),
        (b"header.tar\0", Defect::TooLarge),
        (b"data/0000.tar\0", Defect::Truncated),
    ] {
        let mut large = artifact.clone();
        claim(&mut large, at(name), b"77777777777");
        let error = rename(&large).unwrap_err();
        assert_eq!(error.defect(), defect, "{error}");
        assert!(matches!(error.category(), Category::Limit | Category::Format));
        // The same between files, where the payload is not read.
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("old"), &large).unwrap();
        let old = File::open(folder.path().join("old")).unwrap();
        let new = File::create(folder.path().join("new")).unwrap();
        let done = Original::read(Source::File(&old)).and_then(|original| original.write(Target::File(&new)));
        assert_eq!(done.unwrap_err().defect(), defect);
    }
}
