//! Damaged, hostile and misordered Artifacts: one line that says where, a status of its own, and nothing left behind.

use crate::workplace::{Workplace, key};
use sha2::{Digest, Sha256};

/// Every command that reads an Artifact refuses it with this status. The line that `validate` says.
fn refused(place: &Workplace, status: i32, artifact: &[u8]) -> String {
    place.put("bad", artifact);
    let before = place.names();
    place.fails(status, &["read", "bad"]);
    // It goes on after the first problem where that can be.
    let ended = place.run(&["validate", "bad"]);
    assert_eq!((ended.status, ended.stdout.as_str()), (status, ""), "{ended:?}");
    let first = ended.stderr.lines().next().unwrap();
    let message = first.strip_prefix("mender-artifact: ").unwrap();
    assert_eq!(place.bytes("bad"), artifact);
    assert_eq!(place.names(), before);
    message.strip_prefix("bad: ").unwrap_or_else(|| panic!("{message}")).to_owned()
}

#[test]
fn truncated_anywhere() {
    let place = Workplace::new();
    for compression in ["none", "gzip", "lzma", "zstd_fast"] {
        place.write_image("good", &["--compression", compression]);
        let good = place.bytes("good");
        // The end of the archive itself, 1024 zero bytes, may be missing: other tools' Artifacts lack it, too.
        let whole = good.len() - 1024;
        for cut in (0..whole).step_by(whole / 40).chain([1, 511, 512, 513, whole - 1]) {
            refused(&place, 5, &good[..cut]);
        }
    }
}

#[test]
fn a_flipped_bit_anywhere() {
    let place = Workplace::new();
    place.write_image("good", &["--compression", "gzip", "-k", &key("p256-sec1.pem")]);
    let good = place.bytes("good");
    let public = key("p256-public.pem");
    let mut harmless = 0;
    for at in (0..good.len() - 1024).step_by(641) {
        let mut bad = good.clone();
        bad[at] ^= 4;
        place.put("bad", &bad);
        let ended = place.run(&["validate", "bad", "-k", &public]);
        // Owner, times and padding of the outer archive are covered by nothing.
        if ended.status == 0 {
            harmless += 1;
            continue;
        }
        assert!([5, 6, 9].contains(&ended.status), "{at}: {ended:?}");
    }
    assert!(harmless < 5, "{harmless} flips went unnoticed");
}

#[test]
fn not_an_artifact() {
    let place = Workplace::new();
    refused(&place, 5, b"");
    refused(&place, 5, &[0; 4096]);
    refused(&place, 5, b"#!/bin/sh\necho no Artifact\n");
    refused(&place, 5, &[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3]);
}

/// A member of a tar archive.
#[derive(Clone)]
struct Member {
    name: &'static str,
    kind: tar::EntryType,
    contents: Vec<u8>,
}

fn member(name: &'static str, contents: impl Into<Vec<u8>>) -> Member {
    Member { name, kind: tar::EntryType::Regular, contents: contents.into() }
}

fn archive(members: &[Member]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for member in members {
        let mut header = tar::Header::new_ustar();
        // Names are set as they are, path tricks included.
        header.as_mut_bytes()[..member.name.len()].copy_from_slice(member.name.as_bytes());
        header.set_entry_type(member.kind);
        header.set_mode(0o644);
        header.set_size(member.contents.len() as u64);
        header.set_cksum();
        builder.append(&header, &member.contents[..]).unwrap();
    }
    builder.into_inner().unwrap()
}

fn hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

const VERSION: &str = r#"{"format":"mender","version":3}"#;
const HEADER_INFO: &str = r#"{"payloads":[{"type":"t"}],"artifact_provides":{"artifact_name":"n"},"artifact_depends":{"device_type":["d"]}}"#;

/// A sound Artifact, uncompressed, in its parts, to be spoilt one at a time.
struct Parts {
    version: String,
    header: Vec<Member>,
    payload: Vec<Member>,
    /// Manifest lines besides those of version, header and the file `f`.
    more_lines: String,
    /// The outer archive, once it is put together.
    spoil: fn(&mut Vec<Member>),
}

impl Parts {
    fn sound() -> Self {
        Self {
            version: VERSION.into(),
            header: vec![
                member("header-info", HEADER_INFO),
                member("headers/0000/type-info", r#"{"type":"t"}"#),
            ],
            payload: vec![member("f", "contents")],
            more_lines: String::new(),
            spoil: |_| {},
        }
    }

    fn bytes(&self) -> Vec<u8> {
        let (header, data) = (archive(&self.header), archive(&self.payload));
        let manifest = format!(
            "{}  data/0000/f\n{}{}  header.tar\n{}  version\n",
            hex(b"contents"),
            self.more_lines,
            hex(&header),
            hex(self.version.as_bytes())
        );
        let mut members = vec![
            member("version", self.version.clone()),
            member("manifest", manifest),
            member("header.tar", header),
            member("data/0000.tar", data),
        ];
        (self.spoil)(&mut members);
        archive(&members)
    }
}

#[test]
fn what_the_cases_are_made_of_is_sound() {
    let place = Workplace::new();
    place.put("good", Parts::sound().bytes());
    place.ok(&["validate", "good"]);
}

#[test]
fn wrong_order_and_unknown_members() {
    let place = Workplace::new();
    let spoils: [fn(&mut Vec<Member>); 9] = [
        |members| members.swap(0, 1),
        |members| members.swap(1, 2),
        |members| members.swap(2, 3),
        |members| drop(members.remove(1)),
        |members| drop(members.remove(3)),
        |members| members.insert(1, members[0].clone()),
        |members| members.push(members[3].clone()),
        |members| members.insert(2, member("manifest.foo", "x")),
        |members| members.push(member("extra", "x")),
    ];
    for spoil in spoils {
        refused(&place, 5, &Parts { spoil, ..Parts::sound() }.bytes());
    }
}

#[test]
fn versions_that_are_none() {
    let place = Workplace::new();
    for version in [
        r#"{"format":"other","version":3}"#,
        r#"{"format":"mender","version":"3"}"#,
        r#"{"format":"mender"}"#,
        r#"{"format":"mender","version":3,"more":1}"#,
        r#"{"format":"mender","version":3"#,
        r#"{"format":"mender","version":3}x"#,
        "3",
    ] {
        refused(&place, 5, &Parts { version: version.into(), ..Parts::sound() }.bytes());
    }
    for version in [r#"{"format":"mender","version":4}"#, r#"{"format":"mender","version":1}"#] {
        let message = refused(&place, 6, &Parts { version: version.into(), ..Parts::sound() }.bytes());
        assert!(message.starts_with("version: "), "{message}");
    }
}

#[test]
fn path_tricks_in_the_payload() {
    let place = Workplace::new();
    for name in ["../f", "/f", "./f", "a/f", "..", "f\u{1b}", "g"] {
        let payload = vec![member(name, "contents")];
        let message = refused(&place, 5, &Parts { payload, ..Parts::sound() }.bytes());
        assert!(message.starts_with("data/0000"), "{name}: {message}");
    }
    for kind in
        [tar::EntryType::Symlink, tar::EntryType::Link, tar::EntryType::Directory, tar::EntryType::Char]
    {
        let payload = vec![Member { name: "f", kind, contents: Vec::new() }];
        refused(&place, 5, &Parts { payload, ..Parts::sound() }.bytes());
    }
}

#[test]
fn payload_and_manifest_must_agree() {
    let place = Workplace::new();
    let other = |payload: Vec<Member>| Parts { payload, ..Parts::sound() }.bytes();
    let message = refused(&place, 5, &other(vec![member("f", "CONTENTS")]));
    assert!(message.contains("wrong checksum: expected"), "{message}");
    refused(&place, 5, &other(vec![]));
    refused(&place, 5, &other(vec![member("f", "contents"), member("g", "more")]));
    refused(&place, 5, &other(vec![member("f", "contents"), member("f", "contents")]));
    let line = |name: &str| format!("{}  {name}\n", hex(b"x"));
    for more_lines in [
        line("data/0000/missing"),
        line("data/0001/f"),
        line("data/0000/f"),
        line("data/0000/../f"),
        line("other"),
        "not a manifest line\n".to_owned(),
        line("data/0000/g").to_uppercase(),
    ] {
        refused(&place, 5, &Parts { more_lines, ..Parts::sound() }.bytes());
    }
}

#[test]
fn headers_that_do_not_hold() {
    let place = Workplace::new();
    let info =
        |text: &str| vec![member("header-info", text), member("headers/0000/type-info", r#"{"type":"t"}"#)];
    let type_info =
        |text: &str| vec![member("header-info", HEADER_INFO), member("headers/0000/type-info", text)];
    let with = |extra: Member| [&Parts::sound().header[..], &[extra]].concat();
    for header in [
        vec![],
        info("{}"),
        info("not JSON"),
        info(&HEADER_INFO.replace("\"n\"", "\"\"")),
        info(&HEADER_INFO.replace("[\"d\"]", "[]")),
        info(&HEADER_INFO.replace("payloads", "updates")),
        info(&format!("{HEADER_INFO}trailing")),
        type_info("{}"),
        type_info(r#"{"type":"other"}"#),
        type_info(r#"{"type":"t","artifact_provides":{"k":1}}"#),
        vec![member("header-info", HEADER_INFO)],
        with(member("headers/0001/type-info", r#"{"type":"t"}"#)),
        with(member("headers/0000/other", "x")),
        with(member("headers/0000/meta-data", "[1]")),
        with(member("../evil", "x")),
    ] {
        let message = refused(&place, 5, &Parts { header, ..Parts::sound() }.bytes());
        assert!(message.starts_with("header"), "{message}");
    }
}

#[test]
fn a_header_that_unpacks_to_far_more_than_it_is() {
    let place = Workplace::new();
    let mut meta_data = br#"{"k":""#.to_vec();
    meta_data.resize(64 << 20, b'a');
    meta_data.extend(br#""}"#);
    let mut header = Parts::sound().header;
    header.push(member("headers/0000/meta-data", meta_data));
    let message = refused(&place, 9, &Parts { header, ..Parts::sound() }.bytes());
    assert!(message.starts_with("header") && message.contains("limit"), "{message}");
}
