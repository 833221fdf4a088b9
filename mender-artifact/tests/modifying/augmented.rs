//! Augmented Artifacts: a reader finds what was asked for, whichever header says it.

use crate::artifacts::{augmented, key, members, original, read, values, written};
use mender_artifact::compression::Compression;
use mender_artifact::compression::encoder::Effort;
use mender_artifact::header::PayloadHeader;
use mender_artifact::modify::{Changes, SignatureFate, modify};
use mender_artifact::resign::sign;
use mender_artifact::rewrite::{Recompression, Target};
use std::num::NonZeroUsize;

/// The payload as a reader finds it, before and after.
fn changed(old: &[u8], changes: &Changes<'_>) -> (PayloadHeader, PayloadHeader) {
    let mut original = original(old);
    modify(&mut original, changes).unwrap();
    let new = written(original);
    let (old, new) = (read(old), read(&new));
    assert_eq!(new.augments.len(), 1);
    (old.payloads[0].clone(), new.payloads[0].clone())
}

#[test]
fn names_and_groups_are_the_same_in_both_headers() {
    let old = augmented(true, None);
    let changes = Changes {
        artifact_name: Some("r2".into()),
        provides_group: Some("g".into()),
        depends_names: Some(vec!["r1".into()]),
        ..Changes::default()
    };
    let mut original = original(&old);
    modify(&mut original, &changes).unwrap();
    let new = written(original);
    let mut expected = read(&old);
    expected.artifact_name = "r2".into();
    expected.artifact_group = Some("g".into());
    expected.depends_names = vec!["r1".into()];
    assert_eq!(read(&new), expected);
}

#[test]
fn the_payload_is_as_asked_whichever_header_said_it() {
    for added_meta_data in [true, false] {
        let old = augmented(added_meta_data, None);
        let changes = Changes { provides: Some(values(&[("c", "3")])), ..Changes::default() };
        let (before, after) = changed(&old, &changes);
        assert_eq!(before.provides["b"], values(&[("b", "2")])["b"]);
        assert_eq!(after, PayloadHeader { provides: values(&[("c", "3")]), ..before });

        let value = serde_json::json!({"k": [1]});
        let changes = Changes { meta_data: Some(value.clone()), ..Changes::default() };
        let (before, after) = changed(&old, &changes);
        assert_eq!(after, PayloadHeader { meta_data: Some(value), ..before });

        let changes =
            Changes { add_clears: vec!["y".into()], remove_clears: vec!["x".into()], ..Changes::default() };
        let (before, after) = changed(&old, &changes);
        assert_eq!(after, PayloadHeader { clears: Some(vec!["y".into()]), ..before });
    }
}

#[test]
fn what_no_signature_covers_leaves_the_signature_as_it_is() {
    let key = key();
    let old = augmented(true, Some(&key));
    let mut original = original(&old);
    let changes = Changes { meta_data: Some(serde_json::json!({"k": 1})), ..Changes::default() };
    let report = modify(&mut original, &changes).unwrap();
    assert_eq!((report.signature, report.changed), (SignatureFate::Kept, true));
    let new = written(original);
    let (old, new) = (members(&old), members(&new));
    let different: Vec<_> =
        old.iter().zip(&new).filter(|(old, new)| old != new).map(|(old, _)| &old.0).collect();
    assert_eq!(different, ["manifest-augment", "header-augment.tar.gz"]);
}

#[test]
fn signing_and_another_compression() {
    let old = augmented(false, None);
    let mut signed = original(&old);
    sign(&mut signed, &key(), false).unwrap();
    let names: Vec<_> = members(&written(signed)).into_iter().map(|member| member.0).collect();
    let expected = ["version", "manifest", "manifest.sig", "manifest-augment", "header.tar.gz"];
    assert_eq!(names[..5], expected);

    let mut other = original(&old);
    let (compression, effort) = (Compression::Zstd, Effort::Fast);
    modify(&mut other, &Changes { compression: Some((compression, effort)), ..Changes::default() }).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let how = Recompression {
        compression,
        effort,
        threads: NonZeroUsize::MIN,
        spool_directory: folder.path(),
        on_progress: None,
    };
    let mut new = Vec::new();
    other.write_recompressed(Target::Stream(&mut new), &how).unwrap();
    assert_eq!(read(&new), read(&old));
    let names: Vec<_> = members(&new).into_iter().map(|member| member.0).collect();
    assert_eq!(names[3..], ["header.tar.zst", "header-augment.tar.zst", "data/0000.tar.zst"]);
}
