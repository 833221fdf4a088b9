//! Another compression: what is in the archives stays as it is.

use crate::artifacts::{header_files, member, members, module, original, read, unpacked};
use mender_artifact::compression::Compression;
use mender_artifact::compression::encoder::Effort;
use mender_artifact::error::Defect;
use mender_artifact::modify::{Changes, modify};
use mender_artifact::rewrite::{Recompression, Target};
use std::cell::Cell;
use std::num::NonZeroUsize;

fn recompressed(artifact: &[u8], compression: Compression) -> Result<Vec<u8>, mender_artifact::error::Error> {
    let mut original = original(artifact);
    let effort = Effort::Fast;
    let changes = Changes { compression: Some((compression, effort)), ..Changes::default() };
    modify(&mut original, &changes)?;
    let folder = tempfile::tempdir().unwrap();
    let threads = NonZeroUsize::new(2).unwrap();
    let told = Cell::new(0);
    let on_progress = |done, total: Option<u64>| {
        assert!(done >= told.get() && total.is_none());
        told.set(done);
    };
    let how = Recompression {
        compression,
        effort,
        threads,
        spool_directory: folder.path(),
        on_progress: Some(&on_progress),
    };
    let mut new = Vec::new();
    original.write_recompressed(Target::Stream(&mut new), &how)?;
    assert_eq!(told.get(), artifact.len() as u64);
    let artifact = new;
    Ok(artifact)
}

#[test]
fn archives_are_the_same_inside() {
    const ALL: [Compression; 4] = [Compression::None, Compression::Gzip, Compression::Xz, Compression::Zstd];
    for from in ALL {
        let old = module(from, None);
        for to in ALL {
            let new = recompressed(&old, to).unwrap();
            assert_eq!(read(&new), read(&old));
            assert!(header_files(&new) == header_files(&old));
            let payload = |artifact: &[u8]| {
                let found =
                    members(artifact).into_iter().find(|member| member.0.starts_with("data/")).unwrap();
                assert_eq!((found.1, found.2), (0o600, 1_000_000));
                unpacked(&found.0, &found.3)
            };
            assert!(payload(&new) == payload(&old));
            assert!(members(&new)[3].0.ends_with(&format!(".tar{}", to.suffix())));
        }
    }
}

#[test]
fn a_damaged_payload_is_noticed() {
    let mut artifact = module(Compression::Gzip, None);
    let len = member(&artifact, "data/").len();
    // The checksum of gzip is eight bytes before the end of the stream.
    let at = artifact.len() - 1024 - (512 - len % 512) % 512 - 8;
    artifact[at] ^= 1;
    assert_eq!(recompressed(&artifact, Compression::Zstd).unwrap_err().defect(), Defect::Compressed);
}
