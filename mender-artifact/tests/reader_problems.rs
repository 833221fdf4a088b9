//! Everything that is wrong with an Artifact, not only the first thing.

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)] // Functions beside the tests fail as tests do.

mod parts;

use mender_artifact::check::{Examination, PROBLEMS_MAX, examine, validate};
use mender_artifact::error::{Defect, Entry, Error};
use mender_artifact::limits::Limits;
use mender_artifact::read::verify::Verify;
use parts::{Parts, augmented, line, member, members, sound, tar, version_2};

struct Never;

impl Verify for Never {
    fn verify_manifest(&self, _manifest: &[u8], _signature: &[u8]) -> Result<(), Error> {
        Err(Error::new(Defect::Signature, Entry::ManifestSig))
    }
}

fn examined(bytes: &[u8], key: Option<&dyn Verify>) -> (Examination, Vec<String>) {
    let found = examine(bytes, key, &Limits::default());
    let texts = found.problems.iter().map(ToString::to_string).collect();
    // Either both find something, or neither.
    assert_eq!(found.problems.is_empty(), validate(bytes, key, &Limits::default()).is_ok());
    assert_eq!(found.report.is_some(), found.problems.is_empty());
    (found, texts)
}

#[test]
fn nothing_is_wrong_with_sound_artifacts() {
    for bytes in [sound().bytes(), augmented().bytes(), version_2().bytes()] {
        let (found, texts) = examined(&bytes, None);
        assert_eq!((texts, found.more, found.complete), (Vec::new(), 0, true));
        let report = found.report.unwrap();
        assert_eq!(report.header, validate(&bytes[..], None, &Limits::default()).unwrap().header);
    }
}

#[test]
fn several_things_are_wrong() {
    let mut parts = sound();
    parts.payloads[0].push(("c.bin".to_owned(), b"third file".to_vec()));
    parts.signature = Some("AAAA".to_owned());
    let manifest = parts.manifest_text();
    // One file is missing, two are damaged, one is not listed, one stands there twice.
    let mut damaged = Parts { manifest: Some(manifest + &line("data/0000/d.bin", b"")), ..parts.clone() };
    damaged.payloads[0][0].1 = b"FIRST file".to_vec();
    damaged.payloads[0][2].1 = b"THIRD file".to_vec();
    damaged.payloads[0].push(("e.bin".to_owned(), b"new".to_vec()));
    damaged.payloads[0].push(("b.bin".to_owned(), b"again".to_vec()));
    let (found, texts) = examined(&damaged.bytes(), Some(&Never));
    assert_eq!(
        texts,
        [
            "manifest.sig: wrong signature",
            "data/0000: 'a.bin': wrong checksum: expected bf41cf94047f1a34..., found 71fc7cf3fb4c1e71...",
            "data/0000: 'c.bin': wrong checksum: expected 1ef7a31fb5f7b9ba..., found 1ef7a31fb5f7b9ba...",
            "data/0000: 'e.bin': unknown: expected a file that the manifest lists",
            "data/0000: 'b.bin': present more than once",
            "artifact: 'data/0000/d.bin': missing: expected every file that the manifest lists",
        ]
        .map(|text| shortened(text, &texts))
    );
    assert!(found.complete);
    // Without a key it is not wrong but unknown.
    let (_, texts) = examined(&damaged.bytes(), None);
    assert_eq!(texts.len(), 6);
    assert_eq!(texts[5], "manifest.sig: the Artifact is signed and no key was given");
    // Unsigned, and a key.
    let (found, texts) = examined(&sound().bytes(), Some(&Never));
    assert_eq!(texts.len(), 1);
    assert!(texts[0].starts_with("artifact: the Artifact is not signed: expected manifest.sig"), "{texts:?}");
    assert!(found.complete);
}

/// `text` with the digests that the message at hand has: they are not what this is about.
fn shortened(text: &str, found: &[String]) -> String {
    let start = text.split("expected ").next().unwrap();
    let same = found.iter().find(|other| text.contains("wrong checksum") && other.starts_with(start));
    same.cloned().unwrap_or_else(|| text.to_owned())
}

#[test]
fn documents_names_and_lines() {
    let type_info = r#"{"type":"other","artifact_provides":{"a":"x\u0001","b":1,"c":"fine"},"artifact_depends":{"d":{}}}"#;
    let info = concat!(
        r#"{"payloads":[{"type":"single-file"}],"artifact_provides":{"artifact_name":"","artifact_group":"g\u0007"},"#,
        r#""artifact_depends":{"device_type":["board","b\n"]}}"#
    );
    let mut parts = sound()
        .with_header_file("header-info", info)
        .with_header_file("headers/0000/type-info", type_info)
        .with_header_file("headers/0000/meta-data", "[]");
    parts.header.insert(1, ("scripts/..".to_owned(), Vec::new()));
    parts.header.push(("headers/0000/other".to_owned(), b"{}".to_vec()));
    parts.header.push(("headers/0000/type-info".to_owned(), b"{}".to_vec()));
    parts.manifest = Some(format!("nonsense\n{}{}", line("nowhere", b""), parts.manifest_text()));
    let (found, texts) = examined(&parts.bytes(), None);
    let printable = "name not allowed: expected 1 to 256 bytes without control characters";
    assert_eq!(
        texts,
        [
            "manifest: malformed line: expected 64 lower-case hexadecimal digits, two blanks and a name, found \
             'nonsense' (at byte 0)",
            "manifest: unknown: expected version, header.tar or data/NNNN/ and a file name, found 'nowhere' \
             (at byte 9)",
            &format!("header-info: '': {printable}"),
            &format!("header-info: 'g?': {printable}"),
            &format!("header-info: 'b?': {printable}"),
            "scripts: '..': name not allowed: expected a plain file name of at most 255 printable characters \
             (at byte 1536)",
            "headers/0000/type-info: 'type': contradiction: expected the type that header-info gives, found \
             '\"other\"'",
            "headers/0000/type-info: 'x\\u0001': name not allowed: expected no control characters",
            "headers/0000/type-info: 'artifact_provides': unexpected value: expected a string or a list of \
             strings, found '1'",
            "headers/0000/type-info: 'artifact_depends': unexpected value: expected a string or a list of \
             strings, found '{}'",
            "headers/0000/meta-data: 'meta-data': unexpected value: expected an object, found '[]'",
            "header.tar: unexpected member: expected type-info or meta-data, found 'headers/0000/other' \
             (at byte 5120)",
            "headers/0000/type-info: present more than once (at byte 6144)",
        ]
    );
    assert!(found.complete);
}

#[test]
fn augmented_parts() {
    let bytes = augmented()
        .with_header_file(
            "header-info",
            r#"{"payloads":[{"type":"rootfs-image"}],"artifact_provides":{"artifact_name":"other"}}"#,
        )
        .with_header_file("headers/0000/meta-data", "[")
        .bytes();
    let (found, texts) = examined(&bytes, None);
    assert_eq!(
        texts,
        [
            "header-augment.tar/header-info: 'type': unexpected value: expected another type than rootfs-image",
            "header-augment.tar/header-info: 'artifact_provides': contradiction: expected nothing, or what the \
             signed header says",
            "header-augment.tar/headers/0000/type-info: 'type': contradiction: expected the type that header-info \
             gives, found '\"delta\"'",
            "header-augment.tar/headers/0000/meta-data: malformed JSON: expected a value, found the end (at byte 1)",
        ]
    );
    assert!(found.complete);
    let bytes = augmented().with_header_file("headers/0000/meta-data", r#"{"note":1}"#).bytes();
    let (found, texts) = examined(&bytes, None);
    let message = "header-augment.tar/headers/0000/meta-data: 'note': contradiction: expected the kind of value that \
                   the signed header has";
    assert_eq!((texts, found.complete), (vec![message.to_owned()], true));
}

#[test]
fn damage_ends_it() {
    let mut parts = sound();
    parts.payloads[0][0].1 = b"FIRST file".to_vec();
    parts.manifest = Some(sound().manifest_text());
    let mut all = parts.members();
    let end = all[3].1.len() - 1024;
    all[3].1.truncate(end);
    all[3].1.extend(member("link", b'2', b""));
    let (found, texts) = examined(&tar(&all), None);
    assert_eq!(texts.len(), 2);
    assert!(texts[0].contains("'a.bin': wrong checksum"), "{texts:?}");
    assert_eq!(
        texts[1],
        "data/0000.tar: unexpected kind of tar member: expected a regular file, found a link (at byte 2048)"
    );
    assert!(!found.complete);
    let (found, texts) = examined(b"", None);
    assert_eq!(texts.len(), 1);
    assert!(!found.complete);
}

#[test]
fn the_list_is_bounded() {
    let mut parts = sound();
    let manifest = parts.manifest_text();
    let many: Vec<_> = (0..250).map(|number| line(&format!("data/0000/f{number}"), b"")).collect();
    parts.manifest = Some(manifest + &many.concat());
    let (found, _) = examined(&parts.bytes(), None);
    assert_eq!((found.problems.len(), found.more, found.complete), (PROBLEMS_MAX, 150, true));
    // What ended it is there in any case.
    let mut all = parts.members();
    all[0].1 = br#"{"format":"Mender","version":3}"#.to_vec();
    all[2].1 = members(&[("x", "")]).iter().flat_map(|(name, bytes)| member(name, b'0', bytes)).collect();
    parts.manifest = Some("x\n".repeat(200));
    all[1].1 = parts.manifest_text().into_bytes();
    let (found, texts) = examined(&tar(&all), None);
    assert_eq!((found.problems.len(), found.complete), (PROBLEMS_MAX, false));
    assert_eq!(texts[0], "version: 'format': unexpected value: expected \"mender\", found '\"Mender\"'");
    assert_eq!(
        texts[PROBLEMS_MAX - 1],
        "header.tar: unexpected member: expected header-info, found 'x' (at byte 512)"
    );
}

#[test]
fn damage_of_any_kind_is_found_either_way() {
    for bytes in [augmented().bytes(), version_2().bytes()] {
        for place in (0..bytes.len()).step_by(3) {
            let mut damaged = bytes.clone();
            damaged[place] ^= 1 << (place % 8);
            examined(&damaged, None);
            examined(&bytes[..place], None);
        }
    }
}
