//! Deltas of ext4 images with a kernel that is packed as `lz4 -l -9` does.

#![cfg(all(unix, feature = "generate"))]
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::cast_possible_truncation,
    reason = "a test fails by panicking, says what it skips, and builds small things"
)]

use mender_delta::apply::file::{ApplyOptions, WriteTarget, apply_stream, read_header};
use mender_delta::generate::generate;
use mender_delta::options::GenerateOptions;
use std::fs;
use std::io::Cursor;
use std::path::Path;
use std::process::{Command, Stdio};

/// The start of an x86 kernel: setup of one sector, then the payload (Linux, Documentation/arch/x86/boot.rst).
fn boot_sectors(payload_len: u32) -> Vec<u8> {
    let mut sectors = vec![0; 1024];
    sectors[0x1f1] = 1;
    sectors[0x202..0x206].copy_from_slice(b"HdrS");
    sectors[0x248..0x24c].copy_from_slice(&0_u32.to_le_bytes());
    sectors[0x24c..0x250].copy_from_slice(&payload_len.to_le_bytes());
    sectors
}

/// Something of 13 MB, like code; `version` inserts a little near the front and moves what references are to.
fn content(version: u8) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u32
    };
    let mut content = b"\x7fELF".to_vec();
    while content.len() < 9 << 20 {
        let function = next() % 3000;
        // What is behind a function that grew has moved.
        let moved = if function > 1000 { u32::from(version) * 16 } else { 0 };
        content.extend_from_slice(&[0x55, 0x48, 0x89, 0xe5, (function % 7) as u8]);
        content.extend_from_slice(&(function * 64 + moved).to_le_bytes());
        content.extend_from_slice(&next().to_le_bytes()[..(function % 4) as usize]);
    }
    content.resize(12 << 20, 0);
    content.extend((0..200_000_u32).flat_map(|i| (i * 24).to_le_bytes()));
    if version > 0 {
        content.splice(5_000..5_000, *b"a new function");
    }
    content
}

fn run(program: &str, arguments: &[&str]) -> bool {
    let path = std::env::var("PATH").unwrap_or_default();
    let mut command = Command::new(program);
    command.env("PATH", format!("{path}:/usr/sbin:/sbin")).env("SOURCE_DATE_EPOCH", "1750000000");
    let status = command.args(arguments).stdout(Stdio::null()).stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}

/// An image with such a kernel; `None` when a program is missing.
fn image(folder: &Path, version: u8) -> Option<Vec<u8>> {
    let tree = folder.join(format!("tree{version}"));
    fs::create_dir_all(tree.join("boot")).unwrap();
    let (plain, packed, image) = (folder.join("plain"), folder.join("packed"), folder.join("image"));
    fs::write(&plain, content(version)).unwrap();
    if !run("lz4", &["-l", "-9", "-f", plain.to_str()?, packed.to_str()?]) {
        println!("skipped: lz4 is not installed");
        return None;
    }
    let packed = fs::read(packed).unwrap();
    let kernel = [boot_sectors(packed.len() as u32), packed].concat();
    fs::write(tree.join(format!("boot/vmlinuz-6.1.{version}")), kernel).unwrap();
    let made = run(
        "mkfs.ext4",
        &[
            "-q",
            "-F",
            "-b4096",
            "-U5b9a7c1e-0d3f-4c55-9a3b-6f1f5c0de001",
            "-Ehash_seed=5b9a7c1e-0d3f-4c55-9a3b-6f1f5c0de001",
            "-d",
            tree.to_str()?,
            image.to_str()?,
            "24M",
        ],
    );
    if !made {
        println!("skipped: mkfs.ext4 (e2fsprogs) is not installed");
        return None;
    }
    Some(fs::read(image).unwrap())
}

#[test]
fn a_packed_kernel_costs_what_changed_in_it() {
    let folder = tempfile::tempdir().unwrap();
    let Some((old, new)) = image(folder.path(), 0).zip(image(folder.path(), 1)) else { return };
    let mut delta = Cursor::new(Vec::new());
    let report = generate(&old, &new, &GenerateOptions::default(), &mut delta).unwrap();
    let delta = delta.into_inner();
    println!("{} bytes, applied in {}", delta.len(), report.header.memory);
    assert!(report.header.fold_len > 0);
    assert!(report.header.memory <= 16 << 20, "{}", report.header.memory);
    let plain = GenerateOptions { unpack: false, ..Default::default() };
    let raw = generate(&old, &new, &plain, &mut Cursor::new(Vec::new())).unwrap();
    assert!(raw.delta_len > 3 * delta.len() as u64, "{} {}", delta.len(), raw.delta_len);

    let mut rest = &delta[..];
    let header = read_header(&mut rest).unwrap();
    let mut out = Vec::new();
    let (mut base, options) = (&old[..], ApplyOptions::default());
    apply_stream(&header, &mut rest, &mut base, &mut WriteTarget(&mut out), &options).unwrap();
    assert!(out == new);
}
