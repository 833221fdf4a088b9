//! How much memory a command takes, measured by the system.

use crate::workplace::{Workplace, image_bytes, key};
use sha2::{Digest, Sha256};
use std::io::{Read, Write};
use std::process::Command;

/// What a command may take for a hostile Artifact.
const MOST_BYTES: u64 = 64 << 20;
/// What the header unpacks to.
const UNPACKED_LEN: usize = 512 << 20;

fn hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn append(builder: &mut tar::Builder<impl Write>, name: &str, contents: &[u8]) {
    let mut header = tar::Header::new_ustar();
    header.set_mode(0o600);
    header.set_size(contents.len() as u64);
    builder.append_data(&mut header, name, contents).unwrap();
}

/// An Artifact around a header archive.
fn artifact(suffix: &str, header: &[u8]) -> Vec<u8> {
    let version = br#"{"format":"mender","version":3}"#;
    let mut payload = tar::Builder::new(Vec::new());
    append(&mut payload, "f", b"contents");
    let name = format!("header.tar.{suffix}");
    let manifest =
        format!("{}  data/0000/f\n{}  {name}\n{}  version\n", hex(b"contents"), hex(header), hex(version));
    let mut outer = tar::Builder::new(Vec::new());
    append(&mut outer, "version", version);
    append(&mut outer, "manifest", manifest.as_bytes());
    append(&mut outer, &name, header);
    append(&mut outer, "data/0000.tar", &payload.into_inner().unwrap());
    outer.into_inner().unwrap()
}

/// Writes a header archive to `packer` whose meta-data is 512 MiB of blanks.
fn write_header(packer: impl Write) {
    let info = r#"{"payloads":[{"type":"t"}],"artifact_provides":{"artifact_name":"n"},"artifact_depends":{"device_type":["d"]}}"#;
    let mut builder = tar::Builder::new(packer);
    append(&mut builder, "header-info", info.as_bytes());
    append(&mut builder, "headers/0000/type-info", br#"{"type":"t"}"#);
    let mut header = tar::Header::new_ustar();
    header.set_mode(0o600);
    header.set_size(UNPACKED_LEN as u64);
    let (beginning, end) = (&b"{\"k\":\""[..], &b"\"}"[..]);
    let blanks = std::io::repeat(b' ').take((UNPACKED_LEN - beginning.len() - end.len()) as u64);
    let contents = beginning.chain(blanks).chain(end);
    builder.append_data(&mut header, "headers/0000/meta-data", contents).unwrap();
    builder.finish().unwrap();
}

/// The largest resident set of a command, and how it ended. The system tells it of all children of a process together,
/// so the command is run by a process of its own: this test program, which is told by the environment what to do.
fn peak_of(place: &Workplace, arguments: &[&str]) -> (u64, i32, String) {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "memory::run_one_command_and_tell_its_memory", "--ignored", "--nocapture"])
        .current_dir(place.path(""))
        .env("COMMAND_TO_MEASURE", arguments.join("\n"))
        .output()
        .unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let line =
        said.lines().find_map(|line| line.strip_prefix("measured ")).unwrap_or_else(|| panic!("{said}"));
    let mut words = line.splitn(3, ' ');
    let mut next = || words.next().unwrap();
    (next().parse().unwrap(), next().parse().unwrap(), next().to_owned())
}

#[test]
#[ignore = "run by the others in a process of its own"]
fn run_one_command_and_tell_its_memory() {
    let Ok(arguments) = std::env::var("COMMAND_TO_MEASURE") else { return };
    let output =
        Command::new(env!("CARGO_BIN_EXE_mender-artifact")).args(arguments.lines()).output().unwrap();
    let usage = nix::sys::resource::getrusage(nix::sys::resource::UsageWho::RUSAGE_CHILDREN).unwrap();
    // Linux counts in KiB, macOS in bytes.
    let unit = if cfg!(target_os = "macos") { 1 } else { 1024 };
    let said = String::from_utf8(output.stderr).unwrap();
    let first = said.lines().next().unwrap_or_default();
    println!("\nmeasured {} {} {first}", usage.max_rss() * unit, output.status.code().unwrap_or(-1));
}

#[test]
fn a_header_that_unpacks_to_512_mib_is_refused_within_64_mib() {
    let place = Workplace::new();
    place.write_image("good", &[]);
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    write_header(&mut gzip);
    let gzip = gzip.finish().unwrap();
    assert!((500_000..600_000).contains(&gzip.len()), "{}", gzip.len());
    let mut xz = liblzma::write::XzEncoder::new(Vec::new(), 1);
    write_header(&mut xz);
    for (suffix, header) in [("gz", gzip), ("xz", xz.finish().unwrap())] {
        let bytes = artifact(suffix, &header);
        place.put("bomb", &bytes);
        let key = key("p256-sec1.pem");
        for arguments in [
            &["read", "bomb"][..],
            &["validate", "bomb"],
            &["modify", "-n", "other", "bomb"],
            &["sign", "-k", &key, "bomb"],
            &["sign", "-k", &key, "bomb", "-o", "signed"],
            &["dump", "--files", "out", "bomb"],
            &["dump", "--print-cmdline", "bomb"],
            &["diff", "good", "bomb"],
            &["diff", "bomb", "good"],
        ] {
            let (peak, status, message) = peak_of(&place, arguments);
            assert!([5, 9].contains(&status), "{arguments:?}: {status} {message}");
            assert!(message.contains("header"), "{arguments:?}: {message}");
            assert!(peak > 1 << 20 && peak <= MOST_BYTES, "{suffix} {arguments:?}: {peak} bytes");
            assert!(place.bytes("bomb") == bytes, "{arguments:?}");
        }
        assert_eq!(place.names(), ["bomb", "good", "img"]);
    }
}

#[test]
fn the_measure_tells_memory_apart() {
    let place = Workplace::new();
    place.put("img", image_bytes().repeat(40));
    let write = |compression: &str| {
        let arguments = [
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
            "--compression",
            compression,
        ];
        let (peak, status, message) = peak_of(&place, &arguments);
        assert_eq!((status, message.as_str()), (0, ""));
        peak
    };
    assert!(write("lzma") > write("none") + (10 << 20));
}
