//! Where outputs go, and that a failing command leaves everything as it was.

use crate::workplace::{Workplace, image_bytes, key};
use std::io::Read;
use std::process::Stdio;

#[test]
fn standard_output_gets_the_same_bytes_and_nothing_else() {
    let place = Workplace::new();
    place.write_image("a.mender", &[]);
    let output = place
        .command(&["write", "rootfs-image", "-f", "img", "-n", "release-1", "-t", "board", "-o", "-"])
        .output()
        .unwrap();
    assert!(output.status.success());
    assert_eq!(output.stdout, place.bytes("a.mender"));
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(said, "mender-artifact: warning: --device-type is the old name of --compatible-types\n");
}

#[test]
fn the_default_name() {
    let place = Workplace::new();
    place.put("img", image_bytes());
    place.ok(&["write", "rootfs-image", "-f", "img", "-n", "r", "-c", "b"]);
    assert_eq!(place.names(), ["artifact.mender", "img"]);
}

#[test]
fn a_failing_command_leaves_an_existing_output_and_no_other() {
    let place = Workplace::new();
    place.write_image("good", &[]);
    place.put("a", "precious");
    place.put("no-object", "[1]");
    place.put("bad name", "x");
    place.put("damaged", &place.bytes("good")[..3000]);
    let before = place.names();
    let image = ["write", "rootfs-image", "-n", "r", "-c", "b", "-o", "a"];
    let module = ["write", "module-image", "-T", "t", "-n", "r", "-c", "b", "-o", "a"];
    let cases: &[(i32, Vec<&str>)] = &[
        (4, [&image[..], &["-f", "missing"]].concat()),
        (4, [&image[..], &["-f", "."]].concat()),
        (1, [&image[..], &["-f", "bad name"]].concat()),
        (2, [&image[..], &["-f", "img", "-v", "4"]].concat()),
        (3, [&image[..], &["-f", "img", "--max-artifact-size", "1KB"]].concat()),
        (3, [&image[..], &["-f", "img", "--max-artifact-size", "1MiB"]].concat()),
        (1, [&image[..], &["-f", "img", "-p", "no-colon"]].concat()),
        (1, [&image[..], &["-f", "img", "-s", "bad name"]].concat()),
        (4, [&image[..], &["-f", "img", "-s", "ArtifactInstall_Enter_01"]].concat()),
        (1, [&image[..], &["-f", "img", "-k", "missing"]].concat()),
        (1, [&image[..], &["-f", "ssh://device/path"]].concat()),
        (1, vec!["write", "rootfs-image", "-n", "a b", "-c", "b", "-o", "a", "-f", "img"]),
        (1, vec!["write", "rootfs-image", "-n", "r", "-o", "a", "-f", "img"]),
        (1, vec!["write", "rootfs-image", "-n", "r", "-c", "b", "-t", "b", "-o", "a", "-f", "img"]),
        (1, [&module[..], &["-f", "img", "-m", "no-object"]].concat()),
        (1, [&module[..], &["-f", "img", "-f", "img"]].concat()),
        (1, [&module[..], &["-f", "img", "--compression", "bzip2"]].concat()),
        (5, vec!["sign", "damaged", "-o", "a", "-k", "KEY"]),
        (5, vec!["delta", "apply", "img", "no-object", "-o", "a"]),
        (4, vec!["delta", "apply", "img", "missing", "-o", "a"]),
        (4, vec!["delta", "create", "img", "missing", "-o", "a"]),
    ];
    let key = key("rsa-pkcs1.pem");
    for (status, arguments) in cases {
        let arguments: Vec<&str> =
            arguments.iter().map(|word| if *word == "KEY" { key.as_str() } else { word }).collect();
        place.fails(*status, &arguments);
        assert_eq!(place.bytes("a"), b"precious", "{arguments:?}");
        assert_eq!(place.names(), before, "{arguments:?}");
    }
}

#[test]
fn an_output_that_cannot_be_made() {
    let place = Workplace::new();
    place.put("img", image_bytes());
    let write =
        |to: &str| place.fails(3, &["write", "rootfs-image", "-f", "img", "-n", "r", "-c", "b", "-o", to]);
    assert_eq!(write("no/such/folder"), "no/such/folder: no such file or directory");
    assert_eq!(write("."), ".: is a directory");
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let place = Workplace::new();
    place.write_image("a.mender", &[]);
    let mut child = place
        .command(&[
            "write",
            "rootfs-image",
            "-f",
            "img",
            "-n",
            "r",
            "-c",
            "b",
            "-o",
            "-",
            "--compression",
            "none",
        ])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut first = [0; 16];
    child.stdout.take().unwrap().read_exact(&mut first).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), output.stderr), (Some(0), Vec::new()));
}

#[test]
fn the_same_bytes_again_whoever_when_and_where() {
    let place = Workplace::new();
    place.write_image("first", &[]);
    let other = Workplace::new();
    other.put("img", image_bytes());
    let modified = std::fs::metadata(place.path("img")).unwrap().modified().unwrap();
    std::fs::File::options().write(true).open(other.path("img")).unwrap().set_modified(modified).unwrap();
    let output = other
        .command(&["write", "rootfs-image", "-f", "img", "-n", "release-1", "-c", "board", "-o", "second"])
        .env("TZ", "America/New_York")
        .env("LC_ALL", "de_DE.UTF-8")
        .output()
        .unwrap();
    assert!(output.status.success());
    assert_eq!(place.bytes("first"), other.bytes("second"));
}

/// Who runs the command, on how many processors; root alone may be somebody else.
#[cfg(target_os = "linux")]
#[test]
fn the_same_bytes_from_another_user_on_one_processor() {
    use std::os::unix::fs::PermissionsExt;
    use std::os::unix::process::CommandExt;
    use std::process::Command;
    let place = Workplace::new();
    let image: Vec<u8> = image_bytes().iter().cycle().take(5_000_000).copied().collect();
    place.put("img", image);
    std::fs::set_permissions(place.path(""), std::fs::Permissions::from_mode(0o777)).unwrap();
    let write = ["write", "rootfs-image", "-f", "img", "-n", "r", "-c", "b", "-o"];
    for compression in ["none", "gzip", "lzma", "zstd_better"] {
        let flags = ["--compression", compression];
        place.ok(&[&write[..], &["first"], &flags].concat());
        let mut one = Command::new("taskset");
        one.args(["-c", "0", env!("CARGO_BIN_EXE_mender-artifact")]).current_dir(place.path(""));
        one.args(write).arg("second").args(flags);
        match one.status() {
            Err(error) => println!("skipped: taskset: {error}"),
            Ok(status) => {
                assert!(status.success());
                assert!(place.bytes("first") == place.bytes("second"), "{compression} on one processor");
            }
        }
        let mut other = place.command(&[&write[..], &["third"], &flags].concat());
        other.env("TZ", "Asia/Kolkata").uid(65_534).gid(65_534);
        match other.status() {
            // Only root may, and only where others may come to the command.
            Err(error) => println!("skipped: as another user: {error}"),
            Ok(status) => {
                assert!(status.success());
                assert!(place.bytes("first") == place.bytes("third"), "{compression} from another user");
            }
        }
    }
}

#[test]
fn source_date_epoch_bounds_times() {
    let place = Workplace::new();
    place.put("img", image_bytes());
    let write = |epoch: &str| {
        place
            .command(&["write", "rootfs-image", "-f", "img", "-n", "r", "-c", "b", "-o", "a"])
            .env("SOURCE_DATE_EPOCH", epoch)
            .output()
            .unwrap()
    };
    assert!(write("1000000000").status.success());
    assert!(place.ok(&["read", "a"]).contains("modified: 2001-09-09 01:46:40 +0000 UTC"));
    let output = write("yesterday");
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(said, "mender-artifact: SOURCE_DATE_EPOCH: expected seconds since 1970, found 'yesterday'\n");
}

#[test]
fn a_larger_artifact_than_wished_for_is_told() {
    let place = Workplace::new();
    place.put("img", image_bytes());
    let ended = place.run(&[
        "write",
        "rootfs-image",
        "-f",
        "img",
        "-n",
        "r",
        "-c",
        "b",
        "-o",
        "a",
        "--warn-artifact-size",
        "1.5kb",
        "--max-artifact-size",
        "1MB",
    ]);
    assert_eq!(ended.status, 0);
    let size = place.bytes("a").len();
    assert_eq!(
        ended.stderr,
        format!("mender-artifact: warning: a: larger than --warn-artifact-size: {size} bytes, not 1500\n")
    );
}

#[test]
fn no_command_is_a_question_for_help() {
    let place = Workplace::new();
    assert!(place.ok(&[]).contains("Usage: mender-artifact"));
    assert!(place.ok(&["write"]).contains("rootfs-image"));
    assert!(place.ok(&["--version"]).starts_with("mender-artifact "));
    for line in [&["frobnicate"][..], &["read"], &["read", "--frobnicate", "a"], &["delta", "create", "a"]] {
        place.fails(1, line);
    }
}
