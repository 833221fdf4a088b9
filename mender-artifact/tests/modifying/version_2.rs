//! Artifacts of format version 2: name and scripts can change, what they do not have cannot.

use crate::artifacts::{header_files, original, read, script, values, version_2, written};
use mender_artifact::error::Defect;
use mender_artifact::modify::{Changes, modify};

#[test]
fn name_and_scripts() {
    let old = version_2();
    let mut original = original(&old);
    let changes = Changes {
        artifact_name: Some("r2".into()),
        add_scripts: vec![script("ArtifactInstall_Enter_00")],
        ..Changes::default()
    };
    modify(&mut original, &changes).unwrap();
    let new = written(original);
    let mut expected = read(&old);
    expected.artifact_name = "r2".into();
    expected.scripts.push(script("ArtifactInstall_Enter_00").script);
    assert_eq!(read(&new), expected);
    let files = |artifact: &[u8]| {
        let mut files = header_files(artifact);
        files.retain(|file| file.0.starts_with("headers/"));
        files
    };
    assert!(files(&new) == files(&old));
}

#[test]
fn what_it_does_not_have() {
    let old = version_2();
    for changes in [
        Changes { provides_group: Some("g".into()), ..Changes::default() },
        Changes { depends_names: Some(vec!["x".into()]), ..Changes::default() },
        Changes { provides: Some(values(&[("a", "b")])), ..Changes::default() },
        Changes { add_clears: vec!["x".into()], ..Changes::default() },
        Changes { meta_data: Some(serde_json::json!({"a": 1})), ..Changes::default() },
    ] {
        let error = modify(&mut original(&old), &changes).unwrap_err();
        assert_eq!(error.defect(), Defect::Version, "{error}");
    }
}
