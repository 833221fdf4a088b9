//! Artifacts put together here, member by member: sound ones in unusual forms, and such with one defect.

use crate::content::hex;
use crate::fixtures::Fixtures;
use crate::tools::Tool;
use std::io::Write;

pub(crate) struct Spoilt {
    pub(crate) name: String,
    pub(crate) bytes: Vec<u8>,
    pub(crate) flags: &'static [&'static str],
}

#[derive(Clone)]
struct Member {
    name: String,
    kind: tar::EntryType,
    contents: Vec<u8>,
}

fn member(name: &str, contents: impl Into<Vec<u8>>) -> Member {
    Member { name: name.to_owned(), kind: tar::EntryType::Regular, contents: contents.into() }
}

/// Names are set as they are, tricks included.
fn archive(members: &[Member]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for member in members {
        let mut header = tar::Header::new_ustar();
        header.as_mut_bytes()[..member.name.len()].copy_from_slice(member.name.as_bytes());
        header.set_entry_type(member.kind);
        header.set_mode(0o644);
        header.set_size(member.contents.len() as u64);
        header.set_cksum();
        builder.append(&header, &member.contents[..]).unwrap();
    }
    builder.into_inner().unwrap()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

const VERSION: &str = r#"{"format":"mender","version":3}"#;
const HEADER_INFO: &str = r#"{"payloads":[{"type":"t"}],"artifact_provides":{"artifact_name":"n"},"artifact_depends":{"device_type":["d"]}}"#;
const TYPE_INFO: &str = r#"{"type":"t"}"#;
const META_DATA: &str = r#"{"k":"v"}"#;

/// A sound Artifact in its parts.
#[derive(Clone)]
struct Parts {
    version: String,
    header: Vec<Member>,
    payload: Vec<Member>,
    /// Lines of the manifest besides those of `version`, the header and `data/0000/f`.
    more_lines: String,
    /// `None` for the right one.
    manifest: Option<String>,
    gzip: bool,
}

impl Parts {
    fn sound() -> Self {
        Self {
            version: VERSION.into(),
            header: vec![
                member("header-info", HEADER_INFO),
                member("headers/0000/type-info", TYPE_INFO),
                member("headers/0000/meta-data", META_DATA),
            ],
            payload: vec![member("f", "contents")],
            more_lines: String::new(),
            manifest: None,
            gzip: false,
        }
    }

    fn members(&self) -> Vec<Member> {
        let (mut header, mut data) = (archive(&self.header), archive(&self.payload));
        let suffix = if self.gzip { ".gz" } else { "" };
        if self.gzip {
            (header, data) = (gzip(&header), gzip(&data));
        }
        let manifest = self.manifest.clone().unwrap_or_else(|| {
            format!(
                "{}  data/0000/f\n{}{}  header.tar{suffix}\n{}  version\n",
                hex(b"contents"),
                self.more_lines,
                hex(&header),
                hex(self.version.as_bytes())
            )
        });
        vec![
            member("version", self.version.clone()),
            member("manifest", manifest),
            member(&format!("header.tar{suffix}"), header),
            member(&format!("data/0000.tar{suffix}"), data),
        ]
    }
}

struct All(Vec<Spoilt>);

impl All {
    fn bytes(&mut self, name: &str, bytes: Vec<u8>) {
        self.0.push(Spoilt { name: name.to_owned(), bytes, flags: &[] });
    }

    fn parts(&mut self, name: &str, change: impl FnOnce(&mut Parts)) {
        let mut parts = Parts::sound();
        change(&mut parts);
        self.bytes(name, archive(&parts.members()));
    }

    fn members(&mut self, name: &str, change: impl FnOnce(&mut Vec<Member>)) {
        let mut members = Parts::sound().members();
        change(&mut members);
        self.bytes(name, archive(&members));
    }

    fn version(&mut self, text: &str) {
        self.parts(&format!("version {text}"), |parts| parts.version = text.to_owned());
    }

    fn document(&mut self, index: usize, text: &str) {
        let name = Parts::sound().header[index].name.clone();
        self.parts(&format!("{name}: {text}"), |parts| parts.header[index].contents = text.into());
    }
}

pub(crate) fn all(fixtures: &Fixtures) -> Vec<Spoilt> {
    let mut all = All(Vec::new());
    all.bytes("empty", Vec::new());
    all.bytes("zeros", vec![0; 4096]);
    all.bytes("text", b"#!/bin/sh\necho\n".to_vec());
    all.bytes("gzipped as a whole", gzip(&archive(&Parts::sound().members())));
    outer(&mut all);
    versions(&mut all);
    manifests(&mut all);
    headers(&mut all);
    payloads(&mut all);
    signatures(&mut all, fixtures);
    all.0
}

fn outer(all: &mut All) {
    all.members("sound", |_| {});
    all.parts("sound, gzip", |parts| parts.gzip = true);
    all.members("version and manifest change places", |members| members.swap(0, 1));
    all.members("manifest and header change places", |members| members.swap(1, 2));
    all.members("header and data change places", |members| members.swap(2, 3));
    for index in 0..4 {
        all.members(&format!("member {index} is missing"), |members| drop(members.remove(index)));
        all.members(&format!("member {index} twice"), |members| {
            members.insert(index, members[index].clone())
        });
        all.members(&format!("member {index} with ./"), |members| {
            members[index].name = format!("./{}", members[index].name);
        });
    }
    all.members("something behind the data", |members| members.push(member("extra", "x")));
    all.members("an unknown manifest", |members| members.insert(2, member("manifest.foo", "x")));
    let whole = archive(&Parts::sound().members());
    for (name, len) in [("in version", 600), ("in the header", 2700), ("in the data", whole.len() - 2048)] {
        all.bytes(&format!("cut {name}"), whole[..len].to_vec());
    }
    all.bytes("without end of archive", whole[..whole.len() - 1024].to_vec());
    let mut trailing = whole;
    trailing.extend_from_slice(b"garbage");
    all.bytes("garbage behind the end", trailing);
}

fn versions(all: &mut All) {
    for text in [
        "3",
        "{}",
        "",
        r#"{"format":"mender"}"#,
        r#"{"version":3}"#,
        r#"{"format":"mender","version":"3"}"#,
        r#"{"format":"mender","version":3,"more":1}"#,
        r#"{"format":"mender","version":3"#,
        r#"{"format":"mender","version":0}"#,
        r#"{"format":"mender","version":1}"#,
        r#"{"format":"mender","version":4}"#,
        r#"{"format":"mender","version":-3}"#,
        r#"{"format":"other","version":3}"#,
        r#"{"format":"mender","version":3}x"#,
        r#"{ "format" : "mender", "version" : 3 }"#,
        r#"{"FORMAT":"mender","Version":3}"#,
        r#"{"format":"mender","version":2,"version":3}"#,
    ] {
        all.version(text);
    }
}

fn manifests(all: &mut All) {
    let line = |sum: &str, name: &str| format!("{sum}  {name}\n");
    let sum = hex(b"contents");
    for (name, more) in [
        ("a file that is not there", line(&sum, "data/0000/g")),
        ("a payload that is not there", line(&sum, "data/0001/g")),
        ("the same file twice", line(&sum, "data/0000/f")),
        ("an unknown name", line(&sum, "other")),
        ("upper case", line(&sum.to_uppercase(), "data/0000/g")),
        ("a short sum", line(&sum[..60], "data/0000/g")),
        ("one blank", format!("{sum} data/0000/g\n")),
        ("no line", "nothing\n".to_owned()),
        ("a blank line", "\n".to_owned()),
    ] {
        all.parts(&format!("manifest: {name}"), |parts| parts.more_lines = more);
    }
    let right = String::from_utf8(Parts::sound().members()[1].contents.clone()).unwrap();
    let mut lines: Vec<&str> = right.lines().collect();
    lines.reverse();
    let reordered = format!("{}\n", lines.join("\n"));
    all.parts("manifest: in another order", |parts| parts.manifest = Some(reordered));
    all.parts("manifest: without last line feed", |parts| parts.manifest = Some(right.trim_end().to_owned()));
    all.parts("manifest: empty", |parts| parts.manifest = Some(String::new()));
    for (name, index) in [("payload", 0), ("header", 1), ("version", 2)] {
        let mut lines: Vec<String> = right.lines().map(str::to_owned).collect();
        let flipped = if lines[index].starts_with('0') { "1" } else { "0" };
        lines[index].replace_range(..1, flipped);
        let text = format!("{}\n", lines.join("\n"));
        all.parts(&format!("manifest: wrong sum of the {name}"), |parts| parts.manifest = Some(text));
        let mut lines: Vec<&str> = right.lines().collect();
        lines.remove(index);
        let text = format!("{}\n", lines.join("\n"));
        all.parts(&format!("manifest: no line of the {name}"), |parts| parts.manifest = Some(text));
    }
}

fn headers(all: &mut All) {
    for text in [
        "",
        "{}",
        "[]",
        "null",
        &HEADER_INFO.replace("payloads", "updates"),
        &HEADER_INFO.replace(r#"{"type":"t"}"#, ""),
        &HEADER_INFO.replace(r#"{"type":"t"}"#, r#"{"type":"t"},{"type":"t"}"#),
        &HEADER_INFO.replace(r#"{"type":"t"}"#, r#"{"type":""}"#),
        &HEADER_INFO.replace(r#"{"type":"t"}"#, r#"{"type":"t","x":1}"#),
        &HEADER_INFO.replace(r#"["d"]"#, "[]"),
        &HEADER_INFO.replace(r#"["d"]"#, r#""d""#),
        &HEADER_INFO.replace(r#""n""#, r#""""#),
        &HEADER_INFO.replace(r#""n""#, "1"),
        &HEADER_INFO.replace(r#""n""#, r#""n","x":"y""#),
        &HEADER_INFO.replace(r#"["d"]"#, r#"["d"],"x":["y"]"#),
        &HEADER_INFO.replace("{\"payloads\"", "{\"x\":1,\"payloads\""),
        &HEADER_INFO.replace("payloads", "PAYLOADS"),
        &format!("{HEADER_INFO}trailing"),
        &format!("{HEADER_INFO}\n"),
        &HEADER_INFO.replace(':', " : "),
        r#"{"payloads":[{"type":"t"}],"artifact_provides":{"artifact_name":"n"}}"#,
    ] {
        all.document(0, text);
    }
    for text in [
        "",
        "{}",
        "null",
        r#"{"type":null}"#,
        r#"{"type":1}"#,
        r#"{"type":"other"}"#,
        r#"{"type":"t","x":1}"#,
        r#"{"type":"t","artifact_provides":{"k":"v"},"artifact_depends":{"k":["v","w"]}}"#,
        r#"{"type":"t","artifact_provides":{"k":1}}"#,
        r#"{"type":"t","artifact_provides":{"k":["v"]}}"#,
        r#"{"type":"t","artifact_depends":{"k":{}}}"#,
        r#"{"type":"t","clears_artifact_provides":"x"}"#,
        r#"{"type":"t"}garbage"#,
    ] {
        all.document(1, text);
    }
    for text in ["", "{}", "[1]", "1", "null", "{", r#"{"k":1e400}"#, r#"{"a":[[1],{"b":2}]}"#, "{}{}"] {
        all.document(2, text);
    }
    all.parts("no header-info", |parts| drop(parts.header.remove(0)));
    all.parts("header-info last", |parts| parts.header.rotate_left(1));
    all.parts("no type-info", |parts| drop(parts.header.remove(1)));
    all.parts("no meta-data", |parts| drop(parts.header.remove(2)));
    all.parts("type-info twice", |parts| parts.header.insert(1, parts.header[1].clone()));
    all.parts("meta-data before type-info", |parts| parts.header.swap(1, 2));
    all.parts("an unknown header", |parts| parts.header.push(member("headers/0000/x", "x")));
    all.parts("files as in version 2", |parts| {
        parts.header.insert(1, member("headers/0000/files", r#"{"files":["f"]}"#));
    });
    all.parts("a second bucket", |parts| parts.header.push(member("headers/0001/type-info", TYPE_INFO)));
    all.parts("a script", |parts| {
        parts.header.insert(1, member("scripts/ArtifactInstall_Enter_00", "#!/bin/sh\n"));
    });
    all.parts("a script behind the headers", |parts| {
        parts.header.push(member("scripts/ArtifactInstall_Enter_00", "#!/bin/sh\n"));
    });
    all.parts("the same script twice", |parts| {
        let script = member("scripts/ArtifactInstall_Enter_00", "#!/bin/sh\n");
        parts.header.splice(1..1, [script.clone(), script]);
    });
    all.parts("a script called ..", |parts| parts.header.insert(1, member("scripts/..", "x")));
    all.parts("a way out", |parts| parts.header.push(member("../evil", "x")));
}

fn payloads(all: &mut All) {
    for name in ["../f", "/f", "./f", "a/f", "..", "g", "f\u{1b}"] {
        all.parts(&format!("payload called {name:?}"), |parts| parts.payload[0].name = name.to_owned());
    }
    use tar::EntryType::{Char, Directory, Link, Symlink};
    for kind in [Symlink, Link, Directory, Char] {
        all.parts(&format!("payload is a {kind:?}"), |parts| {
            parts.payload[0] = Member { name: "f".into(), kind, contents: Vec::new() };
        });
    }
    all.parts("other contents", |parts| parts.payload[0].contents = b"CONTENTS".to_vec());
    all.parts("no file", |parts| parts.payload.clear());
    all.parts("the file twice", |parts| parts.payload.push(parts.payload[0].clone()));
    all.parts("one file more", |parts| parts.payload.push(member("g", "x")));
}

fn signatures(all: &mut All, fixtures: &Fixtures) {
    let flags =
        ["write", MODULE_IMAGE, "-n", "r", "-c", "b", "-T", "t", "-f", "f511", "-k", "rsa-pkcs1.pem", "-o"];
    let made = fixtures.run(Tool::Ours, &[&flags[..], &["signed"]].concat());
    assert_eq!(made.status, 0, "{made:?}");
    let signed = fixtures.bytes("signed");
    let unsigned = archive(&Parts::sound().members());
    let mut damaged = signed.clone();
    let at = damaged.windows(12).position(|name| name == b"manifest.sig").unwrap() + 512;
    damaged[at] = if damaged[at] == b'A' { b'B' } else { b'A' };
    let mut no_base64 = signed.clone();
    no_base64[at] = b'*';
    for (name, bytes, flags) in [
        ("signed, right key", &signed, &["-k", "rsa-public.pem"][..]),
        ("signed, no key", &signed, &[]),
        ("signed, other key", &signed, &["-k", "p256-public.pem"]),
        ("signed, missing key", &signed, &["-k", "missing"]),
        ("signed, private key", &signed, &["-k", "rsa-pkcs1.pem"]),
        ("signed, damaged", &damaged, &["-k", "rsa-public.pem"]),
        ("signed, damaged, no key", &damaged, &[]),
        ("signed, no base64", &no_base64, &["-k", "rsa-public.pem"]),
        ("not signed, key", &unsigned, &["-k", "rsa-public.pem"]),
    ] {
        all.0.push(Spoilt { name: name.to_owned(), bytes: bytes.clone(), flags });
    }
}

const MODULE_IMAGE: &str = "module-image";
