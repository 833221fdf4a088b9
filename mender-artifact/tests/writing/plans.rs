//! What the writer writes: the same bytes every time, and nothing where it must not.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use crate::members::{Members, contents, inner, members};
use mender_artifact::compression::Compression;
use mender_artifact::compression::encoder::Effort;
use mender_artifact::error::{Category, Defect, Error};
use mender_artifact::header::{StateScript, TypeInfoValue};
use mender_artifact::output_file::OutputFile;
use mender_artifact::write::defaults::{ChecksumProvide, PayloadChoices};
use mender_artifact::write::input::PayloadInput;
use mender_artifact::write::plan::{ArtifactPlan, PayloadPlan};
use mender_artifact::write::script::ScriptInput;
use mender_artifact::write::{WriteOptions, write_artifact};

const ALL: [Compression; 4] = [Compression::None, Compression::Gzip, Compression::Xz, Compression::Zstd];

/// Bytes that compress neither well nor badly.
fn noise(len: usize) -> Vec<u8> {
    let mut state = 7_u64;
    let next = |_| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        u8::try_from(state >> 60).unwrap()
    };
    (0..len).map(next).collect()
}

fn file(folder: &Path, name: &str, contents: &[u8]) -> PayloadInput<'static> {
    let path = folder.join(name);
    fs::write(&path, contents).unwrap();
    let file = File::options().write(true).open(&path).unwrap();
    file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_millis(1_600_000_000_900)).unwrap();
    PayloadInput::from_path(path).unwrap()
}

fn plan(files: Vec<PayloadInput<'_>>) -> ArtifactPlan<'_> {
    let payload = PayloadPlan::module_image("r1", "files", files, None, PayloadChoices::default());
    ArtifactPlan {
        artifact_name: "r1".into(),
        compatible_types: vec!["board".into()],
        payloads: vec![payload],
        effort: Effort::Fastest,
        ..ArtifactPlan::default()
    }
}

fn write(plan: ArtifactPlan<'_>) -> Result<Vec<u8>, Error> {
    let mut artifact = Vec::new();
    let report = write_artifact(plan, &mut artifact, &WriteOptions::default())?;
    assert_eq!(report.artifact_len_bytes, artifact.len() as u64);
    Ok(artifact)
}

fn defect(plan: ArtifactPlan<'_>) -> Defect {
    let mut artifact = Vec::new();
    let error = write_artifact(plan, &mut artifact, &WriteOptions::default()).unwrap_err();
    assert!(artifact.is_empty(), "{error}");
    let message = error.to_string();
    assert!(!message.contains('\n') && message.trim_end_matches("...").ends_with(|c| c != '.'), "{message}");
    error.defect()
}

#[test]
fn bytes_are_the_same_for_any_number_of_threads_and_again() {
    let folder = tempfile::tempdir().unwrap();
    let big = noise(5 << 20);
    for compression in ALL {
        let mut first: Option<Vec<u8>> = None;
        for threads in [1, 2, 7, 7] {
            let files = vec![file(folder.path(), "big", &big), file(folder.path(), "small", b"small")];
            let mut artifact = Vec::new();
            let options =
                WriteOptions { threads: NonZeroUsize::new(threads).unwrap(), ..WriteOptions::default() };
            write_artifact(ArtifactPlan { compression, ..plan(files) }, &mut artifact, &options).unwrap();
            let first = first.get_or_insert_with(|| artifact.clone());
            assert!(*first == artifact, "{compression:?} with {threads} threads");
        }
        let payload = inner(&first.unwrap(), "data/0000.tar");
        assert!(contents(&payload, "big") == big && contents(&payload, "small") == b"small");
    }
}

#[test]
fn members_stand_in_their_order_with_their_modes() {
    let script = |name: &str| {
        let script = StateScript { name: name.into(), mode: 0o100_755, contents: b"#!/bin/sh\n".to_vec() };
        ScriptInput::from(script)
    };
    let files = vec![PayloadInput::from_reader("a", Some(1), &b"a"[..]).with_mode(0o4751)];
    let mut plan = plan(files);
    plan.payloads[0].header.meta_data = Some(serde_json::json!({"k": [1, "<"]}));
    plan.scripts = vec![script("ArtifactReboot_Enter_02"), script("ArtifactInstall_Leave_01_x")];
    let artifact = write(plan).unwrap();
    let names = |members: &Members| -> Vec<(String, u32)> {
        members.iter().map(|member| (member.0.clone(), member.1)).collect()
    };
    let expected = |names: &[(&str, u32)]| -> Vec<(String, u32)> {
        names.iter().map(|&(name, mode)| (name.to_owned(), mode)).collect()
    };
    assert_eq!(
        names(&members(&artifact)),
        expected(&[
            ("version", 0o600),
            ("manifest", 0o600),
            ("header.tar.gz", 0o600),
            ("data/0000.tar.gz", 0o600)
        ])
    );
    let header = inner(&artifact, "header.tar");
    assert_eq!(
        names(&header),
        expected(&[
            ("header-info", 0o600),
            ("scripts/ArtifactInstall_Leave_01_x", 0o755),
            ("scripts/ArtifactReboot_Enter_02", 0o755),
            ("headers/0000/type-info", 0o600),
            ("headers/0000/meta-data", 0o600),
        ])
    );
    assert_eq!(contents(&header, "headers/0000/meta-data"), b"{\"k\":[1,\"\\u003c\"]}");
    assert_eq!(names(&inner(&artifact, "data/0000.tar")), expected(&[("a", 0o4751)]));
}

/// Run by the next test in processes with other surroundings; the file is made by that test.
#[test]
#[ignore = "part of bytes_do_not_depend_on_the_surroundings"]
fn write_in_the_surroundings_of_this_process() {
    let Some(path) = std::env::var_os("PAYLOAD_TO_WRITE") else { return };
    let artifact = write(plan(vec![PayloadInput::from_path(path).unwrap()])).unwrap();
    fs::write(std::env::var_os("ARTIFACT_TO_WRITE").unwrap(), artifact).unwrap();
}

#[test]
fn bytes_do_not_depend_on_the_surroundings() {
    let folder = tempfile::tempdir().unwrap();
    drop(file(folder.path(), "a", &noise(100_000)));
    let mut artifacts = Vec::new();
    for (zone, locale, temporary) in [("UTC", "C", "one"), ("Asia/Kathmandu", "de_DE.UTF-8", "two")] {
        let output = folder.path().join(zone.replace('/', "-"));
        fs::create_dir(folder.path().join(temporary)).unwrap();
        let status = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "plans::write_in_the_surroundings_of_this_process", "--ignored"])
            .env("PAYLOAD_TO_WRITE", folder.path().join("a"))
            .env("ARTIFACT_TO_WRITE", &output)
            .env("TZ", zone)
            .env("LC_ALL", locale)
            .env("TMPDIR", folder.path().join(temporary))
            .stdout(std::process::Stdio::null())
            .status();
        assert!(status.unwrap().success());
        artifacts.push(fs::read(output).unwrap());
    }
    assert!(artifacts[0] == artifacts[1]);
}

#[test]
fn nobody_owns_anything() {
    let folder = tempfile::tempdir().unwrap();
    let mut plan = plan(vec![file(folder.path(), "a", b"a")]);
    plan.compression = Compression::None;
    plan.scripts =
        vec![StateScript { name: "ArtifactCommit_Enter_01".into(), ..StateScript::default() }.into()];
    let artifact = write(plan).unwrap();
    let outer = members(&artifact);
    for archive in [&artifact[..], contents(&outer, "header.tar"), contents(&outer, "data/0000.tar")] {
        for entry in tar::Archive::new(archive).entries().unwrap() {
            let header = entry.unwrap().header().clone();
            assert_eq!((header.uid().unwrap(), header.gid().unwrap()), (0, 0));
            assert_eq!((header.username().unwrap(), header.groupname().unwrap()), (Some(""), Some("")));
        }
    }
}

#[test]
fn streams_of_unknown_size_are_read_once_and_keep_their_place() {
    let big = noise((3 << 20) + 17);
    for compression in ALL {
        let files = vec![
            PayloadInput::from_reader("first", Some(3), &b"one"[..]),
            PayloadInput::from_reader("big", None, big.as_slice()),
            PayloadInput::from_reader("empty", None, io::empty()),
            PayloadInput::from_reader("last", Some(4), &b"last"[..]),
        ];
        let artifact = write(ArtifactPlan { compression, ..plan(files) }).unwrap();
        let payload = inner(&artifact, "data/0000.tar");
        let names: Vec<_> = payload.iter().map(|member| member.0.as_str()).collect();
        assert_eq!(names, ["first", "big", "empty", "last"], "{compression:?}");
        assert!(contents(&payload, "big") == big);
        assert_eq!(contents(&payload, "last"), b"last");
    }
}

#[test]
fn the_checksum_of_an_image_is_provided_and_reported() {
    let image = PayloadInput::from_reader("image", None, &b"abc"[..]);
    let payload =
        PayloadPlan::rootfs_image("r1", image, PayloadChoices::default(), ChecksumProvide::Standard);
    let mut artifact = Vec::new();
    let plan = ArtifactPlan { payloads: vec![payload], ..plan(Vec::new()) };
    let report = write_artifact(plan, &mut artifact, &WriteOptions::default()).unwrap();
    // SHA-256 of "abc", out of FIPS 180-2.
    let digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    let provided = report.header.payloads[0].provides.get("rootfs-image.checksum");
    assert_eq!(provided, Some(&TypeInfoValue::One(digest.into())));
    assert!(String::from_utf8(report.manifest).unwrap().starts_with(&format!("{digest}  data/0000/image\n")));
    assert_eq!(contents(&inner(&artifact, "header.tar"), "headers/0000/meta-data"), b"");
}

#[test]
fn times_are_clamped_and_rounded_down() {
    let folder = tempfile::tempdir().unwrap();
    for (epoch, file_time, other_time) in [
        (None, 1_600_000_000, 0),
        (Some(1_500_000_000), 1_500_000_000, 1_500_000_000),
        (Some(1_700_000_000), 1_600_000_000, 1_700_000_000),
    ] {
        let options = WriteOptions { source_date_epoch: epoch, ..WriteOptions::default() };
        let mut artifact = Vec::new();
        let plan =
            ArtifactPlan { compression: Compression::None, ..plan(vec![file(folder.path(), "a", b"a")]) };
        let report = write_artifact(plan, &mut artifact, &options).unwrap();
        assert_eq!(report.header.payloads[0].files[0].modified, file_time);
        let times = |bytes: &[u8]| -> Vec<u64> {
            let mut archive = tar::Archive::new(bytes);
            archive.entries().unwrap().map(|entry| entry.unwrap().header().mtime().unwrap()).collect()
        };
        assert_eq!(times(&artifact), [other_time; 4]);
        assert_eq!(
            times(contents(&members(&artifact), "data/0000.tar")),
            [u64::try_from(file_time).unwrap()]
        );
    }
}

#[test]
fn plans_that_cannot_be_are_refused_before_anything_is_written() {
    let a = || PayloadInput::from_reader("a", Some(1), &b"a"[..]);
    assert_eq!(defect(plan(vec![a(), a()])), Defect::Duplicate);
    for name in ["", "a b", "..", "a/b", "ä", &"a".repeat(256)] {
        let found = defect(plan(vec![a().with_name(name)]));
        assert!(matches!(found, Defect::Name | Defect::TooMany), "{name}: {found:?}");
    }
    for name in ["", "a\nb", &"a".repeat(257)] {
        assert_eq!(defect(ArtifactPlan { artifact_name: name.into(), ..plan(vec![a()]) }), Defect::Name);
    }
    assert_eq!(defect(ArtifactPlan { compatible_types: Vec::new(), ..plan(vec![]) }), Defect::Missing);
    assert_eq!(defect(ArtifactPlan { payloads: Vec::new(), ..plan(vec![]) }), Defect::Missing);
    assert_eq!(defect(ArtifactPlan { artifact_group: Some(String::new()), ..plan(vec![]) }), Defect::Name);
    let mut two_scripts = plan(vec![]);
    let script = StateScript { name: "ArtifactInstall_Enter_01".into(), ..StateScript::default() };
    two_scripts.scripts = vec![script.clone().into(), script.into()];
    assert_eq!(defect(two_scripts), Defect::Duplicate);
    let mut bad_script = plan(vec![]);
    bad_script.scripts = vec![StateScript { name: "Idle_Enter_01".into(), ..StateScript::default() }.into()];
    assert_eq!(defect(bad_script), Defect::Name);
    let rootfs = |files| {
        let mut plan = plan(files);
        plan.payloads[0].header.payload_type = Some("rootfs-image".into());
        plan
    };
    assert_eq!(defect(rootfs(vec![])), Defect::Misuse);
    assert_eq!(defect(rootfs(vec![a(), a().with_name("b")])), Defect::Misuse);
    assert_eq!(defect(ArtifactPlan { artifact_name: "r 1".into(), ..rootfs(vec![a()]) }), Defect::Name);
    let mut bootstrap = plan(vec![a()]);
    bootstrap.payloads[0].header.payload_type = None;
    assert_eq!(defect(bootstrap), Defect::Misuse);
    for payload_type in ["", "../x", "a/b"] {
        let mut plan = plan(vec![a()]);
        plan.payloads[0].header.payload_type = Some(payload_type.into());
        assert_eq!(defect(plan), Defect::Name);
    }
    let mut plan = plan(vec![a()]);
    plan.payloads[0].header.meta_data = Some(serde_json::json!([1]));
    assert_eq!(defect(plan), Defect::Value);
}

#[test]
fn inputs_that_cannot_be_read_are_named() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["missing", "folder"] {
        fs::create_dir_all(folder.path().join("folder")).unwrap();
        let path = folder.path().join(name);
        let error = write(plan(vec![PayloadInput::from_path(&path).unwrap()])).unwrap_err();
        assert_eq!(error.category(), Category::Io);
        assert!(error.to_string().contains(path.to_str().unwrap()), "{error}");
    }
    assert!(PayloadInput::from_path("/").is_err());
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("cable pulled"))
        }
    }
    let error = write(plan(vec![PayloadInput::from_reader("a", None, Broken)])).unwrap_err();
    assert_eq!(std::error::Error::source(&error).unwrap().to_string(), "cable pulled");
    let wrong = PayloadInput::from_reader("a", None, &b"abc"[..]).with_checksum([0; 32]);
    assert_eq!(defect(plan(vec![wrong])), Defect::Checksum);
}

#[test]
fn contents_of_another_size_than_promised_are_refused() {
    for (size, given) in [(2, &b"abc"[..]), (4, b"abc"), (0, b"a"), (1 << 20, &noise((1 << 20) + 1))] {
        assert_eq!(defect(plan(vec![PayloadInput::from_reader("a", Some(size), given)])), Defect::Mismatch);
    }
}

#[test]
fn a_file_that_changes_while_it_is_read_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let contents = noise(3 << 20);
    let change = |what: &dyn Fn(&File)| {
        let input = file(folder.path(), "a", &contents);
        let changed = AtomicBool::new(false);
        let on_progress = |done: u64, total: Option<u64>| {
            assert_eq!(total, Some(3 << 20));
            if done >= 1 << 20 && !changed.swap(true, Ordering::Relaxed) {
                what(&File::options().append(true).open(folder.path().join("a")).unwrap());
            }
        };
        let options = WriteOptions { on_progress: Some(&on_progress), ..WriteOptions::default() };
        write_artifact(plan(vec![input]), &mut Vec::new(), &options)
            .map(|_| ())
            .map_err(|error| error.defect())
    };
    assert_eq!(change(&|_| {}), Ok(()));
    assert_eq!(change(&|mut file| file.write_all(b"more").unwrap()), Err(Defect::Changed));
    assert_eq!(change(&|file| file.set_len(2 << 20).unwrap()), Err(Defect::Changed));
    assert_eq!(change(&|file| file.set_modified(SystemTime::now()).unwrap()), Err(Defect::Changed));
}

#[test]
fn a_full_disk_or_a_cancelled_run_leaves_nothing_behind() {
    struct Full(OutputFile, usize);
    impl Write for Full {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.1 = self.1.checked_sub(bytes.len()).ok_or(io::ErrorKind::StorageFull)?;
            self.0.write(bytes)
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let (folder, spool) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let path = folder.path().join("a.mender");
    let contents = noise(4 << 20);
    let file = || PayloadInput::from_reader("a", None, contents.as_slice());
    for compression in ALL {
        let plan = |file| ArtifactPlan { compression, ..plan(vec![file]) };
        let spool_directory = spool.path().to_owned();
        let mut output = Full(OutputFile::create(&path).unwrap(), 1 << 20);
        let options = WriteOptions { spool_directory: spool_directory.clone(), ..WriteOptions::default() };
        let error = write_artifact(plan(file()), &mut output, &options).unwrap_err();
        assert_eq!(error.defect(), Defect::Io);
        drop(output);

        let cancel = AtomicBool::new(false);
        let on_progress = |done: u64, _| cancel.store(done > 1 << 20, Ordering::Relaxed);
        let mut output = OutputFile::create(&path).unwrap();
        let options = WriteOptions {
            spool_directory,
            on_progress: Some(&on_progress),
            cancel: Some(&cancel),
            ..WriteOptions::default()
        };
        let error = write_artifact(plan(file()), &mut output, &options).unwrap_err();
        assert_eq!(error.defect(), Defect::Cancelled);
        drop(output);

        for folder in [&folder, &spool] {
            assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
        }
    }
    let options = WriteOptions { spool_directory: folder.path().join("none"), ..WriteOptions::default() };
    let error = write_artifact(plan(vec![file()]), &mut Vec::new(), &options).unwrap_err();
    assert!(error.to_string().contains("none"), "{error}");
}

#[test]
fn folders_of_scripts_are_taken_in_order() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["ArtifactReboot_Enter_01", "ArtifactCommit_Enter_05_b", "ArtifactCommit_Enter_05_a"] {
        fs::write(folder.path().join(name), name).unwrap();
    }
    let scripts = ScriptInput::from_directory(folder.path()).unwrap();
    let names: Vec<_> = scripts.iter().map(|input| input.script.name.as_str()).collect();
    assert_eq!(names, ["ArtifactCommit_Enter_05_a", "ArtifactCommit_Enter_05_b", "ArtifactReboot_Enter_01"]);
    assert_eq!(scripts[2].script.contents, b"ArtifactReboot_Enter_01");
    fs::write(folder.path().join("README"), "no script").unwrap();
    assert_eq!(ScriptInput::from_directory(folder.path()).unwrap_err().defect(), Defect::Name);
    assert!(ScriptInput::from_directory(&folder.path().join("none")).is_err());
}
