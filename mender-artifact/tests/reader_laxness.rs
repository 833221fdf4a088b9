//! What the reference tool accepts though it should not, each refused with a message that says why; and what is
//! accepted on purpose because every client understands it.

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)] // Functions beside the tests fail as tests do.

mod parts;

use parts::{HEADER_INFO, Members, Parts, TYPE_INFO, VERSION, line, member, pack, pax, read, sound, tar};

#[track_caller]
fn refused(bytes: &[u8], message: &str) {
    assert_eq!(read(bytes).unwrap_err().to_string(), message);
}

#[track_caller]
fn refused_members(change: impl FnOnce(&mut Members), message: &str) {
    let mut all = sound().members();
    change(&mut all);
    refused(&tar(&all), message);
}

#[track_caller]
fn refused_header(change: impl FnOnce(&mut Members), message: &str) {
    let mut parts = sound();
    change(&mut parts.header);
    refused(&parts.bytes(), message);
}

#[track_caller]
fn refused_file(name: &str, contents: &str, message: &str) {
    refused(&sound().with_header_file(name, contents).bytes(), message);
}

#[track_caller]
fn accepted(bytes: &[u8]) {
    let (report, payload) = read(bytes).unwrap();
    assert_eq!(report.header.artifact_name, "release-1");
    assert_eq!(payload.len(), report.header.payloads[0].files.len());
}

/// An Artifact whose payload archive is this.
fn payload(archive: Vec<u8>) -> Vec<u8> {
    let mut all = sound().members();
    all[3].1 = archive;
    tar(&all)
}

#[test]
fn another_format() {
    let version = |text: &str| Parts { version: text.into(), ..sound() }.bytes();
    refused(
        &version(r#"{"format":"other","version":3}"#),
        "version: 'format': unexpected value: expected \"mender\", found '\"other\"'",
    );
}

#[test]
fn names_that_only_begin_right() {
    refused_members(
        |all| all[0].0 = "version-foo".into(),
        "artifact: unexpected member: expected version, found 'version-foo' (at byte 512)",
    );
    refused_members(
        |all| all[2].0 = "header.tar.gz.old".into(),
        "artifact: 'header.tar.gz.old': unsupported compression: expected .gz, .xz or .zst (at byte 2560)",
    );
    refused_members(
        |all| all[3].0 = "data/0000.tar.gzip".into(),
        "artifact: unexpected member: expected data/0000.tar with a suffix that is known, found \
         'data/0000.tar.gzip' (at byte 8192)",
    );
    refused_header(
        |all| all[0].0 = "header-info-x".into(),
        "header.tar: unexpected member: expected header-info, found 'header-info-x' (at byte 512)",
    );
    refused_header(
        |all| all[2].0 = "headers/0000/type-info-x".into(),
        "header.tar: unexpected member: expected type-info or meta-data, found 'headers/0000/type-info-x' \
         (at byte 2560)",
    );
    refused_header(
        |all| all[2].0 = "headers/0000/x/type-info".into(),
        "header.tar: unexpected member: expected type-info or meta-data, found 'headers/0000/x/type-info' \
         (at byte 2560)",
    );
    refused_header(
        |all| all[2].0 = "headers/0/type-info".into(),
        "header.tar: unexpected member: expected scripts/ and a name, or headers/NNNN/type-info or meta-data, \
         found 'headers/0/type-info' (at byte 2560)",
    );
}

#[test]
fn garbage_behind_json() {
    let message = |entry: &str, at: usize| {
        format!("{entry}: malformed JSON: expected the end, found '{{}}' (at byte {at})")
    };
    refused(
        &Parts { version: format!("{VERSION}{{}}").into(), ..sound() }.bytes(),
        &message("version", VERSION.len()),
    );
    refused_file("header-info", &format!("{HEADER_INFO}{{}}"), &message("header-info", HEADER_INFO.len()));
    refused_file(
        "headers/0000/type-info",
        &format!("{TYPE_INFO}\n{{}}"),
        &message("headers/0000/type-info", TYPE_INFO.len() + 1),
    );
    refused_file("headers/0000/meta-data", "{}{}", &message("headers/0000/meta-data", 2));
}

#[test]
fn archives_and_files_that_come_twice() {
    refused_members(
        |all| all.push(all[3].clone()),
        "artifact: unexpected member: expected no more members, found 'data/0000.tar' (at byte 11776)",
    );
    refused_members(
        |all| all.push(("data/0001.tar".into(), tar(&[]))),
        "artifact: unexpected member: expected no more members, found 'data/0001.tar' (at byte 11776)",
    );
    refused_header(
        |all| all.insert(3, all[2].clone()),
        "headers/0000/type-info: present more than once (at byte 3584)",
    );
    refused_header(
        |all| all.push(all[3].clone()),
        "headers/0000/meta-data: present more than once (at byte 4608)",
    );
    refused_header(
        |all| all.insert(1, all[1].clone()),
        "scripts: 'ArtifactInstall_Enter_01_x': present more than once (at byte 2560)",
    );
    refused_header(
        |all| all.insert(1, all[0].clone()),
        "header.tar: unexpected member: expected scripts/ and a name, or headers/NNNN/type-info or meta-data, \
         found 'header-info' (at byte 1536)",
    );
    let files = sound().payloads[0].clone();
    refused(
        &payload(tar(&[files[0].clone(), files[1].clone(), files[0].clone()])),
        "data/0000: 'a.bin': present more than once",
    );
    let manifest = sound().manifest_text();
    let twice = Parts { manifest: Some(manifest.clone() + &line("version", b"")), ..sound() };
    refused(
        &twice.bytes(),
        &format!("manifest: 'version': present more than once (at byte {})", manifest.len()),
    );
}

#[test]
fn links_and_devices_in_the_payload() {
    let files = sound().payloads[0].clone();
    let second = member(&files[1].0, b'0', &files[1].1);
    for (kind, found) in [
        (b'1', "a link"),
        (b'2', "a link"),
        (b'3', "a device or pipe"),
        (b'4', "a device or pipe"),
        (b'6', "a device or pipe"),
        (b'7', "another kind"),
    ] {
        refused(
            &payload([&member("a.bin", kind, b"")[..], &second, &[0; 1024]].concat()),
            &format!(
                "data/0000.tar: unexpected kind of tar member: expected a regular file, found {found} (at byte 0)"
            ),
        );
    }
    refused(
        &payload([&member("a.bin", b'5', b"")[..], &second, &[0; 1024]].concat()),
        "data/0000: 'a.bin': unexpected kind of tar member: expected a regular file, found a directory \
         (at byte 512)",
    );
}

#[test]
fn payloads_and_headers_that_do_not_match() {
    let two = HEADER_INFO.replace("}],", "},{\"type\":\"b\"}],");
    refused_file("header-info", &two, "headers/0001/type-info: 'type-info': missing");
    refused_header(
        |all| all.push(("headers/0001/type-info".into(), br#"{"type":"b"}"#.to_vec())),
        "header.tar: unexpected member: expected only payloads that header-info lists, found \
         'headers/0001/type-info' (at byte 4608)",
    );
    refused_header(|all| drop(all.remove(2)), "headers/0000/type-info: 'type-info': missing");
    refused_header(|all| all.truncate(2), "headers/0000/type-info: 'type-info': missing");
    let extra = line("data/0001/a.bin", b"");
    refused(
        &Parts { manifest: Some(extra + &sound().manifest_text()), ..sound() }.bytes(),
        "manifest: 'data/0001/a.bin': unknown: expected a payload that header-info lists",
    );
}

#[test]
fn scripts_that_are_paths() {
    let plain = "expected a plain file name of at most 255 printable characters (at byte 1536)";
    for name in ["..", ".", "", "../x", "a/b", "a b"] {
        refused_header(
            |all| all[1].0 = format!("scripts/{name}"),
            &format!("scripts: '{name}': name not allowed: {plain}"),
        );
    }
}

#[test]
fn an_image_that_is_missing() {
    let mut parts = sound()
        .with_header_file("header-info", &HEADER_INFO.replace("single-file", "rootfs-image"))
        .with_header_file("headers/0000/type-info", r#"{"type":"rootfs-image"}"#);
    parts.payloads[0].clear();
    refused(&parts.bytes(), "data/0000.tar: 'files': missing: expected the image of a rootfs-image");
}

#[test]
fn the_trailer_of_the_payload_is_read() {
    for suffix in [".gz", ".xz", ".zst"] {
        let mut all = Parts { data_suffix: suffix, ..sound() }.members();
        let len = all[3].1.len();
        all[3].1[len - 1] ^= 1;
        let error = read(&tar(&all)).unwrap_err().to_string();
        assert_eq!(error, "data/0000.tar: damaged compressed stream", "{suffix}");
        all[3].1.truncate(len - 3);
        let error = read(&tar(&all)).unwrap_err().to_string();
        assert!(error.starts_with("data/0000.tar: "), "{suffix} {error}");
    }
}

#[test]
fn what_every_client_understands_is_accepted() {
    accepted(&sound().bytes());
    // Members, streams and frames one after another.
    let archive = tar(&sound().payloads[0]);
    for suffix in [".gz", ".xz", ".zst"] {
        let mut all = Parts { data_suffix: suffix, header_suffix: ".gz", ..sound() }.members();
        all[3].1 = [pack(suffix, &archive[..700]), pack(suffix, b""), pack(suffix, &archive[700..])].concat();
        accepted(&tar(&all));
    }
    // Other dialects of tar.
    let files = sound().payloads[0].clone();
    let mut gnu = member(&files[0].0, b'0', &files[0].1);
    gnu[257..265].copy_from_slice(b"ustar  \0");
    parts::seal(&mut gnu);
    let second = [pax(&[("path", "b.bin"), ("mtime", "1.5")]), member("x", b'0', &files[1].1)].concat();
    accepted(&payload([&gnu[..], &second, &[0; 1024]].concat()));
    // Padding to 10 KiB behind the end.
    let mut padded = sound().bytes();
    padded.resize(padded.len().next_multiple_of(10240), 0);
    accepted(&padded);
    // Folders in the header archive.
    let mut parts = sound();
    let folders = [("scripts/", 1), ("headers/", 3), ("headers/0000/", 4)];
    let mut header = parts.header.clone();
    for (name, at) in folders {
        header.insert(at, (name.to_owned(), Vec::new()));
    }
    let archive: Vec<u8> = header
        .iter()
        .flat_map(|(name, bytes)| member(name, if name.ends_with('/') { b'5' } else { b'0' }, bytes))
        .chain([0; 1024])
        .collect();
    let mut all = parts.members();
    let manifest =
        parts.manifest_text().replace(&line("header.tar", &all[2].1), &line("header.tar", &archive));
    all[1].1 = manifest.into_bytes();
    all[2].1 = archive;
    accepted(&tar(&all));
    // Lines of the manifest, files of the payload and of a bucket in any order; white space in JSON.
    let mut lines: Vec<_> = parts.manifest_text().lines().map(|line| format!("{line}\n")).collect();
    lines.reverse();
    accepted(&Parts { manifest: Some(lines.concat()), ..sound() }.bytes());
    accepted(&payload(tar(&[files[1].clone(), files[0].clone()])));
    parts.header.swap(2, 3);
    accepted(&parts.bytes());
    accepted(&sound().with_header_file("header-info", &HEADER_INFO.replace(',', " ,\r\n\t")).bytes());
    // No archive for a payload without files, or an empty one.
    parts.payloads = vec![Vec::new()];
    accepted(&parts.bytes());
    parts.payloads.clear();
    accepted(&parts.bytes());
    // Lists in provides, scripts of any plain name, and a rootfs-image of release 3.9 with meta-data.
    let lists = r#"{"type":"single-file","artifact_provides":{"a":["b","c"]},"artifact_depends":{"d":[]}}"#;
    accepted(&sound().with_header_file("headers/0000/type-info", lists).bytes());
    let mut parts = sound()
        .with_header_file("header-info", &HEADER_INFO.replace("single-file", "rootfs-image"))
        .with_header_file("headers/0000/type-info", r#"{"type":""}"#);
    parts.header[1].0 = "scripts/anything".into();
    parts.payloads[0].pop();
    accepted(&parts.bytes());
}

#[test]
fn what_some_clients_understand_otherwise_is_refused() {
    let end = sound().bytes().len() - 1024;
    refused(
        &sound().bytes()[..end],
        &format!(
            "artifact: the input ends too early: expected another header, or two blocks of zeros (at byte {end})"
        ),
    );
    let mut two = sound().bytes();
    two.extend(sound().bytes());
    refused(&two, &format!("artifact: data behind the end: expected zeros only (at byte {})", end + 1024));
    refused(
        &Parts { manifest: Some(format!("\n{}", sound().manifest_text())), ..sound() }.bytes(),
        "manifest: malformed line: expected 64 lower-case hexadecimal digits, two blanks and a name, found '' \
         (at byte 0)",
    );
    refused_file(
        "header-info",
        &HEADER_INFO.replace("payloads", "PAYLOADS"),
        "header-info: 'PAYLOADS': unknown: expected only keys that the format has",
    );
    refused_file(
        "headers/0000/type-info",
        r#"{"type":"single-file","type":"single-file"}"#,
        "headers/0000/type-info: 'type': present more than once (at byte 22)",
    );
    let mut parts = sound();
    parts.header[3].1 = b"{\"a\":\"\xff\"}".to_vec();
    refused(&parts.bytes(), "headers/0000/meta-data: malformed JSON: expected UTF-8 (at byte 6)");
    refused_file(
        "header-info",
        r#"{"payloads":[{"type":"single-file"}],"artifact_provides":{"artifact_name":"release-1"}}"#,
        "header-info: 'artifact_depends': missing",
    );
    refused(
        &payload(Vec::new()),
        "data/0000.tar: the input ends too early: expected another header, or two blocks of zeros (at byte 0)",
    );
}
