//! The content of a payload, changed where it lies: the same Artifact comes of it as of one that was unpacked.

use crate::artifacts::{key, member, read, unpacked};
use crate::content::{ALL, changed, image, rootfs};
use mender_artifact::compression::Compression;
use mender_artifact::compression::encoder::{Effort, Encoder};
use mender_artifact::error::Error;
use mender_artifact::modify::{Changes, NewContent, modify};
use mender_artifact::rewrite::{Original, Recompression, Source, Target};
use mender_artifact::write::defaults::ChecksumProvide;
use std::fs::File;
use std::io::{Read, Seek, Write};
use std::num::NonZeroUsize;
use std::ops::Range;

/// The Artifact with `bytes` put into the image at `ranges`; `None` where it cannot be changed where it lies.
fn changed_in_place(artifact: &[u8], ranges: &[(usize, usize)]) -> Result<Option<Vec<u8>>, Error> {
    let folder = tempfile::tempdir().unwrap();
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(artifact).unwrap();
    let mut original = Original::read(Source::File(&file))?;
    let Some(content) = original.open_content(folder.path())? else { return Ok(None) };
    for (from, to) in ranges {
        let bytes = vec![b'!'; to - from];
        content.write_at(*from as u64, &bytes).unwrap();
        let mut seen = vec![0; bytes.len()];
        content.read_at(*from as u64, &mut seen).unwrap();
        assert_eq!(seen, bytes);
    }
    assert!(content.read_at(content.len_bytes(), &mut [0]).is_err());
    assert!(content.write_at(content.len_bytes(), &[0]).is_err());
    let (unpacked, after) = content.settle()?;
    let (name, before) = (unpacked.name.clone(), unpacked.checksum);
    let changes = Changes { content: Some(NewContent { name, before, after }), ..Changes::default() };
    modify(&mut original, &changes)?;
    let how = Recompression {
        compression: unpacked.compression(),
        effort: Effort::default(),
        threads: NonZeroUsize::MIN,
        spool_directory: folder.path(),
        on_progress: None,
    };
    let ranges: Vec<Range<u64>> = ranges.iter().map(|(from, to)| *from as u64..*to as u64).collect();
    let mut new: File = tempfile::tempfile().unwrap();
    original.write_with_content(&unpacked, &content, &ranges, &how, Target::File(&new))?;
    let mut bytes = Vec::new();
    new.rewind().unwrap();
    new.read_to_end(&mut bytes).unwrap();
    Ok(Some(bytes))
}

#[test]
fn it_is_as_if_it_had_been_unpacked() {
    // More than one stretch of each kind.
    let image = image().repeat(5);
    let len = image.len();
    for compression in ALL {
        let artifact = rootfs(&image, compression, ChecksumProvide::Standard, Some(&key()));
        for ranges in [
            &[(0, 1)][..],
            &[(1024, 2048), (1 << 20, (1 << 20) + 1), (len - 1, len)],
            &[((3 << 20) - 10, (3 << 20) + 10), (8 << 20, 9 << 20)],
            &[(0, len)],
            &[],
        ] {
            let in_place = changed_in_place(&artifact, ranges).unwrap();
            assert_eq!(in_place.is_none(), compression == Compression::Xz, "{compression:?}");
            let Some(in_place) = in_place else { continue };
            let (unpacked, _) = changed(&artifact, ranges, None).unwrap();
            assert!(in_place == unpacked, "{compression:?} {ranges:?}");
        }
    }
}

/// An Artifact whose payload is compressed by somebody else.
fn packed_otherwise(image: &[u8], compression: Compression, pack: &dyn Fn(&[u8]) -> Vec<u8>) -> Vec<u8> {
    let artifact = rootfs(image, Compression::None, ChecksumProvide::Standard, None);
    let mut members = crate::artifacts::members(&artifact);
    let payload = members.last_mut().unwrap();
    payload.0 = format!("data/0000.tar{}", compression.suffix());
    payload.3 = pack(&payload.3);
    let mut builder = tar::Builder::new(Vec::new());
    for (name, _, _, contents) in &members {
        let mut header = tar::Header::new_ustar();
        header.set_mode(0o600);
        header.set_size(contents.len() as u64);
        builder.append_data(&mut header, name, &contents[..]).unwrap();
    }
    builder.into_inner().unwrap()
}

fn ours(content: &[u8]) -> Vec<u8> {
    let mut encoder =
        Encoder::new(Vec::new(), Compression::Gzip, Effort::Fastest, NonZeroUsize::MIN).unwrap();
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

fn theirs(content: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn what_others_pack_is_unpacked_first() {
    let image = image();
    let in_place = |pack: &dyn Fn(&[u8]) -> Vec<u8>| {
        let artifact = packed_otherwise(&image, Compression::Gzip, pack);
        read(&artifact);
        let in_place = changed_in_place(&artifact, &[(5, 9)]).unwrap();
        let whole = changed(&artifact, &[(5, 9)], None).unwrap().0;
        let payload = |artifact: &[u8]| unpacked("data/0000.tar.gz", &member(artifact, "data/0000.tar.gz"));
        in_place.map(|it| read(&it) == read(&whole) && payload(&it) == payload(&whole))
    };
    assert_eq!(in_place(&ours), Some(true));
    assert_eq!(in_place(&theirs), None);
    // Both, one behind the other.
    assert_eq!(in_place(&|all| [ours(&all[..all.len() / 2]), theirs(&all[all.len() / 2..])].concat()), None);
    assert_eq!(in_place(&|all| [theirs(&all[..1000]), ours(&all[1000..])].concat()), None);
    // More members than blocks, empty ones among them.
    assert_eq!(
        in_place(&|all| [ours(b""), ours(&all[..700]), ours(&all[700..]), ours(b"")].concat()),
        Some(true)
    );
}

#[test]
fn damage_is_found_however_little_was_looked_at() {
    let image = image().repeat(2);
    for compression in [Compression::None, Compression::Gzip, Compression::Zstd] {
        let artifact = rootfs(&image, compression, ChecksumProvide::Standard, None);
        let mut refused = 0;
        for back in [1100, 3000, artifact.len() / 3, artifact.len() / 2] {
            let mut bad = artifact.clone();
            let at = bad.len() - back;
            bad[at] ^= 0x10;
            let result = changed_in_place(&bad, &[(0, 1)]);
            // Padding between members means nothing.
            match result {
                Err(_) => refused += 1,
                // What is damaged where a frame or member begins is not gone through in place.
                Ok(None) => {
                    assert!(changed(&bad, &[(0, 1)], None).is_err());
                    refused += 1;
                }
                Ok(Some(_)) => drop(read(&bad)),
            }
        }
        assert!(refused >= 2, "{compression:?}");
    }
}
