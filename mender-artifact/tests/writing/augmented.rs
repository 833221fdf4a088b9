//! Augmented Artifacts: written, read again, and refused where other tools would not read them.

use std::num::NonZeroUsize;

use crate::members::{contents, inner, members};
use mender_artifact::check::validate;
use mender_artifact::compression::Compression;
use mender_artifact::compression::encoder::Effort;
use mender_artifact::error::Defect;
use mender_artifact::header::{PayloadHeader, TypeInfoValue};
use mender_artifact::limits::Limits;
use mender_artifact::sign::private_key::PrivateKey;
use mender_artifact::write::defaults::PayloadChoices;
use mender_artifact::write::input::PayloadInput;
use mender_artifact::write::plan::{ArtifactPlan, AugmentPlan, PayloadPlan};
use mender_artifact::write::{WriteOptions, write_artifact};

const ALL: [Compression; 4] = [Compression::None, Compression::Gzip, Compression::Xz, Compression::Zstd];

fn one(text: &str) -> TypeInfoValue {
    TypeInfoValue::One(text.into())
}

fn file(name: &str) -> PayloadInput<'static> {
    PayloadInput::from_reader(name, None, std::io::Cursor::new(name.repeat(1000).into_bytes()))
}

fn plan() -> ArtifactPlan<'static> {
    let choices =
        PayloadChoices { provides: [("a".to_owned(), one("b"))].into(), ..PayloadChoices::default() };
    let meta_data = serde_json::json!({"list": [1], "object": {"kept": 1}});
    let payload =
        PayloadPlan::module_image("r1", "signed-type", vec![file("first")], Some(meta_data), choices);
    let header = PayloadHeader {
        payload_type: Some("added-type".into()),
        provides: [("a".to_owned(), one("c"))].into(),
        depends: [("d".to_owned(), TypeInfoValue::Many(vec!["e".into(), "f".into()]))].into(),
        clears: Some(vec!["g.*".into()]),
        meta_data: Some(serde_json::json!({"list": [2], "object": {"new": null}})),
        ..PayloadHeader::default()
    };
    ArtifactPlan {
        artifact_name: "r1".into(),
        artifact_group: Some("group".into()),
        compatible_types: vec!["board".into()],
        depends_groups: vec!["old".into()],
        payloads: vec![payload],
        augment: vec![AugmentPlan { header, files: vec![file("second"), file("third")] }],
        effort: Effort::Fastest,
        ..ArtifactPlan::default()
    }
}

fn write(plan: ArtifactPlan<'_>, threads: usize) -> Vec<u8> {
    let mut artifact = Vec::new();
    let options = WriteOptions { threads: NonZeroUsize::new(threads).unwrap(), ..WriteOptions::default() };
    let written = write_artifact(plan, &mut artifact, &options).unwrap();
    let read = mender_artifact::read::read_artifact(&artifact[..], &Default::default(), &mut ()).unwrap();
    assert_eq!(read.header, written.header);
    artifact
}

#[test]
fn what_is_written_is_what_is_read() {
    let key = PrivateKey::from_pem(include_bytes!("../keys/p256-sec1.pem")).unwrap();
    for compression in ALL {
        let artifact = write(ArtifactPlan { compression, signer: Some(&key), ..plan() }, 1);
        for threads in [2, 7] {
            // The signature is deterministic, too.
            let again = write(ArtifactPlan { compression, signer: Some(&key), ..plan() }, threads);
            assert!(again == artifact, "{compression:?} {threads}");
        }
        let report = validate(&artifact[..], Some(&key.public_key()), &Limits::default()).unwrap();
        let only = &report.header.payloads[0];
        assert_eq!(only.payload_type.as_deref(), Some("added-type"));
        assert_eq!(only.provides["a"], one("c"));
        assert_eq!(only.provides["rootfs-image.signed-type.version"], one("r1"));
        assert_eq!(only.clears.as_deref(), Some(&["g.*".to_owned()][..]));
        assert_eq!(
            only.meta_data,
            Some(serde_json::json!({"list": [2], "object": {"kept": 1, "new": null}}))
        );
        assert_eq!(report.header.augments[0].signed.files.len(), 1);

        let suffix = compression.suffix();
        let outer = members(&artifact);
        let names: Vec<_> = outer.iter().map(|member| member.0.clone()).collect();
        let archive = |name: &str| format!("{name}.tar{suffix}");
        assert_eq!(
            names,
            [
                "version".to_owned(),
                "manifest".to_owned(),
                "manifest.sig".to_owned(),
                "manifest-augment".to_owned(),
                archive("header"),
                archive("header-augment"),
                archive("data/0000"),
            ]
        );
        let listed = |name: &str| -> Vec<String> {
            let text = String::from_utf8(contents(&outer, name).to_vec()).unwrap();
            text.lines().map(|line| line[66..].to_owned()).collect()
        };
        assert_eq!(
            listed("manifest"),
            ["data/0000/first".to_owned(), archive("header"), "version".to_owned()]
        );
        assert_eq!(
            listed("manifest-augment"),
            ["data/0000/second".to_owned(), "data/0000/third".to_owned(), archive("header-augment")]
        );
        let payload = inner(&artifact, "data/0000.tar");
        assert_eq!(payload.iter().map(|m| m.0.as_str()).collect::<Vec<_>>(), ["first", "second", "third"]);
        let header = inner(&artifact, "header-augment");
        assert_eq!(
            header.iter().map(|m| m.0.as_str()).collect::<Vec<_>>(),
            ["header-info", "headers/0000/type-info", "headers/0000/meta-data"]
        );
        assert_eq!(
            String::from_utf8_lossy(contents(&header, "headers/0000/type-info")),
            concat!(
                r#"{"type":"added-type","artifact_depends":{"d":["e","f"]},"artifact_provides":{"a":"c"},"#,
                r#""clears_artifact_provides":["g.*"]}"#
            )
        );
        assert_eq!(
            String::from_utf8_lossy(contents(&header, "header-info")),
            concat!(
                r#"{"payloads":[{"type":"added-type"}],"artifact_provides":{"artifact_name":"r1","#,
                r#""artifact_group":"group"},"artifact_depends":{"device_type":["board"],"#,
                r#""artifact_group":["old"]}}"#
            )
        );
    }
}

#[test]
fn what_would_not_be_read_is_not_written() {
    type Change = fn(&mut ArtifactPlan<'_>);
    let changes: [(Change, Defect); 10] = [
        (|plan| plan.augment[0].files.push(file("first")), Defect::Duplicate),
        (|plan| plan.augment[0].files.push(file("second")), Defect::Duplicate),
        (|plan| plan.augment[0].files.push(file("a b")), Defect::Name),
        (|plan| plan.augment[0].header.payload_type = None, Defect::Value),
        (|plan| plan.augment[0].header.payload_type = Some("rootfs-image".into()), Defect::Value),
        (|plan| plan.augment[0].header.payload_type = Some("../x".into()), Defect::Name),
        (|plan| plan.augment.push(AugmentPlan::default()), Defect::Misuse),
        (|plan| plan.augment[0].header.meta_data = Some(serde_json::json!([])), Defect::Value),
        (|plan| plan.augment[0].header.meta_data = Some(serde_json::json!({"list": 1})), Defect::Mismatch),
        (
            |plan| drop(plan.augment[0].header.provides.insert("a".into(), TypeInfoValue::Many(Vec::new()))),
            Defect::Mismatch,
        ),
    ];
    for (index, (change, defect)) in changes.into_iter().enumerate() {
        let mut plan = plan();
        assert!(plan.check().is_ok());
        change(&mut plan);
        assert_eq!(plan.check().unwrap_err().defect(), defect, "change {index}");
    }
    let mut bootstrap = plan();
    bootstrap.payloads = vec![PayloadPlan::bootstrap(PayloadChoices::default())];
    assert_eq!(bootstrap.check().unwrap_err().defect(), Defect::Value);
}

#[test]
fn an_image_may_come_with_the_augmented_header_alone() {
    let mut plan = plan();
    plan.payloads[0].header.payload_type = Some("rootfs-image".into());
    plan.payloads[0].files.clear();
    write(plan, 1);
}
