//! `provision bulk`: images for many devices.

use crate::certificates::{ISSUER, with_certificates};
use crate::workplace::{Ended, Workplace};
use crate::{disk, openssl};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::collections::HashSet;
use std::fs;

pub(crate) const KEY: &str = "/mender/mender-cert-private.pem";
pub(crate) const CERTIFICATE: &str = "/mender/mender-cert.pem";

/// A folder with an authority, a template `core.sdimg` and a list of this many devices; nothing where programs for it
/// are missing.
pub(crate) fn with_template(devices: usize) -> Option<Workplace> {
    if !openssl::is_here() {
        return None;
    }
    let place = with_certificates();
    place.put("devices.csv", list(devices));
    disk::make(&place, "core.sdimg").then_some(place)
}

pub(crate) fn list(devices: usize) -> String {
    let lines = (0..devices).map(|n| format!("board-{n:04},02:00:00:00:{:02x}:{:02x}\n", n >> 8, n & 255));
    std::iter::once("device,mac\n".to_owned()).chain(lines).collect()
}

/// The words of a bulk into `out`, and more of them.
pub(crate) fn line<'a>(more: &[&'a str]) -> Vec<&'a str> {
    let usual = ["provision", "bulk", "--template", "core.sdimg", "--devices", "devices.csv", "--out", "out"];
    [&usual[..], &ISSUER, more].concat()
}

pub(crate) fn bulk(place: &Workplace, more: &[&str]) -> Ended {
    place.run(&line(more))
}

pub(crate) fn manifest(place: &Workplace) -> Vec<Value> {
    let text = String::from_utf8(place.bytes("out/manifest.jsonl")).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

pub(crate) fn names(place: &Workplace, folder: &str) -> Vec<String> {
    let entries = fs::read_dir(place.path(folder)).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// That everything in the folder belongs together: images, certificates, manifest; and what openssl says of some of
/// them. `devices` is how many there have to be.
pub(crate) fn check_all(place: &Workplace, devices: usize) {
    let records = manifest(place);
    assert_eq!(records.len(), devices);
    let all = |key: &str| records.iter().map(|record| record[key].as_str().unwrap()).collect::<HashSet<_>>();
    for key in ["device", "serial", "public_key", "certificate_sha256", "image_sha256", "image"] {
        assert_eq!(all(key).len(), devices, "{key}");
    }
    assert_eq!(names(place, "out/images").len(), devices);
    assert_eq!(names(place, "out/.provision"), ["journal.jsonl", "lock"]);
    for (index, record) in records.iter().enumerate() {
        let text = |key: &str| record[key].as_str().unwrap();
        let image = format!("out/{}", text("image"));
        let bytes = place.bytes(&image);
        let digest: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(digest, text("image_sha256"), "{image}");
        assert_eq!(record["image_size_bytes"], bytes.len());
        if index % devices.div_ceil(6) != 0 {
            continue;
        }
        place.put("taken.pem", disk::debugfs(place, &image, &format!("cat {CERTIFICATE}")));
        place.put("taken.key", disk::debugfs(place, &image, &format!("cat {KEY}")));
        let certificate = format!("out/certificates/{}.pem", text("device"));
        assert_eq!(place.bytes(&certificate), place.bytes("taken.pem"));
        openssl::ok(place, "verify -x509_strict -purpose sslclient -CAfile ca-cert.pem taken.pem");
        assert_eq!(openssl::serial(place, "taken.pem").to_lowercase(), text("serial"));
        assert_eq!(openssl::ok(place, "pkey -in taken.key -pubout"), text("public_key"));
    }
}

#[test]
fn every_device_gets_a_key_and_an_image_of_its_own() {
    let Some(place) = with_template(3) else { return };
    let template = place.bytes("core.sdimg");
    let ended = bulk(&place, &["--subject", "/O=My Organization/CN={device}", "--days", "30"]);
    assert_eq!((ended.status, ended.stderr.as_str()), (0, ""));
    assert_eq!(ended.stdout, "out: 3 devices, 3 of them made now\n");
    check_all(&place, 3);
    assert_eq!(place.bytes("core.sdimg"), template);
    let records = manifest(&place);
    let devices: Vec<&str> = records.iter().map(|record| record["device"].as_str().unwrap()).collect();
    assert_eq!(devices, ["board-0000", "board-0001", "board-0002"]);
    assert_eq!(records[1]["identity"], serde_json::json!({"mac": "02:00:00:00:00:01"}));
    let text = openssl::shown(&place, "out/certificates/board-0001.pem").replace(" = ", "=");
    assert!(text.contains("Subject: O=My Organization, CN=board-0001"), "{text}");
    for name in ["out/manifest.jsonl", "out/preauthorize.jsonl", "out/.provision/journal.jsonl"] {
        assert!(!String::from_utf8(place.bytes(name)).unwrap().contains("PRIVATE"), "{name}");
    }
    assert_eq!(
        names(&place, "out"),
        [".provision", "certificates", "images", "manifest.jsonl", "preauthorize.jsonl"]
    );

    let image = "out/images/board-0002.sdimg";
    disk::check(&place, image);
    let stat = |path: &str| {
        disk::debugfs(&place, image, &format!("stat {path}")).split_whitespace().collect::<Vec<_>>().join(" ")
    };
    assert!(stat(KEY).contains("Mode: 0600") && stat(KEY).contains("User: 0 Group: 0"), "{}", stat(KEY));
    assert!(stat(CERTIFICATE).contains("Mode: 0644"), "{}", stat(CERTIFICATE));
    // Everything before the data partition is the template's.
    let bytes = place.bytes(image);
    assert_eq!(bytes[..disk::DATA_AT], template[..disk::DATA_AT]);

    let lines = String::from_utf8(place.bytes("out/preauthorize.jsonl")).unwrap();
    let bodies: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    for (body, record) in bodies.iter().zip(&records) {
        let expected =
            serde_json::json!({"identity_data": record["identity"], "pubkey": record["public_key"]});
        assert_eq!(*body, expected);
    }
    assert_eq!(bodies.len(), 3);
    let revoked = place.ok(&["provision", "revoke", "--manifest", "out/manifest.jsonl", "board-0001"]);
    assert_eq!(revoked.trim_end(), records[1]["serial"]);
}

#[test]
fn paths_through_links_lead_to_the_data_partition() {
    let Some(place) = with_template(2) else { return };
    let (key, certificate) = (format!("/var/lib{KEY}"), format!("/var/lib{CERTIFICATE}"));
    let ended = bulk(&place, &["--key-path", &key, "--cert-path", &certificate]);
    assert_eq!(ended.status, 0, "{ended:?}");
    // It looks for both files on the data partition.
    check_all(&place, 2);
    disk::check(&place, "out/images/board-0001.sdimg");
}

#[test]
fn started_again_it_makes_what_is_missing_and_nothing_else() {
    let Some(place) = with_template(2) else { return };
    assert_eq!(bulk(&place, &["-j", "1"]).status, 0);
    let manifest_before = place.bytes("out/manifest.jsonl");
    let times = || -> Vec<_> {
        let at = |name: &String| place.path("out/images").join(name).metadata().unwrap().modified().unwrap();
        names(&place, "out/images").iter().map(at).collect()
    };
    let before = times();
    // Certificates are written again from what is known.
    let certificate = place.bytes("out/certificates/board-0000.pem");
    place.put("out/certificates/board-0000.pem", "");
    assert_eq!(bulk(&place, &[]).stdout, "out: 2 devices, 0 of them made now\n");
    assert_eq!(place.bytes("out/certificates/board-0000.pem"), certificate);
    assert_eq!((place.bytes("out/manifest.jsonl"), times()), (manifest_before.clone(), before.clone()));

    place.put("devices.csv", list(9));
    let ended = bulk(&place, &["-j", "7"]);
    assert_eq!(ended.stdout, "out: 9 devices, 7 of them made now\n", "{ended:?}");
    check_all(&place, 9);
    assert_eq!(times()[..2], before);
    assert!(place.bytes("out/manifest.jsonl").starts_with(&manifest_before));

    // A list without the earlier ones takes nothing away.
    place.put("devices.csv", "device,mac\nboard-0003,02:00:00:00:00:03\n");
    assert_eq!(bulk(&place, &[]).stdout, "out: 9 devices, 0 of them made now\n");
    assert_eq!(manifest(&place)[0]["device"], "board-0003");
}

#[test]
fn nothing_is_made_of_what_is_doubtful() {
    let Some(place) = with_template(2) else { return };
    place.put("twice.csv", "device,mac\na,1\nb,2\nA,3\n");
    place.put("short.csv", "device,mac\na\n");
    place.put("flat.img", [1u8; 4096]);
    for (status, more, says) in [
        (5, &["--devices", "twice.csv"][..], "twice.csv: line 4: expected each device once"),
        (5, &["--devices", "short.csv"], "short.csv: line 2: expected 2 fields, found 1"),
        (5, &["--id-column", "serial"], "devices.csv: line 1: expected a column 'serial'"),
        (4, &["--devices", "none.csv"], "none.csv: no such file"),
        (4, &["--template", "none.img"], "none.img: no such file"),
        (4, &["--template", "."], ".: expected a file with an image"),
        (6, &["--template", "flat.img"], "flat.img: "),
        (1, &["--ca-key", "device-private.key"], "ca-cert.pem: expected the private key of this certificate"),
        (1, &["--subject", "/C={device}"], "expected 1 to 2 characters of C"),
        (1, &["--key-path", "relative"], "core.sdimg: "),
        (6, &["--partition", "9"], "core.sdimg: "),
        (1, &["-j", "0"], "'0'"),
        (1, &["--out", "devices.csv"], "devices.csv: "),
    ] {
        let ended = bulk(&place, more);
        assert!(ended.stderr.contains(says), "{more:?}: {ended:?}");
        if status != 1 {
            assert_eq!(ended.status, status, "{more:?}: {ended:?}");
        }
        if place.path("out").exists() {
            assert!(names(&place, "out/images").is_empty(), "{more:?}");
            assert!(!place.path("out/manifest.jsonl").exists(), "{more:?}");
            fs::remove_dir_all(place.path("out")).unwrap();
        }
    }
}

#[test]
fn a_folder_takes_one_kind_of_images() {
    let Some(place) = with_template(2) else { return };
    assert_eq!(bulk(&place, &[]).status, 0);
    let manifest_before = place.bytes("out/manifest.jsonl");
    let mut other = place.bytes("core.sdimg");
    other[1 << 20] ^= 1;
    place.put("other.sdimg", other);
    place.put("other.csv", "device,mac\nboard-0000,02:00:00:00:00:99\n");
    place.ok(&["provision", "ca", "--subject", "/CN=x", "--key-out", "x.key", "--cert-out", "x.pem"]);
    for (more, says) in [
        (&["--template", "other.sdimg"][..], "out: made with another template_sha256"),
        (&["--ca", "x.pem", "--ca-key", "x.key"], "out: made with another authority_sha256"),
        (&["--key-path", "/data/x"], "out: made with another key_path"),
        (
            &["--devices", "other.csv"],
            "identity of device 'board-0000': expected {\"mac\":\"02:00:00:00:00:00\"}",
        ),
    ] {
        let ended = bulk(&place, more);
        assert_eq!(ended.status, 1, "{ended:?}");
        assert!(ended.stderr.contains(says), "{more:?}: {ended:?}");
    }
    fs::remove_file(place.path("out/images/board-0000.sdimg")).unwrap();
    let ended = bulk(&place, &[]);
    assert_eq!(ended.status, 4);
    assert!(
        ended.stderr.contains("board-0000.sdimg: expected the image that was made, found none"),
        "{ended:?}"
    );
    assert_eq!(bulk(&place, &["--allow-missing"]).status, 0);
    assert_eq!(place.bytes("out/manifest.jsonl"), manifest_before);

    // What somebody else put there is not touched.
    place.put("devices.csv", list(3));
    place.put("out/images/board-0002.sdimg", "mine");
    let ended = bulk(&place, &["--allow-missing"]);
    assert_eq!(ended.status, 3);
    assert!(
        ended.stderr.contains("board-0002.sdimg: expected no file or the image that was made"),
        "{ended:?}"
    );
    assert_eq!(place.bytes("out/images/board-0002.sdimg"), b"mine");
}

#[test]
fn names_paths_and_keys_are_as_asked_for() {
    let Some(place) = with_template(0) else { return };
    place.put("devices.csv", "mac\n02:00:00:00:00:01\n../up\n");
    let paths = ["--key-path", "/data/new/folder/a.pem", "--cert-path", "/data/b.pem"];
    let ended = bulk(&place, &[&paths[..], &["--id-column", "mac", "--keep-keys"]].concat());
    assert_eq!(ended.status, 0, "{ended:?}");
    assert_eq!(names(&place, "out/images"), ["%2E.%2Fup.sdimg", "02%3A00%3A00%3A00%3A00%3A01.sdimg"]);
    assert_eq!(manifest(&place)[0]["identity"], serde_json::json!({"mac": "02:00:00:00:00:01"}));
    for name in ["%2E.%2Fup", "02%3A00%3A00%3A00%3A00%3A01"] {
        let key = disk::debugfs(&place, &format!("out/images/{name}.sdimg"), "cat /new/folder/a.pem");
        assert!(key.starts_with("-----BEGIN PRIVATE KEY-----"), "{key}");
        assert_eq!(place.bytes(&format!("out/keys/{name}.key")), key.into_bytes());
        disk::check(&place, &format!("out/images/{name}.sdimg"));
    }
}

#[cfg(unix)]
#[test]
fn images_are_their_owners() {
    use std::os::unix::fs::PermissionsExt;
    let Some(place) = with_template(1) else { return };
    assert_eq!(bulk(&place, &["--keep-keys"]).status, 0);
    let mode = |name: &str| place.path(name).metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!([mode("out/images"), mode("out/.provision"), mode("out/keys")], [0o700; 3]);
    assert_eq!([mode("out/images/board-0000.sdimg"), mode("out/keys/board-0000.key")], [0o600; 2]);
}
