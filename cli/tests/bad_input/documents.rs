//! Header archives and the documents in them.

use crate::case::Case;
use crate::parts::{HEADER_INFO, Members, augmented, line, pack, sound, tar};

fn header(change: impl FnOnce(&mut Members)) -> Vec<u8> {
    let mut parts = sound();
    change(&mut parts.header);
    parts.bytes()
}

fn file(name: &str, contents: &str) -> Vec<u8> {
    sound().with_header_file(name, contents).bytes()
}

/// `header-info` with one thing put in the place of another.
fn info(from: &str, to: &str) -> Vec<u8> {
    assert!(HEADER_INFO.contains(from), "{from}");
    file("header-info", &HEADER_INFO.replace(from, to))
}

fn type_info(contents: &str) -> Vec<u8> {
    file("headers/0000/type-info", contents)
}

fn meta_data(contents: &str) -> Vec<u8> {
    file("headers/0000/meta-data", contents)
}

/// A header archive whose packed form is this, with its right checksum.
fn packed(suffix: &str, archive: Vec<u8>) -> Vec<u8> {
    let name = format!("header.tar{suffix}");
    let mut all = sound().members();
    let manifest = sound().manifest_text();
    let kept = manifest.lines().filter(|it| !it.ends_with("header.tar")).map(|it| format!("{it}\n"));
    all[1].1 = (kept.collect::<String>() + &line(&name, &archive)).into_bytes();
    all[2] = (name, archive);
    tar(&all)
}

pub(crate) fn cases() -> Vec<Case> {
    let case = Case::artifact;
    let mut cases = archive_cases();
    cases.extend([
        case("info-no-json", "`header-info` is no JSON", file("header-info", "{")),
        case(
            "info-unknown-key",
            "`header-info` with an unknown key",
            info("{\"payloads\"", "{\"x\":1,\"payloads\""),
        ),
        case("info-key-in-capitals", "`PAYLOADS`, which some readers take for `payloads`", {
            info("payloads", "PAYLOADS")
        }),
        case("info-garbage", "more behind `header-info`", file("header-info", &format!("{HEADER_INFO}{{}}"))),
        case("info-key-twice", "two lists of device types", {
            info(r#"["board"]"#, r#"["other"],"device_type":["board"]"#)
        }),
        case("info-bad-utf-8", "bytes that are no UTF-8", {
            let mut parts = sound();
            parts.header[0].1[0x20] = 0xff;
            parts.bytes()
        }),
        case("info-no-payloads", "no payloads", info(r#"[{"type":"single-file"}]"#, "[]")),
        case("info-payload-unknown-key", "a payload with an unknown key", {
            info(r#""single-file""#, r#""single-file","x":1"#)
        }),
        case("info-no-provides", "nothing that says the name", {
            info(r#""artifact_provides":{"artifact_name":"release-1"},"#, "")
        }),
        case("info-provides-unknown-key", "`artifact_provides` with an unknown key", {
            info(r#""release-1""#, r#""release-1","x":"y""#)
        }),
        case("info-no-depends", "nothing that says the device types", {
            info(r#","artifact_depends":{"device_type":["board"]}"#, "")
        }),
        case("info-no-device-types", "no device types", info(r#"["board"]"#, "[]")),
        case("info-depends-unknown-key", "`artifact_depends` with an unknown key", {
            info(r#"["board"]"#, r#"["board"],"x":["y"]"#)
        }),
        case("info-name-empty", "a name of no letters", info("release-1", "")),
        case("info-name-controls", "a name with an escape sequence for terminals", {
            info("release-1", r"\u001b[31mrelease")
        }),
        case("info-name-long", "a name of 257 bytes", info("release-1", &"x".repeat(257))),
        case("info-type-path", "a payload type that is a path (CVE-2025-67903)", {
            info("single-file", "../../../tmp/x")
        }),
        case("info-two-payloads-one-header", "two payloads, and the description of one", {
            info("}],", "},{\"type\":\"b\"}],")
        }),
        case("type-info-empty", "`type-info` without a type", type_info("{}")),
        case("type-info-null", "`type-info` is null", type_info("null")),
        case("type-info-type-null", "`type-info` with the type of a bootstrap Artifact", {
            type_info(r#"{"type":null}"#)
        }),
        case("type-info-type-other", "`type-info` with another type than `header-info`", {
            type_info(r#"{"type":"other"}"#)
        }),
        case("type-info-unknown-key", "`type-info` with an unknown key", {
            type_info(r#"{"type":"single-file","x":1}"#)
        }),
        case("type-info-provides-number", "a number in provides", {
            type_info(r#"{"type":"single-file","artifact_provides":{"k":1}}"#)
        }),
        case("type-info-provides-controls", "a control character in provides", {
            type_info(r#"{"type":"single-file","artifact_provides":{"k":"\u0007"}}"#)
        }),
        case("type-info-depends-object", "an object in depends", {
            type_info(r#"{"type":"single-file","artifact_depends":{"k":{}}}"#)
        }),
        case("type-info-clears-text", "clears that are no list", {
            type_info(r#"{"type":"single-file","clears_artifact_provides":"x"}"#)
        }),
        case("meta-data-list", "meta-data that is a list", meta_data("[1]")),
        case("meta-data-no-json", "meta-data that is no JSON", meta_data("{")),
        case("meta-data-deep", "meta-data nested 5000 deep", {
            meta_data(&format!("{{\"a\":{}{}}}", "[".repeat(5000), "]".repeat(5000)))
        }),
        case("meta-data-infinite", "a number past what a double holds", meta_data(r#"{"k":1e400}"#)),
        case("meta-data-garbage", "more behind meta-data", meta_data("{}{}")),
        case("bootstrap-meta-data", "meta-data in a bootstrap Artifact", {
            let mut parts = sound()
                .with_header_file("header-info", &HEADER_INFO.replace("\"single-file\"", "null"))
                .with_header_file("headers/0000/type-info", r#"{"type":null}"#)
                .with_header_file("headers/0000/meta-data", "{}");
            parts.payloads[0].clear();
            parts.bytes()
        }),
        case("augment-without-header", "a `manifest-augment` without `header-augment`", {
            let mut all = augmented().members();
            all.retain(|(name, _)| !name.starts_with("header-augment"));
            tar(&all)
        }),
        case(
            "augment-type-rootfs-image",
            "an unsigned header that turns the payload into a root file system",
            {
                augmented()
                    .with_header_file("header-info", r#"{"payloads":[{"type":"rootfs-image"}]}"#)
                    .with_header_file("headers/0000/type-info", r#"{"type":"rootfs-image"}"#)
                    .bytes()
            },
        ),
        case("augment-name", "an unsigned header that gives the Artifact another name", {
            augmented()
                .with_header_file(
                    "header-info",
                    r#"{"payloads":[{"type":"delta"}],"artifact_provides":{"artifact_name":"other"}}"#,
                )
                .bytes()
        }),
    ]);
    cases
}

fn archive_cases() -> Vec<Case> {
    let case = Case::artifact;
    let script = |name: &'static str| header(move |all| all[1].0 = format!("scripts/{name}"));
    let zeros = |suffix: &str| {
        let mut parts = sound();
        parts.header[3].1 = vec![b' '; 64 << 20];
        packed(suffix, pack(suffix, &tar(&parts.header)))
    };
    let plain = sound().header_tar();
    let gzip = pack(".gz", &plain);
    let xz = pack(".xz", &plain);
    let changed = |packed: &[u8], from_end: usize| {
        let mut bytes = packed.to_vec();
        let at = bytes.len() - from_end;
        bytes[at] ^= 1;
        bytes
    };
    // A frame that is said to need a window of 2 TiB: descriptor of windows, largest exponent.
    let window = [&[0x28, 0xb5, 0x2f, 0xfd, 0x00, 0xf8][..], &[0x01, 0, 0]].concat();
    vec![
        case("header-empty", "a header archive without files", header(Vec::clear)),
        case("header-no-info", "no `header-info`", header(|all| drop(all.remove(0)))),
        case("header-info-last", "`header-info` behind everything else", header(|all| all.rotate_left(1))),
        case("header-info-twice", "`header-info` twice", header(|all| all.insert(1, all[0].clone()))),
        case("header-scripts-last", "scripts behind the descriptions", header(|all| all[1..].rotate_left(1))),
        case("header-unknown-file", "a file that headers do not have", {
            header(|all| all.push(("headers/0000/other".into(), b"x".to_vec())))
        }),
        case("header-unknown-folder", "a file beside the folders of payloads", {
            header(|all| all.push(("extra".into(), b"x".to_vec())))
        }),
        case("header-climbs", "`../evil` in the header", {
            header(|all| all.push(("../evil".into(), b"x".to_vec())))
        }),
        case(
            "header-folder-short",
            "`headers/0/type-info`",
            header(|all| all[2].0 = "headers/0/type-info".into()),
        ),
        case("header-folder-deep", "`headers/0000/x/type-info`", {
            header(|all| all[2].0 = "headers/0000/x/type-info".into())
        }),
        case("header-files-of-version-2", "`files`, which only version 2 has", {
            header(|all| all.push(("headers/0000/files".into(), br#"{"files":["a.bin"]}"#.to_vec())))
        }),
        case("type-info-missing", "no `type-info` (CVE-2025-67903)", header(|all| drop(all.remove(2)))),
        case(
            "type-info-twice",
            "`type-info` twice (CVE-2025-67903)",
            header(|all| all.insert(3, all[2].clone())),
        ),
        case("type-info-of-nobody", "a `type-info` of a payload that is not there (CVE-2025-67903)", {
            header(|all| all.push(("headers/0001/type-info".into(), br#"{"type":"b"}"#.to_vec())))
        }),
        case("meta-data-twice", "`meta-data` twice", header(|all| all.push(all[3].clone()))),
        case("script-twice", "the same script twice", header(|all| all.insert(1, all[1].clone()))),
        case("script-dots", "a script called `..`", script("..")),
        case("script-climbs", "a script that wants to lie elsewhere (CVE-2025-67903)", {
            script("../../../../tmp/x")
        }),
        case("script-folder", "a script in a folder", script("a/b")),
        case("header-cut", "a header archive that ends too early", {
            packed("", plain[..plain.len() - 512].to_vec())
        }),
        case("header-data-behind", "bytes behind the header archive's end", {
            packed("", [&plain[..], b"x"].concat())
        }),
        case("header-gzip-cut", "a gzip stream without its last byte", {
            packed(".gz", gzip[..gzip.len() - 1].to_vec())
        }),
        case("header-gzip-sum", "a gzip stream with a wrong check value", packed(".gz", changed(&gzip, 6))),
        case("header-gzip-garbage", "bytes behind a gzip stream", packed(".gz", [&gzip[..], b"x"].concat())),
        case("header-xz-cut", "an xz stream without its footer", packed(".xz", xz[..xz.len() - 12].to_vec())),
        case("header-xz-index", "an xz stream with a wrong index", packed(".xz", changed(&xz, 16))),
        case("header-other-compression", "gzip under the name of xz", packed(".xz", gzip.clone())),
        case("header-zstd-window", "a zstd frame that is said to need terabytes", packed(".zst", window)),
        case("header-bomb-gzip", "64 MiB of blanks in a small gzip stream", zeros(".gz")),
        case("header-bomb-xz", "64 MiB of blanks in a small xz stream", zeros(".xz")),
        case("header-bomb-zstd", "64 MiB of blanks in a small zstd frame", zeros(".zst")),
    ]
}
