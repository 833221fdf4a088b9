//! A base that has changed, and `RepairFrom`, which is the address of its image.

use std::fs;
use std::sync::LazyLock;

use mender_delta::format::block_list::Header;
use sha2::{Digest as _, Sha256};

use crate::PAIR;
use crate::device::{Called, Device, PARTITION_BYTES};
use crate::range_server::{Manner, RangeServer};

/// Blocks of the list.
const LISTED: usize = 64 << 10;
/// Where the running partition is not what it was: three listed blocks, four blocks of 4 KiB.
const DAMAGED: [usize; 4] = [1024, 700_000, 704_000, (2 << 20) - 1];

static LIST: LazyLock<Vec<u8>> = LazyLock::new(|| list_of(&PAIR.old));

fn damaged() -> Vec<u8> {
    let mut image = PAIR.old.clone();
    DAMAGED.iter().for_each(|&at| image[at] ^= 1);
    image
}

fn list_of(image: &[u8]) -> Vec<u8> {
    list_of_blocks(image, LISTED)
}

fn list_of_blocks(image: &[u8], block_bytes: usize) -> Vec<u8> {
    let header = Header {
        block_bytes: u32::try_from(block_bytes).unwrap(),
        image_bytes: image.len() as u64,
        image_sha256: Sha256::digest(image).into(),
    };
    let mut list = header.encode().to_vec();
    image.chunks(block_bytes).for_each(|block| list.extend(Sha256::digest(block)));
    list
}

fn device(image: &[u8], repair_from: &str, more: &str) -> Device {
    let device = Device::running(image);
    let (a, b, report) = (device.partition(2), device.partition(3), device.path("report"));
    device.configure(&format!(
        r#"{{"RootfsPartA": {a:?}, "RootfsPartB": {b:?}, "RepairFrom": "{repair_from}", "ReportFile": {report:?}{more}}}"#
    ));
    device
}

/// A download on a device whose base is damaged.
fn download(server: &RangeServer, path: &str, more: &str) -> (Device, Called) {
    let device = device(&damaged(), &format!("{}{path}", server.address), more);
    let (called, _) = device.download(&PAIR.delta, PAIR.new.len());
    let active = fs::read(device.partition(2)).unwrap();
    assert!(
        active.starts_with(&damaged()) && active.len() == PARTITION_BYTES,
        "the active partition was written"
    );
    (device, called)
}

fn assert_repaired(device: &Device, called: &Called) {
    assert!(called.success, "{}", called.stderr);
    assert!(called.stderr.contains("REPAIRED: 4 blocks of 4096 bytes on the running /"), "{}", called.stderr);
    assert!(called.stderr.contains("are not those of its image: 0, 170-171, 511; "), "{}", called.stderr);
    assert!(fs::read(device.partition(3)).unwrap().starts_with(&PAIR.new));
    let report = fs::read_to_string(device.path("report")).unwrap();
    assert!(report.contains(r#""repaired_blocks":4"#), "{report}");
    device.call("ArtifactInstall").assert_silent_success();
}

/// Refused because of the server, before the first write.
fn assert_of_no_help(server: &RangeServer, more: &str, because: &str) {
    let (device, called) = download(server, "/image", more);
    assert!(!called.success);
    let expected = format!("; RepairFrom does not help: {}/", server.address);
    assert!(called.stderr.contains("Download: wrong base: expected SHA-256"), "{}", called.stderr);
    assert!(called.stderr.contains(&expected), "{}", called.stderr);
    assert!(called.stderr.contains(because), "expected {because}, found {}", called.stderr);
    assert!(device.inactive_is_untouched());
}

#[test]
fn with_a_list_only_blocks_that_differ_are_fetched() {
    let server = RangeServer::start(Manner::Good, &[("/image", &PAIR.old), ("/image.blocks", &LIST)]);
    let (device, called) = download(&server, "/image?key=secret", "");
    assert_repaired(&device, &called);
    let bytes = LIST.len() - Header::LEN + 3 * LISTED;
    let told =
        format!("511; {bytes} bytes of {}/image and its block list were read in their place", server.address);
    assert!(called.stderr.contains(&told) && !called.stderr.contains("secret"), "{}", called.stderr);
    let report = fs::read_to_string(device.path("report")).unwrap();
    assert!(report.contains(&format!(r#""repair_fetched_bytes":{bytes}"#)), "{report}");
    let part = |block: usize| format!("/image?key=secret {}-{}", block * LISTED, (block + 1) * LISTED - 1);
    let list = |range: &str| format!("/image.blocks?key=secret {range}");
    let expected = [
        // Its size, and whether it is an Artifact.
        "/image?key=secret 0-0".to_owned(),
        "/image?key=secret 0-511".to_owned(),
        list("0-0"),
        list("0-59"),
        list(&format!("60-{}", LIST.len() - 1)),
        part(0),
        part(10),
        part(31),
    ];
    assert_eq!(server.requests(), expected);
}

#[test]
fn a_right_base_asks_no_server() {
    let server = RangeServer::start(Manner::Good, &[("/image", &PAIR.old)]);
    let device = device(&PAIR.old, &format!("{}/image", server.address), "");
    let (called, _) = device.download(&PAIR.delta, PAIR.new.len());
    called.assert_installed(&PAIR);
    assert_eq!(server.requests(), [""; 0]);
}

#[test]
fn without_a_list_the_whole_image_is_compared() {
    let server = RangeServer::start(Manner::Good, &[("/image", &PAIR.old)]);
    let (device, called) = download(&server, "/image", "");
    assert_repaired(&device, &called);
    assert!(called.stderr.contains("/image.blocks: the whole image is read"), "{}", called.stderr);
    // Three questions about what there is, then pieces of 256 KiB.
    assert_eq!(server.requests().len(), 3 + PAIR.old.len().div_ceil(256 << 10));
}

#[test]
fn the_digest_of_the_base_can_be_in_the_address() {
    let digest: String = Sha256::digest(&PAIR.old).iter().map(|byte| format!("{byte:02x}")).collect();
    let (path, list) = (format!("/{digest}.img"), format!("/{digest}.img.blocks"));
    let server = RangeServer::start(Manner::Good, &[(&path, &PAIR.old), (&list, &LIST)]);
    let (device, called) = download(&server, "/{base}.img", "");
    assert_repaired(&device, &called);
}

#[test]
fn an_xdelta3_delta_is_helped_as_well() {
    let server = RangeServer::start(Manner::Good, &[("/image", &PAIR.old), ("/image.blocks", &LIST)]);
    let device = device(&damaged(), &format!("{}/image", server.address), "");
    let called = crate::xdelta3::download_ours(&device);
    assert_repaired(&device, &called);
}

#[test]
fn each_possible_base_is_asked_for() {
    let digest: String = Sha256::digest(&PAIR.old).iter().map(|byte| format!("{byte:02x}")).collect();
    let (path, list) = (format!("/{digest}.img"), format!("/{digest}.img.blocks"));
    for manner in [Manner::Good, Manner::Refuses(403)] {
        let server = RangeServer::start(manner, &[(&path, &PAIR.old), (&list, &LIST)]);
        let device = device(&damaged(), &format!("{}/{{base}}.img", server.address), "");
        let called = crate::xdelta3::download_ours_of_any(&device);
        assert_repaired(&device, &called);
        assert!(server.requests()[0].starts_with(&format!("/{}.img ", "0".repeat(64))));
    }
    // The list tells that it is about the second.
    let server = RangeServer::start(Manner::Good, &[("/image", &PAIR.old), ("/image.blocks", &LIST)]);
    let device = device(&damaged(), &format!("{}/image", server.address), "");
    assert_repaired(&device, &crate::xdelta3::download_ours_of_any(&device));
}

#[test]
fn long_blocks_are_fetched_in_parts() {
    let list = list_of_blocks(&PAIR.old, 1 << 20);
    let server = RangeServer::start(Manner::Good, &[("/image", &PAIR.old), ("/image.blocks", &list)]);
    let (device, called) = download(&server, "/image", "");
    assert_repaired(&device, &called);
    let requests = server.requests();
    for request in &requests {
        let (first, last) = request.rsplit_once(' ').unwrap().1.split_once('-').unwrap();
        let (first, last): (usize, usize) = (first.parse().unwrap(), last.parse().unwrap());
        assert!(last - first < 256 << 10, "{request}");
    }
    assert!(requests.contains(&"/image 262144-524287".to_owned()), "{requests:?}");
}

#[test]
fn a_refusal_is_told_as_it_is() {
    for status in [401, 403, 410] {
        let server = RangeServer::start(Manner::Refuses(status), &[]);
        assert_of_no_help(&server, "", &format!("/image: the server answers with status {status}"));
    }
    let only_the_image = |status| RangeServer::start(Manner::Refuses(status), &[("/image", &PAIR.old)]);
    let server = only_the_image(403);
    assert_of_no_help(&server, "", "/image.blocks: the server answers with status 403");
    let server = only_the_image(410);
    let (device, called) = download(&server, "/image", "");
    assert_repaired(&device, &called);
    assert!(called.stderr.contains("/image.blocks: the whole image is read"), "{}", called.stderr);
}

#[test]
fn redirects_are_followed_three_times() {
    let server = RangeServer::start(Manner::Good, &[("/image", &PAIR.old), ("/image.blocks", &LIST)]);
    let (device, called) = download(&server, "/to/to/to/image", "");
    assert_repaired(&device, &called);
    let (device, called) = download(&server, "/to/to/to/to/image", "");
    assert!(called.stderr.contains("the server redirects more than 3 times"), "{}", called.stderr);
    assert!(!called.success && device.inactive_is_untouched());
    for place in ["secret://h/?key=secret", "http://secret:secret:secret/"] {
        let server = RangeServer::start(Manner::LeadsTo(place), &[]);
        let (device, called) = download(&server, "/image", "");
        assert!(called.stderr.contains("RepairFrom does not help: "), "{}", called.stderr);
        assert!(!called.stderr.contains("secret"), "{}", called.stderr);
        assert!(!called.success && device.inactive_is_untouched());
    }
}

#[test]
fn any_number_of_seconds_is_one() {
    let server = RangeServer::start(Manner::Good, &[("/image", &PAIR.old), ("/image.blocks", &LIST)]);
    assert_of_no_help(&server, r#", "RepairTimeoutSeconds": 0"#, "not done within the 0 s");
    assert_eq!(server.requests(), [""; 0]);
    let (device, called) = download(&server, "/image", &format!(r#", "RepairTimeoutSeconds": {}"#, u64::MAX));
    assert_repaired(&device, &called);
}

#[test]
fn servers_that_fail_now_and_then_are_asked_again() {
    let server = RangeServer::start(Manner::Busy, &[("/image", &PAIR.old), ("/image.blocks", &LIST)]);
    let (device, called) = download(&server, "/image", "");
    assert_repaired(&device, &called);
}

#[test]
fn servers_that_do_not_do_their_part_do_not_help() {
    for (manner, because) in [
        (Manner::NoRanges, "the server does not give parts of files (status 200, expected 206)"),
        (Manner::OtherRange, "Content-Range of the answer: expected bytes 0-0, found bytes 1-1/"),
        (Manner::TooLong, "expected 1 bytes, found more"),
        (Manner::Packed, "Content-Encoding of the answer: expected none, found gzip"),
        (Manner::Changing, "the file changed while it was read: its ETag is another one"),
        (Manner::Cuts, "/image: "),
        // In the middle of the blocks.
        (Manner::GoneAfter(6), "/image: "),
    ] {
        let server = RangeServer::start(manner, &[("/image", &PAIR.old), ("/image.blocks", &LIST)]);
        assert_of_no_help(&server, "", because);
    }
    let server = RangeServer::start(Manner::Good, &[]);
    assert_of_no_help(&server, "", "the server answers with status 404");
}

#[test]
fn a_slow_server_is_given_up() {
    let server = RangeServer::start(Manner::Drips, &[("/image", &PAIR.old)]);
    let started = std::time::Instant::now();
    assert_of_no_help(
        &server,
        r#", "RepairTimeoutSeconds": 2"#,
        "not done within the 2 s of RepairTimeoutSeconds",
    );
    assert!(started.elapsed().as_secs() < 30, "{:?}", started.elapsed());
}

#[test]
fn wrong_content_does_not_help() {
    let mut wrong = PAIR.old.clone();
    // In a block that is fetched, and not one that the device lacks.
    wrong[2048 + 4096] ^= 1;
    let with_list = |image: &[u8], list: &[u8]| {
        RangeServer::start(Manner::Good, &[("/image", image), ("/image.blocks", list)])
    };
    assert_of_no_help(&with_list(&wrong, &LIST), "", "block 0 is not what the block list says");
    // Its list is right about it, but it is another image.
    assert_of_no_help(&with_list(&wrong, &list_of(&wrong)), "", "expected the block list of image ");
    // A list that lies about blocks.
    let mut lying = LIST.clone();
    lying[Header::LEN + 32 * 5] ^= 1;
    assert_of_no_help(&with_list(&PAIR.old, &lying), "", "block 5 is not what the block list says");
    for length in [0, 1, Header::LEN - 1, Header::LEN, LIST.len() - 1] {
        assert_of_no_help(&with_list(&PAIR.old, &LIST[..length]), "", "/image.blocks: ");
    }
    let only = |image: &[u8]| RangeServer::start(Manner::Good, &[("/image", image)]);
    // Its digest tells, in the end: the base with what was fetched is hashed as a whole.
    let server = only(&wrong);
    let (device, called) = download(&server, "/image", "");
    assert!(
        called.stderr.contains("; RepairFrom does not help: wrong base: expected SHA-256"),
        "{}",
        called.stderr
    );
    assert!(!called.success && device.inactive_is_untouched());
    let server = only(&PAIR.old[..PAIR.old.len() - 1]);
    let (device, called) = download(&server, "/image", "");
    assert!(called.stderr.contains("; RepairFrom does not help: wrong base: "), "{}", called.stderr);
    assert!(!called.success && device.inactive_is_untouched());
    assert_of_no_help(&only(&vec![1; PARTITION_BYTES + 1]), "", "is longer than the partition of");
}

#[test]
fn what_is_fetched_is_bounded() {
    let server = RangeServer::start(Manner::Good, &[("/image", &PAIR.old), ("/image.blocks", &LIST)]);
    assert_of_no_help(
        &server,
        r#", "RepairLimitBytes": 16383"#,
        "more than 16383 bytes of the running system differ",
    );
    let (device, called) = download(&server, "/image", r#", "RepairLimitBytes": 16384"#);
    assert_repaired(&device, &called);
}

/// A full Artifact of the image; what is not about members' places is left out.
fn artifact(image: &[u8], payload: &str) -> Vec<u8> {
    let tar = |members: &[(&str, &[u8])]| {
        let mut tar = tar::Builder::new(Vec::new());
        for (name, bytes) in members {
            let mut header = tar::Header::new_ustar();
            header.set_size(bytes.len() as u64);
            tar.append_data(&mut header, name, *bytes).unwrap();
        }
        tar.into_inner().unwrap()
    };
    let inner = tar(&[("image.ext4", image)]);
    tar(&[("version", b"{}"), ("manifest", &[b'm'; 700]), ("header.tar.gz", b"header"), (payload, &inner)])
}

#[test]
fn an_artifact_has_the_image_inside() {
    let whole = artifact(&PAIR.old, "data/0000.tar");
    let server = RangeServer::start(Manner::Good, &[("/image", &whole), ("/image.blocks", &LIST)]);
    let (device, called) = download(&server, "/image", "");
    assert_repaired(&device, &called);
    // Not the whole of it.
    assert!(
        called.stderr.contains(&format!("{} bytes of", LIST.len() - Header::LEN + 3 * LISTED)),
        "{}",
        called.stderr
    );

    let server = RangeServer::start(Manner::Good, &[("/image", &artifact(&PAIR.old, "data/0000.tar.xz"))]);
    assert_of_no_help(
        &server,
        "",
        "the Artifact's payload is compressed (data/0000.tar.xz), so that no part",
    );
    for (length, because) in [
        (1024, "expected a payload, found the end"),
        (4096 + 512, "a member is longer than the file"),
        (1124, "expected a header, found less than one"),
    ] {
        let server = RangeServer::start(Manner::Good, &[("/image", &whole[..length])]);
        assert_of_no_help(&server, "", because);
    }
}

#[test]
fn addresses_that_cannot_be_used_are_named() {
    let device = device(&damaged(), "http://user:secret@127.0.0.1/image", "");
    let (called, _) = device.download(&PAIR.delta, PAIR.new.len());
    called.assert_refused(
        "RepairFrom does not help: http://127.0.0.1/image: expected http:// or https:// and a host",
    );
    assert!(!called.stderr.contains("secret"), "{}", called.stderr);
}
