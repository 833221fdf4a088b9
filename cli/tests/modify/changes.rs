//! `modify`: what is asked for, what is said about it, and what stays.

use crate::workplace::{Workplace, image_bytes, key};
use std::fs;

/// The text of `read`, without the lines that begin with these words.
fn read_but(place: &Workplace, name: &str, but: &[&str]) -> String {
    let text = place.ok(&["read", name]);
    text.lines()
        .filter(|line| !but.iter().any(|but| line.trim_start().starts_with(but)))
        .collect::<Vec<_>>()
        .join("\n")
}

fn module(place: &Workplace, name: &str, more: &[&str]) {
    for (file, contents) in
        [("one", "1"), ("two", "22"), ("meta", "{\"k\": 1}"), ("ArtifactInstall_Enter_10", "x")]
    {
        place.put(file, contents);
    }
    let flags =
        ["write", "module-image", "-T", "t", "-n", "release-1", "-c", "board", "-f", "one", "-f", "two"];
    place.ok(&[&flags[..], &["-m", "meta", "-s", "ArtifactInstall_Enter_10", "-o", name], more].concat());
}

#[test]
fn only_what_is_asked_for_changes() {
    let place = Workplace::new();
    module(&place, "a", &["--compression", "zstd_fast"]);
    place.put("meta", "{\"l\": [2]}");
    place.put("ArtifactInstall_Enter_00", "y");
    for (flags, lines) in [
        (&["-n", "release-2"][..], &["Name:"][..]),
        (&["--name=release-3"], &["Name:"]),
        (&["--artifact-name", "release-4"], &["Name:"]),
        (&["-N", "x", "-N", "y"], &["Depends on one of artifact(s)"]),
        (&["-g", "group"], &["Provides group"]),
        (&["-g", ""], &["Provides group"]),
        (&["-G", "x", "-G", "y"], &["Depends on one of group(s)"]),
        (&["-G", ""], &["Depends on one of group(s)"]),
        (&["-p", "a:b"], &["Provides", "rootfs-image.t.version", "a: b"]),
        (&["-d", "a:b:c"], &["Depends:", "a: b:c"]),
        (&["-m", "meta"], &["\"k\"", "\"l\"", "2", "]"]),
        (&["--clears-provides", "x"], &["Clears Provides"]),
        (&["--delete-clears-provides", "x", "--delete-clears-provides", "rootfs-image.t.*"], &["Clears"]),
        (&["-s", "ArtifactInstall_Enter_00"], &["- ArtifactInstall_Enter_00"]),
        (&["--tmp", "/nowhere", "-n", "release-5"], &["Name:"]),
    ] {
        let (old, all) = (read_but(&place, "a", lines), place.ok(&["read", "a"]));
        place.ok(&[&["modify", "a"], flags].concat());
        assert_eq!(read_but(&place, "a", lines), old, "{flags:?}");
        let same = flags == ["-g", ""] && all.contains("Provides group: \n");
        assert!(same || place.ok(&["read", "a"]) != all, "{flags:?} changes nothing");
    }
    let text = place.ok(&["read", "a"]);
    for line in ["  Name: release-5\n", "      a: b\n", "      a: b:c\n", "    Clears Provides: []\n"] {
        assert!(text.contains(line), "{text}");
    }
    place.ok(&["validate", "a"]);
}

#[test]
fn nothing_to_change_changes_nothing() {
    let place = Workplace::new();
    module(&place, "a", &["-k", &key("rsa-pkcs1.pem")]);
    let before = (place.bytes("a"), fs::metadata(place.path("a")).unwrap().modified().unwrap());
    for flags in [&[][..], &["-n", "release-1"], &["--compression", "gzip"]] {
        place.ok(&[&["modify", "a"], flags].concat());
    }
    let ended = place.run(&["modify", "a", "--delete-clears-provides", "none"]);
    assert_eq!(ended.stderr, "mender-artifact: warning: a: --delete-clears-provides: there is no 'none'\n");
    assert!(before == (place.bytes("a"), fs::metadata(place.path("a")).unwrap().modified().unwrap()));
    place.ok(&["modify", "a", "-o", "b"]);
    assert!(place.bytes("b") == before.0);
    let input = fs::File::open(place.path("a")).unwrap();
    let output = place.command(&["modify", "-", "-n", "release-1"]).stdin(input).output().unwrap();
    assert!(output.status.success() && output.stdout == before.0);
}

#[test]
fn a_signature_that_becomes_wrong_is_replaced_or_taken_out_aloud() {
    let place = Workplace::new();
    module(&place, "a", &["-k", &key("rsa-pkcs1.pem")]);
    place.ok(&["modify", "a", "-n", "release-2", "-k", &key("p256-sec1.pem")]);
    place.ok(&["validate", "a", "-k", &key("p256-public.pem")]);
    let ended = place.run(&["modify", "a", "-n", "release-3"]);
    assert_eq!((ended.status, ended.stdout.as_str()), (0, ""));
    assert_eq!(
        ended.stderr,
        "mender-artifact: warning: a: the signature does not belong to what was changed and was taken out; \
         sign it again\n"
    );
    place.ok(&["validate", "a"]);
    // A key alone signs.
    place.ok(&["modify", "a", "-k", &key("p256-sec1.pem")]);
    place.ok(&["validate", "a", "-k", &key("p256-public.pem")]);
}

#[test]
fn an_image_that_cannot_be_changed_is_spoken_of() {
    let place = Workplace::new();
    let mut image = image_bytes();
    place.put("img", &image);
    place.write_image("plain", &[]);
    place.ok(&["modify", "plain", "-n", "release-2"]);
    // What tells ext4 from everything else.
    image[1080..1082].copy_from_slice(&[0x53, 0xef]);
    place.put("img", &image);
    for compression in ["none", "gzip", "lzma", "zstd_better"] {
        place.write_image("ext", &["--compression", compression]);
        let ended = place.run(&["modify", "ext", "-n", "release-2"]);
        let said = "mender-artifact: warning: ext: image: content: expected an ext2, ext3, ext4 or fat file system, \
                    found unknown content; /etc/mender/artifact_info inside of the image was left as it is\n";
        assert_eq!((ended.status, ended.stderr.as_str()), (0, said));
        place.ok(&["modify", "ext", "-n", "release-2"]);
        place.ok(&["modify", "ext", "-g", "group"]);
        place.ok(&["validate", "ext"]);
    }
    let ended = place.run(&["modify", "ext", "-p", "a:b"]);
    assert!(ended.stderr.contains("the checksum of the image is not among them"), "{ended:?}");
}

#[test]
fn changes_inside_of_something_else_are_refused() {
    let place = Workplace::new();
    place.write_image("a", &[]);
    let before = place.bytes("a");
    for flag in
        ["-u", "--server-uri", "-t", "--tenant-token", "-c", "--server-cert", "-v", "--verification-key"]
    {
        let message = place.fails(6, &["modify", "a", flag, "x", "-n", "other"]);
        assert!(
            message
                .ends_with("expected a root file system (ext2, ext3, ext4) in a file, found another payload"),
            "{message}"
        );
    }
    assert!(place.bytes("a") == before);
}

#[test]
fn bad_values_leave_the_artifact_as_it_is() {
    let place = Workplace::new();
    module(&place, "a", &["-k", &key("rsa-pkcs1.pem")]);
    let before = place.bytes("a");
    place.put("list", "[]");
    place.put("bad", "{");
    for (status, flags) in [
        (5, &["-n", ""][..]),
        (5, &["-n", "a\nb"]),
        (1, &["-p", "no-colon"]),
        (1, &["-d", "no-colon"]),
        (5, &["-m", "list"]),
        (1, &["-m", "bad"]),
        (4, &["-m", "missing"]),
        (4, &["-s", "ArtifactInstall_Enter_77"]),
        (1, &["-s", "bad"]),
        (5, &["-s", "ArtifactInstall_Enter_10"]),
        (1, &["-n", "x", "-k", "bad"]),
        (1, &["-n", "x", "--name", "y"]),
        (1, &["--compression", "bzip2"]),
    ] {
        let ended = place.run(&[&["modify", "a"], flags].concat());
        assert_eq!((ended.status, ended.stdout.as_str()), (status, ""), "{flags:?}: {ended:?}");
        assert!(place.bytes("a") == before, "{flags:?}");
    }
    assert!(place.names().iter().all(|name| !name.ends_with(".part")), "{:?}", place.names());
    place.fails(4, &["modify", "missing", "-n", "x"]);
    place.fails(5, &["modify", "bad", "-n", "x"]);
}

#[test]
fn another_compression_keeps_what_is_inside() {
    let place = Workplace::new();
    module(&place, "a", &[]);
    let text = place.ok(&["read", "a"]);
    for name in ["lzma", "none", "zstd_best", "zstd_fastest", "gzip"] {
        place.ok(&["modify", "a", "--compression", name]);
        assert_eq!(place.ok(&["read", "a"]), text);
        let json = place.ok(&["read", "a", "--json"]);
        let name = if name.starts_with("zstd") { "zstd" } else { name };
        assert!(json.contains(&format!("\"compression\": \"{name}\"")), "{json}");
    }
}

#[cfg(unix)]
#[test]
fn mode_and_link_stay() {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
    let place = Workplace::new();
    fs::create_dir(place.path("elsewhere")).unwrap();
    module(&place, "elsewhere/a", &[]);
    fs::set_permissions(place.path("elsewhere/a"), fs::Permissions::from_mode(0o604)).unwrap();
    // Only root may give files away.
    let owner = if chown(place.path("elsewhere/a"), Some(1), Some(2)).is_ok() { Some((1, 2)) } else { None };
    symlink("elsewhere/a", place.path("link")).unwrap();
    place.ok(&["modify", "link", "-n", "release-2"]);
    assert!(fs::symlink_metadata(place.path("link")).unwrap().is_symlink());
    let about = fs::metadata(place.path("elsewhere/a")).unwrap();
    assert_eq!(about.permissions().mode() & 0o7777, 0o604);
    assert!(owner.is_none_or(|owner| owner == (about.uid(), about.gid())));
    assert!(place.ok(&["read", "elsewhere/a"]).contains("Name: release-2"));
}
