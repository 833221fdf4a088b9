//! Format version 2: written, read again, and refused for what it cannot say.

use crate::members::{contents, inner, members};
use mender_artifact::check::validate;
use mender_artifact::compression::Compression;
use mender_artifact::error::Defect;
use mender_artifact::format_version::FormatVersion;
use mender_artifact::header::{PayloadHeader, TypeInfoValue};
use mender_artifact::limits::Limits;
use mender_artifact::sign::private_key::PrivateKey;
use mender_artifact::write::input::PayloadInput;
use mender_artifact::write::plan::{ArtifactPlan, AugmentPlan, PayloadPlan};
use mender_artifact::write::{WriteOptions, write_artifact};

fn plan() -> ArtifactPlan<'static> {
    let header = PayloadHeader { payload_type: Some("rootfs-image".into()), ..PayloadHeader::default() };
    let image = PayloadInput::from_reader("image.ext4", None, std::io::Cursor::new(vec![7; 100_000]));
    let payload = PayloadPlan { header, files: vec![image], ..PayloadPlan::default() };
    ArtifactPlan {
        format: FormatVersion::V2,
        artifact_name: "r1".into(),
        compatible_types: vec!["board".into(), "<other>".into()],
        payloads: vec![payload],
        ..ArtifactPlan::default()
    }
}

#[test]
fn what_is_written_is_what_is_read() {
    let key = PrivateKey::from_pem(include_bytes!("../keys/p256-sec1.pem")).unwrap();
    for compression in [Compression::None, Compression::Gzip, Compression::Xz, Compression::Zstd] {
        let mut artifact = Vec::new();
        let plan = ArtifactPlan { compression, signer: Some(&key), ..plan() };
        let written = write_artifact(plan, &mut artifact, &WriteOptions::default()).unwrap();
        let report = validate(&artifact[..], Some(&key.public_key()), &Limits::default()).unwrap();
        assert_eq!((report.header.version, &report.header), (2, &written.header));
        assert_eq!(contents(&members(&artifact), "version"), br#"{"format":"mender","version":2}"#);
        let header = inner(&artifact, "header.tar");
        let text = |name: &str| String::from_utf8_lossy(contents(&header, name)).into_owned();
        assert_eq!(
            header.iter().map(|m| m.0.as_str()).collect::<Vec<_>>(),
            ["header-info", "headers/0000/files", "headers/0000/type-info", "headers/0000/meta-data"]
        );
        assert_eq!(
            text("header-info"),
            concat!(
                r#"{"artifact_name":"r1","updates":[{"type":"rootfs-image"}],"#,
                r#""device_types_compatible":["board","\u003cother\u003e"]}"#
            )
        );
        assert_eq!(text("headers/0000/files"), r#"{"files":["image.ext4"]}"#);
        assert_eq!(text("headers/0000/type-info"), r#"{"type":"rootfs-image"}"#);
        assert_eq!(text("headers/0000/meta-data"), "");
    }
}

#[test]
fn what_it_cannot_say_is_refused() {
    type Change = fn(&mut ArtifactPlan<'_>);
    let changes: [(Change, Defect); 10] = [
        (|plan| plan.artifact_group = Some("g".into()), Defect::Misuse),
        (|plan| plan.depends_names = vec!["r0".into()], Defect::Misuse),
        (|plan| plan.depends_groups = vec!["g".into()], Defect::Misuse),
        (
            |plan| {
                let value = TypeInfoValue::One("b".into());
                drop(plan.payloads[0].header.provides.insert("a".into(), value));
            },
            Defect::Misuse,
        ),
        (|plan| plan.payloads[0].header.clears = Some(Vec::new()), Defect::Misuse),
        (|plan| plan.payloads[0].checksum_provide = Some("a".into()), Defect::Misuse),
        (|plan| plan.payloads[0].header.meta_data = Some(serde_json::json!({"a": 1})), Defect::Misuse),
        (|plan| plan.payloads[0].header.payload_type = Some("other".into()), Defect::Value),
        (|plan| plan.payloads[0].files.clear(), Defect::Misuse),
        (|plan| plan.augment.push(AugmentPlan::default()), Defect::Misuse),
    ];
    for (index, (change, defect)) in changes.into_iter().enumerate() {
        let mut plan = plan();
        assert!(plan.check().is_ok());
        change(&mut plan);
        assert_eq!(plan.check().unwrap_err().defect(), defect, "change {index}");
    }
}
