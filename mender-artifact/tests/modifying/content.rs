//! The content of a payload, changed: the rest stays, and no more is compressed anew than has to be.

use crate::artifacts::{key, members, module, read, unpacked, values};
use mender_artifact::compression::Compression;
use mender_artifact::compression::encoder::Effort;
use mender_artifact::digest::{digest, to_hex};
use mender_artifact::error::{Defect, Error};
use mender_artifact::header::TypeInfoValue;
use mender_artifact::modify::{Changes, NewContent, SignatureFate, modify};
use mender_artifact::rewrite::{Original, Recompression, Source, Target};
use mender_artifact::sign::Signer;
use mender_artifact::write::defaults::{ChecksumProvide, PayloadChoices};
use mender_artifact::write::input::PayloadInput;
use mender_artifact::write::plan::{ArtifactPlan, PayloadPlan};
use mender_artifact::write::{WriteOptions, write_artifact};
use std::fs::File;
use std::io::{Cursor, Read, Seek, SeekFrom, Write};
use std::num::NonZeroUsize;
use std::ops::Range;

/// Where content is changed: from this byte to that.
pub(crate) type Changed = (usize, usize);

pub(crate) const ALL: [Compression; 4] =
    [Compression::None, Compression::Gzip, Compression::Xz, Compression::Zstd];

/// Some megabytes, empty in the middle.
pub(crate) fn image() -> Vec<u8> {
    let mut image: Vec<u8> = (0..600_000_u32).flat_map(|n| (n / 5 * 7).to_le_bytes()).collect();
    image[900_000..1_500_000].fill(0);
    image
}

pub(crate) fn rootfs(
    image: &[u8],
    compression: Compression,
    checksum: ChecksumProvide,
    signer: Option<&dyn Signer>,
) -> Vec<u8> {
    let file = PayloadInput::from_reader("img", Some(image.len() as u64), Cursor::new(image.to_vec()));
    let file = file.with_mode(0o640).with_modified(77);
    let choices = PayloadChoices { provides: values(&[("other", "1")]), ..PayloadChoices::default() };
    let plan = ArtifactPlan {
        artifact_name: "r1".into(),
        compatible_types: vec!["board".into()],
        payloads: vec![PayloadPlan::rootfs_image("r1", file, choices, checksum)],
        compression,
        signer,
        ..ArtifactPlan::default()
    };
    let mut artifact = Vec::new();
    let options = WriteOptions { source_date_epoch: Some(1_000_000), ..WriteOptions::default() };
    write_artifact(plan, &mut artifact, &options).unwrap();
    artifact
}

/// The Artifact with `bytes` put into the image at `ranges`, and what became of the signature.
pub(crate) fn changed(
    artifact: &[u8],
    ranges: &[Changed],
    to: Option<Compression>,
) -> Result<(Vec<u8>, SignatureFate), Error> {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(artifact).unwrap();
    let mut spool = tempfile::tempfile().unwrap();
    let mut original = Original::read(Source::File(&file))?;
    let unpacked = original.unpack_content(&spool)?;
    for (from, to) in ranges {
        spool.seek(SeekFrom::Start(*from as u64)).unwrap();
        spool.write_all(&vec![b'!'; to - from]).unwrap();
    }
    let ranges: Vec<Range<u64>> = ranges.iter().map(|(from, to)| *from as u64..*to as u64).collect();
    let after = unpacked.checksum_now(&spool)?;
    let content = NewContent { name: unpacked.name.clone(), before: unpacked.checksum, after };
    let compression = to.map(|to| (to, Effort::default()));
    let report =
        modify(&mut original, &Changes { content: Some(content), compression, ..Changes::default() })?;
    let folder = tempfile::tempdir().unwrap();
    let how = Recompression {
        compression: to.unwrap_or(unpacked.compression()),
        effort: Effort::default(),
        threads: NonZeroUsize::new(2).unwrap(),
        spool_directory: folder.path(),
        on_progress: None,
    };
    let new = tempfile::tempfile().unwrap();
    original.write_with_content(&unpacked, &spool, &ranges, &how, Target::File(&new))?;
    Ok((bytes(&new), report.signature))
}

fn bytes(mut file: &File) -> Vec<u8> {
    let mut bytes = Vec::new();
    file.rewind().unwrap();
    file.read_to_end(&mut bytes).unwrap();
    bytes
}

const RANGES: [&[Changed]; 5] =
    [&[(0, 1)], &[(1024, 5000), (2_399_000, 2_400_000)], &[(1_200_000, 1_200_001)], &[(0, 2_400_000)], &[]];

#[test]
fn it_is_the_artifact_that_would_have_been_written() {
    let before = image();
    for compression in ALL {
        let artifact = rootfs(&before, compression, ChecksumProvide::Standard, None);
        for ranges in RANGES {
            let mut after = before.clone();
            ranges.iter().for_each(|(from, to)| after[*from..*to].fill(b'!'));
            let (new, signature) = changed(&artifact, ranges, None).unwrap();
            assert!(
                new == rootfs(&after, compression, ChecksumProvide::Standard, None),
                "{compression:?} {ranges:?}"
            );
            assert_eq!(signature, SignatureFate::None);
            let other = Compression::Zstd;
            let (new, _) = changed(&artifact, ranges, Some(other)).unwrap();
            assert!(
                new == rootfs(&after, other, ChecksumProvide::Standard, None),
                "{compression:?} {ranges:?}"
            );
        }
    }
}

#[test]
fn only_touched_members_are_compressed_anew() {
    // As packed by somebody else: members of odd lengths and another level.
    let image = image();
    let artifact = rootfs(&image, Compression::None, ChecksumProvide::Standard, None);
    let mut parts = members(&artifact);
    let archive = std::mem::take(&mut parts[3].3);
    let mut packed = Vec::new();
    let mut ends = Vec::new();
    for piece in archive.chunks(377_777) {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(piece).unwrap();
        packed.extend(encoder.finish().unwrap());
        ends.push(packed.len());
    }
    parts[3].0.push_str(".gz");
    let mut builder = tar::Builder::new(Vec::new());
    for (name, mode, time, contents) in &parts {
        let contents = if name.starts_with("data/") { &packed } else { contents };
        let mut header = tar::Header::new_ustar();
        header.set_size(contents.len() as u64);
        header.set_mode(*mode);
        header.set_mtime(*time);
        builder.append_data(&mut header, name, contents.as_slice()).unwrap();
    }
    let artifact = builder.into_inner().unwrap();
    // In the third of seven.
    let (new, _) = changed(&artifact, &[(800_000, 800_100)], None).unwrap();
    let archive = members(&new).swap_remove(3);
    assert_eq!(archive.3[..ends[1]], packed[..ends[1]]);
    let rest = packed.len() - ends[2];
    assert_eq!(archive.3[archive.3.len() - rest..], packed[ends[2]..]);
    assert_ne!(archive.3, packed);
    let plain = unpacked(&archive.0, &archive.3);
    assert_eq!(plain[512 + 800_000..][..100], [b'!'; 100]);
    read(&new);
}

#[test]
fn checksums_and_signature_follow() {
    let image = image();
    for (checksum, key_name) in [
        (ChecksumProvide::Standard, Some("rootfs-image.checksum")),
        (ChecksumProvide::Legacy, Some("rootfs_image_checksum")),
        (ChecksumProvide::None, None),
    ] {
        let key = key();
        let artifact = rootfs(&image, Compression::Gzip, checksum, Some(&key));
        let (new, signature) = changed(&artifact, &[(5, 6)], None).unwrap();
        assert_eq!(signature, SignatureFate::Removed);
        let mut after = image.clone();
        after[5] = b'!';
        let payload = &read(&new).payloads[0];
        let expected = key_name.map(|_| TypeInfoValue::One(to_hex(&digest(&after))));
        assert_eq!(key_name.and_then(|key| payload.provides.get(key).cloned()), expected);
        assert_eq!(payload.provides["other"], TypeInfoValue::One("1".into()));
    }
}

#[test]
fn what_cannot_be_changed_is_refused() {
    let refused = |artifact: &[u8]| changed(artifact, &[], None).unwrap_err();
    assert_eq!(refused(&module(Compression::Gzip, None)).defect(), Defect::Misuse);
    assert_eq!(refused(&crate::artifacts::bootstrap()).defect(), Defect::Misuse);
    assert_eq!(refused(&crate::artifacts::augmented(false, None)).defect(), Defect::Misuse);
    for compression in ALL {
        let mut artifact = rootfs(&image(), compression, ChecksumProvide::Standard, None);
        let at = artifact.len() - 8192;
        artifact[at] ^= 1;
        let defect = refused(&artifact).defect();
        assert!(matches!(defect, Defect::Checksum | Defect::Compressed), "{defect:?}");
        artifact.truncate(at);
        refused(&artifact);
    }
}
