//! What is made is rebuilt by xdelta3, with every option.

use crate::images::{image, updated};
use crate::program::{is_there, run};
use crate::vcdiff_apply::applied;
use mender_delta::apply::file::{ApplyOptions, WriteTarget};
use mender_delta::apply::vcdiff::file::apply_stream;
use mender_delta::format::vcdiff::generate::{VcdiffReport, generate};
use mender_delta::format::vcdiff::writer::{MAX_WINDOW, VcdiffOptions};
use mender_delta::options::GenerateOptions;
use std::fs;
use std::io::Cursor;

pub(crate) fn made(old: &[u8], new: &[u8], options: &VcdiffOptions<'_>) -> (Vec<u8>, VcdiffReport) {
    let mut out = Cursor::new(Vec::new());
    let report = generate(old, new, &GenerateOptions::default(), options, &mut out).unwrap();
    assert_eq!(report.info.delta_len, out.get_ref().len() as u64);
    assert_eq!(report.info.target_size, new.len() as u64);
    (out.into_inner(), report)
}

fn options() -> Vec<VcdiffOptions<'static>> {
    let plain = VcdiffOptions { pack: false, ..VcdiffOptions::default() };
    let some = Some(&b"new.img//old.img/"[..]);
    vec![
        VcdiffOptions::default(),
        VcdiffOptions { window: 1 << 16, ..VcdiffOptions::default() },
        VcdiffOptions { window: MAX_WINDOW, application_header: some, ..VcdiffOptions::default() },
        VcdiffOptions { source_window: Some(1 << 20), ..VcdiffOptions::default() },
        VcdiffOptions { window: 70_001, source_window: Some(1 << 19), ..plain },
        plain,
    ]
}

#[test]
fn xdelta3_rebuilds_every_image() {
    if !is_there("xdelta3") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let old = image(1 << 20, 1);
    let new = updated(&old, 2);
    // More than the largest window, and little to do.
    let large = old.repeat(17);
    let mut changed = large.clone();
    (0..40).for_each(|i| changed[i * 400_000 + 7] ^= 1);
    let small = image(100_000, 3);
    for (old, new) in [
        (&old[..], &new[..]),
        (&new, &old),
        (&large, &changed),
        (b"", b""),
        (b"", b"x"),
        (b"x", b""),
        (b"x", b"x"),
        (&small, &[]),
        (&[], &small),
        (&small, &small),
        (&small, &small[..4097]),
        (&[0; 9000], &[0; 20_000]),
    ] {
        fs::write(folder.path().join("old"), old).unwrap();
        for options in options() {
            let (delta, _) = made(old, new, &options);
            fs::write(folder.path().join("delta"), &delta).unwrap();
            let words = ["-d", "-f", "-q", "-s", "old", "delta", "out"];
            let lens = format!("{} to {} bytes, {options:?}", old.len(), new.len());
            run(folder.path(), "xdelta3", &words).unwrap_or_else(|error| panic!("{lens}: {error}"));
            assert!(fs::read(folder.path().join("out")).unwrap() == new, "{lens}");
        }
    }
}

#[test]
fn what_is_made_is_applied_and_smaller_than_xdelta3s() {
    let old = image(1 << 20, 1);
    let new = updated(&old, 2);
    let mut sizes = Vec::new();
    for options in options() {
        let (delta, report) = made(&old, &new, &options);
        assert!(applied(&old, &delta, 1000).unwrap() == new);
        // Without knowing more than the delta's beginning.
        let (mut out, mut base) = (Vec::new(), &old[..]);
        let apply =
            ApplyOptions { memory_limit: report.info.need.memory() + (4 << 20), ..Default::default() };
        let size = old.len() as u64;
        apply_stream(&mut &delta[..], &mut base, size, &mut WriteTarget(&mut out), &apply).unwrap();
        assert!(out == new);
        sizes.push(delta.len());
    }
    println!("{sizes:?}");
    if !is_there("xdelta3") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("old"), &old).unwrap();
    fs::write(folder.path().join("new"), &new).unwrap();
    run(folder.path(), "xdelta3", &["-e", "-q", "-s", "old", "new", "delta"]).unwrap();
    let theirs = fs::metadata(folder.path().join("delta")).unwrap().len();
    println!("xdelta3: {theirs}");
    assert!((sizes[0] as u64) < theirs);
}

#[test]
fn threads_do_not_change_a_byte() {
    let old = image(500_000, 1);
    let new = updated(&old, 2);
    let options = VcdiffOptions { window: 1 << 18, ..VcdiffOptions::default() };
    let with = |threads| {
        let mut out = Cursor::new(Vec::new());
        let generating = GenerateOptions { threads, ..GenerateOptions::default() };
        generate(&old, &new, &generating, &options, &mut out).unwrap();
        out.into_inner()
    };
    let one = with(1);
    assert!(with(2) == one && with(7) == one);
}

/// xdelta3 takes a pipe for what it takes a block device for: it cannot go back in it.
#[test]
fn copies_stay_where_a_decoder_that_only_reads_forwards_has_them() {
    if !is_there("xdelta3") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let old = image(3 << 20, 1);
    let mut new = old.clone();
    // The second mebibyte and a half first, a little of the front last.
    new.rotate_left(3 << 19);
    new.extend(&old[..100_000]);
    fs::write(folder.path().join("old"), &old).unwrap();
    let rebuilt = |options: &VcdiffOptions<'_>| {
        let (delta, _) = made(&old, &new, options);
        fs::write(folder.path().join("delta"), &delta).unwrap();
        let line = "cat old | xdelta3 -d -f -q -B 1048576 -s /dev/stdin delta out";
        run(folder.path(), "sh", &["-c", line])?;
        assert!(fs::read(folder.path().join("out")).unwrap() == new);
        Ok::<(), String>(())
    };
    rebuilt(&VcdiffOptions { source_window: Some(1 << 20), ..VcdiffOptions::default() }).unwrap();
    let error = rebuilt(&VcdiffOptions::default()).unwrap_err();
    assert!(error.contains("non-seekable source"), "{error}");
}
