//! The payload on its way: between files as between streams, byte for byte.

use crate::artifacts::{bootstrap, key, members, module, original, read, rootfs, written};
use mender_artifact::compression::Compression;
use mender_artifact::error::{Defect, Error};
use mender_artifact::limits::Limits;
use mender_artifact::read::{ReadOptions, read_artifact};
use mender_artifact::resign::sign;
use mender_artifact::rewrite::{Original, Source, Target};
use std::fs::{self, File};

/// Signs through files: the way that lets the system move the payload.
fn between_files(artifact: &[u8]) -> Result<Vec<u8>, Error> {
    let folder = tempfile::tempdir().unwrap();
    let (old, new) = (folder.path().join("old"), folder.path().join("new"));
    fs::write(&old, artifact).unwrap();
    let (old, target) = (File::open(old).unwrap(), File::create(&new).unwrap());
    let mut original = Original::read(Source::File(&old))?;
    sign(&mut original, &key(), true)?;
    original.write(Target::File(&target))?;
    Ok(fs::read(new).unwrap())
}

fn between_streams(artifact: &[u8]) -> Vec<u8> {
    let mut original = original(artifact);
    sign(&mut original, &key(), true).unwrap();
    written(original)
}

#[test]
fn files_and_streams_give_the_same() {
    let large = rootfs((20 << 20) + 777, Compression::None, None);
    for artifact in [module(Compression::Gzip, None), bootstrap(), large] {
        let files = between_files(&artifact).unwrap();
        assert!(files == between_streams(&artifact));
        read(&files);
        let ours: Vec<_> = members(&files).into_iter().filter(|member| member.0 != "manifest.sig").collect();
        assert!(ours == members(&artifact));
        // Signing again changes nothing, also not the room that keeps the payload on its boundary.
        assert!(files == between_files(&files).unwrap());
    }
}

/// Where the member whose name begins with `prefix` has its contents.
fn place_of(artifact: &[u8], prefix: &str) -> u64 {
    let mut archive = tar::Archive::new(artifact);
    let mut entries = archive.entries().unwrap().map(Result::unwrap);
    entries
        .find(|entry| entry.path().unwrap().to_str().unwrap().starts_with(prefix))
        .unwrap()
        .raw_file_position()
}

#[test]
fn large_payloads_keep_their_place_within_a_block_and_small_ones_get_no_room() {
    let large = rootfs(20 << 20, Compression::None, None);
    let signed = between_streams(&large);
    let shift = place_of(&signed, "data/") - place_of(&large, "data/");
    assert_eq!(shift, 4096, "a signature takes 1024 bytes, the room 3072");
    let mut unsigned = original(&signed);
    unsigned.front_mut().remove_signature();
    assert!(written(unsigned) == large);

    // A device with its limits reads it, too.
    let options = ReadOptions { limits: Limits::device(), ..ReadOptions::default() };
    read_artifact(&signed[..], &options, &mut ()).unwrap();

    let small = module(Compression::None, None);
    let shift = place_of(&between_streams(&small), "data/") - place_of(&small, "data/");
    assert_eq!(shift, 1024);
}

#[test]
fn what_is_cut_off_or_has_something_behind_it_is_not_carried() {
    let artifact = module(Compression::None, None);
    let last = artifact.len();
    let mut padded = artifact.clone();
    padded.resize(last + 9 * 512, 0);
    assert!(between_files(&padded).unwrap() == between_files(&artifact).unwrap());
    for (bad, defect) in [
        (artifact[..last - 1024].to_vec(), Defect::Truncated),
        (artifact[..last - 512].to_vec(), Defect::Truncated),
        (artifact[..last - 2000].to_vec(), Defect::Truncated),
        (artifact[..last / 2].to_vec(), Defect::Truncated),
        ([&artifact[..], b"more"].concat(), Defect::TrailingData),
        ([&artifact[..last - 1024], &artifact].concat(), Defect::Order),
    ] {
        assert_eq!(between_files(&bad).unwrap_err().defect(), defect);
        let mut original = original(&bad);
        sign(&mut original, &key(), false).unwrap();
        let error = original.write(Target::Stream(&mut std::io::sink())).unwrap_err();
        assert_eq!(error.defect(), defect);
    }
}

#[test]
fn the_beginning_of_the_payload_can_be_seen_without_the_rest() {
    for compression in [Compression::None, Compression::Gzip, Compression::Xz, Compression::Zstd] {
        let artifact = module(compression, None);
        let mut original = original(&artifact);
        assert_eq!(original.payload_compression(), Some(compression));
        let expected: Vec<u8> = (0..500_u32).flat_map(|n| (n / 3).to_le_bytes()).collect();
        assert!(original.first_payload_bytes(2000).unwrap() == expected, "{compression:?}");
        assert!(written(original) == artifact);
    }
    assert!(original(&bootstrap()).first_payload_bytes(10).unwrap().is_empty());
}
