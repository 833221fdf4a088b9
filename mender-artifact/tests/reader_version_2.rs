//! Artifacts of format version 2.

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)] // Functions beside the tests fail as tests do.

mod parts;

use parts::{Parts, members, push, read, small_limits, version_2};

#[track_caller]
fn refused(parts: &Parts, message: &str) {
    assert_eq!(read(&parts.bytes()).unwrap_err().to_string(), message);
}

#[test]
fn what_it_says() {
    for suffix in ["", ".gz", ".xz", ".zst"] {
        let parts = Parts { header_suffix: suffix, data_suffix: suffix, ..version_2() };
        let (report, payload) = read(&parts.bytes()).unwrap();
        assert_eq!((report.header.version, report.header.artifact_name.as_str()), (2, "release-1"));
        assert_eq!(report.header.compatible_types, ["board", "other"]);
        assert_eq!(report.header.payloads[0].payload_type.as_deref(), Some("rootfs-image"));
        assert_eq!(report.header.scripts.len(), 1);
        assert_eq!(payload, [("0/a.bin".to_owned(), b"first file".to_vec())]);
        let bytes = parts.bytes();
        let whole = push(&bytes, usize::MAX, &small_limits()).unwrap();
        assert_eq!(push(&bytes, 7, &small_limits()).unwrap(), whole);
    }
}

#[test]
fn order_in_the_bucket_does_not_matter() {
    let mut parts = version_2();
    parts.header.swap(2, 4);
    assert!(read(&parts.bytes()).is_ok());
    parts.header.retain(|(name, _)| !name.ends_with("meta-data"));
    assert!(read(&parts.bytes()).is_ok());
}

#[test]
fn header_info_document() {
    let info = |text: &str| version_2().with_header_file("header-info", text);
    let sound =
        r#"{"artifact_name":"r","updates":[{"type":"rootfs-image"}],"device_types_compatible":["b"]}"#;
    assert!(read(&info(sound).bytes()).is_ok());
    for (from, to, message) in [
        ("\"artifact_name\":\"r\",", "", "'artifact_name': missing"),
        ("\"updates\"", "\"payloads\"", "'payloads': unknown: expected only keys that the format has"),
        ("rootfs-image", "other", "'type': unexpected value: expected rootfs-image in format version 2"),
        ("\"rootfs-image\"", "null", "'type': unexpected value: expected rootfs-image in format version 2"),
        ("[\"b\"]", "[]", "'device_types_compatible': missing"),
        (
            "[\"b\"]",
            "\"b\"",
            "'device_types_compatible': unexpected value: expected a list of strings, found '\"b\"'",
        ),
        (",\"device_types_compatible\":[\"b\"]", "", "'device_types_compatible': missing"),
        ("\"r\"", "\"\"", "'': name not allowed: expected 1 to 256 bytes without control characters"),
    ] {
        refused(&info(&sound.replace(from, to)), &format!("header-info: {message}"));
    }
    refused(
        &info(parts::HEADER_INFO),
        "header-info: 'payloads': unknown: expected only keys that the format has",
    );
    let version_3 = Parts { version: parts::VERSION.into(), ..version_2() };
    refused(&version_3, "header-info: 'artifact_name': unknown: expected only keys that the format has");
}

#[test]
fn bucket() {
    let file = |name: &str, text: &str| version_2().with_header_file(&format!("headers/0000/{name}"), text);
    refused(
        &file("type-info", r#"{"type":"rootfs-image","artifact_provides":{}}"#),
        "headers/0000/type-info: 'type-info': unknown: expected only 'type' in format version 2",
    );
    let listed = "headers/0000/files: 'files': contradiction: expected the files that the manifest lists";
    for (text, message) in [
        (r#"{"files":[]}"#, listed),
        (r#"{"files":["b.bin"]}"#, listed),
        (r#"{"files":["a.bin","a.bin"]}"#, listed),
        (
            r#"{"files":"a.bin"}"#,
            "headers/0000/files: 'files': unexpected value: expected a list of strings, found '\"a.bin\"'",
        ),
        (r#"{"files":[1]}"#, "headers/0000/files: 'files': unexpected value: expected a string, found '1'"),
        (
            r#"{"files":["../a.bin"]}"#,
            "headers/0000/files: '../a.bin': name not allowed: expected only letters, digits and '_.,-', and \
             neither '.' nor '..'",
        ),
        (
            r#"{"file":["a.bin"]}"#,
            "headers/0000/files: 'file': unknown: expected only keys that the format has",
        ),
        (
            "{}",
            "headers/0000/files: 'files': unexpected value: expected an object with just 'files', found '{}'",
        ),
        ("", "headers/0000/files: malformed JSON: expected a value, found the end (at byte 0)"),
    ] {
        refused(&file("files", text), message);
    }
    let mut parts = version_2();
    parts.header.remove(2);
    refused(&parts, "headers/0000/files: 'files': missing");
    let mut parts = version_2();
    parts.header.insert(3, parts.header[2].clone());
    refused(&parts, "headers/0000/files: present more than once (at byte 3584)");
    let mut parts = version_2();
    parts.payloads[0].clear();
    refused(&parts, "data/0000.tar: 'files': missing: expected the image of a rootfs-image");
    parts.payloads[0] = members(&[("a.bin", "1"), ("b.bin", "2")]);
    refused(&parts, "data/0000.tar: 'files': too many: limit 1, found 2");
}
