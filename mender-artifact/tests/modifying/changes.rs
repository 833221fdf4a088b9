//! What is asked for changes, nothing else.

use crate::artifacts::{
    bootstrap, header_files, members, module, original, read, rootfs, script, values, written,
};
use mender_artifact::compression::Compression;
use mender_artifact::error::Defect;
use mender_artifact::header::ArtifactHeader;
use mender_artifact::modify::{Changes, ModifyReport, modify};

fn changed(artifact: &[u8], changes: &Changes<'_>) -> (Vec<u8>, ModifyReport) {
    let mut original = original(artifact);
    let report = modify(&mut original, changes).unwrap();
    (written(original), report)
}

fn list(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

/// Applies `changes` and compares with what `edit` makes of the description.
fn gives(artifact: &[u8], changes: &Changes<'_>, edit: impl FnOnce(&mut ArtifactHeader)) -> Vec<u8> {
    let (new, report) = changed(artifact, changes);
    let mut expected = read(artifact);
    edit(&mut expected);
    assert_eq!(read(&new), expected);
    assert!(report.changed);
    // What stands in the outer archive keeps order, mode, time and, but for manifest and header, bytes.
    let unsigned =
        |artifact: &[u8]| members(artifact).into_iter().filter(|member| member.0 != "manifest.sig");
    for (old, new) in unsigned(artifact).zip(unsigned(&new)) {
        assert_eq!((&old.0, old.1, old.2), (&new.0, new.1, new.2));
        assert!(old.3 == new.3 || old.0 == "manifest" || old.0.starts_with("header.tar"), "{}", old.0);
    }
    new
}

#[test]
fn the_name_and_nothing_else() {
    for compression in [Compression::None, Compression::Gzip, Compression::Xz, Compression::Zstd] {
        let old = module(compression, None);
        let changes = Changes { artifact_name: Some("r2".into()), ..Changes::default() };
        let new = gives(&old, &changes, |header| header.artifact_name = "r2".into());
        for (old, new) in header_files(&old).into_iter().zip(header_files(&new)) {
            assert!(old == new || old.0 == "header-info");
        }
    }
}

#[test]
fn groups_and_devices() {
    let old = module(Compression::Gzip, None);
    let changes = Changes {
        depends_names: Some(list(&["a", "b"])),
        provides_group: Some("g".into()),
        depends_groups: Some(list(&["h"])),
        ..Changes::default()
    };
    let new = gives(&old, &changes, |header| {
        header.depends_names = list(&["a", "b"]);
        header.artifact_group = Some("g".into());
        header.depends_groups = list(&["h"]);
    });
    let info = header_files(&new).remove(0).3;
    assert_eq!(
        String::from_utf8(info).unwrap(),
        "{\"payloads\":[{\"type\":\"files\"}],\"artifact_provides\":{\"artifact_name\":\"r1\",\
         \"artifact_group\":\"g\"},\"artifact_depends\":{\"artifact_name\":[\"a\",\"b\"],\
         \"device_type\":[\"board\",\"board2\"],\"artifact_group\":[\"h\"]}}"
    );
    // An empty text takes away.
    let changes = Changes {
        depends_names: Some(list(&[""])),
        provides_group: Some(String::new()),
        depends_groups: Some(Vec::new()),
        ..Changes::default()
    };
    gives(&new, &changes, |header| {
        header.depends_names.clear();
        header.artifact_group = None;
        header.depends_groups.clear();
    });
}

#[test]
fn provides_and_depends_are_replaced_as_a_whole() {
    let old = rootfs(1000, Compression::Gzip, None);
    let changes = Changes { provides: Some(values(&[("k", "v"), ("<", ">")])), ..Changes::default() };
    gives(&old, &changes, |header| header.payloads[0].provides = values(&[("k", "v"), ("<", ">")]));
    assert!(changed(&old, &changes).1.has_lost_checksum());
    let changes = Changes { depends: Some(values(&[("d", "e")])), ..Changes::default() };
    gives(&old, &changes, |header| header.payloads[0].depends = values(&[("d", "e")]));
    assert!(!changed(&old, &changes).1.has_lost_checksum());
    let old = bootstrap();
    let changes = Changes { provides: Some(values(&[("k", "v")])), ..Changes::default() };
    gives(&old, &changes, |header| header.payloads[0].provides = values(&[("k", "v")]));
}

#[test]
fn clears_are_added_and_taken_away() {
    let old = module(Compression::Gzip, None);
    let clears = |clears: &[&str]| {
        let clears = Some(list(clears));
        move |header: &mut ArtifactHeader| header.payloads[0].clears = clears
    };
    let change = |add: &[&str], remove: &[&str]| Changes {
        add_clears: list(add),
        remove_clears: list(remove),
        ..Changes::default()
    };
    let new = gives(&old, &change(&["y", "x", "z"], &[]), clears(&["x", "rootfs-image.files.*", "y", "z"]));
    let new = gives(&new, &change(&["w"], &["x", "z"]), clears(&["rootfs-image.files.*", "y", "w"]));
    // The empty list stays: without one a device takes everything away.
    let new = gives(&new, &change(&[], &["w", "y", "rootfs-image.files.*"]), clears(&[]));
    let (same, report) = changed(&new, &change(&[], &["none", "none"]));
    assert!(same == new && !report.changed);
    assert_eq!(report.clears_not_found, ["none"]);
}

#[test]
fn meta_data_and_scripts() {
    let old = module(Compression::Gzip, None);
    let value = serde_json::json!({"b": 1, "a": ["<"]});
    let changes = Changes { meta_data: Some(value.clone()), ..Changes::default() };
    let new = gives(&old, &changes, |header| header.payloads[0].meta_data = Some(value));
    let meta_data = header_files(&new).pop().unwrap();
    assert_eq!(meta_data.3, b"{\"a\":[\"\\u003c\"],\"b\":1}");
    let changes = Changes { meta_data: Some(serde_json::json!({})), ..Changes::default() };
    gives(&new, &changes, |header| header.payloads[0].meta_data = None);

    let names = ["ArtifactInstall_Enter_40", "ArtifactInstall_Enter_20", "ArtifactCommit_Enter_00"];
    let changes = Changes { add_scripts: names.map(script).to_vec(), ..Changes::default() };
    let new = gives(&old, &changes, |header| {
        header.scripts.extend(names.map(|name| script(name).script));
        header.scripts.sort_by(|a, b| a.name.cmp(&b.name));
    });
    let mut again = original(&new);
    assert_eq!(modify(&mut again, &changes).unwrap_err().defect(), Defect::Duplicate);
    // The first script and the first meta-data of an Artifact that had none.
    let bare = bootstrap();
    let changes = Changes { add_scripts: vec![script(names[0])], ..Changes::default() };
    gives(&bare, &changes, |header| header.scripts.push(script(names[0]).script));
}

#[test]
fn what_readers_would_refuse_is_refused() {
    let refused = |artifact: &[u8], changes: &Changes<'_>| {
        let error = modify(&mut original(artifact), changes).unwrap_err();
        assert!(!error.to_string().contains('\n'));
        error.defect()
    };
    let (module, rootfs, bootstrap) =
        (module(Compression::None, None), rootfs(10, Compression::None, None), bootstrap());
    let name = |name: &str| Changes { artifact_name: Some(name.into()), ..Changes::default() };
    assert_eq!(refused(&module, &name("")), Defect::Name);
    assert_eq!(refused(&module, &name("a\nb")), Defect::Name);
    assert_eq!(refused(&module, &name(&"a".repeat(257))), Defect::Name);
    assert_eq!(refused(&rootfs, &name("a b")), Defect::Name);
    let meta_data = |value| Changes { meta_data: Some(value), ..Changes::default() };
    assert_eq!(refused(&module, &meta_data(serde_json::json!([]))), Defect::Value);
    assert_eq!(refused(&bootstrap, &meta_data(serde_json::json!({"a": 1}))), Defect::Misuse);
    let provides = Changes { provides: Some(values(&[("a", "b\u{7}")])), ..Changes::default() };
    assert_eq!(refused(&module, &provides), Defect::Name);
    let deep = (0..200).fold(serde_json::json!({"x": 1}), |inner, _| serde_json::json!({"a": inner}));
    assert_eq!(refused(&module, &meta_data(deep)), Defect::TooDeep);
}
