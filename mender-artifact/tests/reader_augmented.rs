//! Augmented Artifacts: what the augmented header may say, and what it may not.

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)] // Functions beside the tests fail as tests do.

mod parts;

use mender_artifact::error::{Category, Error};
use mender_artifact::header::TypeInfoValue;
use mender_artifact::limits::Limits;
use mender_artifact::read::verify::{SignatureRule, SignatureStatus, Verify};
use mender_artifact::read::{ReadOptions, read_artifact};
use parts::{
    Augmented, HEADER_INFO, Members, Parts, augmented, line, members, pack, push, read, small_limits, tar,
};

#[track_caller]
fn refused(bytes: &[u8], message: &str) {
    assert_eq!(read(bytes).unwrap_err().to_string(), message);
}

#[track_caller]
fn refused_file(name: &str, contents: &str, message: &str) {
    refused(&augmented().with_header_file(name, contents).bytes(), message);
}

#[track_caller]
fn refused_members(change: impl FnOnce(&mut Members), message: &str) {
    let mut all = augmented().members();
    change(&mut all);
    refused(&tar(&all), message);
}

fn one(text: &str) -> TypeInfoValue {
    TypeInfoValue::One(text.to_owned())
}

#[test]
fn both_headers_are_read_as_one() {
    let (report, payload) = read(&augmented().bytes()).unwrap();
    let only = &report.header.payloads[0];
    assert_eq!(only.payload_type.as_deref(), Some("delta"));
    assert_eq!(only.provides.len(), 2);
    assert_eq!((&only.provides["a.version"], &only.provides["b"]), (&one("2"), &one("c")));
    assert_eq!(only.depends["d"], TypeInfoValue::Many(vec!["e".to_owned()]));
    assert_eq!(only.clears, None);
    assert_eq!(only.meta_data, Some(serde_json::json!({"note": ["z"], "more": {}})));
    assert_eq!(
        only.files.iter().map(|file| file.name.as_str()).collect::<Vec<_>>(),
        ["a.bin", "b.bin", "c.bin"]
    );
    assert_eq!(only.files.iter().map(|file| file.size).collect::<Vec<_>>(), [10, 25, 10]);
    assert_eq!(payload.len(), 3);
    let augment = &report.header.augments[0];
    assert_eq!(augment.signed.payload_type.as_deref(), Some("single-file"));
    assert_eq!(augment.signed.provides["a.version"], one("1"));
    assert_eq!(augment.signed.meta_data, Some(serde_json::json!({"note": ["x", 1]})));
    assert_eq!(augment.signed.files.len(), 2);
    assert_eq!(augment.added.files[0].checksum, only.files[2].checksum);
    let clears = augmented()
        .with_header_file("headers/0000/type-info", r#"{"type":"delta","clears_artifact_provides":["x.*"]}"#);
    let (report, _) = read(&clears.bytes()).unwrap();
    assert_eq!(report.header.payloads[0].clears.as_deref(), Some(&["x.*".to_owned()][..]));
}

#[test]
fn pieces_of_any_size_in_any_compression_give_the_same() {
    for suffix in ["", ".gz", ".xz", ".zst"] {
        let mut all = augmented();
        (all.parts.header_suffix, all.parts.data_suffix) = (suffix, suffix);
        let bytes = all.bytes();
        let whole = push(&bytes, bytes.len(), &small_limits()).unwrap();
        assert_eq!(whole.payload, [&b"first file"[..], b"second file, a bit longer", b"third file"]);
        for piece in [1, 3, 511, 512, 1000] {
            assert_eq!(push(&bytes, piece, &small_limits()).unwrap(), whole, "{suffix} {piece}");
        }
        for len in 0..bytes.len() {
            let error = push(&bytes[..len], usize::MAX, &small_limits()).unwrap_err();
            assert_eq!(error.category(), Category::Format, "{suffix} {len}: {error}");
        }
    }
}

#[test]
fn no_flipped_bit_changes_what_is_read() {
    let bytes = augmented().bytes();
    let sound = push(&bytes, usize::MAX, &small_limits()).unwrap();
    for place in 0..bytes.len() {
        let mut damaged = bytes.clone();
        damaged[place] ^= 1 << (place % 8);
        if let Ok(found) = push(&damaged, usize::MAX, &small_limits()) {
            // Modes, times and owners of members are covered by nothing and mean nothing.
            assert_eq!(found.payload, sound.payload, "byte {place}");
        }
    }
}

#[test]
fn the_signature_covers_only_the_manifest() {
    struct Expects(Vec<u8>);
    impl Verify for Expects {
        fn verify_manifest(&self, manifest: &[u8], signature: &[u8]) -> Result<(), Error> {
            assert_eq!((manifest, signature), (&self.0[..], &[0, 0, 0][..]));
            Ok(())
        }
    }
    let mut all = augmented();
    all.parts.signature = Some("AAAA".to_owned());
    let key = Expects(all.parts.manifest_text().into_bytes());
    let options = ReadOptions { signature: SignatureRule::Require(&key), ..ReadOptions::default() };
    let report = read_artifact(&all.bytes()[..], &options, &mut ()).unwrap();
    assert!(matches!(report.signature, SignatureStatus::Verified));
    assert_eq!(report.header.augments.len(), 1);
}

#[test]
fn limits_can_rule_them_out() {
    let limits = Limits { augmented: false, ..Limits::default() };
    let options = ReadOptions { limits, ..ReadOptions::default() };
    let error = read_artifact(&augmented().bytes()[..], &options, &mut ()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "artifact: 'manifest-augment': augmented Artifacts are not supported (at byte 2560)"
    );
    assert_eq!(error.category(), Category::Unsupported);
    let version_2 = Augmented { parts: parts::version_2(), ..augmented() };
    refused(
        &version_2.bytes(),
        "artifact: 'manifest-augment': augmented Artifacts are not supported (at byte 2560)",
    );
}

#[test]
fn outer_members() {
    refused_members(
        |all| drop(all.remove(4)),
        "artifact: unexpected member: expected header-augment.tar, compressed like header.tar, found \
         'data/0000.tar' (at byte 9216)",
    );
    refused_members(|all| all.truncate(4), "artifact: 'header-augment.tar': missing");
    refused_members(
        |all| drop(all.remove(2)),
        "artifact: unexpected member: expected data/0000.tar with a suffix that is known, found \
         'header-augment.tar' (at byte 8192)",
    );
    refused_members(
        |all| all.swap(2, 3),
        "artifact: unexpected member: expected data/0000.tar with a suffix that is known, found \
         'manifest-augment' (at byte 8192)",
    );
    refused_members(
        |all| all.insert(3, all[2].clone()),
        "artifact: unexpected member: expected header.tar, found 'manifest-augment' (at byte 3584)",
    );
    refused_members(
        |all| all[4] = ("header-augment.tar.gz".into(), pack(".gz", &all[4].1)),
        "artifact: unexpected member: expected header-augment.tar, compressed like header.tar, found \
         'header-augment.tar.gz' (at byte 9216)",
    );
}

#[test]
fn manifest() {
    let with = |text: String| Augmented { manifest: Some(text), ..augmented() }.bytes();
    let archive = tar(&augmented().header);
    let own = line("header-augment.tar", &archive);
    let file = line("data/0000/c.bin", b"third file");
    assert!(read(&with(own.clone() + &file)).is_ok(), "in any order");
    for (text, message) in [
        (own.clone(), "data/0000: 'c.bin': unknown: expected a file that the manifest lists"),
        (
            file.clone(),
            "artifact: 'header-augment.tar': unknown: expected a file that the manifest lists (at byte 9216)",
        ),
        (
            file.clone() + &line("header-augment.tar", b"other"),
            "header-augment.tar: wrong checksum: expected d9298a10d1b07358..., found f1a7d7c0ae1a8a0d...",
        ),
        (
            own.clone() + &file + &line("version", parts::VERSION.as_bytes()),
            "manifest-augment: unknown: expected header-augment.tar or data/NNNN/ and a file name, found \
             'version' (at byte 167)",
        ),
        (
            own.clone() + &file + &line("data/0000/a.bin", b"first file"),
            "manifest-augment: 'data/0000/a.bin': present more than once (at byte 167)",
        ),
        (
            own.clone() + &file + &line("data/0000/d.bin", b""),
            "artifact: 'data/0000/d.bin': missing: expected every file that the manifest lists",
        ),
        (
            own.clone() + &line("data/0000/c.bin", b"other"),
            "data/0000: 'c.bin': wrong checksum: expected d9298a10d1b07358..., found 6a3db5d0d4b4b3a4...",
        ),
        (
            own.clone() + &file + &line("data/0001/a.bin", b""),
            "manifest: 'data/0001/a.bin': unknown: expected a payload that header-info lists",
        ),
        (
            own.clone() + file.trim_end(),
            "manifest-augment: malformed line: expected a line feed at the end, found \
             '5b0f1b9a08ab7bd12bd8cb4bb7a9ba9b94ba33e6e7b4bd...' (at byte 85)",
        ),
    ] {
        let found = read(&with(text)).unwrap_err().to_string();
        let digests = |text: &str| {
            let hex = |c: char| c.is_ascii_hexdigit() || matches!(c, '.' | ',' | '\'');
            text.split(' ')
                .filter(|word| word.len() < 15 || !word.chars().all(hex))
                .collect::<Vec<_>>()
                .join(" ")
        };
        // Digests are not repeated here.
        assert_eq!(digests(&found), digests(message));
    }
}

#[test]
fn header_info_document() {
    let with = |rest: &str| format!("{{\"payloads\":[{{\"type\":\"delta\"}}],{rest}}}");
    let provides = r#""artifact_provides":{"artifact_name":"release-1"}"#;
    let depends = r#""artifact_depends":{"device_type":["board"]}"#;
    for good in [with(provides), with(depends), with(&format!("{depends},{provides}"))] {
        assert!(read(&augmented().with_header_file("header-info", &good).bytes()).is_ok(), "{good}");
    }
    let different = |name: &str| {
        format!(
            "header-augment.tar/header-info: '{name}': contradiction: expected nothing, or what the signed header \
             says"
        )
    };
    for bad in [
        r#""artifact_provides":{"artifact_name":"other"}"#,
        r#""artifact_provides":{}"#,
        r#""artifact_provides":{"artifact_name":"release-1","artifact_group":"g"}"#,
    ] {
        refused_file("header-info", &with(bad), &different("artifact_provides"));
    }
    for bad in [
        r#""artifact_depends":{"device_type":["board","other"]}"#,
        r#""artifact_depends":{"device_type":[]}"#,
        r#""artifact_depends":{"device_type":[1]}"#,
        r#""artifact_depends":{}"#,
        r#""artifact_depends":{"device_type":["board"],"artifact_name":["r"]}"#,
        r#""artifact_depends":{"device_type":["board"],"artifact_group":["g"]}"#,
    ] {
        refused_file("header-info", &with(bad), &different("artifact_depends"));
    }
    let info = "header-augment.tar/header-info: ";
    for (bad, message) in [
        ("", "malformed JSON: expected a value, found the end (at byte 0)"),
        ("{}", "'payloads': missing"),
        (r#"{"payloads":[]}"#, "'payloads': missing"),
        (r#"{"payloads":[{"type":"a"},{"type":"b"}]}"#, "'payloads': contradiction: expected 1, found 2"),
        (r#"{"payloads":[{"type":null}]}"#, "'type': unexpected value: expected a type that is not null"),
        (
            r#"{"payloads":[{"type":"rootfs-image"}]}"#,
            "'type': unexpected value: expected another type than rootfs-image",
        ),
        (
            r#"{"payloads":[{"type":""}]}"#,
            "'': name not allowed: expected 1 to 256 bytes without control characters",
        ),
        (
            r#"{"payloads":[{"type":".."}]}"#,
            "'..': name not allowed: expected a payload type that is no path",
        ),
        (r#"{"payloads":[{"type":"delta"}],"x":1}"#, "'x': unknown: expected only keys that the format has"),
    ] {
        refused_file("header-info", bad, &format!("{info}{message}"));
    }
    let mut bootstrap = augmented();
    bootstrap.parts = bootstrap
        .parts
        .with_header_file("header-info", &HEADER_INFO.replace("\"single-file\"", "null"))
        .with_header_file("headers/0000/type-info", r#"{"type":null}"#);
    bootstrap.parts.header.pop();
    bootstrap.parts.payloads[0].clear();
    refused(
        &bootstrap.bytes(),
        "header-augment.tar/header-info: 'type': unexpected value: expected a header that is no bootstrap",
    );
}

#[test]
fn header_archive() {
    let with = |change: &dyn Fn(&mut Members)| {
        let mut all = augmented();
        change(&mut all.header);
        all.bytes()
    };
    refused(&with(&|all| all.clear()), "header-augment.tar/header-info: 'header-info': missing");
    refused(
        &with(&|all| drop(all.remove(1))),
        "header-augment.tar/headers/0000/type-info: 'type-info': missing",
    );
    refused(
        &with(&|all| drop(all.remove(0))),
        "header-augment.tar: unexpected member: expected header-info, found 'headers/0000/type-info' (at byte 512)",
    );
    refused(
        &with(&|all| all.insert(1, ("scripts/ArtifactInstall_Enter_01_y".into(), Vec::new()))),
        "header-augment.tar: unexpected member: expected no scripts in an augmented header, found \
         'scripts/ArtifactInstall_Enter_01_y' (at byte 1536)",
    );
    refused(
        &with(&|all| all.push(("headers/0001/type-info".into(), b"{\"type\":\"x\"}".to_vec()))),
        "header-augment.tar: unexpected member: expected only payloads that header-info lists, found \
         'headers/0001/type-info' (at byte 3584)",
    );
    refused(
        &with(&|all| all.push(all[1].clone())),
        "header-augment.tar/headers/0000/type-info: present more than once (at byte 3584)",
    );
    let type_info = "header-augment.tar/headers/0000/type-info: ";
    refused_file(
        "headers/0000/type-info",
        r#"{"type":"single-file"}"#,
        &format!(
            "{type_info}'type': contradiction: expected the type that header-info gives, found '\"single-file\"'"
        ),
    );
    refused_file(
        "headers/0000/type-info",
        r#"{"type":"delta","artifact_provides":{"a.version":["2"]}}"#,
        &format!(
            "{type_info}'a.version': contradiction: expected the kind of value that the signed provide has"
        ),
    );
    refused_file(
        "headers/0000/meta-data",
        r#"{"note":"text"}"#,
        "header-augment.tar/headers/0000/meta-data: 'note': contradiction: expected the kind of value that the \
         signed header has",
    );
    refused_file(
        "headers/0000/meta-data",
        "[]",
        "header-augment.tar/headers/0000/meta-data: 'meta-data': unexpected value: expected an object, found '[]'",
    );
}

#[test]
fn an_image_may_come_with_the_augmented_header_alone() {
    let mut all = augmented();
    all.parts = Parts { payloads: vec![Vec::new()], ..parts::sound() }
        .with_header_file("header-info", &HEADER_INFO.replace("single-file", "rootfs-image"))
        .with_header_file("headers/0000/type-info", r#"{"type":"rootfs-image"}"#);
    let (report, payload) = read(&all.bytes()).unwrap();
    assert_eq!(payload, [("0/c.bin".to_owned(), b"third file".to_vec())]);
    assert_eq!(report.header.payloads[0].files.len(), 1);
    all.parts.payloads[0] = members_of(2);
    refused(&all.bytes(), "data/0000.tar: 'files': too many: limit 1, found 2");
}

fn members_of(files: usize) -> Members {
    (0..files).map(|number| (format!("f{number}"), Vec::new())).collect()
}

#[test]
fn several_payloads_are_augmented_together() {
    let mut all = augmented();
    all.parts.header[0].1 = HEADER_INFO.replace("}],", "},{\"type\":\"b\"}],").into_bytes();
    all.parts.payloads.push(members(&[("a.bin", "of the second payload")]));
    all.parts.header.push(("headers/0001/type-info".into(), br#"{"type":"b"}"#.to_vec()));
    all = all.with_header_file("header-info", r#"{"payloads":[{"type":"delta"},{"type":"c"}]}"#);
    refused(&all.bytes(), "header-augment.tar/headers/0001/type-info: 'type-info': missing");
    all.header.push(("headers/0001/type-info".into(), br#"{"type":"c"}"#.to_vec()));
    let (report, payload) = read(&all.bytes()).unwrap();
    assert_eq!(report.header.payloads[1].payload_type.as_deref(), Some("c"));
    assert_eq!(report.header.augments[1].signed.payload_type.as_deref(), Some("b"));
    assert_eq!(payload.len(), 4);
}
