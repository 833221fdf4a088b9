//! The reading half understands what the writing half says.

use std::collections::BTreeMap;

use mender_artifact::compression::Compression;
use mender_artifact::compression::encoder::Effort;
use mender_artifact::error::{Defect, Error};
use mender_artifact::header::{StateScript, TypeInfoValue};
use mender_artifact::limits::Limits;
use mender_artifact::read::{PayloadSink, ReadOptions, read_artifact};
use mender_artifact::sign::private_key::PrivateKey;
use mender_artifact::write::defaults::PayloadChoices;
use mender_artifact::write::input::PayloadInput;
use mender_artifact::write::plan::{ArtifactPlan, PayloadPlan};
use mender_artifact::write::{WriteOptions, write_artifact};

const ALL: [Compression; 4] = [Compression::None, Compression::Gzip, Compression::Xz, Compression::Zstd];

/// Keeps the payload.
#[derive(Default)]
struct Keep(BTreeMap<String, Vec<u8>>, String);

impl PayloadSink for Keep {
    fn begin_file(&mut self, payload: usize, name: &str, _: u64) -> Result<(), Error> {
        self.1 = format!("{payload}/{name}");
        self.0.insert(self.1.clone(), Vec::new());
        Ok(())
    }

    fn data(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.0.get_mut(&self.1).unwrap().extend_from_slice(bytes);
        Ok(())
    }
}

/// Everything that can be said at once.
fn full_plan(big: &[u8]) -> ArtifactPlan<'_> {
    let script =
        |name: &str| StateScript { name: name.into(), mode: 0o755, contents: b"#!/bin/sh\n".to_vec() };
    let choices = PayloadChoices {
        provides: [("list".to_owned(), TypeInfoValue::Many(vec!["<a>".into(), "b&".into()]))].into(),
        depends: [("one".to_owned(), TypeInfoValue::One("\"ü\\".into()))].into(),
        ..PayloadChoices::default()
    };
    let files = vec![
        PayloadInput::from_reader("known", Some(big.len() as u64), big).with_modified(12).with_mode(0o6755),
        PayloadInput::from_reader("unknown", None, big).with_modified(1_700_000_000),
        PayloadInput::from_reader("n".repeat(200), None, &b"long name"[..]),
        PayloadInput::from_reader("empty", None, std::io::empty()),
    ];
    let meta_data =
        serde_json::json!({"b": {"n": 1.5, "list": [null, true]}, "a": 18_446_744_073_709_551_615_u64});
    let payload = PayloadPlan::module_image("r 1", "files", files, Some(meta_data), choices);
    ArtifactPlan {
        artifact_name: "r 1".into(),
        artifact_group: Some("new group".into()),
        compatible_types: vec!["board".into(), "other".into()],
        depends_names: vec!["r 0".into()],
        depends_groups: vec!["old".into()],
        scripts: vec![script("ArtifactReboot_Leave_00").into(), script("ArtifactInstall_Error_07_x").into()],
        payloads: vec![payload],
        effort: Effort::Fastest,
        ..ArtifactPlan::default()
    }
}

#[test]
fn what_is_written_is_what_is_read() {
    let big: Vec<u8> = (0..700_000_u32).flat_map(|n| (n / 3).to_le_bytes()).collect();
    let key = PrivateKey::from_pem(include_bytes!("../keys/p256-sec1.pem")).unwrap();
    for compression in ALL {
        let mut artifact = Vec::new();
        let plan = ArtifactPlan { compression, signer: Some(&key), ..full_plan(&big) };
        let written = write_artifact(plan, &mut artifact, &WriteOptions::default()).unwrap();
        let mut keep = Keep::default();
        let read = read_artifact(artifact.as_slice(), &ReadOptions::default(), &mut keep).unwrap();
        assert_eq!(read.header, written.header, "{compression:?}");
        assert_eq!((read.compression, read.size_bytes), (compression, written.artifact_len_bytes));
        assert!(keep.0["0/known"] == big && keep.0["0/unknown"] == big && keep.0["0/empty"].is_empty());
        assert_eq!(keep.0.len(), 4);
        mender_artifact::check::validate(artifact.as_slice(), Some(&key.public_key()), &Limits::default())
            .unwrap();
        let other = PrivateKey::from_pem(include_bytes!("../keys/rsa-pkcs1.pem")).unwrap().public_key();
        assert!(
            mender_artifact::check::validate(artifact.as_slice(), Some(&other), &Limits::default()).is_err()
        );
    }
}

#[test]
fn what_would_not_be_read_is_not_written() {
    let one = |text: &str| TypeInfoValue::One(text.into());
    type Change<'c> = &'c dyn Fn(&mut ArtifactPlan<'_>);
    let changes: [(Change<'_>, Defect); 7] = [
        (&|plan| drop(plan.payloads[0].header.provides.insert("a\nb".into(), one("c"))), Defect::Name),
        (&|plan| drop(plan.payloads[0].header.depends.insert("a".into(), one("b\u{2028}"))), Defect::Name),
        (&|plan| plan.payloads[0].header.clears = Some(vec!["\u{7f}".into()]), Defect::Name),
        (
            &|plan| {
                let deep = (0..200).fold(serde_json::json!(1), |inner, _| serde_json::json!([inner]));
                plan.payloads[0].header.meta_data = Some(serde_json::json!({"deep": deep}));
            },
            Defect::TooDeep,
        ),
        (
            &|plan| {
                let wide: serde_json::Map<_, _> = (0..5000).map(|n| (n.to_string(), n.into())).collect();
                plan.payloads[0].header.meta_data = Some(wide.into());
            },
            Defect::TooMany,
        ),
        (
            &|plan| {
                plan.payloads[0].header.meta_data = Some(serde_json::json!({"long": "x".repeat(1 << 20)}))
            },
            Defect::TooLarge,
        ),
        (&|plan| plan.scripts[0].script.contents = vec![0; 8 << 20], Defect::TooLarge),
    ];
    for (index, (change, defect)) in changes.into_iter().enumerate() {
        let mut plan = full_plan(b"");
        assert!(plan.check().is_ok());
        change(&mut plan);
        assert_eq!(plan.check().unwrap_err().defect(), defect, "change {index}");
    }
    let many = |count: usize, len: usize| {
        let file = |n| PayloadInput::from_reader(format!("{n:0len$}"), None, std::io::empty());
        let mut plan = full_plan(b"");
        plan.payloads[0].files = (0..count).map(file).collect();
        plan.check().map_err(|error| error.defect())
    };
    assert_eq!(many(8192, 50), Ok(()));
    assert_eq!(many(8193, 50), Err(Defect::TooMany));
    assert_eq!(many(8192, 200), Err(Defect::TooLarge));
    // As much as may be is read again.
    let mut plan = full_plan(b"");
    plan.scripts[0].script.contents = vec![b'#'; (8 << 20) - 8192];
    let mut artifact = Vec::new();
    write_artifact(plan, &mut artifact, &WriteOptions::default()).unwrap();
    read_artifact(artifact.as_slice(), &ReadOptions::default(), &mut ()).unwrap();
}

#[test]
fn bootstraps_and_empty_modules_are_read() {
    let module = PayloadPlan::module_image("r1", "nothing", Vec::new(), None, PayloadChoices::default());
    for payload in [PayloadPlan::bootstrap(PayloadChoices::default()), module] {
        let plan = ArtifactPlan {
            artifact_name: "r1".into(),
            compatible_types: vec!["board".into()],
            payloads: vec![payload],
            ..ArtifactPlan::default()
        };
        let mut artifact = Vec::new();
        let written = write_artifact(plan, &mut artifact, &WriteOptions::default()).unwrap();
        let read = mender_artifact::check::validate(artifact.as_slice(), None, &Limits::default()).unwrap();
        assert_eq!(read.header, written.header);
    }
}
