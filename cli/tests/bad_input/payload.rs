//! Payload archives.

use crate::case::Case;
use crate::parts::{HEADER_INFO, Parts, member, pack, sound, tar};

/// An Artifact whose payload archive is this.
fn payload(archive: Vec<u8>) -> Vec<u8> {
    let mut all = sound().members();
    all[3].1 = archive;
    tar(&all)
}

fn members(list: &[&[u8]]) -> Vec<u8> {
    payload([&list.concat()[..], &[0; 1024]].concat())
}

pub(crate) fn cases() -> Vec<Case> {
    let files = sound().payloads[0].clone();
    let first = |name: &str| member(name, b'0', &files[0].1);
    let second = member(&files[1].0, b'0', &files[1].1);
    let named = |name: &str| members(&[&first(name), &second]);
    let kind = |kind: u8| members(&[&member("a.bin", kind, b""), &second]);
    let case = Case::artifact;
    let mut cases = vec![
        case("payload-name-climbs", "a payload file called `../a.bin` (CVE-2025-67903)", named("../a.bin")),
        case("payload-name-absolute", "a payload file called `/a.bin`", named("/a.bin")),
        case("payload-name-folder", "a payload file called `x/a.bin`", named("x/a.bin")),
        case("payload-name-dot-slash", "a payload file called `./a.bin`", named("./a.bin")),
        case("payload-name-dots", "a payload file called `..`", named("..")),
        case("payload-name-dot", "a payload file called `.`", named(".")),
        case("payload-name-blank", "a payload file with a blank in its name", named("a b.bin")),
        case(
            "payload-name-controls",
            "a payload file with an escape sequence in its name",
            named("a\u{1b}[31m"),
        ),
        case("payload-sum", "a payload file with other contents", {
            members(&[&member("a.bin", b'0', b"FIRST file"), &second])
        }),
        case(
            "payload-file-twice",
            "a payload file twice",
            members(&[&first("a.bin"), &second, &first("a.bin")]),
        ),
        case("payload-file-more", "a payload file that nobody lists", {
            members(&[&first("a.bin"), &second, &member("c.bin", b'0', b"x")])
        }),
        case("payload-file-missing", "a payload file that is not there", members(&[&first("a.bin")])),
        case("payload-symlink", "a symbolic link as payload file", kind(b'2')),
        case("payload-hard-link", "a hard link as payload file", kind(b'1')),
        case("payload-character-device", "a character device as payload file", kind(b'3')),
        case("payload-block-device", "a block device as payload file", kind(b'4')),
        case("payload-pipe", "a pipe as payload file", kind(b'6')),
        case("payload-directory", "a directory as payload file", kind(b'5')),
        case("payload-sparse", "a sparse payload file", kind(b'S')),
        case("payload-empty-archive", "a payload archive of no bytes", payload(Vec::new())),
        case("payload-no-end", "a payload archive without its end", {
            payload([first("a.bin"), second.clone()].concat())
        }),
        case("payload-data-behind", "files behind the end of the payload archive", {
            members(&[&first("a.bin"), &second, &[0; 1024], &member("c.bin", b'0', b"x")])
        }),
        case("rootfs-image-without-file", "a root file system without an image", rootfs(0)),
        case("rootfs-image-of-two-files", "a root file system of two images", rootfs(2)),
    ];
    for (suffix, name, cut) in [
        (".gz", "payload-gzip-sum", "payload-gzip-cut"),
        (".xz", "payload-xz-footer", "payload-xz-cut"),
        (".zst", "payload-zstd-sum", "payload-zstd-cut"),
    ] {
        let packed = |change: fn(&mut Vec<u8>)| {
            let mut all = Parts { data_suffix: suffix, ..sound() }.members();
            change(&mut all[3].1);
            tar(&all)
        };
        cases.push(case(name, "a check value behind the payload that is wrong", {
            packed(|bytes| {
                let at = bytes.len() - 1;
                bytes[at] ^= 1;
            })
        }));
        cases.push(case(cut, "compressed payload without its last bytes", {
            packed(|bytes| bytes.truncate(bytes.len() - 3))
        }));
    }
    let twice = pack(".gz", &tar(&sound().payloads[0]));
    let mut all = Parts { data_suffix: ".gz", ..sound() }.members();
    all[3].1 = [&twice[..], b"garbage"].concat();
    cases.push(case("payload-gzip-garbage", "bytes behind the compressed payload", tar(&all)));
    cases
}

fn rootfs(files: usize) -> Vec<u8> {
    let mut parts = sound()
        .with_header_file("header-info", &HEADER_INFO.replace("single-file", "rootfs-image"))
        .with_header_file("headers/0000/type-info", r#"{"type":"rootfs-image"}"#)
        .with_header_file("headers/0000/meta-data", "");
    parts.payloads[0].truncate(files);
    parts.bytes()
}
