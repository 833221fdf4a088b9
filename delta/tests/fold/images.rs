//! Deltas of compressed file systems: small where their content is alike, exact, within their promise of memory, and
//! no lie in a fold does harm.

use crate::samples::noise;
use mender_delta::apply::file::{ApplyOptions, WriteTarget, apply_stream, read_header};
use mender_delta::apply::{Applier, Base, CallerError, Header, Target};
use mender_delta::error::Category;
use mender_delta::generate::generate;
use mender_delta::options::GenerateOptions;
use std::fs;
use std::io::{Cursor, ErrorKind};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

fn words(seed: u32, len: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity(len + 16);
    for number in noise(seed) {
        if out.len() >= len {
            break;
        }
        out.extend_from_slice(format!("{:x} ", number % 3000 * 7919).as_bytes());
    }
    out.truncate(len);
    out
}

/// A tree of files large and small; `version` changes a little in some of them.
fn fill(root: &Path, version: u32) {
    fs::create_dir_all(root.join("usr/lib")).unwrap();
    fs::create_dir_all(root.join("etc")).unwrap();
    for i in 0..12_u32 {
        let mut content = words(i, 60_000 + 40_000 * i as usize);
        if version > 0 && i % 3 == 1 {
            let at = content.len() / 3;
            content.splice(at..at + 4, format!("version {version} of it").into_bytes());
        }
        fs::write(root.join(format!("usr/lib/lib{i}.so")), content).unwrap();
    }
    for i in 0..300_u32 {
        let mut content = words(1000 + i, 20 + 31 * i as usize % 3000);
        if version > 0 && i % 40 == 3 {
            content.extend_from_slice(b"one more line\n");
        }
        fs::write(root.join(format!("etc/file{i}")), content).unwrap();
    }
    fs::write(root.join("usr/lib/packed"), noise(77).take(300_000).map(|n| n as u8).collect::<Vec<u8>>())
        .unwrap();
}

/// Two images; `None` when mksquashfs is not there.
fn pair(options: &[&str]) -> Option<[Vec<u8>; 2]> {
    let dir = tempfile::tempdir().unwrap();
    let mut images = [Vec::new(), Vec::new()];
    for (version, image) in (0..).zip(&mut images) {
        let (root, file) = (dir.path().join("root"), dir.path().join(format!("image{version}")));
        fill(&root, version);
        let mut command = Command::new("mksquashfs");
        command.arg(&root).arg(&file).args(["-quiet", "-no-progress", "-all-root", "-all-time", "0"]);
        command.args(["-mkfs-time", "0", "-processors", "1"]).args(options);
        match command.status() {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                println!("skipped: no mksquashfs");
                return None;
            }
            status => assert!(status.unwrap().success()),
        }
        *image = fs::read(file).unwrap();
    }
    Some(images)
}

fn delta(old: &[u8], new: &[u8], threads: usize) -> (Header, Vec<u8>) {
    let mut out = Cursor::new(Vec::new());
    let options = GenerateOptions { threads, ..Default::default() };
    let report = generate(old, new, &options, &mut out).unwrap();
    (report.header, out.into_inner())
}

#[test]
fn a_squashfs_comes_back_from_a_small_delta() {
    for options in [&["-comp", "gzip"][..], &["-comp", "gzip", "-b", "16384", "-Xcompression-level", "4"]] {
        let Some([old, new]) = pair(options) else { return };
        let (header, bytes) = delta(&old, &new, 1);
        assert!(header.fold_len > 0, "{options:?}");
        // Four large and eight small files changed by some words, and tables of metadata.
        assert!(bytes.len() < 20_000, "{} bytes with {options:?}", bytes.len());
        for threads in [2, 7] {
            assert!(delta(&old, &new, threads).1 == bytes, "{threads} threads");
        }
        let (mut rest, mut out) = (&bytes[..], Vec::new());
        let header = read_header(&mut rest).unwrap();
        let target = &mut WriteTarget(&mut out);
        apply_stream(&header, &mut rest, &mut &old[..], target, &ApplyOptions::default()).unwrap();
        assert!(out == new);
        // Byte by byte, in exactly the memory that it promises.
        let mut arena = vec![0xa5; usize::try_from(header.memory).unwrap()];
        let mut applier = Applier::new(&header, &mut arena).unwrap();
        let mut out = WriteTarget(Vec::new());
        for byte in &bytes[Header::LEN..] {
            applier.push(&[*byte], &mut &old[..], &mut out).unwrap();
        }
        applier.finish().unwrap();
        assert!(out.0 == new);
        assert_eq!(applier.written(), new.len() as u64);
    }
}

#[test]
fn equal_and_reversed_images_and_images_of_other_kinds() {
    let Some([old, new]) = pair(&["-comp", "gzip"]) else { return };
    assert!(delta(&old, &old, 2).1.len() < 200);
    let mut moved = old.clone();
    moved.extend(noise(5).take(5000).map(|n| n as u8));
    for (old, new) in [(&new, &old), (&old, &moved), (&moved, &new), (&old, &old[..old.len() / 2].to_vec())] {
        let bytes = delta(old, new, 2).1;
        assert!(bytes.len() < new.len(), "{} bytes", bytes.len());
    }
}

/// An ext4 image of documentation that GNU gzip has packed; `None` when a tool is not there.
fn ext4(version: u32) -> Option<Vec<u8>> {
    let dir = tempfile::tempdir().unwrap();
    let docs = dir.path().join("root/usr/share/doc");
    fs::create_dir_all(&docs).unwrap();
    for i in 0..40_u32 {
        let mut content = words(50 + i, 8000 * (1 + i as usize % 9));
        if version > 0 && i % 2 == 0 {
            content.splice(..0, format!("entry of version {version}, file {i}\n").into_bytes());
        }
        fs::write(docs.join(format!("changelog{i}")), content).unwrap();
    }
    let script = "gzip -9n root/usr/share/doc/* && truncate -s 8M image && \
                  mkfs.ext4 -q -O ^has_journal -U 11111111-1111-1111-1111-111111111111 \
                  -E hash_seed=11111111-1111-1111-1111-111111111111 -d root image";
    let status = Command::new("sh").current_dir(dir.path()).args(["-c", script]).status().unwrap();
    if !status.success() {
        println!("skipped: no gzip or mkfs.ext4");
        return None;
    }
    Some(fs::read(dir.path().join("image")).unwrap())
}

#[test]
fn gzip_files_in_an_ext4_image_cost_what_changed_in_them() {
    let Some((old, new)) = ext4(0).zip(ext4(1)) else { return };
    let (header, bytes) = delta(&old, &new, 2);
    assert!(header.fold_len > 0);
    // Twenty changed files of 8 to 72 kB, about 250 kB when they are packed.
    assert!(bytes.len() < 12_000, "{} bytes", bytes.len());
    let (mut rest, mut out) = (&bytes[..], Vec::new());
    let header = read_header(&mut rest).unwrap();
    let target = &mut WriteTarget(&mut out);
    apply_stream(&header, &mut rest, &mut &old[..], target, &ApplyOptions::default()).unwrap();
    assert!(out == new);
    // Without a change there is nothing to unfold.
    let mut moved = old.clone();
    moved[1024 + 44] ^= 1;
    assert_eq!(delta(&old, &moved, 2).0.fold_len, 0);
}

struct Counted(u64);

impl Target for Counted {
    fn write(&mut self, bytes: &[u8]) -> Result<(), CallerError> {
        self.0 += bytes.len() as u64;
        Ok(())
    }
}

/// As the header is checked.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc: u32, &byte| {
        (0..8).fold(
            crc ^ u32::from(byte),
            |crc, _| if crc & 1 == 1 { 0xedb8_8320 ^ (crc >> 1) } else { crc >> 1 },
        )
    })
}

#[test]
fn a_lying_fold_is_refused_and_does_no_harm() {
    let Some([old, new]) = pair(&["-comp", "gzip"]) else { return };
    let (header, bytes) = delta(&old, &new, 2);
    let start = Header::LEN;
    let end = start + header.fold_len as usize;
    let (mut refused, mut state) = (0, noise(3));
    let mut random = move || state.next().unwrap_or_default() as usize;
    for round in 0..200 {
        let mut bad = bytes.clone();
        // The numbers at the front are the most telling ones.
        let span = if round % 2 == 0 { 60 } else { end - start - 4 };
        for _ in 0..=random() % 3 {
            let at = start + random() % span.min(end - start - 4);
            bad[at] = match random() % 4 {
                0 => 0,
                1 => 0xff,
                2 => bad[at] ^ 1 << (random() % 8),
                _ => random() as u8,
            };
        }
        let check = crc32(&bad[start..end - 4]);
        bad[end - 4..end].copy_from_slice(&check.to_le_bytes());
        let began = Instant::now();
        let mut arena = vec![0; usize::try_from(header.memory).unwrap()];
        let mut applier = Applier::new(&header, &mut arena).unwrap();
        let mut target = Counted(0);
        let mut base = &old[..];
        let result = applier
            .push(&bad[start..], &mut base as &mut dyn Base, &mut target)
            .and_then(|_| applier.finish());
        assert!(target.0 <= header.target_size, "round {round}");
        assert!(began.elapsed() < Duration::from_secs(20), "round {round}");
        match result {
            Err(error) => {
                // A caller whose base and target are in order is never told otherwise.
                let to_blame = [Category::Format, Category::Unsupported, Category::Verify];
                assert!(to_blame.contains(&error.category()), "round {round}: {error}");
                refused += 1;
            }
            Ok(()) => assert!(target.0 == header.target_size, "round {round}"),
        }
    }
    assert!(refused > 120, "{refused}");
}
