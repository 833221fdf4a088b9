//! `dump`: files that make the same Artifact again, and nothing that takes the place of something else.

use crate::workplace::{Workplace, key};
use std::fs;

fn parts(place: &Workplace) {
    for (file, contents) in [
        ("one", "1"),
        ("two", "22"),
        ("meta", "{\"z\": 1, \"k\": [\"<\"]}"),
        ("ArtifactInstall_Enter_10", "x"),
        ("ArtifactInstall_Enter_20", "yy"),
    ] {
        place.put(file, contents);
    }
    for file in ["one", "two"] {
        place.set_time(file, 1_600_000_000);
    }
    #[cfg(unix)]
    for script in ["ArtifactInstall_Enter_10", "ArtifactInstall_Enter_20"] {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(place.path(script), fs::Permissions::from_mode(0o755)).unwrap();
    }
}

const ALL: [&str; 38] = [
    "write",
    "module-image",
    "-T",
    "single file",
    "-n",
    "it's $release",
    "-c",
    "board",
    "-c",
    "b d",
    "-f",
    "one",
    "-f",
    "two",
    "-m",
    "meta",
    "-s",
    "ArtifactInstall_Enter_20",
    "-s",
    "ArtifactInstall_Enter_10",
    "-p",
    "b:2",
    "-p",
    "a:1",
    "-p",
    "z*:",
    "-d",
    "x:y z",
    "-N",
    "r0",
    "-g",
    "group",
    "-G",
    "other",
    "--clears-provides",
    "*\"",
    "-o",
    "a",
];

/// The arguments that `dump` prints for `artifact`.
fn printed(place: &Workplace, artifact: &str) -> Vec<String> {
    let folders = ["--files", "out/f", "--meta-data", "out/m", "--scripts", "out/s"];
    let text = place.ok(&[&["dump", artifact, "--print0-cmdline"], &folders[..]].concat());
    let words: Vec<String> = text.split('\0').map(str::to_owned).collect();
    assert_eq!(words.last().map(String::as_str), Some(""));
    words[..words.len() - 1].to_vec()
}

#[test]
fn what_is_printed_makes_the_same_artifact() {
    let place = Workplace::new();
    parts(&place);
    place.write_image("img.mender", &["-d", "a:b"]);
    place.ok(&ALL);
    place.ok(&["write", "bootstrap-artifact", "-n", "boot", "-c", "board", "-p", "a:b", "-o", "boot"]);
    place.ok(&["write", "module-image", "-T", "bare", "-n", "bare", "-c", "board", "-o", "bare"]);
    for artifact in ["a", "img.mender", "boot", "bare"] {
        let words = printed(&place, artifact);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        place.ok(&[&words[..], &["-o", "again"]].concat());
        assert_eq!(place.ok(&["read", "again"]), place.ok(&["read", artifact]));
        assert_eq!(place.ok(&["diff", artifact, "again"]), "");
        fs::remove_dir_all(place.path("out")).unwrap();
    }
}

#[test]
fn augmented_artifacts_and_version_2_come_back_as_they_are() {
    let place = Workplace::new();
    parts(&place);
    let own = [
        "--augment-type",
        "other",
        "--augment-provides",
        "a:9",
        "--augment-depends",
        "e:f",
        "--augment-file",
        "three",
        "--augment-meta-data",
        "more",
    ];
    place.put("three", "333");
    place.set_time("three", 1_600_000_000);
    place.put("more", "{\"added\": 1}");
    place.ok(&[&ALL[..], &own].concat());
    let version_2 =
        ["write", "rootfs-image", "-v", "2", "-n", "r", "-c", "board", "-c", "b", "-f", "one", "-o"];
    place.ok(&[&version_2[..], &["two.mender", "-s", "ArtifactInstall_Enter_10"]].concat());
    for artifact in ["a", "two.mender"] {
        let words = printed(&place, artifact);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        place.ok(&[&words[..], &["-o", "again"]].concat());
        assert_eq!(place.ok(&["diff", artifact, "again"]), "");
        if artifact == "a" {
            assert_eq!(place.bytes("out/m/0000.meta-data-augment"), b"{\"added\":1}\n");
        }
        fs::remove_dir_all(place.path("out")).unwrap();
    }
}

#[test]
fn a_shell_understands_the_line() {
    let place = Workplace::new();
    parts(&place);
    place.ok(&ALL);
    let line = place.ok(&["dump", "a", "--print-cmdline"]);
    assert_eq!(
        line,
        "write module-image --artifact-name 'it'\\''s $release' --provides-group group --artifact-name-depends r0 \
         --compatible-types board --compatible-types 'b d' --depends-groups other --type 'single file' \
         --no-default-software-version --provides a:1 --provides b:2 \
         --provides 'rootfs-image.single file.version:it'\\''s $release' --provides 'z*:' --depends 'x:y z' \
         --no-default-clears-provides --clears-provides '*\"' --clears-provides 'rootfs-image.single file.*'\n"
    );
    let script = format!("for word in {line}do printf '%s\\0' \"$word\"; done");
    let output = std::process::Command::new("sh").args(["-c", &script]).output().unwrap();
    let by_shell = String::from_utf8(output.stdout).unwrap();
    assert_eq!(by_shell, place.ok(&["dump", "a", "--print0-cmdline"]));
}

#[test]
fn files_have_names_contents_and_times_of_the_artifact() {
    let place = Workplace::new();
    parts(&place);
    place.ok(&ALL);
    printed(&place, "a");
    for (name, contents) in [
        ("out/f/one", "1"),
        ("out/f/two", "22"),
        ("out/m/0000.meta-data", "{\"k\":[\"<\"],\"z\":1}\n"),
        ("out/s/ArtifactInstall_Enter_10", "x"),
        ("out/s/ArtifactInstall_Enter_20", "yy"),
    ] {
        assert_eq!(String::from_utf8(place.bytes(name)).unwrap(), contents, "{name}");
    }
    let time = fs::metadata(place.path("out/f/one")).unwrap().modified().unwrap();
    assert_eq!(time.duration_since(std::time::UNIX_EPOCH).unwrap().as_secs(), 1_600_000_000);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = |name| fs::metadata(place.path(name)).unwrap().permissions().mode() & 0o7777;
        assert_eq!(mode("out/s/ArtifactInstall_Enter_10"), 0o755);
        assert_eq!(mode("out/f/one"), fs::metadata(place.path("one")).unwrap().permissions().mode() & 0o777);
    }
}

#[test]
fn nothing_is_overwritten_and_nothing_is_left_by_a_failure() {
    let place = Workplace::new();
    parts(&place);
    place.ok(&ALL);
    fs::create_dir(place.path("out")).unwrap();
    place.put("out/two", "mine");
    let message = place.fails(7, &["dump", "a", "--files", "out"]);
    assert_eq!(message, "out/two: is there already and is not overwritten");
    assert_eq!(fs::read_dir(place.path("out")).unwrap().count(), 1);
    assert_eq!(place.bytes("out/two"), b"mine");
    fs::remove_file(place.path("out/two")).unwrap();
    // Damage in the last file: also the first does not appear.
    place.ok(&[&ALL[..37], &["none", "--compression", "none"]].concat());
    let mut damaged = place.bytes("none");
    let at = damaged.windows(2).rposition(|window| window == b"22").unwrap();
    damaged[at] = b'3';
    place.put("damaged", damaged);
    let message = place.fails(5, &["dump", "damaged", "--files", "out", "--scripts", "out"]);
    assert!(message.contains("wrong checksum"), "{message}");
    assert_eq!(fs::read_dir(place.path("out")).unwrap().count(), 0);
    place.fails(5, &["dump", "damaged", "--files", "out/new/inner", "--scripts", "out/new"]);
    assert_eq!(fs::read_dir(place.path("out")).unwrap().count(), 0);
    place.put("file", "");
    place.fails(7, &["dump", "a", "--files", "file/folder"]);
    place.fails(4, &["dump", "missing", "--files", "out"]);
    place.fails(1, &["dump", "a", "--print-cmdline", "--print0-cmdline"]);
}

#[test]
fn one_folder_for_everything_gets_all_or_nothing() {
    let place = Workplace::new();
    parts(&place);
    let all = ["--files", "out", "--scripts", "out", "--meta-data", "./out"];
    place.ok(&ALL);
    place.ok(&[&["dump", "a"], &all[..]].concat());
    assert_eq!(fs::read_dir(place.path("out")).unwrap().count(), 5);
    fs::remove_dir_all(place.path("out")).unwrap();
    // A payload file that is called as a script is, and as the meta-data is.
    for name in ["ArtifactInstall_Enter_10", "0000.meta-data"] {
        place.put(name, "x");
        let own =
            ["write", "module-image", "-T", "t", "-n", "r", "-c", "b", "-s", "ArtifactInstall_Enter_10"];
        place.ok(&[&own[..], &["-m", "meta", "-f", "one", "-f", name, "-o", "b"]].concat());
        let message = place.fails(7, &[&["dump", "b"], &all[..]].concat());
        assert!(
            message.ends_with(&format!("out/{name}: is there already and is not overwritten")),
            "{message}"
        );
        assert!(!place.path("out").exists(), "the folder was not there before");
    }
}

#[test]
fn what_no_arguments_can_say_is_refused() {
    let place = Workplace::new();
    parts(&place);
    place.ok(&ALL);
    let removed =
        ["--delete-clears-provides", "*\"", "--delete-clears-provides", "rootfs-image.single file.*"];
    place.ok(&[&["modify", "a"], &removed[..]].concat());
    let message = place.fails(6, &["dump", "a", "--print-cmdline", "--files", "out"]);
    assert_eq!(message, "a: --clears-provides: no argument can say that nothing is cleared");
    assert!(!place.path("out").exists());
}

#[test]
fn a_signature_does_not_matter() {
    let place = Workplace::new();
    parts(&place);
    place.ok(&[&ALL[..], &["-k", &key("rsa-pkcs1.pem")]].concat());
    place.ok(&["dump", "a", "--files", "out"]);
}
