//! BSDIFF40 patches from and for the real programs.

use crate::images::{Random, image, updated};
use crate::program::{is_there, run};
use mender_delta::apply::bsdiff::{apply_files, apply_stream};
use mender_delta::apply::file::{ApplyOptions, WriteTarget};
use mender_delta::error::Error;
use mender_delta::format::bsdiff::generate::generate;
use mender_delta::options::GenerateOptions;
use std::fs;
use std::io::Cursor;

fn made(old: &[u8], new: &[u8]) -> Vec<u8> {
    let mut out = Cursor::new(Vec::new());
    let report = generate(old, new, &GenerateOptions::default(), &mut out).unwrap();
    assert_eq!(report.delta_len, out.get_ref().len() as u64);
    assert_eq!(report.header.target_size, new.len() as u64);
    out.into_inner()
}

fn applied(mut old: &[u8], patch: &[u8]) -> Result<Vec<u8>, Error> {
    let (mut out, size) = (Vec::new(), old.len() as u64);
    let options = ApplyOptions::default();
    apply_stream(&mut Cursor::new(patch), &mut old, size, &mut WriteTarget(&mut out), &options)?;
    Ok(out)
}

#[test]
fn both_directions() {
    if !is_there("bsdiff") || !is_there("bspatch") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = |name| folder.path().join(name);
    let old = image(1 << 20, 1);
    let new = updated(&old, 2);
    let small = image(9000, 3);
    for (old, new) in [
        (&old[..], &new[..]),
        (&new, &old),
        (b"x", b""),
        (b"x", b"x"),
        (&small, &[]),
        (b"x", &small),
        (&small, &small),
        (&small, &small[..4097]),
        (&small[4000..], &small),
        (&[0; 9000], &[0; 20_000]),
        (b"", b""),
        (b"", b"x"),
    ] {
        let lens = format!("{} to {} bytes", old.len(), new.len());
        fs::write(path("old"), old).unwrap();
        fs::write(path("new"), new).unwrap();
        let patch = made(old, new);
        assert!(applied(old, &patch).unwrap() == new, "{lens}");
        fs::write(path("patch"), &patch).unwrap();
        run(folder.path(), "bspatch", &["old", "out", "patch"])
            .unwrap_or_else(|error| panic!("bspatch, {lens}: {error}"));
        assert!(fs::read(path("out")).unwrap() == new, "bspatch, {lens}");

        if old.is_empty() || new.is_empty() {
            // bsdiff cannot map them.
            continue;
        }
        run(folder.path(), "bsdiff", &["old", "new", "theirs"])
            .unwrap_or_else(|error| panic!("bsdiff, {lens}: {error}"));
        let mut out = Vec::new();
        let mut theirs = fs::File::open(path("theirs")).unwrap();
        apply_files(&path("old"), &mut theirs, &mut out, &ApplyOptions::default())
            .unwrap_or_else(|error| panic!("theirs, {lens}: {error}"));
        assert!(out == new, "theirs, {lens}");
    }
}

#[test]
fn threads_do_not_change_a_byte() {
    let old = image(200_000, 1);
    let new = updated(&old, 2);
    let with = |threads| {
        let mut out = Cursor::new(Vec::new());
        let options = GenerateOptions { threads, ..GenerateOptions::default() };
        generate(&old, &new, &options, &mut out).unwrap();
        out.into_inner()
    };
    let one = with(1);
    assert!(with(2) == one && with(7) == one);
}

fn packed(bytes: &[u8]) -> Vec<u8> {
    use std::io::Write;
    let mut out = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
    out.write_all(bytes).unwrap();
    out.finish().unwrap()
}

/// A patch of these streams, whose packing is sound.
fn patch(control: &[i64], difference: &[u8], extra: &[u8], target_size: i64) -> Vec<u8> {
    let number = |n: i64| (n.unsigned_abs() | if n < 0 { 1 << 63 } else { 0 }).to_le_bytes();
    let control: Vec<u8> = control.iter().flat_map(|&n| number(n)).collect();
    let [control, difference, extra] = [&control, difference, extra].map(packed);
    let lens = [control.len() as i64, difference.len() as i64, target_size].map(number).concat();
    [b"BSDIFF40", &lens[..], &control, &difference, &extra].concat()
}

#[test]
fn lies_behind_sound_packing() {
    let old = b"0123456789";
    let text = |patch: &[u8]| applied(old, patch).unwrap_err().to_string();
    assert_eq!(applied(old, &patch(&[4, 2, 3], &[1; 4], b"ab", 6)).unwrap(), b"1234ab");
    // Outside of the base there are zeros, as for bspatch.
    assert_eq!(
        applied(old, &patch(&[0, 0, -2, 4, 0, 7, 3, 0, 0], &[65, 65, 0, 0, 1, 1, 66], b"", 7)).unwrap(),
        b"AA01:\x01B"
    );
    assert!(text(&patch(&[7, 0, 0], &[1; 7], b"", 6)).contains("bytes to add"));
    assert!(text(&patch(&[-1, 7, 0], &[], &[1; 7], 6)).contains("bytes to add"));
    assert!(text(&patch(&[4, 3, 0], &[1; 4], &[1; 3], 6)).contains("new bytes"));
    assert!(text(&patch(&[1, 0, i64::MAX, 1, 0, 0], &[1; 2], b"", 3)).contains("move in the base"));
    assert!(text(&patch(&[0, 0, 1, 0, 0, 1], b"", b"", 3)).contains("empty operations"));
    assert!(text(&patch(&[4, 2, 3], &[1; 3], b"ab", 6)).contains("differences"));
    assert!(text(&patch(&[4, 2, 3], &[1; 5], b"ab", 6)).contains("differences"));
    assert!(text(&patch(&[4, 2, 3, 0, 0, 0], &[1; 4], b"ab", 6)).contains("operations"));
    assert!(text(&patch(&[4, 2, 3], &[1; 4], b"abc", 6)).contains("new bytes"));
    assert!(text(&patch(&[4, 2], &[1; 4], b"ab", 6)).contains("operations"));
    assert!(text(&patch(&[4, 2, 3], &[1; 4], b"ab", -6)).contains("target size"));
}

#[test]
fn damaged_patches_give_errors_or_the_right_image() {
    let old = image(40_000, 1);
    let new = updated(&old, 2);
    let good = made(&old, &new);
    let mut random = Random(3);
    let mut errors = 0;
    for case in 0..2000 {
        let mut bad = good.clone();
        match case % 3 {
            0 => bad.truncate(random.below(good.len())),
            1 => bad[random.below(good.len())] ^= 1 << random.below(8),
            _ => {
                let at = random.below(good.len());
                drop(bad.splice(at..at, (0..1 + random.below(9)).map(|i| i as u8)));
            }
        }
        match applied(&old, &bad) {
            Ok(out) => assert!(out == new, "case {case}"),
            Err(_) => errors += 1,
        }
    }
    assert!(errors > 1900, "{errors}");
}
