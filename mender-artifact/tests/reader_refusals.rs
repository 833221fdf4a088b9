//! Unsound Artifacts, each with the message that says what is wrong with it.

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)] // Functions beside the tests fail as tests do.

mod parts;

use mender_artifact::error::Category;
use mender_artifact::limits::Limits;
use mender_artifact::read::{ReadOptions, read_artifact};
use parts::{HEADER_INFO, Members, Parts, block, line, member, members, pack, pax, read, seal, sound, tar};

#[track_caller]
fn refused(bytes: &[u8], message: &str) {
    match read(bytes) {
        Ok(_) => panic!("accepted; expected: {message}"),
        Err(error) => {
            let text = error.to_string();
            assert!(text.contains(message), "said: {text}\nexpected: {message}");
            assert!(!text.contains('\n') && !text.ends_with('.') || text.ends_with("..."), "{text}");
        }
    }
}

#[track_caller]
fn refused_members(change: impl FnOnce(&mut Members), message: &str) {
    let mut all = sound().members();
    change(&mut all);
    refused(&tar(&all), message);
}

#[track_caller]
fn refused_file(name: &str, contents: &str, message: &str) {
    refused(&sound().with_header_file(name, contents).bytes(), message);
}

#[track_caller]
fn refused_header(change: impl FnOnce(&mut Members), message: &str) {
    let mut parts = sound();
    change(&mut parts.header);
    refused(&parts.bytes(), message);
}

#[track_caller]
fn accepted(parts: &Parts) {
    read(&parts.bytes()).unwrap();
}

#[test]
fn what_is_no_artifact() {
    let sound = sound().bytes();
    refused(b"", "artifact: the input ends too early");
    refused(&[0; 4096], "artifact: 'version': missing");
    refused(&[0x55; 4096], "artifact: 'checksum': bad tar header");
    refused(&pack(".gz", &sound), "artifact: 'checksum': bad tar header");
    refused(
        &tar(&members(&[("hello", "world")])),
        "artifact: unexpected member: expected version, found 'hello'",
    );
    assert!(read(&sound).is_ok());
}

#[test]
fn outer_archive() {
    refused_members(|all| drop(all.remove(0)), "unexpected member: expected version, found 'manifest'");
    refused_members(|all| drop(all.remove(1)), "unexpected member: expected manifest, found 'header.tar'");
    refused_members(|all| drop(all.remove(2)), "expected manifest.sig or header.tar, found 'data/0000.tar'");
    refused_members(|all| drop(all.remove(3)), "'data/0000/a.bin': missing");
    refused_members(|all| all.truncate(2), "'header.tar': missing");
    for again in 0..4 {
        refused_members(|all| all.insert(again, all[again].clone()), "unexpected member");
    }
    refused_members(|all| all.swap(0, 1), "unexpected member");
    refused_members(|all| all.swap(2, 3), "unexpected member");
    refused_members(|all| all.push(("extra".into(), vec![])), "expected no more members, found 'extra'");
    refused_members(|all| all.push(("data/0001.tar".into(), tar(&[]))), "expected no more members");
    refused_members(|all| all[0].0 = "./version".into(), "found './version'");
    refused_members(|all| all[0].0 = "/version".into(), "found '/version'");
    refused_members(|all| all[0].0 = "version-foo".into(), "found 'version-foo'");
    refused_members(
        |all| all.insert(2, ("manifest-augment".into(), vec![])),
        "expected header-augment.tar, compressed like header.tar, found 'data/0000.tar'",
    );
    refused_members(|all| all[2].0 = "header.tar.bz2".into(), "unsupported compression");
    refused_members(|all| all[3].0 = "data/0000.tar.bz2".into(), "unexpected member");
    refused_members(|all| all[3].0 = "data/0000".into(), "unexpected member");
    let mut bytes = sound().bytes();
    bytes.extend(sound().bytes());
    refused(&bytes, "data behind the end");
    let mut bytes = sound().bytes();
    bytes.push(1);
    refused(&bytes, "data behind the end");
    let mut bytes = sound().bytes();
    let end = bytes.len() - 1024;
    bytes.splice(end..end + 512, []);
    refused(&bytes, "the input ends too early");
    bytes.truncate(end);
    refused(&bytes, "the input ends too early: expected another header, or two blocks of zeros");
    bytes.extend([0; 512]);
    bytes.extend(member("x", b'0', b""));
    refused(&bytes, "data behind the end: expected a second block of zeros");
    let directory = member("data/", b'5', b"");
    refused(&[&sound().bytes()[..end], &directory[..], &[0; 1024]].concat(), "unexpected member");
    let mut bytes = sound().bytes();
    bytes.resize(bytes.len() + 2_000_000, 0);
    refused(&bytes, "data behind the end: expected at most 1 MiB of zeros");
}

#[test]
fn version_member() {
    for (version, message) in [
        ("", "version: malformed JSON"),
        ("mender", "version: malformed JSON"),
        (r#"{"format":"mender","version":3}x"#, "version: malformed JSON: expected the end, found 'x'"),
        (r#"{"format":"mender","version":3,"version":3}"#, "'version': present more than once"),
        (r#"{"format":"mender","version":3,"a":1}"#, "version: 'a': unknown"),
        (r#"{"format":"Mender","version":3}"#, "version: 'format': unexpected value"),
        (r#"{"format":"mender"}"#, "version: 'version': missing"),
        (r#"{"version":3}"#, "version: 'format': missing"),
        (r#"{"format":"mender","version":"3"}"#, "unexpected value: expected a number"),
        (r#"{"format":"mender","version":-3}"#, "unexpected value: expected a number, found '-3'"),
        (r#"{"format":"mender","version":3.0}"#, "unexpected value"),
        (r#"{"format":"mender","version":99999999999999999999}"#, "unexpected value"),
        (r#"{"format":"mender","version":0}"#, "unsupported format version: expected 2 or 3, found 0"),
        (r#"{"format":"mender","version":1}"#, "unsupported format version: expected 2 or 3, found 1"),
        (r#"{"format":"mender","version":4}"#, "unsupported format version: expected 2 or 3, found 4"),
        (r#"[3]"#, "unexpected value: expected an object"),
        (r#"{"Format":"mender","version":3}"#, "version: 'Format': unknown"),
    ] {
        refused(&Parts { version: version.into(), ..sound() }.bytes(), message);
    }
    refused(&Parts { version: vec![b' '; 100_000], ..sound() }.bytes(), "version: too large");
    let mut parts = sound();
    parts.manifest = Some(sound().manifest_text());
    parts.version.push(b'\n');
    refused(&parts.bytes(), "version: wrong checksum");
    assert_eq!(
        read(&Parts { version: br#"{"format":"mender","version":4}"#.to_vec(), ..sound() }.bytes())
            .unwrap_err()
            .category(),
        Category::Unsupported
    );
}

#[test]
fn manifest_member() {
    let manifest = sound().manifest_text();
    let with = |manifest: String| Parts { manifest: Some(manifest), ..sound() }.bytes();
    refused(&with(manifest.replace("  version", " version")), "manifest: malformed line");
    refused(&with(manifest.to_uppercase()), "manifest: malformed line");
    refused(
        &with(manifest.trim_end().to_owned()),
        "manifest: malformed line: expected a line feed at the end",
    );
    refused(&with(manifest.clone() + "\n"), "manifest: malformed line");
    refused(&with(manifest.clone() + &line("version", b"")), "manifest: 'version': present more than once");
    refused(&with(manifest.clone() + &line("other", b"")), "manifest: unknown");
    refused(&with(manifest.clone() + &line("data/0000/../x", b"")), "manifest: unknown");
    refused(
        &with(manifest.clone() + &line("data/0001/x", b"")),
        "'data/0001/x': unknown: expected a payload",
    );
    refused(&with(manifest.clone() + &line("data/0000/absent", b"")), "'data/0000/absent': missing");
    refused(&with(manifest.clone() + &line("header.tar.gz", b"")), "'header.tar.gz': missing");
    let without = |name: &str| -> String {
        manifest.lines().filter(|l| !l.ends_with(name)).map(|l| format!("{l}\n")).collect()
    };
    refused(&with(without("version")), "'version': unknown: expected a file that the manifest lists");
    refused(&with(without("header.tar")), "'header.tar': unknown: expected a file that the manifest lists");
    refused(&with(without("b.bin")), "'b.bin': unknown: expected a file that the manifest lists");
    refused(&with(String::new()), "unknown");
    let other = line("header.tar", b"something else");
    refused(&with(without("header.tar") + &other), "header.tar: wrong checksum");
    // The order of the lines says nothing.
    accepted(&Parts {
        manifest: Some(manifest.lines().rev().map(|l| format!("{l}\n")).collect()),
        ..sound()
    });
}

#[test]
fn header_archive() {
    refused_header(Vec::clear, "header-info: 'header-info': missing");
    refused_header(|all| drop(all.remove(0)), "header.tar: unexpected member: expected header-info");
    refused_header(|all| all[0].0 = "header-info-x".into(), "expected header-info, found 'header-info-x'");
    refused_header(|all| all.swap(1, 2), "expected scripts before headers, found 'scripts/");
    refused_header(|all| all.truncate(2), "headers/0000/type-info: 'type-info': missing");
    refused_header(|all| drop(all.remove(2)), "headers/0000/type-info: 'type-info': missing");
    refused_header(|all| all.push(all[0].clone()), "unexpected member");
    refused_header(
        |all| all.insert(1, all[1].clone()),
        "scripts: 'ArtifactInstall_Enter_01_x': present more than once",
    );
    refused_header(|all| all.push(all[2].clone()), "headers/0000/type-info: present more than once");
    refused_header(|all| all.push(all[3].clone()), "headers/0000/meta-data: present more than once");
    for name in [
        "headers/0/type-info",
        "headers/0000/x/type-info",
        "headers/00000/type-info",
        "headers/type-info",
        "extra",
    ] {
        refused_header(|all| all.push((name.into(), vec![])), "header.tar: unexpected member");
    }
    refused_header(|all| all.push(("headers/0000/files".into(), vec![])), "expected type-info or meta-data");
    refused_header(
        |all| all.push(("headers/0001/type-info".into(), vec![])),
        "only payloads that header-info lists",
    );
    refused_header(|all| all[2].0 = "headers/0001/type-info".into(), "the payloads in their order");
    for name in
        ["scripts/..", "scripts/.", "scripts/", "scripts/a/b", "scripts/a b", "scripts/../../etc/passwd"]
    {
        refused_header(|all| all[1].0 = name.into(), "name not allowed");
    }
    let header = |tar: Vec<u8>, suffix: &'static str| {
        let mut all = sound().members();
        let name = format!("header.tar{suffix}");
        all[2] = (name.clone(), tar);
        let manifest = sound().manifest_text();
        let kept: String =
            manifest.lines().filter(|l| !l.ends_with("header.tar")).map(|l| format!("{l}\n")).collect();
        all[1].1 = (kept + &line(&name, &all[2].1)).into_bytes();
        all
    };
    let tar_bytes = sound().header_tar();
    assert!(read(&tar(&header(tar_bytes.clone(), ""))).is_ok());
    let cut = tar_bytes[..tar_bytes.len() - 512].to_vec();
    refused(&tar(&header(cut, "")), "header.tar: the input ends too early");
    refused(&tar(&header(Vec::new(), "")), "header.tar: the input ends too early");
    let tail = [&tar_bytes[..], b"x"].concat();
    refused(&tar(&header(tail.clone(), "")), "header.tar: data behind the end");
    refused(&tar(&header(pack(".gz", &tail), ".gz")), "header.tar: data behind the end");
    let packed = pack(".gz", &tar_bytes);
    assert!(read(&tar(&header(packed.clone(), ".gz"))).is_ok());
    refused(
        &tar(&header(packed[..packed.len() - 1].to_vec(), ".gz")),
        "header.tar: the input ends too early",
    );
    refused(&tar(&header([&packed[..], b"x"].concat(), ".gz")), "header.tar: ");
    refused(&tar(&header(packed, ".xz")), "header.tar: damaged compressed stream");
    refused(&tar(&header(tar_bytes.clone(), ".zst")), "header.tar: damaged compressed stream");
    // Archives made by tar itself list directories.
    let directory = |name: &str| member(name, b'5', b"");
    let with_directories = [
        &tar_bytes[..1024],
        &directory("scripts/"),
        &tar_bytes[1024..2048],
        &directory("headers/"),
        &directory("headers/0000/"),
        &tar_bytes[2048..],
    ]
    .concat();
    assert!(read(&tar(&header(with_directories, ""))).is_ok());
    let strange = [&tar_bytes[..1024], &directory("etc/"), &tar_bytes[1024..]].concat();
    refused(&tar(&header(strange, "")), "header.tar: unexpected member");
}

#[test]
fn header_info_document() {
    let long = "x".repeat(257);
    for (from, to, message) in [
        ("}}", "}}x", "header-info: malformed JSON: expected the end"),
        (r#""payloads""#, r#""PAYLOADS""#, "header-info: 'PAYLOADS': unknown"),
        (r#""payloads""#, r#""x":1,"payloads""#, "header-info: 'x': unknown"),
        (r#""payloads":[{"type":"single-file"}],"#, "", "header-info: 'payloads': missing"),
        (r#"[{"type":"single-file"}]"#, "[]", "header-info: 'payloads': missing"),
        (r#"[{"type":"single-file"}]"#, "{}", "header-info: 'payloads': unexpected value"),
        (r#"[{"type":"single-file"}]"#, "[{}]", "header-info: 'payloads': unexpected value"),
        (
            r#"[{"type":"single-file"}]"#,
            r#"[{"type":"a","x":1}]"#,
            "header-info: 'payloads': unexpected value",
        ),
        (r#"[{"type":"single-file"}]"#, r#"[{"x":"a"}]"#, "header-info: 'x': unknown"),
        (r#"[{"type":"single-file"}]"#, r#"[{"type":1}]"#, "header-info: 'type': unexpected value"),
        (r#"[{"type":"single-file"}]"#, r#"[{"type":""}]"#, "header-info: '': name not allowed"),
        (r#"[{"type":"single-file"}]"#, r#"[{"type":"../x"}]"#, "a payload type that is no path"),
        (r#"[{"type":"single-file"}]"#, r#"[{"type":"a\u0000"}]"#, "name not allowed"),
        (r#"[{"type":"single-file"}]"#, r#"[{"type":"single-file"},{"type":"b"}]"#, "'type-info': missing"),
        (r#""artifact_name":"release-1""#, "", "header-info: 'artifact_name': missing"),
        ("release-1", "", "header-info: '': name not allowed"),
        ("release-1", "a\\nb", "name not allowed"),
        ("release-1", &long, "name not allowed"),
        (r#""release-1""#, "1", "header-info: 'artifact_name': unexpected value"),
        (r#""release-1""#, r#""r","artifact_group":1"#, "header-info: 'artifact_group': unexpected value"),
        (r#""release-1""#, r#""r","artifact_group":"\u001b[1m""#, "name not allowed"),
        (r#""release-1""#, r#""r","other":"x""#, "header-info: 'other': unknown"),
        (r#""artifact_provides":{"artifact_name":"release-1"},"#, "", "'artifact_provides': missing"),
        (r#","artifact_depends":{"device_type":["board"]}"#, "", "'artifact_depends': missing"),
        (r#"{"device_type":["board"]}"#, "{}", "'device_type': missing"),
        (r#"["board"]"#, "[]", "'device_type': missing"),
        (r#"["board"]"#, r#""board""#, "'device_type': unexpected value"),
        (r#"["board"]"#, "[1]", "'device_type': unexpected value"),
        (r#"["board"]"#, r#"["a\tb"]"#, "name not allowed"),
        (r#"["board"]"#, r#"["b"],"artifact_name":["\u007f"]"#, "name not allowed"),
        (r#"["board"]"#, r#"["b"],"artifact_group":[""]"#, "name not allowed"),
        (r#"["board"]"#, r#"["b"],"x":["y"]"#, "'x': unknown"),
        (r#"["board"]"#, r#"["b"],"device_type":["c"]"#, "'device_type': present more than once"),
    ] {
        assert!(HEADER_INFO.contains(from), "{from}");
        refused_file("header-info", &HEADER_INFO.replace(from, to), message);
    }
    refused_file("header-info", "[]", "header-info: 'header-info': unexpected value: expected an object");
    let mut bad_utf8 = sound();
    bad_utf8.header[0].1[0x20] = 0xff;
    refused(&bad_utf8.bytes(), "header-info: malformed JSON: expected UTF-8");
    accepted(&sound().with_header_file("header-info", &HEADER_INFO.replace(':', ": \n")));
    let all =
        HEADER_INFO.replace(r#"["board"]"#, r#"["b","c d"],"artifact_name":["r0"],"artifact_group":["g"]"#);
    accepted(&sound().with_header_file("header-info", &all));
}

#[test]
fn type_info_document() {
    for (contents, message) in [
        ("", "headers/0000/type-info: malformed JSON"),
        ("{}", "headers/0000/type-info: 'type': missing"),
        ("null", "unexpected value: expected an object"),
        (r#"{"type":null}"#, "'type': contradiction: expected the type that header-info gives, found 'null'"),
        (r#"{"type":"other"}"#, "'type': contradiction"),
        (r#"{"type":""}"#, "'type': contradiction"),
        (r#"{"type":1}"#, "'type': contradiction"),
        (r#"{"type":"single-file","x":1}"#, "'x': unknown"),
        (r#"{"type":"single-file","type":"single-file"}"#, "'type': present more than once"),
        (r#"{"type":"single-file","artifact_provides":[]}"#, "'artifact_provides': unexpected value"),
        (
            r#"{"type":"single-file","artifact_provides":{"a":1}}"#,
            "expected a string or a list of strings, found '1'",
        ),
        (r#"{"type":"single-file","artifact_provides":{"a":{}}}"#, "'artifact_provides': unexpected value"),
        (
            r#"{"type":"single-file","artifact_provides":{"a":"x\ny"}}"#,
            "name not allowed: expected no control characters",
        ),
        (r#"{"type":"single-file","artifact_provides":{"a\r":"x"}}"#, "name not allowed"),
        (r#"{"type":"single-file","artifact_provides":{"a":"1","\u0061":"2"}}"#, "present more than once"),
        (r#"{"type":"single-file","artifact_depends":{"a":[1]}}"#, "'artifact_depends': unexpected value"),
        (r#"{"type":"single-file","artifact_depends":{"a":null}}"#, "'artifact_depends': unexpected value"),
        (
            r#"{"type":"single-file","clears_artifact_provides":"a"}"#,
            "'clears_artifact_provides': unexpected value",
        ),
        (
            r#"{"type":"single-file","clears_artifact_provides":[[]]}"#,
            "'clears_artifact_provides': unexpected value",
        ),
    ] {
        let contents = if contents.contains("x\ny") { &contents.replace('\n', "\\n") } else { contents };
        refused_file("headers/0000/type-info", contents, message);
    }
    for good in [
        r#"{"type":"single-file"}"#,
        r#"{"type":"single-file","artifact_provides":{"a":["x","y"],"":""},"artifact_depends":{"b":["z"]}}"#,
        r#"{"type":"single-file","clears_artifact_provides":[]}"#,
    ] {
        accepted(&sound().with_header_file("headers/0000/type-info", good));
    }
}

#[test]
fn meta_data_document() {
    for (contents, message) in [
        ("[]", "headers/0000/meta-data: 'meta-data': unexpected value: expected an object"),
        ("null", "expected an object, found 'null'"),
        ("1", "expected an object"),
        ("{\"a\":1", "headers/0000/meta-data: malformed JSON"),
        ("{} {}", "malformed JSON"),
        ("{\"a\":1e400}", "a number that fits a double"),
        (r#"{"a":{"b":1,"b":2}}"#, "'b': present more than once"),
        (" ", "malformed JSON"),
    ] {
        refused_file("headers/0000/meta-data", contents, message);
    }
    let deep = format!("{{\"a\":{}{}}}", "[".repeat(20_000), "]".repeat(20_000));
    refused_file("headers/0000/meta-data", &deep, "headers/0000/meta-data: nested too deeply: limit 100");
    let large = format!("{{\"a\":\"{}\"}}", "x".repeat(2_000_000));
    refused_file("headers/0000/meta-data", &large, "headers/0000/meta-data: too large: limit 1048576");
    accepted(&sound().with_header_file("headers/0000/meta-data", ""));
    accepted(&sound().with_header_file("headers/0000/meta-data", r#" {"a":[[1.50,{}]]} "#));
    let bootstrap = |meta_data: bool, files: bool| {
        let mut parts = sound()
            .with_header_file("header-info", &HEADER_INFO.replace("\"single-file\"", "null"))
            .with_header_file("headers/0000/type-info", r#"{"type":null}"#)
            .with_header_file("headers/0000/meta-data", "{}");
        if !meta_data {
            parts.header.pop();
        }
        if !files {
            parts.payloads[0].clear();
        }
        parts.bytes()
    };
    assert!(read(&bootstrap(false, false)).is_ok());
    refused(&bootstrap(true, false), "expected no meta-data in a bootstrap Artifact");
    refused(&bootstrap(false, true), "data/0000.tar: 'files': too many: limit 0, found 2");
}

#[test]
fn payload() {
    let payload = |archive: Vec<u8>| {
        let mut all = sound().members();
        all[3].1 = archive;
        tar(&all)
    };
    let files = sound().payloads[0].clone();
    let (first, second) = (member(&files[0].0, b'0', &files[0].1), member(&files[1].0, b'0', &files[1].1));
    let end = vec![0; 1024];
    let archive = |parts: &[&[u8]]| payload([&parts.concat()[..], &end].concat());
    assert!(read(&archive(&[&first, &second])).is_ok());
    assert!(read(&archive(&[&second, &first])).is_ok());
    refused(&archive(&[&first]), "'data/0000/b.bin': missing: expected every file that the manifest lists");
    refused(&archive(&[&first, &second, &first]), "data/0000: 'a.bin': present more than once");
    refused(&archive(&[&first, &second, &member("c", b'0', b"")]), "data/0000: 'c': unknown");
    refused(
        &archive(&[&member("a.bin", b'0', b"other"), &second]),
        "data/0000: 'a.bin': wrong checksum: expected ",
    );
    refused(&payload([&first[..], &second].concat()), "data/0000.tar: the input ends too early");
    refused(&payload(Vec::new()), "data/0000.tar: the input ends too early");
    refused(&archive(&[&first, &second, &[0; 1024], &first]), "data/0000.tar: data behind the end");
    for name in ["../a.bin", "./a.bin", "/a.bin", "..", ".", "x/a.bin", "a b", "a.bin/", "a\u{e4}"] {
        let message = "data/0000: '";
        refused(&archive(&[&member(name, b'0', &files[0].1), &second]), message);
        refused(&archive(&[&member(name, b'0', &files[0].1), &second]), "name not allowed");
    }
    for (kind, message) in [
        (b'1', "found a link"),
        (b'2', "found a link"),
        (b'3', "found a device or pipe"),
        (b'4', "found a device or pipe"),
        (b'6', "found a device or pipe"),
        (b'5', "found a directory"),
        (b'7', "found another kind"),
        (b'S', "unsupported tar feature: found sparse member"),
        (b'g', "unsupported tar feature: found global extended header"),
    ] {
        refused(&archive(&[&member("a.bin", kind, b""), &second]), message);
    }
    refused(&archive(&[&member("a.bin", b'5', b"x"), &second]), "expected an empty directory");
    let rootfs = |files: usize| {
        let mut parts = sound()
            .with_header_file("header-info", &HEADER_INFO.replace("single-file", "rootfs-image"))
            .with_header_file("headers/0000/type-info", r#"{"type":""}"#)
            .with_header_file("headers/0000/meta-data", "");
        parts.payloads[0].truncate(files);
        parts.bytes()
    };
    assert!(read(&rootfs(1)).is_ok());
    refused(&rootfs(2), "data/0000.tar: 'files': too many: limit 1, found 2");
}

#[test]
fn archives_without_files_may_be_left_out() {
    let mut parts = sound();
    parts.payloads[0].clear();
    accepted(&parts);
    parts.payloads.clear();
    accepted(&parts);
}

#[test]
fn several_payloads() {
    let mut parts = sound();
    parts.header[0].1 = HEADER_INFO.replace("}],", "},{\"type\":\"b\"}],").into_bytes();
    parts.payloads.push(members(&[("a.bin", "of the second payload")]));
    parts.header.push(("headers/0001/type-info".into(), br#"{"type":"b"}"#.to_vec()));
    let (report, payload) = read(&parts.bytes()).unwrap();
    assert_eq!(report.header.payloads[1].payload_type.as_deref(), Some("b"));
    assert_eq!(payload[2], ("1/a.bin".to_owned(), b"of the second payload".to_vec()));
    let mut swapped = parts.members();
    swapped.swap(3, 4);
    refused(&tar(&swapped), "expected no more members, found 'data/0000.tar'");
    parts.header.pop();
    refused(&parts.bytes(), "headers/0001/type-info: 'type-info': missing");
}

#[test]
fn tar_dialects() {
    let files = sound().payloads[0].clone();
    let second = member(&files[1].0, b'0', &files[1].1);
    let outcome = |first: &[u8]| {
        let mut all = sound().members();
        all[3].1 = [first, &second, &[0; 1024]].concat();
        read(&tar(&all))
            .map(|(report, _)| report.header.payloads[0].files[0].clone())
            .map_err(|e| e.to_string())
    };
    let plain = member("a.bin", b'0', &files[0].1);
    let fixed = |change: &dyn Fn(&mut [u8])| {
        let mut first = plain.clone();
        change(&mut first);
        seal(&mut first);
        first
    };
    let shown = |first: &[u8], message: &str| {
        let error = outcome(first).unwrap_err();
        assert!(error.contains(message), "{error}\nexpected {message}");
    };
    // PAX
    let file = outcome(
        &[
            pax(&[("path", "a.bin"), ("size", "10"), ("mtime", "-1.5"), ("uname", "ü")]),
            fixed(&|f| f[0] = b'z'),
        ]
        .concat(),
    )
    .unwrap();
    assert_eq!((file.name.as_str(), file.size, file.modified), ("a.bin", 10, -2));
    let with = |records: &[(&str, &str)]| [pax(records), plain.clone()].concat();
    shown(&with(&[("size", "11")]), "contradiction: expected 11, found 10");
    shown(&with(&[("size", "9223372036854775807")]), "contradiction");
    shown(&with(&[("size", "-1")]), "'size': bad tar header: expected a size, found '-1'");
    shown(&with(&[("size", "10"), ("size", "10")]), "'size': present more than once");
    shown(&with(&[("GNU.sparse.major", "1")]), "unsupported tar feature: found sparse member");
    shown(&with(&[("linkpath", "/etc/passwd")]), "found a link");
    shown(&with(&[("path", "../a.bin")]), "name not allowed");
    shown(
        &[pax(&[("mtime", "1")]), pax(&[("mtime", "1")]), plain.clone()].concat(),
        "present more than once",
    );
    shown(&with(&[("comment", &"x".repeat(20_000))]), "'extended header': too large: limit 16384");
    // GNU
    let gnu = |first: &mut [u8]| first[257..265].copy_from_slice(b"ustar  \0");
    let long = member("././@LongLink", b'L', b"a.bin\0");
    assert_eq!(
        outcome(
            &[
                long.clone(),
                fixed(&|f| {
                    gnu(f);
                    f[0] = b'z';
                })
            ]
            .concat()
        )
        .unwrap()
        .name,
        "a.bin"
    );
    assert!(
        outcome(&fixed(&|f| {
            gnu(f);
            f[345] = 0x77;
        }))
        .is_ok(),
        "GNU has other fields there"
    );
    shown(&[member("././@LongLink", b'K', b"x\0"), plain.clone()].concat(), "found a link");
    shown(&[member("././@LongLink", b'L', b"a.bin\0x\0"), plain.clone()].concat(), "name without NUL");
    shown(&[long.clone(), long, plain.clone()].concat(), "present more than once");
    shown(&fixed(&|f| f[345] = b'd'), "'d/a.bin': name not allowed");
    // Numbers
    let base_256 = |value: i64| {
        move |f: &mut [u8]| {
            f[124..136].fill(if value < 0 { 0xff } else { 0 });
            f[128..136].copy_from_slice(&value.to_be_bytes());
            f[124] |= 0x80;
        }
    };
    assert_eq!(outcome(&fixed(&base_256(10))).unwrap().size, 10);
    shown(&fixed(&base_256(-1)), "'size': bad tar header: expected 0 or more");
    shown(&fixed(&base_256(1 << 45)), "too large: limit 17592186044416");
    shown(&fixed(&base_256(i64::MAX)), "'size': bad tar header: found 9223372036854775807");
    shown(&fixed(&|f| f[124..136].fill(0xbf)), "'size': bad tar header");
    shown(&fixed(&|f| f[124..136].copy_from_slice(b"0000000001x\0")), "'size': bad tar header");
    shown(&fixed(&|f| f[124..136].copy_from_slice(b"-0000000001\0")), "'size': bad tar header");
    shown(&fixed(&|f| f[257..263].fill(0)), "'magic': bad tar header");
    let mut wrong_sum = plain.clone();
    wrong_sum[150] ^= 1;
    shown(&wrong_sum, "'checksum': bad tar header");
    let mut no_sum = plain.clone();
    no_sum[148..156].fill(b'x');
    shown(&no_sum, "'checksum': bad tar header: expected an octal number");
    // A size beyond 8 GiB, claimed by a member that the input does not have.
    let claim = |size: &str| {
        let mut all = sound().members();
        let mut out =
            all.drain(..3).flat_map(|(name, contents)| member(&name, b'0', &contents)).collect::<Vec<_>>();
        out.extend(pax(&[("size", size)]));
        out.extend(block("data/0000.tar", b'0', 0));
        out.extend([0; 1024]);
        read(&out).unwrap_err().to_string()
    };
    assert!(claim("8589934592").contains("the input ends too early"), "{}", claim("8589934592"));
    assert!(claim("8589934591").contains("contradiction"), "{}", claim("8589934591"));
    assert!(claim("18446744073709551615").contains("'size': bad tar header"));
}

#[test]
fn limits_hold() {
    let limited = |limits: Limits| {
        let options = ReadOptions { limits, ..ReadOptions::default() };
        let error = read_artifact(&sound().bytes()[..], &options, &mut ()).unwrap_err();
        assert_eq!(error.category(), Category::Limit, "{error}");
        error.to_string()
    };
    let all = Limits::default;
    for (limits, message) in [
        (Limits { manifest_bytes: 100, ..all() }, "manifest: too large: limit 100"),
        (Limits { signature_bytes: 20, ..all() }, "version: too large: limit 20"),
        (Limits { json_bytes: 20, ..all() }, "header-info: too large: limit 20"),
        (Limits { json_keys: 1, json_depth: 3, ..all() }, "header-info: too many: found JSON keys"),
        (Limits { json_depth: 1, ..all() }, "header-info: nested too deeply: limit 1"),
        (Limits { header_kept_bytes: 200, ..all() }, "too large: limit 200"),
        (Limits { header_bytes: 2000, ..all() }, "header.tar: too large: limit 2000"),
        (Limits { scripts: 0, ..all() }, "scripts: too many: limit 0"),
        (Limits { payloads: 0, ..all() }, "'payloads': too many: limit 0, found 1"),
        (Limits { files: 1, ..all() }, "manifest: 'files': too many: limit 1"),
        (Limits { payload_file_bytes: 12, ..all() }, "data/0000: 'b.bin': too large: limit 12, found 25"),
        (Limits { name_bytes: 8, ..all() }, "too large"),
    ] {
        let text = limited(limits);
        assert!(text.contains(message), "{text}\nexpected {message}");
    }
}

#[test]
fn a_small_artifact_with_a_huge_header_is_refused() {
    for suffix in [".gz", ".xz", ".zst"] {
        let mut parts = sound();
        parts.header_suffix = suffix;
        parts.header.push(("headers/0000/zeros".into(), vec![0; 64 << 20]));
        refused(&parts.bytes(), "header.tar: unexpected member");
        // Behind the end of the archive, and as a document.
        parts.header.pop();
        parts.header[3].1 = vec![b' '; 64 << 20];
        refused(&parts.bytes(), "headers/0000/meta-data: too large: limit 1048576");
        parts.header[3].1.clear();
        for number in 0..40 {
            parts.header.insert(1, (format!("scripts/s{number}"), vec![0; 1 << 20]));
        }
        refused(&parts.bytes(), "too large: limit 8388608");
    }
}
